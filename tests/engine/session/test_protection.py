"""What protects a position is at the exchange, or is brought there; how long it was not is measured and told."""

import asyncio
import contextlib
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from engine.session.trading import (
    SLOW,
    SYMBOLS,
    check_books,
    exchange_at,
    running,
    session_at,
    settled,
    venue,
)
from engine.session.trading import until as waited

from planar import Strategy, param
from planar.broker.naked import nakedness_of
from planar.engine.session import decisions
from planar.engine.session.archive import journal, replayed
from planar.engine.session.live import LiveSession, Wish
from planar.exchange.model import OrderRequest
from planar.model.order import Event, Kind, Reason, Side, Status
from planar.venue.chaos import Rule

ORDER = "POST /api/v3/order"
REFUSAL = "Account has insufficient balance for requested action."
TOO_MANY = "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."


@pytest.fixture(autouse=True)
def usual(patient):
    """Nothing is late on a busy machine."""


@pytest.fixture
def late(usual, monkeypatch):
    """What a candle of these tests is behind is late, and nothing else."""
    monkeypatch.setattr(decisions, "STALE_SHARE", 1.0)
    monkeypatch.setattr(decisions, "STALE_MS", 10**12)


class Trails(Strategy):
    """Buys bitcoin, protects it far below, and once moves the stop to where the market has already been."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    entry = 0
    stop = 0
    count = 0
    refused = 0

    def on_candle(self, candle, broker):
        if candle.close < 10_000:
            return
        if self.entry == 0:
            self.entry = broker.buy(cost=500.0)
        elif broker.is_long and self.stop == 0:
            self.stop = broker.sell(broker.position, stop=candle.close * 0.5)
        elif self.stop > 0 and broker.order(self.stop).is_open:
            self.count += 1
            if self.count == 3:
                broker.amend(self.stop, stop=candle.close * 1.2)

    def on_order_error(self, order, broker):
        self.refused += 1
        broker.log("refused {}", order.reason)


@contextlib.asynccontextmanager
async def troubled(*rules, **changes):
    """A venue that is to lie from the beginning."""
    async with venue(speed=SLOW, **changes) as there:
        there.add_chaos(rules)
        yield there


async def until(holds):
    """Waits until something holds, on a busy machine as well."""
    await waited(holds, 60.0)


def told(folder, kind):
    return [entry.body for entry in journal(folder) if entry.kind == kind]


def alarms(folder):
    return [body["text"] for body in told(folder, "alarm") if body["topic"] == "protection"]


def stops(there):
    """Those that are open at the venue."""
    return [one for one in there.account.open.values() if one.ticket.waits]


def happened(session, kind):
    """How often the books were told that."""
    return int((session.recorder.trader.log("events", 0)["kind"] == kind).sum())


def test_a_stop_whose_amend_was_refused_after_it_was_cancelled_stands_again_with_its_old_terms(tmp_path):
    async def scene():
        async with (
            venue(speed=SLOW) as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Trails, compiled=False)) as work,
        ):
            await until(lambda: work.done() or happened(session, Event.AMEND_REJECTED))
            await settled(session)
            assert not work.done()
            [stop] = stops(there)
            order = session.recorder.trader.order(2)
            assert (order["status"], order["stop"]) == (Status.OPEN, stop.ticket.stop)
            assert stop.ticket.units == order["amount"]
            names = check_books(there, session)
            assert len(names) == 3  # the purchase, the stop, the stop again
            assert session.broker.orders[2].names[-1] == stop.ticket.client_id

    asyncio.run(scene())
    assert alarms(tmp_path / "one") == []
    assert [body["is_beyond"] for body in told(tmp_path / "one", "stood")] == [False]
    [not_amended] = [body for body in told(tmp_path / "one", "told") if body["what"] == "not_amended"]
    assert not_amended["numbers"][2] != Reason.NOT_SENT
    bitcoin, ether = nakedness_of(journal(tmp_path / "one"), 2)
    assert (bitcoin.count, bitcoin.since, ether.count) == (2, None, 0)


def falls_to(exchange, share):
    """The exchange says that bitcoin trades at that share of what it does."""
    ticker = exchange.ticker

    async def told(symbol):
        found = await ticker(symbol)
        return replace(found, last=found.last * share)

    exchange.ticker = told


def test_where_the_market_is_beyond_its_trigger_the_position_is_sold_at_once_as_the_same_order(tmp_path):
    async def scene():
        async with (
            venue(speed=SLOW) as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Trails, compiled=False)),
        ):
            falls_to(exchange, Decimal("0.4"))
            await until(lambda: session.recorder.trader.record["fills_n"] >= 2)
            await settled(session)
            order = session.recorder.trader.order(2)
            assert (order["status"], order["kind"], order["form"]) == (Status.FILLED, Kind.STOP, Kind.MARKET)
            assert not there.account.open
            check_books(there, session)
        again = replayed(journal(tmp_path / "one"), compiled=False)
        assert again.order(2)["status"] == Status.FILLED
        assert again.cash() == session.recorder.trader.cash()

    asyncio.run(scene())
    assert [body["is_beyond"] for body in told(tmp_path / "one", "stood")] == [True]
    assert alarms(tmp_path / "one") == []


def test_a_stop_that_cannot_be_put_back_is_told_to_the_strategy_and_raises_the_alarm(tmp_path):
    async def scene():
        async with (
            troubled(Rule("answer", ORDER, after=2, status=400, code=-2010, text=REFUSAL)) as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Trails, compiled=False)),
        ):
            await until(lambda: alarms(tmp_path / "one"))
            await settled(session)
            await until(lambda: session.recorder.trader.record["notes_n"])
            order = session.recorder.trader.order(2)
            assert (order["status"], order["reason"]) == (Status.CANCELLED, Reason.INSUFFICIENT_FUNDS)
            assert session.safety.naked.documents()[0]["is_naked"]
            check_books(there, session)

    asyncio.run(scene())
    [text] = alarms(tmp_path / "one")
    assert "has lost its protection: order 2 was cancelled by its amend and could not be put back" in text
    assert nakedness_of(journal(tmp_path / "one"), 2)[0].since is not None


@pytest.mark.slow
def test_a_stop_that_somebody_cancels_raises_the_alarm_and_is_not_put_back(tmp_path):
    async def scene():
        async with (
            venue(speed=SLOW) as there,
            exchange_at(there.port) as exchange,
            exchange_at(there.port) as hand,
            running(session := session_at(tmp_path / "one", exchange, Trails, compiled=False)),
        ):
            await until(lambda: stops(there))
            await hand.cancel(str(stops(there)[0].id), "BTC/USDT")
            await until(lambda: alarms(tmp_path / "one"))
            await settled(session)
            assert not stops(there)
            check_books(there, session)

    asyncio.run(scene())
    assert "order 2 was cancelled by others" in alarms(tmp_path / "one")[0]


@pytest.mark.slow
def test_a_stop_that_cannot_leave_is_sent_again_until_it_does(tmp_path):
    async def scene():
        async with (
            troubled(Rule("answer", ORDER, after=1, count=2, status=400, code=-1003, text=TOO_MANY)) as there,
            exchange_at(there.port) as exchange,
            running(session := session_at(tmp_path / "one", exchange, Trails, compiled=False)),
        ):
            await until(lambda: stops(there))
            await settled(session)
            assert session.recorder.trader.order(2)["status"] == Status.OPEN
            check_books(there, session)

    asyncio.run(scene())
    assert len([body for body in told(tmp_path / "one", "intent") if body["order"] == 2]) == 3


@pytest.mark.slow
def test_a_stop_that_was_lost_is_brought_back_and_cancelled_should_it_turn_up_beside_the_other(tmp_path):
    async def scene():
        async with (
            troubled(Rule("drop", ORDER, after=1), balances={"USDT": Decimal(10_000), "BTC": Decimal(1)}) as there,
            exchange_at(there.port) as exchange,
            exchange_at(there.port) as late,
            running(session := session_at(tmp_path / "one", exchange, Trails, cash=Decimal(5_000), compiled=False)),
        ):
            await until(lambda: told(tmp_path / "one", "stood"))
            await settled(session)
            first, second = [body["client_id"] for body in told(tmp_path / "one", "intent") if body["order"] == 2]
            assert [one.ticket.client_id for one in stops(there)] == [second]
            low = Decimal(str(session.recorder.trader.order(2)["stop"])) * Decimal("0.01")
            request = OrderRequest("BTC/USDT", Side.SELL, Decimal("0.01"), stop=low, client_id=first)
            await late.place(request)
            await until(lambda: told(tmp_path / "one", "ghost"))
            await settled(session)
            assert [one.ticket.client_id for one in stops(there)] == [second]
            assert session.recorder.trader.order(2)["status"] == Status.OPEN

    asyncio.run(scene())


# After downtime.


class Later(Strategy):
    """Buys bitcoin; protects it some candles later, at a share of the price."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    share = param(0.5, low=0.1, high=2.0)
    entry = 0
    count = 0

    def on_candle(self, candle, broker):
        if candle.close < 10_000:
            return
        if self.entry == 0:
            self.entry = broker.buy(cost=500.0)
        elif broker.is_long:
            self.count += 1
            if self.count == 6:
                broker.sell(broker.position, stop=candle.close * self.share)


