"""`RiskGate`: judges what a strategy asks for before it is sent; a refusal is a sentence.

What can only make a position smaller passes every limit; HALTED alone stops it. Cancels always pass.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from planar.broker.gate import Gate, State
from planar.broker.limits import Reach, Standing, barred, excess, off_price
from planar.broker.terms import decimal, request_of, symbol_of
from planar.config.settings import Risk
from planar.exchange.risk import cost_at_worst
from planar.model.ask import Amend, Ask, Cancel, Place
from planar.model.instrument import exact
from planar.model.order import NEVER, Side
from planar.simulator.books import Books
from planar.store.candles import utc

MINUTE = 60_000


@dataclass
class RiskGate:
    """The limits of one session, over its books.

    clock: UTC ms of the session's time. prices: the last price of an instrument, None where nobody knows. look: called
    before anything is judged; it may restrict the gate.
    """

    risk: Risk
    books: Books
    gate: Gate
    clock: Callable[[], int]
    prices: Callable[[int], Decimal | None]
    look: Callable[[], None] = lambda: None
    cancelled: set[int] = field(default_factory=set)
    _sent: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        instruments = self.books.instruments
        self._units = [decimal(1, exact(each.unit)) for each in instruments]
        self._ticks = [decimal(1, exact(each.price_step)) for each in instruments]

    def judged(self, asks: Sequence[Ask]) -> Iterator[tuple[Ask, str]]:
        """Each ask, and why it must not be sent. What becomes of one is to be told before the next is asked for."""
        self.look()
        waiting = {ask.id for ask in asks if isinstance(ask, Place)}
        for ask in asks:
            waiting.discard(ask.id)
            if isinstance(ask, Cancel):
                self.cancelled.add(ask.id)
                yield ask, ""
                continue
            why = self.refusal(ask, without=waiting)
            if not why:
                self._sent.append(self.clock())
            yield ask, why

    def refusal(
        self, ask: Place | Amend, without: frozenset[int] | set[int] = frozenset(), *, late: bool = False
    ) -> str:
        """Why an order or an amend must not be sent; empty where it may.

        without: orders that do not count yet. late: it is about to leave, and orders whose cancel is on its way count
        as well: those cancels had their answer, or none.
        """
        is_locked = self.gate.is_locked(ask.k, self.clock())
        if self.gate.state is State.ACTIVE and not self.risk.limits and not is_locked:
            return ""
        order, last = self._record(ask), self.prices(ask.k)
        reach = self._asked(ask, order, last)
        standing = self._standing(ask.k, {*without, ask.id}, last, late)
        is_exit = standing.is_reduced_by(reach)
        if isinstance(ask, Amend) and order is not None:
            is_exit |= reach.is_within(self._present(ask.k, order, last))
        why = barred(self.gate.state, self.gate.why, is_exit=is_exit)
        if why or is_exit:
            return why
        if is_locked:
            return f"its instrument is locked: {self.locked(ask.k)}"
        prices = [self._price(ask.k, ticks) for ticks in (ask.limit, ask.stop)]
        quote = self.books.instruments[ask.k].quote
        return excess(self.risk, standing, reach, quote) or off_price(self.risk, prices, last) or self._hurry(late)

    def locked(self, k: int) -> str:
        """The lock of an instrument, as a sentence with the remedy."""
        symbol, until = symbol_of(self.books.instruments[k]), self.gate.until(k)
        ends = "until somebody unlocks it" if until is None else f"until {utc(until)}"
        return f"{symbol} takes no entries {ends}: `planar unlock` ends that."

    def withdrawn(self) -> list[Cancel]:
        """Cancels of the open orders that may not stay: those that would make larger what may only become smaller."""
        found, now, is_any = [], self.clock(), self.gate.state is not State.ACTIVE
        for k in range(len(self.books.instruments)):
            if not is_any and not self.gate.is_locked(k, now):
                continue
            held = self.books.base(k)[0]
            records = [one for one in self.books.open_records(k) if one["cancel_at"] == NEVER]
            found += [Cancel(int(one["id"]) + 1, k) for one in records if int(one["side"]) * held >= 0]
        return found

    def _hurry(self, late: bool) -> str:
        most, now = self.risk.orders_per_minute, self.clock()
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()
        if not most or late or len(self._sent) < most:
            return ""
        return (
            f"{len(self._sent)} orders and amends were sent within a minute, and risk.orders_per_minute = {most} is "
            "the most that is allowed: ask less often, or raise that."
        )

    # Books as terms.

    def _record(self, ask: Place | Amend) -> Any:
        records = self.books.open_records(ask.k)
        found = records[records["id"] == ask.id - 1]
        return found[0] if len(found) else None

    def _asked(self, ask: Place | Amend, order: Any, last: Decimal | None) -> Reach:
        """What an order may do with the terms that are asked for."""
        if isinstance(ask, Place):
            request = request_of(ask, self.books.instruments[ask.k], "")
            if request.amount is None:
                return Reach(request.side, 0, request.cost)
            units = round(exact(str(request.amount)) / exact(self.books.instruments[ask.k].unit))
            return self._of(ask.k, request.side, units, ask.limit, ask.stop, last)
        side, filled = (Side.BUY, 0) if order is None else (Side(int(order["side"])), int(order["filled"]))
        return self._of(ask.k, side, ask.units - filled, ask.limit, ask.stop, last)

    def _of(self, k: int, side: Side, units: int, limit: int, stop: int, last: Decimal | None) -> Reach:
        units = max(units, 0)  # an amend may come to less than was filled meanwhile
        cost = cost_at_worst(side, units * self._units[k], self._price(k, limit), self._price(k, stop), last)
        return Reach(side, units, cost)

    def _price(self, k: int, ticks: int) -> Decimal | None:
        return ticks * self._ticks[k] if ticks else None

    def _standing(self, k: int, without: set[int], last: Decimal | None, late: bool) -> Standing:
        worth = None if last is None else self._units[k] * last
        records = [one for one in self.books.open_records(k) if int(one["id"]) + 1 not in without]
        counted = [one for one in records if late or one["cancel_at"] == NEVER]
        return Standing(self.books.base(k)[0], worth, [self._reach(k, one, last) for one in counted])

    def _reach(self, k: int, order: Any, last: Decimal | None) -> Reach:
        """What an open order may still do, with the terms that it has or with those of an amend on its way."""
        now = self._present(k, order, last)
        if order["amend"] < 0:
            return now
        new = self.books.memory.logs["amends"][int(order["amend"])]
        units = int(new["amount"]) - int(order["filled"])
        return now.worse(self._of(k, now.side, units, int(new["price"]), int(new["stop"]), last))

    def _present(self, k: int, order: Any, last: Decimal | None) -> Reach:
        side = Side(int(order["side"]))
        if order["by_cost"]:
            return Reach(side, 0, decimal(int(order["budget"]), exact(self.books.instruments[k].quote_unit)))
        units = int(order["amount"]) - int(order["filled"])
        return self._of(k, side, units, int(order["price"]), int(order["stop"]), last)
