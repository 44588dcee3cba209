"""A session trades perpetuals at the venue through CCXT, long and short: wallet, positions, margin are the venue's."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from engine.session.perpetuals import SYMBOLS, Exits, Geared, TooFine, check_books, exchange_at, session_at, venue
from engine.session.trading import settled

from planar.broker.journal import read
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.recorder import DECIDING, replay
from planar.errors import ConfigError
from planar.exchange.model import MarginMode, OrderRequest
from planar.model.order import Event, Kind, Side, Status
from planar.store.synthetic import steps
from planar.venue.usdm.terms import usual

pytestmark = pytest.mark.usefixtures("patient")


async def traded(folder, there, seconds=2.0, id="binanceusdm", **wish):
    async with exchange_at(there.port, id) as exchange, session_at(folder, exchange, **wish) as session:
        running = asyncio.ensure_future(session.run())
        await asyncio.wait([running], timeout=seconds)
        if running.done():
            running.result()
        running.cancel()
        session.quiet()
        await settled(session)
        await session.safety.reconciler.check()
        assert session.broker.gate.why == ""
        return check_books(there, session)


def listed(mode, leverage):
    """The venue's instruments as an account would have them set."""
    made = [usual(f"binance:{symbol}", *steps(f"binance:{symbol}")) for symbol in SYMBOLS]
    return tuple(replace(each, margin_mode=mode, leverage=leverage) for each in made)


def run_again(folder):
    """The journal, replayed both ways: every decision comes out as it did; the books at the end."""
    entries = read(folder / "journal.sqlite")
    origin = Origin.read(next(e.body for e in entries if e.kind == "origin"))
    pasts = [history_of(e.body, origin.timeframe) for e in entries if e.kind == "history"]
    found = []
    for compiled in (True, False):
        trader = origin.trader(pasts, compiled=compiled)
        replay(trader, (e for e in entries if e.kind in DECIDING), origin)
        found.append(trader)
    return found


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_the_account_of_a_session_is_the_venues(tmp_path, mode):
    async def scene():
        async with venue(instruments=listed(mode, 5)) as there:
            names = await traded(tmp_path / "one", there)
            assert len(names) >= 8
            sides = {order.ticket.side for order in there.account.orders.values()}
            assert sides == {Side.BUY, Side.SELL}
            return [there.account.kernel.memory.instruments[k]["entry"].item() for k in range(len(SYMBOLS))]

    entries = asyncio.run(scene())
    for trader in run_again(tmp_path / "one"):
        assert trader.record["orders_n"] > 5
        assert trader.memory.instruments["entry"].tolist() == entries
    fills = trader.log("fills", 0)
    assert (fills["entry"] < 0).any(), "it was never short"
    assert (fills["entry"] > 0).any(), "it was never long"


def test_exits_of_positions_are_the_venues_too(tmp_path):
    """Stops, trailing stops and takes of `protect`, and closing orders, at a market that does not stand still."""

    async def scene():
        async with venue(instruments=listed("isolated", 5)) as there:
            await traded(tmp_path / "one", there, seconds=6.0, cls=Exits)
            before = len(there.account.orders)
            await asyncio.sleep(1.0)
            await traded(tmp_path / "one", there, seconds=4.0, cls=Exits)
            assert len(there.account.orders) > before

    asyncio.run(scene())
    first, second = run_again(tmp_path / "one")
    orders, others = first.log("orders", 0), second.log("orders", 0)
    for name in set(orders.dtype.names) - {"tag"}:  # which has another number
        assert orders[name].tolist() == others[name].tolist(), name
    filled = {Kind(int(one["kind"])) for one in orders if one["status"] == Status.FILLED}
    assert {Kind.MARKET, Kind.STOP, Kind.TAKE, Kind.LIMIT} <= filled
    trailing = np.flatnonzero(orders["kind"] == Kind.TRAIL)
    events = first.log("events", 0)
    assert len(trailing)
    assert not ((events["kind"] == Event.AMEND_REJECTED) & np.isin(events["order"], trailing)).any()


