"""What amending does at exchanges other than Binance: in place, by another order, or nobody told us."""

from dataclasses import replace
from decimal import Decimal

import pytest
from exchange.elsewhere import KEYS, KRAKEN, Kucoin, bitget, kraken, okx
from exchange.recorded import Fault, answers, code, drops, run

from planar.errors import Rejected, Unknown
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status

ALTER = "POST /api/v1/hf/orders/alter"


def at_kucoin(test, **options):
    async def scene(server, exchange):
        await test(Kucoin(server), server, exchange)

    run(scene, id="kucoin", credentials=KEYS, **options)


def test_an_order_that_was_replaced_under_its_client_id_is_read_back():
    async def test(kucoin, server, exchange):
        found = await exchange.amend("A", "BTC/USDT", price=Decimal(91))
        assert (found.id, found.price, found.amount, found.status) == ("B", Decimal(91), Decimal(1), Status.OPEN)
        assert not kucoin.orders["A"]["active"]

    at_kucoin(test)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_lost_amend_is_found_in_the_order_that_took_the_place_though_the_client_id_leads_to_the_old_one(is_done):
    async def test(kucoin, server, exchange):
        async def lost(request):
            if is_done:
                kucoin.orders["B"].update(active=False, inOrderBook=False, dealSize="1", dealFunds="91")
            return await drops().act(request)

        server.fail(ALTER, Fault(lost, is_after=True))
        found = await exchange.amend("A", "BTC/USDT", price=Decimal(91))
        assert (found.id, found.price) == ("B", Decimal(91))
        assert server.count(ALTER) == 1

    at_kucoin(test)


@pytest.mark.parametrize(("reached", "told"), [(False, "Order A is OPEN"), (True, "Order A is CANCELLED")])
def test_that_the_old_order_is_gone_does_not_prove_that_nothing_took_its_place(reached, told):
    async def test(kucoin, server, exchange):
        server.fail(ALTER, drops())
        if reached:
            find = server.answers["GET /api/v1/hf/orders/A"]
            server.answers["GET /api/v1/hf/orders/A"] = lambda asked: (
                kucoin.cancel("A") if server.count(ALTER) else None,
                find(asked),
            )[1]
        with pytest.raises(Unknown, match=told) as caught:
            await exchange.amend("A", "BTC/USDT", price=Decimal(91))
        assert ("Another order may have taken its place" in str(caught.value)) is reached

    at_kucoin(test, window=100)


def test_an_order_that_was_amended_into_this_one_before_is_not_what_took_its_place():
    async def test(kucoin, server, exchange):
        async def lost(request):
            kucoin.orders["B"].update(active=False, inOrderBook=False, dealSize="1", dealFunds="91")
            return await drops().act(request)

        kucoin.put("0", size="1", price="91", createdAt=server.now() - 60_000)
        kucoin.cancel("0")
        server.fail(ALTER, Fault(lost, is_after=True))
        assert (await exchange.amend("A", "BTC/USDT", price=Decimal(91))).id == "B"

    at_kucoin(test)


def test_an_amend_whose_answer_names_no_order_is_looked_for_as_if_it_were_lost():
    async def test(kucoin, server, exchange):
        server.fail(ALTER, answers(200, '{"code":"200000","data":{"clientOid":"c1"}}', is_after=True))
        assert (await exchange.amend("A", "BTC/USDT", price=Decimal(91))).id == "B"

    at_kucoin(test)


def test_what_filled_of_an_order_is_taken_off_the_one_that_took_its_place_where_the_exchange_does_not():
    async def test(kucoin, server, exchange):
        kucoin.orders["A"]["dealSize"] = "0.3"
        found = await exchange.amend("A", "BTC/USDT", amount=Decimal("1.2"))
        assert (found.amount, [one["size"] for one in kucoin.listed(True)]) == (Decimal("0.9"), ["0.9"])

    at_kucoin(test)


