"""What an order of a contract must be like before the kernel is asked: its parameters, then its symbol's filters."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from planar.model.order import NEVER, Side
from planar.venue.filters import max_ticks, random_id
from planar.venue.listing import MAX_MARKET_STEPS, MAX_STEPS, Listing, text, units_of
from planar.venue.market import Market
from planar.venue.order import (
    GTX,
    LIMIT,
    MARKET,
    STOP,
    STOP_MARKET,
    TAKE_PROFIT,
    TAKE_PROFIT_MARKET,
    TRAILING_STOP_MARKET,
    Ticket,
)
from planar.venue.query import CLIENT_ID, Query
from planar.venue.refusal import Refusal
from planar.venue.usdm.account import ContractAccount
from planar.venue.usdm.refusal import NOT_YET, POSITION_SIDE, TOO_MANY, TOO_MANY_STOPS, USE_ALGO

ALGO_TYPES = (STOP, STOP_MARKET, TAKE_PROFIT, TAKE_PROFIT_MARKET, TRAILING_STOP_MARKET)
TYPES = (LIMIT, MARKET, *ALGO_TYPES)
TIFS = ("GTC", "IOC", "FOK", GTX, "GTD")
LEAST_LIFE, LATEST = 600_000, 253_402_300_799_000
"""Milliseconds that an order must be good for which dies at a time."""

CLOSING = (STOP_MARKET, TAKE_PROFIT_MARKET)
"""Types that may be for all of a position."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    LIMIT: ("timeInForce", "quantity", "price"),
    MARKET: ("quantity",),
    STOP: ("quantity", "price", "triggerPrice"),
    TAKE_PROFIT: ("quantity", "price", "triggerPrice"),
    STOP_MARKET: ("quantity", "triggerPrice"),
    TAKE_PROFIT_MARKET: ("quantity", "triggerPrice"),
    TRAILING_STOP_MARKET: ("quantity", "callbackRate"),
}
"""What each type must have."""

FLAGS = ("true", "false")
WORKING = ("CONTRACT_PRICE", "MARK_PRICE")
CALLBACK, PER_CENT = (Decimal("0.1"), Decimal(10)), 100
"""How far a trailing stop may follow, in per cent; a per cent in the parts that are counted inside."""

MAX_ORDERS_STOPS = 100
MULTIPLIER_UP, MULTIPLIER_DOWN = Fraction(21, 20), Fraction(19, 20)
"""How far a limit may be beyond the mark price."""


def ticket(query: Query, market: Market, account: ContractAccount) -> Ticket:
    """The order that a request asks for. Raises Refusal with the parameter or the filter that it fails."""
    type = query.one_of("type", TYPES, -1116, "Invalid orderType.")
    if type in ALGO_TYPES:
        raise Refusal(*USE_ALGO)
    return _asked(query, market, account, type, "newClientOrderId")


def algo_ticket(query: Query, market: Market, account: ContractAccount) -> Ticket:
    """The conditional order that a request asks for. Raises Refusal likewise."""
    query.one_of("algoType", ("CONDITIONAL",), -1130, _invalid("algoType"))
    type = query.one_of("type", ALGO_TYPES, -1116, "Invalid orderType.")
    return _asked(query, market, account, type, "clientAlgoId")


def _asked(query: Query, market: Market, account: ContractAccount, type: str, id_name: str) -> Ticket:
    listing = market.listing
    side = query.one_of("side", ("BUY", "SELL"), -1117, "Invalid side.")
    check_side(query)
    closes = _closes(query, type)
    for name in NEEDS[type]:
        if not (closes and name == "quantity"):
            query.required(name)
    reduces = closes or query.one_of("reduceOnly", FLAGS, -1130, _invalid("reduceOnly"), "false") == "true"
    working = query.one_of("workingType", WORKING, -1130, _invalid("workingType"), WORKING[0])
    trigger = "activatePrice" if type == TRAILING_STOP_MARKET else "triggerPrice"
    asked = Ticket(
        listing,
        Side[side],
        type,
        tif := _tif(query, type),
        account.room(listing, Side[side]) if closes else amount(query, listing, type),
        0,
        ticks(query, "price", listing) if "price" in NEEDS[type] else 0,
        ticks(query, trigger, listing) if type in ALGO_TYPES else 0,
        query.matching(id_name, CLIENT_ID) or random_id(),
        _delta(query) if type == TRAILING_STOP_MARKET else 0,
        reduces,
        working == WORKING[1],
        _expire(query, market) if tif == "GTD" else NEVER,
        closes,
    )
    check_price(asked, market)
    _check_cost(asked, market)
    _check_count(asked, account)
    return asked


def check_side(query: Query) -> None:
    """Raises Refusal for what is meant for hedge mode."""
    side = query.one_of("positionSide", ("BOTH", "LONG", "SHORT"), -4060, "Invalid position side.", "BOTH")
    if side != "BOTH":
        raise Refusal(*POSITION_SIDE)


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


