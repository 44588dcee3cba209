"""How long each column really warms up, measured: computed from several origins, and compared with a longer history.

A recursive indicator has its first number soon and is still far from what a longer history gives. It has settled at
the first candle after which it stays within `TOLERANCE` of it, as a share of the column's mean size. Planar computes
columns from the first candle there is: a live session begins later than a backtest, so their columns differ until then.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planar.model.timeframe import milliseconds
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles, resample
from planar.strategy.columns import Series, series_of

TOLERANCE = 1e-6
"""Less than a tick of most prices."""
ORIGINS = 16
LOOKED_AT = 4_000
"""Candles from each origin; ten times the warm-up where that is more."""
ENDLESS = 0.9
"""Of a difference, what is left of it a quarter of the candles later, where it does not shrink."""


@dataclass(frozen=True)
class WarmUp:
    """What a column needs, in candles before the first decision.

    first: until it is a number. settled: until a longer history changes nothing; None where it did not come to that
    within ``looked_at`` candles, and never will where it is endless. is_late: whether the strategy decides before it.
    """

    column: str
    first: int
    settled: int | None
    looked_at: int
    is_endless: bool
    is_late: bool


@dataclass(frozen=True)
class _Seen:
    """A column from one origin. left: how much of a difference is left a quarter of the candles later."""

    first: int
    settled: int
    decided: int
    looked_at: int
    left: float


def measure(
    strategies: list[Strategy], series: list[Series], candles: list[Candles], numbers: random.Random
) -> list[WarmUp]:
    """The warm-up of the columns, the worst of all instruments. series: their columns over all candles."""
    seen: dict[str, list[_Seen]] = defaultdict(list)
    each = max(ORIGINS // len(candles), 1)
    for strategy, whole, own in zip(strategies, series, candles, strict=True):
        columns = dict(_columns(whole))
        for origin in _origins(type(strategy), own, each, numbers) if columns else ():
            for name, one in _from(strategy, columns, own, origin):
                seen[name].append(one)
    return [_worst(name, found) for name, found in seen.items()]


def _columns(series: Series) -> Iterator[tuple[str, np.ndarray]]:
    """Indicators by name, those of longer timeframes as a candle shows them."""
    yield from ((name, series.columns[name]) for name in series.indicators)
    for alias, (inner, rows) in series.higher.items():
        for name in inner.indicators if inner.is_candles else ():
            shown = np.append(inner.columns[name], np.nan)  # row -1: there is none yet
            yield f"{alias}.{name}", shown[rows]


def _origins(cls: type[Strategy], candles: Candles, count: int, numbers: random.Random) -> Iterator[int]:
    """Rows to begin from, behind a history and before a future: any, and those where a longer candle is just missed."""
    first, last = len(candles) // 4, len(candles) // 2
    missed = [
        int(np.searchsorted(candles.time, higher.time[len(higher) // 3])) + 1
        for timeframe in cls.timeframes
        if len(higher := resample(candles, milliseconds(timeframe), candles.close_at(-1)))
    ]
    rows = range(max(first, 1), last)
    yield from sorted({*(m for m in missed if m in rows), *numbers.sample(rows, min(count, len(rows)))})


def _from(
    strategy: Strategy, whole: dict[str, np.ndarray], candles: Candles, origin: int
) -> Iterator[tuple[str, _Seen]]:
    """Each column from an origin, beside that of the longer history."""
    ready = max(_first_number(values) for values in whole.values())
    looked_at = min(max(LOOKED_AT, 10 * ready), len(candles) - origin)
    own = candles.at(np.arange(origin, origin + looked_at))
    part, decided = series_of(strategy, own, own.close_at(-1))
    for name, values in _columns(part):
        if name in whole:
            yield name, _beside(values, whole[name][origin : origin + looked_at], decided)


def _first_number(values: np.ndarray) -> int:
    is_number = ~np.isnan(values)
    return int(is_number.argmax()) if is_number.any() else len(values)


def _beside(values: np.ndarray, longer: np.ndarray, decided: int) -> _Seen:
    count = len(values)
    with np.errstate(invalid="ignore"):
        apart = np.where((values == longer) | (np.isnan(values) & np.isnan(longer)), 0.0, np.abs(values - longer))
        size = np.nan_to_num(np.abs(longer), posinf=0.0)
        differs = ~(apart <= TOLERANCE * np.maximum(size, size.mean()))
    settled = count - int(differs[::-1].argmax()) if differs.any() else 0
    early, late = (np.nan_to_num(apart[part]).sum() for part in np.array_split(np.arange(count), 4)[2:])
    return _Seen(_first_number(values), settled, decided, count, float(late / early) if early > 0.0 else 0.0)


def _worst(name: str, found: list[_Seen]) -> WarmUp:
    """Of what was seen from several origins, the longest; what had no number there says nothing."""
    found = [seen for seen in found if seen.first < seen.looked_at] or found
    longest = max(found, key=lambda seen: seen.settled)
    first, looked_at = max(seen.first for seen in found), max(seen.looked_at for seen in found)
    if any(seen.settled == seen.looked_at for seen in found):
        return WarmUp(name, first, None, looked_at, longest.left > ENDLESS, is_late=True)
    is_late = any(seen.decided < seen.settled for seen in found)
    return WarmUp(name, first, longest.settled, looked_at, is_endless=False, is_late=is_late)
