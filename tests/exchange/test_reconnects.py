"""How long a lost connection or a deaf stream lasts, over twenty losses of each kind; nothing is missing after any."""

import asyncio
import statistics
import time
from decimal import Decimal

import pytest
from exchange.venue_process import KEY, SECRET, venue_process

from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.exchange.watcher import State
from planar.model.order import Side, Status
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits

KILLS = 20
WIDE = Limits(weight=10**9, orders_10s=10**6, orders_day=10**6)


def config(**changes):
    usual = {"history": 60, "api_key": KEY, "secret": SECRET, "points": 1_000, "limits": WIDE}
    balances = {"USDT": Decimal(10_000_000), "BTC": Decimal(100), "ETH": Decimal(1_000)}
    return VenueConfig(**{**usual, "balances": balances, **changes})


async def filled_one(orders, id):
    """Reads until an order is told as filled."""
    while True:
        event = await anext(orders)
        if event.data.id == id and event.data.status == Status.FILLED:
            return


async def heard_again(trades, ids, since):
    """Reads trades until one that happened after a loss is told by the stream; gives when any and when that was."""
    first = None
    while True:
        event = await anext(trades)
        ids.append(int(event.data.id))
        if event.data.time > since:
            first = first or time.monotonic()
            if event.source is Source.STREAM:
                return first, time.monotonic()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "reset", "freeze"])
def test_a_lost_connection_is_back_within_seconds_and_nothing_is_missing(how):
    news, live, told = [], [], []

    async def scene(far):
        async with far.exchange() as exchange:
            streams = Streams(exchange)
            trades = await streams.subscribe(Kind.TRADES, "BTC/USDT")
            orders = await streams.subscribe(Kind.ORDERS)
            await asyncio.sleep(1.5)
            ids = []
            for _ in range(KILLS):
                start = time.monotonic()
                far.ask("cut", how)
                since = time.time() * 1000  # what happens from now on, the old connection cannot tell
                placed = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.002")))
                async with asyncio.timeout(15):
                    first, again = await heard_again(trades, ids, since)
                    news.append(first - start)
                    live.append(again - start)
                    await filled_one(orders, placed.id)
                    told.append(time.monotonic() - start)
                await asyncio.sleep(1.1)
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            await streams.close()

    with venue_process(config()) as far:
        asyncio.run(scene(far))
    for name, figures in (("first news", news), ("live again", live), ("missed order told", told)):
        print(f"{how}: {name}: median {statistics.median(figures):.2f} s, longest {max(figures):.2f} s")
    assert max(live) <= 5.0


async def until(is_so, seconds=15.0):
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "stream"), [("book", "stream btcusdt@depth*"), ("ticker", "stream btcusdt@ticker*")])
def test_a_stream_that_goes_deaf_while_its_connection_answers_is_dialled_again_within_seconds(kind, stream):
    dialled, live = [], []

    async def scene(far):
        async with far.exchange() as exchange:
            streams = Streams(exchange)
            told = []  # when the stream told something
            await streams.on(
                kind, "BTC/USDT", lambda event: told.append(time.monotonic()) if event.source is Source.STREAM else None
            )
            watcher = streams._watchers[Kind(kind), "BTC/USDT"]
            await until(lambda: told and watcher.state is State.LIVE)
            for _ in range(KILLS):
                await asyncio.sleep(3)
                start, before = time.monotonic(), watcher.reconnects
                far.ask("chaos", Rule("lose", stream, count=0))
                await until(lambda before=before: watcher.reconnects > before)
                far.ask("calm")
                dialled.append(time.monotonic() - start)
                told.clear()
                await until(lambda: told and watcher.state is State.LIVE)
                live.append(time.monotonic() - start)
            await streams.close()

    with venue_process(config()) as far:
        asyncio.run(scene(far))
    for name, figures in (("dialled", dialled), ("live again", live)):
        print(f"deaf {kind}: {name}: median {statistics.median(figures):.2f} s, longest {max(figures):.2f} s")
    assert max(live) <= 5.0
