"""What happens while a session is away, what a stream loses, and what time it is."""

import asyncio
import time

import polars as pl
import pytest
from engine.session.trading import Busy, Remembers, check_books, exchange_at, running, session_at, settled, until, venue

import planar
from planar.engine.session.archive import journal
from planar.engine.session.live import LiveSession
from planar.errors import Unreachable
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.order import Reason
from planar.strategy.candles import FIELDS
from planar.venue.chaos import Rule

DAY = 86_400_000


async def lived(folder, there, cls, seconds):
    """A session for a while; gives it when it is over."""
    async with exchange_at(there.port) as exchange, running(session := session_at(folder, exchange, cls)) as work:
        await asyncio.wait([work], timeout=seconds)
        assert not work.done(), work.result()
        session.quiet()
        await settled(session)
        check_books(there, session)
    return session


def logged(notes):
    return [(int(each["time"]), int(each["instrument"]), float(each["a"])) for each in notes]


@pytest.mark.slow
def test_memory_after_downtime_is_a_backtests(tmp_path):
    async def scene():
        async with venue() as there:
            await lived(tmp_path / "one", there, Remembers, 1.0)
            away = there.floor.now
            await asyncio.sleep(2.0)
            back = there.floor.now
            return away, back, await lived(tmp_path / "one", there, Remembers, 1.0)

    away, back, session = asyncio.run(scene())
    trader = session.recorder.trader
    frames = {
        instrument.name: pl.DataFrame({name: getattr(tape.copied(), name) for name in ("time", *FIELDS)})
        for instrument, tape in zip(trader.instruments, trader.tapes, strict=True)
    }
    begun = max(entry.body["time"][-1] for entry in journal(tmp_path / "one") if entry.kind == "history") + 60_000
    run = planar.backtest(Remembers, frames, start=begun, compiled=False)
    mine, theirs = logged(trader.log("notes", 0)), logged(run.logs.notes)
    assert len([one for one in mine if away < one[0] < back]) > 20
    assert mine == theirs[: len(mine)]
    assert len(theirs) - len(mine) <= 2  # the candle that it was stopped at


@pytest.mark.slow
def test_what_was_decided_of_candles_that_were_missed_is_not_sent(tmp_path):
    async def scene():
        async with venue() as there:
            await lived(tmp_path / "one", there, Busy, 1.0)
            away = there.floor.now
            await asyncio.sleep(2.0)
            back = there.floor.now
            await lived(tmp_path / "one", there, Busy, 0.5)
            return away, back

    away, back = asyncio.run(scene())
    entries = journal(tmp_path / "one")
    steps = [e.body for e in entries if e.kind == "step" and away < e.body["time"] < back - 60_000]
    asked = {ask[1] for step in steps for ask in step["asks"] if ask[0] == "place"}
    told = [e.body["numbers"] for e in entries if e.kind == "told" and e.body["what"] == "ended"]
    assert len(asked) > 4
    assert asked <= {numbers[0] for numbers in told if numbers[3] == Reason.STALE_DECISION}
    assert not asked & {e.body["order"] for e in entries if e.kind == "intent"}


@pytest.mark.parametrize("place", [0, 1, 2, 3], ids=["orders", "fills", "candles", "other candles"])
@pytest.mark.slow
def test_a_stream_that_was_not_read_in_time_is_read_on_behind_what_it_lost(tmp_path, place):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Busy)) as work,
        ):
            await asyncio.sleep(1.0)
            lost = [*session._opened[:2], *session._feed._subscriptions.values()][place]
            lost.fail(Unreachable("100,000 events were not read in time.", exchange="binance", code="LAGGED"))
            steps = int(session.recorder.trader.record["steps"])
            await until(lambda: work.done() or session.recorder.trader.record["steps"] > steps + 8)
            assert not work.done()
            session.quiet()
            await settled(session)
            assert len(check_books(there, session)) > 4

    asyncio.run(scene())


@pytest.mark.slow
def test_candles_that_cannot_be_asked_for_at_once_are_asked_for_again(tmp_path):
    async def scene():
        async with venue() as there:
            await lived(tmp_path / "one", there, Remembers, 0.5)
            async with exchange_at(there.port, retries=0) as exchange:
                there.add_chaos([Rule("503", "GET /api/v3/klines", count=3)])
                async with running(session := session_at(tmp_path / "one", exchange, Remembers)) as work:
                    steps = int(session.recorder.trader.record["steps"])
                    await until(lambda: work.done() or session.recorder.trader.record["steps"] > steps + 4)
                    assert not work.done()

    asyncio.run(scene())


# The clock.


@pytest.mark.slow
def test_the_clock_of_a_quiet_market_and_of_long_candles_is_the_exchanges(tmp_path):
    exchange = CcxtExchange("binance")
    session = LiveSession(tmp_path / "one", exchange, None, lambda: 0)
    now = time.time_ns() // 1_000_000
    for behind in (3 * DAY, 26 * 3_600_000, -5_000):
        session._saw(now - behind)
        exchange.market_time = now - behind
        assert abs(session.clock() - now) < 60_000


@pytest.mark.slow
def test_the_clock_of_a_venue_that_plays_another_time_is_its_markets(tmp_path):
    exchange = exchange_at(1)
    session = LiveSession(tmp_path / "one", exchange, None, lambda: 0)
    for market in (1_600_000_000_000, 1_600_000_000_000 + DAY):
        session._saw(market)
        assert session.clock() == market
