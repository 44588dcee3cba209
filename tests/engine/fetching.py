"""A venue with a history, the real CCXT class at it, and a fetch of it."""

from contextlib import asynccontextmanager

import polars as pl

from planar.config.settings import ExchangeSettings
from planar.engine.fetch import Pace, Wanted, fetch
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.retries import Backoff
from planar.store.synthetic import START, synthetic
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

MINUTE = 60_000
BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"
COUNT = 2_500
END = START + COUNT * MINUTE
SOON = Backoff(0.001, 0.002)


class Listening(CcxtExchange):
    """Keeps what candles it was asked for, as (symbol, first candle, number of candles) since the start."""

    def __init__(self, *args, **rest):
        super().__init__(*args, **rest)
        self.asked, self.backoff = [], SOON

    def candles(self, symbol, timeframe, start, end=None, *, kind="trade"):
        self.asked.append((symbol, (start - START) // MINUTE, (end - start) // MINUTE))
        return super().candles(symbol, timeframe, start, end, kind=kind)


@asynccontextmanager
async def opened(*, without=(), settings=None, sandbox=False, **changes):
    """A venue with ``COUNT`` minutes behind it, some of them without trades, and an exchange that asks there."""
    frames = synthetic([BTC, ETH], "1m", START, COUNT + 60)
    if without:
        frames[BTC] = frames[BTC].filter(~((pl.col("time") - START) // MINUTE).is_in(list(without)))
    usual = {"candles": frames, "speed": 0, "points": 7, "start": END + MINUTE // 2}
    async with Venue(VenueConfig(**{**usual, **changes})) as venue:
        made = {"base_url": f"http://127.0.0.1:{venue.port}", "enable_rate_limit": False, **(settings or {})}
        exchange = Listening("binance", settings=ExchangeSettings(**made), sandbox=sandbox)
        try:
            yield venue, exchange
        finally:
            await exchange.close()


def fetched(exchange, store, *symbols, now=END + MINUTE // 2, rows=20_000, progress=None, **rest):
    wanted = Wanted(symbols or ("BTC/USDT",), **{"timeframe": "1m", "start": START, **rest})
    return fetch(exchange, store, wanted, now=now, progress=progress, pace=Pace(rows, SOON))


def minutes(store, name=BTC):
    return [(int(time) - START) // MINUTE for time in store.read_candles(name, "1m")["time"]]


def pages_asked(venue):
    return sum(1 for rule in venue.chaos.described() for _ in range(rule["happened"]))
