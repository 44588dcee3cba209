"""What an order must be like before the kernel is asked: its parameters, then the filters of its symbol."""

import secrets
import string
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from planar.model.order import Side
from planar.venue.account import Account
from planar.venue.listing import MAX_ALGO_ORDERS, MAX_MARKET_STEPS, MAX_STEPS, Listing, text, units_of
from planar.venue.market import Market
from planar.venue.order import (
    CONTINGENT,
    LIMIT,
    LIMIT_MAKER,
    MARKET,
    STOP_LOSS,
    STOP_LOSS_LIMIT,
    TAKE_PROFIT,
    TAKE_PROFIT_LIMIT,
    TYPES,
    Ticket,
)
from planar.venue.query import CLIENT_ID, Query
from planar.venue.refusal import Refusal, failed, missing

TAKES: Mapping[str, tuple[str, ...]] = {
    LIMIT: ("timeInForce", "quantity", "price"),
    LIMIT_MAKER: ("quantity", "price"),
    MARKET: (),
    STOP_LOSS: ("quantity",),
    TAKE_PROFIT: ("quantity",),
    STOP_LOSS_LIMIT: ("timeInForce", "quantity", "price"),
    TAKE_PROFIT_LIMIT: ("timeInForce", "quantity", "price"),
}
"""What each type must have; a market order has a quantity or a quoteOrderQty, what waits its trigger."""

MIN_DELTA, MAX_DELTA = 10, 2_000
"""How far trailing stops may follow, in hundredths of a per cent."""

TIFS = ("GTC", "IOC", "FOK")
MULTIPLIER_UP, MULTIPLIER_DOWN = 5, Fraction(1, 5)
MAX_COST = 9_000_000
RANDOM = string.ascii_letters + string.digits


def ticket(query: Query, market: Market, account: Account) -> Ticket:
    """The order that a request asks for. Raises Refusal with the parameter or the filter that it fails."""
    listing = market.listing
    side = query.one_of("side", ("BUY", "SELL"), -1117, "Invalid side.")
    type = query.one_of("type", TYPES, -1116, "Invalid orderType.")
    _check_parameters(query, type)
    tif = query.one_of("timeInForce", TIFS, -1115, "Invalid timeInForce.", "GTC")
    delta = query.integer("trailingDelta") or 0
    if query.has("trailingDelta") and not MIN_DELTA <= delta <= MAX_DELTA:
        raise failed("TRAILING_DELTA")
    # A trailing stop that has a limit, or that begins to follow below its market, Binance knows and this venue not.
    is_strange = bool(delta) and (type.endswith("LIMIT") or (type == STOP_LOSS and query.has("stopPrice")))
    if is_strange or (type in (STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT) and tif != "GTC"):
        raise Refusal(-2010, "Unsupported order combination")
    asked = Ticket(
        listing,
        Side[side],
        type,
        tif,
        _amount(query, listing, type),
        units_of(query.number("quoteOrderQty") or Decimal(0), listing.money),
        _ticks(query, "price", listing),
        _ticks(query, "stopPrice", listing),
        query.matching("newClientOrderId", CLIENT_ID) or random_id(),
        delta,
    )
    _check_market(asked, market)
    _check_count(asked, account)
    return asked


def random_id() -> str:
    """A client id as Binance makes them."""
    return "".join(secrets.choice(RANDOM) for _ in range(22))


