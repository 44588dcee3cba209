"""Who comes, who leaves, and what is refused."""

import asyncio
import gc
import logging
from decimal import Decimal

import pytest
from exchange.recorded import run
from exchange.test_streams import CONFIG, heard, opened
from exchange.venue_process import exchange_at

from planar.errors import ConfigError, Rejected
from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.tap import Kind
from planar.exchange.watcher import State
from planar.model.order import Side, Status
from planar.venue.config import VenueConfig
from planar.venue.server import Venue


async def until(is_so, within=5.0):
    async with asyncio.timeout(within):
        while not is_so():
            await asyncio.sleep(0.01)


def test_a_balance_begins_with_what_there_is_and_is_told_whole():
    async def scene():
        async with opened() as (_, exchange, streams):
            balances = await streams.subscribe(Kind.BALANCE)
            first = (await heard(balances, 1))[0].data
            assert set(first.total) == {"USDT", "BTC"}
            await asyncio.sleep(3)
            await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01")))
            later = (await heard(balances, 1))[0].data
            assert set(later.total) == {"USDT", "BTC"}
            assert later.total["BTC"] > first.total["BTC"]

    asyncio.run(scene())


def test_a_deposit_is_told_as_the_balance_it_makes():
    async def scene():
        async with opened() as (venue, _, streams):
            balances = await streams.subscribe(Kind.BALANCE)
            await heard(balances, 1)
            await asyncio.sleep(3)
            venue.floor.deposit(venue.account, "BTC", Decimal(1))
            assert (await heard(balances, 1))[0].data.total == {"USDT": 1_000_000, "BTC": 11}

    asyncio.run(scene())


def test_the_first_balance_has_the_time_of_the_market():
    async def scene():
        async with opened() as (venue, exchange, _):
            assert (await exchange.balance()).time == venue.floor.now

    asyncio.run(scene())


def test_prints_are_numbered_alike_in_stream_and_requests():
    async def scene():
        async with opened(speed=1.0, points=1_000) as (venue, _, streams):
            trades = await streams.subscribe("trades", "BTC/USDT")
            await heard(trades, 1)
            # Binance numbers aggregated prints apart, and only these can be asked for by time.
            assert venue.streams.has("btcusdt@aggTrade")

    asyncio.run(scene())


@pytest.mark.parametrize(("what", "code"), [(("trades", "BTC/NONE"), "UNKNOWN_SYMBOL"),
                                            (("candles", "BTC/USDT", "7m"), "NOT_SUPPORTED")])  # fmt: skip
def test_what_is_not_streamed_is_refused_at_once(what, code):
    async def scene():
        async with opened() as (_, _, streams):
            with pytest.raises(Rejected) as error:
                await streams.subscribe(*what)
            assert error.value.code == code
            assert streams.states() == {}

    asyncio.run(scene())


@pytest.mark.parametrize(("what", "name"), [(("trades", "BTC/USDT"), "btcusdt@aggTrade"),
                                            (("ticker", "BTC/USDT"), "btcusdt@ticker"),
                                            (("book", "BTC/USDT"), "btcusdt@depth@100ms"),
                                            (("candles", "BTC/USDT", "1m"), "btcusdt@kline_1m")])  # fmt: skip
def test_when_the_last_listener_leaves_nothing_more_is_sent_and_who_comes_back_is_served(what, name):
    async def scene():
        async with opened(speed=1.0, points=1_000) as (venue, _, streams):
            first, second = await streams.subscribe(*what), await streams.subscribe(*what)
            await heard(first, 1)
            first.close()
            await heard(second, 1)
            assert venue.streams.has(name)
            second.close()
            await until(lambda: not venue.streams.has(name))
            assert streams.states() == {}
            again = await streams.subscribe(*what)
            assert [event.sequence for event in await heard(again, 2)] == [1, 2]

    asyncio.run(scene())


def test_who_comes_back_at_once_is_served_though_the_leaving_is_still_under_way():
    async def scene():
        async with opened(speed=1.0, points=1_000) as (_, _, streams):
            for _ in range(5):
                async with await streams.subscribe("trades", "BTC/USDT") as trades:
                    await heard(trades, 3, within=8.0)

    asyncio.run(scene())


