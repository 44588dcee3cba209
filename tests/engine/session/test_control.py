"""An operator and a running session: real sockets, a real venue, and journals that are run again."""

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import sys
import time

import pytest
from engine.session.trading import Busy, Holds, Rests, check_books, exchange_at, session_at, settled, venue

from planar.broker.gate import Gate
from planar.broker.journal import Entry, read
from planar.engine.session import line
from planar.engine.session.archive import replayed
from planar.engine.session.control import Control
from planar.engine.session.line import Line, ask, ended, socket_path
from planar.engine.session.operator import restrict
from planar.errors import ConfigError
from planar.store.candles import utc


@contextlib.asynccontextmanager
async def steered(folder, there, cls=Busy, **wish):
    """A session that runs and listens; gives it, its run and who asks."""
    async with (
        exchange_at(there.port) as exchange,
        session_at(folder, exchange, cls, **wish) as session,
        Control(session),
    ):
        running = asyncio.ensure_future(session.run())

        async def tell(do, **more):
            return await asyncio.to_thread(ask, folder, do, **more)

        try:
            yield session, running, tell
        finally:
            running.cancel()


async def until(is_so, patience=40.0):
    async with asyncio.timeout(patience):
        while not is_so():
            await asyncio.sleep(0.02)


def is_holding(session):
    """Both instruments are held, and their orders rest at the venue."""
    if session.broker.busy:
        return False
    records = session.recorder.trader.memory.instruments
    return all(record["amount"] and record["active_n"] == 2 for record in records)


def scene(folder, play, cls=Busy):
    async def played():
        async with venue() as there, steered(folder, there, cls) as (session, running, tell):
            return await play(there, session, running, tell)

    return asyncio.run(played())


def test_status_tells_books_orders_feeds_and_speed(tmp_path):
    async def play(_, session, running, tell):
        await until(lambda: is_holding(session))
        return await tell("status")

    told = scene(tmp_path / "one", play, Holds)
    assert (told["session"], told["state"], told["pid"]) == ("one", "ACTIVE", os.getpid())
    assert [each["instrument"] for each in told["positions"]] == ["binance:BTC/USDT", "binance:ETH/USDT"]
    assert [each["side"] for each in told["orders"]] == ["sell", "buy"] * 2
    assert told["orders"][0]["amount"] == pytest.approx(told["positions"][0]["amount"] / 2, rel=0.01)
    assert {each["state"] for each in told["feeds"]} == {"live"}
    assert 6 <= told["latency"]["orders"] <= told["ordered"]
    assert 0 < told["latency"]["wire_p50"] <= told["latency"]["wire_p99"]
    assert told["health"]["success"] == 1.0
    assert all(each["text"] for each in told["recent"])


@pytest.mark.parametrize("instrument", ["", "ETH/USDT", "binance:ETH/USDT"])
@pytest.mark.slow
def test_close_cancels_and_sells_what_was_named_and_the_session_goes_on(tmp_path, instrument):
    async def play(there, session, running, tell):
        await until(lambda: is_holding(session))
        left = await tell("close", instrument=instrument)
        assert [(each["held"], each["orders"]) for each in left] == [(0.0, 0)] * (1 if instrument else 2)
        assert session.broker.gate.state.name == "ACTIVE"
        decided = int(session.recorder.trader.record["steps"])
        await until(lambda: session.recorder.trader.record["steps"] > decided)
        session.quiet()
        await settled(session)
        check_books(there, session)
        if instrument:
            assert len(session.recorder.trader.open_records(0)) == 2

    scene(tmp_path / "one", play, Holds)
    entries = read(tmp_path / "one" / "journal.sqlite")
    assert [entry.kind for entry in entries].count("ordered") == 1
    for compiled in (True, False):
        assert "operator" in replayed(entries, compiled=compiled).texts.known


@pytest.mark.slow
def test_a_session_goes_on_after_its_operator_traded_in_it(tmp_path):
    async def played():
        async with venue() as there:
            for _ in range(2):
                async with steered(tmp_path / "one", there) as (session, _, tell):
                    orders = session.recorder.trader.record
                    before = int(orders["orders_n"])
                    await until(lambda: orders["orders_n"] > before + 4)  # noqa: B023
                    await tell("close")
                    session.quiet()
                    await settled(session)
                    check_books(there, session)

    asyncio.run(played())


