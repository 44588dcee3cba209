"""`Selections`: who is a member of a universe by rule, from when to when, as it was known then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planar.errors import DataError
from planar.model.instrument import Instrument
from planar.model.timeframe import MILLISECONDS, bucket_open
from planar.strategy.candles import Candles, closes_of
from planar.strategy.selection import Top

MEMBER = "_member"
"""The column of an instrument that says at which of its candles it is one; an author's names never begin so."""

SILENCE = MILLISECONDS["d"]
"""An instrument that had no candle for so long does not trade."""


@dataclass(frozen=True)
class Selections:
    """Times of selections, UTC ms, and who was chosen at each: shape (times, instruments), bool."""

    times: np.ndarray
    chosen: np.ndarray

    def at(self, moments: np.ndarray) -> np.ndarray:
        """Who is a member at each moment, UTC ms: shape (moments, instruments), bool; nobody before the first."""
        row = np.searchsorted(self.times, moments, side="right") - 1
        return np.where(row[:, None] >= 0, self.chosen[row], False) if len(self.times) else self.nobody(len(moments))

    def nobody(self, count: int) -> np.ndarray:
        """So many moments without members."""
        return np.zeros((count, self.chosen.shape[1]), bool)

    def column(self, k: int, candles: Candles) -> np.ndarray:
        """Shape (n,), float64: 1 for each candle at whose close the instrument is a member, else 0."""
        return np.ascontiguousarray(self.at(closes_of(candles))[:, k], np.float64)


def selections_of(rule: Top, instruments: Sequence[Instrument], candles: Sequence[Candles]) -> Selections:
    """What a rule chooses among instruments, at each of its times that their candles reach."""
    first = min(each.close_at(0) for each in candles)
    last = max(each.close_at(-1) for each in candles)
    start = bucket_open(first + rule.every_ms - 1, rule.every_ms)
    times = np.arange(start, last + 1, rule.every_ms, dtype=np.int64)
    pairs = list(zip(instruments, candles, strict=True))
    turnover = np.array([_turnover(rule, instrument, each, times) for instrument, each in pairs])
    chosen = np.zeros((len(times), len(candles)), bool)
    by_name = sorted(range(len(pairs)), key=lambda k: pairs[k][0].name)
    for row in range(len(times)):
        # Sorting is stable: of equal turnovers the first name goes first.
        ranked = sorted(by_name, key=lambda k: -turnover[k, row])[: rule.count]
        chosen[row, [k for k in ranked if turnover[k, row] > 0.0]] = True
    return Selections(times, chosen)


def _turnover(rule: Top, instrument: Instrument, candles: Candles, times: np.ndarray) -> np.ndarray:
    """Of the window before each time; 0 where it does not trade then."""
    if np.isnan(candles.volume[:1]).any():
        raise DataError(
            f"{instrument.name} has no volume data, and the universe is chosen by turnover: leave it out of among."
        )
    anchor, block = bucket_open(0, rule.every_ms), math.gcd(rule.over_ms, rule.every_ms)
    # Windows are made of whole blocks, so that a sum does not depend on where the candles begin.
    places, wide = (candles.time - anchor) // block, rule.over_ms // block
    ends = (times - anchor) // block
    before = min(int(places[0]), int(ends[0]) if len(ends) else 0) - wide
    count = max(int(places[-1]), int(ends[-1]) if len(ends) else 0) + 1 - before
    sums = np.bincount(places - before, weights=candles.close * candles.volume, minlength=count)
    windows = np.lib.stride_tricks.sliding_window_view(sums, wide)[ends - before - wide]
    return np.where(_trades(instrument, candles, times), windows.sum(axis=1), 0.0)


def _trades(instrument: Instrument, candles: Candles, times: np.ndarray) -> np.ndarray:
    """Whether it is not delisted at each time, and has had a candle shortly before."""
    closes = closes_of(candles)
    row = np.searchsorted(closes, times, side="right") - 1
    silence = max(SILENCE, candles.timeframe)
    is_alive = (row >= 0) & (times - closes[row] < silence)
    return is_alive & (times < instrument.delisted) if instrument.delisted is not None else is_alive
