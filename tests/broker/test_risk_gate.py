"""No order that the limits let through breaks them, whatever fills; in REDUCING nothing makes a position larger."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar import Strategy
from planar.broker.gate import Gate, State
from planar.broker.limits import broken
from planar.broker.risk import RiskGate
from planar.engine.session.trader import Trader
from planar.model.ask import Amend, Cancel, Place, Row
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER, Reason, Side, Status
from planar.strategy.candles import Candles
from planar.venue.usdm.terms import usual

BTC = Instrument("here:BTC/USDT", price_step=0.01, amount_step=0.001, maker=0.0, taker=0.0, base_unit=0.001)
PERPETUAL = replace(
    usual("binance:BTC/USDT:USDT", 0.01, 0.001), base_unit=0.001, min_amount=0.0, min_cost=0.0, leverage=5, maker=0.0,
    taker=0.0, margin_mode="cross",
)  # fmt: skip
LAST, MINUTE = 100.0, 60_000
TURN = []
"""What the strategy asks for at its next candle: calls that take its broker."""


class Scripted(Strategy):
    """Does what it is told."""

    instruments = ["here:BTC/USDT"]  # noqa: RUF012
    timeframe = "1m"

    def on_candle(self, candle, broker):
        for call in TURN:
            call(broker)


class Scene:
    """A trader at one price whose asks pass the gate; it is told what the test wants to happen."""

    def __init__(self, cash=100_000, held=0, state=State.ACTIVE, instrument=BTC, **limits):
        flat = np.full(1, LAST)
        past = Candles(np.zeros(1, np.int64), flat, flat, flat, flat, flat, timeframe=MINUTE)
        self.trader = Trader(
            [Scripted()], [instrument], [past], cash=cash * 10**8, base=[held], compiled=False
        )  # fmt: skip
        self.gate, self.now = Gate(lambda *_: None), MINUTE
        if state:
            self.gate.restrict("test", state, "The test wants it so.")
        self.trader.limit(limits)
        self.risk = RiskGate(self.trader, self.gate, lambda: self.now)
        self.refused, self.unanswered = [], []
        self.trader.begin()

    def asks(self, *calls):
        """One candle at which these are asked for; gives what passed, with the venue's word that it has it."""
        TURN[:] = calls
        self.now += MINUTE
        self.trader.take(0, Row(self.now - MINUTE, LAST, LAST, LAST, LAST, LAST))
        passed, asks = [], self.trader.step(self.now)
        self.refused += [broken(each, self.trader.limits, "USDT") for each in self.trader.refused()]
        for ask, why in self.risk.judged(asks):
            if why:
                self.refuse(ask, why)
            else:
                passed.append(ask)
        return passed

    def refuse(self, ask, why):
        self.refused.append(why)
        if isinstance(ask, Amend):
            assert self.trader.tell("not_amended", 0, ask.id, self.now, int(Reason.RISK_LIMIT))
        else:
            rejected = int(Status.REJECTED), int(Reason.RISK_LIMIT)
            assert self.trader.tell("ended", 0, ask.id, self.now, *rejected)

    def leaves(self, ask, *, is_cancelled=True, is_answered=True):
        """An ask that passed comes to the venue, unless it is too late for it; its answer may come later."""
        if not self.trader.is_open(ask.id):
            return
        if not isinstance(ask, Cancel):
            why = self.risk.late(ask)
            if why:
                self.refuse(ask, why)
            elif isinstance(ask, Place):
                self.trader.tell("accepted", 0, ask.id, self.now)
            elif is_answered:
                self.trader.tell("amended", 0, ask.id, self.now)
            else:
                self.unanswered.append(ask)
        elif not is_answered:
            self.unanswered.append(ask)
        elif is_cancelled:
            self.trader.tell("ended", 0, ask.id, self.now, int(Status.CANCELLED), 0)
        else:
            self.trader.tell("not_cancelled", 0, ask.id)

    def answer(self):
        """What had no answer has one now."""
        for ask in self.unanswered:
            if isinstance(ask, Cancel):
                self.trader.tell("ended", 0, ask.id, self.now, int(Status.CANCELLED), 0)
            else:
                self.trader.tell("amended", 0, ask.id, self.now)
        self.unanswered = []

    def fill(self, order, share):
        """A share of what is left of an open order is filled, at its limit or at the market."""
        id, ticks = int(order["id"]) + 1, int(order["price"]) or round(LAST / BTC.price_step)
        left = int(order["budget"] // (ticks * 1000)) if order["by_cost"] else int(order["amount"] - order["filled"])
        units = max(int(left * share), min(left, 1))
        if units > 0:  # less where an amend came to less than was filled
            self.trader.tell("filled", 0, id, self.now, ticks, units, ticks * units * 1000, 0, 0, 0)

    @property
    def open(self):
        return list(self.trader.open_records(0))

    @property
    def held(self):
        return self.trader.base(0)[0]


SIZES = st.integers(1, 40).map(lambda n: n / 10)
PRICES = st.sampled_from([90.0, 99.0, 100.0, 101.0, 110.0])


def on(number, do):
    """Does something with one of the open orders, where there is one."""

    def call(broker):
        found = SCENE[0].open
        if found:
            do(broker, int(found[number % len(found)]["id"]) + 1)

    return call


SCENE = []
CALLS = st.one_of(
    st.builds(lambda n: lambda b: b.buy(n), SIZES),
    st.builds(lambda n: lambda b: b.buy(cost=100 * n), SIZES),
    st.builds(lambda n, p: lambda b: b.buy(n, price=p), SIZES, PRICES),
    st.builds(lambda n, p: lambda b: b.buy(n, stop=p), SIZES, PRICES),
    st.builds(lambda n: lambda b: b.sell(n), SIZES),
    st.builds(lambda n, p: lambda b: b.sell(n, price=p), SIZES, PRICES),
    st.builds(lambda n, p: lambda b: b.sell(n, stop=p), SIZES, PRICES),
    st.builds(lambda i, n, p: on(i, lambda b, id: b.amend(id, price=p, amount=n)), st.integers(0, 9), SIZES, PRICES),
    st.builds(lambda i: on(i, lambda b, id: b.cancel(id)), st.integers(0, 9)),
)
STEPS = st.lists(
    st.tuples(
        st.lists(CALLS, max_size=4),
        st.booleans(),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0])), max_size=3),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


