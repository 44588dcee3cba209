"""How long to wait before a read is asked again."""

from planar.exchange.retries import Backoff


def test_pauses_double_up_to_the_cap():
    backoff = Backoff(base=0.25, cap=1.0, draw=lambda: 0.0)
    assert [backoff.pause(attempt) for attempt in range(4)] == [0.25, 0.5, 1.0, 1.0]


def test_a_pause_is_shortened_by_up_to_half():
    assert Backoff(base=1.0, draw=lambda: 1.0).pause(0) == 0.5


def test_what_the_exchange_asks_for_is_waited_for_up_to_the_patience():
    backoff = Backoff(base=1.0, patience=60.0, draw=lambda: 0.0)
    assert backoff.pause(0, 7.0) == 7.0
    assert backoff.pause(0, 0.0) == 1.0
    assert backoff.pause(0, 61.0) is None
