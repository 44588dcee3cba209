"""An order that was taken and whose answer was lost: there is exactly one of it, and it is found under its own id."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web
from exchange.recorded import HURRIED, START, Fault, answers, breaks_off, drops, hangs, run

from planar.errors import Rejected, Unknown, Unreachable
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status, Tif

POST = ("POST", "/api/v3/order")
UNKNOWN_STATUS = '{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown."}'
LIMIT = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal("100"), client_id="mine-1")
MARKET = OrderRequest("BTC/USDT", Side.SELL, Decimal("0.1"), client_id="mine-2")

LOST = {
    "hang": lambda: hangs(is_after=True),
    "drop": lambda: drops(is_after=True),
    "break off": lambda: breaks_off(is_after=True),
    "503": lambda: answers(503, UNKNOWN_STATUS, is_after=True),
    "502 page": lambda: answers(502, "<html>Bad Gateway</html>", content_type="text/html", is_after=True),
    "200 page": lambda: answers(200, "<html>Welcome</html>", content_type="text/html", is_after=True),
    "200 cut short": lambda: answers(200, '{"symbol":"BTCUSDT","orderId":', is_after=True),
    "200 without an id": lambda: answers(200, "{}", is_after=True),
}


def patience(how):
    """Settings of a test in which answers are lost so."""
    return {"timeout": HURRIED} if how == "hang" else {}


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("request_", [LIMIT, MARKET], ids=["limit", "market"])
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "unnamed"])
def test_an_order_that_was_taken_is_found_and_there_is_one(how, request_, is_named):
    async def test(server, exchange):
        server.fail("POST /api/v3/order", LOST[how]())
        order = await exchange.place(request_ if is_named else replace(request_, client_id=""))
        assert order.client_id == server.orders[1]["clientOrderId"]
        assert (order.client_id == request_.client_id) is is_named
        assert order.status is (Status.OPEN if request_.price else Status.FILLED)
        assert server.count("POST /api/v3/order") == len(server.orders) == 1

    run(test, **patience(how))


@pytest.mark.parametrize("ahead", [-3_600_000, -5_000, 5_000, 3_600_000])
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "unnamed"])
def test_an_order_is_found_however_far_the_clocks_have_come_apart(ahead, is_named):
    async def test(server, exchange):
        await exchange.markets()  # the clocks are compared, and then one of them is set
        server.clock_ahead = ahead
        server.fail("POST /api/v3/order", drops(is_after=True))
        assert (await exchange.place(LIMIT if is_named else replace(LIMIT, client_id=""))).id == "1"

    run(test)


def test_the_time_of_an_order_tells_nothing_under_an_id_that_was_given_out_for_it():
    """A venue that plays another year stamps orders with that year's time."""

    async def test(server, exchange):
        server.fail("POST /api/v3/order", answers(503, UNKNOWN_STATUS, is_after=True))
        place = server.place

        def stamped(answer):
            server.orders[1]["time"] = START
            return answer

        server.place = lambda asked: stamped(place(asked))
        id = exchange.new_client_id()
        assert (await exchange.place(replace(LIMIT, client_id=id))).client_id == id
        server.orders[1].update(status="FILLED", executedQty="0.10000")
        server.fail("POST /api/v3/order", drops())
        with pytest.raises(Unknown, match="Order 1, under the same id, is FILLED and is not it"):
            await exchange.place(replace(LIMIT, client_id=id))

    run(test, window=100)


def test_an_order_that_ended_at_once_is_found_as_it_ended():
    async def test(server, exchange):
        server.fail("POST /api/v3/order", drops(is_after=True))
        place = server.place

        def expired(asked):
            answer = place(asked)
            server.orders[1].update(status="EXPIRED", executedQty="0.04000", cummulativeQuoteQty="4.00")
            return answer

        server.place = expired
        order = await exchange.place(replace(LIMIT, tif=Tif.IOC))
        assert (order.status, order.filled, order.amount) == (Status.EXPIRED, Decimal("0.04"), Decimal("0.1"))
        assert len(server.orders) == 1

    run(test)


