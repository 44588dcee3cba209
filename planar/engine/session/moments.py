"""`Moments`: when to decide: at each close of a candle, in order, once all instruments have theirs."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from planar.model.ask import Row

GRACE = 2.0
"""Seconds that a decision waits at most for the candles of the other instruments."""


class Moments:
    """Hands over the candles of several instruments moment by moment, whatever order they are heard in.

    ends: when the last candle of each instrument closed; decided: the last moment that was decided on. take: hands
    over a candle; decide: a moment, UTC ms, has come. grace: seconds. Nothing happens before `begin`.
    """

    def __init__(
        self,
        ends: Sequence[int],
        decided: int,
        length: int,
        take: Callable[[int, Row], None],
        decide: Callable[[int], None],
        grace: float = GRACE,
    ) -> None:
        self.ends = list(ends)
        self._known = list(ends)
        self._rows: list[deque[Row]] = [deque() for _ in ends]
        self._length, self._take, self._decide = length, take, decide
        self._grace = min(grace, 0.05 * length / 1000)
        self._since: dict[int, float] = {}  # of moments that are not decided on: when they were first heard of
        self._timer: asyncio.TimerHandle | None = None
        self._decided = decided
        self._due = max(ends)
        self._is_on = self._is_closed = False

    def begin(self) -> None:
        """From now on moments come; one whose candles were taken before the program ended is the first."""
        self._is_on = True
        if self._due > self._decided:
            self._since.setdefault(self._due, self._now())
        self._advance()

    def hear(self, k: int, row: Row) -> None:
        """A candle of an instrument has closed; one that was heard already is passed over."""
        closes = row.time + self._length
        if closes <= self.ends[k] or self._is_closed:
            return
        self.ends[k] = closes
        self._known[k] = max(self._known[k], closes)
        if closes <= self._decided:
            self._take(k, row)  # too late to be decided on: it is known now, and that is all
            return
        self._rows[k].append(row)
        self._since.setdefault(closes, self._now())
        self._advance()

    def knows(self, k: int, until: int) -> None:
        """Every candle of an instrument that closed until then was heard."""
        self._known[k] = max(self._known[k], until)
        self._advance()

    def close(self) -> None:
        """No moment comes any more, and no candle is handed over."""
        self._is_closed, self._is_on = True, False
        self._stop_timer()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _advance(self) -> None:
        self._stop_timer()
        while self._is_on and self._since:
            moment = min(self._since)
            until = self._since[moment] + self._grace
            if min(self._known) < moment and self._now() < until:
                self._timer = asyncio.get_running_loop().call_at(until, self._advance)
                return
            self._come(moment)

    def _come(self, moment: int) -> None:
        del self._since[moment]
        for k, rows in enumerate(self._rows):
            while rows and rows[0].time + self._length <= moment:
                self._take(k, rows.popleft())
        self._decided = moment
        self._decide(moment)
