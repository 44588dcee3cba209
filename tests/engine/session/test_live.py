"""A session trades at the venue through CCXT; its books are the venue's, and its journal is all of it."""

import asyncio

import pytest
from engine.session.trading import Raises, check_books, exchange_at, session_at, settled, venue

from planar.broker.journal import read
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.recorder import DECIDING, replay
from planar.errors import ConfigError, StrategyError


async def traded(folder, there, seconds=2.0, **wish):
    async with exchange_at(there.port) as exchange, session_at(folder, exchange, **wish) as session:
        running = asyncio.ensure_future(session.run())
        await asyncio.wait([running], timeout=seconds)
        if running.done():
            running.result()
        running.cancel()
        session.quiet()
        await settled(session)
        return check_books(there, session)


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
def test_the_books_of_a_session_are_the_venues(tmp_path, compiled):
    async def scene():
        async with venue() as there:
            assert len(await traded(tmp_path / "one", there, compiled=compiled)) >= 8

    asyncio.run(scene())


def test_a_session_goes_on_where_it_stopped(tmp_path):
    async def scene():
        async with venue() as there:
            before = await traded(tmp_path / "one", there)
            await asyncio.sleep(1.0)
            after = await traded(tmp_path / "one", there)
            assert after[: len(before)] == before
            assert len(after) > len(before)

    asyncio.run(scene())
    kinds = [entry.kind for entry in read(tmp_path / "one" / "journal.sqlite")]
    assert kinds.count("origin") == kinds.count("begin") == kinds.count("resumed") == 1


def test_its_journal_run_again_decides_the_same(tmp_path):
    async def scene():
        async with venue() as there:
            await traded(tmp_path / "one", there)

    asyncio.run(scene())
    entries = read(tmp_path / "one" / "journal.sqlite")
    origin = Origin.read(next(e.body for e in entries if e.kind == "origin"))
    pasts = [history_of(e.body, origin.timeframe) for e in entries if e.kind == "history"]
    for compiled in (True, False):
        trader = origin.trader(pasts, compiled=compiled)
        replay(trader, (e for e in entries if e.kind in DECIDING), origin)
        assert trader.record["orders_n"] > 5


def test_two_programs_cannot_run_one_session(tmp_path):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as exchange,
            session_at(tmp_path / "one", exchange),
        ):
            with pytest.raises(ConfigError, match=r"session one is running already: see `planar status one`.*--name"):
                await session_at(tmp_path / "one", exchange).__aenter__()

    asyncio.run(scene())


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
def test_a_strategy_that_raises_ends_its_session_with_what_it_raised(tmp_path, compiled):
    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Raises, compiled=compiled)
            async with session, asyncio.timeout(20):
                await session.run()

    with pytest.raises(
        StrategyError, match=r"it does not like this candle. In .*trading.py, line \d+: 'raise ValueError"
    ):
        asyncio.run(scene())
    assert read(tmp_path / "one" / "journal.sqlite")[-1].kind == "stopped"
