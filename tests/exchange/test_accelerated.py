"""A market whose time is not the clock's, accelerated or replayed: streams, audits and candles are all the same."""

import asyncio
from decimal import Decimal

import pytest
from exchange.test_audit import resting
from exchange.test_streams import cut_off, heard, opened

from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Side, Status
from planar.venue.chaos import Rule

PAST = 1_600_000_000_000
BUY = OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.002"))

times = pytest.mark.parametrize(
    "time", [pytest.param({"speed": 10}, marks=pytest.mark.slow), {"speed": 60}, {"speed": 60, "start": PAST}]
)


@times
def test_what_a_lost_connection_missed_is_told(time):
    async def scene():
        async with asyncio.timeout(40), opened(**time, points=60) as (venue, exchange, streams):
            orders, fills = await streams.subscribe(Kind.ORDERS), await streams.subscribe(Kind.FILLS)
            trades = await streams.subscribe(Kind.TRADES, "BTC/USDT")
            await asyncio.sleep(0.5)
            order = await resting(exchange)
            assert (await heard(orders, 1))[0].data.id == order.id
            before = await heard(trades, 20)
            await cut_off(venue, "reset")
            await exchange.cancel(order.id, "BTC/USDT")
            bought = await exchange.place(BUY)
            told = {}
            while told.get(order.id) != Status.CANCELLED or told.get(bought.id) != Status.FILLED:
                event = (await heard(orders, 1, within=10.0))[0]
                told[event.data.id] = event.data.status
            assert (await heard(fills, 1, within=10.0))[0].data.order_id == bought.id
            ids = [int(event.data.id) for event in before + await heard(trades, 60, within=20.0)]
            assert ids == list(range(ids[0], ids[0] + 80))

    asyncio.run(scene())


@times
def test_what_a_stream_never_told_is_found_by_audits(time):
    async def scene():
        async with opened(**time) as (venue, exchange, _):
            streams = Streams(exchange, audit=0.5)
            orders, fills = await streams.subscribe(Kind.ORDERS), await streams.subscribe(Kind.FILLS)
            trades = await streams.subscribe(Kind.TRADES, "BTC/USDT")
            first = int((await heard(trades, 1))[0].data.id)
            venue.add_chaos([Rule("lose", "stream user", count=0), Rule("lose", "stream btcusdt@aggTrade", count=5)])
            bought = await exchange.place(BUY)
            assert (await heard(orders, 1, within=10.0))[0].data.id == bought.id
            filled = (await heard(fills, 1, within=10.0))[0]
            assert (filled.data.order_id, filled.source) == (bought.id, Source.REST)
            wanted = set(range(first + 1, first + 20))
            async with asyncio.timeout(10):
                while wanted:
                    wanted.discard(int((await anext(trades)).data.id))
            await streams.close()

    asyncio.run(scene())


@times
def test_each_candle_is_closed_once_and_as_the_exchange_lists_it(time):
    async def scene():
        async with asyncio.timeout(60), opened(**time) as (_, exchange, streams):
            candles, closed = await streams.subscribe("candles", "BTC/USDT", "1m"), []
            while len(closed) < 3:
                event = await anext(candles)
                if event.data.is_closed:
                    closed.append(event.data)
            first = closed[0].time
            assert [each.time for each in closed] == [first, first + 60_000, first + 120_000]
            listed = await exchange._ccxt().fetch_ohlcv("BTC/USDT", "1m", first, 3)
            shown = [[d.time, d.open, d.high, d.low, d.close, d.volume] for d in closed]
            assert [[row[0], *map(Decimal, row[1:])] for row in listed] == shown

    asyncio.run(scene())


def test_an_accelerated_market_gives_what_it_has_closed_although_the_clock_is_behind():
    async def scene():
        async with asyncio.timeout(30), opened(speed=1_000) as (venue, exchange, _):
            await exchange.markets()
            start = venue.floor.now
            await asyncio.sleep(0.6)  # ten minutes of the market
            pages = [page async for page in exchange.candles("BTC/USDT", "1m", start)]
            assert sum(page.height for page in pages) > 5

    asyncio.run(scene())


def test_a_replayed_market_gives_no_open_candle_once_something_has_happened_there():
    async def scene():
        async with asyncio.timeout(30), opened(speed=0, start=PAST) as (venue, exchange, _):
            await exchange.place(BUY)
            pages = [page async for page in exchange.candles("BTC/USDT", "1m", PAST - 600_000)]
            opens = venue.floor.markets["BTCUSDT"].klines.series("1m")[-1].open_time
            assert pages[-1]["time"][-1] < opens

    asyncio.run(scene())
