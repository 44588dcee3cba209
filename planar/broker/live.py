"""`Broker`: sends what a strategy asks for to an exchange, and tells what becomes of it, each thing once.

An order is journalled before it is sent, under an id of its own. What the exchange says comes three ways (the answer,
the streams of orders and fills, requests for what these missed), in any order and more than once; a fill is booked
once by its id, and an order is over when its last fill is booked.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from planar.broker.gate import Gate, State
from planar.broker.pace import Pace
from planar.broker.terms import decimal, filled_of, price_of, request_of, symbol_of
from planar.errors import DataError, ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.interface import Exchange
from planar.exchange.model import Fill, Order, OrderRequest
from planar.model.ask import Amend, Ask, Place
from planar.model.instrument import Instrument, exact
from planar.model.order import Reason, Status, Tif

LOG = logging.getLogger("planar.session")

REASONS = {
    "INSUFFICIENT_FUNDS": Reason.INSUFFICIENT_FUNDS,
    "POST_ONLY_WOULD_TAKE": Reason.POST_ONLY_WOULD_TAKE,
    "STOP_WOULD_TRIGGER": Reason.STOP_WOULD_TRIGGER,
    "BELOW_MIN_AMOUNT": Reason.BELOW_MIN_AMOUNT,
    "BELOW_MIN_COST": Reason.BELOW_MIN_COST,
    "INVALID_PRICE": Reason.INVALID_PRICE,
    "TOO_MANY_ORDERS": Reason.TOO_MANY_ORDERS,
    "ORDER_DONE": Reason.ORDER_DONE,
    "ORDER_NOT_FOUND": Reason.UNKNOWN_ORDER,
}
"""What a code of an exchange's refusal is to a strategy; all others are VENUE_REFUSED."""

UNFILLED = {Tif.IOC: Reason.IOC_UNFILLED, Tif.FOK: Reason.FOK_UNFILLED, Tif.GTD: Reason.GTD_EXPIRED}
CANCELLED_NOT_REPLACED = "CANCELLED_NOT_REPLACED"
SOON = 1.0
"""Seconds after which fills that no stream told are asked for."""


class Books(Protocol):
    """Who is told: `planar.engine.session.recorder.Recorder`."""

    def tell(self, name: str, k: int, *numbers: int, **info: Any) -> bool:
        """Something became of an order."""
        ...

    def write(self, kind: str, body: Any) -> None:
        """Notes something in the journal."""
        ...

    def commit(self) -> None:
        """Returns when all of it is on disk."""
        ...


@dataclass
class Sent:
    """An order on its way or at the exchange.

    names: its client ids, the newest last: one more for each amend that replaces it. exchange_id: the newest.
    booked: what was told as filled of each of the exchange's ids; seen: what it says they filled; ends: those that are
    over, as they ended. wanted: the amend on its way. is_unknown: nobody could say what became of it. is_asking: fills
    that no stream told are being asked for. decided: when it was asked for, `time.perf_counter`.
    """

    id: int
    k: int
    request: OrderRequest
    names: list[str]
    exchange_id: str = ""
    booked: dict[str, Decimal] = field(default_factory=dict)
    seen: dict[str, Order] = field(default_factory=dict)
    ends: dict[str, Order] = field(default_factory=dict)
    wanted: Amend | None = None
    is_unknown: bool = False
    is_amending: bool = False
    is_asking: bool = False
    decided: float = field(default_factory=time.perf_counter)

    @property
    def is_behind(self) -> bool:
        """Whether fills are missing that the exchange has counted."""
        return any(self.booked.get(id, Decimal(0)) < each.filled for id, each in self.seen.items())

    @property
    def last(self) -> Order | None:
        """How it ended, where it did and all its fills are booked."""
        end = self.ends.get(self.exchange_id)
        is_open = self.is_amending or self.is_unknown or self.is_behind
        return None if end is None or is_open else end


