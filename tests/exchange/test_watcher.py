"""A watcher asks for what was missed until there is no hole left, also when it is lost again meanwhile."""

import asyncio
import time
from decimal import Decimal

from planar.exchange.feed import Feed
from planar.exchange.model import MarketTrade
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.exchange.watcher import GRACE, Watcher
from planar.model.order import Side


def trade(number):
    return MarketTrade(str(number), "BTC/USDT", 1_000 + number, Side.BUY, Decimal(100), Decimal(1))


class Market:
    """Trades happen one by one; a line carries them to a feed while it is up, and requests give all of them."""

    def __init__(self, feed):
        self.feed, self.trades, self.line = feed, [], asyncio.Queue()
        self.during_request = None

    def happen(self, *, is_carried=True):
        self.trades.append(trade(len(self.trades)))
        if is_carried:
            self.line.put_nowait(self.trades[-1])

    def cut(self):
        self.line.put_nowait(ConnectionError("cut"))

    async def watch(self):
        told = await self.line.get()
        if isinstance(told, Exception):
            raise told
        self.feed.tell(told)

    async def ask(self, since, until):
        known = list(self.trades)
        if self.during_request:
            step, self.during_request = self.during_request, None
            await step()
        for each in known:
            self.feed.tell(each, Source.REST)


def told(subscription):
    return sorted(int(event.data.id) for event in subscription._events)


def scene(play, **options):
    async def run():
        feed = Feed(Kind.TRADES, "BTC/USDT")
        subscription, market = feed.subscribe("test", lambda _: None), Market(feed)
        watcher = Watcher("test", feed, market.watch, market.ask, **options)
        try:
            async with asyncio.timeout(20):
                await play(market, subscription)
        finally:
            await watcher.close()

    asyncio.run(run())


async def until(is_so):
    while not is_so():
        await asyncio.sleep(0.01)


def test_a_line_that_is_lost_again_while_requests_are_answered_leaves_no_hole():
    async def play(market, subscription):
        market.happen()
        await until(lambda: told(subscription) == [0])

        async def lost_again():
            market.cut()
            await until(market.line.empty)
            await asyncio.sleep(0.05)
            market.happen(is_carried=False)

        market.cut()
        market.happen()  # the line is up again, and tells this one
        market.during_request = lost_again
        await until(lambda: len(market.trades) == 3)
        market.happen()
        await until(lambda: 3 in told(subscription))
        assert told(subscription) == [0, 1, 2, 3]

    scene(play)


def test_what_a_line_that_is_up_loses_is_asked_for_later():
    async def play(market, subscription):
        market.happen()
        await until(lambda: told(subscription) == [0])
        market.happen(is_carried=False)
        market.happen()
        await until(lambda: told(subscription) == [0, 1, 2])

    scene(play, audit=0.05)


def test_an_audit_leaves_the_newest_to_the_stream_and_goes_on_where_it_ended():
    async def play(market, subscription):
        asked = []

        async def note(since, until):
            asked.append((since, until))

        feed, start = Feed(Kind.TRADES, "BTC/USDT"), time.time() * 1000
        watcher = Watcher("noted", feed, asyncio.Event().wait, note, audit=0.3)
        await until(lambda: len(asked) >= 3)
        await watcher.close()
        assert all(end <= time.time() * 1000 - GRACE * 1000 for _, end in asked)
        assert abs(asked[0][0] - start) < 1_000
        assert [since for since, _ in asked[1:]] == [end for _, end in asked[:-1]]

    scene(play)
