"""A trader that is told, candle by candle, what a backtest did decides as the backtest did, and ends with its books."""

import pytest

from planar.broker.terms import request_of
from planar.engine.backtest import Session
from planar.engine.history import Request
from planar.engine.market import open_market
from planar.engine.session.trader import Trader
from planar.kernel.state import INSTRUMENT
from planar.model.ask import Amend, Cancel, Place, Row
from planar.model.instrument import Instrument
from planar.model.order import Event, Reason, Status
from planar.model.tiers import Tiers
from planar.simulator.fill_model import fill_model
from planar.strategy.base import Strategy
from planar.strategy.load import load

KNOWN = 200
COUNT = 750
CASH = 10_000.0
EXAMPLES = [
    "bollinger_reversion", "breakout", "grid_maker", "momentum_rotation", "relative_value", "rsi_two_timeframes",
    "sma_cross",
]  # fmt: skip
TOLD = {Event.ACCEPTED: "accepted", Event.TRIGGERED: "triggered", Event.AMENDED: "amended"}
ENDS = {Event.REJECTED: Status.REJECTED, Event.CANCELLED: Status.CANCELLED, Event.EXPIRED: Status.EXPIRED}


def session_of(cls, compiled):
    market = open_market(Request(cls.timeframe, cls.instruments, seed=3))
    for name in ("execution", "candles"):
        setattr(market, name, [c.at(slice(COUNT)) for c in market.candles])
    market.execution = market.candles
    start = int(market.candles[0].time[KNOWN])
    return Session(cls(), market, start, CASH, fill_model("pessimistic"), compiled)


def told_by(run, trader, until):
    """Tells all that happened up to a time; what is left of the events and fills stays."""
    events, fills, orders = run
    while events and events[0]["time"] <= until:
        event = events.pop(0)
        k, id, time, kind = (int(event[n]) for n in ("instrument", "order", "time", "kind"))
        id += 1
        if kind == Event.FILL:
            fill = fills.pop(0)
            numbers = (int(fill[n]) for n in ("ticks", "amount", "cost", "fee", "fee_in_base", "maker"))
            assert trader.tell("filled", k, id, time, *numbers)
            done = orders[id - 1]
            if done["by_cost"] and done["status"] == Status.FILLED and done["done"] == time:
                assert trader.tell("ended", k, id, time, int(Status.FILLED), 0)
        elif kind in TOLD:
            assert trader.tell(TOLD[kind], k, id, time)
        elif kind == Event.AMEND_REJECTED:
            assert trader.tell("not_amended", k, id, time, int(event["reason"]))
        else:
            assert trader.tell("ended", k, id, time, int(ENDS[kind]), int(event["reason"]))


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_who_is_told_what_a_backtest_did_decides_as_it_did(name, compiled):
    session = session_of(load(name), compiled)
    run = session.run(False)
    expected, market = run.logs.orders, session.market
    events = run._simulation.log("events")
    left = list(events), list(run.logs.fills), expected
    trader = Trader(
        session.strategies, market.instruments, [c.at(slice(KNOWN)) for c in market.candles],
        cash=run._simulation.start_cash, base=[0] * len(market.instruments), compiled=compiled,
    )  # fmt: skip
    assert (trader.why_interpreted == "") == (run.why_interpreted is None)
    trader.begin()
    asked = []
    for row in range(KNOWN, len(market.candles[0])):
        for k, candles in enumerate(market.candles):
            trader.take(k, Row(*(getattr(candles, field)[row].item() for field in Row._fields)))
        now = market.candles[0].close_at(row)
        told_by(left, trader, now)
        asked += trader.step(now)
    assert len(expected) > 1
    trader.order(1)
    mine = trader.memory.logs["orders"][: len(expected)]
    assert int(trader.record["orders_n"]) == len(expected)
    assert mine.tolist() == expected.tolist()
    state = run._simulation.state
    for field in ("cash", "reserved", "returning"):
        assert trader.record[field] == state[field], field
    for k, record in enumerate(run._simulation.memory.instruments):
        for field in INSTRUMENT.names:
            if field in ("base", "reserved", "entry_units", "entry_cost", "adds", "opened_row", "realised", "amount"):
                assert trader.memory.instruments[k][field] == record[field], field
    placed = [each.id for each in asked if isinstance(each, Place)]
    assert placed == sorted(set(placed))
    assert {int(event["order"]) + 1 for event in events} <= set(placed)
    amends = [(each.id - 1, each.limit, each.stop, each.units) for each in asked if isinstance(each, Amend)]
    assert amends == run.logs.amends[["order", "price", "stop", "amount"]].tolist()
    assert {each.id for each in asked if isinstance(each, Cancel)} >= {
        int(event["order"]) + 1 for event in events if event["kind"] == Event.CANCELLED and event["reason"] == 0
    }
    for k, cancelling in enumerate(trader._cancelling):  # what is over is not remembered
        assert cancelling <= {int(record["id"]) + 1 for record in trader.open_records(k)}


