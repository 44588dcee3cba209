"""When decisions are due: moment by moment, whatever order candles are heard in."""

import asyncio

from planar.engine.session.moments import Moments
from planar.model.ask import Row

MINUTE = 60_000


class Told:
    """Moments of two instruments, and what they hand over: candles as ``"0@3"``, decisions as their minute."""

    def __init__(self, ends=(0, 0), decided=0, grace=0.05):
        self.said = []
        ends = [minute * MINUTE for minute in ends]
        self.moments = Moments(ends, decided * MINUTE, MINUTE, self.take, self.decide, grace)

    def take(self, k, row):
        self.said.append(f"{k}@{row.time // MINUTE + 1}")

    def decide(self, time):
        self.said.append(time // MINUTE)

    def hear(self, k, *closes):
        for minute in closes:
            self.moments.hear(k, Row((minute - 1) * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0))


def run(scene):
    asyncio.run(scene())


def test_what_was_missed_is_told_by_time_and_not_one_instrument_after_the_other():
    async def scene():
        told = Told()
        told.hear(0, 1, 2, 3)
        told.hear(1, 1, 2, 3)
        assert told.said == []
        told.moments.begin()
        assert told.said == ["0@1", "1@1", 1, "0@2", "1@2", 2, "0@3", "1@3", 3]

    run(scene)


def test_a_moment_whose_candles_were_taken_before_the_program_ended_comes_before_those_that_were_missed():
    async def scene():
        told = Told(ends=(7, 6), decided=6)
        told.hear(1, 7, 8)
        told.hear(0, 8)
        told.moments.begin()
        assert told.said == ["1@7", 7, "0@8", "1@8", 8]

    run(scene)


def test_a_burst_of_one_stream_waits_for_the_other():
    async def scene():
        told = Told(grace=10.0)
        told.moments.begin()
        told.hear(0, 1, 2)
        assert told.said == []
        told.hear(1, 1)
        assert told.said == ["0@1", "1@1", 1]
        told.hear(1, 2)
        assert told.said[3:] == ["0@2", "1@2", 2]
        told.moments.close()

    run(scene)


def test_an_instrument_whose_next_candle_is_a_later_one_is_not_waited_for():
    async def scene():
        told = Told(grace=10.0)
        told.moments.begin()
        told.hear(0, 1, 2)
        told.hear(1, 2)
        assert told.said == ["0@1", 1, "0@2", "1@2", 2]

    run(scene)


def test_candles_that_do_not_come_are_waited_for_no_longer_than_patience_lasts():
    async def scene():
        told = Told()
        told.moments.begin()
        told.hear(0, 1)
        assert told.said == []
        await asyncio.sleep(0.2)
        assert told.said == ["0@1", 1]
        told.hear(1, 1)  # known now, and too late to be decided on
        assert told.said == ["0@1", 1, "1@1"]

    run(scene)


def test_of_an_instrument_that_is_known_to_have_had_none_nothing_is_waited_for():
    async def scene():
        told = Told(grace=10.0)
        told.hear(0, 1, 2, 3)
        told.moments.knows(1, 2 * MINUTE)
        told.moments.begin()
        assert told.said == ["0@1", 1, "0@2", 2]
        told.moments.close()

    run(scene)


def test_a_decision_that_was_due_when_the_program_died_is_made_without_another_candle():
    async def scene():
        both = Told(ends=(3, 3), decided=2)
        both.moments.begin()
        assert both.said == [3]
        one = Told(ends=(3, 2), decided=2)
        one.moments.begin()
        assert one.said == []
        await asyncio.sleep(0.2)
        assert one.said == [3]

    run(scene)


def test_who_is_closed_decides_nothing_more():
    async def scene():
        told = Told()
        told.moments.begin()
        told.hear(0, 1)
        told.moments.close()
        await asyncio.sleep(0.2)
        assert told.said == []

    run(scene)


def test_a_candle_that_is_heard_twice_counts_once():
    async def scene():
        told = Told()
        told.moments.begin()
        told.hear(0, 1, 1)
        told.hear(1, 1, 1)
        assert told.said == ["0@1", "1@1", 1]

    run(scene)
