"""`Hearing`: what an exchange says of orders and fills, in any order and more than once, told to the books once."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from planar.broker.books import Books
from planar.broker.gate import Gate, State
from planar.broker.sent import Heard, Orders, Sent
from planar.broker.terms import base_fee_of, change_of, filled_of, symbol_of
from planar.errors import ExchangeError, Rejected
from planar.exchange.interface import Exchange
from planar.exchange.model import Fill, Order
from planar.model.instrument import Instrument, exact
from planar.model.order import Forced, Reason, Status, Tif

if TYPE_CHECKING:
    from planar.broker.protector import Protector

T = TypeVar("T")
LOG = logging.getLogger("planar.session")

UNFILLED = {Tif.IOC: Reason.IOC_UNFILLED, Tif.FOK: Reason.FOK_UNFILLED, Tif.GTD: Reason.GTD_EXPIRED}
SOON, LONGEST = 1.0, 30
"""Seconds after which fills that no stream told are asked for, and the longest pause, in times of that."""

TRIES = 10
"""How often they are asked for of an order that is over: nobody waits for them."""

KEPT_FILLS, KEPT_FOREIGN = 100_000, 10_000


class Hearing:
    """Hears for `planar.broker.live.Broker`."""

    def __init__(
        self,
        exchange: Exchange,
        instruments: Sequence[Instrument],
        books: Books,
        clock: Callable[[], int],
        fail: Callable[[Exception], None],
    ) -> None:
        self.exchange, self.instruments, self.books, self.now = exchange, list(instruments), books, clock
        self._fail = fail
        self.gate = Gate(self._restricted)
        self.protector: Protector | None = None
        self.orders = Orders()
        self.fills, self.foreign = Heard(KEPT_FILLS), Heard(KEPT_FOREIGN)
        self.ghosts: set[str] = set()
        self.forced: dict[tuple[str, str], Forced] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._doubts: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def _restricted(self, state: State, why: str) -> None:
        self.books.write("state", {"state": state.name, "why": why})
        self.books.commit()

    # Orders.

    def hear_order(self, order: Order) -> None:
        """An order of the account stands so."""
        sent = self.orders.found(order.symbol, order.id, order.client_id)
        if sent is None:
            self._hear_foreign(order)
            return
        if sent.is_over or sent.gave_up(order.client_id):
            self._hear_late(sent, order)
            return
        self._replaced(sent, order.client_id, order.id, order.time)
        self.orders.bind(sent, order.id)  # what was triggered goes on under another id, also one that is being replaced
        if not sent.exchange_id or order.client_id == sent.names[-1]:
            sent.exchange_id = order.id
        sent.saw(order)
        if order.status <= Status.PARTIAL:
            self.books.tell("accepted", sent.k, sent.id, order.time or self.now(), exchange_id=order.id)
            if order.is_triggered:
                self.books.tell("triggered", sent.k, sent.id, order.updated or self.now(), exchange_id=order.id)
        elif order.status is not Status.UNKNOWN:
            sent.ends[order.id] = order
        self._end(sent)

    def _replaced(self, sent: Sent, name: str, id: str, time: int | None) -> None:
        """What is heard under the id that an amend gave proves that it was done, before its answer says so."""
        if sent.wanted is not None and len(sent.names) > 1 and name == sent.names[-1] and id != sent.exchange_id:
            sent.wanted, sent.offered = None, ""
            self.books.tell("amended", sent.k, sent.id, time or self.now(), exchange_id=id)

    def _bind(self, sent: Sent, id: str) -> None:
        """The order has this id at the exchange from now on."""
        sent.exchange_id = id
        self.orders.bind(sent, id)

    def _end(self, sent: Sent) -> None:
        """Tells the end of an order once its last fill is booked; asks for the fills that do not come."""
        last = sent.last
        if last is None:
            if sent.is_behind:
                self._ask_for_fills(sent)
            return
        time, status = last.updated or last.time or self.now(), last.status
        reason = Reason.NONE
        if status is Status.EXPIRED:
            has_none = sent.request.reduce_only and not self._may_reduce(sent)
            reason = UNFILLED.get(sent.request.tif, Reason.NO_POSITION if has_none else Reason.IOC_UNFILLED)
        elif status is Status.REJECTED:
            reason = Reason.VENUE_REFUSED
        # An order of an amount is done with its last fill already; this ends those of a cost.
        self.books.tell("ended", sent.k, sent.id, time, int(status), int(reason), exchange_id=last.id)
        self.orders.end(sent)

    def _may_reduce(self, sent: Sent) -> bool:
        """Whether something is held that the order could make smaller, once all is booked that the exchange counts."""
        unit = exact(self.instruments[sent.k].unit)
        coming = (each.behind * int(each.request.side) for each in self.orders.values() if each.k == sent.k)
        held = self.books.position(sent.k)[0] * unit + Fraction(sum(coming, Decimal(0)))
        return held * int(sent.request.side) < 0

    def _hear_late(self, sent: Sent, order: Order) -> None:
        """An order that the books have ended, or have as another: what it traded is booked, and it trades no more."""
        self.orders.bind(sent, order.id)
        sent.saw(order)
        if sent.is_behind:
            self._ask_for_fills(sent)
        if order.status > Status.PARTIAL:
            if order.status is not Status.UNKNOWN:
                sent.ends[order.id] = order
        else:
            self.hear_ghost(sent, order)

    def hear_ghost(self, sent: Sent, order: Order) -> None:
        """An order is open that must not be."""
        if order.id not in sent.ends and order.id not in self.ghosts:
            self.ghosts.add(order.id)
            LOG.error("order %s is at the exchange as %s after all: it is cancelled", sent.id, order.id)
            self.books.write("ghost", {"order": sent.id, "symbol": order.symbol, "id": order.id})
            self.watch(self._leave(order))

    async def _leave(self, order: Order) -> None:
        """Cancels an order that nobody counts on any more, however often that takes."""
        try:
            self.hear_order(await self._answer(partial(self.exchange.cancel, order.id, order.symbol)))
        except Rejected as error:
            LOG.error("%s", error)
        finally:
            self.ghosts.discard(order.id)
        self.books.commit()

    def _hear_foreign(self, order: Order) -> None:
        """An order of the account that this session did not send: told once, and left alone."""
        if how := self.exchange.forced(order.client_id):
            self.forced[order.symbol, order.id] = how
            if order.filled:
                self.watch(self._forced_fills(order))
            return
        if self.foreign.add((order.symbol, order.id)):
            self.books.write("foreign", {"symbol": order.symbol, "id": order.id, "client_id": order.client_id})
            LOG.info("order %s of %s is not of this session, and is left alone", order.id, order.symbol)

    # Fills.

    def hear_fill(self, fill: Fill) -> None:
        """An order of the account traded; heard twice it is booked once."""
        sent = self.orders.found(fill.symbol, fill.order_id, fill.client_id)
        if sent is None:
            self._hear_forced(fill)
            return
        if not self.fills.add((fill.symbol, fill.id)):
            return
        self._replaced(sent, fill.client_id, fill.order_id, fill.time)
        self.orders.bind(sent, fill.order_id)
        sent.exchange_id = sent.exchange_id or fill.order_id
        self._book(sent, fill)
        sent.book(fill.order_id, fill.amount)
        if not sent.is_over:
            self._end(sent)

    def _hear_forced(self, fill: Fill) -> None:
        """The exchange closed a position, or a part of it, without an order of this session: that is booked once."""
        how = self.exchange.forced(fill.client_id) or self.forced.get((fill.symbol, fill.order_id), Forced.NONE)
        found = [k for k, each in enumerate(self.instruments) if each.is_contract and symbol_of(each) == fill.symbol]
        if not how or not found or not self.fills.add((fill.symbol, fill.id)):
            return
        told = filled_of(fill, self.instruments[found[0]])
        numbers = 0, fill.time, int(fill.side), told.ticks, told.amount, told.cost, told.fee, int(how)
        info = {"trade": fill.id, "exchange_id": fill.order_id, "price": str(fill.price), "symbol": fill.symbol}
        self.books.tell("forced", found[0], *numbers, **info)

    async def _forced_fills(self, order: Order) -> None:
        """Asks for the fills of a forced close: not every stream tells them."""
        for attempt in range(TRIES):
            found = await self._answer(partial(self.exchange.fills, order.symbol, order.time))
            mine = [fill for fill in found if fill.order_id == order.id]
            for fill in mine:
                self.hear_fill(fill)
            are_booked = all((fill.symbol, fill.id) in self.fills for fill in mine)
            if are_booked and sum((fill.amount for fill in mine), Decimal(0)) >= order.filled:
                break
            await asyncio.sleep(SOON * (attempt + 1))
        self.books.commit()

    def is_own(self, fill: Fill) -> bool:
        """Whether a fill of the account is of an order of this session."""
        is_known = (fill.symbol, fill.id) in self.fills
        return is_known or self.orders.found(fill.symbol, fill.order_id, fill.client_id) is not None

    def _book(self, sent: Sent, fill: Fill) -> None:
        """Tells a fill. What it is in the exchange's own numbers stands in the journal beside what is booked."""
        instrument = self.instruments[sent.k]
        told = {
            "trade": fill.id,
            "exchange_id": fill.order_id,
            "amount": str(fill.amount),
            "price": str(fill.price),
            "fee": None if fill.fee is None else str(fill.fee),
            "fee_currency": fill.fee_currency,
        }
        if not self.books.tell("filled", sent.k, sent.id, fill.time, *filled_of(fill, instrument), **told):
            why = f"fill {fill.id} of order {sent.id} came after its end"
            LOG.error("%s: %s: its money is booked, hooks are not told of it", self.exchange.name, why)
            self._adjust(sent, *change_of(fill, instrument), why=why, **told)
        elif fee := base_fee_of(fill, instrument):
            self._adjust(sent, 0, -fee, why=f"the fee of fill {fill.id} was taken in {instrument.base}")

    def _adjust(self, sent: Sent, cash: int, base: int, *, why: str, **told: Any) -> None:
        """Corrects balances. cash: quote units; base: base units."""
        self.books.tell("adjusted", sent.k, cash, base, order=sent.id, why=why, **told)
        self.check_balances(why)

    def check_balances(self, why: str) -> None:
        """Lets only reductions through while a balance is below zero: then the books are not the account's."""
        if self.books.is_sound:
            self.gate.lift("balance")
            return
        remedy = "`planar adopt` shows what the account has beside, and lets the books follow"
        self.gate.restrict("balance", State.REDUCING, f"A balance of the books is below zero, {why}: {remedy}.")

    def _ask_for_fills(self, sent: Sent) -> None:
        if not sent.is_asking:
            sent.is_asking = True
            self.watch(self._missing_fills(sent))

    async def _missing_fills(self, sent: Sent) -> None:
        """Asks for the fills that the exchange has counted, until the stream or the answers have told them all."""
        attempt = 0
        try:
            while True:
                attempt += 1
                await asyncio.sleep(SOON * min(attempt, 10))
                if not sent.is_behind:
                    break
                if sent.is_over and attempt > TRIES:
                    LOG.error("order %s: the exchange counts more than the fills that it tells", sent.id)
                    break
                start = min(each.time or 0 for each in sent.seen.values()) or None
                for fill in await self._answer(partial(self.exchange.fills, sent.request.symbol, start)):
                    self.hear_fill(fill)
        finally:
            sent.is_asking = False
        self.books.commit()

    # Work beside what is heard.

    async def _answer(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What a request gives, asked for until the exchange answers. Raises Rejected: it would say the same again."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await ask()
            except Rejected:
                raise
            except ExchangeError as error:
                LOG.warning("%s", error)
                await asyncio.sleep(SOON * min(attempt, LONGEST))

    def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that may take for ever, and that whoever goes on with the session does again."""
        if self._is_closing:
            work.close()
        else:
            self._run(self._doubts, work)

    def _run(self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                self._fail(error)

        task.add_done_callback(ended)
