"""Streams over the real CCXT classes and the local venue: nothing is lost, nothing is told twice."""

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from exchange.recorded import run

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.closer import Closer
from planar.exchange.model import Candle, OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.subscription import Source
from planar.exchange.tap import Kind
from planar.model.order import Side, Status
from planar.model.timeframe import bucket_open
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
CONFIG = {"speed": 0, "history": 60, "api_key": KEY, "secret": SECRET, "points": 20}


@asynccontextmanager
async def opened(**changes):
    """A venue, an exchange that trades there and its streams."""
    balances = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
    async with Venue(VenueConfig(**{**CONFIG, "balances": balances, **changes})) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
        exchange = CcxtExchange("binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
        streams = Streams(exchange)
        try:
            yield venue, exchange, streams
        finally:
            await streams.close()
            await exchange.close()


async def heard(subscription, count, *, within=5.0):
    async with asyncio.timeout(within):
        return [await anext(subscription) for _ in range(count)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_each_of_a_hundred_order_reports_and_fills_comes_once_and_in_order():
    async def scene():
        async with opened() as (_, exchange, streams):
            orders, fills = await streams.subscribe(Kind.ORDERS), await streams.subscribe(Kind.FILLS)
            await asyncio.sleep(0.5)
            buy = OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.001"))
            placed = await asyncio.gather(*(exchange.place(buy) for _ in range(50)))
            told = [event.data for event in await heard(orders, 100)]
            filled = [event.data for event in await heard(fills, 50)]
            ids = {order.id for order in placed}
            assert len(ids) == 50
            for id in ids:
                states = [order.status for order in told if order.id == id]
                assert states == [Status.OPEN, Status.FILLED]
            assert {fill.order_id for fill in filled} == ids

    asyncio.run(scene())


def test_each_of_twenty_thousand_trades_of_a_burst_comes_once_and_in_order():
    async def scene():
        async with opened(instruments=("BTC/USDT",), points=1_000, history=2) as (venue, _, streams):
            trades = await streams.subscribe(Kind.TRADES, "BTC/USDT")
            await asyncio.sleep(0.5)
            first = len(venue.floor.market("BTCUSDT").trades)
            venue.step(20 * 60_000)
            told = await heard(trades, 20_000, within=120.0)
            ids = [int(event.data.id) for event in told]
            assert ids == list(range(ids[0], ids[0] + 20_000))
            assert [event.sequence for event in told] == list(range(1, 20_001))
            # Where the machine is held up, a request may be the first to tell of some.
            assert Source.STREAM in {event.source for event in told}
            assert first

    asyncio.run(scene())


async def cut_off(venue, how):
    """Ends the connections there are, as exchanges do."""
    for connection in list(venue.sockets.open):
        if how == "close":
            await connection.socket.close(code=1001)
        elif how == "reset":
            connection.socket._req.transport.abort()
        else:
            connection.is_frozen = True


@pytest.mark.parametrize("how", ["close", "reset", "freeze"])
def test_what_is_missed_while_a_connection_is_down_is_told_when_it_is_back(how):
    async def scene():
        async with asyncio.timeout(90), opened(speed=1.0, points=1_000) as (venue, exchange, streams):
            orders, fills = await streams.subscribe(Kind.ORDERS), await streams.subscribe(Kind.FILLS)
            trades = await streams.subscribe(Kind.TRADES, "BTC/USDT")
            await asyncio.sleep(0.5)
            limit = Decimal("0.9") * (await exchange.ticker("BTC/USDT")).last
            resting = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01"), price=limit))
            assert (await heard(orders, 1))[0].data.id == resting.id
            before = await heard(trades, 20)

            await cut_off(venue, how)
            await exchange.cancel(resting.id, "BTC/USDT")
            missed = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.002")))

            told = {}
            while told.get(missed.id) != Status.FILLED or told.get(resting.id) != Status.CANCELLED:
                event = (await heard(orders, 1, within=8.0))[0]
                told[event.data.id] = event.data.status
            assert (await heard(fills, 1, within=8.0))[0].data.order_id == missed.id
            ids = [int(event.data.id) for event in before + await heard(trades, 20, within=8.0)]
            assert ids == list(range(ids[0], ids[0] + 40))

            source = None
            while source is not Source.STREAM:  # the first may be asked for, and told at once
                later = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.003")))
                while (event := (await heard(orders, 1, within=8.0))[0]).data.status != Status.FILLED:
                    pass
                assert event.data.id == later.id
                source = event.source

    asyncio.run(scene())


def test_candles_are_closed_once_in_order_and_as_the_exchange_lists_them():
    async def scene():
        async with asyncio.timeout(90), opened(speed=1.0, points=1_000) as (_, exchange, streams):
            candles = await streams.subscribe("candles", "BTC/USDT", "1s")
            closed = []
            while len(closed) < 5:
                event = await anext(candles)
                if event.data.is_closed:
                    closed.append(event)
            times = [event.data.time for event in closed]
            assert times == [times[0] + i * 1_000 for i in range(5)]
            assert {event.source for event in closed[1:]} == {Source.STREAM}
            listed = await exchange._ccxt().fetch_ohlcv("BTC/USDT", "1s", times[0], 5)
            shown = [[d.time, d.open, d.high, d.low, d.close, d.volume] for d in (event.data for event in closed)]
            assert [[row[0], *(Decimal(each) for each in row[1:])] for row in listed] == shown

    asyncio.run(scene())


def test_a_stream_that_calls_open_candles_closed_is_not_believed():
    async def scene():
        lies = (Rule("unclosed_as_closed", "stream *kline*", count=0),)
        async with asyncio.timeout(90), opened(speed=1.0, points=1_000, chaos=lies) as (_, _, streams):
            candles = await streams.subscribe("candles", "BTC/USDT", "1s")
            closed = []
            while len(closed) < 3:
                event = await anext(candles)
                if event.data.is_closed:
                    closed.append(event.data.time)
            assert closed == [closed[0], closed[0] + 1_000, closed[0] + 2_000]

    asyncio.run(scene())


def test_a_candle_that_the_exchange_still_changes_after_its_end_is_told_as_it_ended():
    async def test(server, exchange):
        lists = iter(["100.5", "101.5", "101.5", "101.5"])

        def klines(asked):
            since, close = int(asked["startTime"]), next(lists, "101.5")
            ended = [since, "100", "102", "99", close, "3", since + 59_999, "300", 1, "0", "0", "0"]
            return [ended, [since + 60_000, "1", "1", "1", "1", "1", since + 119_999, "1", 1, "0", "0", "0"]]

        server.answers["GET /api/v3/klines"] = klines
        told = []
        closer = Closer(exchange, "BTC/USDT", "1m", lambda candle, source: told.append((candle, source)))
        numbers = map(Decimal, ("100", "102", "99", "100.9", "2"))
        start = bucket_open(server.now(), 60_000) - 60_000
        closer.saw(Candle("BTC/USDT", "1m", start, *numbers))
        closer._ended.set()
        async with asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.05)
        await closer.close()
        [(candle, source)] = told[:1]
        assert (candle.time, candle.close, candle.volume, source) == (start, Decimal("101.5"), 3, Source.REST)

    run(test)


def test_a_balance_tells_all_that_is_owned_and_not_only_what_changed():
    """Binance tells of the currencies that an order touched."""

    async def scene():
        async with opened() as (venue, exchange, streams):
            venue.account.deposit("ETH", Decimal(2))
            balances = await streams.subscribe(Kind.BALANCE)
            [begun] = await heard(balances, 1)
            await exchange.place(OrderRequest("ETH/USDT", Side.SELL, amount=Decimal(2)))
            [sold] = await heard(balances, 1)
            assert begun.data.total.keys() == {"USDT", "BTC", "ETH"}
            assert sold.data.total.keys() == {"USDT", "BTC"}
            assert sold.data.total == (await exchange.balance()).total

    asyncio.run(scene())


def test_a_streamed_ticker_tells_bid_and_ask():
    async def test():
        async with opened() as (venue, _, streams):
            tickers = await streams.subscribe("ticker", "BTC/USDT")
            events = []
            while not events:
                venue.step(1_000)
                with contextlib.suppress(TimeoutError):
                    events = await heard(tickers, 1, within=0.5)
            assert 0 < events[0].data.bid < events[0].data.ask

    asyncio.run(test())


def test_a_market_that_was_listed_since_the_streams_were_connected_is_heard(tmp_path):
    async def scene():
        async with opened() as (_, exchange, _):
            await exchange.markets()
            kept = next(tmp_path.glob("planar/markets/*.json"))
            content = json.loads(kept.read_text())
            content["markets"] = [each for each in content["markets"] if each["symbol"] != "BTC/USDT"]
            kept.write_text(json.dumps(content))
            later = CcxtExchange("binance", settings=exchange.settings, credentials=exchange._credentials)
            try:
                await later.streams.subscribe(Kind.ORDERS)
                await later.streams.subscribe(Kind.CANDLES, "BTC/USDT", "1m")
                assert await later.streams.ready(5.0), later.streams.states()
            finally:
                await later.close()

    asyncio.run(scene())
