"""A watcher asks for what was missed until there is no hole left, also when it is lost again meanwhile."""

import asyncio
from decimal import Decimal

from planar.exchange.feed import Feed
from planar.exchange.model import MarketTrade
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.exchange.watcher import State, Watcher
from planar.model.order import Side


def trade(number):
    return MarketTrade(str(number), "BTC/USDT", 1_000 + number, Side.BUY, Decimal(100), Decimal(1))


class Market:
    """Trades happen one by one; a line carries them to a feed while it is up, and requests give all of them."""

    def __init__(self, feed):
        self.feed, self.trades, self.line, self.is_down = feed, [], asyncio.Queue(), False
        self.during_request, self.asked = None, []

    def happen(self, *, is_carried=True):
        self.trades.append(trade(len(self.trades)))
        if is_carried:
            self.line.put_nowait(self.trades[-1])

    def cut(self):
        self.line.put_nowait(ConnectionError("cut"))

    async def watch(self):
        if self.is_down:
            raise ConnectionError("down")
        told = await self.line.get()
        if isinstance(told, Exception):
            raise told
        self.feed.tell(told)

    async def ask(self, since, patience):
        self.asked.append(since)
        known = [each for each in self.trades if since is None or each.time >= since]
        await asyncio.sleep(patience / 100)
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


def test_what_is_asked_for_begins_with_the_last_event_that_was_there_when_it_was_asked_for_before():
    async def play(market, subscription):
        market.happen()
        await until(lambda: told(subscription) == [0])
        await until(lambda: len(market.asked) == 3)
        market.happen()
        await until(lambda: len(market.asked) == 7)
        assert market.asked[:2] == [None, 1_000]  # the times of the market, of no clock
        assert set(market.asked[1:]) == {1_000, 1_001}

    scene(play, audit=0.05)


def test_while_requests_stand_in_for_a_stream_each_begins_where_the_last_one_ended():
    async def play(market, subscription):
        market.happen()
        await until(lambda: told(subscription) == [0])
        market.is_down = True
        market.cut()
        for number in (1, 2):
            market.happen(is_carried=False)
            await until(lambda n=number: len(told(subscription)) == n + 1)
        await until(lambda: len(market.asked) == 4)
        assert market.asked == [None, 1_000, 1_001, 1_002]

    scene(play)


def test_a_watch_that_ccxt_cancels_is_begun_again():
    async def run():
        feed, calls = Feed(Kind.TICKER, "BTC/USDT"), []

        async def watch():
            calls.append(None)
            if len(calls) == 1:
                raise asyncio.CancelledError
            await asyncio.Event().wait()

        async def nothing(since, patience):
            pass

        watcher = Watcher("test", feed, watch, nothing)
        async with asyncio.timeout(5):
            await until(lambda: len(calls) == 2)
        assert watcher.state is State.POLLING
        async with asyncio.timeout(5):
            await watcher.close()

    asyncio.run(run())
