"""An order on the market's own steps: amounts down, limits to the passive tick, triggers to the nearest. Exact.

Nothing is ever enlarged: what is below a minimum afterwards is refused with the minimum, before it is sent.
"""

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from planar.errors import Rejected
from planar.exchange.model import NUMBERS, Market, OrderRequest
from planar.model.order import Kind, Side, Tif

EXACT = Context(prec=80)
"""More digits than any amount divided by any step has before the point."""


def rounded(request: OrderRequest, market: Market, exchange: str) -> OrderRequest:
    """The request on the market's steps.

    Raises Rejected with what would be accepted: BELOW_MIN_AMOUNT, BELOW_MIN_COST, ABOVE_MAX_AMOUNT, ABOVE_MAX_COST,
    INVALID_PRICE, INVALID_ORDER.
    """
    _check_terms(request, exchange)
    on_step = replace(
        request,
        amount=None if request.amount is None else amount_down(request.amount, market.amount_step),
        price=None if request.price is None else passive(request.price, market.price_step, request.side),
        **{name: nearest(value, market.price_step) for name, value in _triggers(request).items()},
    )
    _check_limits(on_step, request, market, exchange)
    return on_step


def _triggers(request: OrderRequest) -> dict[str, Decimal]:
    """What is rounded to the nearest tick."""
    named = ((name, getattr(request, name)) for name in ("stop", "take", "trail_by", "activation"))
    return {name: value for name, value in named if value is not None}


def amount_down(amount: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of the step that is not above the amount."""
    return _to_step(amount, step, ROUND_FLOOR)


def up_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """The least multiple of the step that is not below the amount; for messages, never for orders."""
    return _to_step(amount, step, ROUND_CEILING)


def passive(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """The tick that is no worse for the one who asks: down for a buy, up for a sale."""
    return _to_step(price, tick, ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)


def nearest(price: Decimal, tick: Decimal) -> Decimal:
    """The nearest tick; halfway, the even one."""
    return _to_step(price, tick, ROUND_HALF_EVEN)


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step == 0:
        return value
    return EXACT.multiply(EXACT.divide(value, step).to_integral_value(rounding=rounding), step)


def _check_terms(request: OrderRequest, exchange: str) -> None:
    if (request.amount is None) == (request.cost is None):
        raise refused(exchange, "INVALID_ORDER", request, "give an amount in base or a cost in quote, one of them.")
    for name in NUMBERS:
        value = getattr(request, name)
        if value is not None and not (value.is_finite() and value > 0):
            raise refused(exchange, "INVALID_ORDER", request, f"{name} = {value} must be a number above 0.")
    _check_trigger(request, exchange)
    if request.cost is not None and (request.side is not Side.BUY or request.kind is not Kind.MARKET):
        raise refused(exchange, "INVALID_ORDER", request, "only a market buy can be given by its cost in quote.")
    if (request.tif is Tif.GTD) != (request.expire is not None):
        raise refused(exchange, "INVALID_ORDER", request, "an order good until a time needs GTD and that time, both.")
    if request.post_only and request.price is None:
        raise refused(exchange, "INVALID_ORDER", request, "only an order with a price can rest in the book.")


def _check_trigger(request: OrderRequest, exchange: str) -> None:
    given = [name for name in ("stop", "take", "trail", "trail_by") if getattr(request, name) is not None]
    why = ""
    if len(given) > 1:
        why = f"{' and '.join(given)} are one trigger too many."
    elif request.activation is not None and not request.is_trailing:
        why = "an activation belongs to a trailing stop."
    elif request.is_trailing and request.price is not None:
        why = "a trailing stop has no limit: it sells or buys at market."
    elif request.trail is not None and request.trail >= 1:
        why = f"trail = {request.trail} is a fraction: 0.02 is 2 %."
    if why:
        raise refused(exchange, "INVALID_ORDER", request, why)


def _check_limits(order: OrderRequest, asked: OrderRequest, market: Market, exchange: str) -> None:
    for name in ("price", "stop", "take", "trail_by", "activation"):
        _check_price(name, order, asked, market, exchange)
    if order.amount is not None:
        _check_amount(order, asked, market, exchange)
    cost = _cost(order, market)
    if cost is not None and cost < market.min_cost:
        raise refused(
            exchange,
            "BELOW_MIN_COST",
            asked,
            f"it costs {short(cost)} {market.quote}, the least is {short(market.min_cost)}.",
        )
    if cost is not None and market.max_cost is not None and cost > market.max_cost:
        raise refused(
            exchange,
            "ABOVE_MAX_COST",
            asked,
            f"it costs {short(cost)} {market.quote}, the most is {short(market.max_cost)}.",
        )


def _check_price(name: str, order: OrderRequest, asked: OrderRequest, market: Market, exchange: str) -> None:
    price, least = getattr(order, name), max(market.min_price, market.price_step)
    if price is None:
        return
    told = f"{name} {getattr(asked, name):f} is"
    if price == 0 or price < least:
        raise refused(exchange, "INVALID_PRICE", asked, f"{told} below the least price, {least:f}.")
    if market.max_price is not None and price > market.max_price:
        raise refused(exchange, "INVALID_PRICE", asked, f"{told} above the highest price, {market.max_price:f}.")


def _cost(order: OrderRequest, market: Market) -> Decimal | None:
    """In quote, where it is known before the order trades."""
    price = order.price or order.trigger
    if order.amount is None:
        return order.cost
    if market.is_inverse:
        return EXACT.multiply(order.amount, market.contract_size)
    return None if price is None else EXACT.multiply(order.amount, price)


def _check_amount(order: OrderRequest, asked: OrderRequest, market: Market, exchange: str) -> None:
    amount = order.amount or Decimal(0)
    least = max(market.min_amount, market.amount_step)
    if amount == 0 or amount < least:
        told = f"{asked.amount:f} {market.base} is below the least amount, {least:f}."
        raise refused(exchange, "BELOW_MIN_AMOUNT", asked, told)
    most = market.max_amount
    if order.price is None and market.max_market_amount is not None:
        most = market.max_market_amount if most is None else min(most, market.max_market_amount)
    if most is not None and amount > most:
        told = f"{asked.amount:f} {market.base} is above the most for one order, {most:f}. Split it."
        raise refused(exchange, "ABOVE_MAX_AMOUNT", asked, told)


def short(value: Decimal) -> str:
    """A number without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def refused(exchange: str, code: str, request: OrderRequest, why: str) -> Rejected:
    """The refusal of an order that is not sent."""
    side = request.side.name.lower()
    return Rejected(
        f"{exchange}: the order to {side} {request.symbol} was not sent: {why}", exchange=exchange, code=code
    )