def test_what_an_operator_asked_for_and_a_crash_kept_from_being_sent_is_not_sent_late(tmp_path):
    async def played():
        async with venue() as there:
            async with steered(tmp_path / "one", there, Holds) as (session, _, tell):
                await until(lambda: is_holding(session))
                session.recorder.order(session.clock(), [0, 1], is_close=True)
                session.recorder.commit()
                asked = int(session.recorder.trader.record["orders_n"])
            async with steered(tmp_path / "one", there, Holds) as (session, _, tell):
                await settled(session)
                told = await tell("status")
                assert len(told["positions"]) == 2
                assert all(each["id"] > asked for each in told["orders"])
                check_books(there, session)
                assert {each["held"] for each in await tell("close")} == {0.0}
                check_books(there, session)

    asyncio.run(played())


@pytest.mark.slow
def test_stop_with_close_leaves_nothing_at_the_venue(tmp_path):
    async def play(there, session, running, tell):
        await until(lambda: is_holding(session))
        left = await tell("stop", close=True)
        assert {each["held"] for each in left} == {0.0}
        async with asyncio.timeout(5):
            await running
        assert not there.account.open
        check_books(there, session)

    scene(tmp_path / "one", play, Holds)
    assert ended(tmp_path / "one")
    assert [entry.kind for entry in read(tmp_path / "one" / "journal.sqlite")][-1] == "stopped"


@pytest.mark.slow
def test_stop_keeps_positions_and_orders(tmp_path):
    async def play(there, session, running, tell):
        await until(lambda: is_holding(session))
        assert len((await tell("stop"))["positions"]) == 2
        async with asyncio.timeout(5):
            await running
        assert len(there.account.open) == 4

    scene(tmp_path / "one", play, Holds)


@pytest.mark.slow
def test_when_flat_stops_once_the_strategy_has_sold_and_what_rests_is_cancelled(tmp_path):
    async def play(there, session, running, tell):
        await until(lambda: is_holding(session))
        told = await tell("stop", when_flat=True)
        assert told["state"] == "REDUCING"
        await asyncio.sleep(0.5)
        assert not running.done()
        await tell("close")
        async with asyncio.timeout(10):
            await running
        assert not there.account.open

    scene(tmp_path / "one", play, Holds)


@pytest.mark.slow
def test_when_flat_stops_at_once_where_only_purchases_rest(tmp_path):
    async def play(there, session, running, tell):
        await until(lambda: len(there.account.open) == 2)
        await tell("stop", when_flat=True)
        async with asyncio.timeout(10):
            await running
        assert not there.account.open

    scene(tmp_path / "one", play, Rests)


def test_a_paused_session_is_paused_when_it_goes_on_until_it_is_resumed(tmp_path):
    async def played():
        async with venue() as there:
            async with steered(tmp_path / "one", there) as (_, _, tell):
                assert (await tell("pause"))["state"] == "REDUCING"
            async with steered(tmp_path / "one", there) as (_, _, tell):
                told = await tell("status")
                assert (told["state"], told["why"]) == (
                    "REDUCING",
                    "Its operator paused it: `planar resume` lets it go on.",
                )
                assert (await tell("resume"))["state"] == "ACTIVE"
                with pytest.raises(ConfigError, match=r"session one was not paused\. It is ACTIVE"):
                    await tell("resume")
            async with steered(tmp_path / "one", there) as (_, _, tell):
                assert (await tell("status"))["state"] == "ACTIVE"

    asyncio.run(played())


@pytest.mark.slow
def test_a_locked_instrument_is_locked_when_the_session_goes_on_and_the_others_trade(tmp_path):
    async def played():
        async with venue() as there:
            async with steered(tmp_path / "one", there, Holds) as (session, _, tell):
                await until(lambda: is_holding(session))
                told = await tell("lock", instrument="BTC/USDT")
                assert (told["state"], told["why"]) == (
                    "ACTIVE",
                    "BTC/USDT takes no entries until somebody unlocks it: `planar unlock` ends that.",
                )
                assert told["locked"] == [{"instrument": "binance:BTC/USDT", "until": None}]
                sides = lambda k: [int(one["side"]) for one in session.recorder.trader.open_records(k)]  # noqa: E731
                await until(lambda: sides(0) == [-1])
                assert sides(1) == [-1, 1]
                with pytest.raises(ConfigError, match=r"session one has ETH/USDT not locked"):
                    await tell("unlock", instrument="ETH/USDT")
                with pytest.raises(ConfigError, match=r"lock needs an instrument, such as BTC/USDT"):
                    await tell("lock")
            async with steered(tmp_path / "one", there, Holds) as (session, _, tell):
                assert [each["instrument"] for each in (await tell("status"))["locked"]] == ["binance:BTC/USDT"]
                assert (await tell("unlock", instrument="BTC/USDT"))["locked"] == []
            async with steered(tmp_path / "one", there, Holds) as (_, _, tell):
                assert (await tell("status"))["locked"] == []

    asyncio.run(played())
    said = [entry.body["what"] for entry in read(tmp_path / "one" / "journal.sqlite", "operator")]
    assert said == ["lock", "unlock"]