class Broker:
    """The orders of one session at one exchange.

    clock: UTC ms of the exchange's time, for what it does not date. fail: hears what must end the session.
    """

    def __init__(
        self,
        exchange: Exchange,
        instruments: Sequence[Instrument],
        books: Books,
        clock: Callable[[], int],
        fail: Callable[[Exception], None],
    ) -> None:
        self.exchange, self.instruments, self.books, self._clock = exchange, list(instruments), books, clock
        self._fail = fail
        self.gate = Gate(self._restricted)
        self.pace = Pace()
        self.orders: dict[int, Sent] = {}
        self.fills: set[tuple[str, str]] = set()
        self.foreign: set[tuple[str, str]] = set()
        self._by_name: dict[str, Sent] = {}
        self._by_id: dict[tuple[str, str], Sent] = {}
        self._turns = [asyncio.Lock() for _ in instruments]
        self._tasks: set[asyncio.Task[None]] = set()
        self._doubts: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether anything is still on its way, or not known."""
        return bool(self._tasks) or any(each.is_unknown or each.is_behind for each in self.orders.values())

    def _restricted(self, state: State, why: str) -> None:
        LOG.warning("%s %s", state.name, why)
        self.books.write("state", {"state": state.name, "why": why})
        self.books.commit()

    # Sending.

    def send(self, asks: Sequence[Ask]) -> None:
        """Journals what is asked for, then sends it: of each instrument in order, of several side by side."""
        for ask in asks:
            if isinstance(ask, Place):
                self._intend(ask)
        self.books.commit()
        for k in sorted({ask.k for ask in asks}):
            self._spawn(self._chain(k, [ask for ask in asks if ask.k == k]))

    def _intend(self, ask: Place) -> None:
        name = self.exchange.new_client_id()
        sent = Sent(ask.id, ask.k, request_of(ask, self.instruments[ask.k], name), [])
        self._remember(sent, name)
        self.books.write("intent", {"order": ask.id, "k": ask.k, "client_id": name})

    def _remember(self, sent: Sent, name: str) -> None:
        sent.names.append(name)
        self.orders[sent.id] = self._by_name[name] = sent

    def _spawn(self, work: Any) -> None:
        self._run(self._tasks, work)

    def _run(self, tasks: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                self._fail(error)

        task.add_done_callback(ended)

    async def _chain(self, k: int, asks: list[Ask]) -> None:
        async with self._turns[k]:
            for ask in asks:
                sent = self.orders.get(ask.id)
                if sent is None:
                    continue  # it is over since
                if isinstance(ask, Place):
                    await self._place(sent)
                elif isinstance(ask, Amend):
                    await self._amend(sent, ask)
                else:
                    await self._cancel(sent)
            self.books.commit()

    async def _place(self, sent: Sent) -> None:
        try:
            order = await self.pace.timed(sent.decided, self.exchange.place(sent.request))
        except Rejected as error:
            self._refused(sent, REASONS.get(error.code, Reason.VENUE_REFUSED), error)
        except Unreachable as error:
            self._refused(sent, Reason.NOT_SENT, error)
        except Unknown as error:
            self._doubt(sent, error)
        else:
            self.hear_order(order)

    def _refused(self, sent: Sent, reason: Reason, error: ExchangeError) -> None:
        LOG.warning("%s", error)
        self.drop(sent, reason, str(error))

    def drop(self, sent: Sent, reason: Reason, why: str) -> None:
        """The order is not at the exchange and never will be."""
        sent.is_unknown = False
        self.books.tell("ended", sent.k, sent.id, self._clock(), int(Status.REJECTED), int(reason), error=why)
        self._forget(sent)

    async def _cancel(self, sent: Sent) -> None:
        if not sent.exchange_id or sent.is_unknown:
            self.books.tell("not_cancelled", sent.k, sent.id, error="it is not known whether the exchange has it")
            return
        try:
            self.hear_order(await self.exchange.cancel(sent.exchange_id, sent.request.symbol))
        except ExchangeError as error:
            self.books.tell("not_cancelled", sent.k, sent.id, error=str(error))
            LOG.warning("%s", error)

    async def _amend(self, sent: Sent, ask: Amend) -> None:
        if not sent.exchange_id:
            self._not_amended(sent, Reason.NOT_SENT, "it is not known whether the exchange has it")
            return
        instrument = self.instruments[sent.k]
        sent.wanted, sent.is_amending = ask, True
        try:
            order = await self.exchange.amend(
                sent.exchange_id,
                sent.request.symbol,
                price=price_of(ask.limit, instrument) if ask.limit else None,
                stop=price_of(ask.stop, instrument) if ask.stop else None,
                amount=decimal(ask.units, exact(instrument.unit)) if ask.units else None,
                new_id=lambda: self._renamed(sent),
            )
        except Unknown as error:
            sent.is_amending = False
            self._doubt(sent, error)
        except ExchangeError as error:
            LOG.warning("%s", error)
            sent.is_amending = False
            self._not_amended(sent, REASONS.get(error.code, Reason.VENUE_REFUSED), str(error))
            if error.code == CANCELLED_NOT_REPLACED:
                self._doubt(sent, error)
        else:
            sent.is_amending = False
            self._amended(sent, order)
            self.hear_order(order)

    def _amended(self, sent: Sent, order: Order) -> None:
        """The order has its new terms, under a new id where it was replaced."""
        self._bind(sent, order)
        sent.wanted = None
        self.books.tell("amended", sent.k, sent.id, order.updated or order.time or self._clock(), exchange_id=order.id)

    def _not_amended(self, sent: Sent, reason: Reason, why: str) -> None:
        sent.wanted = None
        self.books.tell("not_amended", sent.k, sent.id, self._clock(), int(reason), error=why)

    def _renamed(self, sent: Sent) -> str:
        """The client id of what is to take the order's place, journalled before it is sent."""
        name = self.exchange.new_client_id()
        self._remember(sent, name)
        self.books.write("intent", {"order": sent.id, "k": sent.k, "client_id": name})
        self.books.commit()
        return name

    # Hearing.

    def hear_order(self, order: Order) -> None:
        """An order of the account stands so."""
        sent = self._found(order)
        if sent is None:
            self._hear_foreign(order)
            return
        self._replaced(sent, order.client_id, order.id, order.time)
        if not sent.exchange_id or order.client_id == sent.names[-1]:
            self._bind(sent, order)
        known = sent.seen.get(order.id)
        if known is None or order.filled >= known.filled:
            sent.seen[order.id] = order
        if order.status <= Status.PARTIAL:
            self.books.tell("accepted", sent.k, sent.id, order.time or self._clock(), exchange_id=order.id)
        elif order.status is not Status.UNKNOWN:
            sent.ends[order.id] = order
        self._end(sent)

    def _replaced(self, sent: Sent, name: str, id: str, time: int | None) -> None:
        """What is heard under the id that an amend gave proves that it was done, before its answer says so."""
        if sent.wanted is not None and len(sent.names) > 1 and name == sent.names[-1] and id != sent.exchange_id:
            sent.wanted = None
            self.books.tell("amended", sent.k, sent.id, time or self._clock(), exchange_id=id)

    def _found(self, order: Order) -> Sent | None:
        return self._by_name.get(order.client_id) or self._by_id.get((order.symbol, order.id))

    def _bind(self, sent: Sent, order: Order) -> None:
        """The order has this id at the exchange from now on."""
        if sent.exchange_id == order.id:
            return
        sent.exchange_id = order.id
        self._by_id[order.symbol, order.id] = sent

    def hear_fill(self, fill: Fill) -> None:
        """An order of the account traded; heard twice it is booked once."""
        key = (fill.symbol, fill.id)
        sent = self._by_id.get((fill.symbol, fill.order_id)) or self._by_name.get(fill.client_id)
        if sent is None or key in self.fills:
            return
        self._replaced(sent, fill.client_id, fill.order_id, fill.time)
        self.fills.add(key)
        if fill.order_id not in (sent.exchange_id, *sent.booked):
            self._by_id[fill.symbol, fill.order_id] = sent
            sent.exchange_id = sent.exchange_id or fill.order_id
        booked = self.books.tell(
            "filled",
            sent.k,
            sent.id,
            fill.time,
            *filled_of(fill, self.instruments[sent.k]),
            trade=fill.id,
            exchange_id=fill.order_id,
            price=str(fill.price),
            fee=None if fill.fee is None else str(fill.fee),
            fee_currency=fill.fee_currency,
        )
        if not booked:
            raise DataError(
                f"{self.exchange.name}: fill {fill.id} of order {sent.id}, {fill.amount} at {fill.price}, came after "
                "its end: the session's books are no longer the account's. Begin another session."
            )
        sent.booked[fill.order_id] = sent.booked.get(fill.order_id, Decimal(0)) + fill.amount
        self._end(sent)

    def _end(self, sent: Sent) -> None:
        """Tells the end of an order once its last fill is booked; asks for the fills that do not come."""
        last = sent.last
        if last is None:
            if sent.is_behind:
                self._ask_for_fills(sent)
            return
        time, status = last.updated or last.time or self._clock(), last.status
        reason = Reason.NONE
        if status is Status.EXPIRED:
            reason = UNFILLED.get(sent.request.tif, Reason.IOC_UNFILLED)
        elif status is Status.REJECTED:
            reason = Reason.VENUE_REFUSED
        # An order of an amount is done with its last fill already; this ends those of a cost.
        self.books.tell("ended", sent.k, sent.id, time, int(status), int(reason), exchange_id=last.id)
        self._forget(sent)

    def _forget(self, sent: Sent) -> None:
        self.orders.pop(sent.id, None)

    def _hear_foreign(self, order: Order) -> None:
        """An order of the account that this session did not send: told once, and left alone."""
        key = (order.symbol, order.id)
        if key not in self.foreign:
            self.foreign.add(key)
            self.books.write("foreign", {"symbol": order.symbol, "id": order.id, "client_id": order.client_id})
            LOG.info("order %s of %s is not of this session, and is left alone", order.id, order.symbol)

    def _ask_for_fills(self, sent: Sent) -> None:
        if not sent.is_asking:
            sent.is_asking = True
            self._look(self._missing_fills(sent))

    async def _missing_fills(self, sent: Sent) -> None:
        """Asks for the fills that the exchange has counted, until the stream or the answers have told them all."""
        attempt = 0
        while True:
            attempt += 1
            await asyncio.sleep(SOON * min(attempt, 10))
            if sent.id not in self.orders or not sent.is_behind:
                break
            start = min(each.time or 0 for each in sent.seen.values()) or None
            try:
                for fill in await self.exchange.fills(sent.request.symbol, start):
                    self.hear_fill(fill)
            except ExchangeError as error:
                LOG.warning("%s", error)
        sent.is_asking = False
        self.books.commit()

    # Looking.

    def restore(self, place: Place, wanted: Amend | None, names: Sequence[str]) -> None:
        """An order that was not over when the journal ended.

        wanted: its last amend, done or not; names: the client ids it was sent under.
        """
        request = request_of(place, self.instruments[place.k], names[0] if names else "")
        sent = Sent(place.id, place.k, request, [], wanted=wanted)
        self.orders[sent.id] = sent
        for name in names:
            self._remember(sent, name)

    def restore_told(self, body: Mapping[str, Any]) -> None:
        """Something that was told before the journal ended, of whatever order."""
        sent, exchange_id = self.orders.get(body["numbers"][0]), body.get("exchange_id", "")
        symbol = symbol_of(self.instruments[body["k"]])
        if body["what"] == "filled":
            self.fills.add((symbol, body["trade"]))
        if sent is None or not exchange_id:
            return
        sent.exchange_id = exchange_id
        self._by_id[symbol, exchange_id] = sent
        if body["what"] in ("amended", "not_amended"):
            sent.wanted = None
        if body["what"] == "filled":
            amount = decimal(body["numbers"][3], exact(self.instruments[sent.k].unit))
            sent.booked[exchange_id] = sent.booked.get(exchange_id, Decimal(0)) + amount

    def _doubt(self, sent: Sent, error: ExchangeError) -> None:
        """Nobody could say what became of it: it is looked for until somebody can."""
        LOG.error("%s", error)
        sent.is_unknown = True
        self.books.write("unknown", {"order": sent.id, "client_id": sent.names[-1], "error": str(error)})
        self._look(self._resolve(sent))

    def _look(self, work: Any) -> None:
        """Something that may take for ever, and that whoever goes on with the session does again."""
        self._run(self._doubts, work)

    async def _resolve(self, sent: Sent) -> None:
        attempt = 0
        while sent.id in self.orders and sent.is_unknown:
            attempt += 1
            try:
                # The receive window was over before the doubt was raised: what is not there now never will be.
                if not await self.look_for(sent, is_last=True):
                    self.drop(sent, Reason.NOT_SENT, "the exchange does not have it")
            except ExchangeError as error:
                LOG.warning("%s", error)
                await asyncio.sleep(SOON * min(attempt, 30))
        self.books.commit()

    async def look_for(self, sent: Sent, *, is_last: bool) -> bool:
        """Asks the exchange what became of an order, under each id it may have; whether that is clear.

        is_last: nothing that was sent can arrive any more, so what is not there never will be.
        """
        found = [order for name in list(sent.names) if (order := await self._named(sent, name)) is not None]
        if not found:
            return False
        is_newest = found[-1].client_id == sent.names[-1]
        is_done = sent.wanted is None or self._has_terms(sent, found[-1], sent.wanted)
        if not is_last and not (is_newest and is_done):
            return False
        sent.is_unknown = False
        self._bind(sent, found[-1])
        if sent.wanted is not None and is_done:
            self._amended(sent, found[-1])
        elif sent.wanted is not None:
            self._not_amended(sent, Reason.NOT_SENT, "the exchange has it as it was")
        for order in reversed(found):
            self.hear_order(order)
        return True

    def _has_terms(self, sent: Sent, order: Order, wanted: Amend) -> bool:
        """Whether the exchange has the order as it was to become; one that replaced it is of what was left to fill."""
        instrument = self.instruments[sent.k]
        before = sum((amount for id, amount in sent.booked.items() if id != order.id), Decimal(0))
        return (
            (order.price or 0) == price_of(wanted.limit, instrument)
            and (order.stop or 0) == price_of(wanted.stop, instrument)
            and (order.amount is None or order.amount + before == decimal(wanted.units, exact(instrument.unit)))
        )

    async def _named(self, sent: Sent, name: str) -> Order | None:
        """The exchange's order under a client id; None where it has none."""
        try:
            return await self.exchange.order("", sent.request.symbol, client_id=name)
        except Rejected as error:
            if error.code != "ORDER_NOT_FOUND":
                raise
            return None

    async def close(self) -> None:
        """Waits until all that was to be sent is sent; doubts are left to whoever goes on."""
        for task in list(self._doubts):
            task.cancel()
        await asyncio.gather(*list(self._doubts), return_exceptions=True)
        while self._tasks:
            await asyncio.gather(*list(self._tasks), return_exceptions=True)
