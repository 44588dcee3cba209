"""What a stream loses without a word is found by asking now and then."""

import asyncio
from decimal import Decimal

from exchange.test_streams import heard, opened

from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Side, Status
from planar.venue.chaos import Rule


async def resting(exchange):
    limit = Decimal("0.9") * (await exchange.ticker("BTC/USDT")).last
    return await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01"), price=limit))


def test_orders_and_fills_that_the_stream_never_told_are_told_by_requests():
    async def scene():
        async with opened(speed=1.0) as (venue, exchange, _):
            streams = Streams(exchange, audit=0.5)
            orders, fills = await streams.subscribe(Kind.ORDERS), await streams.subscribe(Kind.FILLS)
            await asyncio.sleep(0.5)
            venue.add_chaos([Rule("lose", "stream user", count=0)])
            bought = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.002")))
            cancelled = await exchange.cancel((await resting(exchange)).id, "BTC/USDT")
            told = await heard(orders, 2, within=10.0)
            assert [(event.data.id, event.data.status, event.source) for event in told] == [
                (bought.id, Status.FILLED, Source.REST),
                (cancelled.id, Status.CANCELLED, Source.REST),
            ]
            assert (await heard(fills, 1, within=10.0))[0].data.order_id == bought.id
            await streams.close()

    asyncio.run(scene())


def test_an_order_that_ended_while_events_were_held_is_not_asked_for_ever_after():
    async def scene():
        async with opened() as (_, exchange, streams):
            orders = await streams.subscribe(Kind.ORDERS)
            await asyncio.sleep(0.5)
            order = await resting(exchange)
            await heard(orders, 1)
            feed = streams._feeds[Kind.ORDERS, ""]
            await streams._watchers[Kind.ORDERS, ""]._standing
            feed.hold()
            await exchange.cancel(order.id, "BTC/USDT")
            async with asyncio.timeout(5):
                while not feed.held:
                    await asyncio.sleep(0.01)
            feed.release()
            assert (await heard(orders, 1))[0].data.status is Status.CANCELLED
            assert not feed.open

    asyncio.run(scene())
