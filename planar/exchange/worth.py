"""What an order without a price is worth: judged before it is sent, by the freshest price there is."""

import time
from collections.abc import Callable
from decimal import Decimal

from planar.exchange.model import Market, OrderRequest
from planar.exchange.precision import EXACT, refused, short, up_to_step
from planar.model.order import Kind

FRESH = 60.0
"""Seconds for which a price tells that an order is clearly large enough."""

NONE = Decimal(0)
CLEARLY = 2
"""As often as the minimum, so that no price asked a moment ago is needed."""


class LastPrices:
    """The last price seen of each market, whoever asked for it, or a stream told it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[Decimal, float]] = {}

    def saw(self, symbol: str, price: Decimal | None) -> None:
        """Something traded at that price just now."""
        if price:
            self._seen[symbol] = (price, self._clock())

    def fresh(self, symbol: str) -> Decimal | None:
        """The price, if it is not too old."""
        price, when = self._seen.get(symbol, (None, 0.0))
        return price if self._clock() - when <= FRESH else None


def needs_price(order: OrderRequest, market: Market) -> bool:
    """Whether a minimum is judged by a price that the order does not name."""
    has_none = order.kind in (Kind.MARKET, Kind.TRAIL) and order.amount is not None
    return has_none and market.min_cost > 0 and not order.reduce_only and not market.is_inverse


def is_clearly_enough(order: OrderRequest, market: Market, price: Decimal | None) -> bool:
    """Whether no move of the market since that price makes the order too small."""
    return price is not None and _worth(order, price) >= CLEARLY * market.min_cost


def check_worth(order: OrderRequest, market: Market, price: Decimal, exchange: str) -> None:
    """Raises Rejected with BELOW_MIN_COST when the order is worth less than the minimum at that price."""
    worth = _worth(order, price)
    if worth < market.min_cost:
        least = up_to_step(EXACT.divide(market.min_cost, price), market.amount_step)
        told = (
            f"{short(order.amount or NONE)} {market.base} is worth {worth:.4f} {market.quote} at {short(price)}, "
            f"the least is {short(market.min_cost)}: ask for {short(least)} {market.base} or more; nothing is enlarged "
            "for you."
        )
        raise refused(exchange, "BELOW_MIN_COST", order, told)


def _worth(order: OrderRequest, price: Decimal) -> Decimal:
    return EXACT.multiply(order.amount or NONE, price)
