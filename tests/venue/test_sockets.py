"""Sockets as such: how streams are asked for, how they end, what is told afterwards."""

import asyncio
import json

import aiohttp
import ccxt
import pytest
from venue.conftest import KEY, binance, config, until

from planar.venue import clock
from planar.venue.chaos import Chaos, Rule
from planar.venue.connection import Connection
from planar.venue.server import Venue


@pytest.fixture
def talk(runner, venue):
    """Sends messages on a socket, steps the market, gives what came."""

    def talked(path, *messages, step=60_000):
        async def play():
            url = f"ws://127.0.0.1:{venue.port}{path}"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                for message in messages:
                    await socket.send_str(message if isinstance(message, str) else json.dumps(message))
                await asyncio.sleep(0.05)
                venue.step(step)
                answers = []
                while True:
                    try:
                        answers.append(await socket.receive_json(timeout=0.2))
                    except TimeoutError:
                        return answers

        return runner.run(play())

    return talked


def test_a_stream_in_the_address_needs_no_subscription(talk):
    assert {e["e"] for e in talk("/ws/btcusdt@aggTrade")} == {"aggTrade"}


def test_combined_streams_say_which_they_are(talk):
    events = talk("/stream?streams=btcusdt@trade/ethusdt@bookTicker")
    assert {e["stream"] for e in events} == {"btcusdt@trade", "ethusdt@bookTicker"}