@pytest.mark.parametrize(("filled", "status"), [("0.03000", Status.PARTIAL), (None, Status.CANCELLED)])
def test_an_order_that_fills_in_part_or_is_cancelled_while_it_is_looked_for_is_found_as_it_is(filled, status):
    async def test(server, exchange):
        find, is_hidden = server.find, True

        def hidden(asked, missing):
            return find({} if is_hidden and "origClientOrderId" in asked else asked, missing)

        server.find = hidden
        server.fail("POST /api/v3/order", drops(is_after=True))
        placing = asyncio.create_task(exchange.place(LIMIT))
        while not server.orders:
            await asyncio.sleep(0.001)
        if filled:
            server.orders[1].update(status="PARTIALLY_FILLED", executedQty=filled)
        else:
            assert [one.id for one in await exchange.cancel_all("BTC/USDT")] == ["1"]
        is_hidden = False
        assert (await placing).status is status

    run(test, window=3_000)


def test_an_order_that_something_on_the_way_sent_twice_is_found_and_there_is_one():
    async def test(server, exchange):
        twice = answers(400, '{"code":-2010,"msg":"Duplicate order sent."}', is_after=True)
        server.fail("POST /api/v3/order", twice, twice)
        assert (await exchange.place(replace(LIMIT, client_id=""))).id == "1"
        assert (await exchange.place(LIMIT)).id == "2"

    run(test)


def test_cancelling_all_reaches_an_order_that_is_not_seen_yet():
    async def test(server, exchange):
        await exchange.place(LIMIT)
        server.fail("GET /api/v3/openOrders", answers(200, "[]"), answers(200, "[]"))
        assert await exchange.cancel_all("BTC/USDT") == []
        assert server.orders[1]["status"] == "CANCELED"

    run(test)


@pytest.mark.parametrize("how", ["hang", "drop", "503"])
def test_an_order_that_never_arrived_is_unknown_after_the_receive_window_and_not_sent_again(how):
    before = {"hang": hangs, "drop": drops, "503": lambda: answers(503, UNKNOWN_STATUS)}[how]

    async def test(server, exchange):
        server.fail("POST /api/v3/order", before())
        with pytest.raises(Unknown, match=r"No order under client id mine-1 was seen in 0.1 s") as caught:
            await exchange.place(LIMIT)
        assert caught.value.code in ("TIMEOUT", "NOT_AVAILABLE")
        assert (server.count("POST /api/v3/order"), len(server.orders)) == (1, 0)
        assert server.count("GET /api/v3/order") >= 2

    run(test, window=100, **patience(how))


def test_where_no_look_up_is_answered_that_is_said_with_the_command_that_looks():
    async def test(server, exchange):
        for request in ("POST", "GET"):
            server.fail(f"{request} /api/v3/order", *(answers(503, UNKNOWN_STATUS) for _ in range(100)))
        with pytest.raises(Unknown, match="looked for under client id mine-1; that was not answered either") as caught:
            await exchange.place(LIMIT)
        assert "`planar orders BTC/USDT --client-id mine-1 --exchange binance`" in str(caught.value)

    run(test, window=100)


def test_an_order_that_shows_up_late_is_found():
    async def test(server, exchange):
        server.fail("POST /api/v3/order", drops(is_after=True))
        missing = answers(400, '{"code":-2013,"msg":"Order does not exist."}')
        server.fail("GET /api/v3/order", missing, answers(503, "busy"), missing)
        assert (await exchange.place(LIMIT)).id == "1"

    run(test, window=3000, retries=0)


def test_an_older_order_under_the_same_id_is_not_taken_for_ours():
    async def test(server, exchange):
        await exchange.place(LIMIT)
        server.orders[1].update(status="FILLED", time=server.now() - 60_000)
        server.fail("POST /api/v3/order", drops())
        with pytest.raises(Unknown):
            await exchange.place(LIMIT)
        assert len(server.orders) == 1

    run(test, window=100)


def test_an_order_of_other_terms_under_the_same_id_is_not_taken_for_ours():
    async def test(server, exchange):
        await exchange.place(LIMIT)
        server.orders[1].update(status="FILLED", side="SELL")
        server.fail("POST /api/v3/order", drops())
        with pytest.raises(Unknown):
            await exchange.place(LIMIT)

    run(test, window=100)