def test_an_order_that_is_amended_in_place_keeps_its_id_whatever_the_answer_calls_it():
    """CCXT takes Kraken's number of the amend for the order's."""

    async def test(server, exchange):
        _, sent = kraken(server)
        order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(29500)))
        found = await exchange.amend(order.id, "BTC/USDT", price=Decimal(29400), amount=Decimal("0.02"))
        assert (found.id, found.price, found.amount) == (order.id, Decimal(29400), Decimal("0.02"))
        assert (sent["txid"], sent["limit_price"], sent["order_qty"]) == (order.id, "29400", "0.02")

    run(test, id="kraken", credentials=KRAKEN)


@pytest.mark.parametrize("is_lost", [False, True])
def test_the_new_order_of_an_amend_at_bitget_has_a_client_id_that_is_known_before_it_is_sent(is_lost):
    async def test(server, exchange):
        orders = bitget(server)
        orders["1"]["baseVolume"] = "0.25"
        if is_lost:
            server.fail("POST /api/v2/spot/trade/cancel-replace-order", drops(is_after=True))
        found = await exchange.amend("1", "BTC/USDT", price=Decimal(91), new_id=lambda: "journalled")
        assert (found.id, found.client_id, found.price, found.amount) == (
            "2",
            "journalled",
            Decimal(91),
            Decimal(".75"),
        )
        assert [one["status"] for one in orders.values()] == ["cancelled", "live"]

    run(test, id="bitget", credentials=KEYS)


def test_a_price_of_nothing_is_refused_and_not_taken_for_unchanged():
    async def test(server, exchange):
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal(100)))
        for terms in ({"price": Decimal(0)}, {"stop": Decimal(0)}, {"amount": Decimal(0)}):
            with pytest.raises(Rejected) as caught:
                await exchange.amend("1", "BTC/USDT", **terms)
            assert caught.value.code == "INVALID_ORDER"
        assert server.count("POST /api/v3/order/cancelReplace") == 0

    run(test)


HALF = '{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE"}}'


def test_an_amend_that_cannot_be_made_smaller_by_what_filled_meanwhile_is_unknown_and_names_both_orders():
    async def test(server, exchange):
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal(100)))
        server.orders[1].update(status="PARTIALLY_FILLED", executedQty="0.02000")
        answer = server.answer

        def meanwhile(where, asked):
            if where.endswith("cancelReplace"):
                server.orders[1].update(executedQty="0.05000", status="NEW")
                server.fail("POST /api/v3/order/cancelReplace", answers(409, HALF))
            return answer(where, asked)

        server.answer = meanwhile
        with pytest.raises(Unknown, match="order 1 of BTC/USDT was replaced by 2, which may be larger") as caught:
            await exchange.amend("1", "BTC/USDT", price=Decimal(101))
        assert caught.value.code == "AMEND_FAILED"

    run(test)


def test_an_amend_that_was_sent_twice_on_the_way_is_found_in_the_order_that_the_first_one_made():
    async def test(server, exchange):
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal(100)))
        server.fail("POST /api/v3/order/cancelReplace", answers(409, HALF, is_after=True))
        assert (await exchange.amend("1", "BTC/USDT", price=Decimal(101))).id == "2"

    run(test)


def test_the_trigger_of_a_stop_is_said_once_and_in_the_exchanges_word():
    async def test(server, exchange):
        for price in (None, Decimal(111)):
            order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal(1), stop=Decimal(110), price=price))
            await exchange.amend(order.id, "BTC/USDT", stop=Decimal(120))
            asked = server.requests[-1][2]
            assert (asked["stopPrice"], "triggerPrice" in asked) == ("120", False)

    run(test)


# Stops of futures.

STOP = OrderRequest("BTC/USDT:USDT", Side.SELL, Decimal(1), stop=Decimal(300), reduce_only=True, client_id="first")


