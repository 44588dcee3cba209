"""Sessions that are watched over, and what tests ask of them."""

import asyncio
import contextlib

from engine.session.trading import Busy, exchange_at, session_at, settled

from planar import Strategy
from planar.broker.journal import read


class Holds(Strategy):
    """Buys one lot of each at its first candle and keeps it; asks for more at each later one."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    refused = 0

    def on_candle(self, candle, broker):
        self.count += 1
        broker.buy(cost=100.0)

    def on_order_error(self, order, broker):
        self.refused += 1


@contextlib.asynccontextmanager
async def running(folder, there, cls=Busy, **more):
    """A session that runs; what ends it by itself is raised."""
    async with exchange_at(there.port) as exchange, session_at(folder, exchange, cls, **more) as session:
        reconciler = session.safety.reconciler
        reconciler.period, reconciler.pause = 0.3, 0.1
        work = asyncio.ensure_future(session.run())
        try:
            yield session
        finally:
            session.quiet()
            await settled(session)
            if work.done():
                work.result()
            work.cancel()


async def until(condition, patience=20.0):
    """Waits until something is so."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.05)


def told(folder, kind):
    return [entry.body for entry in read(folder / "journal.sqlite", kind)]
