"""Several orders in one request: each is placed once and gets its own answer."""

import json
from decimal import Decimal

from exchange.recorded import drops, run

from planar.errors import Rejected, Unknown
from planar.exchange.model import OrderRequest
from planar.model.order import Side

FUTURES = {"futures": True}


def buy(price, amount="0.01", **more):
    return OrderRequest("BTC/USDT", Side.BUY, Decimal(amount), price=Decimal(price), **more)


def batch(server, refuse=(), twice=()):
    """Futures' batchOrders: an order, or a code, for each."""

    def answer(asked):
        rows = []
        for one in json.loads(asked["batchOrders"]):
            if one["price"] in refuse:
                rows.append({"code": -2019, "msg": "Margin is insufficient."})
            elif one["price"] in twice:
                server.place(one)
                rows.append({"code": -4116, "msg": "ClientOrderId is duplicated."})
            else:
                rows.append(server.place(one))
        return rows

    server.answers["POST /fapi/v1/batchOrders"] = answer


def test_orders_go_out_in_batches_of_what_the_exchange_takes_each_with_its_answer():
    async def test(server, exchange):
        batch(server, refuse=("30002",))
        requests = [buy(30000 + i) for i in range(7)]
        requests[4] = buy(30004, "0.0000001")
        found = await exchange.place_all(requests)
        assert [getattr(one, "price", None) for one in found] == [
            Decimal(30000 + i) if i not in (2, 4) else None for i in range(7)
        ]
        assert [(type(found[i]), found[i].code) for i in (2, 4)] == [
            (Rejected, "INSUFFICIENT_FUNDS"),
            (Rejected, "BELOW_MIN_AMOUNT"),
        ]
        assert server.count("POST /fapi/v1/batchOrders") == 2
        assert len(server.orders) == 5

    run(test, **FUTURES)


def test_orders_of_a_batch_whose_answer_is_lost_are_found_one_by_one():
    async def test(server, exchange):
        batch(server)
        server.fail("POST /fapi/v1/batchOrders", drops(is_after=True))
        found = await exchange.place_all([buy(30000), buy(30001)])
        assert [one.price for one in found] == [Decimal(30000), Decimal(30001)]
        assert len(server.orders) == 2

    run(test, **FUTURES)


def test_an_order_of_a_batch_that_was_sent_twice_on_the_way_is_found_once():
    async def test(server, exchange):
        batch(server, twice=("30001",))
        found = await exchange.place_all([buy(30000, client_id="one"), buy(30001, client_id="two")])
        assert [one.client_id for one in found] == ["one", "two"]
        assert len(server.orders) == 2

    run(test, **FUTURES)


def test_orders_of_a_batch_that_never_arrived_are_unknown():
    async def test(server, exchange):
        server.fail("POST /fapi/v1/batchOrders", drops())
        found = await exchange.place_all([buy(30000), buy(30001)])
        assert [type(one) for one in found] == [Unknown, Unknown]
        assert server.orders == {}

    run(test, window=100, **FUTURES)


def test_an_answer_of_another_length_is_not_believed():
    async def test(server, exchange):
        batch(server)
        whole = server.answers["POST /fapi/v1/batchOrders"]
        server.answers["POST /fapi/v1/batchOrders"] = lambda asked: whole(asked)[:1]
        found = await exchange.place_all([buy(30000), buy(30001)])
        assert [one.price for one in found] == [Decimal(30000), Decimal(30001)]

    run(test, **FUTURES)
