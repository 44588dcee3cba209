"""The kernel and the plain-Python reference, both written from docs/simulation.md, agree to the last bit on random
scenarios."""

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from parity.play import Coverage, KernelPlayer, disagreement
from parity.small import FLAT, PLAIN, assert_agreed, scenario_of
from reference.contract_scenarios import contract_scenario, exits_scenario, leveraged_scenario, protected_scenario
from reference.model import Instrument
from reference.scenarios import (
    MINUTE,
    Scenario,
    guarded_scenario,
    linked_scenario,
    random_scenario,
    squeezed_scenario,
    triggered_scenario,
)

from planar.model.order import Event, Limit, Reason

SCENARIOS = st.randoms(use_true_random=False).map(random_scenario)
"""Hypothesis plays the random numbers, so that a failure shrinks to few orders on few candles."""

SQUEEZED = st.randoms(use_true_random=False).map(squeezed_scenario)
GUARDED = st.randoms(use_true_random=False).map(guarded_scenario)
LINKED = st.randoms(use_true_random=False).map(linked_scenario)
TRIGGERED = st.randoms(use_true_random=False).map(triggered_scenario)
CONTRACTS = st.randoms(use_true_random=False).map(contract_scenario)
LEVERAGED = st.randoms(use_true_random=False).map(leveraged_scenario)
EXITS = st.randoms(use_true_random=False).map(exits_scenario)
PROTECTED = st.randoms(use_true_random=False).map(protected_scenario)

LOUD = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@settings(LOUD, max_examples=250)
@given(SCENARIOS)
def test_kernel_and_reference_agree_on_everything(scenario):
    """Orders, fills, events, equity, what is told and seen, every answer."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(SQUEEZED)
def test_kernel_and_reference_agree_where_cash_is_scarce(scenario):
    """What an order may have then depends on when others let go of theirs."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(GUARDED)
def test_kernel_and_reference_agree_where_positions_are_guarded(scenario):
    """By takes, stops and trailing stops."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(LINKED)
def test_kernel_and_reference_agree_where_orders_are_linked(scenario):
    """Of which one cancels the others."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(TRIGGERED)
def test_kernel_and_reference_agree_where_orders_wait_for_others(scenario):
    """Exits for their entry, and in groups."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(CONTRACTS)
def test_kernel_and_reference_agree_where_contracts_are_traded(scenario):
    """Isolated and cross, spot beside them, with and without mark candles and funding."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(LEVERAGED)
def test_kernel_and_reference_agree_where_positions_are_liquidated(scenario):
    """Large positions of both sides that the market takes away."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(PROTECTED)
def test_kernel_and_reference_agree_where_orders_may_only_reduce(scenario):
    """Positions with several exits of their own."""
    found, _ = disagreement(scenario)
    assert not found, found


@settings(LOUD, max_examples=120)
@given(EXITS)
def test_kernel_and_reference_agree_where_positions_have_exits(scenario):
    """That are asked for candle after candle."""
    found, _ = disagreement(scenario)
    assert not found, found


@pytest.mark.slow
def test_kernel_and_reference_agree_on_ten_thousand_scenarios():
    """Most of them with fills, and all together with everything that can happen to an order."""
    coverage = Coverage()

    def agree(scenario):
        found, result = disagreement(scenario)
        coverage.add(result)
        assert not found, found

    # Hypothesis remembers every choice of a run, so that one run of all would take gigabytes.
    for number in range(32):
        made = (EXITS, GUARDED, LINKED, LEVERAGED, CONTRACTS, TRIGGERED, PROTECTED, SQUEEZED)[number % 8]
        seed(number)(settings(LOUD, max_examples=500, database=None)(given(made)(agree)))()
    print("\n" + coverage.table())
    assert coverage.scenarios >= 10_000
    assert coverage.with_fills >= coverage.scenarios / 2
    seen = {name for (kind, name), count in coverage.seen.items() if count}
    assert {event.name for event in Event} <= seen
    assert {reason.name for reason in Reason if 0 < reason <= Reason.RISK_LIMIT or reason >= Reason.LINKED} <= seen
    assert {limit.name.lower() for limit in Limit if limit} <= seen
    assert {"maker", "taker", "delisted", "liquidation", "decided by the path", "touched"} <= seen


# What random scenarios found once.


def test_an_amend_that_travels_over_a_close_meets_the_path_where_it_arrives():
    """Its new limit is out of the present order's reach; a third into a path of 102, 60, 90 the market is at 80."""
    rows = [FLAT, (100.0, 101.0, 99.0, 100.0, 1e6), (100.0, 102.0, 60.0, 90.0, 1e6)]
    asks = [(1, ("buy", "amount", 5.0, {"price": 50.0})), (1, ("amend", ("live", 0), {"price": 200.0}))]
    assert [fill[3] for fill in assert_agreed(scenario_of(rows, *asks, latency_ms=80_000))["fills"]] == [80]


