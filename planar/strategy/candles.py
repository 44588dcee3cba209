"""`Candles`: what ``indicators(self, candles)`` receives: arrays of one instrument, from its origin on."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from planar.errors import StrategyError, did_you_mean
from planar.model.timeframe import MILLISECONDS
from planar.strategy.joined import Aligned, Joined

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(eq=False)
class Candles:
    """Candles of one instrument and timeframe.

    time: shape (n,), int64, UTC ms of the open. open, high, low, close, volume: shape (n,), float64; a volume of nan
    throughout means that there is no volume data. Higher timeframes hang on it by name: ``candles.d1.close``; so does
    what the class declares as ``data``: ``candles.btc.close``, one value per candle.
    """

    time: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    timeframe: int
    higher: dict[str, "Candles"] = field(default_factory=dict)
    joined: dict[str, Joined] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time)

    def __getattr__(self, name: str) -> "Candles | Aligned":
        higher, joined = (self.__dict__.get(each, {}) for each in ("higher", "joined"))
        if name in higher:
            return higher[name]
        if name in joined:
            return Aligned(name, joined[name], closes_of(self))
        if name.startswith("__"):
            raise AttributeError(name)
        known = [*FIELDS, "time", "frame", *higher, *joined]
        raise StrategyError(f"candles have no {name!r}; they have {', '.join(known)}.{did_you_mean(name, known)}")

    @cached_property
    def frame(self):
        """The same as a polars frame: ``time`` (Int64 ms), ``open, high, low, close, volume``."""
        import polars as pl

        return pl.DataFrame({"time": self.time, **{name: getattr(self, name) for name in FIELDS}})

    def close_at(self, row: int) -> int:
        """When the candle of that row is known, UTC ms."""
        return int(self.time[row]) + self.timeframe

    def closed_by(self, moment: int) -> int:
        """How many of the candles are known at a moment, UTC ms."""
        return int(np.searchsorted(self.time, moment - self.timeframe, side="right"))

    def at(self, rows: slice | np.ndarray) -> "Candles":
        """The candles of those rows alone, without higher timeframes: a slice gives views, an array gives copies.

        What is joined to them is kept as far as it was known at the last of their closes.
        """
        columns = (self.open[rows], self.high[rows], self.low[rows], self.close[rows], self.volume[rows])
        cut = Candles(self.time[rows], *columns, self.timeframe)
        now = cut.close_at(-1) if len(cut) else 0
        cut.joined = {name: each.until(now) for name, each in self.joined.items()}
        return cut

    def until(self, count: int) -> "Candles":
        """The first ``count`` candles, higher timeframes as far as they are closed by then."""
        cut = self.at(slice(count))
        now = cut.close_at(-1) if len(cut) else 0
        for name, candles in self.higher.items():
            cut.higher[name] = candles.until(candles.closed_by(now))
        return cut


def resample(candles: Candles, timeframe: int, end: int) -> Candles:
    """Whole candles of a longer timeframe: those that open at or after the first candle and close by ``end``."""
    week = MILLISECONDS["w"]
    shift = 4 * MILLISECONDS["d"] if timeframe % week == 0 else 0
    opens = (candles.time - shift) // timeframe * timeframe + shift
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1)) if len(opens) else np.zeros(0, np.int64)
    if len(starts) == 0:
        return Candles(opens, candles.open, candles.high, candles.low, candles.close, candles.volume, timeframe)
    last = np.append(starts[1:], len(opens)) - 1
    columns = (
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[last],
        np.add.reduceat(candles.volume, starts),
    )
    whole = (opens[starts] >= candles.time[0]) & (opens[starts] + timeframe <= end)
    return Candles(opens[starts], *columns, timeframe).at(whole)


def as_of(candles: Candles, higher: Candles) -> np.ndarray:
    """Shape (n,), int64: for each candle the row of the last higher candle closed by its close, -1 before the first."""
    return np.searchsorted(closes_of(higher), closes_of(candles), side="right") - 1


def closes_of(candles: Candles) -> np.ndarray:
    """Shape (n,), int64: when each candle is known, UTC ms."""
    return candles.time + candles.timeframe
