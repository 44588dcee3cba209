"""Backtested interpreted and compiled, traded live through CCXT at the venue, traded on paper, and run again from the
journals: the same orders over the same candles, one by one, with what became of them.

One fill model for all: `MODEL`. The venue is stepped: a candle opens, which closes the one before; the session decides
and its orders arrive at the open; then the rest of the candle happens. A paper account is told the same two prints.
"""

import asyncio
import contextlib
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import planar
from planar import FillModel, Instrument
from planar.broker.journal import read
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings, Risk
from planar.engine.session.live import NO_LIMITS, LiveSession, Wish
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.paper import PaperAccount
from planar.engine.session.recorder import DECIDING, replay
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.order import Kind, Status
from planar.model.timeframe import milliseconds
from planar.store.synthetic import START, steps, synthetic
from planar.strategy.load import load
from planar.venue.clock import Clock
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.prints import OPEN_FIRST, Shape, from_candles
from planar.venue.server import Venue

MODEL = FillModel("ohlc", 0, None, None, 0.0, None, "touch")
EXAMPLES = ["bollinger_reversion", "breakout", "grid_maker", "rsi_two_timeframes", "sma_cross"]
GUARDING = Path(__file__).with_name("guarding.py")
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
        frame = frames[name]
        prices = [pl.Series(c, on_steps(frame[c], tick)) for c in ("open", "high", "low", "close")]
        made[name] = frame.with_columns(*prices, pl.Series("volume", on_steps(frame["volume"], step, 3)))
    return instruments, made


def on_steps(values, step, least=0):
    """The numbers that an exchange's texts say: divided, where Polars would multiply by what is not quite 1 / step."""
    return np.maximum(np.round(values.to_numpy() / step), least) / round(1 / step)


