"""A session dies at any instant and goes on: no order is lost, none doubled, the account is the venue's."""

import asyncio
import contextlib
import gc
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from engine.session import perpetuals, trading
from engine.session.dying import INSTANTS, OF_CONTRACTS, PROTECTING, RECOVERY
from engine.session.trading import Busy, Guarded, venue

from planar.engine.session.archive import journal, replayed

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # nothing ends in order
    pytest.mark.usefixtures("patient"),
]

DYING = Path(__file__).with_name("dying.py")


def sampled(instants):
    """All but every sixth instant are for the long run."""
    marks = [(), (pytest.mark.slow,)]
    return [pytest.param(instant, marks=marks[number % 6 != 0]) for number, instant in enumerate(instants)]


class DeadError(BaseException):
    """Nothing of ours catches it."""


async def killed(folder, there, arm, seconds=4.0, cls=Busy, at=trading, **wish):
    """A session that ends without doing anything more: nothing is closed in order, nothing is written.

    at: `trading`, or `perpetuals`.
    """
    exchange, dead = at.exchange_at(there.port), asyncio.Event()

    def die():
        dead.set()
        forget(session)  # who is dead writes nothing more
        raise DeadError

    session = at.session_at(folder, exchange, cls, **wish)
    before = asyncio.all_tasks()
    running = asyncio.ensure_future(_run(session, arm, die))
    waiting = asyncio.ensure_future(dead.wait())
    await asyncio.wait([running, waiting], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    was_dead = dead.is_set()
    forget(session)
    mine = [task for task in asyncio.all_tasks() - before if task is not waiting]
    for task in mine:
        task.cancel()
    await asyncio.gather(*mine, *session._readers, running, return_exceptions=True)
    gc.collect()  # what nobody asked for is complained of here, and not in the middle of what comes next
    for each in (session._lock, *session._claims):
        if each is not None:
            each.close()
    await exchange.close()
    return was_dead


def forget(session):
    """What was not on disk is gone, and nothing is due any more."""
    if "_moments" in vars(session):
        session._moments.close()
    if session._journal is not None:
        with contextlib.suppress(sqlite3.ProgrammingError):
            session._journal._connection.rollback()
            session._journal._connection.close()


async def _run(session, arm, die):
    arm(session, die, is_open=False)
    await session._open_all()
    arm(session, die, is_open=True)
    await session.run()


async def gone_on(folder, there, seconds=1.0, cls=Busy, at=trading, **wish):
    """The session goes on in peace for a while; gives the client ids of the venue's orders."""
    async with at.exchange_at(there.port) as exchange, at.session_at(folder, exchange, cls, **wish) as session:
        running = asyncio.ensure_future(session.run())
        await asyncio.wait([running], timeout=seconds)
        if running.done():
            running.result()
        running.cancel()
        session.quiet()
        await at.settled(session)
        session.recorder.commit()
        assert not [each for each in session.safety.naked.documents() if each["is_naked"]]
        return at.check_books(there, session)


@pytest.mark.parametrize("instant", sampled(INSTANTS))
def test_whoever_dies_there_goes_on_with_the_venues_books(tmp_path, instant):
    def arm(session, die, *, is_open):
        if is_open:
            INSTANTS[instant](session, die, random.Random(instant).randrange(2, 6))

    async def scene():
        async with venue() as there:
            assert await killed(tmp_path / "one", there, arm, 60.0), "it never came there"
            assert await gone_on(tmp_path / "one", there)

    asyncio.run(scene())


@pytest.mark.parametrize("instant", sampled(RECOVERY))
def test_whoever_dies_in_recovery_recovers(tmp_path, instant):
    def first(session, die, *, is_open):
        if is_open:
            INSTANTS["after the exchange accepted"](session, die, 3)

    def second(session, die, *, is_open):
        if not is_open:
            RECOVERY[instant](session, die)

    async def scene():
        async with venue() as there:
            assert await killed(tmp_path / "one", there, first, 60.0)
            assert await killed(tmp_path / "one", there, second, 60.0), "it never came there"
            assert await gone_on(tmp_path / "one", there)

    asyncio.run(scene())


@pytest.mark.parametrize("instant", sampled(PROTECTING))
@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whoever_dies_there_leaves_nothing_without_its_protection(tmp_path, instant, times):
    def arm(session, die, *, is_open):
        if is_open:
            PROTECTING[instant](session, die, random.Random(instant).randrange(1, 4))

    async def scene():
        async with venue() as there:
            for _ in range(times):
                assert await killed(tmp_path / "one", there, arm, 60.0, Guarded, compiled=False), "it never came there"
            assert await gone_on(tmp_path / "one", there, cls=Guarded, compiled=False)

    asyncio.run(scene())
    entries = journal(tmp_path / "one")
    assert not [e.body["text"] for e in entries if e.kind == "alarm" and e.body["topic"] == "protection"]
    replayed(entries, compiled=False)


PERPETUAL = [*OF_CONTRACTS, *(each for each in INSTANTS if each != "after the id of an amend is on disk")]
"""Of perpetuals an amend keeps its order's id."""


@pytest.mark.parametrize("instant", sampled(PERPETUAL))
def test_whoever_trades_perpetuals_and_dies_there_goes_on_with_the_venues_books(tmp_path, instant):
    def arm(session, die, *, is_open):
        if is_open:
            (INSTANTS | OF_CONTRACTS)[instant](session, die, random.Random(instant).randrange(2, 6))

    async def scene():
        async with perpetuals.venue(funding=perpetuals.funding(0.001)) as there:
            how = {"cls": perpetuals.Shifting, "at": perpetuals}
            assert await killed(tmp_path / "one", there, arm, 90.0, **how), "it never came there"
            assert await gone_on(tmp_path / "one", there, **how)

    asyncio.run(scene())


@pytest.mark.slow
@pytest.mark.parametrize("at", [trading, perpetuals], ids=["spot", "perpetuals"])
def test_two_hundred_kills(tmp_path, capsys, at):
    """``kill -9`` of a program of its own at random and at every named instant, one after the other."""
    numbers = random.Random(7)
    plan = [*INSTANTS, *RECOVERY] * 5 + ["at random"] * 100
    more = {"funding": perpetuals.funding(0.0001)} if at is perpetuals else {}
    if at is perpetuals:
        plan = [*PERPETUAL, *RECOVERY] * 4 + ["at random"] * 108
    numbers.shuffle(plan)

    async def scene():
        async with at.venue(history=120, **more) as there:
            for round_, instant in enumerate(plan):
                count, seconds = str(numbers.randrange(1, 8)), f"{numbers.uniform(0.0, 3.0):.2f}"
                what = at.__name__.rpartition(".")[2]
                arguments = [str(tmp_path / "one"), str(there.port), instant, count, seconds, what]
                program = await asyncio.create_subprocess_exec(
                    sys.executable, str(DYING), *arguments, stderr=subprocess.PIPE
                )
                _, told = await program.communicate()
                assert program.returncode == -9, told.decode()
                if round_ % 20 == 19:
                    names = await gone_on(tmp_path / "one", there, cls=at.DYING, at=at)
                    with capsys.disabled():
                        print(f"{round_ + 1} kills, {len(names)} orders, books are the venue's")
            return await gone_on(tmp_path / "one", there, cls=at.DYING, at=at)

    assert len(asyncio.run(scene())) > 100
