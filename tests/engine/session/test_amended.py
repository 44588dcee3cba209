"""An order that another replaces: what fills of either is of the one that the strategy asked for."""

import asyncio
from dataclasses import replace

import pytest
from engine.session.trading import (
    SLOW,
    Amender,
    Chaser,
    Once,
    check_books,
    exchange_at,
    running,
    session_at,
    settled,
    until,
    venue,
)  # fmt: skip

from planar.errors import Rejected
from planar.model.order import Event, Status
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig

pytestmark = pytest.mark.usefixtures("patient")

PARTLY = Rule("partial", "POST /api/v3/order", share=1e-4)
THIN = replace(VenueConfig().model, participation=1e-5)
"""Of what trades, resting orders get next to nothing."""


async def nobody(*_, **__):
    """Nobody is asked."""
    await asyncio.Event().wait()


class Gives(Once):
    """Rests one order, and gives it up two candles later."""

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            broker.buy(cost=100.0, price=candle.close * 0.5)
        elif self.count == 6:
            broker.cancel_all()


def events(session, kind):
    """How often the books were told that of order 1."""
    told = session.recorder.trader.log("events", 0)
    return int(((told["order"] == 0) & (told["kind"] == kind)).sum())


def names(session):
    return [e.body["client_id"] for e in session._journal.entries("intent")]