class Algo:
    """Binance's stops of futures, which are orders of another kind; the order of what was asked for them."""

    def __init__(self, server):
        self.stops, self.asked = {}, []
        server.answers |= {
            "POST /fapi/v1/algoOrder": self.place, "GET /fapi/v1/algoOrder": self.find,
            "DELETE /fapi/v1/algoOrder": self.cancel, "DELETE /fapi/v1/order": lambda _: missing(-2011),
        }  # fmt: skip

    def place(self, asked):
        self.asked.append(f"place {asked['triggerPrice']}")
        id = 1_000 + len(self.stops)
        self.stops[str(id)] = {
            "algoId": id, "clientAlgoId": asked["clientAlgoId"], "algoType": "CONDITIONAL", "symbol": "BTCUSDT",
            "orderType": asked["type"], "side": asked["side"], "positionSide": "BOTH", "timeInForce": "GTC",
            "quantity": asked["quantity"], "algoStatus": "NEW", "triggerPrice": asked["triggerPrice"], "price": "0",
            "reduceOnly": asked.get("reduceOnly") == "true", "createTime": 1, "updateTime": 1,
        }  # fmt: skip
        return self.stops[str(id)]

    def find(self, asked):
        for id, stop in self.stops.items():
            if asked.get("algoId") == id or asked.get("clientAlgoId") == stop["clientAlgoId"]:
                return stop
        return missing(-2013)

    def cancel(self, asked):
        stop = self.find(asked)
        self.asked.append(f"cancel {stop['triggerPrice']}")
        stop["algoStatus"] = "CANCELED"
        return {"algoId": stop["algoId"], "clientAlgoId": stop["clientAlgoId"], "code": "200", "msg": "success"}


def missing(number):
    raise code(number, "Order does not exist.")


def test_a_stop_of_futures_is_amended_by_another_that_stands_before_it_is_cancelled():
    async def test(server, exchange):
        algo = Algo(server)
        order = await exchange.place(STOP)
        found = await exchange.amend(order.id, STOP.symbol, stop=Decimal(310), new_id=lambda: "second")
        assert algo.asked == ["place 300", "place 310", "cancel 300"]
        assert (found.client_id, found.stop, found.amount, found.reduce_only) == ("second", Decimal(310), 1, True)
        assert [one["algoStatus"] for one in algo.stops.values()] == ["CANCELED", "NEW"]

    run(test, futures=True)


def test_where_the_other_stop_is_refused_the_first_one_stands():
    async def test(server, exchange):
        algo = Algo(server)
        order = await exchange.place(STOP)
        server.fail("POST /fapi/v1/algoOrder", answers(400, '{"code":-2021,"msg":"Order would immediately trigger."}'))
        with pytest.raises(Rejected) as caught:
            await exchange.amend(order.id, STOP.symbol, stop=Decimal(310))
        assert (caught.value.code, algo.asked) == ("STOP_WOULD_TRIGGER", ["place 300"])

    run(test, futures=True)


def test_two_stops_of_which_one_cannot_be_cancelled_are_both_named():
    async def test(server, exchange):
        Algo(server)
        order = await exchange.place(STOP)
        server.fail("DELETE /fapi/v1/algoOrder", answers(400, '{"code":-1102,"msg":"No."}'))
        with pytest.raises(Unknown, match="order 1001 of BTC/USDT:USDT stands in place of 1000, which may stand"):
            await exchange.amend(order.id, STOP.symbol, stop=Decimal(310))

    run(test, futures=True)


def test_a_stop_that_may_open_a_position_is_not_doubled():
    async def test(server, exchange):
        algo = Algo(server)
        order = await exchange.place(replace(STOP, reduce_only=False))
        with pytest.raises(Rejected, match="does not offer amending stops but those that reduce a position"):
            await exchange.amend(order.id, STOP.symbol, stop=Decimal(310))
        assert algo.asked == ["place 300"]

    run(test, futures=True)


def test_a_stop_at_okx_is_amended_where_its_stops_are():
    async def test(server, exchange):
        stops, asked = okx(server), []
        amend = server.answers["POST /api/v5/trade/amend-algos"]
        server.answers["POST /api/v5/trade/amend-algos"] = lambda given: (asked.append(given), amend(given))[1]
        order = await exchange.place(OrderRequest("BTC/USDT", Side.SELL, Decimal("0.5"), stop=Decimal(90)))
        found = await exchange.amend(order.id, "BTC/USDT", stop=Decimal(95))
        assert (found.id, found.stop, len(stops)) == (order.id, Decimal(95), 1)
        assert (asked[0]["algoId"], asked[0]["newTriggerPx"], asked[0]["newOrdPx"]) == (order.id, "95", "-1")

    run(test, id="okx", credentials=KEYS)
