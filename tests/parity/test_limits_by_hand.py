"""Limits, worked out by hand from section 11 of docs/simulation.md: kernel and reference give what is written here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, PLAIN, assert_agreed, scenario_of
from reference.limits import Limits
from reference.model import Instrument
from reference.scenarios import HOUR, MINUTE, Scenario

DAY = 24 * HOUR
REFUSED = "RISK_LIMIT"


def answers(*asks, rows=(FLAT,) * 4, coin=COIN, limits, **model):
    """What is answered to each, asked at the close of the candle that is named."""
    return [
        answer for *_, answer in assert_agreed(scenario_of(rows, *asks, coin=coin, limits=limits, **model))["answers"]
    ]


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def sell(amount, **terms):
    return "sell", "amount", float(amount), terms


# What orders cost.


def test_an_order_may_cost_as_much_as_its_limit_and_not_a_cent_more():
    limits = Limits(max_order_cost=1_000.0)
    asks = [(1, buy(10, price=100.0)), (1, buy(11, price=100.0)), (1, buy(20, price=50.0)), (1, buy(21, price=50.0))]
    assert answers(*asks, limits=limits) == [0, REFUSED, 2, REFUSED]


def test_a_buy_without_a_limit_counts_at_one_percent_above_its_trigger_else_the_close():
    """9 at 101 are 909; 9 at a trigger of 110 count at 111.1, so 112: 1,008."""
    limits = Limits(max_order_cost=1_000.0)
    asks = [(1, buy(9)), (1, buy(10)), (1, buy(9, stop=110.0)), (1, buy(8, stop=110.0))]
    assert answers(*asks, limits=limits) == [0, REFUSED, REFUSED, 3]


def test_a_buy_of_a_cost_costs_that_whatever_the_fee():
    coin = replace(COIN, maker=0.001, taker=0.0123)
    asks = [(1, ("buy", "cost", 1_000.0, {})), (1, ("buy", "cost", 1_000.01, {}))]
    assert answers(*asks, coin=coin, limits=Limits(max_order_cost=1_000.0)) == [0, REFUSED]


@pytest.mark.parametrize("fee_side", ["quote", "base"])
def test_a_buy_of_a_fraction_costs_what_of_it_buys(fee_side):
    """The whole of 10,000 with a fee of a quarter buys for 8,000; where base pays the fee, for 10,000."""
    coin = replace(COIN, maker=0.0, taker=0.25, fee_side=fee_side)
    ask = (1, ("buy", "fraction", 1.0, {}))
    assert answers(ask, coin=coin, limits=Limits(max_order_cost=8_000.0)) == [0 if fee_side == "quote" else REFUSED]
    assert answers(ask, coin=coin, limits=Limits(max_order_cost=7_999.99)) == [REFUSED]


def test_sales_are_exits_and_pass_every_limit():
    """They count among the orders of a minute and among those open."""
    limits = Limits(
        max_order_cost=500.0, max_position_cost=500.0, max_exposure=500.0, price_collar=0.01, max_open_orders=1,
        orders_per_minute=1,
    )  # fmt: skip
    asks = [
        (1, buy(4)), (3, sell(1, price=500.0)), (3, sell(1, stop=1.0)), (3, sell(1)),
        (3, ("amend", ("live", 0), {"price": 400.0})), (3, buy(1, price=100.0)),
    ]  # fmt: skip
    assert answers(*asks, limits=limits) == [0, 1, 2, 3, 1, REFUSED]


# What is held and what may still be.


def test_a_position_counts_at_the_close_with_all_buys_that_may_still_fill():
    """3 held are 300, 4 at 90 may be worth 400: another 3 make 1,000, another 4 too much."""
    limits = Limits(max_position_cost=1_000.0)
    asks = [(1, buy(3)), (3, buy(4, price=90.0)), (3, buy(4, price=100.0)), (3, buy(3, price=100.0)), (3, buy(1))]
    assert answers(*asks, limits=limits) == [0, 1, REFUSED, 3, REFUSED]


def test_a_cancel_on_its_way_makes_room():
    limits = Limits(max_position_cost=1_000.0, max_open_orders=1)
    asks = [(1, buy(10, price=90.0)), (2, buy(10, price=91.0)), (2, ("cancel", ("live", 0))), (2, buy(10, price=92.0))]
    assert answers(*asks, limits=limits, latency_ms=250) == [0, REFUSED, 0, 2]


def test_what_is_bought_of_a_position_is_worth_its_close_rounded_up():
    """At 99.5 a coin counts 100."""
    rows = [(99.5, 99.5, 99.5, 99.5, 1e6)] * 4
    limits = Limits(max_position_cost=1_000.0)
    assert answers((1, buy(10, price=90.0)), (1, buy(1, price=90.0)), rows=rows, limits=limits) == [0, REFUSED]


def test_exposure_is_of_all_instruments_together():
    """3 of one held at 100 and 2 of the other at its 200, then 1 at a limit of 300: 1,000."""
    coins = (COIN, COIN)
    rows = ((FLAT,) * 5, ((200.0, 200.0, 200.0, 200.0, 1e6),) * 5)
    acts = ((1, 0, buy(3)), (1, 1, buy(2)), (3, 0, buy(4)), (3, 1, buy(2, price=150.0)), (3, 1, buy(1, price=300.0)))
    scenario = Scenario(coins, rows, MINUTE, MINUTE, 10_000.0, PLAIN, acts, limits=Limits(max_exposure=1_000.0))
    assert [answer for *_, answer in assert_agreed(scenario)["answers"]] == [0, 1, REFUSED, REFUSED, 4]


# Amends.


def test_an_amend_is_judged_with_its_new_terms_alone():
    limits = Limits(max_order_cost=1_000.0, max_position_cost=1_000.0, price_collar=0.1)
    asks = [
        (1, buy(9, price=95.0)),
        (2, ("amend", ("live", 0), {"amount": 10.0})),
        (3, ("amend", ("live", 0), {"amount": 11.0})),
        (3, ("amend", ("live", 0), {"price": 101.0})),
        (3, ("amend", ("live", 0), {"price": 111.0, "amount": 1.0})),
    ]
    assert answers(*asks, limits=limits) == [0, 0, REFUSED, REFUSED, 0]


def test_an_amend_that_makes_an_order_neither_larger_nor_dearer_passes_every_limit():
    """The market has doubled: what was below the limit is not, and may be made smaller all the same."""
    rows = [FLAT, FLAT, (200.0, 200.0, 200.0, 200.0, 1e6), (200.0, 200.0, 200.0, 200.0, 1e6)]
    limits = Limits(max_position_cost=1_000.0, price_collar=0.2, orders_per_minute=1)
    asks = [
        (1, buy(10, price=90.0)),
        (3, ("amend", ("live", 0), {"price": 120.0})),
        (3, ("amend", ("live", 0), {"price": 80.0, "amount": 9.0})),
        (3, buy(1, price=200.0)),
    ]
    assert answers(*asks, rows=rows, limits=limits) == [0, REFUSED, 0, REFUSED]


def test_an_order_with_an_amend_on_its_way_counts_with_the_larger_of_both():
    limits = Limits(max_position_cost=1_000.0)
    asks = [(1, buy(8, price=90.0)), (2, ("amend", ("live", 0), {"amount": 2.0})), (2, buy(3)), (2, buy(2, price=90.0))]
    assert answers(*asks, limits=limits, latency_ms=250) == [0, 0, REFUSED, 2]


# Prices.


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        ({"price": 90.0}, 0), ({"price": 89.0}, REFUSED), ({"price": 110.0}, 0), ({"price": 111.0}, REFUSED),
        ({"stop": 110.0}, 0), ({"stop": 111.0}, REFUSED), ({"stop": 105.0, "price": 111.0}, REFUSED), ({}, 0),
    ],
)  # fmt: skip
def test_a_limit_or_a_stop_may_be_as_far_from_the_close_as_the_collar(terms, answer):
    assert answers((1, buy(1, **terms)), limits=Limits(price_collar=0.1)) == [answer]


# Numbers.


def test_so_many_orders_of_an_instrument_may_be_open():
    """A sale counts; an amend is no new order."""
    limits = Limits(max_open_orders=2)
    asks = [
        (1, buy(5)), (3, sell(1, price=200.0)), (3, buy(1, price=90.0)), (3, buy(1, price=90.0)),
        (3, ("amend", ("live", 1), {"price": 91.0})), (3, sell(1, price=210.0)),
    ]  # fmt: skip
    assert answers(*asks, limits=limits) == [0, 1, 2, REFUSED, 2, 4]


def test_a_minute_has_so_many_orders_and_amends_whatever_becomes_of_them():
    """What was refused is not sent, a cancel is no order; a minute later it begins anew."""
    limits = Limits(orders_per_minute=3, max_order_cost=500.0)
    asks = [
        (1, buy(1, price=90.0)), (1, buy(6)), (1, ("amend", ("live", 0), {"price": 91.0})), (1, buy(1)),
        (1, buy(1)), (1, ("amend", ("live", 0), {"price": 99.0})), (1, ("cancel", ("live", 0))), (2, buy(1)),
    ]  # fmt: skip
    assert answers(*asks, limits=limits) == [0, REFUSED, 0, 2, REFUSED, "AMEND_PENDING", 0, 4]


def test_a_limit_of_less_than_a_cent_lets_nothing_through_and_one_beyond_64_bits_everything():
    assert answers((1, buy(1)), limits=Limits(max_order_cost=0.001)) == [REFUSED]
    assert answers((1, buy(1)), limits=Limits(max_order_cost=1e300)) == [0]


def test_other_rules_come_first():
    limits = Limits(max_order_cost=1.0, orders_per_minute=1)
    asks = [(1, buy(0)), (1, buy(1_000)), (1, buy(1, price=0.5)), (1, buy(1))]
    expected = ["BELOW_MIN_AMOUNT", "INSUFFICIENT_FUNDS", "INVALID_PRICE", REFUSED]
    assert answers(*asks, limits=limits) == expected


# The day's loss. Candles of an hour; the first close is 01:00.


def day(*closes, at=(), **terms):
    """Candles that close so, each opening where the one before closed, and what is asked at some of them."""
    opens = (100.0, *closes[:-1])
    rows = [(o, max(o, c), min(o, c), c, 1e6) for o, c in zip(opens, closes, strict=True)]
    limits, cash = Limits(**terms), 10_000.0
    acts = tuple((number, 0, act) for number, act in at)
    return assert_agreed(Scenario((COIN,), (tuple(rows),), HOUR, HOUR, cash, PLAIN, acts, limits=limits))


def test_a_day_is_lost_at_the_close_at_which_equity_is_so_much_lower_than_at_midnight():
    """10 coins bought at 100: at 96 the loss is 40, at 95 it is 50; and it stays lost when they are back at 100."""
    asks = [(1, buy(10)), (3, buy(1)), (4, buy(1)), (5, buy(1)), (5, sell(1)), (24, buy(1))]
    result = day(100, 100, 96, 95, *[100] * 21, at=asks, daily_loss=50.0)
    assert [answer for *_, answer in result["answers"]] == [0, 1, REFUSED, REFUSED, 4, 5]


def test_a_close_at_midnight_begins_the_next_day_and_one_after_it_counts_from_the_last_before():
    """The 24th close is 00:00. A day of 10 lost coins at 100 begins at 99 (then 94 is lost) or, after a gap, at 100."""
    closes = [100] * 23 + [99, 95, 94, 94]
    result = day(*closes, at=[(1, buy(10)), (25, buy(1)), (26, buy(1))], daily_loss=50.0)
    assert [answer for *_, answer in result["answers"]] == [0, 1, REFUSED]
    rows = [(float(c),) * 4 + (1e6,) for c in closes]
    rows[23] = None
    acts = ((1, 0, buy(10)), (25, 0, buy(1)))
    scenario = Scenario((COIN,), (tuple(rows),), HOUR, HOUR, 10_000.0, PLAIN, acts, limits=Limits(daily_loss=50.0))
    assert [answer for *_, answer in assert_agreed(scenario)["answers"]] == [0, REFUSED]


def test_when_a_day_is_lost_open_buys_are_cancelled_and_sales_stay():
    asks = [(1, buy(10)), (2, buy(1, price=50.0)), (2, sell(5, price=200.0)), (2, buy(1, stop=150.0))]
    result = day(100, 100, 100, 95, 90, 95, at=asks, daily_loss=50.0)
    assert [order["status"] for order in result["orders"]] == ["FILLED", "CANCELLED", "OPEN", "CANCELLED"]
    assert [event for event in result["events"] if event[1] == "CANCELLED"] == [
        (4 * HOUR, "CANCELLED", 1), (4 * HOUR, "CANCELLED", 3),
    ]  # fmt: skip


def test_a_cancel_for_a_lost_day_travels_as_any_other():
    """The buy is reached at the open of the candle in which its cancel arrives."""
    asks = [(1, buy(10)), (2, buy(1, price=95.0))]
    rows = [FLAT, FLAT, FLAT, (100.0, 100.0, 95.0, 95.0, 1e6), (80.0, 80.0, 80.0, 80.0, 1e6)]
    acts = tuple((number, 0, act) for number, act in asks)
    model = replace(PLAIN, latency_ms=1_000)
    scenario = Scenario((COIN,), (tuple(rows),), HOUR, HOUR, 10_000.0, model, acts, limits=Limits(daily_loss=50.0))
    assert [order["status"] for order in assert_agreed(scenario)["orders"]] == ["FILLED", "FILLED"]


# The drawdown stop.


def test_a_drawdown_stops_for_the_cool_down_and_the_peak_begins_anew_after_it():
    """Equity of 50 coins bought at 100: peak 10,500 at 110; 99 is 9,950, 5.24 % lower; stopped at the 4th close.

    Two hours later, at 97, the peak is 9,850; 88 is 9,400, 4.6 % below; 87 is 9,350, 5.1 % below.
    """
    asks = [(1, buy(50)), *((n, buy(1, price=1.0)) for n in range(3, 11))]
    closes = [100, 100, 110, 99, 98, 97, 97, 88, 87, 87]
    result = day(*closes, at=asks, max_drawdown=0.05, cooldown=120)
    given = [answer for *_, answer in result["answers"]]
    assert given == [0, 1, REFUSED, REFUSED, 4, 5, 6, REFUSED, REFUSED]
    orders = [(order["status"], order["reason"]) for order in result["orders"]]
    assert orders[1] == ("CANCELLED", "")  # the one that rested when the stop began
    assert result["refused"] == [(n * HOUR, id, "max_drawdown") for n, id in [(4, 2), (5, 3), (9, 7), (10, 8)]]


def test_the_cash_at_the_beginning_is_the_first_peak():
    """A loss of 5 % at the first close that shows one."""
    result = day(100, 100, 90, 90, at=[(1, buy(50)), (3, buy(1))], max_drawdown=0.05, cooldown=60)
    assert [answer for *_, answer in result["answers"]] == [0, REFUSED]


def test_equity_is_looked_at_at_each_execution_candle_though_nothing_is_asked():
    """Lost in the middle of a strategy candle, and won back by its close."""
    rows = [FLAT] * 6 + [(100.0, 100.0, 94.0, 94.0, 1e6), (94.0, 100.0, 94.0, 100.0, 1e6)] + [FLAT] * 7
    asks = [(1, buy(10)), (2, buy(1))]
    scenario = scenario_of(rows, *asks, timeframe=5 * MINUTE, limits=Limits(daily_loss=50.0))
    assert [answer for *_, answer in assert_agreed(scenario)["answers"]] == [0, REFUSED]


def test_what_is_delisted_at_a_close_is_looked_at_as_it_was_before():
    """The sale costs a tenth; equity is marked before it, and looked at with it at the next close."""
    coins = (replace(COIN, delisted=3 * HOUR, taker=0.1), Instrument("OTHER", 1.0, 1.0, base_unit=1.0, quote_unit=0.01))
    acts = ((1, 0, buy(10)), (3, 1, buy(1, price=50.0)), (4, 1, buy(1, price=50.0)))
    limits = Limits(daily_loss=150.0)
    scenario = Scenario(
        coins, ((FLAT,) * 3 + (None,) * 2, (FLAT,) * 5), HOUR, HOUR, 10_000.0, PLAIN, acts, limits=limits
    )
    assert [answer for *_, answer in assert_agreed(scenario)["answers"]] == [0, 1, REFUSED]