def _tif(query: Query, type: str) -> str:
    tif = query.one_of("timeInForce", TIFS, -1115, "Invalid timeInForce.", "GTC")
    if type in ALGO_TYPES and tif != "GTC":
        raise Refusal(*NOT_YET)
    return tif


def _closes(query: Query, type: str) -> bool:
    """Whether an order is for all of the position. Raises Refusal for what such an order is not."""
    if query.one_of("closePosition", FLAGS, -1130, _invalid("closePosition"), "false") == "false":
        return False
    if type not in CLOSING:
        raise Refusal(-4136, "Target strategy invalid for this order type, closePosition true.")
    if query.has("quantity"):
        raise Refusal(-4137, "Quantity must be zero with closePosition equals true.")
    if query.has("reduceOnly"):
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")
    return True


def _expire(query: Query, market: Market) -> int:
    query.required("goodTillDate")
    time = query.integer("goodTillDate") or 0
    if not market.time + LEAST_LIFE < time < LATEST:
        raise Refusal(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
            "253402300799000",
        )
    return time


def _delta(query: Query) -> int:
    rate = query.number("callbackRate") or Decimal(0)
    if not CALLBACK[0] <= rate <= CALLBACK[1]:
        raise Refusal(-2007, "Invalid callBack rate")
    return int(rate * PER_CENT)


def amount(query: Query, listing: Listing, type: str) -> int:
    """Base units of ``quantity``. Raises Refusal when it is no multiple of the step, or too little or much."""
    quantity = query.number("quantity") or Decimal(0)
    if quantity == 0:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    if (Fraction(quantity) / listing.step).denominator != 1:
        raise Refusal(-1111, "Precision is over the maximum defined for this asset.")
    if quantity < least(listing):
        raise Refusal(-4004, "Quantity less than min quantity.")
    if quantity > (MAX_MARKET_STEPS if type not in (LIMIT, STOP, TAKE_PROFIT) else MAX_STEPS) * listing.step:
        raise Refusal(-4005, "Quantity greater than max quantity.")
    return units_of(quantity, listing.unit)


def ticks(query: Query, name: str, listing: Listing) -> int:
    """Ticks of a price; 0 when it was not sent. Raises Refusal when it is no multiple of the tick, or out of bounds."""
    price = query.number(name)
    if price is None:
        return 0
    count = Fraction(price) / listing.tick
    if count.denominator != 1:
        raise Refusal(-4014, "Price not increased by tick size.")
    if count < 1:
        raise Refusal(-4013, "Price less than min price.")
    if count > max_ticks(listing):
        raise Refusal(-4002, "Price greater than max price.")
    return int(count)


def least(listing: Listing) -> Fraction:
    """The smallest amount of an order."""
    return max(listing.step, Fraction(str(listing.instrument.min_amount)))


def check_price(asked: Ticket, market: Market) -> None:
    """Raises Refusal for a limit too far beyond the mark price."""
    highest, lowest = market.last * MULTIPLIER_UP, market.last * MULTIPLIER_DOWN
    if asked.waits or not asked.ticks:
        return
    if asked.side == Side.BUY and asked.ticks > highest:
        raise Refusal(-4016, f"Limit price can't be higher than {market.listing.price_text(int(highest))}.")
    if asked.side == Side.SELL and asked.ticks < lowest:
        raise Refusal(-4024, f"Limit price can't be lower than {market.listing.price_text(-int(-lowest // 1))}.")


def _check_cost(asked: Ticket, market: Market) -> None:
    listing = asked.listing
    price = asked.ticks or asked.stop or market.last
    cost = asked.units * listing.unit * price * listing.tick
    if cost < Fraction(str(listing.instrument.min_cost)) and not asked.reduce_only:
        minimum = f"{listing.instrument.min_cost:g}"
        raise Refusal(-4164, f"Order's notional must be no smaller than {minimum} (unless you choose reduce only).")


def _check_count(asked: Ticket, account: ContractAccount) -> None:
    here = [o for o in account.open.values() if o.ticket.listing is asked.listing]
    if len(here) >= asked.listing.instrument.max_orders:
        raise Refusal(*TOO_MANY)
    if asked.waits and sum(o.ticket.waits and not o.trigger_id for o in here) >= MAX_ORDERS_STOPS:
        raise Refusal(*TOO_MANY_STOPS)


def described(listing: Listing) -> list[dict[str, object]]:
    """The filters of a symbol as ``exchangeInfo`` tells them."""
    tick, step, smallest = text(1, listing.tick), text(1, listing.step), text(1, least(listing))
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text(max_ticks(listing), listing.tick),
         "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": smallest, "maxQty": text(MAX_STEPS, listing.step), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": smallest, "maxQty": text(MAX_MARKET_STEPS, listing.step),
         "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": listing.instrument.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": MAX_ORDERS_STOPS},
        {"filterType": "MIN_NOTIONAL", "notional": f"{listing.instrument.min_cost:g}"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]  # fmt: skip
