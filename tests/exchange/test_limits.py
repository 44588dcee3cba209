"""No window of an exchange ever holds more than its limit, whoever asks."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import time
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planar.errors import Rejected, Unreachable
from planar.exchange.budget import Budget
from planar.exchange.limits import Limits
from planar.exchange.lock import locked


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def budget(folder, clock, limit=10, window=1_000, **options):
    options = {"wall": lambda: 1_700_000_000_000, **options}
    return Budget(folder, "weight", limit, window, clock=clock, longest=500, **options)


def test_there_is_room_until_the_limit_and_again_a_window_after_the_answer(tmp_path, clock):
    weight = budget(tmp_path, clock)
    waits = [weight.take(4) for _ in range(3)]
    assert [wait for wait, _ in waits[:2]] == [0, 0]
    assert waits[2][0] > 0
    clock.now += 100
    for _, receipt in waits[:2]:
        weight.answered(receipt, 4)
    clock.now += 999
    assert weight.take(4)[0] > 0
    clock.now += 1 + 2 * 1_000 // 64
    assert weight.take(4)[0] == 0


def test_what_is_not_answered_may_have_arrived_at_the_last_moment(tmp_path, clock):
    weight = budget(tmp_path, clock)
    weight.take(10)
    clock.now += 500 + 999
    assert weight.take(1)[0] > 0
    clock.now += 1 + 2 * 1_000 // 64
    assert weight.take(1)[0] == 0


def test_the_wait_is_enough_and_not_much_more(tmp_path, clock):
    weight = budget(tmp_path, clock)
    weight.answered(weight.take(10)[1], 10)
    wait, _ = weight.take(5)
    assert 1_000 <= wait <= 1_000 + 2 * 1_000 // 64
    clock.now += wait
    assert weight.take(5)[0] == 0


def test_what_was_not_asked_after_all_is_given_back(tmp_path, clock):
    weight = budget(tmp_path, clock)
    weight.give_back(weight.take(10)[1], 10)
    assert weight.take(10)[0] == 0


def test_a_cost_above_the_limit_goes_alone(tmp_path, clock):
    weight = budget(tmp_path, clock)
    assert weight.take(11)[0] == 0
    assert weight.take(11)[0] > 0


def test_what_others_used_is_taken_over_from_the_exchange(tmp_path, clock):
    weight = budget(tmp_path, clock)
    weight.answered(weight.take(2)[1], 2)
    assert weight.observe(9) == 7
    assert weight.observe(3) == 0
    assert weight.take(2)[0] > 0
    assert weight.take(1)[0] == 0


def test_a_ban_holds_for_all_who_share_the_budget(tmp_path, clock):
    one, other = budget(tmp_path, clock), budget(tmp_path, clock)
    one.ban(5_000)
    assert other.take(1) == (5_000, -1)
    clock.now += 5_000
    assert other.take(1)[0] == 0


def test_what_one_spends_the_other_has_not(tmp_path, clock):
    one, other = budget(tmp_path, clock), budget(tmp_path, clock)
    one.take(6)
    assert other.take(6)[0] > 0
    assert other.take(4)[0] == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 6), st.integers(0, 500), st.floats(0, 1)), max_size=60),
    st.integers(5, 12),
)
def test_no_window_holds_more_than_the_limit(tmp_path_factory, steps, limit):
    """Requests arrive at any moment between being sent and being answered; the exchange's windows roll."""
    clock, folder = Clock(), tmp_path_factory.mktemp("limits")
    processes = [budget(folder, clock, limit), budget(folder, clock, limit)]
    arrivals, pending = [], []
    for number, (pause, cost, travel, share) in enumerate(steps):
        clock.now += pause
        for due, each, receipt, spent in [p for p in pending if p[0] <= clock.now]:
            each.answered(receipt, spent)
            pending.remove((due, each, receipt, spent))
        process = processes[number % 2]
        wait, receipt = process.take(cost)
        if not wait:
            arrivals.append((clock.now + int(travel * share), cost))
            pending.append((clock.now + travel, process, receipt, cost))
    for end, _ in arrivals:
        inside = [cost for when, cost in arrivals if end - 1_000 < when <= end]
        assert sum(inside) <= limit or len(inside) == 1
    for process in processes:
        process.close()