def _check_parameters(query: Query, type: str) -> None:
    for name in TAKES[type]:
        query.required(name)
    if type == MARKET:
        if query.has("quantity") == query.has("quoteOrderQty"):
            raise missing("quantity") if not query.has("quantity") else Refusal(-1106, _unwanted("quoteOrderQty"))
    else:
        query.refuse("quoteOrderQty")
    for name in ("timeInForce", "price"):
        if name not in TAKES[type]:
            query.refuse(name)
    if type not in CONTINGENT:
        query.refuse("stopPrice")
        query.refuse("trailingDelta")
    elif not query.has("stopPrice") and not query.has("trailingDelta"):
        raise Refusal(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!")
    if query.has("icebergQty"):
        raise Refusal(-2010, "Iceberg orders are not supported for this symbol.")
    for name in ("strategyId", "strategyType"):
        query.integer(name)
    query.text("selfTradePreventionMode")
    query.one_of("newOrderRespType", ("ACK", "RESULT", "FULL"), -1130, _invalid("newOrderRespType"), "ACK")


def _unwanted(name: str) -> str:
    return f"Parameter '{name}' sent when not required."


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


def _amount(query: Query, listing: Listing, type: str) -> int:
    """Base units of ``quantity``. Raises Refusal when it is no multiple of the step, or too little or much."""
    quantity = query.number("quantity")
    if quantity is None:
        return 0
    if quantity == 0:
        raise Refusal(-1013, "Invalid quantity.")
    least = max(listing.step, Fraction(str(listing.instrument.min_amount)))
    if (Fraction(quantity) / listing.step).denominator != 1 or not least <= quantity <= MAX_STEPS * listing.step:
        raise failed("LOT_SIZE")
    if type in (MARKET, STOP_LOSS, TAKE_PROFIT) and quantity > MAX_MARKET_STEPS * listing.step:
        raise failed("MARKET_LOT_SIZE")
    return units_of(quantity, listing.unit)


def _ticks(query: Query, name: str, listing: Listing) -> int:
    """Ticks of a price; 0 when it was not sent. Raises Refusal when it is no multiple of the tick."""
    price = query.number(name)
    if price is None:
        return 0
    ticks = Fraction(price) / listing.tick
    if ticks.denominator != 1 or ticks < 1 or ticks > max_ticks(listing):
        raise failed("PRICE_FILTER")
    return int(ticks)


def max_ticks(listing: Listing) -> int:
    """The largest price that may be asked for, in ticks."""
    return int(1_000_000 / listing.tick) if listing.tick >= Fraction(1, 10**6) else 10**12


def _check_market(asked: Ticket, market: Market) -> None:
    """The filters that look at where the market stands."""
    average = market.average_price() / market.listing.tick
    for ticks in (asked.ticks, asked.stop):
        if ticks and not average * MULTIPLIER_DOWN <= ticks <= average * MULTIPLIER_UP:
            raise failed("PERCENT_PRICE_BY_SIDE")
    listing, price = asked.listing, asked.ticks or asked.stop or average
    cost = asked.money * listing.money if asked.money else asked.units * listing.unit * price * listing.tick
    if cost < Fraction(str(listing.instrument.min_cost)) or (asked.ticks and cost > MAX_COST):
        raise failed("NOTIONAL")


def _check_count(asked: Ticket, account: Account) -> None:
    """The filters that count open orders of the symbol."""
    here = [o for o in account.open.values() if o.ticket.listing is asked.listing]
    if len(here) >= asked.listing.instrument.max_orders:
        raise failed("MAX_NUM_ORDERS")
    if asked.waits and sum(o.ticket.waits and not o.is_working for o in here) >= MAX_ALGO_ORDERS:
        raise failed("MAX_NUM_ALGO_ORDERS")


def described(listing: Listing) -> list[dict[str, object]]:
    """The filters of a symbol as ``exchangeInfo`` tells them."""
    tick, step = text(1, listing.tick), text(1, listing.step)
    least = max(listing.step, Fraction(str(listing.instrument.min_amount)))
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text(max_ticks(listing), listing.tick),
         "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": text(1, least), "maxQty": text(MAX_STEPS, listing.step), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": text(MAX_MARKET_STEPS, listing.step),
         "stepSize": "0.00000000"},
        {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2",
         "askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
        {"filterType": "NOTIONAL", "minNotional": f"{listing.instrument.min_cost:.8f}", "applyMinToMarket": True,
         "maxNotional": f"{MAX_COST:.8f}", "applyMaxToMarket": False, "avgPriceMins": 5},
        {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": MIN_DELTA, "maxTrailingAboveDelta": MAX_DELTA,
         "minTrailingBelowDelta": MIN_DELTA, "maxTrailingBelowDelta": MAX_DELTA},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": listing.instrument.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGO_ORDERS},
    ]  # fmt: skip
