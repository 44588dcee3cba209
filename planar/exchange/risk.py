"""What no order may cost, whoever places it: judged before it is sent, by what it costs at worst."""

from decimal import Decimal

from planar.config.settings import Risk
from planar.exchange.model import Market, OrderRequest
from planar.exchange.precision import EXACT, refused, short
from planar.model.order import Side

BUFFER = Decimal("1.01")
"""How far above the last price a market buy may be filled, as the simulator's reservations have it."""


def needs_last(order: OrderRequest, market: Market) -> bool:
    """Whether what it costs depends on where the market is."""
    if order.cost is not None or market.is_inverse:
        return False
    is_limit_sale = order.side is Side.SELL and order.price is not None  # below the market it is done at the market
    return is_limit_sale or (order.price is None and order.stop is None)


def check_cost(order: OrderRequest, market: Market, last: Decimal | None, risk: Risk, exchange: str) -> None:
    """Raises Rejected with RISK_LIMIT when it may cost more than ``risk.max_order_cost``, or nobody knows.

    last: the market's price, where `needs_last` says so.
    """
    cost = _at_worst(order, market, last)
    most = Decimal(str(risk.max_order_cost))
    if cost is not None and cost <= most:
        return
    may = "may cost nobody knows how much" if cost is None else f"may cost {short(EXACT.plus(cost))} {market.quote}"
    told = (
        f"it {may}, and risk.max_order_cost = {short(most)} is the most that is allowed: ask for less, or raise that."
    )
    raise refused(exchange, "RISK_LIMIT", order, told)


def _at_worst(order: OrderRequest, market: Market, last: Decimal | None) -> Decimal | None:
    if order.cost is not None:
        return order.cost
    if order.amount is None:
        return None
    if market.is_inverse:
        return order.amount * market.contract_size
    price = order.price
    if price is None:
        price = order.stop or last
        if price is not None and order.side is Side.BUY:
            price *= BUFFER
    elif order.side is Side.SELL:
        price = None if last is None else max(price, last)
    return None if price is None else order.amount * price