def test_what_was_locked_last_is_locked_after_a_restart():
    deeds = [("lock", 0, None), ("lock", 1, None), ("unlock", 0, None), ("pause", 0, None), ("lock", 2, 5_000)]
    bodies = [{"what": what, "k": k, "until": until} for what, k, until in deeds]
    gate = Gate(lambda *_: None)
    restrict(gate, [Entry(i, 0, "operator", body) for i, body in enumerate(bodies)])
    assert [gate.is_locked(k, 4_999) for k in range(3)] == [False, True, True]
    assert [gate.is_locked(k, 5_000) for k in range(3)] == [False, True, False]


def test_a_lock_for_a_time_ends_by_the_sessions_clock(tmp_path):
    async def play(_, session, running, tell):
        before = session.clock()
        told = await tell("lock", instrument="BTC/USDT", **{"for": "3m"})
        assert before + 120_000 <= told["locked"][0]["until"] <= session.clock() + 180_000
        assert f"until {utc(told['locked'][0]['until'])}" in told["why"]
        await until(lambda: not session.broker.gate.is_locked(0, session.clock()))
        assert (await tell("status"))["locked"] == []
        with pytest.raises(ConfigError, match="--for '3 hours' is no time: write 4h or 1d"):
            await tell("lock", instrument="BTC/USDT", **{"for": "3 hours"})

    scene(tmp_path / "one", play)


@pytest.mark.slow
def test_only_the_owner_may_connect_and_what_a_killed_program_left_is_no_hindrance(tmp_path):
    (tmp_path / "one").mkdir()
    path = socket_path(tmp_path / "one")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(path))

    async def play(_, session, running, tell):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return await tell("status")

    assert scene(tmp_path / "one", play)["session"] == "one"
    assert not path.exists()


@pytest.mark.slow
def test_a_folder_with_a_long_path_is_listened_for_elsewhere(tmp_path):
    folder = tmp_path / ("a" * 80) / ("b" * 80)

    async def play(_, session, running, tell):
        assert stat.S_IMODE(socket_path(folder).parent.stat().st_mode) == 0o700
        return await tell("status")

    assert len(str(socket_path(folder))) < 100
    assert scene(folder, play)["state"] == "ACTIVE"


@pytest.mark.slow
def test_what_is_no_request_is_answered_and_the_line_stays(tmp_path):
    def talk():
        with Line(tmp_path / "one") as line:
            for words, told in (
                (b"hello\n", "no JSON"),
                (b"[1]\n", "a request is written"),
                (b'{"do": "dance"}\n', "there is no command 'dance'"),
                (b'{"do": "close", "instrument": "ETC/USDT"}\n', "Did you mean 'ETH/USDT'?"),
            ):
                line._file.write(words)
                line._file.flush()
                assert told in line._file.readline().decode()
            assert line.ask("status")["session"] == "one"

    async def play(_, session, running, tell):
        await asyncio.to_thread(talk)

    scene(tmp_path / "one", play)


def test_a_session_that_does_not_run_says_how_to_start_it(tmp_path):
    async def play(_, session, running, tell):
        await until(lambda: session.recorder.trader.record["fills_n"] > 0)

    scene(tmp_path / "one", play)
    with pytest.raises(ConfigError, match=r"session one is not running. Start it: planar live .* --name one"):
        ask(tmp_path / "one", "pause")
    with pytest.raises(ConfigError, match="Did you mean 'one'"):
        ask(tmp_path / "onee", "pause")


@pytest.mark.slow
def test_a_session_that_hangs_is_said_to_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(line, "STATUS_PATIENCE", 0.3)

    async def play(_, session, running, tell):
        asking = asyncio.ensure_future(tell("status"))
        await asyncio.sleep(0)
        time.sleep(1.0)
        with pytest.raises(ConfigError, match=r"session one has not answered for 0 s: it hangs"):
            await asking

    scene(tmp_path / "one", play)


@pytest.mark.slow
def test_asking_loads_nothing_of_the_engine():
    code = "import sys, planar.engine.session.line; print({'numba', 'ccxt', 'polars', 'duckdb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
