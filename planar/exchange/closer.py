"""Closed candles of a stream: what the stream calls closed is not believed before the exchange's own list says so."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from planar.errors import ExchangeError
from planar.exchange.model import Candle
from planar.exchange.public import PublicData
from planar.exchange.subscription import Source
from planar.model.timeframe import bucket_open, milliseconds

LOG = logging.getLogger("planar.exchange.streams")

PATIENCE = 1.0
"""Seconds after a candle's end, or after a failed request, before its last state is asked for."""

KEPT = 5
"""States of the last so many candles, for comparison."""


class Closer:
    """Tells each closed candle once, in order: from the stream where the request gives the same, else as requested.

    tell: hands a candle on, with its source.
    """

    def __init__(
        self, exchange: PublicData, symbol: str, timeframe: str, tell: Callable[[Candle, Source], object]
    ) -> None:
        self._exchange, self._symbol, self._timeframe, self._tell = exchange, symbol, timeframe, tell
        self._length = milliseconds(timeframe)
        self._states: dict[int, Candle] = {}
        self._next: int | None = None
        self._listed: Candle | None = None
        self._is_by_clock = True
        self._ended = asyncio.Event()
        self._running = asyncio.ensure_future(self._run())

    def saw(self, candle: Candle) -> None:
        """The stream told a state of a candle, open or not."""
        if self._next is None:
            self._next = candle.time
        self._states[candle.time] = candle
        # Of a venue that is accelerated or replays the past, the clock does not tell what is over.
        self._is_by_clock = abs(bucket_open(self._exchange.clock(), self._length) - candle.time) <= self._length
        for old in sorted(self._states)[:-KEPT]:
            del self._states[old]
        if candle.time > self._next:
            self._ended.set()

    async def close(self) -> None:
        """Stops asking."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._length / 1000 + PATIENCE):
                    await self._ended.wait()
            except TimeoutError:
                pass  # a quiet market: nothing is told of the next candle before somebody trades
            self._ended.clear()
            newest = max(self._states, default=None)
            if self._next is None or newest is None or not (self._is_by_clock or newest > self._next):
                continue
            try:
                await self._ask(self._next, None if self._is_by_clock else newest)
            except ExchangeError as error:
                LOG.warning("%s: closed candles of %s: %s", self._exchange.name, self._symbol, error)
                await asyncio.sleep(PATIENCE)
                self._ended.set()

    async def _ask(self, start: int, end: int | None) -> None:
        async for page in self._exchange.candles(self._symbol, self._timeframe, start, end):
            last = page["time"][-1]
            for time, *prices in page.iter_rows():
                if not self._closed(int(time), [Decimal(str(price)) for price in prices], is_last=time == last):
                    await asyncio.sleep(PATIENCE)
                    self._ended.set()
                    return

    def _closed(self, time: int, prices: list[Decimal], *, is_last: bool) -> bool:
        """Tells it, unless it may still change: the last one, neither as it was streamed nor listed so before."""
        first, high, low, last, volume = prices
        asked = Candle(self._symbol, self._timeframe, time, first, high, low, last, volume, is_closed=True)
        seen = self._states.get(time)
        is_same = seen is not None and replace(seen, is_closed=True) == asked
        if is_last and not is_same and asked != self._listed:
            self._listed = asked
            return False
        if seen is not None and not is_same:
            LOG.warning("%s: the stream's last state of %s differs from %s", self._exchange.name, seen, asked)
        self._next = time + self._length
        self._tell(asked, Source.STREAM if is_same else Source.REST)
        return True