def test_the_seeds_token_bucket_ran_at_twice_its_limit_and_ours_does_not(tmp_path, clock):
    """The seed's bucket waits for the tokens it lacks, and is then credited with the wait as well."""
    rate, sent_by_seed = 20, 0
    tokens, last, now = float(rate), 0.0, 0.0
    while now < 10.0:
        tokens, last = min(rate, tokens + (now - last) * rate), now
        if tokens < 1:
            now += (1 - tokens) / rate
            tokens = 0.0
        else:
            tokens -= 1
        sent_by_seed += 1
    assert sent_by_seed / 10.0 == pytest.approx(2 * rate, rel=0.1)

    ours, sent, start = budget(tmp_path, clock, limit=rate), deque[int](), clock.now
    while clock.now < start + 10_000:
        wait, receipt = ours.take(1)
        if wait:
            clock.now += wait
        else:
            ours.answered(receipt, 1)
            sent.append(clock.now)
    assert len(sent) <= 10 * rate
    assert len(sent) >= 0.9 * 10 * rate


def run(coroutine):
    return asyncio.run(coroutine)


def test_requests_that_wait_go_in_the_order_they_came_and_an_urgent_one_before_them(tmp_path):
    limits = Limits({"weight": Budget(tmp_path, "weight", 1, 150, longest=50)})
    order: list[str] = []

    async def ask(name, *, urgent=False):
        async with limits.spend({"weight": 1}, is_urgent=urgent):
            order.append(name)

    async def scene():
        await ask("first")
        waiting = [asyncio.create_task(ask(name)) for name in ("second", "third")]
        await asyncio.sleep(0.02)
        waiting.append(asyncio.create_task(ask("urgent", urgent=True)))
        await asyncio.gather(*waiting)

    run(scene())
    assert order[0] == "first"
    assert [name for name in order if name != "urgent"] == ["first", "second", "third"]
    assert order.index("urgent") == 1


def test_all_budgets_are_spent_or_none(tmp_path, clock):
    weight, orders = budget(tmp_path, clock), Budget(tmp_path, "orders", 1, 1_000, clock=clock, longest=500)
    limits = Limits({"weight": weight, "orders": orders})
    orders.take(1)

    async def scene():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), limits.spend({"weight": 3, "orders": 1}):
                pass

    run(scene())
    assert weight.used() == 0


def test_a_failed_request_counts_too(tmp_path, clock):
    limits = Limits({"weight": budget(tmp_path, clock)})

    async def scene():
        with pytest.raises(ConnectionError):
            async with limits.spend({"weight": 3, "unknown": 1}):
                raise ConnectionError

    run(scene())
    assert limits.usage()[0].used == 3


def spend_for(folder, seconds, limit, window, arrivals):
    weight, until = Budget(folder, "weight", limit, window, longest=200), time.time() + seconds
    while time.time() < until:
        wait, receipt = weight.take(1)
        if wait:
            time.sleep(min(wait, 50) / 1000)
        else:
            arrivals.append(time.time())
            weight.answered(receipt, 1)


