"""Columns on a part of the candles, beside those of the whole: to the last bit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planar.engine.lookahead.after import After, Future
from planar.errors import PlanarError
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles
from planar.strategy.columns import Series, series_of


@dataclass(frozen=True)
class Difference:
    """A column that differs. row: of the first candle that shows it; before, now: its values there."""

    column: str
    row: int
    before: float
    now: float


@dataclass(frozen=True)
class Prefix:
    """A prefix on which columns differ that did not on a shorter one. failed: what was raised there instead."""

    future: Future
    differences: list[Difference]
    failed: str = ""


def on_prefixes(strategy: Strategy, candles: Candles, cuts: Sequence[int]) -> list[Prefix]:
    """The prefixes on which a column differs for the first time from that of all the candles."""
    whole, made, known = columns_of(strategy, candles), list[Prefix](), set[str]()
    for count in cuts:
        future = Future(candles.close_at(count - 1), After.CUT)
        try:
            part = columns_of(strategy, future.of(candles))
        except PlanarError as error:
            return [*made, Prefix(future, [], str(error))]
        found = [each for each in differences(whole, part, count) if each.column not in known]
        if found:
            made.append(Prefix(future, found))
            known |= {each.column for each in found}
    return made


def columns_of(strategy: Strategy, candles: Candles) -> Series:
    """The columns over a copy of candles, which an author's code may write to without harm."""
    return series_of(strategy, candles.at(np.arange(len(candles))), candles.close_at(-1))[0]


def differences(whole: Series, part: Series, count: int) -> list[Difference]:
    """What differs in the first ``count`` candles, the earliest first."""
    found, nothing = [], np.full(count, np.nan)  # of a column that is there on one side only
    for name in {**whole.columns, **part.columns}:
        theirs, mine = (side.columns.get(name, nothing)[:count] for side in (whole, part))
        row = _first(theirs, mine)
        if row is not None:
            found.append(Difference(name, row, float(theirs[row]), float(mine[row])))
    for alias, (inner, rows) in part.higher.items():
        theirs, their_rows = whole.higher[alias]
        row = _first(their_rows[:count], rows[:count])
        if row is not None:
            found.append(Difference(alias, row, float(their_rows[row]), float(rows[row])))
            continue
        known = int(rows[count - 1]) + 1 if count else 0
        for each in differences(theirs, inner, known):
            shown = int(np.searchsorted(rows, each.row, side="left"))
            found.append(Difference(f"{alias}.{each.column}", shown, each.before, each.now))
    return sorted(found, key=lambda each: each.row)


def _first(whole: np.ndarray, part: np.ndarray) -> int | None:
    """Row of the first value that differs; two nan are the same."""
    if np.array_equal(whole.view(np.int64), part.view(np.int64)):
        return None
    differs = (whole != part) & ~((whole != whole) & (part != part))
    return int(differs.argmax()) if differs.any() else None
