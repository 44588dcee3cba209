"""`Broker`: sends what a strategy asks for to an exchange, and tells what becomes of it, each thing once.

An order is journalled before it is sent, under an id of its own. What the exchange says comes three ways (the answer,
the streams of orders and fills, requests for what these missed), in any order and more than once; a fill is booked
once by its id, and an order is over when its last fill is booked.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from planar.broker.books import Books
from planar.broker.contracts import Contracts
from planar.broker.hearing import LOG
from planar.broker.pace import Pace
from planar.broker.risk import RiskGate
from planar.broker.search import Search
from planar.broker.sent import Sent
from planar.broker.terms import decimal, price_of, request_of
from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.interface import Exchange
from planar.exchange.model import Order
from planar.exchange.risk import JUDGED
from planar.model.ask import Amend, Ask, Cancel, Leverage, Margin, Place
from planar.model.instrument import Instrument, exact
from planar.model.order import Reason, Status

__all__ = ["Books", "Broker", "Sent"]

REASONS = {
    "INSUFFICIENT_FUNDS": Reason.INSUFFICIENT_FUNDS,
    "POST_ONLY_WOULD_TAKE": Reason.POST_ONLY_WOULD_TAKE,
    "STOP_WOULD_TRIGGER": Reason.STOP_WOULD_TRIGGER,
    "BELOW_MIN_AMOUNT": Reason.BELOW_MIN_AMOUNT,
    "BELOW_MIN_COST": Reason.BELOW_MIN_COST,
    "INVALID_PRICE": Reason.INVALID_PRICE,
    "TOO_MANY_ORDERS": Reason.TOO_MANY_ORDERS,
    "MAX_POSITION": Reason.MAX_POSITION,
    "REDUCE_ONLY_WOULD_INCREASE": Reason.REDUCE_ONLY_WOULD_INCREASE,
    "ORDER_DONE": Reason.ORDER_DONE,
    "ORDER_NOT_FOUND": Reason.UNKNOWN_ORDER,
}
"""What a code of an exchange's refusal is to a strategy; all others are VENUE_REFUSED."""

MAY_BE_OVER = {
    "ORDER_NOT_FOUND",
    "ORDER_DONE",
    "ORDER_NOT_FILLABLE",
    "AMEND_FAILED",
    "INVALID_ORDER",
    "OPERATION_REJECTED",
    "POST_ONLY_WOULD_TAKE",
    "STOP_WOULD_TRIGGER",
}
"""Codes with which an amend or a cancel is refused where the order may have ended: it did, or the market is there."""

CANCELLED_NOT_REPLACED = "CANCELLED_NOT_REPLACED"
NOT_KNOWN = "it is not known whether the exchange has it"