def played(scene, steps):
    """Goes through the steps; gives what is held after each thing that happens."""
    SCENE[:] = [scene]
    yield scene.held
    for calls, is_cancelled, fills, fills_first, is_answered in steps:
        passed = scene.asks(*calls)
        if fills_first:
            scene.answer()
        for turn in (fills_first, not fills_first):
            if turn:
                for number, share in fills:
                    there = [order for order in scene.open if order["status"] != Status.PENDING]
                    if there:
                        scene.fill(there[number % len(there)], share)
                        yield scene.held
            else:
                for ask in passed:
                    scene.leaves(ask, is_cancelled=is_cancelled, is_answered=is_answered)


@given(STEPS)
def test_no_order_that_passes_while_reducing_makes_the_position_larger(steps):
    scene = Scene(held=5_000, state=State.REDUCING)
    for before, after in pairwise(played(scene, steps)):
        assert 0 <= after <= before


@given(STEPS, st.sampled_from([5_000, -5_000]))
def test_no_order_of_a_perpetual_that_passes_while_reducing_makes_the_position_larger_or_turns_it(steps, held):
    scene = Scene(held=held, state=State.REDUCING, instrument=PERPETUAL)
    for before, after in pairwise(played(scene, steps)):
        assert 0 <= after <= before or 0 >= after >= before


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_while_reducing_a_short_is_covered_as_a_long_is_sold(side):
    scene = Scene(held=-5_000 * side, state=State.REDUCING, instrument=PERPETUAL)

    def leave(amount, **more):
        return lambda b: (b.buy if side is Side.BUY else b.sell)(amount, **more)

    def enter(amount):
        return lambda b: (b.sell if side is Side.BUY else b.buy)(amount)

    worse = LAST * (1 + 0.1 * side)
    for ask in scene.asks(leave(2.0, stop=worse), leave(1.0)):
        scene.leaves(ask)
    assert (len(scene.open), scene.refused) == (2, [])
    assert len(scene.asks(leave(2.1), enter(0.1))) == 0, "the one would turn it, the other makes it larger"
    assert len(scene.refused) == 2
    for ask in scene.asks(lambda b: b.cancel_all()):
        scene.leaves(ask)
    (whole,) = scene.asks(lambda b: b.target(0))
    assert (whole.side, whole.units) == (side, 5_000)


