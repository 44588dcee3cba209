"""A feed tells each event once, in order, to all who listen; who cannot keep up is told so."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from planar.errors import Unreachable
from planar.exchange.feed import Feed
from planar.exchange.model import MarketTrade, Order
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Kind as OrderKind
from planar.model.order import Side, Status


def trade(number: int, symbol: str = "BTC/USDT") -> MarketTrade:
    return MarketTrade(str(number), symbol, 1_000 + number, Side.BUY, Decimal(100), Decimal(1))


ORDER = Order(
    "7", "mine", "BTC/USDT", Side.BUY, OrderKind.LIMIT, Status.OPEN, Decimal(2), Decimal(0), Decimal(100), None,
    None, None, None, False, False, 1_000, 1_000,
)  # fmt: skip


async def read(subscription, count):
    return [await anext(subscription) for _ in range(count)]


def test_every_listener_gets_every_event_in_order_with_its_number():
    async def scene():
        feed = Feed(Kind.TRADES, "BTC/USDT", clock=lambda: 5)
        first, second = (feed.subscribe("demo", lambda _: None) for _ in range(2))
        for number in range(100):
            feed.tell(trade(number))
        for events in (await read(first, 100), await read(second, 100)):
            assert [event.data.id for event in events] == [str(n) for n in range(100)]
            assert [event.sequence for event in events] == list(range(1, 101))
            assert {(event.received, event.source) for event in events} == {(5, Source.STREAM)}

    asyncio.run(scene())


def test_what_is_told_twice_is_heard_once():
    feed = Feed(Kind.FILLS, "")
    told = [feed.tell(each) for each in (trade(1), trade(2), trade(1), trade(1, "ETH/USDT"))]
    assert told == [True, True, False, True]


def test_an_order_is_told_when_its_state_changes_and_never_backwards():
    feed = Feed(Kind.ORDERS, "")
    partial = replace(ORDER, status=Status.PARTIAL, filled=Decimal(1), updated=1_001)
    filled = replace(ORDER, status=Status.FILLED, filled=Decimal(2), updated=1_002)
    told = [feed.tell(each) for each in (ORDER, ORDER, partial, filled, partial, ORDER, filled)]
    assert told == [True, False, True, True, False, False, False]


def test_an_amend_is_a_change_and_its_past_is_not():
    feed = Feed(Kind.ORDERS, "")
    amended = replace(ORDER, price=Decimal(101), updated=1_001)
    assert [feed.tell(each) for each in (ORDER, amended, ORDER)] == [True, True, False]


def test_a_slow_listener_is_told_of_the_hole_and_others_go_on():
    async def scene():
        feed = Feed(Kind.TRADES, "BTC/USDT")
        slow, fast = feed.subscribe("demo", lambda _: None, room=10), feed.subscribe("demo", lambda _: None)
        for number in range(20):
            feed.tell(trade(number))
        assert len(await read(fast, 20)) == 20
        assert len(await read(slow, 10)) == 10
        with pytest.raises(Unreachable, match=r"demo: 10 events of trades BTC/USDT were not read in time") as error:
            await anext(slow)
        assert error.value.code == "LAGGED"

    asyncio.run(scene())


def test_leaving_ends_the_iteration_and_the_listener_is_forgotten():
    async def scene():
        feed = Feed(Kind.TRADES, "BTC/USDT")
        left = []
        async with feed.subscribe("demo", left.append) as subscription:
            feed.tell(trade(1))
            asyncio.get_running_loop().call_soon(subscription.close)
            assert [event.data.id async for event in subscription] == ["1"]
        assert left == [subscription]
        assert feed.subscriptions == []

    asyncio.run(scene())


def test_what_the_stream_holds_of_an_order_is_told_state_by_state_and_not_passed_over():
    async def scene():
        feed = Feed(Kind.ORDERS, "")
        listener = feed.subscribe("demo", lambda _: None)
        filled = replace(ORDER, status=Status.FILLED, filled=Decimal(2), updated=1_002)
        feed.hold()
        assert not feed.tell(ORDER)
        assert not feed.tell(filled, Source.REST)
        feed.tell(filled)
        feed.release()
        assert [event.data.status for event in await read(listener, 2)] == [Status.OPEN, Status.FILLED]

    asyncio.run(scene())


def test_what_is_held_is_told_although_what_happened_later_was_told_and_checked():
    async def scene():
        feed = Feed(Kind.ORDERS, "")
        listener = feed.subscribe("demo", lambda _: None)
        later = replace(ORDER, id="8", time=90_000, updated=90_000)
        feed.hold()
        feed.tell(ORDER)
        for asked in (ORDER, later):
            feed.tell(asked, Source.REST)
        feed.forget(80_000)
        feed.release()
        assert [event.data.id for event in await read(listener, 2)] == ["8", "7"]

    asyncio.run(scene())


def test_prints_begin_with_the_first_that_is_heard_of_and_not_with_those_before():
    feed = Feed(Kind.TRADES, "BTC/USDT")
    assert feed.tell(trade(5))
    assert [feed.tell(trade(number), Source.REST) for number in (3, 4, 5, 6)] == [False, False, False, True]


def test_where_nothing_was_heard_of_prints_begin_with_the_last_that_there_was():
    feed = Feed(Kind.TRADES, "BTC/USDT")
    feed.begin(trade(5))
    assert [feed.tell(trade(number), Source.REST) for number in (4, 5, 6)] == [False, False, True]


def test_prints_that_the_stream_tells_meanwhile_are_told_though_requests_know_later_ones():
    async def scene():
        feed = Feed(Kind.TRADES, "BTC/USDT")
        listener = feed.subscribe("demo", lambda _: None)
        feed.hold()
        feed.tell(trade(4))
        feed.begin(trade(5))
        feed.release()
        assert [event.data.id for event in await read(listener, 1)] == ["4"]

    asyncio.run(scene())


def test_an_order_is_open_until_its_end_is_told_and_not_again_when_it_is_told_late_that_it_was():
    feed = Feed(Kind.ORDERS, "")
    feed.tell(ORDER)
    assert list(feed.open.values()) == [ORDER]
    feed.hold()
    feed.tell(replace(ORDER, status=Status.CANCELLED, updated=1_002))
    feed.tell(ORDER)
    feed.release()
    assert not feed.open