def test_a_request_turned_away_for_the_rate_limit_or_the_clock_is_known_not_to_be_taken():
    async def test(server, exchange):
        await exchange.markets()
        late = '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
        too_many = answers(429, '{"code":-1003,"msg":"Too many requests."}', {"Retry-After": "3"})
        server.fail("POST /api/v3/order", too_many, answers(400, late), answers(400, late))
        with pytest.raises(Unreachable) as caught:
            await exchange.place(LIMIT)
        assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT", 3.0)
        with pytest.raises(Unreachable, match="sync-time") as caught:
            await exchange.place(LIMIT)
        assert caught.value.code == "CLOCK"
        assert (server.count("POST /api/v3/order"), server.count("GET /api/v3/order")) == (3, 0)

    run(test)


def test_after_a_refusal_for_the_clock_it_is_measured_anew_and_the_order_is_sent_once_more():
    async def test(server, exchange):
        await exchange.open_orders("BTC/USDT")
        server.clock_ahead = 7_200_000
        server.fail(
            "POST /api/v3/order", answers(400, '{"code":-1021,"msg":"Timestamp is outside of the recvWindow."}')
        )
        await exchange.place(LIMIT)
        stamps = [int(asked["timestamp"]) for how, where, asked in server.requests if (how, where) == POST]
        assert abs(stamps[1] - stamps[0] - 7_200_000) < 60_000

    run(test)


def test_setting_our_clock_changes_nothing_of_what_time_it_is_there(monkeypatch):
    async def test(server, exchange):
        await exchange.sync_clock()
        there = await exchange._now()
        ours = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: ours() + 3_600 * 10**9)
        assert 0 <= await exchange._now() - there < 600_000

    run(test)


def test_a_clock_is_not_read_off_an_answer_that_took_long():
    async def test(server, exchange):
        async def stale(request):
            told = server.now()
            await asyncio.sleep(0.35)
            return web.json_response({"serverTime": told - 3_600_000})

        server.fail("GET /api/v3/time", Fault(stale))
        assert abs(await exchange.sync_clock()) < 1_800_000

    run(test)


def test_a_server_that_cannot_be_connected_to_was_sent_nothing():
    async def test(server, exchange):
        await exchange.markets()
        exchange._ccxt().session.base = exchange._ccxt().session.base.with_port(1)
        with pytest.raises(Unreachable) as caught:
            await exchange.place(LIMIT)
        assert caught.value.code == "NOT_AVAILABLE"

    run(test)


@pytest.mark.parametrize("how", ["hang", "drop", "503"])
def test_a_cancel_whose_answer_is_lost_is_looked_up(how):
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.fail("DELETE /api/v3/order", LOST[how]())
        assert (await exchange.cancel(order.id, "BTC/USDT")).status is Status.CANCELLED
        # Of itself aiohttp sends a DELETE again when the connection drops; that does no harm here.
        assert server.count("DELETE /api/v3/order") == (2 if how == "drop" else 1)

    run(test, **patience(how))


def test_a_cancel_that_never_arrived_is_sent_again_once_the_order_is_seen_to_be_open():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.fail("DELETE /api/v3/order", answers(503, UNKNOWN_STATUS))
        assert (await exchange.cancel(order.id, "BTC/USDT")).status is Status.CANCELLED
        sent = [(method, path) for method, path, _ in server.requests if path == "/api/v3/order"]
        assert sent[1:] == [("DELETE", "/api/v3/order"), ("GET", "/api/v3/order"), ("DELETE", "/api/v3/order")]

    run(test)


def test_a_cancel_that_nobody_can_say_anything_of_is_unknown():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.fail("DELETE /api/v3/order", answers(503, UNKNOWN_STATUS))
        server.fail("GET /api/v3/order", *[answers(503, "busy")] * 9)
        with pytest.raises(Unknown):
            await exchange.cancel(order.id, "BTC/USDT")

    run(test)


def test_a_refusal_is_a_refusal_and_nothing_is_looked_for():
    async def test(server, exchange):
        poor = '{"code":-2010,"msg":"Account has insufficient balance for requested action."}'
        server.fail("POST /api/v3/order", answers(400, poor))
        with pytest.raises(Rejected) as caught:
            await exchange.place(MARKET)
        assert caught.value.code == "INSUFFICIENT_FUNDS"
        assert "planar balance binance --type spot" in str(caught.value)
        assert server.count("GET /api/v3/order") == 0

    run(test)
