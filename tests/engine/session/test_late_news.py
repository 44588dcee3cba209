"""What an exchange tells that the books do not expect: lost orders that turn up, fills after the end, odd fees."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from engine.session.trading import (
    SLOW,
    Once,
    Taker,
    check_books,
    exchange_at,
    running,
    session_at,
    settled,
    until,
    venue,
)

from planar.broker.gate import State
from planar.broker.journal import read
from planar.engine.session.archive import replayed
from planar.engine.session.words import sentences
from planar.errors import Rejected
from planar.exchange.model import Fill, Liquidity, OrderRequest
from planar.model.order import Reason, Side, Status
from planar.venue.chaos import Rule

pytestmark = pytest.mark.usefixtures("patient")

ORDER = "POST /api/v3/order"


def entries(folder, *kinds):
    return read(folder / "journal.sqlite", *kinds)


def adjusted(session):
    return [e.body for e in session._journal.entries("told") if e.body["what"] == "adjusted"]


def said(session, folder):
    """The journal in sentences."""
    return "\n".join(text for e in entries(folder) for text in sentences(session.origin, e.kind, e.body))


def fill_of(session, number=1, **changes):
    """A fill of an order of the session, as the exchange's stream would tell it."""
    sent = session.broker.orders.found("BTC/USDT", "", session_names(session)[number])
    usual = Fill(
        "900001", sent.exchange_id, "", "BTC/USDT", Side.BUY, Decimal("50000.00"), Decimal("0.00100"), Decimal("50"),
        Decimal("0.05"), "USDT", Liquidity.TAKER, session.clock(),
    )  # fmt: skip
    return replace(usual, **changes)


def session_names(session):
    return {e.body["order"]: e.body["client_id"] for e in session._journal.entries("intent")}


async def taken(session):
    """Waits until the order of `Taker` has filled and is over."""
    await until(lambda: session.recorder.trader.record["fills_n"] >= 1)
    await settled(session)


# Orders that were taken for lost.


async def lost_and_found(there, exchange, name):
    """Somebody on the way sends the order after all."""
    return await exchange.place(
        OrderRequest("BTC/USDT", Side.BUY, Decimal("0.001"), price=Decimal(10_000), client_id=name)
    )


@pytest.mark.slow
def test_an_order_that_was_taken_for_lost_and_turns_up_is_cancelled(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            there.add_chaos([Rule("drop", ORDER)])
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session):
                await until(lambda: entries(tmp_path / "one", "intent"))
                await settled(session)
                assert session.recorder.trader.order(1)["reason"] == Reason.NOT_SENT
                await lost_and_found(there, exchange, session_names(session)[1])
                await until(lambda: there.account.orders and not there.account.open)
                await settled(session)
                check_books(there, session)
            assert "is at the exchange as 1: it is cancelled" in said(session, tmp_path / "one")

    asyncio.run(scene())


@pytest.mark.slow
def test_an_order_that_turns_up_while_the_session_is_away_is_cancelled_when_it_is_back(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            there.add_chaos([Rule("drop", ORDER)])
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session):
                await until(lambda: entries(tmp_path / "one", "intent"))
                await settled(session)
                name = session_names(session)[1]
            await lost_and_found(there, exchange, name)
            async with running(session := session_at(tmp_path / "one", exchange, Once)):
                await until(lambda: not there.account.open)
                await settled(session)
                check_books(there, session)
            assert len(entries(tmp_path / "one", "ghost")) == 1

    asyncio.run(scene())