def test_subscriptions_are_answered_listed_and_ended(talk):
    answers = talk(
        "/ws",
        {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@depth5"], "id": 1},
        {"method": "LIST_SUBSCRIPTIONS", "id": 2},
        {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@depth5"], "id": 3},
    )
    assert answers == [
        {"result": None, "id": 1},
        {"result": ["btcusdt@depth5", "btcusdt@trade"], "id": 2},
        {"result": None, "id": 3},
    ]


def test_what_is_no_subscription_is_an_error(talk):
    answers = talk("/ws", "no json", {"method": "JUMP", "id": 1}, {"method": "SUBSCRIBE", "params": ["btc"], "id": 2})
    assert [a["error"]["code"] for a in answers] == [3, 2, 2]


def test_small_books_and_tickers_of_all_symbols_come(talk):
    asked = ["btcusdt@depth5", "btcusdt@depth20@100ms", "!miniTicker@arr", "!ticker@arr", "btcusdt@avgPrice"]
    _, *events = talk("/ws", {"method": "SUBSCRIBE", "params": asked, "id": 1})
    assert {len(e["bids"]) for e in events if "bids" in e} == {5, 20}
    assert {row["s"] for e in events if isinstance(e, list) for row in e} == {"BTCUSDT", "ETHUSDT"}
    assert {e["i"] for e in events if "e" in e and e["e"] == "avgPrice"} == {"5m"}


def test_the_websocket_api_answers_market_data_and_says_what_it_cannot(talk):
    forged = {"apiKey": KEY, "timestamp": clock.wall(), "recvWindow": 60_000, "signature": "forged"}
    answers = talk(
        "/ws-api/v3",
        {"id": "a", "method": "time"},
        {"id": "b", "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}},
        {"id": "c", "method": "fly"},
        {"id": "d", "method": "account.status", "params": {}},
        {"id": "e", "method": "userDataStream.subscribe.signature", "params": forged},
        "no json",
    )
    assert [a["status"] for a in answers] == [200, 200, 400, 401, 400, 400]
    assert len(answers[1]["result"]["bids"]) == 5
    assert answers[4]["error"] == {"code": -1022, "msg": "Signature for this request is not valid."}
    assert answers[0]["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"


def test_a_listen_key_opens_the_same_user_stream(talk, runner, exchange, venue):
    key = runner.run(exchange.public_post_userdatastream())["listenKey"]
    task = {}

    async def order():
        task["order"] = await exchange.create_order("BTC/USDT", "market", "buy", 0.001)

    async def play():
        url = f"ws://127.0.0.1:{venue.port}/ws/{key}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await order()
            return [await socket.receive_json(timeout=1) for _ in range(3)]

    events = runner.run(play())
    assert [e["e"] for e in events] == ["executionReport", "executionReport", "outboundAccountPosition"]
    assert [e.get("X") for e in events[:2]] == ["NEW", "FILLED"]


def test_a_listen_key_is_subscribed_to_and_left_like_a_stream(runner, exchange, venue):
    key = runner.run(exchange.public_post_userdatastream())["listenKey"]

    async def play():
        url = f"ws://127.0.0.1:{venue.port}/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            for method in ("SUBSCRIBE", "LIST_SUBSCRIPTIONS", "UNSUBSCRIBE"):
                await socket.send_json({"method": method, "params": [key], "id": 1})
                yield await socket.receive_json(timeout=1)
                await exchange.create_order("BTC/USDT", "market", "buy", 0.001)
                if method != "UNSUBSCRIBE":
                    yield [(await socket.receive_json(timeout=1))["e"] for _ in range(3)]
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            yield await socket.receive_json(timeout=1)

    async def gathered():
        return [each async for each in play()]

    told = ["executionReport", "executionReport", "outboundAccountPosition"]
    done = {"result": None, "id": 1}
    assert runner.run(gathered()) == [done, told, {"result": [key], "id": 1}, told, done, {"result": [], "id": 1}]


@pytest.mark.parametrize("abruptly", [False, True])
def test_after_a_lost_connection_ccxt_dials_again(runner, exchange, venue, abruptly):
    async def watch():
        task = asyncio.create_task(exchange.watch_trades("ETH/USDT"))
        for _ in range(100):
            await asyncio.sleep(0.02)
            if task.done():
                break
            venue.step(10_000)
        return await task

    async def play():
        await watch()
        task = asyncio.create_task(exchange.watch_trades("ETH/USDT"))
        await until(lambda: venue.streams.has("ethusdt@trade"))
        await venue.sockets.close(abruptly=abruptly)
        with pytest.raises(ccxt.NetworkError):
            await asyncio.wait_for(task, 5)
        return await watch()

    assert runner.run(asyncio.wait_for(play(), 20))


def test_a_report_that_is_lost_is_found_by_rest(runner, exchange, venue):
    venue.add_chaos([Rule("lose", "stream user", count=0)])

    async def play():
        task = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await until(lambda: venue.users.has(venue.account))
        order = await exchange.create_order("BTC/USDT", "market", "buy", 0.001)
        await asyncio.sleep(0.1)
        assert not task.done()
        venue.chaos.clear()
        found = await exchange.fetch_order(order["id"], "BTC/USDT")
        await exchange.create_order("BTC/USDT", "market", "buy", 0.001)
        await asyncio.wait_for(task, 5)
        return found

    assert runner.run(play())["status"] == "closed"


def test_weights_are_those_that_ccxt_counts_with(runner, exchange, venue):
    weighed = {
        "public_get_depth": ({"symbol": "BTCUSDT", "limit": 500}, 25),
        "public_get_ticker_24hr": ({}, 80),
        "public_get_klines": ({"symbol": "BTCUSDT", "interval": "1m"}, 2),
        "public_get_exchangeinfo": ({}, 20),
        "private_get_openorders": ({}, 80),
        "private_get_account": ({}, 20),
        "private_get_mytrades": ({"symbol": "BTCUSDT"}, 20),
    }

    def used():
        return int(exchange.last_response_headers["X-MBX-USED-WEIGHT-1M"])

    for name, (parameters, weight) in weighed.items():
        while True:
            runner.run(exchange.public_get_ping())
            before = used()
            runner.run(getattr(exchange, name)(parameters))
            if used() > before:  # else a new minute began in between
                break
        assert (name, used() - before) == (name, weight)


def test_two_ccxt_accounts_see_only_their_own(runner, venue, exchange):
    from decimal import Decimal

    venue.floor.open_account("other" * 8, "secret", {"USDT": Decimal(100)})

    async def play():
        made = binance(venue)
        made.apiKey, made.secret = "other" * 8, "secret"
        made.set_markets(exchange.markets)
        session = made.session
        balance, orders = await made.fetch_balance(), await made.fetch_orders("BTC/USDT")
        await made.close()
        await session.close()
        return balance["USDT"]["total"], orders

    assert runner.run(play()) == (100, [])


def test_a_running_venue_tells_by_itself(runner):
    async def play():
        async with Venue(config(speed=600, points=60)) as venue:
            names = ("btcusdt@trade", "btcusdt@kline_1m", "btcusdt@depth@100ms", "btcusdt@ticker", "btcusdt@bookTicker")
            url = f"ws://127.0.0.1:{venue.port}/stream?streams={'/'.join(names)}"
            seen = set()
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                while seen != set(names):
                    seen.add((await socket.receive_json(timeout=5))["stream"])
            return seen

    assert len(runner.run(asyncio.wait_for(play(), 20))) == 5


class Pipe:
    """A socket that takes everything."""

    closed = False

    async def send_str(self, text):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(5))
def test_what_writes_to_a_client_ends_when_it_is_told_to_whatever_came_just_before(runner, turns):
    async def play():
        connection = Connection(Chaos())
        connection.socket = Pipe()
        writing = asyncio.ensure_future(connection.write())
        await asyncio.sleep(0.01)
        connection.send("the last word")
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        done, _ = await asyncio.wait([writing], timeout=1)
        writing.cancel()
        return done == {writing}

    assert runner.run(play())
