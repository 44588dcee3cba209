"""The venue lies as real ones do, and the real ccxt meets it."""

import asyncio

import ccxt
import pytest
from venue.conftest import binance, until

from planar.errors import ConfigError
from planar.venue.chaos import rules_of

ORDER = "POST /api/v3/order"


@pytest.fixture
def chaos(venue):
    """Adds rules, and takes them back after the test."""
    yield lambda *rules: venue.add_chaos(rules_of(list(rules)))
    venue.chaos.clear()


@pytest.fixture
def call(runner, exchange):
    return lambda name, *arguments: runner.run(getattr(exchange, name)(*arguments))


def place(call, client_id):
    return call("create_order", "BTC/USDT", "limit", "buy", 0.01, 20_000, {"clientOrderId": client_id})


def found(call, client_id):
    return call("fetch_order", None, "BTC/USDT", {"origClientOrderId": client_id})


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("accept_then_hang", ccxt.RequestTimeout),
        ("accept_then_5xx", ccxt.RequestTimeout),
        ("accept_then_drop", ccxt.ExchangeNotAvailable),
    ],
)
def test_an_order_whose_answer_is_lost_is_there_all_the_same(call, chaos, exchange, what, error):
    chaos({"on": ORDER, "what": what, "seconds": 1.0})
    exchange.timeout = 300 if what == "accept_then_hang" else 10_000
    exchange.session.sent.clear()
    try:
        with pytest.raises(error):
            place(call, f"lost-{what}")
    finally:
        exchange.timeout = 10_000
    assert exchange.session.sent.count(("POST", "/api/v3/order")) == 1
    order = found(call, f"lost-{what}")
    assert order["status"] == "open"
    call("cancel_order", order["id"], "BTC/USDT")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("drop", ccxt.ExchangeNotAvailable),
        ("503", ccxt.ExchangeNotAvailable),
        ("429", ccxt.DDoSProtection),
        ("maintenance", ccxt.OnMaintenance),
        ("reject", ccxt.OperationFailed),
    ],
)
def test_an_order_that_did_not_get_through_is_not_there(call, chaos, what, error):
    chaos({"on": ORDER, "what": what})
    with pytest.raises(error):
        place(call, f"not-{what}")
    with pytest.raises(ccxt.OrderNotFound):
        found(call, f"not-{what}")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (500, 0, ccxt.ExchangeNotAvailable),
        (502, 0, ccxt.ExchangeNotAvailable),
        (504, 0, ccxt.RequestTimeout),
        (503, -1007, ccxt.RequestTimeout),
        (500, -1001, ccxt.OperationFailed),
        (403, 0, ccxt.ExchangeNotAvailable),
        (451, 0, ccxt.ExchangeNotAvailable),
        (400, -1003, ccxt.RateLimitExceeded),
        (400, -1015, ccxt.RateLimitExceeded),
        (429, -1003, ccxt.DDoSProtection),
        (400, -9999, ccxt.ExchangeError),
    ],
)
def test_any_answer_can_be_had(call, chaos, status, code, error):
    chaos({"on": "GET /api/v3/time", "what": "answer", "status": status, "code": code, "text": "as told"})
    with pytest.raises(error) as raised:
        call("fetch_time")
    assert type(raised.value) is error


def test_a_read_whose_connection_is_cut_is_sent_again_and_an_order_is_not(call, chaos, venue):
    chaos({"on": "GET /api/v3/time", "what": "drop"}, {"on": ORDER, "what": "drop"})
    assert call("fetch_time")
    with pytest.raises(ccxt.ExchangeNotAvailable):
        place(call, "cut")
    assert [rule["happened"] for rule in venue.chaos.described()] == [1, 1]


def test_a_ban_ends(call, chaos, runner):
    chaos({"on": "GET /api/v3/time", "what": "418", "seconds": 1})
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        call("fetch_time")
    with pytest.raises(ccxt.DDoSProtection):
        call("fetch_order_book", "BTC/USDT")
    runner.run(asyncio.sleep(1.1))
    assert call("fetch_time")


@pytest.mark.parametrize("what", ["html", "truncate"])
def test_an_answer_that_is_no_json_comes_with_200(call, chaos, what):
    chaos({"on": "GET /api/v3/depth", "what": what})
    assert call("fetch_order_book", "BTC/USDT")["asks"] == []
    assert call("fetch_order_book", "BTC/USDT")["asks"]


