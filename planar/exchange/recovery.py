"""An order whose answer was lost: it is looked for, never sent again."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from planar.errors import Rejected, Unknown, Unreachable
from planar.exchange.model import Market, Order, OrderRequest
from planar.exchange.quirks import Quirk
from planar.exchange.retries import Backoff
from planar.model.order import Status

DONE = (Status.FILLED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED)

CLOCK_SLACK = 1_000
"""Milliseconds by which an exchange's clock may be off from ours once it has been measured."""


@dataclass(frozen=True)
class LostOrder:
    """What was sent, and when (the exchange's clock). id: the exchange's, where an order was amended in place."""

    request: OrderRequest
    market: Market
    sent: int
    id: str | None = None


class Searching(Protocol):
    """Where orders are looked for."""

    quirk: Quirk
    backoff: Backoff

    async def order(self, id: str, symbol: str, *, client_id: str = "") -> Order:
        """One order, by its id or (``id`` empty) by the own one."""
        ...


def is_done(order: Order) -> bool:
    """Whether nothing more will become of it."""
    return order.status in DONE


async def lost_order(exchange: Searching, lost: LostOrder, failure: Unknown) -> Order:
    """The order, if it was taken. It can still be taken until the exchange's receive window is over.

    Raises the failure itself when it is not seen until then; that is no proof that there is none.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + exchange.quirk.receive_window_ms / 1000
    attempt = 0
    while True:
        is_last = clock.time() >= until
        try:
            found = await exchange.order(lost.id or "", lost.market.symbol, client_id=lost.request.client_id)
            if is_ours(found, lost):
                return found
        except Unreachable:
            pass
        except Rejected as error:
            if error.code != "ORDER_NOT_FOUND":
                raise failure from error
        if is_last:
            raise _unseen(failure, lost, exchange.quirk.receive_window_ms)
        pause = exchange.backoff.pause(attempt) or 0.0
        await asyncio.sleep(min(pause, 2.0, max(0.0, until - clock.time())))
        attempt += 1


def is_ours(order: Order, lost: LostOrder) -> bool:
    """Whether an order found under a client id is the one that was sent: exchanges let an id be used again."""
    asked, tick = lost.request, lost.market.price_step
    is_younger = lost.id is not None or order.time is None or order.time >= lost.sent - CLOCK_SLACK
    return (
        is_younger
        and order.side is asked.side
        and _same(order.amount, asked.amount, lost.market.amount_step)
        and _same(order.price, asked.price, tick)
        and _same(order.stop, asked.stop, tick)
    )


def _same(found: Decimal | None, asked: Decimal | None, step: Decimal) -> bool:
    """Terms that were not asked for or are not told say nothing, nor do those without a step, which CCXT rounds."""
    return found is None or asked is None or step == 0 or found == asked


def _unseen(failure: Unknown, lost: LostOrder, window: int) -> Unknown:
    told = Unknown(
        f"{failure} No order under client id {lost.request.client_id} was seen in {window / 1000:g} s. Look for it "
        "before anything else is sent: `planar orders`.",
        exchange=failure.exchange,
        code=failure.code,
    )
    told.__cause__ = failure.__cause__
    return told
