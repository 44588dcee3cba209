"""An amended order whose answer was lost, in each of its halves: it is found, or told what became of both orders."""

from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web
from exchange.recorded import Fault, answers, drops, run

from planar.errors import Rejected, Unknown
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status

LIMIT = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal("100"), client_id="mine-1")


def test_an_amend_whose_answer_is_lost_is_found_under_its_new_id():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.fail("POST /api/v3/order/cancelReplace", drops(is_after=True))
        amended = await exchange.amend(order.id, "BTC/USDT", price=Decimal("99"))
        assert (amended.id, amended.price, len(server.orders)) == ("2", Decimal("99"), 2)

    run(test)


@pytest.mark.parametrize("is_done", [True, False])
def test_an_amend_in_place_whose_answer_is_lost_is_told_by_the_order_itself(is_done):
    async def test(server, exchange):
        order = await exchange.place(replace(LIMIT, price=Decimal(300), amount=Decimal(1)))

        async def amended(request):
            server.orders[1].update({"status": "FILLED", "executedQty": "1.000"} if is_done else {"price": "310.00"})
            request.transport.abort()
            return web.Response()

        server.fail("PUT /fapi/v1/order", Fault(amended), Fault(amended))  # of itself aiohttp sends a PUT again
        if is_done:
            with pytest.raises(Rejected, match="order 1 is FILLED and was not amended") as caught:
                await exchange.amend(order.id, "BTC/USDT", price=Decimal(310))
            assert caught.value.code == "ORDER_DONE"
        else:
            after = await exchange.amend(order.id, "BTC/USDT", price=Decimal(310))
            assert (after.id, after.price) == (order.id, Decimal("310.00"))

    run(test, window=100, futures=True)


def test_an_amend_that_was_sent_again_and_found_nobody_may_have_been_carried_out():
    async def test(server, exchange):
        order = await exchange.place(replace(LIMIT, price=Decimal(300), amount=Decimal(1)))

        async def amended(request):
            server.orders[1]["price"] = "310.00"
            await server.site.stop()
            request.transport.abort()
            return web.Response()

        server.fail("PUT /fapi/v1/order", Fault(amended))
        with pytest.raises(Unknown):
            await exchange.amend(order.id, "BTC/USDT", price=Decimal(310))

    run(test, window=100, futures=True, retries=0)


REPLACED = '{"code":%d,"msg":"Order cancel-replace %s.","data":{"cancelResult":"%s","newOrderResult":"%s",%s}}'
INNER = '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'


@pytest.mark.parametrize(
    ("reached", "answer", "told"),
    [
        ("nothing", drops(), "Order 1, which it was to replace, is OPEN, 0 BTC of it filled"),
        ("the cancel", drops(), "Order 1, which it was to replace, is CANCELLED, 0 BTC of it filled"),
        ("the fill", drops(), "Order 1, which it was to replace, is FILLED, 0.10000 BTC of it filled"),
        (
            "the cancel",
            answers(409, REPLACED % (-2021, "partially failed", "SUCCESS", "FAILURE", f'"newOrderResponse":{INNER}')),
            "Order 1, which it was to replace, is CANCELLED",
        ),
        (
            "nothing",
            answers(400, REPLACED % (-2022, "failed", "FAILURE", "NOT_ATTEMPTED", f'"cancelResponse":{INNER}')),
            "Order 1, which it was to replace, is OPEN",
        ),
    ],
)
def test_an_amend_that_got_no_further_than_its_first_half_tells_what_became_of_the_order(reached, answer, told):
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        became = {"the cancel": {"status": "CANCELED"}, "the fill": {"status": "FILLED", "executedQty": "0.10000"}}

        async def act(request):
            server.orders[1].update(became.get(reached, {}))
            return await answer.act(request)

        server.fail("POST /api/v3/order/cancelReplace", Fault(act))
        with pytest.raises(Unknown, match=f"No order under client id .* was seen in 0.1 s. {told}"):
            await exchange.amend(order.id, "BTC/USDT", price=Decimal("99"))
        assert (server.count("POST /api/v3/order/cancelReplace"), len(server.orders)) == (1, 1)

    run(test, window=100)


def test_the_new_order_of_an_amend_is_found_where_only_its_half_of_the_answer_is_lost():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        half = REPLACED % (-2021, "partially failed", "SUCCESS", "FAILURE", f'"newOrderResponse":{INNER}')
        server.fail("POST /api/v3/order/cancelReplace", answers(409, half, is_after=True))
        assert (await exchange.amend(order.id, "BTC/USDT", price=Decimal("99"))).id == "2"

    run(test)


def test_an_amend_is_unknown_when_nobody_tells_what_filled_of_the_order_meanwhile():
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.orders[1].update(status="PARTIALLY_FILLED", executedQty="0.02000", cummulativeQuoteQty="2.00")
        replaced = server.answer

        def meanwhile(where, asked):
            if where.endswith("cancelReplace"):
                server.orders[1]["status"] = "NEW"
                server.fail("GET /api/v3/order", *[answers(503, "busy")] * 9)
            return replaced(where, asked)

        server.answer = meanwhile
        with pytest.raises(
            Unknown, match="order 1 of BTC/USDT was replaced by 2, which may be larger than what is left"
        ):
            await exchange.amend(order.id, "BTC/USDT", price=Decimal("101"))

    run(test)


@pytest.mark.parametrize(("filled", "left"), [("0.05000", "0.05"), ("0.09999", None), ("0.10000", None)])
def test_what_fills_of_an_order_while_it_is_amended_is_not_had_twice(filled, left):
    async def test(server, exchange):
        order = await exchange.place(LIMIT)
        server.orders[1].update(status="PARTIALLY_FILLED", executedQty="0.02000", cummulativeQuoteQty="2.00")
        replaced = server.answer

        def meanwhile(where, asked):
            if where.endswith("cancelReplace") and asked["cancelOrderId"] == "1":
                server.orders[1].update(executedQty=filled, status="NEW")
            return replaced(where, asked)

        server.answer = meanwhile
        after = await exchange.amend(order.id, "BTC/USDT", price=Decimal("101"))
        is_open = [one for one in server.orders.values() if one["status"] == "NEW"]
        assert [one["origQty"] for one in is_open] == ([] if left is None else [left])
        assert after.status is (Status.CANCELLED if left is None else Status.OPEN)

    run(test)
