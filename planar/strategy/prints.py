"""`Prints`: recorded trades of the market, as a run over them is given them, and what is made of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planar.strategy.candles import Candles, resample

MINUTE = 60_000


@dataclass(eq=False)
class Prints:
    """Market trades of one instrument in order.

    time: shape (n,), int64, UTC ms; several may be of one time. price, amount: shape (n,), float64, amount in base.
    side: shape (n,), int64: 1 where the taker bought, -1 where it sold, 0 where that is not known.
    """

    time: np.ndarray
    price: np.ndarray
    amount: np.ndarray
    side: np.ndarray

    def __len__(self) -> int:
        return len(self.time)

    def at(self, rows: slice) -> "Prints":
        """The trades of those rows alone."""
        return Prints(self.time[rows], self.price[rows], self.amount[rows], self.side[rows])

    @cached_property
    def candles(self) -> Candles:
        """Each trade as a candle of its own, a millisecond long."""
        return Candles(self.time, *(self.price,) * 4, self.amount, timeframe=1)

    @cached_property
    def first_rows(self) -> np.ndarray:
        """Shape (minutes,), int64: the row of the first trade in each of the `minutes`."""
        return np.flatnonzero(np.diff(self.time // MINUTE, prepend=-1))

    @cached_property
    def minutes(self) -> Candles:
        """Candles of a minute, the first and the last perhaps in part."""
        starts, price = self.first_rows, self.price
        number = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(self)))
        return Candles(
            self.time[starts] // MINUTE * MINUTE,
            price[starts],
            np.maximum.reduceat(price, starts),
            np.minimum.reduceat(price, starts),
            price[np.append(starts[1:], len(self)) - 1],
            np.bincount(number, self.amount),  # one after the other, as the law sums
            timeframe=MINUTE,
        )

    def whole_candles(self, length: int, end: int) -> Candles:
        """Candles of that length that open at or after the first trade and close by ``end``."""
        return resample(self.candles, length, end)
