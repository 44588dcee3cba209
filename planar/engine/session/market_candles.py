"""Candles that a session saw beside those that its market lists now: which were missing, which have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from planar.engine.session.story import Story
from planar.strategy.candles import FIELDS, Candles

Place = tuple[int, int]
"""An instrument and the close of one of its candles, UTC ms."""


class Listed(NamedTuple):
    """The candles of an instrument since a session began, as they are now, and who says so; None where nobody does."""

    candles: Candles | None = None
    source: str = ""


@dataclass(frozen=True)
class MarketCandles:
    """The market of a session, by instrument.

    now: candles as they are listed, the session's own where nobody lists them. seen: the same, with what the session
    saw where that was otherwise. missing: closes of candles that it never saw; changed: of those that it saw otherwise.
    sources: who lists them, by the instrument's name; why: not somebody for all of them.
    """

    now: list[Candles]
    seen: list[Candles]
    missing: frozenset[Place] = frozenset()
    changed: frozenset[Place] = frozenset()
    sources: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


def as_seen(story: Story) -> MarketCandles:
    """The candles of the session alone."""
    own = story.candles()
    return MarketCandles(own, own)


def compared(story: Story, listed: Sequence[Listed], why: str = "") -> MarketCandles:
    """The candles of the session beside those that are listed, by instrument."""
    now, seen, missing, changed, sources = [], [], set(), set(), {}
    for k, (own, (candles, source)) in enumerate(zip(story.candles(), listed, strict=True)):
        if candles is None:
            now.append(own)
            seen.append(own)
            continue
        sources[story.origin.instruments[k].name] = source
        now.append(merged(own, candles))
        seen.append(merged(candles, own))
        is_known = np.isin(candles.time, own.time)
        missing |= {(k, int(t) + own.timeframe) for t in candles.time[~is_known]}
        changed |= {(k, int(t) + own.timeframe) for t in _changed(own, candles.at(is_known))}
    return MarketCandles(now, seen, frozenset(missing), frozenset(changed), sources, why)


def merged(under: Candles, over: Candles) -> Candles:
    """Both together; where both have a candle it is the second's."""
    time = np.union1d(under.time, over.time)
    columns = []
    for name in FIELDS:
        column = np.empty(len(time))
        for each in (under, over):
            column[np.searchsorted(time, each.time)] = getattr(each, name)
        columns.append(column)
    return Candles(time, *columns, timeframe=under.timeframe)


def _changed(own: Candles, listed: Candles) -> np.ndarray:
    """Times of the listed candles that are not what the session saw."""
    rows = np.searchsorted(own.time, listed.time)
    pairs = ((getattr(own, name)[rows], getattr(listed, name)) for name in FIELDS)
    is_changed = np.zeros(len(listed), bool)
    for one, other in pairs:
        is_changed |= ~((one == other) | (np.isnan(one) & np.isnan(other)))
    return listed.time[is_changed]