class Broker(Search):
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
        super().__init__(exchange, instruments, books, clock, fail)
        self.pace = Pace()
        self.risk: RiskGate | None = None
        self.contracts = Contracts(self)
        self.turns = [asyncio.Lock() for _ in instruments]

    @property
    def busy(self) -> bool:
        """Whether anything is still on its way, or not known."""
        is_open = any(each.is_unknown or each.is_away or each.is_behind for each in self.orders.values())
        return is_open or bool(self._tasks) or bool(self.ghosts)

    def restore_contract(self, body: Mapping[str, Any]) -> None:
        """Something that was told of a contract, and of no order, before the journal ended."""
        self.contracts.restore(body)
        if body["what"] == "forced":
            self.fills.add((body["symbol"], body["trade"]))

    def send(self, asks: Sequence[Ask], *, is_late: bool = False) -> None:
        """Journals what is asked for, then sends it: of each instrument in order, of several side by side.

        is_late: the market has moved on since it was decided; orders are stops then, which a `Protector` sends.
        """
        asks = self._let_through(asks)
        for ask in asks:
            if isinstance(ask, Place):
                self._intend(ask, is_late)
        self.books.commit()
        for k in sorted({ask.k for ask in asks}):
            self._run(self._tasks, self._chain(k, [ask for ask in asks if ask.k == k]))

    def _let_through(self, asks: Sequence[Ask]) -> list[Ask]:
        """What the limits allow; of the rest it is told why not."""
        if self.risk is None:
            return list(asks)
        passed = []
        for ask, why in self.risk.judged(asks):
            if not why:
                passed.append(ask)
            else:
                self._bar(ask, why)
        return passed

    def _bar(self, ask: Ask, why: str) -> None:
        if isinstance(ask, Leverage | Margin):
            self.contracts.refuse(ask, why)
        elif isinstance(ask, Amend):
            self.books.tell("not_amended", ask.k, ask.id, self.now(), int(Reason.RISK_LIMIT), error=why)
        elif ask.id in self.orders:
            self.drop(self.orders[ask.id], Reason.RISK_LIMIT, why)
        else:
            refused = int(Status.REJECTED), int(Reason.RISK_LIMIT)
            self.books.tell("ended", ask.k, ask.id, self.now(), *refused, error=why)

    def _is_barred(self, ask: Place | Amend) -> bool:
        """Whether the limits do not let it leave any more, since what was before it became something else."""
        why = self.risk.late(ask) if self.risk else ""
        if why:
            self._bar(ask, why)
        return bool(why)

    def _intend(self, ask: Place, is_late: bool) -> None:
        name = self.exchange.new_client_id()
        sent = Sent(ask.id, ask.k, request_of(ask, self.instruments[ask.k], name), is_away=is_late)
        self.orders[sent.id] = sent
        if not is_late:
            self._call(sent, name)

    def _call(self, sent: Sent, name: str) -> None:
        """Names an order, in the journal too."""
        self.orders.name(sent, name)
        self.books.write("intent", {"order": sent.id, "k": sent.k, "client_id": name})

    async def _chain(self, k: int, asks: list[Ask]) -> None:
        JUDGED.set(True)
        async with self.turns[k]:
            for ask in asks:
                if isinstance(ask, Leverage | Margin):
                    await self.contracts.change(ask)
                    continue
                sent = self.orders.get(ask.id)
                if sent is None or (not isinstance(ask, Cancel) and self._is_barred(ask)):
                    continue  # it is over since, or may not leave any more
                if isinstance(ask, Place):
                    await self._place(sent)
                elif isinstance(ask, Amend):
                    await self._amend(sent, ask)
                else:
                    await self._cancel(sent)
                if sent.request.stop is not None:
                    self.books.commit()  # how long a position was without it is measured from there
            self.books.commit()

    async def _place(self, sent: Sent) -> None:
        if sent.is_away and self.protector is not None:
            await self.protector.bring(sent)
            return
        try:
            order = await self.pace.timed(sent.decided, self.exchange.place(sent.request))
        except Rejected as error:
            self._refused(sent, self.reason_of(error), error)
        except Unreachable as error:
            if not self.brings_back(sent):
                self._refused(sent, Reason.NOT_SENT, error)
        except Exception as error:  # whatever it is, the order may be there
            self.doubt(sent, self.unknown(error))
        else:
            self.hear_order(order)

    def _refused(self, sent: Sent, reason: Reason, error: ExchangeError) -> None:
        LOG.warning("%s", error)
        self.drop(sent, reason, str(error))

    def reason_of(self, error: ExchangeError) -> Reason:
        """What a refusal is to a strategy."""
        return REASONS.get(error.code, Reason.VENUE_REFUSED)

    def unknown(self, error: Exception) -> Unknown:
        """What a write raised, as an outcome that is not known."""
        if isinstance(error, Unknown):
            return error
        LOG.error("a connector's fault", exc_info=error)
        told = f"{self.exchange.name}: {type(error).__name__}: {error}"
        return Unknown(told, exchange=self.exchange.id, code="CONNECTOR_FAULT")

    async def _cancel(self, sent: Sent) -> None:
        if sent.is_away and self.protector is not None:
            self.protector.give_up(sent, Reason.NONE, "it was not at the exchange")
            return
        if not sent.exchange_id or sent.is_unknown:
            self.books.tell("not_cancelled", sent.k, sent.id, error=NOT_KNOWN)
            return
        try:
            order = await self.exchange.cancel(sent.exchange_id, sent.request.symbol)
        except Exception as error:
            # Whatever it is: if it was done the stream tells, and if not it may be asked for again.
            self.books.tell("not_cancelled", sent.k, sent.id, error=str(error))
            self._look_up(sent, error)
            LOG.warning("%s", error if isinstance(error, ExchangeError) else self.unknown(error))
        else:
            self.hear_order(order)

    async def _amend(self, sent: Sent, ask: Amend) -> None:
        if not sent.exchange_id or sent.is_away:
            self.not_amended(sent, Reason.NOT_SENT, NOT_KNOWN)
            return
        sent.wanted, sent.is_amending = ask, True
        try:
            order = await self._ask_amend(sent, ask)
        except (Rejected, Unreachable) as error:
            LOG.warning("%s", error)
            is_torn = error.code == CANCELLED_NOT_REPLACED
            if is_torn and self.protector is not None and await self.protector.mends(sent, error):
                return
            sent.is_amending = False
            self.not_amended(sent, self.reason_of(error), str(error))
            if is_torn:
                self.doubt(sent, error)
            self._look_up(sent, error)
        except Exception as error:  # as of an order
            sent.is_amending = False
            self.doubt(sent, self.unknown(error))
        else:
            sent.is_amending = False
            self.amended(sent, order)
            self.hear_order(order)

    def _look_up(self, sent: Sent, error: Exception) -> None:
        """Asks at once what became of an order whose change was refused, where that may be since it is over."""
        if isinstance(error, Rejected) and error.code in MAY_BE_OVER and sent.exchange_id and not sent.is_over:
            self.watch(self._looked_up(sent))

    async def _looked_up(self, sent: Sent) -> None:
        try:
            await self._ask_again(sent)
        except Rejected as error:  # whoever compares the books asks for it in its other ways
            LOG.warning("%s", error)

    async def _ask_amend(self, sent: Sent, ask: Amend) -> Order:
        instrument = self.instruments[sent.k]
        return await self.exchange.amend(
            sent.exchange_id,
            sent.request.symbol,
            price=price_of(ask.limit, instrument) if ask.limit else None,
            stop=price_of(ask.stop, instrument) if ask.stop else None,
            amount=decimal(ask.units, exact(instrument.unit)) if ask.units else None,
            new_id=lambda: self._offered(sent),
        )

    def _offered(self, sent: Sent) -> str:
        """The client id that an amend gives."""
        sent.offered = self.renamed(sent)
        return sent.offered

    def renamed(self, sent: Sent) -> str:
        """The client id of what is to take the order's place, on disk before it is sent."""
        name = self.exchange.new_client_id()
        self._call(sent, name)
        self.books.commit()
        return name

    async def close(self) -> None:
        """Waits until all that was to be sent is sent; doubts are left to whoever goes on."""
        self._is_closing = True
        for task in list(self._doubts):
            task.cancel()
        await asyncio.gather(*list(self._doubts), return_exceptions=True)
        while self._tasks:
            await asyncio.gather(*list(self._tasks), return_exceptions=True)