@pytest.mark.slow
def test_fills_that_are_heard_before_the_answer_to_the_amend_are_of_the_order(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            amend, answered = exchange.amend, []

            async def slowly(*arguments, **named):
                order = await amend(*arguments, **named)
                await until(lambda: session.recorder.trader.record["fills_n"] > 0)
                answered.append(order.id)
                return order

            exchange.amend = slowly
            async with running(session := session_at(tmp_path / "one", exchange, Chaser)) as work:
                await until(lambda: answered or work.done())
                await settled(session)
                assert len(check_books(there, session)) == 2
                assert events(session, Event.AMENDED) == 1
                assert session.recorder.trader.order(1)["status"] == Status.FILLED

    asyncio.run(scene())


def broken(method, times=1):
    """It does what it is asked for, and raises what nobody knows."""
    left = [times]

    async def call(*arguments, **named):
        answer = await method(*arguments, **named)
        left[0] -= 1
        if left[0] >= 0:
            raise KeyError("orderId")
        return answer

    return call


@pytest.mark.slow
def test_an_amend_and_a_cancel_whose_connector_broke_are_looked_for(tmp_path):
    async def scene():
        async with venue(speed=SLOW, model=THIN) as there, exchange_at(there.port) as exchange:
            there.add_chaos([PARTLY])
            exchange.amend, exchange.cancel = broken(exchange.amend), broken(exchange.cancel)
            async with running(session := session_at(tmp_path / "one", exchange, Amender)) as work:
                await until(lambda: session.recorder.trader.record["orders_n"] and not session.broker.orders)
                await settled(session)
                check_books(there, session)
                assert (events(session, Event.AMENDED), len(there.account.open)) == (1, 0)
                assert not work.done()

    asyncio.run(scene())


@pytest.mark.slow
def test_an_order_that_filled_in_part_before_it_was_replaced_keeps_what_it_filled(tmp_path):
    async def scene():
        async with venue(speed=SLOW, model=THIN) as there, exchange_at(there.port) as exchange:
            there.add_chaos([PARTLY])
            async with running(session := session_at(tmp_path / "one", exchange, Amender)):
                await until(lambda: events(session, Event.AMENDED) == 1)
                await settled(session)
                check_books(there, session)
                order = session.recorder.trader.order(1)
                assert 0 < order["filled"] < order["amount"]
                assert order["status"] in (Status.OPEN, Status.PARTIAL)
                await until(lambda: not there.account.open)
                await settled(session)
                check_books(there, session)
                order = session.recorder.trader.order(1)
                assert (order["status"], events(session, Event.AMENDED)) == (Status.CANCELLED, 1)

    asyncio.run(scene())


@pytest.mark.slow
def test_an_order_of_several_names_is_gone_on_with_under_the_last(tmp_path):
    folder = tmp_path / "one"

    async def scene():
        async with venue(speed=SLOW, model=THIN) as there:
            there.add_chaos([PARTLY])
            async with exchange_at(there.port) as exchange, running(session := session_at(folder, exchange, Amender)):
                await until(lambda: events(session, Event.AMENDED) == 1)
            async with exchange_at(there.port) as exchange, running(session := session_at(folder, exchange, Amender)):
                [open_] = there.account.open.values()
                sent = session.broker.orders[1]
                assert sent.names == names(session)
                assert len(sent.names) >= 2
                assert (sent.exchange_id, sent.names[-1]) == (str(open_.id), open_.ticket.client_id)
                assert session.recorder.trader.order(1)["filled"] > 0
                check_books(there, session)
                await until(lambda: not there.account.open)
                await settled(session)
                check_books(there, session)

    asyncio.run(scene())


def test_an_order_that_ended_while_an_amend_of_it_was_on_its_way_ends_when_that_is_refused(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:

            async def late(id, symbol, **_):
                await exchange.cancel(id, symbol)
                await until(lambda: session.broker.orders[1].ends)
                raise Rejected("it is over", exchange="binance", code="ORDER_DONE")

            exchange.amend = late
            async with running(session := session_at(tmp_path / "one", exchange, Chaser)):
                session.broker.look_for = nobody  # it is known already
                await until(lambda: session.recorder.trader.record["amends_n"] and not session.broker.orders)
                check_books(there, session)
                assert session.recorder.trader.order(1)["status"] == Status.CANCELLED

    asyncio.run(scene())


async def deaf(there, session):
    """An order rests. What becomes of it is told by no stream any more, nor found by those who ask now and then."""
    await until(lambda: there.account.open)
    for watcher in session.exchange.streams._watchers.values():
        for asking in filter(None, (watcher._standing, watcher._auditing)):
            asking.cancel()
    there.add_chaos([Rule("lose", "stream user", count=0)])
    session.safety.reconciler._ask = nobody
    return next(iter(there.account.open.values()))


async def over(session):
    """The order is over in the books at once."""
    await until(lambda: session.recorder.trader.record["orders_n"] and not session.broker.orders, 5.0)


@pytest.mark.parametrize("refusal", [None, (400, -2011, "Unknown order sent."), (400, -2013, "Order does not exist.")])
def test_an_order_whose_amend_is_refused_since_it_is_over_is_looked_up_at_once(tmp_path, refusal):
    """It ended untold, before the amend was asked for or on its way; refused in the exchange's words."""

    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            ask = exchange.order

            async def cancelled(id, symbol, **named):
                exchange.order, found = ask, await ask(id, symbol, **named)
                there.account.cancel(order, there.clock.now())
                return found if refusal else await ask(id, symbol, **named)

            if refusal:
                words = dict(zip(("status", "code", "text"), refusal, strict=True))
                there.add_chaos([Rule("answer", "POST /api/v3/order/cancelReplace", **words)])
            async with running(session := session_at(tmp_path / "one", exchange, Chaser)):
                order = await deaf(there, session)
                exchange.order = cancelled
                await until(lambda: session.recorder.trader.record["amends_n"])
                await over(session)
                check_books(there, session)
                assert session.recorder.trader.order(1)["status"] == Status.CANCELLED
                assert events(session, Event.AMEND_REJECTED) == 1

    asyncio.run(scene())


def test_an_order_whose_cancel_is_refused_since_it_is_over_is_looked_up_at_once(tmp_path):
    """The exchange knows nothing of it for a moment: neither to cancel nor to tell of."""

    async def scene():
        async with (
            venue(speed=SLOW) as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Gives)),
        ):
            order = await deaf(there, session)
            there.account.cancel(order, there.clock.now())
            there.add_chaos([Rule("answer", "GET /api/v3/order", status=400, code=-2013, text="No such order.")])
            await over(session)
            check_books(there, session)
            assert session.recorder.trader.order(1)["status"] == Status.CANCELLED
            told = [e.body["what"] for e in session._journal.entries("told")]
            assert "not_cancelled" in told

    asyncio.run(scene())


def test_an_order_that_stands_after_all_stays(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            words = {"status": 400, "code": -2011, "text": "Unknown order sent."}
            there.add_chaos([Rule("answer", "POST /api/v3/order/cancelReplace", **words)])
            async with running(session := session_at(tmp_path / "one", exchange, Chaser)) as work:
                await until(lambda: events(session, Event.AMEND_REJECTED))
                await until(lambda: not session.broker._doubts)
                await settled(session)
                check_books(there, session)
                assert (len(there.account.open), work.done()) == (1, False)

    asyncio.run(scene())
