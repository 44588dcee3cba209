"""The day's loss: counted from 00:00 UTC of the session's clock, not forgotten by a restart, over with the day."""

from decimal import Decimal

from planar.broker.gate import Gate, State
from planar.broker.journal import Entry
from planar.engine.session.day import LENGTH, Day


class Scene:
    """A clock and an equity that the test sets, and what is written."""

    def __init__(self, entries=()):
        self.now, self.equity, self.written = 10 * LENGTH + 5, Decimal(1_000), list(entries)
        self.gate = Gate(lambda *_: None)
        self.day = Day(
            Decimal(100), "USDT", self.gate, lambda: self.now, lambda: self.equity, lambda *e: self.written.append(e)
        )
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
    scene.look(800)
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


def test_without_a_limit_nothing_is_written():
    scene = Scene()
    scene.day.most = Decimal(0)
    assert (scene.look(1), scene.written) == (State.ACTIVE, [])
