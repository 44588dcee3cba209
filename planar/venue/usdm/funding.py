"""`Funding`: when one perpetual pays funding, and at what rate."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from planar.errors import ConfigError

SECOND, HOUR = 1_000, 3_600_000
INTERVAL, RATE = 8 * HOUR, 0.0001
"""What is paid where nothing else is said: Binance's usual interval and interest."""

UNTIL = 4_102_444_800_000
"""Usual payments are planned up to the year 2100."""


@dataclass(frozen=True)
class Funding:
    """Times, UTC ms, rising, and rates as fractions."""

    times: np.ndarray
    rates: np.ndarray

    @classmethod
    def usual(cls) -> Self:
        """Every eight hours of UTC, at the usual rate."""
        times = np.arange(INTERVAL, UNTIL, INTERVAL, dtype=np.int64)
        return cls(times, np.full(len(times), RATE))

    @classmethod
    def of(cls, frame: pl.DataFrame, name: str) -> Self:
        """A recorded history: columns ``time`` (UTC ms) and ``rate``. Raises ConfigError when one is missing."""
        missing = [column for column in ("time", "rate") if column not in frame.columns]
        if missing:
            raise ConfigError(f"the funding of {name} has no column {missing[0]!r}; rename theirs.")
        rows = frame.sort("time")
        # They carry a jitter of some milliseconds (docs/simulation.md, section 12).
        times = (rows["time"].cast(pl.Int64).to_numpy() + SECOND // 2) // SECOND * SECOND
        return cls(np.ascontiguousarray(times), np.ascontiguousarray(rows["rate"].cast(pl.Float64).to_numpy()))

    def index(self, time: int) -> int:
        """The place of the first payment after a time."""
        return int(np.searchsorted(self.times, time, side="right"))

    def next(self, time: int) -> tuple[int, float]:
        """The next payment after a time, and its rate; zeros where there is none."""
        i = self.index(time)
        return (int(self.times[i]), float(self.rates[i])) if i < len(self.times) else (0, 0.0)

    def last_rate(self, time: int) -> float:
        """The rate of the payment before."""
        i = self.index(time)
        return float(self.rates[i - 1]) if i else self.next(time)[1]

    def interval(self, time: int) -> int:
        """Hours between the payments around a time."""
        i = min(max(self.index(time), 1), len(self.times) - 1)
        return round((self.times[i] - self.times[i - 1]) / HOUR) if len(self.times) > 1 else INTERVAL // HOUR
