"""Closed candles of an exchange, in order and without holes; the moments at which decisions are due."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import polars as pl

from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Candle
from planar.model.ask import Row
from planar.model.timeframe import milliseconds
from planar.strategy.candles import FIELDS, Candles

GRACE = 2.0
"""Seconds that a decision waits at most for the candles of the other instruments."""


async def history(exchange: CcxtExchange, symbol: str, timeframe: str, count: int, now: int) -> Candles:
    """The last closed candles of a market."""
    length = milliseconds(timeframe)
    start = now // length * length - count * length
    pages = [page async for page in exchange.candles(symbol, timeframe, start, now)]
    columns = ("time", *FIELDS)
    frame = pl.concat(pages) if pages else pl.DataFrame({name: [] for name in columns})
    time, *prices = (frame[name].to_numpy().astype(np.int64 if name == "time" else np.float64) for name in columns)
    return Candles(time, *prices, timeframe=length)


async def missed(exchange: CcxtExchange, symbol: str, timeframe: str, start: int, end: int) -> AsyncIterator[Row]:
    """Closed candles with ``start <= time < end``."""
    if start < end:
        async for page in exchange.candles(symbol, timeframe, start, end):
            for time, *values in page.iter_rows():
                yield Row(int(time), *values)


def row_of(candle: Candle) -> Row:
    """A candle of a stream as a strategy sees it."""
    return Row(candle.time, *(float(getattr(candle, name)) for name in FIELDS))


class Moments:
    """When to decide: once all instruments have their candle of a moment, or have been waited for long enough.

    ends: when the last candle of each instrument closed; decided: the last moment that was decided on. take: hands
    over a candle; decide: a moment, UTC ms, has come. grace: seconds.
    """

    def __init__(
        self,
        ends: Sequence[int],
        decided: int,
        length: int,
        take: Callable[[int, Row], None],
        decide: Callable[[int], None],
        grace: float = GRACE,
    ) -> None:
        self._ends, self._length, self._take, self._decide = list(ends), length, take, decide
        self._grace = min(grace, 0.05 * length / 1000)
        self._due = max(ends) if max(ends) > decided else None
        self._timer: asyncio.TimerHandle | None = None
        self._decided = decided

    def hear(self, k: int, row: Row) -> None:
        """A candle of an instrument has closed; one that was heard already is passed over."""
        closes = row.time + self._length
        if closes <= self._ends[k]:
            return
        if self._due is not None and closes > self._due:
            self._come()
        self._ends[k] = closes
        self._take(k, row)
        if closes <= self._decided:
            return  # too late to be decided on: it is known now, and that is all
        self._due = closes
        if all(end >= closes for end in self._ends):
            self._come()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._grace, self._come)

    def _come(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due, self._due = self._due, None
        if due is not None:
            self._decided = due
            self._decide(due)