def test_two_processes_do_not_exceed_one_budget(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        arrivals = manager.list()
        processes = [context.Process(target=spend_for, args=(tmp_path, 1.5, 40, 300, arrivals)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        times = sorted(arrivals)
    assert len(times) > 80
    for i, end in enumerate(times):
        assert sum(end - 0.300 < when for when in times[: i + 1]) <= 40


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365, -24 * 365])
def test_a_clock_that_is_set_shortens_no_ban_and_lengthens_none(tmp_path, clock, hours):
    wall = Clock()
    wall.now = 1_700_000_000_000
    one = budget(tmp_path, clock, wall=wall)
    one.take(4)
    one.ban(5_000)
    wall.now += hours * 3_600_000
    later = budget(tmp_path, clock, wall=wall)  # a process that is started afterwards
    clock.now += 1_000
    assert (one.banned_for(), later.banned_for()) == (4_000, 4_000)
    assert (one.used(), later.used()) == (4, 4)
    clock.now += 4_000
    assert (later.banned_for(), later.take(1)[0]) == (0, 0)


@pytest.mark.parametrize(("passed", "left"), [(3_000, 2_000), (60_000, 0), (-3_600_000, 5_000)])
def test_a_machine_that_is_started_anew_goes_by_the_wall_and_never_bans_for_longer_than_was_said(
    tmp_path, clock, passed, left
):
    wall = Clock()
    one = budget(tmp_path, clock, wall=wall)
    one.ban(5_000)
    one.close()
    clock.now, wall.now = 10, wall.now + passed
    assert budget(tmp_path, clock, wall=wall).banned_for() == left


def test_who_waits_for_much_is_not_passed_for_ever_by_those_who_want_little(tmp_path, clock):
    small, big = budget(tmp_path, clock), budget(tmp_path, clock)
    pending, taken = [], 0
    for _ in range(1_000):
        clock.now += 5
        wait, receipt = small.take(1, claim=1)
        if not wait:
            pending.append((clock.now + 20, receipt))
        for due, each in [one for one in pending if one[0] <= clock.now]:
            small.answered(each, 1)
            pending.remove((due, each))
        wait, receipt = big.take(10, claim=2)
        if not wait:
            big.answered(receipt, 10)
            taken += 1
    assert 2 <= taken <= 4  # they take turns: a window of ten for the one, a window of ten for the other


def test_who_dies_while_it_waits_is_waited_for_no_longer_than_a_moment(tmp_path, clock):
    dead, living, urgent = (budget(tmp_path, clock) for _ in range(3))
    living.answered(living.take(9, claim=2)[1], 9)
    assert dead.take(5, claim=1)[0] > 0
    assert 0 < living.take(1, claim=2)[0] <= 200
    assert urgent.take(1, claim=3, is_urgent=True)[0] == 0
    clock.now += 1_000 + 2 * 1_000 // 64
    assert living.take(1, claim=2)[0] == 0


def test_what_is_used_up_for_long_is_told_at_once_and_holds_nobody_else_up(tmp_path, clock):
    day = Budget(tmp_path, "orders", 1, 86_400_000, clock=clock, longest=500)
    limits = Limits({"orders": day, "weight": budget(tmp_path, clock)}, "binance")
    day.take(1)

    async def scene():
        with pytest.raises(Unreachable, match=r"binance: what it allows is used up for 8.,... s more") as error:
            await limits.take({"orders": 1, "weight": 1})
        assert error.value.code == "RATE_LIMIT"
        await limits.take({"weight": 1})

    run(scene())


def test_a_wait_ends_when_what_was_assumed_turns_out_too_long(tmp_path):
    limits = Limits({"weight": Budget(tmp_path, "weight", 1, 50, longest=20_000)})

    async def scene():
        async with asyncio.timeout(2.0):
            first = await limits.take({"weight": 1})
            waiting = asyncio.create_task(limits.take({"weight": 1}))
            await asyncio.sleep(0.05)
            limits.answered(first)
            await waiting

    run(scene())


def test_who_waits_when_the_limits_are_closed_is_told_and_nothing_is_sent(tmp_path):
    limits = Limits({"weight": Budget(tmp_path, "weight", 1, 60_000)}, "binance")

    async def scene():
        await limits.take({"weight": 1})
        waiting = asyncio.create_task(limits.take({"weight": 1}))
        await asyncio.sleep(0.01)
        limits.close()
        with pytest.raises(Rejected, match="binance was closed while this waited"):
            await waiting

    run(scene())


def dies_with_the_lock(folder):
    weight = Budget(folder, "weight", 10, 1_000, longest=200)
    weight.take(3)
    with locked(weight._file):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_while_it_holds_the_lock_and_a_cost_holds_up_nobody(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=dies_with_the_lock, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    mine = Budget(tmp_path, "weight", 10, 1_000, longest=200)
    assert (mine.take(7)[0], mine.used()) == (0, 10)  # what it spent counts, as long as it may
    assert 0 < mine.take(1)[0] <= 1_000 + 200 + 2 * 1_000 // 64


def test_who_stops_waiting_has_spent_nothing_and_holds_up_nobody(tmp_path):
    limits = Limits({"weight": Budget(tmp_path, "weight", 10, 300, longest=50)})

    async def scene():
        await limits.take({"weight": 10})
        waiting = [
            asyncio.create_task(limits.take({"weight": 10}, is_urgent=urgent)) for urgent in (False, True, False)
        ]
        await asyncio.sleep(0.02)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert limits.usage()[0].used == 10
        async with asyncio.timeout(5):
            await limits.take({"weight": 10})

    run(scene())


def test_clearing_the_cache_neither_forgives_what_was_spent_nor_parts_the_processes(tmp_path, clock):
    one, other = budget(tmp_path, clock), budget(tmp_path, clock)
    receipt = one.take(4)[1]
    shutil.rmtree(tmp_path)
    assert one.take(1)[0] == 0
    one.answered(receipt, 4)
    new = budget(tmp_path, clock)
    assert (new.used(), new.take(6)[0] > 0) == (5, True)
    assert other.take(5)[0] == 0
    assert (one.take(1)[0] > 0, new.used()) == (True, 10)


def test_no_answer_bans_for_longer_than_three_days(tmp_path, clock):
    weight = budget(tmp_path, clock)
    weight.ban(10**15)
    assert weight.banned_for() == 3 * 86_400_000