class Linked(Strategy):
    """Asks for a pair of which one cancels the other."""

    instruments = ["binance:BTC/USDT"]  # noqa: RUF012

    def on_candle(self, candle, broker):
        low = broker.buy(0.001, price=candle.close * 0.9)
        broker.buy(0.001, stop=candle.close * 1.1, oco=low)


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
def test_a_linked_order_is_refused_before_it_is_sent(compiled):
    """No session can link orders at an exchange yet; the other is asked for."""
    session = session_of(Linked, compiled)
    candles = session.market.candles[0]
    trader = Trader(
        session.strategies, session.market.instruments, [candles.at(slice(KNOWN))],
        cash=10**12, base=[0], compiled=compiled,
    )  # fmt: skip
    trader.begin()
    trader.take(0, Row(*(getattr(candles, field)[KNOWN].item() for field in Row._fields)))
    assert [each.id for each in trader.step(candles.close_at(KNOWN))] == [1]
    assert trader.memory.logs["orders"][1]["reason"] == Reason.VENUE_REFUSED


class Exits(Strategy):
    """Asks for exits, and says by an order what is answered."""

    instruments = ["binance:BTC/USDT"]  # noqa: RUF012

    def on_candle(self, candle, broker):
        if broker.protect(stop=candle.close * 0.9) == -Reason.VENUE_REFUSED:
            broker.buy(0.001, price=candle.close * 0.9)


class Reducing(Strategy):
    """Opens, and asks for what may only reduce; a stop by the mark is refused."""

    instruments = ["binance:BTC/USDT"]  # noqa: RUF012

    def on_candle(self, candle, broker):
        broker.buy(0.001)
        broker.sell(0.001, stop=candle.close * 0.9, reduce_only=True)
        broker.sell(0.001, stop=candle.close * 0.9, reduce_only=True, trigger="mark")


def asked_by(strategy, compiled, instruments=None):
    """What a trader of that strategy is to send after one candle, and itself."""
    session = session_of(strategy, compiled)
    candles = session.market.candles[0]
    trader = Trader(
        session.strategies, instruments or session.market.instruments, [candles.at(slice(KNOWN))],
        cash=10**12, base=[0], compiled=compiled,
    )  # fmt: skip
    trader.begin()
    trader.take(0, Row(*(getattr(candles, field)[KNOWN].item() for field in Row._fields)))
    return trader.step(candles.close_at(KNOWN)), trader


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
def test_the_exits_of_a_position_are_refused_with_a_reason_and_no_order(compiled):
    asks, trader = asked_by(Exits, compiled)
    assert [each.id for each in asks] == [1]
    assert len(trader.log("orders", 0)) == 1


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled", "interpreted"])
def test_what_may_only_reduce_is_sent_so_and_what_waits_for_the_mark_is_not_sent(compiled):
    name = "binance:BTC/USDT:USDT"
    perpetual = Instrument(name, 0.1, 0.001, tiers=Tiers.of(name, [(0, 0.004, 125)]), leverage=5)
    asks, trader = asked_by(Reducing, compiled, [perpetual])
    assert [(each.id, each.reduce_only) for each in asks] == [(1, False), (2, True)]
    assert [request_of(each, perpetual, "x").reduce_only for each in asks] == [False, True]
    assert trader.log("orders", 0)[2]["reason"] == Reason.VENUE_REFUSED