class Moves(Strategy):
    """Buys and protects bitcoin; some candles later it takes the stop away to sell, or to protect it nearer."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    sells = param(1, low=0, high=1)
    entry = 0
    count = 0
    stop = 0

    def on_candle(self, candle, broker):
        if candle.close < 10_000:
            return
        if self.entry == 0:
            self.entry = broker.buy(cost=500.0)
        elif broker.is_long and self.stop == 0:
            self.stop = broker.sell(broker.position, stop=candle.close * 0.5)
        elif broker.is_long:
            self.count += 1
            if self.count == 6:
                broker.cancel_all()
                if self.sells:
                    broker.close()
                else:
                    broker.sell(broker.position, stop=candle.close * 0.6)


async def away(folder, there, strategy, until_then, candles):
    """A session until something holds, then downtime of so many candles, then the session again; gives that."""
    async with exchange_at(there.port) as exchange, running(one := wished(folder, exchange, strategy)):
        await until(lambda: until_then(one))
        one.quiet()
        await settled(one)
    left = there.floor.now
    await until(lambda: there.floor.now > left + candles * 60_000)


def wished(folder, exchange, strategy):
    place = f"{__file__}:{type(strategy).__name__}"
    wish = Wish(strategy, place, SYMBOLS, history=100, compiled=False)
    return LiveSession(folder, exchange, wish, lambda: time.time_ns() // 1_000_000)


def holds(session):
    return session.recorder.trader.record["fills_n"] and not session.broker.busy


async def after_downtime(folder, strategy, until_then=holds, candles=12):
    """What is left after a session of `SLOW` candles was away: the session, gone on for a while, and the venue."""
    async with venue(speed=SLOW) as there:
        await away(folder, there, strategy, until_then, candles)
        async with exchange_at(there.port) as exchange, running(session := wished(folder, exchange, strategy)):
            await until(lambda: session.recorder.trader.tapes[0].end > there.floor.now - 60_000)
            await settled(session)
            check_books(there, session)
            trader = session.recorder.trader
            orders = [trader.order(id).copy() for id in range(1, int(trader.record["orders_n"]) + 1)]
            return orders, [one.ticket.stop for one in stops(there)], trader.base(0)[0]


@pytest.mark.usefixtures("late")
@pytest.mark.slow
def test_a_stop_that_was_decided_late_is_placed_where_the_market_is_above_it(tmp_path):
    (_, stop), open_, held = asyncio.run(after_downtime(tmp_path / "one", Later()))
    assert (stop["status"], open_) == (Status.OPEN, [stop["stop"]])
    assert held > 0


@pytest.mark.usefixtures("late")
def test_a_stop_that_was_decided_late_and_is_passed_already_sells_at_once(tmp_path):
    (_, stop), open_, held = asyncio.run(after_downtime(tmp_path / "one", Later(share=1.5)))
    assert (stop["status"], stop["kind"], open_) == (Status.FILLED, Kind.STOP, [])
    assert held < 2_000  # dust of a fee
    assert [body["is_beyond"] for body in told(tmp_path / "one", "stood")] == [True]


@pytest.mark.usefixtures("late")
@pytest.mark.slow
def test_a_late_exit_is_refused_and_the_stop_that_made_room_for_it_stays(tmp_path):
    orders, open_, held = asyncio.run(after_downtime(tmp_path / "one", Moves(), lambda s: holds(s) and has_stop(s)))
    _, stop, exit_ = orders
    assert (stop["status"], open_) == (Status.OPEN, [stop["stop"]])
    assert (exit_["status"], exit_["reason"]) == (Status.REJECTED, Reason.STALE_DECISION)
    assert held > 0


@pytest.mark.usefixtures("late")
@pytest.mark.slow
def test_a_late_change_of_the_stop_is_done(tmp_path):
    orders, open_, _ = asyncio.run(after_downtime(tmp_path / "one", Moves(sells=0), lambda s: holds(s) and has_stop(s)))
    _, old, new = orders
    assert (old["status"], new["status"], open_) == (Status.CANCELLED, Status.OPEN, [new["stop"]])


def has_stop(session):
    return bool(session.recorder.trader.memory.instruments[0]["active_n"])
