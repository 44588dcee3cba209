"""Of prints and fills without ids, two that are alike are two, and one that comes twice is one."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from exchange.recorded import START, run

from planar.exchange.answers.market_data import market_trade
from planar.exchange.feed import Feed
from planar.exchange.model import Fill
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Side


def prints(*times):
    raw = {"price": "100", "amount": "1", "side": "buy", "id": None}
    return [market_trade({**raw, "timestamp": time}, "BTC/USDT") for time in times]


def test_prints_of_a_stream_that_are_alike_are_told_each():
    feed = Feed(Kind.TRADES, "BTC/USDT")
    assert [feed.tell(each) for each in prints(1_000, 1_000, 1_001)] == [True, True, True]


def test_what_was_told_is_told_once_over_a_new_connection_and_by_requests():
    async def test(server, exchange):
        rows = [{"p": "100", "q": "1", "T": time, "m": False} for time in (1_000, 1_000, 1_000, 1_001)]
        server.answers["GET /api/v3/aggTrades"] = lambda asked: rows
        feed = Feed(Kind.TRADES, "BTC/USDT")
        for each in prints(1_000, 1_000):
            feed.tell(each)
        feed.hold()
        for each in prints(1_000, 1_000):
            feed.tell(each)
        asked = await exchange.recent_trades("BTC/USDT")
        assert [feed.tell(each, Source.REST) for each in asked] == [False, False, True, True]
        feed.release()
        assert feed.sequence == 4

    run(test)


def test_what_a_stream_told_as_one_print_is_not_told_again_print_by_print():
    """OKX streams several prints of a price as one, by the last one's id."""

    async def test(server, exchange):
        feed = exchange.streams._feeds[Kind.TRADES, "BTC/USDT"] = Feed(Kind.TRADES, "BTC/USDT")
        feed.subscribe("test", lambda _: None)
        feed.tell(market_trade({"id": "2", "timestamp": START, "price": "100", "amount": "2"}, "BTC/USDT"))
        rows = [{"a": i, "p": "100", "q": "1", "T": START + i // 3, "m": False} for i in (1, 2, 3)]
        server.answers["GET /api/v3/aggTrades"] = lambda asked: rows
        exchange.quirk.aggregates_prints = True
        await exchange.streams._catch_up(feed, START, 0.0)
        assert (feed.sequence, feed.latest) == (2, START + 1)

    run(test)


def test_fills_without_ids_are_told_each_and_once():
    fill = Fill("", "1", "", "BTC/USDT", Side.BUY, Decimal(100), Decimal(1), Decimal(100), None, None, None, 1_000)
    fills = [fill, replace(fill, order_id="2"), replace(fill, time=1_001), fill]

    async def scene():
        feed = Feed(Kind.FILLS, "", 0)
        assert [feed.tell(each) for each in fills] == [True, True, True, False]

    asyncio.run(scene())
