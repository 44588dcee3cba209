"""A program that starts one session after the other does not grow by each of them."""

import asyncio
import gc
import weakref

import pytest
from engine.session.trading import Once, exchange_at, session_at, venue

from planar.engine.session import ended


@pytest.fixture
def seldom():
    """Python by itself does not come by in this test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("seldom")
def test_sessions_that_ended_are_freed_before_others_begin(tmp_path):
    books = []

    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange:
            for _ in range(6):
                async with session_at(tmp_path / "one", exchange, Once) as session:
                    books.append(weakref.ref(session.recorder.trader.memory))
                    await asyncio.sleep(0)

    asyncio.run(scene())
    assert sum(each() is not None for each in books) <= ended.MOST + 1


@pytest.mark.usefixtures("seldom")
def test_what_somebody_looks_at_stays_and_is_not_collected_for_again(monkeypatch):
    class One:
        pass

    ones, collected = [One() for _ in range(ended.MOST)], []
    monkeypatch.setattr(ended.gc, "collect", lambda: collected.append(1))
    for one in ones:
        ended.has_ended(one)
    ended.make_way()
    ended.make_way()
    assert len(collected) == 1