def test_a_session_of_binance_with_futures_goes_on_where_it_stopped(tmp_path):
    async def scene():
        async with venue() as there:
            before = await traded(tmp_path / "one", there, id="binance")
            await asyncio.sleep(1.0)
            after = await traded(tmp_path / "one", there, id="binance")
            assert after[: len(before)] == before
            assert len(after) > len(before)

    asyncio.run(scene())
    kinds = [entry.kind for entry in read(tmp_path / "one" / "journal.sqlite")]
    assert kinds.count("origin") == kinds.count("begin") == kinds.count("resumed") == 1


def test_leverage_that_a_strategy_asks_for_is_set_at_the_exchange(tmp_path):
    async def scene():
        async with venue(instruments=listed("isolated", 5)) as there:
            await traded(tmp_path / "one", there, cls=Geared)
            assert all(each["leverage"] == 700 for each in there.account.kernel.memory.instruments)

    asyncio.run(scene())
    for trader in run_again(tmp_path / "one"):
        assert trader.memory.instruments["leverage"].tolist() == [700, 700]


def test_leverage_that_the_exchange_refuses_stays_as_it_was_in_the_books(tmp_path):
    """Binance has whole numbers alone."""

    async def scene():
        async with venue(instruments=listed("isolated", 5)) as there:
            await traded(tmp_path / "one", there, cls=TooFine)

    asyncio.run(scene())
    told = [e.body for e in read(tmp_path / "one" / "journal.sqlite", "told") if e.body["what"] == "leveraged"]
    assert {one["numbers"][2] for one in told} == {500}
    assert all(one["error"] for one in told)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"leverage": 3.0}, r"leverage 3 is wanted, and the account .* has 5 there. Set it .*broker.set_leverage\(3\)"),
        ({"margin_mode": "cross"}, "cross margin is wanted, and the account .* has isolated margin there. Set it"),
    ],
)
def test_a_session_does_not_begin_where_the_account_is_set_otherwise(tmp_path, wanted, told):
    async def scene():
        async with venue(instruments=listed("isolated", 5)) as there, exchange_at(there.port) as exchange:
            with pytest.raises(ConfigError, match=told):
                await session_at(tmp_path / "one", exchange, **wanted).__aenter__()
            await exchange.set_leverage(SYMBOLS[0], Decimal(3))

    asyncio.run(scene())


def test_a_session_does_not_begin_where_a_position_is_held(tmp_path):
    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange:
            await exchange.place(OrderRequest(SYMBOLS[0], Side.SELL, Decimal("0.01")))
            with pytest.raises(ConfigError, match=r"holds a position of -0\.01 BTC/USDT:USDT that is not this"):
                await session_at(tmp_path / "one", exchange).__aenter__()

    asyncio.run(scene())


def test_spot_settings_do_not_trade_perpetuals(tmp_path):
    async def scene():
        async with venue() as there, exchange_at(there.port, futures=False) as exchange:
            with pytest.raises(ConfigError, match=r"planar config set binanceusdm\.futures true"):
                await session_at(tmp_path / "one", exchange).__aenter__()

    asyncio.run(scene())


def test_a_margin_mode_that_others_changed_is_told_with_the_remedy(tmp_path):
    async def scene():
        async with venue(instruments=listed("isolated", 5)) as there, exchange_at(there.port) as exchange:
            async with session_at(tmp_path / "one", exchange, symbols=SYMBOLS[:1]):
                pass
            await exchange.cancel_all(SYMBOLS[0])
            for held in await exchange.positions():
                await exchange.place(OrderRequest(held.symbol, Side(-held.side), held.amount, reduce_only=True))
            await exchange.set_margin_mode(SYMBOLS[0], MarginMode.CROSS)
            with pytest.raises(ConfigError, match=r"began with isolated margin .* cross margin there now\. Set it"):
                await session_at(tmp_path / "one", exchange, symbols=SYMBOLS[:1]).__aenter__()

    asyncio.run(scene())
