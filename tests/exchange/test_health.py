"""An exchange that fails is left alone, and what it does is told."""

import pytest

from planar.errors import Unreachable
from planar.exchange.breaker import Breaker, State
from planar.exchange.health import Record
from planar.exchange.limits import Usage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker("binance", threshold=3, pause=1.0, longest=3.0, clock=clock, chance=lambda: 0.0)


def fail(breaker, times=1):
    for _ in range(times):
        breaker.failed(breaker.enter())


def test_it_opens_after_failures_in_a_row_and_says_for_how_long(breaker):
    fail(breaker, 2)
    breaker.succeeded(breaker.enter())
    fail(breaker, 3)
    assert breaker.state is State.OPEN
    with pytest.raises(Unreachable, match=r"binance has failed 3 times in a row and is left alone for 1\.0 s") as error:
        breaker.enter()
    assert error.value.code == "CIRCUIT_OPEN"


def test_one_request_tries_and_closes_it(breaker, clock):
    fail(breaker, 3)
    clock.now += 1.0
    assert breaker.state is State.HALF_OPEN
    trial = breaker.enter()
    with pytest.raises(Unreachable):
        breaker.enter()
    breaker.succeeded(trial)
    assert breaker.state is State.CLOSED
    breaker.enter()


def test_each_failed_trial_doubles_the_pause_up_to_the_longest(breaker, clock):
    fail(breaker, 3)
    for pause in (1.0, 2.0, 3.0, 3.0):
        clock.now += pause - 0.01
        assert breaker.state is State.OPEN
        clock.now += 0.01
        fail(breaker)


def test_requests_already_on_their_way_do_not_lengthen_the_pause(breaker, clock):
    for entered in [breaker.enter() for _ in range(6)]:
        breaker.failed(entered)
    clock.now += 1.0
    assert breaker.state is State.HALF_OPEN


def test_nothing_asked_is_nothing_known():
    health = Record().health()
    assert (health.requests, health.success, health.latency_p50, health.last_success) == (0, None, None, None)


def test_health_counts_latency_errors_and_pace(clock):
    record = Record(clock=clock, wall=clock)
    for latency in range(1, 101):
        record.note(float(latency))
    clock.now += 61.0
    record.note(500.0, "RATE_LIMIT")
    record.note(30.0)
    health = record.health()
    assert (health.requests, health.throughput, health.errors) == (102, 2, {"RATE_LIMIT": 1})
    assert health.success == pytest.approx(101 / 102)
    assert (health.latency_p50, health.latency_p99) == (50.0, 99.0)
    assert health.last_success == 161_000


@pytest.mark.parametrize(
    ("recent", "forecast"),
    [(100, None), (150, None), (300, 20_000), (600, 10_000)],  # of 1,200 a minute, 400 left: 150 in 7.5 s can be kept
)
def test_a_limit_is_forecast_when_the_pace_cannot_be_kept(recent, forecast):
    usage = Usage("weight", used=400, recent=recent, limit=1_200, window=60_000, banned_for=0)
    health = Record().health([usage])
    assert health.limit_share == pytest.approx(1 / 3)
    assert health.limit_in == forecast


def test_a_trial_that_tells_nothing_leaves_the_next_one_free(breaker, clock):
    fail(breaker, 3)
    clock.now += 1.0
    breaker.released(breaker.enter())  # as when it was refused for its rate
    breaker.succeeded(breaker.enter())
    assert breaker.state is State.CLOSED


def test_an_answer_to_what_was_asked_before_it_opened_does_not_close_it(breaker, clock):
    early = breaker.enter()
    fail(breaker, 3)
    breaker.succeeded(early)
    assert breaker.state is State.OPEN
    clock.now += 1.0
    breaker.succeeded(breaker.enter())
    assert breaker.state is State.CLOSED


def test_what_goes_before_all_neither_ends_a_trial_nor_lets_a_second_one_through(breaker, clock):
    fail(breaker, 3)
    clock.now += 1.0
    trial = breaker.enter()
    breaker.released(breaker.passing)  # a cancel that was refused for its rate
    breaker.failed(breaker.passing)
    with pytest.raises(Unreachable):
        breaker.enter()
    breaker.succeeded(trial)
    assert breaker.state is State.CLOSED