def test_rules_wait_and_stop_as_they_say(call, chaos):
    chaos({"on": "GET /api/v3/time", "what": "503", "after": 1, "count": 2})
    assert call("fetch_time")
    for _ in range(2):
        with pytest.raises(ccxt.ExchangeNotAvailable):
            call("fetch_time")
    assert call("fetch_time")


def test_a_market_order_finds_only_a_share_of_the_book(call, chaos, venue):
    depth = sum(units for _, units in venue.floor.market("BTCUSDT").book.bids) / 1e8
    chaos({"on": ORDER, "what": "partial", "share": 0.0001})
    amount = min(round(depth / 10, 5), 5.0)
    order = call("create_order", "BTC/USDT", "market", "sell", amount)
    assert order["status"] == "expired"
    assert 0 < order["filled"] < amount


def test_a_gap_in_the_book_is_noticed_and_mended(runner, exchange, venue, chaos):
    async def watch():
        task = asyncio.create_task(exchange.watch_order_book("ETH/USDT"))
        while not task.done():
            venue.step(9_000)
            await asyncio.sleep(0.02)
        return task.result()

    runner.run(watch())
    chaos({"on": "stream ethusdt@depth*", "what": "lose"})
    with pytest.raises(ccxt.ChecksumError):
        runner.run(asyncio.wait_for(_until_error(watch), 10))
    assert runner.run(asyncio.wait_for(watch(), 10))["bids"]


async def _until_error(watch):
    while True:
        await watch()


def test_events_come_twice_late_or_not_at_all(runner, venue, chaos):
    async def trades(*rules):
        import aiohttp

        chaos(*rules)
        url = f"ws://127.0.0.1:{venue.port}/ws/btcusdt@trade"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await asyncio.sleep(0.05)
            venue.step(60_000)
            ids = []
            while True:
                try:
                    ids.append((await socket.receive_json(timeout=0.3))["t"])
                except TimeoutError:
                    return [i - min(ids) for i in ids]

    stream = {"on": "stream btcusdt@trade", "after": 1}
    assert runner.run(trades())[:3] == [0, 1, 2]
    assert runner.run(trades({**stream, "what": "duplicate"}))[:4] == [0, 1, 1, 2]
    assert runner.run(trades({**stream, "what": "lose"}))[:3] == [0, 2, 3]
    assert runner.run(trades({**stream, "what": "reorder"}))[:4] == [0, 2, 1, 3]
    assert runner.run(trades({**stream, "what": "freeze"})) == []


def test_a_frozen_socket_is_found_out_by_its_pings(runner, venue, chaos, exchange):
    async def watch():
        made = binance(venue, ws={"keepAlive": 200})
        made.set_markets(exchange.markets)
        session = made.session
        try:
            task = asyncio.create_task(made.watch_trades("ETH/USDT"))
            await until(lambda: venue.streams.has("ethusdt@trade"))
            chaos({"on": "stream ethusdt@trade", "what": "freeze"})
            venue.step(60_000)
            with pytest.raises(ccxt.RequestTimeout):
                await asyncio.wait_for(task, 10)
        finally:
            await made.close()
            await session.close()

    runner.run(watch())


def test_the_websocket_api_loses_answers_too(runner, exchange, venue, chaos, call):
    chaos({"on": "WS order.place", "what": "accept_then_hang"})

    async def place():
        order = {"newClientOrderId": "ws-lost"}
        task = asyncio.create_task(exchange.create_order_ws("ETH/USDT", "limit", "buy", 0.1, 1000, order))
        await until(lambda: "ws-lost" in venue.account.by_client_id)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.2)

    runner.run(place())
    assert call("fetch_order", None, "ETH/USDT", {"origClientOrderId": "ws-lost"})["status"] == "open"
    call("cancel_all_orders", "ETH/USDT")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"what": "accept_then_hangs"}, "Did you mean 'accept_then_hang'"),
        ({"what": "503", "cuont": 2}, "Did you mean 'count'"),
        ({"what": "503", "count": "two"}, "count='two' must be a number"),
        ({"on": ORDER}, "must say at least what"),
        ("503", "give a list of rules"),
    ],
)
def test_a_rule_that_is_none_says_why(rule, says):
    with pytest.raises(ConfigError, match=says):
        rules_of(rule)
