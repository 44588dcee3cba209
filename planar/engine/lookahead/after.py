"""What becomes of the candles after a moment: they end there, or others come in their place, at the same times."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planar.strategy.candles import FIELDS, Candles
from planar.strategy.joined import Joined

FACTOR = 1e6


class After(StrEnum):
    """What is done to the candles after a cut, as it completes a sentence about them."""

    SAME = "left as they are"
    CUT = "cut off"
    MIRRORED = "mirrored, so that what rose falls"
    HUGE = "made a million times as large"
    SHUFFLED = "shuffled"
    TINY = "made a million times as small"


POISONS = (After.MIRRORED, After.HUGE, After.SHUFFLED, After.TINY)


@dataclass(frozen=True)
class Future:
    """What comes after a moment, UTC ms; what is joined to the candles has the same future."""

    end: int
    after: After
    seed: int = 0

    def of(self, candles: Candles, least: int = 0) -> Candles:
        """A copy of candles with this future. least: candles that stay as they are, also where they close later."""
        count = max(candles.closed_by(self.end), least)
        made = candles.at(np.arange(min(count, len(candles)) if self.after is After.CUT else len(candles)))
        made.joined = {name: self._of_joined(rows) for name, rows in made.joined.items()}
        if self.after in (After.SAME, After.CUT) or count >= len(candles):
            return made
        rest, known = np.arange(len(candles)) >= count, max(count - 1, 0)
        for name in FIELDS:
            last = candles.volume[known] if name == "volume" else candles.close[known]
            setattr(made, name, self.poisoned(getattr(candles, name), rest, float(last)))
        if self.after is After.MIRRORED:
            made.high[rest], made.low[rest] = made.low[rest], made.high[rest]
        return made

    def _of_joined(self, rows: Joined) -> Joined:
        """What is joined to candles, with this future."""
        if self.after is After.CUT:
            return rows.until(self.end)
        rest = rows.known_at > self.end
        if self.after is After.SAME or not rest.any():
            return rows
        count = len(rows) - int(rest.sum())
        columns = {}
        for name, values in rows.columns.items():
            # The prices of a candle are mirrored at one price, so that they stay a candle's.
            lasts = rows.columns["close"] if rows.timeframe and name != "volume" else values
            columns[name] = self.poisoned(values, rest, float(lasts[count - 1]) if count else 0.0)
        if self.after is After.MIRRORED and rows.timeframe:
            high, low = columns["high"], columns["low"]
            high[rest], low[rest] = low[rest], high[rest]
        return Joined(rows.known_at, columns, rows.timeframe)

    def poisoned(self, values: np.ndarray, rest: np.ndarray, last: float) -> np.ndarray:
        """A copy of values of which those of the rest are others; none of them is nan that was not.

        rest: bool, which are replaced. last: the last that stays, which the rest is mirrored at.
        """
        made, old = values.copy(), values[rest]
        if self.after is After.SHUFFLED or values.dtype.kind != "f":
            made[rest] = np.random.default_rng(self.seed).permutation(old, axis=0)
        elif self.after is After.MIRRORED:
            # By ratio, so that a price stays positive; what has no mirror doubles.
            made[rest] = np.divide(last * last, old, out=2.0 * old, where=(old != 0.0) & (last * last > 0.0))
        else:
            made[rest] = old * FACTOR if self.after is After.HUGE else old / FACTOR
        return made


@contextmanager
def unheard() -> Generator[None]:
    """Keeps the warnings to itself that numbers which nobody ever saw may give."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
