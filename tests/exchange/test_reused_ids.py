"""A client id that was given before: no older order under it is taken for the new one."""

from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from exchange.recorded import Fault, answers, drops, run

from planar.errors import Rejected, Unknown
from planar.exchange.model import OrderRequest
from planar.exchange.sightings import Sightings
from planar.model.order import Side, Status

LIMIT = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal("100"), client_id="grid-1")
TWICE = '{"code":-2010,"msg":"Duplicate order sent."}'


def test_an_order_that_was_cancelled_a_moment_ago_is_not_the_lost_one_under_its_name():
    async def test(server, exchange):
        first = await exchange.place(LIMIT)
        await exchange.cancel(first.id, "BTC/USDT")
        server.fail("POST /api/v3/order", drops())
        with pytest.raises(Unknown, match="Order 1, under the same id, is CANCELLED and is not it"):
            await exchange.place(LIMIT)

    run(test, window=100)


def test_the_lost_order_is_found_though_it_comes_late_and_an_older_one_has_its_name():
    async def test(server, exchange):
        first = await exchange.place(LIMIT)
        await exchange.cancel(first.id, "BTC/USDT")
        asked = {}

        async def kept(request):
            asked.update(parse_qsl((await request.read()).decode()))
            request.transport.abort()
            return web.Response()

        async def late(request):
            answer = server.find({"origClientOrderId": "grid-1"}, -2013)
            server.place(asked)
            return web.json_response(answer)

        server.fail("POST /api/v3/order", Fault(kept))
        server.fail("GET /api/v3/order", Fault(late))
        found = await exchange.place(LIMIT)
        assert (found.id, found.status) == ("2", Status.OPEN)

    run(test, window=3_000)


def test_the_lost_order_is_found_among_open_ones_where_its_name_leads_to_an_older_one():
    async def test(server, exchange):
        first = await exchange.place(LIMIT)
        await exchange.cancel(first.id, "BTC/USDT")
        server.answers["GET /api/v3/order"] = lambda asked: server.orders[1]
        server.fail("POST /api/v3/order", drops(is_after=True))
        assert (await exchange.place(LIMIT)).id == "2"

    run(test)


def test_an_order_that_another_process_gave_the_same_name_long_ago_is_not_the_lost_one():
    async def test(server, exchange):
        await exchange.place(LIMIT)
        server.orders[1].update(status="FILLED", time=server.now() - 60_000)
        exchange.seen = Sightings()
        server.fail("POST /api/v3/order", drops())
        with pytest.raises(Unknown, match="older, or of other terms"):
            await exchange.place(LIMIT)

    run(test, window=100)


def test_a_name_that_an_open_order_has_is_refused_and_that_order_is_told():
    async def test(server, exchange):
        await exchange.place(LIMIT)
        with pytest.raises(Rejected, match="Order 1, which is OPEN, has this one") as caught:
            await exchange.place(LIMIT)
        assert caught.value.code == "DUPLICATE_ORDER_ID"
        with pytest.raises(Rejected, match="Order 1, which is OPEN, has this one"):
            await exchange.place(replace(LIMIT, amount=Decimal("0.2")))

    run(test, window=10_000)  # that is told at once


def test_a_named_order_that_was_sent_twice_on_the_way_is_the_one_that_was_taken():
    async def test(server, exchange):
        server.fail("POST /api/v3/order", answers(400, TWICE, is_after=True))
        found = await exchange.place(LIMIT)
        assert (found.id, found.status, len(server.orders)) == ("1", Status.OPEN, 1)

    run(test)


def test_a_name_that_is_refused_though_nobody_is_seen_to_have_it_may_have_been_taken_for_this_order():
    async def test(server, exchange):
        server.fail("POST /api/v3/order", answers(400, TWICE))
        with pytest.raises(Unknown, match="No order under client id grid-1 was seen") as caught:
            await exchange.place(LIMIT)
        assert caught.value.code == "DUPLICATE_ORDER_ID"

    run(test, window=100)


def test_what_was_seen_is_remembered_by_turns_and_not_without_end():
    async def test(server, exchange):
        for number in range(3):
            await exchange.place(replace(LIMIT, client_id=f"grid-{number}"))
        first, second, third = await exchange.open_orders("BTC/USDT")
        seen = Sightings(room=2)
        seen.saw(first)
        turn = seen.turn
        seen.saw(second)
        assert (seen.had(first, turn), seen.had(second, turn), seen.had(second, seen.turn)) == (True, False, True)
        seen.saw(third)
        assert (seen.had(first, seen.turn), seen.had(third, seen.turn)) == (False, True)

    run(test)