@pytest.mark.slow
def test_what_an_order_traded_that_was_taken_for_lost_is_booked(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            there.add_chaos([Rule("drop", ORDER)])
            async with running(session := session_at(tmp_path / "one", exchange, Once)) as work:
                await until(lambda: session_names(session))
                await settled(session)
                name = session_names(session)[1]
                await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.001"), client_id=name))
                await until(lambda: session.recorder.trader.base(0)[0] > 0)
                await settled(session)
                check_books(there, session)
                assert not work.done()

    asyncio.run(scene())


@pytest.mark.slow
def test_an_order_whose_connector_broke_is_looked_for(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            place = exchange.place

            async def broken(request):
                await place(request)
                raise KeyError("orderId")

            exchange.place = broken
            async with running(session_at(tmp_path / "one", exchange, Once)) as work:
                await until(lambda: entries(tmp_path / "one", "unknown"))
                await until(lambda: len(there.account.open) == 1)
                assert not work.done()
            async with running(session := session_at(tmp_path / "one", exchange, Once)):
                assert session.recorder.trader.order(1)["status"] == Status.OPEN
                check_books(there, session)

    asyncio.run(scene())


@pytest.mark.slow
def test_a_doubt_that_comes_up_while_the_session_closes_is_left_to_whoever_goes_on(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            sent, place = asyncio.Event(), exchange.place

            async def slowly(request):
                await place(request)
                sent.set()
                await asyncio.sleep(0.5)
                raise KeyError("orderId")

            exchange.place = slowly
            before = asyncio.all_tasks()
            async with running(session := session_at(tmp_path / "one", exchange, Once)):
                await sent.wait()
            assert session.broker._doubts == set()
            exchange.place = place
            assert not [task for task in asyncio.all_tasks() - before if "Search" in repr(task)]
            async with running(session := session_at(tmp_path / "one", exchange, Once)):
                check_books(there, session)
                assert session.recorder.trader.order(1)["status"] == Status.OPEN

    asyncio.run(scene())


# Questions that the exchange refuses to answer.

NO_KEY = {"what": "answer", "count": 0, "status": 401, "code": -2015, "text": "Invalid API-key, IP, or permissions."}


@pytest.mark.slow
def test_a_start_whose_orders_may_not_be_asked_for_ends_with_the_exchanges_reason(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there:
            async with exchange_at(there.port) as exchange, running(session_at(tmp_path / "one", exchange, Once)):
                await until(lambda: there.account.open)
            there.add_chaos([Rule(on="GET /api/v3/order", **NO_KEY)])
            async with exchange_at(there.port) as exchange:
                with pytest.raises(Rejected, match="API-key") as caught:
                    async with asyncio.timeout(20), session_at(tmp_path / "one", exchange, Once):
                        pass
            assert caught.value.code == "AUTHENTICATION"

    asyncio.run(scene())


@pytest.mark.slow
def test_fills_that_may_not_be_asked_for_end_the_session_with_the_exchanges_reason(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session) as work:
                await until(lambda: there.account.open and session.broker.orders[1].exchange_id)
                there.add_chaos([Rule(on="GET /api/v3/myTrades", **NO_KEY)])
                order = session.broker.orders[1].seen[session.broker.orders[1].exchange_id]
                session.broker.hear_order(replace(order, filled=Decimal("0.001")))
                with pytest.raises(Rejected, match="API-key"):
                    async with asyncio.timeout(20):
                        await work
            assert not session.broker.orders[1].is_asking

    asyncio.run(scene())


# Fills after the end, and fees.


def test_a_fill_after_the_end_is_booked_and_the_session_goes_on(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Taker)
            async with running(session) as work:
                await taken(session)
                trader = session.recorder.trader
                cash, base, steps = trader.cash()[0], trader.base(0)[0], int(trader.record["steps"])
                late = fill_of(session)
                for _ in range(2):
                    session.broker.hear_fill(late)
                assert cash - trader.cash()[0] == 5_005_000_000  # 50 and a fee of 0.05, in units of 1e-8
                assert trader.base(0)[0] - base == 100_000
                await until(lambda: trader.record["steps"] > steps + 2)
                assert not work.done()
                assert session.broker.gate.state is State.ACTIVE
                books = trader.cash(), trader.base(0)
            async with running(session := session_at(tmp_path / "one", exchange, Taker)):
                trader = session.recorder.trader
                session.broker.hear_fill(late)
                assert (trader.cash(), trader.base(0)) == books
                [told] = adjusted(session)
            assert told["why"] == "fill 900001 of order 1 came after its end"
            assert replayed(entries(tmp_path / "one")).cash() == books[0]
            assert "books corrected by -50.05 USDT and 0.001 BTC" in said(session, tmp_path / "one")

    asyncio.run(scene())


@pytest.mark.slow
def test_a_late_fill_that_the_books_cannot_pay_leaves_the_session_reducing(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Taker)
            async with running(session) as work:
                await taken(session)
                session.broker.hear_fill(fill_of(session, amount=Decimal(1), cost=Decimal(50_000)))
                assert session.broker.gate.state is State.REDUCING
                assert "`planar adopt` shows what the account has beside" in session.broker.gate.why
                assert not work.done()
            async with running(session := session_at(tmp_path / "one", exchange, Taker)):
                assert session.broker.gate.state is State.REDUCING

    asyncio.run(scene())


@pytest.mark.slow
def test_the_fee_of_a_sale_that_is_taken_in_base_is_taken_from_the_books(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session):
                await until(lambda: there.account.open and session.broker.orders[1].exchange_id)
                trader, broker = session.recorder.trader, session.broker
                broker.hear_fill(fill_of(session, fee=Decimal("0.00001"), fee_currency="BTC"))
                assert trader.base(0)[0] == 99_000
                assert adjusted(session) == []  # of a buy it is the kernel's
                sale = fill_of(session, id="900002", side=Side.SELL, fee=Decimal("0.00002"), fee_currency="BTC")
                broker.hear_fill(sale)
                assert adjusted(session)[0]["numbers"] == [0, -2_000]

    asyncio.run(scene())


@pytest.mark.slow
def test_a_fee_in_a_third_currency_is_told_and_not_booked(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session):
                await until(lambda: there.account.open and session.broker.orders[1].exchange_id)
                cash = session.recorder.trader.cash()[0]
                session.broker.hear_fill(fill_of(session, fee=Decimal("0.01"), fee_currency="BNB"))
                assert cash - session.recorder.trader.cash()[0] == 5_000_000_000
            assert "fee 0.01 BNB, which is not in the books" in said(session, tmp_path / "one")

    asyncio.run(scene())


@pytest.mark.slow
def test_fills_finer_than_the_books_count_are_remembered_as_the_exchange_told_them(tmp_path):
    fine = Decimal("0.000999999999999")

    async def scene():
        async with venue(speed=SLOW) as there, exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange, Once)
            async with running(session):
                await until(lambda: there.account.open and session.broker.orders[1].exchange_id)
                session.broker.hear_fill(fill_of(session, amount=fine))
            async with running(session := session_at(tmp_path / "one", exchange, Once)):
                assert list(session.broker.orders[1].booked.values()) == [fine]

    asyncio.run(scene())