def test_an_exchange_that_closes_while_somebody_subscribes_leaves_nothing_open():
    async def scene():
        async with opened() as (venue, _, streams):
            subscribing = asyncio.ensure_future(streams.subscribe("trades", "BTC/USDT"))
            await asyncio.sleep(0)
            await streams.close()
            with pytest.raises(Rejected, match="its streams are closed"):
                await subscribing
            assert not venue.sockets.open

    asyncio.run(scene())


def test_closing_ends_whoever_listens_and_leaves_no_task():
    async def scene():
        async with opened(speed=1.0) as (_, _, streams):
            before = asyncio.all_tasks()
            trades = await streams.subscribe("trades", "BTC/USDT")
            listening = asyncio.ensure_future(heard(trades, 10**6, within=60))
            await streams.on("orders", "", lambda _: None)
            await streams.subscribe("candles", "BTC/USDT", "1s")
            await asyncio.sleep(0.5)
            await streams.close()
            with pytest.raises(StopAsyncIteration):
                await listening
            await asyncio.sleep(0.1)
            ours = {task for task in asyncio.all_tasks() - before if "planar/exchange" in str(task.get_coro())}
            assert not ours

    asyncio.run(scene())


def test_a_callback_that_is_too_slow_is_said_so(caplog):
    async def scene():
        async with opened() as (venue, _, streams):
            subscription = await streams.on("trades", "BTC/USDT", lambda _: None)
            await asyncio.sleep(0.5)
            subscription._room = 10
            venue.step(60_000)
            await until(lambda: "no more is told of trades BTC/USDT" in caplog.text)

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())
        gc.collect()
    assert "Read faster and subscribe again" in caplog.text


def test_streams_belong_to_the_event_loop_of_their_exchange():
    exchange = exchange_at(1)
    streams = Streams(exchange)

    async def first():
        exchange._check_loop(asyncio.get_running_loop())

    asyncio.run(first())
    with pytest.raises(ConfigError, match="belongs to another event loop"):
        asyncio.run(streams.subscribe("trades", "BTC/USDT"))


def test_connections_of_an_event_loop_that_is_gone_are_let_go():
    kept = []

    async def scene():
        async with Venue(VenueConfig(**CONFIG)) as venue:
            exchange = exchange_at(venue.port)
            kept.append(exchange)
            await heard(await exchange.streams.subscribe("orders"), 0)
            await asyncio.sleep(0.3)

    asyncio.run(scene())
    kept[0].abandon()
    kept.clear()
    gc.collect()  # what is not let go warns now, and a warning is an error


@pytest.mark.parametrize("kind", ["orders", "fills", "balance"])
def test_who_has_no_keys_is_told_so_and_does_not_wait_for_ever(kind):
    async def test(server, exchange):
        subscription = await exchange.streams.subscribe(kind)
        with pytest.raises(Rejected, match="It needs keys") as error:
            await heard(subscription, 1, within=10.0)
        assert error.value.code == "AUTHENTICATION"
        again = await exchange.streams.subscribe(kind)
        with pytest.raises(Rejected, match="It needs keys"):
            await heard(again, 1)
        assert [state for state, _ in exchange.streams.states().values()] == ["ended"]

    run(test, credentials=None)


def test_a_callback_hears_candles_of_a_timeframe():
    async def scene():
        async with opened(speed=1.0, points=1_000) as (_, _, streams):
            told = []
            async with await streams.on("candles", "BTC/USDT", told.append, "1m"):
                await until(lambda: told)
            assert told[0].data.timeframe == "1m"

    asyncio.run(scene())


def test_once_the_streams_are_ready_each_state_of_an_order_is_told():
    async def scene():
        async with opened(speed=1.0) as (_, exchange, streams):
            orders = await streams.subscribe("orders")
            assert {state for state, _ in streams.states().values()} == {State.STARTING}
            assert await streams.ready()
            assert {state for state, _ in streams.states().values()} == {State.LIVE}
            for _ in range(5):
                order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(20_000)))
                await exchange.cancel(order.id, "BTC/USDT")
            told = await heard(orders, 10)
            assert [event.data.status for event in told] == [Status.OPEN, Status.CANCELLED] * 5

    asyncio.run(scene())
