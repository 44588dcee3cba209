"""`RiskGate`: what of a session's asks may be sent, by its state; a refusal is a sentence.

Limits are judged by the kernel when a strategy asks (`planar.kernel.limits`), in every mode alike. Here is what only a
running session knows: its state, and what became of the cancels before an order when its turn to leave comes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from planar.broker.gate import Gate, State
from planar.broker.limits import barred, broken
from planar.broker.terms import symbol_of
from planar.kernel.limits import judge_late, only_reduces
from planar.model.ask import Amend, Ask, Cancel, Leverage, Margin, Place
from planar.model.order import NEVER
from planar.simulator.books import Books
from planar.store.candles import utc


@dataclass
class RiskGate:
    """Over the books of one session. clock: UTC ms of its time.

    look: called before anything is judged; it may restrict the gate.
    """

    books: Books
    gate: Gate
    clock: Callable[[], int]
    look: Callable[[], None] = lambda: None
    cancelled: set[int] = field(default_factory=set)

    def judged(self, asks: Sequence[Ask]) -> Iterator[tuple[Ask, str]]:
        """Each ask, and why it must not be sent."""
        self.look()
        for ask in asks:
            if isinstance(ask, Cancel):
                self.cancelled.add(ask.id)
                yield ask, ""
            elif isinstance(ask, Leverage | Margin):
                yield ask, barred(self.gate.state, self.gate.why, is_exit=True)
            else:
                yield ask, self._barred(ask, late=False)

    def late(self, ask: Place | Amend) -> str:
        """Why an order or an amend must not leave, now that its turn has come; empty where it may.

        Orders whose cancel is on its way count as open: those cancels had their answer, or none.
        """
        return self._barred(ask, late=True) or self._excess(ask)

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

    def _barred(self, ask: Place | Amend, *, late: bool) -> str:
        is_locked = self.gate.is_locked(ask.k, self.clock())
        if self.gate.state is State.ACTIVE and not is_locked:
            return ""
        is_exit = only_reduces(self.books.address, ask.k, ask.id, isinstance(ask, Amend), late)
        why = barred(self.gate.state, self.gate.why, is_exit=is_exit)
        return f"its instrument is locked: {self.locked(ask.k)}" if is_locked and not why and not is_exit else why

    def _excess(self, ask: Place | Amend) -> str:
        """Which limit it would break now, the kernel's books being as they are."""
        if not judge_late(self.books.address, ask.k, ask.id, isinstance(ask, Amend)):
            return ""
        self.books.make_room()
        return broken(self.books.log("refusals", 0)[-1], self.books.limits, self.books.instruments[ask.k].quote)
