"""A shadow beside a running session: what it writes, when it alarms, and that it stands in nobody's way."""

import asyncio

import pytest
from engine.session.trading import Busy, exchange_at, session_at, settled, venue

from planar.broker.journal import read
from planar.config.settings import Parity
from planar.engine.session.comparison import pairs_of, prices_of
from planar.engine.session.recorder import DECIDING
from planar.engine.session.shadow import shadow_of
from planar.engine.session.shadowing import Shadowing
from planar.engine.session.story import story_of
from planar.engine.session.words import sentences
from planar.simulator.fill_model import FillModel

USUAL, NEAR = FillModel(), Parity(agreement=0.0, shortfall=10_000.0, orders=1)
DEAR = FillModel(spread=0.1)
"""A simulation in which takers pay 5 %."""


async def traded(folder, there, model, limits, seconds=2.5):
    """A session with its shadow, which is given."""
    async with (
        exchange_at(there.port) as exchange,
        session_at(folder, exchange, Busy) as session,
        Shadowing(session, model, limits, pause=0.2) as shadowing,
    ):
        running = asyncio.ensure_future(session.run())
        await asyncio.wait([running], timeout=seconds)
        running.cancel()
        session.quiet()
        await settled(session)
        # Nothing more is to happen between the last look and the end.
        there.clock.speed, usual = 0, there.clock.speed
        await asyncio.sleep(0.5)
    there.clock.speed = usual
    return shadowing


def entries_of(folder):
    return read(folder / "journal.sqlite")


def judged(entries):
    story = story_of(entries)
    pairs = pairs_of(story, shadow_of(story, USUAL), prices_of(story.candles()), story.end)
    return [pair for pair in pairs if pair.is_over]


@pytest.mark.slow
def test_every_order_that_is_over_is_told_once_and_the_score_is_that_of_all(tmp_path):
    async def scene():
        async with venue() as there:
            await traded(tmp_path / "one", there, USUAL, NEAR)
            await traded(tmp_path / "one", there, USUAL, NEAR)

    asyncio.run(scene())
    entries = entries_of(tmp_path / "one")
    told = [entry.body["order"] for entry in entries if entry.kind == "shadow"]
    pairs = judged(entries)
    assert len(told) == len(set(told)) > 5
    assert set(told) == {pair.id for pair in pairs}
    scores = [entry.body for entry in entries if entry.kind == "parity"]
    assert (scores[-1]["orders"], scores[-1]["is_apart"]) == (len(pairs), False)
    assert scores[-1]["agreeing"] == sum(not pair.differs for pair in pairs)
    worth = sum(entry.body["difference"] for entry in entries if entry.kind == "shadow")
    assert scores[-1]["difference"] == pytest.approx(worth)


@pytest.mark.slow
def test_it_alarms_when_the_session_is_not_as_its_simulation_and_not_again_until_it_was(tmp_path):
    async def scene():
        async with venue() as there:
            return await traded(tmp_path / "one", there, DEAR, Parity(orders=1))

    shadowing = asyncio.run(scene())
    [alarm] = [entry.body for entry in entries_of(tmp_path / "one") if entry.kind == "alarm"]
    assert alarm["topic"] == "parity"
    assert shadowing.score.agreement < 0.9
    last = next(entry for entry in reversed(entries_of(tmp_path / "one")) if entry.kind == "parity")
    assert last.body["is_apart"]
    origin = story_of(entries_of(tmp_path / "one")).origin
    assert "further apart than [parity] allows" in sentences(origin, "parity", last.body)[0]


@pytest.mark.slow
def test_a_shadow_that_fails_leaves_its_session_alone(tmp_path, caplog):
    endless = FillModel(latency_ms=2**70)

    async def scene():
        async with venue() as there:
            await traded(tmp_path / "one", there, endless, NEAR)

    asyncio.run(scene())
    entries = entries_of(tmp_path / "one")
    assert any(entry.kind == "told" for entry in entries)
    assert not any(entry.kind == "shadow" for entry in entries)
    assert "the session's shadow cannot be told: OverflowError" in caplog.text


@pytest.mark.slow
def test_what_a_shadow_writes_decides_nothing():
    assert not {"shadow", "parity"} & set(DECIDING)
