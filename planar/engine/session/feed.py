"""`Feed`: closed candles of several markets, each once and without holes, whatever was missed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from planar.engine.session.moments import Moments
from planar.errors import ExchangeError, Rejected, Unreachable
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.model import Candle
from planar.exchange.subscription import Subscription
from planar.exchange.tap import Kind
from planar.model.ask import Row
from planar.model.timeframe import milliseconds
from planar.strategy.candles import FIELDS, Candles

LOG = logging.getLogger("planar.session")

PAUSE, LONGEST_PAUSE = 1.0, 30.0
LAGGED = "LAGGED"


async def history(exchange: CcxtExchange, symbol: str, timeframe: str, count: int, now: int) -> Candles:
    """The last closed candles of a market."""
    length = milliseconds(timeframe)
    return await listed_candles(exchange, symbol, timeframe, now // length * length - count * length, now)


async def listed_candles(exchange: Exchange, symbol: str, timeframe: str, start: int, end: int) -> Candles:
    """Closed candles with ``start <= time < end``, as the exchange lists them."""
    pages = [page async for page in exchange.candles(symbol, timeframe, start, end)]
    columns = ("time", *FIELDS)
    frame = pl.concat(pages) if pages else pl.DataFrame({name: [] for name in columns})
    time, *prices = (frame[name].to_numpy().astype(np.int64 if name == "time" else np.float64) for name in columns)
    return Candles(time, *prices, timeframe=milliseconds(timeframe))


async def missed(exchange: CcxtExchange, symbol: str, timeframe: str, start: int, end: int) -> AsyncIterator[Row]:
    """Closed candles with ``start <= time < end``."""
    if start < end:
        async for page in exchange.candles(symbol, timeframe, start, end):
            for time, *values in page.iter_rows():
                yield Row(int(time), *values)


def row_of(candle: Candle) -> Row:
    """A candle of a stream as a strategy sees it."""
    return Row(candle.time, *(float(getattr(candle, name)) for name in FIELDS))


async def reading(
    subscribe: Callable[[], Coroutine[Any, Any, Subscription]],
    again: Callable[[], Coroutine[Any, Any, None]],
    first: Subscription,
) -> AsyncIterator[Any]:
    """What a stream tells. Where it was not read in time, it goes on behind what was lost, for which `again` asks."""
    subscription = first
    while True:
        try:
            async for event in subscription:
                yield event.data
            return
        except Unreachable as error:
            if error.code != LAGGED:
                raise
            LOG.warning("%s", error)
            subscription.close()
        subscription = await subscribe()
        await again()


class Feed:
    """Hears for a session.

    moments: who is told. saw: hears the times of candles, UTC ms.
    """

    def __init__(
        self,
        market: CcxtExchange,
        symbols: Sequence[str],
        timeframe: str,
        moments: Moments,
        saw: Callable[[int], None],
    ) -> None:
        self._market, self._symbols, self._timeframe = market, list(symbols), timeframe
        self._moments, self._saw = moments, saw
        self._length = milliseconds(timeframe)
        self._is_whole = [False] * len(self._symbols)
        self._subscriptions: dict[int, Subscription] = {}

    async def subscribe(self) -> None:
        """Listens; what is told from now on waits until `readers` run."""
        for k in range(len(self._symbols)):
            await self._subscribed(k)

    async def _subscribed(self, k: int) -> Subscription:
        self._is_whole[k] = False
        made = await self._market.streams.subscribe(Kind.CANDLES, self._symbols[k], self._timeframe)
        self._subscriptions[k] = made
        return made

    async def catch_up(self, now: int) -> None:
        """Asks for the candles of all instruments since their last, so that they are told by time."""
        found = await asyncio.gather(*(self._missed(k, now) for k in range(len(self._symbols))))
        for k, rows in enumerate(found):
            for row in rows:
                self._moments.hear(k, row)
            # A list may lack its last candle for a while, but none before that.
            self._moments.knows(k, now - self._length)

    async def _missed(self, k: int, end: int) -> list[Row]:
        """Candles between the last that was heard and a time, asked for until they are told."""
        pause = PAUSE
        while True:
            try:
                wanted = missed(self._market, self._symbols[k], self._timeframe, self._moments.ends[k], end)
                return [row async for row in wanted]
            except Rejected:
                raise
            except ExchangeError as error:
                LOG.warning("%s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def readers(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """One of each market, to be run side by side."""
        return [partial(self._read, k) for k in range(len(self._symbols))]

    async def _read(self, k: int) -> None:
        async def again() -> None:
            """The first word of the new stream has it asked for."""

        async for candle in reading(partial(self._subscribed, k), again, self._subscriptions[k]):
            self._saw(candle.time)
            if not self._is_whole[k]:
                # From its first word on the stream is without holes; what came before that is asked for.
                for row in await self._missed(k, candle.time):
                    self._moments.hear(k, row)
                self._is_whole[k] = True
            if candle.is_closed:
                self._moments.hear(k, row_of(candle))

    def close(self) -> None:
        """Leaves the streams."""
        for subscription in self._subscriptions.values():
            subscription.close()
