"""Books that cannot be and streams that have gone deaf are found out, said so and mended."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from exchange.test_streams import heard, opened
from exchange.test_watcher import until

from planar.exchange import silence as silences
from planar.exchange.feed import Feed
from planar.exchange.model import Book, Level, Ticker
from planar.exchange.silence import silence
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.exchange.watcher import State
from planar.venue.chaos import Rule


def test_a_book_that_crosses_is_dialled_anew_and_told_again_within_five_seconds(caplog):
    async def scene():
        async with asyncio.timeout(30), opened(speed=1.0, points=1_000) as (_, _, streams):
            books = await streams.subscribe("book", "BTC/USDT")
            await heard(books, 5)
            watcher = streams._watchers[Kind.BOOK, "BTC/USDT"]
            streams._instance.orderbooks["BTC/USDT"]["bids"].store(999_999.0, 1.0)  # its removal was lost
            await until(lambda: watcher.reconnects and watcher.state is State.LIVE)
            books._events.clear()
            told = (await heard(books, 5, within=5.0))[-1]
            assert told.source is Source.STREAM
            assert told.data.bids[0].price < told.data.asks[0].price
            assert watcher.reconnects == 1

    asyncio.run(scene())
    [told] = [one.message for one in caplog.records]
    assert told.startswith("binance: book BTC/USDT is not heard: the book is crossed: 999999.0 is bid")


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        ("book", "stream *@depth*"),
        pytest.param("ticker", "stream *@ticker*", marks=pytest.mark.slow),
    ],
)
def test_a_stream_that_goes_deaf_while_the_market_moves_on_is_found_out_and_mended(kind, stream):
    async def scene():
        async with asyncio.timeout(60), opened(speed=1.0, points=1_000) as (venue, _, streams):
            events = await streams.subscribe(kind, "BTC/USDT")
            await heard(events, 2)
            venue.add_chaos([Rule("lose", stream, count=0)])
            watcher = streams._watchers[Kind(kind), "BTC/USDT"]
            await until(lambda: watcher.state is State.POLLING)
            assert "was told for" in watcher.reason
            assert "while the market moved on" in watcher.reason
            events._events.clear()
            assert (await heard(events, 1, within=10.0))[0].data.symbol == "BTC/USDT"  # requests stand in
            venue.chaos.clear()
            await until(lambda: watcher.state is State.LIVE)
            events._events.clear()
            while (await heard(events, 1, within=10.0))[0].source is not Source.STREAM:
                pass

    asyncio.run(scene())


def ticker(last, bid=None):
    return Ticker("BTC/USDT", None, last, bid, *[None] * 9)


def level(price):
    return (Level(Decimal(price), Decimal(1)),)


BOOK = Book("BTC/USDT", None, 1, level(99), level(101))


@pytest.mark.parametrize(
    ("kind", "told", "same", "moved"),
    [
        (Kind.TICKER, ticker(1), ticker(1, bid=5), ticker(2)),
        (Kind.TICKER, ticker(None, bid=1), ticker(None, bid=1), ticker(9, bid=2)),
        (Kind.BOOK, BOOK, replace(BOOK, sequence=2), replace(BOOK, sequence=3, bids=level(98))),
    ],
)
def test_a_quiet_market_is_no_deaf_stream_and_one_that_moves_is(kind, told, same, moved, monkeypatch):
    monkeypatch.setattr(silences, "SILENT", 0.01)
    monkeypatch.setattr(silences, "SPACING", 0.01)

    async def scene():
        feed, answers = Feed(kind, "BTC/USDT"), [told, same, same, moved]
        feed.subscribe("test", lambda _: None)
        feed.tell(told)

        async def ask():
            return feed.tell(answers.pop(0), Source.REST, feed.sequence) or True

        async with asyncio.timeout(5):
            await silence(feed, ask, asyncio.Lock())
        assert answers == []

    asyncio.run(scene())