def test_closing_half_of_very_many_units_takes_exactly_half():
    """110,479,192,918 units: more than a float of them tells within a millionth."""
    coin = Instrument("COIN", 0.01, 1e-8, maker=0.0, taker=0.0)
    asks = [(1, ("buy", "amount", 1104.79192918, {})), (3, ("close", 0.5))]
    scenario = scenario_of([(1.0, 1.0, 1.0, 1.0, 1e6)] * 5, *asks, coin=coin)
    assert assert_agreed(scenario)["bases"] == [55_239_596_459]


def test_a_limit_crosses_a_price_that_is_a_hair_off_its_tick():
    """Within a millionth of a tick a price is on it: 0.06906000000000001 is 6,906 ticks of 0.00001."""
    coin = Instrument("COIN", 1e-5, 10.0, maker=0.0, taker=0.0)
    price = 6906 * 1e-5
    assert price > 0.06906
    rows = [(price, price, price, price, 1e9)] * 3
    scenario = scenario_of(rows, (1, ("buy", "amount", 100.0, {"price": 0.06906})), coin=coin)
    assert [fill[3] for fill in assert_agreed(scenario)["fills"]] == [6906]


def test_strategy_candles_of_one_execution_candle_each_are_decided_at_their_close():
    """As many of one as of the other, at other closes."""
    rows = [FLAT if i in (0, 5, 14) else None for i in range(15)]
    asks = [(at, ("buy", "amount", 5.0, {})) for at in (1, 2, 3)]
    assert len(assert_agreed(scenario_of(rows, *asks, timeframe=5 * MINUTE))["fills"]) == 2


def test_a_minimum_amount_a_hair_above_whole_units_is_those_units():
    """3 * 1e-8 is 3.0000000000000004e-08."""
    coin = Instrument("COIN", 1.0, 1e-8, 3 * 1e-8, maker=0.0, taker=0.0)
    scenario = scenario_of([FLAT] * 3, (1, ("buy", "amount", 3.2e-8, {})), coin=coin)
    assert [fill[4] for fill in assert_agreed(scenario)["fills"]] == [3]


@pytest.mark.parametrize("amount", [1e19, 1e300])
def test_an_amount_outside_64_bits_stops_the_run(amount):
    """It is not taken for nothing."""
    assert assert_agreed(scenario_of([FLAT] * 3, (1, ("buy", "amount", amount, {})))) == {"raised": "OverflowError"}


@pytest.mark.parametrize("delisted", [3 * MINUTE, 3 * MINUTE - 5, 3 * MINUTE + 5])
def test_a_delisting_is_told_in_its_turn(delisted):
    """A buy fills, another is open, and the balance is sold."""
    coin = Instrument("COIN", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01, delisted=delisted)
    rows = [FLAT, FLAT, FLAT, None, FLAT]
    asks = [(2, ("buy", "amount", 5.0, {})), (1, ("buy", "amount", 1.0, {"price": 50.0}))]
    told = KernelPlayer(scenario_of(rows, *asks, coin=coin)).told
    at = 5 * MINUTE if delisted > 3 * MINUTE else 3 * MINUTE
    assert told == [("fill", 3 * MINUTE, 1), ("error", at, 0), ("fill", at, -1)]
    assert_agreed(scenario_of(rows, *asks, coin=coin))


