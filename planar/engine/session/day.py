"""`Day`: what a session has lost since 00:00 UTC of its own clock, and what follows from that."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from planar.broker.gate import Gate, State
from planar.broker.journal import Entry
from planar.broker.terms import decimal
from planar.engine.session.trader import Trader
from planar.exchange.precision import short
from planar.model.instrument import exact

LENGTH = 86_400_000
ABSENT = 60_000
"""Milliseconds: who looked last so long before 00:00 UTC does not know what equity was then."""

CAUSE = "daily_loss"


class Day:
    """The day that runs. most: the loss in quote at which only exits pass, for the rest of it; 0 for none.

    equity: the session's now; equity_at: at a moment that is past, None while nobody knows. write: into the journal, so
    that a restart forgets nothing.
    """

    def __init__(
        self,
        most: Decimal,
        quote: str,
        gate: Gate,
        clock: Callable[[], int],
        equity: Callable[[], Decimal],
        equity_at: Callable[[int], Decimal | None],
        write: Callable[[str, Any], None],
    ) -> None:
        self.most, self._quote, self._gate = most, quote, gate
        self._clock, self._equity, self._equity_at, self._write = clock, equity, equity_at, write
        self._day = -1
        self._start = Decimal(0)
        self._why = ""
        self._looked = 0
        self._is_guess = False  # what equity was at the day's beginning

    def restore(self, entries: Iterable[Entry]) -> None:
        """The day as the journal has it."""
        for entry in entries:
            if entry.kind == "day":
                self._day, self._start, self._why = entry.body["day"], Decimal(entry.body["equity"]), entry.body["lost"]

    def look(self) -> None:
        """Begins the next day when it has come, and says when too much of this one is lost."""
        if not self.most:
            return
        now, equity = self._clock(), self._equity()
        if now // LENGTH > self._day:
            self._begin(now // LENGTH, equity)
        self._looked = now
        if self._is_guess and (known := self._equity_at(self._day * LENGTH)) is not None:
            self._begin(self._day, known, is_known=True)
        loss = self._start - equity
        if loss >= self.most and not self._why:
            self._why = (
                f"The day's loss is {loss:,.2f} {self._quote}, and risk.daily_loss = {short(self.most)} is the most "
                "that is allowed: no new positions until 00:00 UTC."
            )
            self._keep()
        if self._why:
            self._gate.restrict(CAUSE, State.REDUCING, self._why)

    def _begin(self, day: int, equity: Decimal, *, is_known: bool = False) -> None:
        """The day counts from there. is_known: that is what equity was when it began, whoever looked then."""
        self._is_guess = not is_known and self._looked < day * LENGTH - ABSENT
        self._day, self._start, self._why = day, equity, ""
        self._keep()
        self._gate.lift(CAUSE)

    def shift(self, worth: Decimal) -> None:
        """So much was put in, or taken out: that is no gain of the day, and no loss."""
        if self._day >= 0:
            self._start += worth
            self._keep()

    def _keep(self) -> None:
        if not self._is_guess:
            self._write("day", {"day": self._day, "equity": str(self._start), "lost": self._why})


def equity_at(trader: Trader, moment: int) -> Decimal | None:
    """Equity at a moment as the books have it, at the last closes until then; None where later ones may be to come."""
    if trader.record["decided"] < moment:
        return None
    first = trader.instruments[0]
    cash, bases = trader.cash()[0], [trader.base(k)[0] for k in range(len(trader.instruments))]
    fills = trader.log("fills", 0)
    for fill in fills[fills["time"] >= moment]:
        side, amount, cost, fee = (int(fill[name]) for name in ("side", "amount", "cost", "fee"))
        cash += side * cost + (0 if fill["fee_in_base"] else fee)
        bases[fill["instrument"]] -= side * amount - (fee if fill["fee_in_base"] else 0)
    paid = trader.log("fundings", 0)
    cash += int(paid["units"][paid["time"] >= moment].sum())
    worth = decimal(cash, exact(first.quote_unit))
    for k, instrument in enumerate(trader.instruments):
        candles = trader.tapes[k].copied()
        rows = np.searchsorted(candles.time, moment - candles.timeframe, side="right")
        if rows:
            worth += decimal(bases[k], exact(instrument.unit)) * Decimal(repr(float(candles.close[rows - 1])))
    return worth
