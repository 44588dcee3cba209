"""Section 12 of the law: funding, each row worked by hand. A rate of 0.1 % of 10 at 100 is 1.00."""

from dataclasses import replace

import pytest

from .contract_scenario import FUTURE, contract, flat, liquidations
from .scenario import MINUTE, columns, play
from .test_reference import FLAT, buy, sell

RATE = 0.001


def paid(engine) -> list[tuple]:
    """(time, quote units) of every payment; below 0 it was received."""
    return [(time, units) for time, _, units in engine.ledger.fundings]


@pytest.mark.parametrize(
    ("order", "rate", "units"),
    [(buy(10), RATE, 100), (sell(10), RATE, -100), (buy(10), -RATE, -100), (sell(10), -RATE, 100)],
)
def test_funding_at_an_open_is_paid_and_received_off_the_margin(order, rate, units):
    """A long pays a positive rate."""
    engine = play(FLAT, FLAT, FLAT, at={0: order}, instrument=FUTURE, funding=[[(2 * MINUTE, rate)]])
    assert paid(engine) == [(2 * MINUTE, units)]
    assert (engine.ledger.wallet, contract(engine).kept) == (1_000_000 - units, 10_000 - units)


def test_a_cross_position_pays_off_the_wallet():
    """It keeps nothing."""
    cross = replace(FUTURE, margin_mode="cross")
    engine = play(FLAT, FLAT, FLAT, at={0: buy(10)}, instrument=cross, funding=[[(2 * MINUTE, RATE)]])
    assert (engine.ledger.wallet, contract(engine).kept) == (999_900, 0)


@pytest.mark.parametrize(
    ("second", "rate", "units"),
    [
        (buy(10), RATE, 200),  # on 20, which it is then
        (buy(10), -RATE, -100),  # on 10, which it was
        (sell(4), RATE, 100),
        (sell(4), -RATE, -60),
        (sell(10), RATE, 100),
        (sell(10), -RATE, 0),
        (sell(15), RATE, 100),  # a short of 5 would receive
        (sell(15), -RATE, 50),  # and pay
    ],
)
def test_at_an_open_it_is_paid_on_the_larger_and_received_on_the_smaller_position(second, rate, units):
    """10 before, and what was filled at the open."""
    acts = {0: buy(10), 1: second}
    engine = play(FLAT, FLAT, FLAT, at=acts, instrument=FUTURE, funding=[[(2 * MINUTE, rate)]])
    assert paid(engine) == ([(2 * MINUTE, units)] if units else [])
    assert engine.ledger.wallet == 1_000_000 - units
    if engine.base_units == [0]:
        assert contract(engine).kept == 0


def test_who_comes_at_the_open_pays_and_does_not_receive():
    """Nothing before, 10 after."""
    for rate, units in ((RATE, [(MINUTE, 100)]), (-RATE, [])):
        engine = play(FLAT, FLAT, at={0: buy(10)}, instrument=FUTURE, funding=[[(MINUTE, rate)]])
        assert paid(engine) == units


@pytest.mark.parametrize(
    ("time", "moment", "units"),
    [
        (-7, 0, 100),
        (-500, 0, 100),
        (499, 0, 100),
        (500, 1_000, 101),  # 0.5 of 30: 100.5 on 100
        (-501, -1_000, 100),
        (20_000, 20_000, 110),
        (35_000, 35_000, 103),  # 17.5 of 30: 102.5
        (50_000, 50_000, 95),
    ],
)
def test_times_are_rounded_to_the_second_and_the_mark_is_that_of_the_time(time, moment, units):
    """The price and its mark go 100, 110, 95, 100."""
    funding = [[(2 * MINUTE + time, RATE)]]
    engine = play(FLAT, FLAT, (100, 110, 95, 100), FLAT, at={0: buy(10)}, instrument=FUTURE, funding=funding)
    assert paid(engine) == [(2 * MINUTE + moment, units)]


def test_funding_inside_a_candle_is_of_the_mark():
    """At 15 s the price is at the end of its first leg, and the mark at 220."""
    marks = columns(flat(200), flat(200), (200, 220, 180, 200))
    funding = [[(2 * MINUTE + 15_000, RATE)]]
    cross = replace(FUTURE, margin_mode="cross")
    engine = play(FLAT, FLAT, (100, 110, 90, 100), at={0: buy(10)}, instrument=cross, funding=funding, marks=[marks])
    assert paid(engine) == [(2 * MINUTE + 15_000, 220)]


def test_funding_inside_comes_before_orders_of_the_same_time():
    """The buy of 10 more arrives when it is paid, on 10."""
    funding = [[(2 * MINUTE + 15_000, RATE)]]
    acts = {0: buy(10), 1: buy(10)}
    engine = play(FLAT, FLAT, FLAT, at=acts, instrument=FUTURE, funding=funding, latency_ms=15_000)
    assert paid(engine) == [(2 * MINUTE + 15_000, 100)]
    assert engine.base_units == [20]


def test_funding_in_a_gap_is_due_at_the_next_open():
    """Two rates of a missing minute: 1.00 and 2.00 of 10 at 100, at the open after it."""
    funding = [[(2 * MINUTE, RATE), (2 * MINUTE + 30_000, 2 * RATE)]]
    engine = play(FLAT, FLAT, None, FLAT, at={0: buy(10)}, instrument=FUTURE, funding=funding)
    assert paid(engine) == [(3 * MINUTE, 100), (3 * MINUTE, 200)]


def test_funding_can_be_what_liquidates():
    """It takes 99.99 of 100.00 of margin, at 100: 0.01 are left, 10.00 are asked."""
    engine = play(FLAT, FLAT, FLAT, at={0: buy(10)}, instrument=FUTURE, funding=[[(2 * MINUTE, 0.09999)]])
    assert liquidations(engine) == [(2 * MINUTE, 0, 100, 10, 100_000, 0)]
    assert engine.ledger.wallet == 1_000_000 - 9_999


def test_what_is_liquidated_at_the_open_pays_no_funding():
    """At 90 it is gone before."""
    engine = play(FLAT, FLAT, flat(90), at={0: buy(10)}, instrument=FUTURE, funding=[[(2 * MINUTE, RATE)]])
    assert (paid(engine), engine.ledger.wallet) == ([], 990_000)


def test_payments_round_up_and_receipts_down():
    """0.01234 % of 10 at 100 is 12.34 cents."""
    for rate, units in ((0.0001234, 13), (-0.0001234, -12)):
        engine = play(FLAT, FLAT, FLAT, at={0: buy(10)}, instrument=FUTURE, funding=[[(2 * MINUTE, rate)]])
        assert paid(engine) == [(2 * MINUTE, units)]
