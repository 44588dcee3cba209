"""An order whose answer was lost: it is looked for, never sent again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.clock import steady, wall
from planar.exchange.model import Market, MarketTrade, Order, OrderRequest
from planar.exchange.quirks import Amend, Quirk
from planar.exchange.retries import Backoff
from planar.exchange.sightings import Sightings
from planar.model.order import Status

DONE = (Status.FILLED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED)

SLACK = 1_000
"""Milliseconds by which the clocks of an exchange may differ from each other: what matches, what tells the time."""

WIDE_SLACK = 60_000
"""Milliseconds by which ours may be off, where the exchange does not tell its time."""


@dataclass(frozen=True)
class LostOrder:
    """What was sent.

    is_named: whether the client id may be that of an older order as well: it is the caller's, or of an amended order.
    id: of the order that is amended, if one is; amends: what that does to it. since: when it was sent, of the steady
    clock; turn: what was seen until then; market_time: the newest time that the market had told of by then.
    """

    request: OrderRequest
    market: Market
    is_named: bool
    turn: int
    market_time: int
    id: str | None = None
    amends: Amend = Amend.BY_ANOTHER
    since: int = field(default_factory=steady)


class Searching(Protocol):
    """Where orders are looked for."""

    quirk: Quirk
    backoff: Backoff
    seen: Sightings

    @property
    def is_real(self) -> bool:
        """Whether orders there move real money."""
        ...

    async def order(self, id: str, symbol: str, *, client_id: str = "") -> Order:
        """One order, by its id or (``id`` empty) by the own one."""
        ...

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Open orders of a market."""
        ...

    async def orders(self, symbol: str, start: int | None = None, limit: int | None = None) -> list[Order]:
        """The last orders of a market."""
        ...

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[MarketTrade]:
        """The last public prints."""
        ...

    async def server_time(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        ...

    def by_hand(self, words: str) -> str:
        """A command of the command line that asks this account there: for messages."""
        ...


def is_done(order: Order) -> bool:
    """Whether nothing more will become of it."""
    return order.status in DONE


async def lost_order(exchange: Searching, lost: LostOrder, failure: Unknown, refusal: Rejected | None = None) -> Order:
    """The order, if it was taken. It can still be taken until the exchange's receive window is over.

    refusal: of its client id as one that is in use, be it by itself; raised when it is another order's.
    Raises the failure itself when it is not seen until then; that is no proof that there is none. Raises Rejected when
    it was to be amended in place and has ended as it was.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + exchange.quirk.receive_window_ms / 1000
    attempt, other, is_answered = 0, None, False
    while True:
        is_last = clock.time() >= until
        found = await _sought(exchange, lost, failure)
        if found.order is not None:
            return found.order
        other, is_answered = found.other or other, is_answered or found.is_answer
        if refusal is not None and other is not None and (is_last or not is_done(other)):
            raise _taken(refusal, other)
        if is_last:
            raise await _unseen(exchange, failure, lost, other, is_answered)
        pause = exchange.backoff.pause(attempt) or 0.0
        await asyncio.sleep(min(pause, 2.0, max(0.0, until - clock.time())))
        attempt += 1


class _Found(NamedTuple):
    """The order, if it is seen; else what was found in its place, if anything; whether the exchange answered."""

    order: Order | None
    other: Order | None
    is_answer: bool


async def _sought(exchange: Searching, lost: LostOrder, failure: Unknown) -> _Found:
    other: Order | None = None
    try:
        async for found in _candidates(exchange, lost):
            if await is_ours(exchange, found, lost):
                return _Found(found, None, True)
            other = other or found
    except Unreachable:
        return _Found(None, other, other is not None)
    except Rejected as error:
        if error.code != "ORDER_NOT_FOUND":
            seen = "" if other is None else f"{_instead(other, lost)} "
            raise _unknown(exchange, failure, lost, f"{seen}Looking for it failed: {error}") from error
    return _Found(None, other, True)


async def _candidates(exchange: Searching, lost: LostOrder) -> AsyncIterator[Order]:
    """What may be the order; the likeliest first."""
    symbol, client_id = lost.market.symbol, lost.request.client_id
    if lost.id is not None and lost.amends is not Amend.BY_ANOTHER:
        amended = await exchange.order(lost.id, symbol)
        yield amended
        if lost.amends is Amend.IN_PLACE or not is_done(amended) or not client_id:
            return
    yield await exchange.order("", symbol, client_id=client_id)
    if lost.is_named:
        # Of several orders under one id, it is up to the exchange which it gives.
        for ask in (exchange.open_orders, exchange.orders):
            for one in await ask(symbol):
                if one.client_id == client_id:
                    yield one


async def is_ours(exchange: Searching, order: Order, lost: LostOrder) -> bool:
    """Whether an order that was found is the one that was sent: exchanges let a client id be used again.

    Under an id that was made for it there is no other. Under a named one it is one that was not seen before, of the
    same terms, and not older.
    """
    if not lost.is_named:
        return True
    if order.id == lost.id:
        # What was cancelled may have been so to be replaced.
        is_left = lost.amends is Amend.IN_PLACE or order.status is not Status.CANCELLED
        return is_left and _has_terms(order, lost)
    if exchange.seen.had(order, lost.turn):
        return False
    # A new order under the id of the one that was amended takes its place, whatever is left of it.
    return (lost.id is not None or _has_terms(order, lost)) and await _is_recent(exchange, order, lost)


def _has_terms(order: Order, lost: LostOrder) -> bool:
    asked, tick = lost.request, lost.market.price_step
    return (
        order.side is asked.side
        and _same(order.amount, asked.amount, lost.market.amount_step)
        and _same(order.price, asked.price, tick)
        and _same(order.stop, asked.trigger, tick)
        and order.trail in (None, asked.trail)
    )


def _same(found: Decimal | None, asked: Decimal | None, step: Decimal) -> bool:
    """Terms that were not asked for or are not told say nothing, nor do those without a step, which CCXT rounds."""
    return found is None or asked is None or step == 0 or found == asked


async def _is_recent(exchange: Searching, order: Order, lost: LostOrder) -> bool:
    """Whether an order that this process never saw is as young as it must be.

    By the exchange's own clock, since how far ours is off was measured some time ago; but a venue that is stepped or
    plays the past stamps orders with its market's time.
    """
    if order.time is None:
        return True
    if order.time < lost.market_time - SLACK:
        return False
    try:
        now, slack = await exchange.server_time(), SLACK
    except Rejected:
        now, slack = wall(), WIDE_SLACK
    if order.time >= now - (steady() - lost.since) - slack:
        return True
    return not exchange.is_real and await _is_behind(exchange, lost.market, now - slack)


async def _is_behind(exchange: Searching, market: Market, now: int) -> bool:
    """Whether the market's time, as of its last print, is another than the clock's."""
    try:
        prints = await exchange.recent_trades(market.symbol, 1)
    except ExchangeError:
        return False
    return bool(prints) and prints[-1].time < now


def _taken(refusal: Rejected, other: Order) -> Rejected:
    told = f"{refusal} Order {other.id}, which is {other.status.name}, has this one."
    return Rejected(told, exchange=refusal.exchange, code=refusal.code)


async def _unseen(
    exchange: Searching, failure: Unknown, lost: LostOrder, other: Order | None, is_answered: bool
) -> ExchangeError:
    """What is known at the end, in place of the order."""
    if other is not None and lost.amends is Amend.IN_PLACE and is_done(other):
        told = f"{failure.exchange}: order {other.id} is {other.status.name} and was not amended."
        return Rejected(told, exchange=failure.exchange, code="ORDER_DONE")
    window = exchange.quirk.receive_window_ms / 1000
    client_id = lost.request.client_id
    seen = f"No order under client id {client_id} was seen in {window:g} s."
    if not is_answered:
        seen = f"For {window:g} s it was looked for under client id {client_id}; that was not answered either."
    if other is not None:
        seen = _instead(other, lost)
    if lost.id is not None and lost.amends is not Amend.IN_PLACE and (other is None or other.id != lost.id):
        seen += await _replaced(exchange, lost, lost.id)
    return _unknown(exchange, failure, lost, seen)


def _unknown(exchange: Searching, failure: Unknown, lost: LostOrder, seen: str) -> Unknown:
    look = exchange.by_hand(f"planar orders {lost.market.symbol} --client-id {lost.request.client_id}")
    told = f"{failure} {seen} Look for it before anything else is sent: {look}."
    unknown = Unknown(told, exchange=failure.exchange, code=failure.code)
    unknown.__cause__ = failure.__cause__
    return unknown


def _instead(other: Order, lost: LostOrder) -> str:
    """What was found in place of the order."""
    if other.id != lost.id:
        return f"Order {other.id}, under the same id, is {other.status.name} and is not it: older, or of other terms."
    gone = " Another order may have taken its place." if is_done(other) else ""
    return f"{_told(other, lost)}, and not as it was to be.{gone}"


async def _replaced(exchange: Searching, lost: LostOrder, id: str) -> str:
    """What became of the order that another was to take the place of."""
    try:
        order = await exchange.order(id, lost.market.symbol)
    except ExchangeError:
        return ""
    return f" {_told(order, lost, ', which it was to replace,')}."


def _told(order: Order, lost: LostOrder, role: str = "") -> str:
    return f"Order {order.id}{role} is {order.status.name}, {order.filled:f} {lost.market.base} of it filled"
