"""`Refusal`: what the venue says no with, in Binance's own codes and words, which clients tell errors apart by."""

from planar.model.order import Reason


class Refusal(Exception):
    """An error of the protocol: HTTP status, Binance's code, its text, extra headers."""

    def __init__(
        self,
        code: int,
        text: str,
        status: int = 400,
        *,
        headers: dict[str, str] | None = None,
        data: dict[str, object] | None = None,
    ) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.headers, self.data = code, text, status, headers or {}, data

    @property
    def body(self) -> dict[str, object]:
        """The JSON document of the answer."""
        return {"code": self.code, "msg": self.text} | ({"data": self.data} if self.data else {})


NO_PERMISSION = (-2015, "Invalid API-key, IP, or permissions for action.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")
NO_SUCH_ORDER = (-2013, "Order does not exist.")
DUPLICATE = (-2010, "Duplicate order sent.")
FUNDS = (-2010, "Account has insufficient balance for requested action.")
CLOSED = (-1013, "Market is closed.")
INVALID_SYMBOL = (-1121, "Invalid symbol.")

REASONS = {
    Reason.INVALID_ORDER: (-2010, "Unsupported order combination"),
    Reason.INVALID_PRICE: (-1013, "Filter failure: PRICE_FILTER"),
    Reason.NO_PRICE: CLOSED,
    Reason.DELISTED: CLOSED,
    Reason.TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    Reason.BELOW_MIN_AMOUNT: (-1013, "Filter failure: LOT_SIZE"),
    Reason.BELOW_MIN_COST: (-1013, "Filter failure: NOTIONAL"),
    Reason.INSUFFICIENT_FUNDS: FUNDS,
    Reason.POST_ONLY_WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Reason.STOP_WOULD_TRIGGER: (-2010, "Stop price would trigger immediately."),
}
"""What the kernel refuses an order for, in the protocol's words."""


def refused_for(reason: int) -> Refusal:
    """The refusal of an order that the kernel refused for this reason."""
    return Refusal(*REASONS[Reason(reason)])


def illegal(parameter: str, legal: str) -> Refusal:
    """A parameter is not written as it must be."""
    return Refusal(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'.")


def failed(filter_name: str) -> Refusal:
    """An order does not pass a filter of its symbol."""
    return Refusal(-1013, f"Filter failure: {filter_name}")


def missing(parameter: str) -> Refusal:
    """A mandatory parameter was not sent."""
    return Refusal(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")