@given(STEPS)
def test_no_position_is_worth_more_than_its_limit_whatever_fills(steps):
    scene = Scene(max_position_cost=500.0)
    for held in played(scene, steps):
        assert held * exact(BTC.unit) * 100 <= 500


@given(STEPS)
def test_no_order_that_passes_costs_more_than_the_limit(steps):
    scene = Scene(held=1_000, max_order_cost=150.0)
    for _ in played(scene, steps):
        for order in scene.open:
            price = int(order["price"] or order["stop"] or 10_000)
            units = int(order["amount"] - order["filled"])
            if order["side"] == Side.BUY and not order["by_cost"]:
                assert units * price * BTC.price_step / 1_000 <= 150.0 + 1e-9


def test_what_is_refused_says_limit_value_and_remedy():
    scene = Scene(max_order_cost=150.0, max_position_cost=250.0, price_collar=0.05)
    scene.asks(
        lambda b: b.buy(2.0, price=100.0),
        lambda b: b.buy(1.0, price=90.0),
        lambda b: b.buy(1.4, price=100.0),
        lambda b: b.buy(1.4, price=100.0),
    )
    assert scene.refused == [
        "it may cost 200 USDT, and risk.max_order_cost = 150 is the most that is allowed: ask for less, or raise that.",
        "its price is 10.0% away from the last close, and risk.price_collar = 0.05 allows 5.0%: ask nearer to the "
        "market, or raise that.",
        "the position could be worth 280 USDT with all that may still be filled, and risk.max_position_cost = 250 is "
        "the most that is allowed: ask for less, or raise that.",
    ]


def test_the_orders_of_a_minute_are_counted_and_exits_are_not_refused_for_their_number():
    scene = Scene(held=5_000, orders_per_minute=2)
    scene.asks(*[lambda b: b.buy(0.1, price=90.0)] * 3, lambda b: b.sell(0.1))
    assert scene.refused == [
        "2 orders and amends were sent within a minute, and risk.orders_per_minute = 2 is the most that is allowed: "
        "ask less often, or raise that."
    ]
    scene.asks(lambda b: b.buy(0.1, price=90.0))
    assert len(scene.refused) == 1


def test_an_exit_passes_every_limit():
    scene = Scene(held=5_000, max_order_cost=1.0, max_position_cost=1.0, price_collar=0.01, orders_per_minute=1)
    passed = scene.asks(lambda b: b.sell(2.0), lambda b: b.sell(1.0, stop=50.0), lambda b: b.sell(2.0, price=200.0))
    assert (len(passed), scene.refused) == (3, [])


def test_halted_lets_cancels_alone_through():
    scene = Scene(held=5_000)
    resting = scene.asks(lambda b: b.sell(1.0, price=110.0))
    scene.leaves(resting[0])
    scene.gate.restrict("kill switch", State.HALTED, "Somebody threw it.")
    passed = scene.asks(lambda b: b.cancel(1), lambda b: b.sell(1.0), lambda b: b.buy(1.0))
    assert [type(each) for each in passed] == [Cancel]
    assert scene.refused == ["the session is halted and sends nothing but cancels. Somebody threw it."] * 2