def test_two_delistings_in_one_candle_are_settled_in_the_order_of_time():
    """The later one is declared first."""
    coins = [Instrument("COIN", 1.0, 1.0, base_unit=1.0, quote_unit=0.01, delisted=at) for at in (170_000, 150_000)]
    acts = tuple((1, k, ("buy", "amount", 5.0, {})) for k in (0, 1))
    scenario = Scenario(tuple(coins), ((FLAT,) * 4,) * 2, MINUTE, MINUTE, 10_000.0, PLAIN, acts)
    events = assert_agreed(scenario)["events"]
    assert [time for time, _, order in events if order == -1] == [150_000, 170_000]


def test_what_a_stop_can_pay_depends_on_when_a_cancel_out_of_reach_arrives():
    """80 at 124 are 9,920: there only once the cancel has freed the 200 of a limit far away. Up first, the stop is
    triggered before the cancel and refused; down first, after it, and it buys far above the close: that is lower."""
    rows = [FLAT, FLAT, FLAT, (100.0, 115.0, 85.0, 100.0, 1e6)]
    asks = [
        (1, ("buy", "amount", 10.0, {"price": 20.0})),
        (1, ("buy", "amount", 80.0, {"stop": 110.0})),
        (3, ("cancel", ("live", 0))),
    ]
    scenario = scenario_of(rows, *asks, path="pessimistic", latency_ms=24_000, stop_slippage=0.45)
    assert [fill[3] for fill in assert_agreed(scenario)["fills"]] == [124]


def test_an_amend_of_its_amount_leaves_a_trailing_stop_where_it_went():
    """Asked at a close of 100, when its trigger is 90; with the price it went to 110 before the amend arrives."""
    rows = [FLAT, FLAT, FLAT, (100.0, 120.0, 100.0, 119.0, 1e6), (119.0, 119.0, 90.0, 90.0, 1e6)]
    asks = [
        (1, ("buy", "amount", 5.0, {})),
        (2, ("sell", "amount", 2.0, {"trail_by": 10.0})),
        (3, ("amend", ("live", 0), {"amount": 3.0})),
    ]
    result = assert_agreed(scenario_of(rows, *asks, latency_ms=59_000, path="olhc"))
    assert [(fill[3], fill[4]) for fill in result["fills"][1:]] == [(110, 3)]


def test_an_amend_of_what_became_a_market_order_is_refused_whatever_its_amount():
    """The stop triggers at the open and gets 1 of 3; an amend to less than that arrives later in the candle."""
    rows = [FLAT, FLAT, FLAT, (90.0, 90.0, 90.0, 90.0, 1.0), FLAT]
    asks = [
        (1, ("buy", "amount", 3.0, {})),
        (2, ("sell", "amount", 3.0, {"stop": 95.0})),
        (3, ("amend", ("live", 0), {"amount": 1.0})),
    ]
    result = assert_agreed(scenario_of(rows, *asks, latency_ms=250, participation=1.0))
    assert result["orders"][1]["amend_reason"] == "INVALID_ORDER"


def test_nothing_is_decided_after_the_last_candle():
    """Not even a delisting, before the close of the strategy's candle but after the data."""
    coin = Instrument("COIN", 1.0, 1.0, base_unit=1.0, quote_unit=0.01, delisted=9 * MINUTE)
    rows = [FLAT] * 8 + [None, None]
    scenario = scenario_of(rows, (1, ("buy", "amount", 5.0, {})), coin=coin, timeframe=5 * MINUTE)
    assert assert_agreed(scenario)["bases"] == [5]


def test_a_limit_below_one_tick_is_refused_whatever_the_trigger():
    """The first failing rule gives the reason; a trigger outside 64 bits is not looked at."""
    asks = [
        (1, ("buy", "amount", 1.0, {"price": 0.5, "stop": 1e20})),
        (1, ("buy", "amount", 1.0, {"price": 50.0, "stop": 150.0})),
        (2, ("amend", ("live", 0), {"price": 0.5, "stop": 1e20})),
    ]
    result = assert_agreed(scenario_of([FLAT] * 4, *asks))
    assert [answer for *_, answer in result["answers"]] == ["INVALID_PRICE", 1, "INVALID_PRICE"]
