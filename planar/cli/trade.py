"""``planar buy | sell | cancel``: orders by hand."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from cyclopts import Parameter

from planar.cli.answer import say, say_json, shown
from planar.cli.ask import Flag, confirm
from planar.cli.options import HERE, Armed, Json, Symbol, Where, check_symbol
from planar.errors import ConfigError, Unknown
from planar.exchange.interface import Exchange
from planar.exchange.model import Order, OrderRequest
from planar.model.order import Kind, Side, Tif

T = TypeVar("T")
Doubts = list[Unknown]
"""What an interruption leaves unknown, once something was sent."""

AMOUNT = re.compile(r"([\d._]+(?:[eE][+-]?\d+)?)\s*([A-Za-z0-9]*)")


@Parameter(name="*")
@dataclass(frozen=True)
class Terms:
    """How an order is to be carried out."""

    price: str | None = None
    """The limit; at market when left out."""
    stop: str | None = None
    """Waits until the market has come to that price: a sale from above, a buy from below."""
    take: str | None = None
    """Waits likewise, from the other side: a sale that takes a profit, a buy below the market."""
    trail: str | None = None
    """A trailing stop: 2% or 50USDT behind the best price from now on."""
    activation: str | None = None
    """The trailing stop follows only once the market has reached that price."""
    tif: str = "GTC"
    """GTC, IOC or FOK."""
    post_only: Flag = False
    """Refused rather than filled at once."""
    reduce_only: Flag = False
    """Never more than closes a position."""


USUAL = Terms()


def buy(
    symbol: Symbol,
    amount: str | None = None,
    /,
    *,
    cost: str | None = None,
    terms: Terms = USUAL,
    where: Where = HERE,
    armed: Armed = False,
    json: Json = False,
) -> None:
    """Buy, at market or with --price at a limit.

    Parameters
    ----------
    amount
        With its currency: 0.5BTC is that much, 100USDT is for that much.
    cost
        To spend so much of the quote currency, instead of an amount.
    """
    _place(_request(Side.BUY, symbol, amount, cost, terms), where, armed, json)


def sell(
    symbol: Symbol,
    amount: str | None = None,
    /,
    *,
    terms: Terms = USUAL,
    where: Where = HERE,
    armed: Armed = False,
    json: Json = False,
) -> None:
    """Sell, at market or with --price at a limit.

    Parameters
    ----------
    amount
        With its currency: 0.5BTC; 100USDT is as much as is worth that.
    """
    _place(_request(Side.SELL, symbol, amount, None, terms), where, armed, json)


def cancel(
    id: str | None = None,
    /,
    *,
    symbol: str | None = None,
    all: Flag = False,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Cancel one order, or all of a market.

    Parameters
    ----------
    id
        Of the order; with --all the symbol.
    symbol
        Of the order's market; looked for among the open orders when left out.
    all
        Every open order of the market.
    """
    if not id:
        raise ConfigError("name an order or, with --all, a market: planar cancel ID, planar cancel --all BTC/USDT")

    async def work(exchange: Exchange, doubts: Doubts) -> list[Order]:
        if all:
            check_symbol(None, id)
            doubts.append(_doubt(exchange, f"the cancel of all orders of {id}", where.command(f"planar orders {id}")))
            return await exchange.cancel_all(id)
        known, market = (id, symbol) if symbol else await _open_order(exchange, id)
        look = where.command(f"planar orders {market} --history")
        doubts.append(_doubt(exchange, f"the cancel of order {known}", look))
        return [await exchange.cancel(known, market)]

    found = _told(work, where)
    if json:
        say_json(found)
        return
    for order in found:
        say(_became(order))
    if not found:
        say("There was nothing to cancel.")


def _told(work: Callable[[Exchange, Doubts], Awaitable[T]], where: Where) -> T:
    """What the exchange answers. Who interrupts is told what was on its way: what `work` put among the doubts."""
    doubts: Doubts = []
    try:
        return where.ask(lambda exchange: work(exchange, doubts))
    except KeyboardInterrupt:
        if doubts:
            raise doubts[-1] from None
        raise KeyboardInterrupt("nothing was sent.") from None


def _doubt(exchange: Exchange, what: str, look: str) -> Unknown:
    told = f"interrupted while {what} was on its way. It may have been carried out; look before you ask again: {look}"
    return Unknown(told, exchange=exchange.id, code="INTERRUPTED")


async def _open_order(exchange: Exchange, id: str) -> tuple[str, str]:
    """Id and symbol of an open order, named by the exchange's id or by one's own."""
    for order in await exchange.open_orders():
        if id in (order.id, order.client_id):
            return order.id, order.symbol
    raise ConfigError(
        f"{exchange.name} has no open order {id}. If it ended already, name its market: --symbol BTC/USDT"
    )