def test_while_reducing_an_exit_may_be_moved_and_an_entry_only_be_made_smaller():
    scene = Scene(held=5_000)
    for ask in scene.asks(lambda b: b.sell(2.0, price=110.0), lambda b: b.buy(2.0, price=90.0)):
        scene.leaves(ask)
    scene.gate.restrict("test", State.REDUCING, "The test wants it so.")
    passed = scene.asks(lambda b: b.amend(1, price=105.0), lambda b: b.amend(2, amount=3.0))
    assert [ask.id for ask in passed] == [1]
    for ask in passed:
        scene.leaves(ask)
    assert [ask.id for ask in scene.asks(lambda b: b.amend(2, price=89.0, amount=1.0))] == [2]


def test_an_exit_in_the_place_of_one_that_is_cancelled_passes_only_when_that_is_gone():
    scene = Scene(held=5_000, state=State.REDUCING)
    first = scene.asks(lambda b: b.sell(5.0, price=110.0))
    scene.leaves(first[0])
    cancel, second = scene.asks(lambda b: b.cancel(1), lambda b: b.sell(5.0, price=105.0))
    scene.leaves(cancel, is_cancelled=False)
    scene.leaves(second)
    assert scene.refused == ["the session may only make positions smaller. The test wants it so."]
    cancel, third = scene.asks(lambda b: b.cancel(1), lambda b: b.sell(5.0, price=104.0))
    scene.leaves(cancel)
    scene.leaves(third)
    assert len(scene.refused) == 1


def test_a_cancel_without_an_answer_frees_nothing():
    scene = Scene(held=5_000, state=State.REDUCING)
    scene.leaves(scene.asks(lambda b: b.sell(5.0, price=110.0))[0])
    cancel, second = scene.asks(lambda b: b.cancel(1), lambda b: b.sell(5.0, price=105.0))
    scene.leaves(cancel, is_answered=False)
    scene.leaves(second)
    assert len(scene.refused) == 1


def test_an_amend_without_an_answer_counts_as_done():
    scene = Scene(max_position_cost=500.0)
    scene.leaves(scene.asks(lambda b: b.buy(2.0, price=100.0))[0])
    scene.leaves(scene.asks(lambda b: b.amend(1, amount=4.0))[0], is_answered=False)
    scene.asks(lambda b: b.buy(2.0, price=100.0))
    assert len(scene.refused) == 1
    assert "could be worth 600 USDT" in scene.refused[0]


def test_a_locked_instrument_takes_exits_alone_until_its_time_is_over():
    scene = Scene(held=1000)
    scene.gate.locks[0] = scene.now + 3 * MINUTE
    assert [ask.side for ask in scene.asks(lambda b: b.buy(0.1), lambda b: b.sell(0.2))] == [Side.SELL]
    assert scene.refused == [
        "its instrument is locked: BTC/USDT takes no entries until 1970-01-01 00:04 UTC: `planar unlock` ends that."
    ]
    scene.asks()
    assert len(scene.asks(lambda b: b.buy(0.1))) == 1


def test_entries_that_rest_when_an_instrument_is_locked_are_withdrawn_and_exits_stay():
    scene = Scene(held=1000)
    for ask in scene.asks(lambda b: b.buy(0.1, price=90.0), lambda b: b.sell(0.2, stop=80.0)):
        scene.leaves(ask)
    assert scene.risk.withdrawn() == []
    scene.gate.locks[0] = NEVER
    assert scene.risk.withdrawn() == [Cancel(1, 0)]
    del scene.gate.locks[0]
    scene.gate.locks[1] = NEVER
    assert scene.risk.withdrawn() == []
