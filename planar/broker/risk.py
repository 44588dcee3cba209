"""`RiskGate`: what of a session's asks may be sent, by its state; a refusal is a sentence.

Limits are judged by the kernel when a strategy asks (`planar.kernel.limits`), in every mode alike. Here is what only a
running session knows: its state, and what became of the cancels before an order when its turn to leave comes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from planar.broker.gate import Gate, State
from planar.broker.limits import barred, broken
from planar.kernel.limits import judge_late, only_reduces
from planar.model.ask import Amend, Ask, Cancel, Place
from planar.model.order import NEVER
from planar.simulator.books import Books


@dataclass
class RiskGate:
    """Over the books of one session. look: called before anything is judged; it may restrict the gate."""

    books: Books
    gate: Gate
    look: Callable[[], None] = lambda: None
    cancelled: set[int] = field(default_factory=set)

    def judged(self, asks: Sequence[Ask]) -> Iterator[tuple[Ask, str]]:
        """Each ask, and why it must not be sent."""
        self.look()
        for ask in asks:
            if isinstance(ask, Cancel):
                self.cancelled.add(ask.id)
                yield ask, ""
            else:
                yield ask, self._barred(ask, late=False)

    def late(self, ask: Place | Amend) -> str:
        """Why an order or an amend must not leave, now that its turn has come; empty where it may.

        Orders whose cancel is on its way count as open: those cancels had their answer, or none.
        """
        return self._barred(ask, late=True) or self._excess(ask)

    def entries(self) -> list[Cancel]:
        """Cancels of the open orders that would make a position larger; none of what closes one."""
        found = []
        for k in range(len(self.books.instruments)):
            held = self.books.base(k)[0]
            records = [one for one in self.books.open_records(k) if one["cancel_at"] == NEVER]
            found += [Cancel(int(one["id"]) + 1, k) for one in records if int(one["side"]) * held >= 0]
        return found

    def _barred(self, ask: Place | Amend, *, late: bool) -> str:
        if self.gate.state is State.ACTIVE:
            return ""
        is_exit = only_reduces(self.books.address, ask.k, ask.id, isinstance(ask, Amend), late)
        return barred(self.gate.state, self.gate.why, is_exit=is_exit)

    def _excess(self, ask: Place | Amend) -> str:
        """Which limit it would break now, the kernel's books being as they are."""
        if not judge_late(self.books.address, ask.k, ask.id, isinstance(ask, Amend)):
            return ""
        self.books.make_room()
        return broken(self.books.log("refusals", 0)[-1], self.books.limits, self.books.instruments[ask.k].quote)
