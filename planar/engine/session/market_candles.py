"""Candles that a session saw beside those that the store has now: which were missing, which have changed."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from planar.engine.session.story import Story
from planar.errors import DataError
from planar.store.candles import checked_columns
from planar.strategy.candles import FIELDS, Candles

if TYPE_CHECKING:
    from planar.store.store import Store

Place = tuple[int, int]
"""An instrument and the close of one of its candles, UTC ms."""


@dataclass(frozen=True)
class MarketCandles:
    """The market of a session, by instrument.

    now: candles as the store has them, the session's own where it has none. seen: the same, with what the session saw
    where that was otherwise. missing: closes of candles that it never saw; changed: of those that it saw otherwise.
    compared: names of the instruments that the store has.
    """

    now: list[Candles]
    seen: list[Candles]
    missing: frozenset[Place] = frozenset()
    changed: frozenset[Place] = frozenset()
    compared: list[str] = field(default_factory=list)


def as_seen(story: Story) -> MarketCandles:
    """The candles of the session alone."""
    own = story.candles()
    return MarketCandles(own, own)


def compared(story: Story, store: "Store") -> MarketCandles:
    """The candles of the session beside those of a store."""
    now, seen, missing, changed, names = [], [], set(), set(), []
    for k, own in enumerate(story.candles()):
        name = story.origin.instruments[k].name
        stored = _stored(store, name, story.origin.timeframe, own)
        if stored is None:
            now.append(own)
            seen.append(own)
            continue
        names.append(name)
        now.append(_merged(own, stored))
        seen.append(_merged(stored, own))
        is_known = np.isin(stored.time, own.time)
        missing |= {(k, int(t) + own.timeframe) for t in stored.time[~is_known] if t >= story.begun}
        changed |= {(k, int(t) + own.timeframe) for t in _changed(own, stored.at(is_known)) if t >= story.begun}
    return MarketCandles(now, seen, frozenset(missing), frozenset(changed), names)


def _stored(store: "Store", name: str, timeframe: str, own: Candles) -> Candles | None:
    """The store's candles over the same span; None where it has none."""
    try:
        frame = store.read_candles(name, timeframe, int(own.time[0]), int(own.time[-1]) + own.timeframe)
    except DataError:
        return None
    if frame.is_empty():
        return None
    columns, _ = checked_columns(frame, name=name, timeframe=own.timeframe)
    return Candles(*columns.values(), timeframe=own.timeframe)


def _merged(under: Candles, over: Candles) -> Candles:
    """Both together; where both have a candle it is the second's."""
    time = np.union1d(under.time, over.time)
    columns = []
    for name in FIELDS:
        column = np.empty(len(time))
        for each in (under, over):
            column[np.searchsorted(time, each.time)] = getattr(each, name)
        columns.append(column)
    return Candles(time, *columns, timeframe=under.timeframe)


def _changed(own: Candles, stored: Candles) -> np.ndarray:
    """Times of the stored candles that are not what the session saw."""
    rows = np.searchsorted(own.time, stored.time)
    pairs = ((getattr(own, name)[rows], getattr(stored, name)) for name in FIELDS)
    is_changed = np.zeros(len(stored), bool)
    for one, other in pairs:
        is_changed |= ~((one == other) | (np.isnan(one) & np.isnan(other)))
    return stored.time[is_changed]
