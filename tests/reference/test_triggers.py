"""Takes and trailing stops, each promise small enough to check by hand (docs/simulation.md, sections 2 to 4)."""

from dataclasses import replace

import pytest

from .scenario import COIN, all_of, fills, outcome, play

FLAT = (100, 100, 100, 100)
WIDE = (100, 110, 90, 100)


def buy(amount=None, **terms):
    """Buys instrument 0."""
    return lambda engine: engine.buy(0, amount, **terms)


def sell(amount=None, **terms):
    """Sells instrument 0."""
    return lambda engine: engine.sell(0, amount, **terms)


def held(*rows, ask, **changes):
    """Buys 2 at 100 in candle 1 and asks at its close; the rows are the candles from 2 on. Gives the engine."""
    return play(FLAT, FLAT, *rows, at={0: buy(2), 1: ask, **changes.pop("at", {})}, **changes)


# Takes.


def test_take_trades_from_its_trigger_without_stop_slippage():
    """The range is 20, a stop would slip by 1: a sell rises to 105, a buy falls to 95."""
    engine = held(WIDE, ask=all_of(sell(1, take=105), buy(1, take=95)), stop_slippage=0.05)
    assert fills(engine)[1:] == [(2, 1, 105, 1, "taker"), (2, 2, 95, 1, "taker")]
    assert [kind for _, kind, id in engine.events if id == 1] == ["ACCEPTED", "TRIGGERED", "FILL"]


@pytest.mark.parametrize(("ask", "open_"), [(sell(1, take=105), 108), (buy(1, take=95), 92)])
def test_gap_over_a_take_trades_at_the_better_open(ask, open_):
    """It rested in candle 2, at 100; candle 3 opens beyond its trigger."""
    engine = held(FLAT, (open_,) * 4, ask=ask, stop_slippage=0.05)
    assert fills(engine)[1:] == [(3, 1, open_, 1, "taker")]


@pytest.mark.parametrize(("ask", "price"), [(sell(1, take=105), 105), (buy(1, take=95), 95)])
def test_take_that_is_reached_at_arrival_is_rejected(ask, price):
    """The trigger itself reaches; one tick nearer it waits."""
    assert outcome(held((price,) * 4, ask=ask), 1) == ("REJECTED", "STOP_WOULD_TRIGGER")
    nearer = price - 1 if price > 100 else price + 1
    assert outcome(held((nearer,) * 4, ask=ask), 1) == ("OPEN", "")


@pytest.mark.parametrize(
    ("path", "order", "first"), [("ohlc", 1, (2, 1, 105, 1, "taker")), ("olhc", 2, (2, 2, 94, 1, "taker"))]
)
def test_take_and_stop_in_one_candle_are_reached_in_the_order_of_the_path(path, order, first):
    """Up first the take at 105, down first the stop at 95, less 1 of slip; both are reached in the end."""
    engine = held(WIDE, ask=all_of(sell(1, take=105), sell(1, stop=95)), path=path, stop_slippage=0.05)
    assert fills(engine)[1] == first
    assert {fill[1] for fill in fills(engine)} == {0, 1, 2}


@pytest.mark.parametrize(("path", "ticks"), [("pessimistic", 95), ("optimistic", 105)])
def test_pessimistic_lets_the_stop_come_before_the_take(path, ticks):
    """A volume of 1 is all that there is in the candle: whichever comes first has it."""
    thin = (100, 110, 90, 100, 1)
    engine = held(thin, None, ask=all_of(sell(1, take=105), sell(1, stop=95)), path=path, participation=1.0)
    assert [fill[2] for fill in fills(engine)[1:]] == [ticks]


