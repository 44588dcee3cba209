"""Nothing is told twice, however long it runs; what is remembered for that has an end."""

from dataclasses import replace
from decimal import Decimal

from exchange.test_feed import ORDER, trade

from planar.exchange.told import Told
from planar.model.order import Status


def test_what_is_older_than_what_was_checked_is_no_news_although_its_id_is_forgotten():
    told = Told()
    assert told.is_news(trade(1))
    assert told.is_news(trade(2))
    told.forget(1_002)
    assert len(told) == 1
    assert not told.is_news(trade(1))
    assert not told.is_news(trade(2))


def test_events_of_the_checked_millisecond_can_still_be_news():
    told = Told()
    told.is_news(trade(1))
    told.forget(1_001)
    assert told.is_news(replace(trade(2), time=1_001))


def test_memory_has_an_end_and_still_nothing_is_told_twice():
    told = Told(room=100)
    news = [told.is_news(trade(number)) for number in range(100_000)]
    assert all(news)
    assert len(told) <= 100
    assert not any(told.is_news(trade(number)) for number in range(100_000))


def test_an_open_order_is_known_however_old_it_is():
    told = Told()
    told.is_news(ORDER)
    told.forget(10**12)
    assert not told.is_news(ORDER)
    assert told.is_news(replace(ORDER, status=Status.FILLED, filled=Decimal(2), updated=10**12 + 1))


def test_an_order_that_ended_before_what_was_checked_is_forgotten_and_does_not_come_back():
    told = Told()
    ended = replace(ORDER, status=Status.CANCELLED, updated=1_001)
    told.is_news(ended)
    told.forget(1_002)
    assert len(told) == 0
    assert not told.is_news(ended)
    assert not told.is_news(ORDER)


def test_that_an_order_was_triggered_is_news_and_is_not_undone_by_what_comes_late():
    told = Told()
    told.is_news(ORDER)
    assert told.is_news(replace(ORDER, is_triggered=True))
    assert not told.is_news(ORDER)
    assert not told.is_news(replace(ORDER, is_triggered=True))
    assert told.is_news(replace(ORDER, status=Status.CANCELLED))


def test_it_says_when_it_is_time_to_check():
    told = Told(room=100)
    for number in range(50):
        told.is_news(trade(number))
    assert not told.is_crowded
    told.is_news(trade(50))
    assert told.is_crowded