def backtested(cls, instruments, frames, compiled, risk):
    start = int(next(iter(frames.values()))["time"][KNOWN])
    run = planar.backtest(
        cls, frames, instruments={i.name: i for i in instruments}, start=start, cash=float(CASH), fill=MODEL,
        compiled=compiled, limits=risk,
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
    """Whether as many orders are open here as there, and as many of them wait for their trigger."""
    here = [int(record["form"]) for k in range(len(trader.instruments)) for record in trader.open_records(k)]
    there = [order.ticket.waits and not order.is_working for order in account.open.values()]
    return (len(there), sum(there)) == (len(here), sum(form >= Kind.STOP for form in here))


class Replayed(PaperAccount):
    """A paper account whose market is told candle by candle: as prints, without a book."""

    async def _follow(self, listing, symbol):
        """Nothing is heard of the market but what `happen` tells."""

    def prints(self, frames, length):
        """What happens next: of each instrument in turn the open of a candle, then the rest of it."""
        pairs = zip(self.venue.floor.listings, frames.values(), strict=True)
        return [from_candles(each, frame[KNOWN:], length, Shape(OPEN_FIRST, 0)) for each, frame in pairs]

    def stand_at(self, time):
        """The market's time is that of the candles, from before the first order on."""
        self.venue.clock, self.venue.floor.now = Clock(time, 0), time

    def happen(self, streams):
        for stream in streams:
            self.venue.floor.happen(next(stream))

    @property
    def venue(self):
        return self._venue


@contextlib.asynccontextmanager
async def stepped(cls, instruments, frames):
    """A venue of those candles that stands still, and CCXT's way to it."""
    length, first = milliseconds(cls.timeframe), next(iter(frames.values()))
    start = int(first["time"][KNOWN])
    config = VenueConfig(
        tuple(instruments), candles=frames, timeframe=cls.timeframe, points=1, speed=0, start=start - length + 1,
        history=KNOWN, model=MODEL, api_key=KEY, secret=SECRET, balances={"USDT": CASH},
        limits=Limits(10**9, 10**9, 10**9),
    )  # fmt: skip
    async with Venue(config) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
        async with CcxtExchange(
            "binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET))
        ) as one:
            yield venue, one


async def played(session, venue, account, frames, happen=None):
    """Steps through the candles. account: the venue of the orders; happen: tells it what the market did."""
    first = next(iter(frames.values()))
    for opens in first["time"][KNOWN:]:
        for by in (int(opens) - venue.clock.now(), 1):
            if happen is not None:
                happen()
            venue.step(by)
            await quiet(session, account, int(opens))
    session.recorder.trader.order(1)
    count = int(session.recorder.trader.record["orders_n"])
    return session.recorder.trader.memory.logs["orders"][:count].copy()


def symbols_of(instruments):
    return tuple(i.name.partition(":")[2] for i in instruments)


async def traded(folder, cls, instruments, frames, name, risk):
    wish = Wish(cls(), name, symbols_of(instruments), history=KNOWN)
    async with (
        stepped(cls, instruments, frames) as (venue, exchange),
        LiveSession(folder, exchange, wish, wall, risk=risk) as session,
    ):
        return await played(session, venue, venue, frames)


async def papered(folder, cls, instruments, frames, name, risk):
    wish = Wish(cls(), name, symbols_of(instruments), mode="paper", history=KNOWN)
    async with (
        stepped(cls, instruments, frames) as (venue, market),
        Replayed(market, wish.symbols, {"USDT": CASH}) as paper,
        LiveSession(folder, paper.exchange, wish, wall, market=market, paper=paper, risk=risk) as session,
    ):
        paper.stand_at(venue.clock.now())
        streams = paper.prints(frames, milliseconds(cls.timeframe))
        orders = await played(session, venue, paper.venue, frames, lambda: paper.happen(streams))
        assert not venue.account.orders
        return orders


def wall():
    return time.time_ns() // 1_000_000


def again(folder, compiled):
    entries = read(folder / "journal.sqlite")
    origin = Origin.read(next(e.body for e in entries if e.kind == "origin"))
    trader = origin.trader(
        [history_of(e.body, origin.timeframe) for e in entries if e.kind == "history"], compiled=compiled
    )
    replay(trader, (e for e in entries if e.kind in DECIDING), origin)
    trader.order(1)
    return trader.memory.logs["orders"][: int(trader.record["orders_n"])].copy()


def check_same(mine, theirs, how):
    for number, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        for field in COMPARED:
            if field == "stop" and one["kind"] == Kind.TRAIL:
                continue  # where a trailing stop has gone no exchange tells
            assert one[field] == other[field], f"{how}: order {number + 1}: {field}"
    assert len(mine) == len(theirs), how


def five_ways(folder, name, count, risk=NO_LIMITS):
    cls = load(name)
    instruments, frames = market_of(cls, count)
    compiled = backtested(cls, instruments, frames, True, risk)
    compiled = compiled[compiled["time"] < int(next(iter(frames.values()))["time"][-1]) + 1]
    interpreted = backtested(cls, instruments, frames, False, risk)[: len(compiled)]
    live = asyncio.run(traded(folder, cls, instruments, frames, name, risk))
    check_same(interpreted, compiled, "interpreted")
    check_same(live, compiled, "live")
    paper = asyncio.run(papered(folder.with_name("paper"), cls, instruments, frames, name, risk))
    check_same(paper, compiled, "paper")
    for journal in (folder, folder.with_name("paper")):
        for way in (True, False):
            check_same(again(journal, way), live, "run again")
    return live


@pytest.fixture(autouse=True)
def one_fill_model(monkeypatch):
    """The paper account's is the one of all."""
    monkeypatch.setattr("planar.engine.session.paper.MODEL", MODEL)


@pytest.mark.parametrize("name", ["sma_cross", "grid_maker"])
def test_the_same_orders_in_every_way(tmp_path, name):
    assert len(five_ways(tmp_path / "one", name, 80)) > 1


def test_takes_and_trailing_stops_go_the_same_way_everywhere(tmp_path):
    """Each kind fills, and each kind is cancelled."""
    orders = five_ways(tmp_path / "one", str(GUARDING), 120)
    ended = {(Kind(int(one["kind"])), Status(int(one["status"]))) for one in orders}
    assert {(kind, Status.FILLED) for kind in (Kind.TAKE, Kind.TAKE_LIMIT, Kind.TRAIL)} <= ended
    assert {(kind, Status.CANCELLED) for kind in (Kind.TAKE_LIMIT, Kind.TRAIL)} <= ended


def test_limits_refuse_the_same_orders_in_every_way(tmp_path):
    """Refused at asking, with the same reason; the cancels of a drawdown stop are the same, too."""
    limits = Risk(
        max_position_cost=3_500, max_exposure=3_400, price_collar=0.05, max_open_orders=5, orders_per_minute=4,
        max_drawdown=0.0005, cooldown=300,
    )  # fmt: skip
    five_ways(tmp_path / "one", "grid_maker", 80, limits)
    for way in ("one", "paper"):
        refused = {entry.body["limit"] for entry in read(tmp_path / way / "journal.sqlite", "refused")}
        assert refused == set(limits.limits) - {"cooldown"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EXAMPLES, str(GUARDING)])
def test_the_same_orders_in_every_way_for_long(tmp_path, name, capsys):
    count = len(five_ways(tmp_path / "one", name, 1_500))
    with capsys.disabled():
        print(f"{name}: {count} orders alike")
    assert count > 1