@pytest.mark.parametrize(
    ("ask", "ticks"), [(sell(1, take=105, price=107), 107), (buy(1, take=95, price=93), 93)]
)  # fmt: skip
def test_take_limit_that_does_not_cross_at_its_trigger_rests_and_may_be_reached_on_the_same_leg(ask, ticks):
    """Two beyond the trigger, with seven more to walk; in a candle that goes one less beyond, it stays."""
    assert fills(held(WIDE, ask=ask))[1:] == [(2, 1, ticks, 1, "maker")]
    engine = held((100, 107, 93, 100), WIDE, ask=ask)
    assert fills(engine)[1:] == [(3, 1, ticks, 1, "maker")]
    assert engine.touched == 1


@pytest.mark.parametrize(
    ("ask", "ticks"), [(sell(1, take=105, price=103), 105), (buy(1, take=95, price=97), 95)]
)  # fmt: skip
def test_take_limit_that_crosses_at_its_trigger_takes_from_there(ask, ticks):
    """No stop slippage, and no worse than its limit."""
    assert fills(held(WIDE, ask=ask, stop_slippage=0.05))[1:] == [(2, 1, ticks, 1, "taker")]


def test_amend_moves_the_trigger_of_a_take():
    """From 130 to 105.4, which is 105: in candle 3 it is reached."""
    move = all_of(lambda e: e.amend(1, stop=105.4), lambda e: e.amend(2, amount=1))
    engine = held(FLAT, WIDE, ask=all_of(sell(1, take=130), sell(1, take=130)), at={2: move})
    assert fills(engine)[1:] == [(3, 1, 105, 1, "taker")]


def test_amend_to_a_trigger_that_is_reached_leaves_the_take_as_it_was():
    """A sell take at 100 is reached by 100; 105 is reached on the path."""
    engine = held(FLAT, WIDE, ask=sell(1, take=105), at={2: lambda e: e.amend(1, stop=100)})
    assert engine.orders[1].amend_reason == "STOP_WOULD_TRIGGER"
    assert fills(engine)[1:] == [(3, 1, 105, 1, "taker")]


# Trailing stops.


@pytest.mark.parametrize(("path", "ticks"), [("ohlc", 105), ("olhc", 95)])
def test_trailing_sell_follows_the_legs_of_a_candle(path, ticks):
    """Up first, it follows from 95 to 105 and is reached on the way down; down first, it is reached at 95."""
    for ask in (sell(1, trail_by=5), sell(1, trail=0.0477)):  # of 110 is 5.247: 104.753; of 100: 95.23
        engine = held(WIDE, ask=ask, path=path)
        assert fills(engine)[1:] == [(2, 1, ticks, 1, "taker")]


@pytest.mark.parametrize(("path", "ticks"), [("olhc", 95), ("ohlc", 105)])
def test_trailing_buy_follows_the_price_down(path, ticks):
    """Down first, it follows from 105 to 95 and is reached on the way up; up first, it is reached at 105."""
    engine = held(WIDE, ask=buy(1, trail_by=5), path=path)
    assert fills(engine)[1:] == [(2, 1, ticks, 1, "taker")]


def test_trailing_stop_follows_over_candles_and_never_goes_back():
    """Highs 103, 108 and then 105: the trigger is 98, 103, and still 103 when 102 comes."""
    up, more, back = (100, 103, 99, 103), (103, 108, 103.5, 107), (107, 107, 104, 105)
    engine = held(up, more, back, ask=sell(1, trail_by=5))
    assert (engine.orders[1].stop_ticks, engine.orders[1].status) == (103, "OPEN")
    engine = held(up, more, back, (105, 105, 102, 102), ask=sell(1, trail_by=5))
    assert fills(engine)[1:] == [(5, 1, 103, 1, "taker")]


def test_gap_through_a_trailing_stop_trades_at_the_open_with_slip():
    """Trigger 95, open 90, range 10: slip 0.5, so 89.5, rounded down 89."""
    engine = held(FLAT, (90, 92, 82, 90), ask=sell(1, trail_by=5), stop_slippage=0.05)
    assert fills(engine)[1:] == [(3, 1, 89, 1, "taker")]
    engine = held(FLAT, (110, 118, 108, 110), ask=buy(1, trail_by=5), stop_slippage=0.05)
    assert fills(engine)[1:] == [(3, 1, 111, 1, "taker")]


