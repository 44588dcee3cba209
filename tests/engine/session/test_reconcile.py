"""A session's books and its account: what differs is explained, what is missing restricts, and nothing else does."""

import asyncio
from decimal import Decimal

import pytest
from engine.session.trading import check_books, exchange_at, settled, venue
from engine.session.watched import Holds, running, told, until

from planar import Strategy
from planar.broker.gate import State
from planar.exchange.model import OrderRequest
from planar.model.order import Side
from planar.venue.chaos import rules_of


class Rests(Strategy):
    """Buys once, and rests a far limit in each market."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    done = 0

    def on_candle(self, candle, broker):
        if self.done == 0:
            broker.buy(cost=500.0)
        elif self.done == 1:
            broker.buy(cost=100.0, price=candle.close * 0.5)
        self.done += 1

    def on_order_error(self, order, broker):
        if order.status != 4:  # CANCELLED
            self.done = 0 if broker.is_flat else 1


def differences(folder):
    """What was explained, in order; the first entry is that of the beginning."""
    return [each for body in told(folder, "reconciled") for each in body["differences"]]


async def compared(session):
    """Waits for the comparison of the beginning."""
    await until(lambda: session.safety.reconciler._known is not None)


async def resting(there, session):
    await until(lambda: len(there.account.open) == 2)
    await settled(session)
    await compared(session)


def test_books_that_agree_are_said_to_once(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, Rests) as one:
            await resting(there, one)
            await asyncio.sleep(2.0)

    asyncio.run(scene())
    [body] = told(tmp_path / "one", "reconciled")
    assert (body["differences"], body["lacking"]) == ([], {})
    assert told(tmp_path / "one", "state") == []


def test_a_deposit_and_a_withdrawal_of_what_is_not_the_sessions_are_reported_and_that_is_all(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, Rests, cash=Decimal(2_000)) as one:
            await resting(there, one)
            there.floor.deposit(there.account, "USDT", Decimal(50))
            await until(lambda: differences(tmp_path / "one"))
            there.floor.deposit(there.account, "USDT", Decimal(-250))
            await until(lambda: len(differences(tmp_path / "one")) == 2)
            assert one.broker.gate.state is State.ACTIVE

    asyncio.run(scene())
    found = [(each["what"], each["currency"], Decimal(each["amount"])) for each in differences(tmp_path / "one")]
    assert found == [("came in", "USDT", 50), ("went out", "USDT", 250)]


@pytest.mark.slow
def test_what_somebody_took_restricts_the_session_until_it_is_back(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, Rests) as one:
            await resting(there, one)
            there.floor.deposit(there.account, "BTC", Decimal("-0.005"))
            await until(lambda: one.broker.gate.state is State.REDUCING)
            await until(lambda: not there.account.open)  # entries; exits would stay
            there.floor.deposit(there.account, "BTC", Decimal("0.005"))
            await until(lambda: one.broker.gate.state is State.ACTIVE)

    asyncio.run(scene())
    why = told(tmp_path / "one", "state")[0]["why"]
    assert why.startswith("The books do not balance: 0.005 of the session's ")
    assert why.endswith("Put that back, or let the books follow with `planar adopt`; until then no new positions.")


@pytest.mark.slow
def test_a_trade_by_hand_is_told_and_left_alone(tmp_path):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as hand,
            running(tmp_path / "one", there, Rests, cash=Decimal(2_000)) as one,
        ):
            await resting(there, one)
            await hand.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(300)))
            await until(lambda: differences(tmp_path / "one"))
            assert one.broker.gate.state is State.ACTIVE
            await asyncio.sleep(1.0)

    asyncio.run(scene())
    [trade] = differences(tmp_path / "one")
    assert (trade["what"], trade["symbol"], trade["side"]) == ("traded by others", "BTC/USDT", "buy")
    assert Decimal(trade["amount"]) * Decimal(trade["price"]) == pytest.approx(300, rel=0.01)


@pytest.mark.slow
def test_an_order_that_somebody_cancelled_is_told_to_be_so(tmp_path):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as hand,
            running(tmp_path / "one", there, Rests) as one,
        ):
            await resting(there, one)
            first = next(iter(there.account.open.values()))
            await hand.cancel(str(first.id), "BTC/USDT" if first.ticket.listing.index == 0 else "ETH/USDT")
            await until(lambda: differences(tmp_path / "one"))
            assert sum(len(one.recorder.trader.open_records(k)) for k in range(2)) == 1

    asyncio.run(scene())
    [each] = differences(tmp_path / "one")
    assert (each["what"], each["order"]) == ("cancelled by others", 3)


@pytest.mark.slow
def test_what_happened_while_the_session_was_away_is_told_when_it_comes_back(tmp_path):
    async def scene():
        async with venue() as there, exchange_at(there.port) as hand:
            async with running(tmp_path / "one", there, Rests, cash=Decimal(2_000)) as one:
                await resting(there, one)
            orders = list(there.account.open.values())
            await hand.cancel(str(orders[0].id), "BTC/USDT")
            await hand.place(OrderRequest("ETH/USDT", Side.BUY, cost=Decimal(100)))
            there.floor.deposit(there.account, "USDT", Decimal(70))
            async with running(tmp_path / "one", there, Rests) as one:
                assert one.broker.gate.state is State.ACTIVE
                known = differences(tmp_path / "one")
                assert sorted(each["what"] for each in known) == [
                    "adopted", "came in", "cancelled by others", "traded by others",
                ]  # fmt: skip
                await asyncio.sleep(1.0)

    asyncio.run(scene())
    assert len(differences(tmp_path / "one")) == 4, "each is told once"


@pytest.mark.slow
def test_a_position_that_somebody_opened_by_hand_is_not_the_sessions(tmp_path):
    async def scene():
        held = {"USDT": Decimal(10_000), "BTC": Decimal(1)}
        async with venue(balances=held) as there, running(tmp_path / "one", there, Rests) as one:
            await resting(there, one)
            assert one.recorder.trader.base(0)[0] < 10**8
            assert one.broker.gate.state is State.ACTIVE

    asyncio.run(scene())
    [body] = told(tmp_path / "one", "reconciled")
    assert body["beside"] == {"USDT": "0", "BTC": "1", "ETH": "0"}


def test_a_session_whose_base_was_sold_by_hand_while_it_was_away_comes_back_reducing(tmp_path):
    async def scene():
        async with venue() as there, exchange_at(there.port) as hand:
            async with running(tmp_path / "one", there, Rests) as one:
                await resting(there, one)
            await hand.place(OrderRequest("BTC/USDT", Side.SELL, amount=Decimal("0.01")))
            async with running(tmp_path / "one", there, Rests) as one:
                assert one.broker.gate.state is State.REDUCING

    asyncio.run(scene())
    assert "0.01 of the session's" in told(tmp_path / "one", "state")[-1]["why"]


CHAOS = [
    {"what": "lose", "on": "stream user", "count": 6, "after": 2},
    {"what": "duplicate", "on": "stream user", "count": 10, "after": 10},
    {"what": "reorder", "on": "stream user", "count": 10, "after": 30},
    {"what": "accept_then_drop", "on": "POST /api/v3/order", "count": 3, "after": 3},
    {"what": "delay", "on": "POST /api/v3/order", "count": 5, "after": 8, "seconds": 0.6},
    {"what": "delay", "on": "GET /api/v3/account", "count": 8, "after": 2, "seconds": 0.5},
    {"what": "503", "on": "GET /api/v3/myTrades", "count": 4, "after": 2},
    {"what": "truncate", "on": "GET /api/v3/account", "count": 3, "after": 12},
]


@pytest.mark.slow
def test_no_fault_of_the_exchange_is_taken_for_missing_money(tmp_path):
    async def scene():
        async with venue(chaos=tuple(rules_of(CHAOS))) as there, running(tmp_path / "one", there) as one:
            await until(lambda: len(there.account.executions) > 20, 40)
            one.quiet()
            await settled(one, 30)
            await asyncio.sleep(1.5)
            check_books(there, one)
            assert one.broker.gate.state is State.ACTIVE

    asyncio.run(scene())
    assert told(tmp_path / "one", "state") == []
    assert {each["what"] for each in differences(tmp_path / "one")} <= set()


@pytest.mark.slow
def test_what_happened_while_a_stream_was_cut_is_compared_as_soon_as_it_is_heard_again(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, Rests) as one:
            one.safety.reconciler.period = 600.0
            await resting(there, one)
            await asyncio.sleep(1.0)
            there.floor.deposit(there.account, "USDT", Decimal(50))
            await asyncio.sleep(1.0)
            assert differences(tmp_path / "one") == []
            await there.sockets.close(abruptly=True)
            await until(lambda: differences(tmp_path / "one"))

    asyncio.run(scene())


@pytest.mark.slow
def test_a_session_that_asks_for_more_all_the_time_is_compared_all_the_same(tmp_path):
    async def scene():
        async with venue(speed=60.0) as there, running(tmp_path / "one", there, Holds) as one:
            await compared(one)
            there.floor.deposit(there.account, "USDT", Decimal(50))
            await until(lambda: differences(tmp_path / "one"))
            assert one.broker.gate.state is State.ACTIVE

    asyncio.run(scene())


ALL = [
    ("lose", "stream user"), ("duplicate", "stream user"), ("reorder", "stream user"), ("freeze", "stream user"),
    ("accept_then_drop", "POST /api/v3/order"), ("accept_then_5xx", "POST /api/v3/order"),
    ("delay", "POST /api/v3/order"), ("reject", "POST /api/v3/order"), ("partial", "POST /api/v3/order"),
    ("delay", "GET /api/v3/account"), ("truncate", "GET /api/v3/account"), ("503", "GET /api/v3/myTrades"),
    ("html", "GET /api/v3/openOrders"), ("drop", "GET *"),
]  # fmt: skip


@pytest.mark.slow
def test_two_minutes_of_faults_are_not_taken_for_missing_money(tmp_path, capsys):
    async def scene():
        async with venue(speed=240.0) as there, running(tmp_path / "one", there) as one:
            for number in range(80):
                what, on = ALL[number % len(ALL)]
                there.add_chaos(rules_of([{"what": what, "on": on, "count": 3, "seconds": 0.6}]))
                if number % 10 == 9:
                    await there.sockets.close(abruptly=True)
                await asyncio.sleep(1.5)
            one.quiet()
            await settled(one, 60)
            await asyncio.sleep(3.0)
            check_books(there, one)
            with capsys.disabled():
                print(f"{len(there.account.orders)} orders, {len(there.account.executions)} fills under 80 faults")

    asyncio.run(scene())
    assert (told(tmp_path / "one", "state"), differences(tmp_path / "one")) == ([], [])
