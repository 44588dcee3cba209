"""An order that was taken and whose answer was lost: there is exactly one of it, and it is found under its own id."""

from decimal import Decimal

import pytest
from exchange.recorded import answers, breaks_off, drops, hangs, run

from planar.errors import Rejected, Unknown, Unreachable
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status

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


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("request_", [LIMIT, MARKET], ids=["limit", "market"])
def test_an_order_that_was_taken_is_found_and_there_is_one(how, request_):
    async def test(server, exchange):
        server.fail("POST /api/v3/order", LOST[how]())
        order = await exchange.place(request_)
        assert order.client_id == request_.client_id
        assert order.status is (Status.OPEN if request_.price else Status.FILLED)
        assert server.count("POST /api/v3/order") == len(server.orders) == 1

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
        server.fail("POST /api/v3/order", too_many, answers(400, late))
        with pytest.raises(Unreachable) as caught:
            await exchange.place(LIMIT)
        assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT", 3.0)
        with pytest.raises(Unreachable, match="sync-time") as caught:
            await exchange.place(LIMIT)
        assert caught.value.code == "CLOCK"
        assert (server.count("POST /api/v3/order"), server.count("GET /api/v3/order")) == (2, 0)

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

    run(test)


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


def test_an_amend_whose_answer_is_lost_is_found_under_its_new_id():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.fail("POST /api/v3/order/cancelReplace", drops(is_after=True))
        amended = await exchange.amend(order.id, "BTC/USDT", price=Decimal("99"))
        assert (amended.id, amended.price, len(server.orders)) == ("2", Decimal("99"), 2)

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
