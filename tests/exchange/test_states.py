"""Of tickers, books and balances an old one is never told after a new one, wherever each came from."""

from dataclasses import replace
from decimal import Decimal

import pytest

from planar.exchange.feed import Feed
from planar.exchange.model import Balance, Book, Level, Position, Ticker, Wallet
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Side

LEVEL = (Level(Decimal(1), Decimal(1)),)
BOOK = Book("BTC/USDT", None, 7, LEVEL, ())
TICKER = Ticker("BTC/USDT", 1_000, Decimal(1), *[None] * 10)
BALANCE = Balance(Wallet.SPOT, 1_000, {"USDT": Decimal(5)}, {"USDT": Decimal(5)}, {"USDT": Decimal(0)})


def balance(time, **amounts):
    told = {name: Decimal(amount) for name, amount in amounts.items()}
    return Balance(Wallet.SPOT, time, told, told, {name: Decimal(0) for name in told})


@pytest.mark.parametrize(
    ("kind", "now", "before", "after"),
    [
        (Kind.BOOK, BOOK, replace(BOOK, sequence=6), replace(BOOK, sequence=8)),
        (Kind.TICKER, TICKER, replace(TICKER, time=999), replace(TICKER, time=1_001)),
        (Kind.BALANCE, BALANCE, replace(BALANCE, time=999), replace(BALANCE, time=1_001)),
    ],
)
def test_the_exchange_s_own_number_or_time_says_what_is_older(kind, now, before, after):
    feed = Feed(kind, "")
    assert feed.tell(now)
    asked = feed.sequence
    assert not feed.tell(before, Source.REST, asked)
    assert not feed.tell(now, Source.REST, asked)
    assert feed.tell(after, Source.REST, asked)


def test_where_the_exchange_does_not_say_what_was_asked_for_first_is_older():
    feed, untimed = Feed(Kind.TICKER, "BTC/USDT"), replace(TICKER, time=None)
    asked = feed.sequence
    feed.tell(untimed)
    assert not feed.tell(replace(untimed, last=Decimal(2)), Source.REST, asked)
    assert feed.tell(replace(untimed, last=Decimal(2)), Source.REST, feed.sequence)


def test_a_stream_is_never_silenced_by_its_numbers_which_may_begin_anew():
    feed = Feed(Kind.BOOK, "BTC/USDT")
    assert feed.tell(BOOK)
    assert feed.tell(replace(BOOK, sequence=1))


def test_a_balance_is_told_whole_although_the_stream_tells_what_changed():
    feed = Feed(Kind.BALANCE, "")
    listener = feed.subscribe("demo", lambda _: None)
    feed.tell(balance(1_000, USDT=5, BTC=1), Source.REST)
    feed.tell(balance(1_001, BTC=2))
    feed.tell(balance(1_002, BTC=0, ETH=3))
    totals = [dict(event.data.total) for event in listener._events]
    assert totals == [{"USDT": 5, "BTC": 1}, {"USDT": 5, "BTC": 2}, {"USDT": 5, "ETH": 3}]
    assert listener._events[-1].data.free == {"USDT": 5, "ETH": 3}


def test_a_balance_that_was_held_is_not_told_after_the_newer_one_that_was_asked_for():
    feed = Feed(Kind.BALANCE, "")
    listener = feed.subscribe("demo", lambda _: None)
    feed.hold()
    feed.tell(balance(1_000, USDT=5))
    feed.tell(balance(1_002, USDT=7))
    feed.tell(balance(1_001, USDT=6, BTC=1), Source.REST)
    feed.release()
    assert [dict(event.data.total) for event in listener._events] == [{"USDT": 6, "BTC": 1}, {"USDT": 7, "BTC": 1}]


LONG = Position("BTC/USDT:USDT", Side.BUY, Decimal(1), *[None] * 8)
SHORT = replace(LONG, side=Side.SELL)
END = replace(SHORT, amount=Decimal(0))


def test_both_sides_of_a_market_are_positions_of_their_own():
    feed = Feed(Kind.POSITIONS, "")
    asked = feed.sequence
    assert [feed.tell(each, Source.REST, asked) for each in (LONG, SHORT, LONG)] == [True, True, False]


def test_the_end_of_a_position_is_told_once_and_of_the_side_it_had():
    feed = Feed(Kind.POSITIONS, "")
    listener = feed.subscribe("demo", lambda _: None)
    assert [feed.tell(each) for each in (END, LONG, END, END)] == [False, True, True, False]
    assert [(event.data.side, event.data.amount) for event in listener._events] == [(Side.BUY, 1), (Side.BUY, 0)]


def test_a_position_that_requests_do_not_list_any_more_has_ended():
    feed = Feed(Kind.POSITIONS, "")
    feed.tell(LONG)
    feed.tell(SHORT)
    assert feed.ended([SHORT]) == [replace(LONG, amount=Decimal(0))]
    assert feed.tell(feed.ended([SHORT])[0], Source.REST, feed.sequence)
    assert feed.ended([SHORT]) == []
