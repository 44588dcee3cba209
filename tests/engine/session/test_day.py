"""The day's loss: counted from 00:00 UTC of the session's clock, not forgotten by a restart, over with the day."""

import asyncio
from decimal import Decimal

import numpy as np
import pytest
from engine.session.retold import retold
from engine.session.trading import SLOW, venue
from engine.session.watched import Holds, running, told, until

from planar.broker.gate import Gate, State
from planar.broker.journal import Entry
from planar.config.settings import Risk
from planar.engine.session import archive
from planar.engine.session.day import LENGTH, Day, equity_at


class Scene:
    """A clock and an equity that the test sets, and what is written."""

    def __init__(self, entries=()):
        self.now, self.equity, self.written = 10 * LENGTH + 5, Decimal(1_000), list(entries)
        self.known = {10: Decimal(1_000)}
        self.gate = Gate(lambda *_: None)
        self.day = Day(
            Decimal(100), "USDT", self.gate, lambda: self.now, lambda: self.equity,
            lambda moment: self.known.get(moment // LENGTH), lambda *e: self.written.append(e),
        )  # fmt: skip
        self.day.restore(Entry(number, 0, *entry) for number, entry in enumerate(entries, 1))

    def look(self, equity=None, now=None):
        self.equity, self.now = Decimal(equity or self.equity), now or self.now
        self.day.look()
        return self.gate.state


def test_up_to_the_limit_all_may_be_sent_and_from_it_on_exits_alone():
    scene = Scene()
    assert scene.look() is scene.look(901) is State.ACTIVE
    assert scene.look(900) is State.REDUCING
    assert scene.look(1_200) is State.REDUCING, "that day is over for entries"
    assert scene.gate.why == (
        "The day's loss is 100.00 USDT, and risk.daily_loss = 100 is the most that is allowed: no new positions until "
        "00:00 UTC."
    )


def test_the_next_day_counts_from_its_own_beginning():
    scene = Scene()
    scene.look()
    scene.look(800, 11 * LENGTH - 1)
    assert scene.look(now=11 * LENGTH) is State.ACTIVE
    assert scene.look(701) is State.ACTIVE
    assert scene.look(700) is State.REDUCING


def test_a_restart_forgets_neither_the_beginning_of_the_day_nor_that_it_was_lost():
    first = Scene()
    first.look()
    second = Scene(first.written)
    assert second.look(899) is State.REDUCING
    third = Scene(second.written)
    assert third.look(1_500) is State.REDUCING
    assert third.written == second.written, "nothing new to say"


def test_who_was_away_at_midnight_counts_from_what_equity_was_then_as_soon_as_that_is_known():
    first = Scene()
    first.look()
    second = Scene(first.written)
    assert second.look(850, 11 * LENGTH + 500_000) is State.ACTIVE
    assert second.written == first.written, "a guess is not written down"
    second.known[11] = Decimal(960)
    assert second.look() is State.REDUCING
    assert second.gate.why.startswith("The day's loss is 110.00 USDT")
    assert [body["equity"] for _, body in second.written] == ["1000", "960", "960"]
    third = Scene(second.written)
    assert third.look(900, 11 * LENGTH + 600_000) is State.REDUCING


def test_a_loss_that_was_guessed_is_taken_back_when_there_was_none():
    scene = Scene()
    scene.look()
    scene.look(1_200, 11 * LENGTH + 500_000)
    assert scene.look(1_100) is State.REDUCING
    scene.known[11] = Decimal(1_150)
    assert scene.look() is State.ACTIVE


@pytest.mark.parametrize("name", ["sma_cross", "grid_maker"])
def test_equity_at_a_moment_is_what_a_session_that_ended_there_had(tmp_path, name):
    _, _, trader = retold(tmp_path, name)
    entries = archive.journal(tmp_path)
    moments = [entry.body["time"] for entry in entries if entry.kind == "step"]
    for moment in moments[:: len(moments) // 5]:
        then = archive.replayed([e for e in entries if e.kind != "told" or e.body["numbers"][1] < moment], until=moment)
        assert float(equity_at(trader, moment)) == pytest.approx(then.equity(), abs=1e-6)
    assert len(np.unique([equity_at(trader, moment) for moment in moments])) > 20
    assert equity_at(trader, moments[-1] + 1) is None, "candles may be missing"


def test_a_session_that_was_away_at_midnight_knows_what_it_had_then(tmp_path):
    midnight, limits = 19_700 * LENGTH, Risk(daily_loss=5_000)

    async def lived(there, fills):
        async with running(tmp_path / "one", there, Holds, risk=limits) as one:
            await until(lambda: one.recorder.trader.record["fills_n"] >= fills)
            # What was never compared with the account takes its time when it is opened again.
            await until(lambda: told(tmp_path / "one", "reconciled"))
        return one

    async def scene():
        async with venue(speed=SLOW, start=midnight - 4 * 3_600_000) as there:  # two minutes of ours until then
            await lived(there, 4)
            there.step(midnight + 600_000 - there.floor.now)
            return await lived(there, 10)

    trader = asyncio.run(scene()).recorder.trader
    first, second = told(tmp_path / "one", "day")
    assert (first["day"], first["equity"]) == (19_699, "10000")
    worth = [
        Decimal(repr(float(tape.copied().close[tape.copied().time == midnight - 60_000][0]))) for tape in trader.tapes
    ]
    held = 0
    fills = trader.log("fills", 0)
    assert len(fills[fills["time"] < midnight]) >= 4 < len(fills)
    cash = Decimal(10_000)
    for fill in fills[fills["time"] < midnight]:
        unit = Decimal(str(trader.instruments[fill["instrument"]].unit))
        in_base = bool(fill["fee_in_base"])
        cash -= (int(fill["cost"]) + (0 if in_base else int(fill["fee"]))) * Decimal("1e-8")
        held += (int(fill["amount"]) - (int(fill["fee"]) if in_base else 0)) * unit * worth[fill["instrument"]]
    assert (second["day"], Decimal(second["equity"])) == (19_700, cash + held)


def test_without_a_limit_nothing_is_written():
    scene = Scene()
    scene.day.most = Decimal(0)
    assert (scene.look(1), scene.written) == (State.ACTIVE, [])
