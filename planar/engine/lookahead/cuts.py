"""The whole is cut at many moments; what a run is up to each of them must not depend on what follows."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from planar.engine.backtest import Session
from planar.engine.lookahead.after import POISONS, After, Future, unheard
from planar.engine.lookahead.beside import Beside, replaced
from planar.engine.lookahead.columns import Difference, differences
from planar.engine.lookahead.orders import Asked, is_otherwise
from planar.engine.market import Market
from planar.errors import PlanarError
from planar.simulator.fill_model import fill_model
from planar.strategy.base import Strategy
from planar.strategy.candles import closes_of

CUTS = 64
"""Moments after which all is cut off, and as many after which all is replaced."""
LISTED = 2
"""Candles that an instrument must have to be run: before that nothing is cut off."""
CASH = 10_000.0
ENOUGH, SHORTEST, LONGEST = 8, 500, 4_000
"""Of an interpreted run, which is slow: it asks for as much, within that many candles."""


S = TypeVar("S", bound=Session)


@dataclass(frozen=True)
class Stretch:
    """A run between two moments, and what it asks for there. start: None for the beginning."""

    start: int | None
    end: int
    asked: Asked


@dataclass(frozen=True)
class Trial:
    """Another future, for a run that begins with a stretch."""

    stretch: Stretch
    future: Future


@dataclass(frozen=True)
class Outcome:
    """What a trial showed: columns that differ, by instrument; whether other things were asked for; what was raised."""

    columns: dict[int, list[Difference]]
    is_otherwise: bool = False
    failed: str = ""

    def __bool__(self) -> bool:
        return bool(self.columns or self.is_otherwise or self.failed)


class Whole:
    """A strategy over all candles, and what it asks for, to be compared with where the future is another.

    moments: closes at which something may be decided, and after which something follows.
    """

    def __init__(
        self, strategy: Strategy, market: Market, start: int | None, data: Sequence[Beside], numbers: random.Random
    ) -> None:
        self.strategy, self.market, self.data, self.numbers = strategy, market, data, numbers
        self.session = self.part(Session, start, Future(market.end, After.SAME))
        pairs = zip(market.candles, self.session.first_rows, strict=True)
        closes = np.unique(np.concatenate([closes_of(c)[first:] for c, first in pairs]))
        self.moments = closes[(closes > self.session.start) & (closes < market.end)]
        self.stretches = list(self._stretches(start)) if len(self.moments) else []

    def part(self, kind: type[S], start: int | None, future: Future) -> S:
        """A run until the future begins, over columns that know it as it is made there."""
        candles = [future.of(c, LISTED) for c in self.market.candles]
        # Compiled code keeps what its module holds as it was at first.
        compiled = None if kind is Session and (future.after is After.SAME or not self.data) else False
        with unheard(), replaced(self.data, future):
            market = replace(self.market, execution=candles, candles=candles)
            session = kind(self.strategy, market, start, CASH, fill_model("pessimistic"), compiled)
        known = [c.at(slice(max(c.closed_by(future.end), LISTED))) for c in candles]
        session.market = replace(market, execution=known, candles=known)
        return session

    def asked(self, session: Session, future: Future) -> Asked:
        """What a part asks for."""
        with replaced(self.data, future):
            return Asked.by(session.run(False), session.model.usual_latency)

    def _stretches(self, start: int | None) -> Iterator[Stretch]:
        """All at once where that is fast; else from the beginning until enough is asked for, and as long anywhere."""
        if self.session.hooks is not None and not self.data:
            yield self._stretch(start, self.market.end)
            return
        longest = self._stretch(start, self._moment(LONGEST))
        asked = np.searchsorted(self.moments, longest.asked.moments())
        span = min(max(int(asked[ENOUGH - 1]) + 1 if len(asked) >= ENOUGH else LONGEST, SHORTEST), LONGEST)
        yield self._stretch(start, self._moment(span))
        later = range(span, len(self.moments), span)
        for first in sorted(self.numbers.sample(later, min(len(later), CUTS // 4 - 1))):
            yield self._stretch(self._moment(first), self._moment(first + span))

    def _moment(self, place: int) -> int:
        return int(self.moments[min(place, len(self.moments) - 1)])

    def _stretch(self, start: int | None, end: int) -> Stretch:
        same = Future(end, After.SAME)
        return Stretch(start, end, self.asked(self.part(Session, start, same), same))

    def trials(self) -> list[Trial]:
        """Futures that are cut off and ones that are replaced: half where something was asked for, half anywhere."""
        place = np.full(len(self.moments), -1)
        for i, stretch in enumerate(self.stretches):
            place[(self.moments > (stretch.start or 0)) & (self.moments <= stretch.end)] = i
        asked = np.isin(self.moments, np.concatenate([s.asked.moments() for s in self.stretches] or [[]]))
        listed = self.moments >= max(int(closes_of(c)[:LISTED][-1]) for c in self.market.candles)
        made = []
        for after, count in {After.CUT: CUTS, **dict.fromkeys(POISONS, CUTS // len(POISONS))}.items():
            able = (place >= 0) & (listed | (after is not After.CUT))
            chosen = self._sample(np.flatnonzero(able & asked), count // 2)
            able[chosen] = False
            chosen += self._sample(np.flatnonzero(able), count - len(chosen))
            made += [Trial(self.stretches[place[i]], Future(int(self.moments[i]), after, i)) for i in chosen]
        return sorted(made, key=lambda trial: trial.future.end)

    def _sample(self, places: np.ndarray, count: int) -> list[int]:
        return [int(places[i]) for i in self.numbers.sample(range(len(places)), min(count, len(places)))]

    def look(self, trial: Trial) -> Outcome | None:
        """What a trial shows; None where the indicators refuse such candles."""
        future, everything = trial.future, self.market.candles
        try:
            session = self.part(Session, trial.stretch.start, future)
        except PlanarError as error:
            return Outcome({}, failed=str(error)) if future.after is After.CUT else None
        pairs = zip(self.session.series, session.series, everything, strict=True)
        made = {k: differences(whole, part, c.closed_by(future.end)) for k, (whole, part, c) in enumerate(pairs)}
        columns = {k: found for k, found in made.items() if found}
        if columns:
            return Outcome(columns)
        try:
            asked = self.asked(session, future)
        except PlanarError as error:
            return Outcome({}, failed=str(error))
        return Outcome({}, is_otherwise(asked, trial.stretch.asked, future.end, everything))
