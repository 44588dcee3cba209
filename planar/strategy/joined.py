"""`Joined`: rows beside the candles, each with the time from which it was known; and how they are joined to them."""

from dataclasses import dataclass

import numpy as np

from planar.errors import StrategyError, did_you_mean


@dataclass(eq=False)
class Joined:
    """Rows in the order in which they became known.

    known_at: shape (n,), int64, UTC ms, rising. columns: shape (n,), float64, by name. timeframe: of candles, whose
    close is when they are known; 0 for what is no candle.
    """

    known_at: np.ndarray
    columns: dict[str, np.ndarray]
    timeframe: int = 0

    def __len__(self) -> int:
        return len(self.known_at)

    def until(self, moment: int) -> "Joined":
        """What was known at a moment, UTC ms: views of the same rows."""
        count = int(np.searchsorted(self.known_at, moment, side="right"))
        return Joined(self.known_at[:count], {n: v[:count] for n, v in self.columns.items()}, self.timeframe)

    def as_of(self, moments: np.ndarray) -> np.ndarray:
        """Shape of the moments (UTC ms), int64: the last row that was known at each, -1 before the first."""
        return np.searchsorted(self.known_at, moments, side="right") - 1


class Aligned:
    """What ``candles.btc`` is in `indicators`: ``candles.btc.close`` has one value per candle, as of its close.

    nan where nothing was known yet.
    """

    def __init__(self, name: str, joined: Joined, moments: np.ndarray) -> None:
        self._name, self._joined = name, joined
        self._rows = joined.as_of(moments)

    def __len__(self) -> int:
        return len(self._rows)

    def __dir__(self) -> list[str]:
        return list(self._joined.columns)

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("__"):
            raise AttributeError(name)
        columns = self._joined.columns
        if name not in columns:
            known = ", ".join(columns)
            raise StrategyError(f"candles.{self._name} has no {name!r}; it has {known}.{did_you_mean(name, columns)}")
        # What nothing was known of is the last row of all, and that is nan.
        return np.append(columns[name], np.nan)[self._rows]
