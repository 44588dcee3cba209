"""Backtested interpreted and compiled, traded live through CCXT at the venue, and run again from the live journal: the
same orders, one by one, with what became of them.

One fill model for all: `MODEL`. The venue is stepped: a candle opens, which closes the one before; the session decides
and its orders arrive at the open; then the rest of the candle happens.
"""

import asyncio
import time

import polars as pl
import pytest

import planar
from planar import FillModel, Instrument
from planar.broker.journal import read
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.live import LiveSession, Wish
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.recorder import DECIDING, replay
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.timeframe import milliseconds
from planar.store.synthetic import START, steps, synthetic
from planar.strategy.load import load
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.server import Venue

MODEL = FillModel("ohlc", 0, None, None, 0.0, None, "touch")
EXAMPLES = ["bollinger_reversion", "breakout", "grid_maker", "rsi_two_timeframes", "sma_cross"]
KNOWN, CASH = 300, 100_000
KEY, SECRET = "k" * 64, "s" * 64
COMPARED = (
    "time", "price", "stop", "amount", "filled", "cost", "fee", "requested", "tag", "instrument", "side", "kind",
    "form", "tif", "post_only", "status", "reason", "by_cost",
)  # fmt: skip
"""All that is kept of an order but when it ended, to the millisecond, and where its record stood."""


def market_of(cls, count):
    """The instruments of a strategy, and candles that lie on their steps, as an exchange's do."""
    names = cls.instruments
    frames = synthetic(names, cls.timeframe, START, KNOWN + count, 5)
    instruments, made = [], {}
    for name in names:
        tick, step = steps(name)
        instruments.append(
            Instrument(name, price_step=tick, amount_step=step, min_cost=5.0, fee_side="base", maker=0.001, taker=0.001)
        )
        prices = [(pl.col(c) / tick).round() / round(1 / tick) for c in ("open", "high", "low", "close")]
        volume = ((pl.col("volume") / step).round().clip(3) / round(1 / step)).alias("volume")
        made[name] = frames[name].with_columns(*prices, volume)
    return instruments, made


def backtested(cls, instruments, frames, compiled):
    start = int(next(iter(frames.values()))["time"][KNOWN])
    run = planar.backtest(
        cls, frames, instruments={i.name: i for i in instruments}, start=start, cash=float(CASH), fill=MODEL,
        compiled=compiled,
    )  # fmt: skip
    return run.logs.orders


async def quiet(session, venue, moment):
    """Waits until the session has decided at a moment, and its orders and fills are where they belong."""
    account, books = venue.account, session.recorder.trader
    async with asyncio.timeout(30):
        while session._moments._decided < moment:
            await asyncio.sleep(0.001)
        while session.broker.busy or len(account.executions) > books.record["fills_n"] or not same(account, books):
            await asyncio.sleep(0.001)


def same(account, trader):
    """Whether as many orders are open here as there."""
    return len(account.open) == sum(int(record["active_n"]) for record in trader.memory.instruments)


async def traded(folder, cls, instruments, frames, name):
    length, first = milliseconds(cls.timeframe), next(iter(frames.values()))
    start = int(first["time"][KNOWN])
    config = VenueConfig(
        tuple(instruments), candles=frames, timeframe=cls.timeframe, points=1, speed=0, start=start - length + 1,
        history=KNOWN, model=MODEL, api_key=KEY, secret=SECRET, balances={"USDT": CASH},
        limits=Limits(10**9, 10**9, 10**9),
    )  # fmt: skip
    async with Venue(config) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
        exchange = CcxtExchange("binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
        symbols = tuple(i.name.partition(":")[2] for i in instruments)
        wish = Wish(cls(), name, symbols, history=KNOWN)
        async with exchange, LiveSession(folder, exchange, wish, lambda: time.time_ns() // 1_000_000) as session:
            for row in range(KNOWN, len(first)):
                opens = int(first["time"][row])
                venue.step(opens - venue.clock.now())
                await quiet(session, venue, opens)
                venue.step(1)
                await quiet(session, venue, opens)
            session.recorder.trader.order(1)
            count = int(session.recorder.trader.record["orders_n"])
            return session.recorder.trader.memory.logs["orders"][:count].copy()


def again(folder, compiled):
    entries = read(folder / "journal.sqlite")
    origin = Origin.read(next(e.body for e in entries if e.kind == "origin"))
    trader = origin.trader(
        [history_of(e.body, origin.timeframe) for e in entries if e.kind == "history"], compiled=compiled
    )
    replay(trader, (e for e in entries if e.kind in DECIDING))
    trader.order(1)
    return trader.memory.logs["orders"][: int(trader.record["orders_n"])].copy()


def check_same(mine, theirs, how):
    for number, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        for field in COMPARED:
            assert one[field] == other[field], f"{how}: order {number + 1}: {field}"
    assert len(mine) == len(theirs), how


def five_ways(folder, name, count):
    cls = load(name)
    instruments, frames = market_of(cls, count)
    compiled = backtested(cls, instruments, frames, True)
    compiled = compiled[compiled["time"] < int(next(iter(frames.values()))["time"][-1]) + 1]
    interpreted = backtested(cls, instruments, frames, False)[: len(compiled)]
    live = asyncio.run(traded(folder, cls, instruments, frames, name))
    check_same(interpreted, compiled, "interpreted")
    check_same(live, compiled, "live")
    for way in (True, False):
        check_same(again(folder, way), live, "run again")
    return len(live)


@pytest.mark.parametrize("name", ["sma_cross", "grid_maker"])
def test_the_same_orders_in_every_way(tmp_path, name):
    assert five_ways(tmp_path / "one", name, 80) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_orders_in_every_way_for_long(tmp_path, name, capsys):
    count = five_ways(tmp_path / "one", name, 1_500)
    with capsys.disabled():
        print(f"{name}: {count} orders alike")
    assert count > 1