def test_gap_over_an_activation_follows_from_the_open():
    """Activation 110, open 115: from there on 5 below, 110, which the low of 108 reaches; in candle 2 it cannot."""
    engine = held((100, 100, 80, 100), (115, 115, 108, 115), ask=sell(1, trail_by=5, activation=110))
    assert fills(engine)[1:] == [(3, 1, 110, 1, "taker")]
    engine = held((100, 120, 100, 100), (85, 92, 85, 85), ask=buy(1, trail_by=5, activation=90))
    assert fills(engine)[1:] == [(3, 1, 90, 1, "taker")]


def test_activation_on_the_path_follows_from_the_end_of_its_leg():
    """110 is passed on the way to 112, so the trigger is 107; until then it stands where it would from 110."""
    waiting = held(FLAT, ask=sell(1, trail_by=5, activation=110))
    assert waiting.orders[1].stop_ticks == 105
    engine = held((100, 112, 90, 100), ask=sell(1, trail_by=5, activation=110))
    assert fills(engine)[1:] == [(2, 1, 107, 1, "taker")]
    engine = held((100, 109, 90, 100), ask=sell(1, trail_by=5, activation=110))
    assert (fills(engine)[1:], engine.orders[1].status) == ([], "OPEN")


@pytest.mark.parametrize(("high", "follows"), [(109, False), (110, True)])
def test_activation_is_reached_by_its_price_itself(high, follows):
    """Below it the trigger waits at 105, and so does one of 110 - 5; a fall to 90 tells them apart."""
    engine = held((100, high, 90, 100), ask=sell(1, trail_by=5, activation=110))
    assert bool(fills(engine)[1:]) is follows


def test_trailing_stop_that_arrives_on_the_path_sees_the_price_there():
    """100, 110, 90, 100 is 40: after 7.5 s at 105 upwards, from where it sees 110; after 18 s at 108 downwards."""
    engine = held(WIDE, ask=sell(1, trail_by=5), latency_ms=7_500)
    assert fills(engine)[1:] == [(2, 1, 105, 1, "taker")]
    engine = held(WIDE, ask=sell(1, trail_by=5), latency_ms=18_000)
    assert fills(engine)[1:] == [(2, 1, 103, 1, "taker")]
    assert engine.orders[1].stop_ticks == 103


def test_amount_of_a_trailing_stop_can_be_amended_and_its_trigger_stays_where_it_went():
    """It followed to 103 by the close of candle 2, to 105 before the amend arrives late in candle 3."""
    up, later = (100, 108, 100, 106), (106, 110, 106, 106)
    said = []
    ask = {2: lambda e: said.extend([e.amend(1, stop=90), e.amend(1, price=90), e.amend(1, amount=2)])}
    engine = held(up, later, FLAT, ask=sell(1, trail_by=5), at=ask, latency_ms=45_000)
    assert said == ["INVALID_ORDER", "INVALID_ORDER", 1]
    assert fills(engine)[1:] == [(4, 1, 100, 2, "taker")]
    assert engine.orders[1].stop_ticks == 105


def test_trailing_stop_is_at_least_one_tick_wide_of_nothing():
    """Asked at 6 its trigger is 1; it arrives at 5 and sees that: 0 would be no price."""
    engine = play((6,) * 4, (6,) * 4, (5,) * 4, (3, 3, 1, 3), at={0: buy(2), 1: sell(2, trail_by=5)})
    assert engine.orders[1].stop_ticks == 1
    assert fills(engine)[1:] == [(3, 1, 1, 2, "taker")]


def test_trailing_buy_holds_what_its_trigger_at_asking_needs():
    """10 at 110 and 1 % more, 111.1, which is tick 112, however far it follows; a budget is that budget."""
    engine = play(FLAT, (100, 100, 60, 60), at={0: all_of(buy(10, trail_by=10), buy(cost=500, trail_by=10))})
    assert [order.stop_ticks for order in engine.orders] == [70, 70]
    assert [order.reserved for order in engine.orders] == [112_000, 50_000]


