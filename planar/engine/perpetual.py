"""What a perpetual has besides its candles: mark candles and a funding history."""

from dataclasses import dataclass, field

import numpy as np

from planar.strategy.candles import Candles

SECOND = 1_000
"""Funding times carry a jitter of some milliseconds: they count to the nearest of these."""


@dataclass(frozen=True)
class Perpetual:
    """mark: mark candles as long as execution candles, None for none: then the price is the mark. times, rates: the
    funding history, UTC ms and fractions.
    """

    mark: Candles | None = None
    times: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    rates: np.ndarray = field(default_factory=lambda: np.empty(0))

    def since(self, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Funding times at or after a start, rounded to the second, with their rates."""
        times = (np.asarray(self.times, np.int64) + SECOND // 2) // SECOND * SECOND
        first = int(np.searchsorted(times, start))
        return np.ascontiguousarray(times[first:]), np.ascontiguousarray(self.rates[first:], np.float64)


def beside(candles: Candles, mark: Candles) -> dict[str, np.ndarray]:
    """Prices of the mark candle of each candle, nan where there is none."""
    rows = np.searchsorted(mark.time, candles.time)
    found = rows < len(mark)
    found[found] = mark.time[rows[found]] == candles.time[found]
    columns = {}
    for name in ("open", "high", "low", "close"):
        columns[name] = np.full(len(candles), np.nan)
        columns[name][found] = getattr(mark, name)[rows[found]]
    return columns
