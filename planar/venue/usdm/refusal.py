"""What Binance refuses with futures, in its codes and words."""

from planar.model.order import Reason
from planar.venue.refusal import REASONS as SPOT_REASONS
from planar.venue.refusal import Refusal

MARGIN = (-2019, "Margin is insufficient.")
REDUCE_ONLY = (-2022, "ReduceOnly Order is rejected.")
TOO_LARGE = (-2027, "Exceeded the maximum allowable position at current leverage.")
DUPLICATE = (-4116, "clientOrderId is duplicated.")
CLOSED = (-4141, "Symbol is closed.")
POSITION_SIDE = (-4061, "Order's position side does not match user's setting.")
NOT_YET = (-4084, "Method is not allowed currently. Coming soon.")
USE_ALGO = (
    -4120,
    "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
)
TOO_MANY, TOO_MANY_STOPS = (-2025, "Reach max open order limit."), (-4045, "Reach max stop order limit.")

REASONS = {
    **SPOT_REASONS,
    Reason.INVALID_ORDER: (-1116, "Invalid orderType."),
    Reason.INVALID_PRICE: (-4013, "Price less than min price."),
    Reason.NO_PRICE: CLOSED,
    Reason.DELISTED: CLOSED,
    Reason.TOO_MANY_ORDERS: TOO_MANY,
    Reason.BELOW_MIN_AMOUNT: (-4003, "Quantity less than or equal to zero."),
    Reason.BELOW_MIN_COST: (-4164, "Order's notional must be no smaller (unless you choose reduce only)."),
    Reason.INSUFFICIENT_FUNDS: MARGIN,
    Reason.MAX_POSITION: TOO_LARGE,
    Reason.REDUCE_ONLY_WOULD_INCREASE: REDUCE_ONLY,
    Reason.POST_ONLY_WOULD_TAKE: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history.",
    ),
    Reason.STOP_WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
}  # fmt: skip
"""What the kernel refuses an order for, in the protocol's words."""


def refused_for(reason: int) -> Refusal:
    """The refusal of an order that the kernel refused for this reason."""
    return Refusal(*REASONS[Reason(reason)])