def test_trailing_stop_that_does_not_follow_is_not_in_reach():
    """`touched` counts candles that reach an order: here that limit at 95 that is touched, by the range down to 95."""
    ask = all_of(buy(1, price=95), sell(1, trail_by=1, activation=130))
    assert held((100, 100, 95, 100), ask=ask).touched == 1
    assert held((100, 140, 96, 100), ask=ask).touched == 0


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"take": 105, "tif": "IOC"}, "INVALID_ORDER"),
        ({"take": 105, "tif": "FOK", "price": 105}, "INVALID_ORDER"),
        ({"take": 105, "price": 105, "post_only": True}, "INVALID_ORDER"),
        ({"trail": 0.05, "tif": "IOC"}, "INVALID_ORDER"),
        ({"trail": 0.05, "price": 95}, "INVALID_ORDER"),
        ({"trail_by": 5, "price": 95}, "INVALID_ORDER"),
        ({"take": 0.4}, "INVALID_PRICE"),
        ({"take": 0.5}, 1),
        ({"trail": 0.0}, "INVALID_PRICE"),
        ({"trail": -1.0}, "INVALID_PRICE"),
        ({"trail": 0.4e-9}, "INVALID_PRICE"),
        ({"trail": 0.5e-9}, 1),
        ({"trail": 1.0}, "INVALID_PRICE"),
        ({"trail": 0.999}, "INVALID_PRICE"),
        ({"trail": 0.99}, 1),
        ({"trail": 1.5}, "INVALID_PRICE"),
        ({"trail_by": 0.4}, "INVALID_PRICE"),
        ({"trail_by": 0.5}, 1),
        ({"trail_by": 100}, "INVALID_PRICE"),
        ({"trail_by": 99}, 1),
        ({"trail_by": 150, "activation": 200}, 1),
        ({"trail_by": 5, "activation": 0.4}, "INVALID_PRICE"),
        ({"trail_by": 5, "activation": 0}, "INVALID_PRICE"),
        ({"trail_by": 5, "activation": 5}, "INVALID_PRICE"),
        ({"trail_by": 5, "activation": 6}, 1),
    ],
)
def test_refusals_of_takes_and_trailing_stops(terms, said):
    """Of a sell at a close of 100; a trigger below one tick is no price."""
    heard = []
    held(ask=lambda engine: heard.append(engine.sell(0, 1, **terms)))
    assert heard == [said]


def test_minimum_cost_and_size_by_cost_count_the_trigger():
    """129 at a trigger of 130 is no coin, 130 is one; 49 of cost are less than the minimum."""
    said = []
    asks = all_of(*[
        lambda engine, terms=terms: said.append(engine.sell(0, **terms))
        for terms in (
            {"cost": 129, "take": 130}, {"cost": 130, "take": 130}, {"amount": 1, "trail_by": 51},
            {"amount": 1, "trail_by": 50},
        )
    ])  # fmt: skip
    held(ask=asks, instrument=replace(COIN, min_cost=50))
    assert said == ["BELOW_MIN_AMOUNT", 2, "BELOW_MIN_COST", 4]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"stop": 95, "take": 105}, "one trigger"),
        ({"trail": 0.1, "trail_by": 5}, "one trigger"),
        ({"take": 105, "activation": 110}, "activation"),
        ({"activation": 110}, "activation"),
        ({"trail": float("nan")}, "not finite"),
        ({"trail_by": 5, "activation": float("inf")}, "not finite"),
    ],
)
def test_terms_that_are_no_order_stop_the_run(terms, words):
    """It is an error of the strategy, not a refusal."""
    with pytest.raises(ValueError, match=words):
        play(FLAT, at={0: buy(1, **terms)})
