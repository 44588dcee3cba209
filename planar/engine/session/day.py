"""`Day`: what a session has lost since 00:00 UTC of its own clock, and what follows from that."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from planar.broker.gate import Gate, State
from planar.broker.journal import Entry
from planar.exchange.precision import short

LENGTH = 86_400_000
CAUSE = "daily_loss"


class Day:
    """The day that runs. most: the loss in quote at which only exits pass, for the rest of it; 0 for none.

    equity: the session's now. write: into the journal, so that a restart forgets nothing.
    """

    def __init__(
        self,
        most: Decimal,
        quote: str,
        gate: Gate,
        clock: Callable[[], int],
        equity: Callable[[], Decimal],
        write: Callable[[str, Any], None],
    ) -> None:
        self.most, self._quote, self._gate = most, quote, gate
        self._clock, self._equity, self._write = clock, equity, write
        self._day = -1
        self._start = Decimal(0)
        self._why = ""

    def restore(self, entries: Iterable[Entry]) -> None:
        """The day as the journal has it."""
        for entry in entries:
            if entry.kind == "day":
                self._day, self._start, self._why = entry.body["day"], Decimal(entry.body["equity"]), entry.body["lost"]

    def look(self) -> None:
        """Begins the next day when it has come, and says when too much of this one is lost."""
        if not self.most:
            return
        day, equity = self._clock() // LENGTH, self._equity()
        if day > self._day:
            self._day, self._start, self._why = day, equity, ""
            self._keep()
            self._gate.lift(CAUSE)
        loss = self._start - equity
        if loss >= self.most and not self._why:
            self._why = (
                f"The day's loss is {loss:,.2f} {self._quote}, and risk.daily_loss = {short(self.most)} is the most "
                "that is allowed: no new positions until 00:00 UTC."
            )
            self._keep()
        if self._why:
            self._gate.restrict(CAUSE, State.REDUCING, self._why)

    def shift(self, worth: Decimal) -> None:
        """So much was put in, or taken out: that is no gain of the day, and no loss."""
        if self._day >= 0:
            self._start += worth
            self._keep()

    def _keep(self) -> None:
        self._write("day", {"day": self._day, "equity": str(self._start), "lost": self._why})
