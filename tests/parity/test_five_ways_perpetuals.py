"""Perpetuals, long and short, in the five ways of `test_five_ways`: the same orders, fills and funding, one by one.

Funding is paid where no order arrives: there a backtest is as exact as an exchange (docs/simulation.md, section 12).
"""

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from parity import test_five_ways as five
from parity.test_five_ways import CASH, KEY, KNOWN, MODEL, SECRET, again, check_same, on_steps, one_fill_model

import planar
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.live import NO_LIMITS, LiveSession, Wish
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.order import Kind, Reason, Side, Status
from planar.model.timeframe import milliseconds
from planar.store.synthetic import START, steps, synthetic
from planar.strategy.load import load
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.server import Venue
from planar.venue.usdm.funding import Funding
from planar.venue.usdm.terms import usual

LONG_SHORT, EXITING = (Path(__file__).with_name(name) for name in ("long_short.py", "exiting.py"))
FUNDING_EVERY = 8 * 3_600_000
SEED = 11

assert one_fill_model  # the fixture of these tests, too


def market_of(cls, count, mode):
    """Perpetuals, candles on their steps, and what funding comes to every eight hours, in both directions."""
    names, instruments, frames, funding = cls.instruments, [], {}, {}
    made = synthetic(names, cls.timeframe, START, KNOWN + count, 5)
    times = np.arange(START // FUNDING_EVERY, (START + (KNOWN + count) * 3_600_000) // FUNDING_EVERY + 1)
    for number, name in enumerate(names):
        tick, step = steps(name)
        instruments.append(replace(usual(name, tick, step), margin_mode=mode, leverage=5))
        frame = made[name]
        prices = [pl.Series(c, on_steps(frame[c], tick)) for c in ("open", "high", "low", "close")]
        frames[name] = frame.with_columns(*prices, pl.Series("volume", on_steps(frame["volume"], step, 3)))
        rates = np.random.default_rng(SEED + number).uniform(-0.002, 0.002, len(times)).round(8)
        funding[name] = pl.DataFrame({"time": times * FUNDING_EVERY, "rate": rates})
    return instruments, frames, funding


def backtested(cls, market, compiled, risk):
    instruments, frames, funding = market
    start = int(next(iter(frames.values()))["time"][KNOWN])
    return planar.backtest(
        cls, frames, instruments={i.name: i for i in instruments}, start=start, cash=float(CASH), fill=MODEL,
        compiled=compiled, limits=risk, funding=funding,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def stepped(cls, market):
    """As of spot: a venue of those candles that stands still, and CCXT's way to it."""
    instruments, frames, funding = market
    length, start = milliseconds(cls.timeframe), int(next(iter(frames.values()))["time"][KNOWN])
    config = VenueConfig(
        tuple(instruments), candles=frames, funding=funding, timeframe=cls.timeframe, points=1, speed=0,
        start=start - length + 1, history=KNOWN, model=MODEL, api_key=KEY, secret=SECRET, balances={"USDT": CASH},
        limits=Limits(10**9, 10**9, 10**9),
    )  # fmt: skip
    async with Venue(config) as venue:
        address = f"http://127.0.0.1:{venue.port}"
        settings = ExchangeSettings(base_url=address, enable_rate_limit=False, futures=True)
        keys = Credentials(Secret(KEY), Secret(SECRET))
        async with CcxtExchange("binance", settings=settings, credentials=keys) as one:
            yield venue, one


class Replayed(five.Replayed):
    """A paper account of perpetuals, which is told what funding comes to, too."""

    funding: dict

    async def _follow(self, listing, symbol):
        known = Funding.of(self.funding[listing.instrument.name], symbol)
        self.venue.account.kernel.plan(listing.index, known, self.starts)


async def played(session, venue, account, frames, happen=None):
    """As of spot, and funding that was paid is booked before anything else happens."""
    books = session.recorder.trader
    first = next(iter(frames.values()))
    for opens in first["time"][KNOWN:]:
        for by in (int(opens) - venue.clock.now(), 1):
            if happen is not None:
                happen()
            venue.step(by)
            async with asyncio.timeout(30):
                while books.record["fundings_n"] < sum(x.what == "FUNDING_FEE" for x in account.account.income):
                    await asyncio.sleep(0.001)
            await five.quiet(session, account, int(opens))
    session.recorder.trader.order(1)
    assert books.wallet_units() == account.account.kernel.wallet()[0]
    assert not account.account.forced
    return books.memory.logs["orders"][: int(books.record["orders_n"])].copy(), books.log("fundings", 0).copy()


async def traded(folder, cls, market, name, risk, mode):
    instruments, frames, _ = market
    wish = Wish(cls(), name, five.symbols_of(instruments), history=KNOWN, margin_mode=mode)
    async with (
        stepped(cls, market) as (venue, exchange),
        LiveSession(folder, exchange, wish, five.wall, risk=risk) as session,
    ):
        return await played(session, venue, venue, frames)


async def papered(folder, cls, market, name, risk, mode):
    instruments, frames, funding = market
    wish = Wish(cls(), name, five.symbols_of(instruments), mode="paper", history=KNOWN, margin_mode=mode)
    account_of = partial(Replayed, leverage=5.0, margin_mode=mode)
    async with contextlib.AsyncExitStack() as stack:
        venue, exchange = await stack.enter_async_context(stepped(cls, market))
        paper = account_of(exchange, wish.symbols, {"USDT": CASH})
        paper.funding, paper.starts = funding, venue.clock.now()
        await stack.enter_async_context(paper)
        paper.stand_at(venue.clock.now())
        session = LiveSession(folder, paper.exchange, wish, five.wall, market=exchange, paper=paper, risk=risk)
        await stack.enter_async_context(session)
        streams = paper.prints(frames, milliseconds(cls.timeframe))
        found = await played(session, venue, paper.venue, frames, lambda: paper.happen(streams))
        assert not venue.account.orders
        return found


def check_funding(mine, run, how):
    theirs = run.logs.fundings[run.logs.fundings["time"] <= (mine["time"].max() if len(mine) else 0)]
    mine, theirs = (np.sort(each, order=["time", "instrument"]) for each in (mine, theirs))
    for field in ("time", "units", "instrument"):
        assert mine[field].tolist() == theirs[field].tolist(), f"{how}: funding: {field}"


def sized(orders):
    """Without what the stops of `protect` are for: all in a backtest, so much as was held when asked in a session."""
    orders = orders.copy()
    for name in ("amount", "requested"):
        orders[name][orders["kind"] == Kind.STOP] = 0
    return orders


def five_ways(folder, name, count, mode, risk=NO_LIMITS, shown=lambda orders: orders):
    cls = load(name)
    market = market_of(cls, count, mode)
    run = backtested(cls, market, True, risk)
    last = int(next(iter(market[1].values()))["time"][-1])
    compiled = run.logs.orders[run.logs.orders["time"] < last + 1]
    check_same(backtested(cls, market, False, risk).logs.orders[: len(compiled)], compiled, "interpreted")
    live, paid = asyncio.run(traded(folder, cls, market, name, risk, mode))
    check_same(shown(live), shown(compiled), "live")
    check_funding(paid, run, "live")
    paper, paid = asyncio.run(papered(folder.with_name("paper"), cls, market, name, risk, mode))
    check_same(shown(paper), shown(compiled), "paper")
    check_funding(paid, run, "paper")
    for journal in (folder, folder.with_name("paper")):
        for way in (True, False):
            check_same(again(journal, way), live, "run again")
    return live, paid


def check_it_did_something(orders, paid):
    """Both sides and each kind filled, something was cancelled, and funding went both ways."""
    filled = {(Kind(int(one["kind"])), Side(int(one["side"]))) for one in orders if one["status"] == Status.FILLED}
    assert {(kind, side) for kind in (Kind.MARKET, Kind.LIMIT) for side in Side} <= filled
    assert any(kind is Kind.STOP for kind, _ in filled)
    assert any(one["status"] == Status.CANCELLED for one in orders)
    assert (paid["units"] > 0).any()
    assert (paid["units"] < 0).any()


@pytest.mark.parametrize("mode", ["isolated", pytest.param("cross", marks=pytest.mark.slow)])
def test_perpetuals_go_the_same_way_everywhere(tmp_path, mode):
    check_it_did_something(*five_ways(tmp_path / "one", str(LONG_SHORT), 80, mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_perpetuals_go_the_same_way_everywhere_for_long(tmp_path, mode, capsys):
    orders, paid = five_ways(tmp_path / "one", str(LONG_SHORT), 1_500, mode)
    check_it_did_something(orders, paid)
    with capsys.disabled():
        print(f"{mode}: {len(orders)} orders and {len(paid)} payments of funding alike")


def test_exits_of_positions_go_the_same_way_everywhere(tmp_path):
    """A stop that is moved again and again and two takes, of which each fills, and each ends with the position."""
    orders, _ = five_ways(tmp_path / "one", str(EXITING), 90, "isolated", shown=sized)
    ended = {(Kind(int(one["kind"])), Status(int(one["status"])), Reason(int(one["reason"]))) for one in orders}
    for kind in (Kind.STOP, Kind.LIMIT):
        assert {(kind, Status.FILLED, Reason.NONE), (kind, Status.EXPIRED, Reason.NO_POSITION)} <= ended
    assert {Side(int(one["side"])) for one in orders if one["kind"] == Kind.STOP and one["filled"]} == set(Side)
