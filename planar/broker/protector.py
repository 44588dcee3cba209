"""`Protector`: has the stops at the exchange that a strategy asked for and that protect what it holds.

A stop that is not there though it should be (its amend took it away and was refused, it was decided late, it never
arrived) is brought there as the order that it is, under another client id. Where the market is beyond its trigger, what
it would have done is done at once: a stop trades at market, a stop-limit becomes a limit.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from planar.broker.gate import State
from planar.broker.hearing import LOG, LONGEST, SOON
from planar.broker.sent import Sent
from planar.broker.terms import decimal, price_of
from planar.errors import ExchangeError, Rejected, Unreachable
from planar.exchange.model import OrderRequest
from planar.exchange.risk import JUDGED
from planar.model.instrument import exact
from planar.model.order import NEVER, STOPS, Kind, Reason, Status
from planar.simulator.books import Books

if TYPE_CHECKING:
    from planar.broker.live import Broker


class Protector:
    """Of one session. prices: the last price of an instrument, None where nobody knows."""

    def __init__(self, broker: "Broker", books: Books, prices: Callable[[int], Decimal | None]) -> None:
        self._broker, self._books, self._prices = broker, books, prices

    def record(self, k: int, id: int) -> Any:
        """The LIVE record of an open order, else None."""
        records = self._books.open_records(k)
        found = records[records["id"] == id - 1]
        return found[0] if len(found) else None

    def is_needed(self, k: int, id: int) -> bool:
        """Whether an open order is a stop that can only make what is held smaller, and that nobody wants cancelled."""
        order = self.record(k, id)
        return order is not None and order["cancel_at"] == NEVER and protects(order, self._books.base(k)[0])

    async def mends(self, sent: Sent, error: ExchangeError) -> bool:
        """An amend cancelled an order and was refused: whether that is a stop, which is put back with its old terms."""
        if not self.is_needed(sent.k, sent.id):
            return False
        broker, sent.is_away = self._broker, True
        try:
            order = await broker.exchange.order(sent.exchange_id, sent.request.symbol)
            broker.hear_order(order)
        except ExchangeError as unclear:
            sent.is_amending = sent.is_away = False
            broker.doubt(sent, unclear)  # it is put back when somebody can say
            return True
        is_gone = order.status is Status.CANCELLED
        sent.is_amending, sent.is_away = False, is_gone
        if is_gone:
            await self.bring(sent, broker.reason_of(error), str(error))
        return is_gone

    async def bring(self, sent: Sent, why: Reason = Reason.NOT_SENT, words: str = "") -> None:
        """Brings a stop to the exchange, once here and again beside it; by who has the instrument's turn.

        why, words: its amend was refused for.
        """
        if not await self.stand(sent, why, words):
            self._broker.watch(self.protect(sent, why, words))

    async def protect(self, sent: Sent, why: Reason = Reason.NOT_SENT, words: str = "") -> None:
        """Brings a stop to the exchange, however often that takes."""
        JUDGED.set(True)
        attempt = 0
        while not await self._turn(sent, why, words):
            attempt += 1
            await asyncio.sleep(SOON * min(attempt, LONGEST))

    async def _turn(self, sent: Sent, why: Reason, words: str) -> bool:
        async with self._broker.turns[sent.k]:
            is_done = sent.is_over or await self.stand(sent, why, words)
            self._broker.books.commit()
            return is_done

    async def stand(self, sent: Sent, why: Reason = Reason.NOT_SENT, words: str = "") -> bool:
        """The same, once, by who has the instrument's turn; False where the exchange could not be reached.

        The amend that was refused is told in one breath with the new client id: who dies before that finds the amend
        on its way, and who dies after it the id.
        """
        sent.is_away = True
        is_beyond = await self._is_beyond(sent)
        barred = self._barred(sent)
        if sent.wanted is not None:
            self._broker.not_amended(sent, why, words)
        if barred is not None:
            self.give_up(sent, *barred)
            return True
        return await self._send(sent, is_beyond)

    def _barred(self, sent: Sent) -> tuple[Reason, str] | None:
        """Why it is not brought there; None where it is."""
        gate = self._broker.gate
        if gate.state is State.HALTED:
            return Reason.RISK_LIMIT, f"the session is halted and sends nothing but cancels. {gate.why}"
        if self.is_needed(sent.k, sent.id):
            return None
        order = self.record(sent.k, sent.id)
        is_sent = order is not None and order["status"] != Status.PENDING
        return Reason.NONE if is_sent else Reason.STALE_DECISION, "there is nothing that it would protect"

    async def _send(self, sent: Sent, is_beyond: bool) -> bool:
        broker = self._broker
        request = self._request(sent, is_beyond)
        if request.amount is not None and request.amount <= 0:
            sent.is_away = False  # all of it was filled, which is still to be told
            return True
        sent.given_up = len(sent.names)
        name = broker.renamed(sent)
        try:
            order = await broker.exchange.place(replace(request, client_id=name))
        except Rejected as error:
            LOG.warning("%s", error)
            if error.code == "STOP_WOULD_TRIGGER" and not is_beyond:
                return await self._send(sent, True)
            self.give_up(sent, broker.reason_of(error), str(error))
        except Unreachable as error:
            LOG.warning("%s", error)
            return False
        except Exception as error:  # whatever it is, the order may be there
            sent.is_away = False
            broker.doubt(sent, broker.unknown(error))
        else:
            sent.is_away = False
            broker.books.write("stood", {"order": sent.id, "k": sent.k, "is_beyond": is_beyond})
            broker.hear_order(order)
            if is_beyond:
                time = order.time or broker.now()
                broker.books.tell("triggered", sent.k, sent.id, time, exchange_id=order.id)
        return True

    def give_up(self, sent: Sent, reason: Reason, why: str) -> None:
        """It is over: cancelled where the exchange had it once, else refused."""
        order = self.record(sent.k, sent.id)
        is_sent = order is not None and order["status"] != Status.PENDING
        sent.is_away = False
        self._broker.drop(sent, reason, why, Status.CANCELLED if is_sent or not reason else Status.REJECTED)

    async def _is_beyond(self, sent: Sent) -> bool:
        """Whether the market has reached its trigger."""
        order = self.record(sent.k, sent.id)
        if order is None or order["form"] < Kind.STOP:
            return order is not None  # it was triggered before
        if order["form"] == Kind.TRAIL:
            return False  # it follows anew from where the market is
        try:
            last = (await self._broker.exchange.ticker(sent.request.symbol)).last
        except ExchangeError as error:
            LOG.warning("%s", error)
            last = None
        last = last or self._prices(sent.k)
        stop = price_of(int(order["stop"]), self._books.instruments[sent.k])
        return last is not None and (last - stop) * int(order["side"]) >= 0

    def _request(self, sent: Sent, is_beyond: bool) -> OrderRequest:
        """The order with the terms that the books have, as far as it is not filled."""
        order, instrument = self.record(sent.k, sent.id), self._books.instruments[sent.k]
        left = decimal(int(order["amount"] - order["filled"]), exact(instrument.unit)) - sent.behind
        limit, stop = (price_of(int(order[name]), instrument) if order[name] else None for name in ("price", "stop"))
        request = replace(sent.request, amount=left, cost=None, price=limit)
        if is_beyond:
            return replace(request, stop=None, trail=None, trail_by=None, activation=None)
        return request if request.is_trailing else replace(request, stop=stop)


def protects(order: Any, held: int) -> bool:
    """Whether an order of LIVE's fields is a stop against a position. held: base units, negative for a short one."""
    return int(order["kind"]) in STOPS and int(order["side"]) * held < 0
