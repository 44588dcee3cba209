"""An order whose answer was lost: it is looked for, never sent again."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.clock import steady, wall
from planar.exchange.model import Market, Order, OrderRequest
from planar.exchange.quirks import Quirk
from planar.exchange.retries import Backoff
from planar.model.order import Status

DONE = (Status.FILLED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED)

SLACK = 1_000
"""Milliseconds by which the clocks of an exchange may differ from each other: what matches, what tells the time."""

WIDE_SLACK = 60_000
"""Milliseconds by which ours may be off, where the exchange does not tell its time."""


@dataclass(frozen=True)
class LostOrder:
    """What was sent. since: when, of the steady clock.

    is_named: whether the client id is the caller's, who may have given it to an older order as well.
    id: of the order that is amended; is_new: whether another order takes its place.
    """

    request: OrderRequest
    market: Market
    is_named: bool = True
    id: str | None = None
    is_new: bool = True
    since: int = field(default_factory=steady)


class Searching(Protocol):
    """Where orders are looked for."""

    quirk: Quirk
    backoff: Backoff

    async def order(self, id: str, symbol: str, *, client_id: str = "") -> Order:
        """One order, by its id or (``id`` empty) by the own one."""
        ...

    async def server_time(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        ...


def is_done(order: Order) -> bool:
    """Whether nothing more will become of it."""
    return order.status in DONE


async def lost_order(exchange: Searching, lost: LostOrder, failure: Unknown) -> Order:
    """The order, if it was taken. It can still be taken until the exchange's receive window is over.

    Raises the failure itself when it is not seen until then; that is no proof that there is none. Raises Rejected when
    it was to be amended in place and has ended as it was.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + exchange.quirk.receive_window_ms / 1000
    attempt, other = 0, None
    while True:
        is_last = clock.time() >= until
        try:
            found = await _sought(exchange, lost)
            if await is_ours(exchange, found, lost):
                return found
            other = found
        except Unreachable:
            pass
        except Rejected as error:
            if error.code != "ORDER_NOT_FOUND":
                raise failure from error
        if is_last:
            raise await _unseen(exchange, failure, lost, other)
        pause = exchange.backoff.pause(attempt) or 0.0
        await asyncio.sleep(min(pause, 2.0, max(0.0, until - clock.time())))
        attempt += 1


async def _sought(exchange: Searching, lost: LostOrder) -> Order:
    id = "" if lost.is_new else lost.id or ""
    return await exchange.order(id, lost.market.symbol, client_id=lost.request.client_id)


async def is_ours(exchange: Searching, order: Order, lost: LostOrder) -> bool:
    """Whether an order that was found is the one that was sent: exchanges let a client id be used again.

    Under an id that was made for it there is no other. Under a named one its terms and its age tell; the age by the
    exchange's own clock, since how far ours is off was measured some time ago.
    """
    if lost.is_new and not lost.is_named:
        return True
    asked, tick = lost.request, lost.market.price_step
    has_terms = (
        order.side is asked.side
        and _same(order.amount, asked.amount, lost.market.amount_step)
        and _same(order.price, asked.price, tick)
        and _same(order.stop, asked.stop, tick)
    )
    if not has_terms or not lost.is_new or order.time is None:
        return has_terms
    try:
        now, slack = await exchange.server_time(), SLACK
    except Rejected:
        now, slack = wall(), WIDE_SLACK
    return order.time >= now - (steady() - lost.since) - slack


def _same(found: Decimal | None, asked: Decimal | None, step: Decimal) -> bool:
    """Terms that were not asked for or are not told say nothing, nor do those without a step, which CCXT rounds."""
    return found is None or asked is None or step == 0 or found == asked


async def _unseen(exchange: Searching, failure: Unknown, lost: LostOrder, other: Order | None) -> ExchangeError:
    """What is known at the end, in place of the order."""
    if other is not None and not lost.is_new and is_done(other):
        told = f"{failure.exchange}: order {other.id} is {other.status.name} and was not amended."
        return Rejected(told, exchange=failure.exchange, code="ORDER_DONE")
    window = exchange.quirk.receive_window_ms / 1000
    seen = f"No order under client id {lost.request.client_id} was seen in {window:g} s."
    if other is not None:
        seen = f"Order {other.id}, under the same id, is {other.status.name} and is not it: older, or of other terms."
    if lost.is_new and lost.id:
        seen += await _replaced(exchange, lost, lost.id)
    told = Unknown(
        f"{failure} {seen} Look for it before anything else is sent: `planar orders`.",
        exchange=failure.exchange,
        code=failure.code,
    )
    told.__cause__ = failure.__cause__
    return told


async def _replaced(exchange: Searching, lost: LostOrder, id: str) -> str:
    """What became of the order that another was to take the place of."""
    try:
        order = await exchange.order(id, lost.market.symbol)
    except ExchangeError:
        return ""
    filled = f"{order.filled:f} {lost.market.base} of it filled"
    return f" Order {id}, which it was to replace, is {order.status.name}, {filled}."