def _request(side: Side, symbol: str, amount: str | None, cost: str | None, terms: Terms) -> OrderRequest:
    if (amount is None) == (cost is None):
        raise ConfigError(f"say how much, once: planar {side.name.lower()} {symbol} 0.5BTC, or 100USDT.")
    if terms.tif.upper() not in ("GTC", "IOC", "FOK"):
        raise ConfigError(f"--tif {terms.tif!r} is not one of GTC, IOC, FOK.")
    base, _, quote = symbol.partition(":")[0].partition("/")
    if not quote:
        raise ConfigError(f"symbol {symbol!r} is written with a stroke, as BTC/USDT.")
    trail, trail_by = (None, None) if terms.trail is None else _trail(terms.trail, quote)
    base_size, quote_size = (None, _number("--cost", cost)) if cost is not None else _size(amount or "", base, quote)
    return OrderRequest(
        symbol,
        side,
        amount=base_size,
        cost=quote_size,
        price=None if terms.price is None else _number("--price", terms.price),
        stop=None if terms.stop is None else _number("--stop", terms.stop),
        take=None if terms.take is None else _number("--take", terms.take),
        trail=trail,
        trail_by=trail_by,
        activation=None if terms.activation is None else _number("--activation", terms.activation),
        tif=Tif[terms.tif.upper()],
        post_only=terms.post_only,
        reduce_only=terms.reduce_only,
    )


def _size(text: str, base: str, quote: str) -> tuple[Decimal | None, Decimal | None]:
    """An amount of the base or a cost in the quote, by its currency: 100 alone could be either, and one is dear."""
    found = AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no amount; write 0.5{base} or 100{quote}.")
    number, unit = _number("the amount", found[1]), found[2].upper()
    if unit == base.upper():
        return number, None
    if unit == quote.upper():
        return None, number
    raise ConfigError(f"{text} of what? Write {found[1]}{base} or {found[1]}{quote}.")


def _trail(text: str, quote: str) -> tuple[Decimal | None, Decimal | None]:
    """How far a trailing stop follows: a fraction, or a distance in the quote."""
    number, unit = text.strip().removesuffix("%"), text.strip()[-1:]
    if unit == "%":
        return _number("--trail", number) / 100, None
    if text.strip().upper().endswith(quote.upper()):
        return None, _number("--trail", text.strip()[: -len(quote)])
    raise ConfigError(f"--trail {text} of what? Write {number}% or {number}{quote}.")


def _number(what: str, text: str) -> Decimal:
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        raise ConfigError(f"{what} {text!r} is no number; it has digits and at most one point.") from None
    if not (number.is_finite() and number > 0):
        raise ConfigError(f"{what} {text!r} must be more than nothing.")
    return number


def _place(request: OrderRequest, where: Where, armed: bool, json: bool) -> None:
    async def work(exchange: Exchange, doubts: Doubts) -> Order:
        sized, cost = await _sized(exchange, replace(request, client_id=exchange.new_client_id()))
        confirm(_said(sized), cost, exchange, armed=armed, is_exit=sized.reduce_only)
        what = f"the order ({_said(sized)}, client id {sized.client_id})"
        look = where.command(f"planar orders {sized.symbol} --client-id {sized.client_id}")
        doubts.append(_doubt(exchange, what, look))
        return await exchange.place(sized)

    found = _told(work, where)
    if json:
        say_json(found)
        return
    say(_became(found))


def _became(order: Order) -> str:
    base, _, quote = order.symbol.partition(":")[0].partition("/")
    terms = f" at {shown(order.price)} {quote}" if order.price else ""
    terms += _waits(order.stop, order.trail, order.trail_by, order.activation, quote)
    price = f" at {shown(order.average)} {quote}" if order.average else ""
    done = f"filled {shown(order.filled)} of {shown(order.amount)} {base}{price}"
    fees = ", ".join(f"{shown(fee)} {currency}" for currency, fee in order.fees.items())
    fee = (f", fee {fees}" if fees else ", fee not told") if order.filled else ""
    return f"Order {order.id}, {shown(order.side)} {order.symbol}{terms}: {shown(order.status)}, {done}{fee}."


async def _sized(exchange: Exchange, request: OrderRequest) -> tuple[OrderRequest, Decimal | None]:
    """The request as exchanges take it, and what it costs: only a market buy can be sized by its cost."""
    last = (await exchange.ticker(request.symbol)).last
    price = request.valued_at(last)
    if request.side is Side.SELL and price is not None and last is not None:
        price = max(price, last)  # a sale below the market is done at the market
    if request.cost is not None:
        if request.side is Side.BUY and request.kind is Kind.MARKET:
            return request, request.cost
        if price is None:
            raise ConfigError(f"{request.symbol} has no price to size an order by; write an amount of the base.")
        return replace(request, amount=request.cost / price, cost=None), request.cost
    return request, None if price is None or request.amount is None else request.amount * price


def _said(request: OrderRequest) -> str:
    base, _, quote = request.symbol.partition(":")[0].partition("/")
    size = f"{shown(request.amount)} {base}" if request.amount is not None else f"for {shown(request.cost)} {quote}"
    price = f" at {shown(request.price)} {quote}" if request.price is not None else ""
    waits = _waits(request.trigger, request.trail, request.trail_by, request.activation, quote)
    return f"{request.side.name.capitalize()} {request.symbol}: {size}{price}{waits}"


def _waits(
    trigger: Decimal | None, trail: Decimal | None, trail_by: Decimal | None, activation: Decimal | None, quote: str
) -> str:
    """What an order waits for."""
    if trail is None and trail_by is None:
        return f" once it trades at {shown(trigger)}" if trigger else ""
    away = f"{shown(trail * 100)} %" if trail is not None else f"{shown(trail_by)} {quote}"
    start = f", once it has traded at {shown(activation)}" if activation else ""
    return f" once it trades {away} off its best price{start}"
