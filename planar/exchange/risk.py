"""What no order may cost, whoever places it: judged before it is sent, by what it costs at worst."""

from contextvars import ContextVar
from decimal import Decimal

from planar.config.settings import Risk
from planar.exchange.model import Market, OrderRequest
from planar.exchange.precision import EXACT, refused, short
from planar.model.order import Kind, Side

BUFFER = Decimal("1.01")
"""How far above the last price a market buy may be filled, as the simulator's reservations have it."""

JUDGED: ContextVar[bool] = ContextVar("JUDGED", default=False)
"""Whether what this task sends was judged by a session's own limits, which know what its orders would close."""


def needs_last(order: OrderRequest, market: Market) -> bool:
    """Whether what it costs depends on where the market is."""
    if order.cost is not None or market.is_inverse:
        return False
    is_limit_sale = order.side is Side.SELL and order.price is not None  # below the market it is done at the market
    return is_limit_sale or order.kind in (Kind.MARKET, Kind.TRAIL)


def check_cost(order: OrderRequest, market: Market, last: Decimal | None, risk: Risk, exchange: str) -> None:
    """Raises Rejected with RISK_LIMIT when it may cost more than ``risk.max_order_cost``, or nobody knows.

    What can only close a position passes. last: the market's price, where `needs_last` says so.
    """
    if order.reduce_only:
        return
    cost = _cost(order, market, last)
    most = Decimal(str(risk.max_order_cost))
    if cost is not None and cost <= most:
        return
    raise refused(exchange, "RISK_LIMIT", order, too_dear(cost, most, market.quote))


def _cost(order: OrderRequest, market: Market, last: Decimal | None) -> Decimal | None:
    if order.cost is not None or order.amount is None:
        return order.cost
    if market.is_inverse:
        return order.amount * market.contract_size
    stop = order.valued_at(last) if order.is_trailing else order.trigger
    return cost_at_worst(order.side, order.amount, order.price, stop, last)


def too_dear(cost: Decimal | None, most: Decimal, quote: str) -> str:
    """Why an order is refused that costs more than the most that it may, or nobody knows how much."""
    may = "may cost nobody knows how much" if cost is None else f"may cost {short(EXACT.plus(cost))} {quote}"
    return (
        f"it {may}, and risk.max_order_cost = {short(most)} is the most that is allowed: ask for less, or raise that."
    )


def cost_at_worst(
    side: Side, amount: Decimal, price: Decimal | None, stop: Decimal | None, last: Decimal | None
) -> Decimal | None:
    """The most that an order of an amount may cost in quote, fees apart; None where nobody knows."""
    if price is None:
        price = stop or last
        if price is not None and side is Side.BUY:
            price *= BUFFER
    elif side is Side.SELL:
        price = None if last is None else max(price, last)
    return None if price is None else amount * price
