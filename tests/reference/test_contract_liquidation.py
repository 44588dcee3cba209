"""Section 12 of the law: where positions are liquidated and what that costs, each row worked by hand.

Ticks are 0.01. At 10x a position of 10 at 100 keeps 100.00, of which 1 % of its worth must be left, so a long goes at
900 / (10 * 0.99) = 90.909 and a short at 1,100 / (10 * 1.01) = 108.911.
"""

from dataclasses import replace

import pytest

from .contract_scenario import FINE, FUTURE, contract, flat, liquidations
from .margin import Tiers, reduction_units
from .scenario import MINUTE, all_of, columns, outcome, play
from .test_reference import FLAT, buy, sell
from .units import Units


def test_prices_of_the_page_on_margin():
    """Its examples: one contract of its own, and one beside another that has lost 1,000 and keeps 155."""
    tiers = Tiers(((0, 0.004, 125), (50_000, 0.005, 100), (600_000, 0.0065, 75)))
    assert tiers.maintenance_margin(60_000) == 250.0
    assert [tiers.max_notional(x) for x in (125, 100, 76, 75, 126)] == [50_000, 600_000, 600_000, float("inf"), 0]
    assert tiers.liquidation_prices(3000, 1, 60_000, 0, 0)[0] == 57_236.18090452261
    assert tiers.liquidation_prices(5000 - 1000 - 155, 1, 60_000, 0, 0)[0] == 56_386.934673366835


def test_a_cap_belongs_to_the_tier_that_it_ends():
    """1 % of 1,000, and 2 % of more; all of it, as the amounts are given as 0."""
    tiers = Tiers(((0, 0.01, 50, 0), (1000, 0.02, 20, 0)))
    assert [tiers.maintenance_margin(x) for x in (1000, -1000, 1001)] == [10.0, 10.0, 20.02]


def test_a_reduction_that_would_close_nothing_goes_to_the_tier_before():
    """11 at 90.90909091 are a hair above 1,000, and 1,000 of it are 10.9999999999, which count as 11; of 500, 5."""
    tiers, units = Tiers(((0, 0.01, 50), (500, 0.05, 20), (1000, 0.2, 5))), Units(FUTURE)
    assert [reduction_units(units, tiers, n, 90.90909091) for n in (11, -11, 12, 5)] == [6, 6, 1, 5]


# Where.


@pytest.mark.parametrize(
    ("order", "candle", "fill"),
    [
        # From 100 (the high) 9.0909 of 20 down: 27,272 ms. 10 at 90.90: 909.00, fee 4.545.
        (buy(10), (100, 100, 80, 80), (2 * MINUTE + 27_272, 0, 9090, 10, 90_900, 455)),
        # 8.9109 of 60 up: 8,910 ms. 10 at 108.92: 1,089.20, fee 5.446.
        (sell(10), (100, 120, 100, 120), (2 * MINUTE + 8_910, 0, 10892, 10, 108_920, 545)),
        # Up 5 first, then 14.0909 down, of 25: 45,818 ms.
        (buy(10), (100, 105, 85, 85), (2 * MINUTE + 45_818, 0, 9090, 10, 90_900, 455)),
    ],
)
def test_isolated_position_is_liquidated_at_its_level(order, candle, fill):
    """What is left of its margin comes back."""
    engine = play(FLAT, FLAT, candle, at={0: order}, instrument=FINE)
    assert liquidations(engine) == [fill]
    lost = abs(fill[4] - 100_000) + fill[5]
    assert (engine.ledger.wallet, engine.base_units, contract(engine).kept) == (1_000_000 - lost, [0], 0)


@pytest.mark.parametrize(("low", "is_gone"), [(90.91, False), (90.90909, True)])
def test_level_is_reached_or_not(low, is_gone):
    """It is 90.90909090909..."""
    engine = play(FLAT, FLAT, (100, 100, low, 100), at={0: buy(10)}, instrument=FINE)
    assert bool(liquidations(engine)) == is_gone


def test_mark_candles_say_when_and_the_price_says_how_much():
    """The mark falls from 100 to 80 while the price goes from 101 to 99: 0.4545 of that way, at 100.09, 1 + 0.909 of 4.

    10 at 100.09 are 1,000.90: 0.90 more than they cost, less a fee of 5.0045.
    """
    marks = columns(FLAT, FLAT, (100, 100, 80, 80))
    engine = play(FLAT, FLAT, (100, 101, 99, 100), at={0: buy(10)}, instrument=FINE, marks=[marks])
    assert liquidations(engine) == [(2 * MINUTE + 28_636, 0, 10009, 10, 100_090, 501)]
    assert engine.ledger.wallet == 1_000_000 + 90 - 501


def test_price_beyond_the_level_does_not_matter_while_the_mark_stands():
    """The price falls to 50, its mark to 91."""
    marks = columns(FLAT, FLAT, (100, 100, 91, 100))
    engine = play(FLAT, FLAT, (100, 100, 50, 100), at={0: buy(10)}, instrument=FINE, marks=[marks])
    assert liquidations(engine) == []


def test_mark_that_moves_while_the_price_does_not_is_at_the_end_of_its_leg():
    """On the second leg it is at 80 at once, at the open of the candle: the price is 100."""
    marks = columns(FLAT, FLAT, (100, 100, 80, 80))
    engine = play(FLAT, FLAT, FLAT, at={0: buy(10)}, instrument=FINE, marks=[marks])
    assert liquidations(engine) == [(2 * MINUTE, 0, 10000, 10, 100_000, 500)]


def test_a_gap_beyond_the_level_is_liquidated_at_the_open_and_the_fund_pays_what_is_missing():
    """10 at 85 are 850.00, 50.00 more than the margin of 100.00: they cost 900.00, and no fee is left to take."""
    engine = play(FLAT, FLAT, flat(85), at={0: buy(10)}, instrument=FINE)
    assert liquidations(engine) == [(2 * MINUTE, 0, 8500, 10, 90_000, 0)]
    assert engine.ledger.wallet == 990_000
    engine = play(FLAT, FLAT, flat(130), at={0: sell(10)}, instrument=FINE)
    assert liquidations(engine) == [(2 * MINUTE, 0, 13000, 10, 110_000, 0)]
    assert engine.ledger.wallet == 990_000


def test_a_liquidation_trades_as_a_stop_does():
    """From 90.909: half of 1 %, 0.4545, and 0.05 of the range of 20: 89.45 (89.4545). Its fee takes what is left."""
    engine = play(
        FLAT, FLAT, (100, 100, 80, 80), at={0: buy(10)}, instrument=FINE, spread=0.01, stop_slippage=0.05
    )  # fmt: skip
    assert engine.fills[0].ticks == 10050  # so its level is (1,005 - 100.50) / 9.9 = 91.363636: less 0.4568 and 1
    assert [(ticks, cost, fee) for _, _, ticks, _, cost, fee in liquidations(engine)] == [(8990, 90_450, 0)]
    assert engine.ledger.wallet == 1_000_000 - 10_050


# Orders.

EXACT = replace(FUTURE, price_step=0.25, tiers=((0, 0.04, 10),))  # a long of 10 at 100 goes at 900 / 9.6 = 93.75


def test_a_liquidation_comes_before_a_stop_at_the_same_price_and_cancels_all_orders():
    """Both at 93.75; a stop at 94 is first."""
    at = {0: buy(10), 1: all_of(sell(10, stop=93.75), buy(1, price=80))}
    engine = play(FLAT, FLAT, (100, 100, 90, 90), at=at, instrument=EXACT)
    assert [outcome(engine, id) for id in (1, 2)] == [("CANCELLED", "LIQUIDATED")] * 2
    assert [(f.order, f.ticks) for f in engine.fills[1:]] == [(-1, 375)]
    assert [kind for *_, kind, _ in engine.events[-3:]] == ["CANCELLED", "CANCELLED", "FILL"]
    saved = play(FLAT, FLAT, (100, 100, 90, 90), at={0: buy(10), 1: sell(10, stop=94)}, instrument=EXACT)
    assert [(f.order, f.ticks) for f in saved.fills[1:]] == [(1, 376)]


def test_a_liquidation_at_the_open_comes_before_what_arrives_then():
    """The sale asked at 100 finds nothing to sell, and opens a short of its own; a close may not."""
    engine = play(FLAT, FLAT, flat(90), at={0: buy(10), 1: sell(10)}, instrument=EXACT)
    assert [(f.order, f.ticks, f.amount) for f in engine.fills[1:]] == [(-1, 360, 10), (1, 360, 10)]
    assert engine.base_units == [-10]
    engine = play(FLAT, FLAT, flat(90), at={0: buy(10), 1: lambda e: e.close(0)}, instrument=EXACT)
    assert outcome(engine, 1) == ("REJECTED", "REDUCE_ONLY_WOULD_INCREASE")
    assert engine.base_units == [0]


def test_liquidations_are_told_as_fills_and_what_they_cancel_as_errors():
    """In the order it happened."""
    told = []
    at = {0: buy(10), 1: buy(1, price=80)}
    play(
        FLAT, FLAT, FLAT, flat(90), at=at, instrument=EXACT,
        on_fill=lambda _e, _k, fill, _now: told.append(fill.tag),
        on_order_error=lambda _e, _k, order, _now: told.append(order.reason),
    )  # fmt: skip
    assert told == ["", "LIQUIDATED", "liquidation"]


def test_a_position_that_opens_under_water_is_liquidated_where_it_opens():
    """Its mark stands at 90 all the time, below 90.909 as soon as it is there, at 15 s."""
    marks = columns(*[flat(90)] * 3)
    engine = play(FLAT, (100, 101, 99, 100), at={0: buy(10)}, instrument=FINE, marks=[marks], latency_ms=15_000)
    assert [(f.time - MINUTE, f.order) for f in engine.fills] == [(15_000, 0), (15_000, -1)]


def test_a_rising_mark_does_not_save_what_is_beyond_its_level_already():
    """From 88 to 90 and back: it is liquidated at once, not where it would pass."""
    marks = columns(FLAT, (88, 95, 88, 95))
    engine = play(FLAT, (100, 101, 99, 100), at={0: buy(10)}, instrument=FINE, marks=[marks])
    assert [(f.time - MINUTE, f.order) for f in engine.fills] == [(0, 0), (0, -1)]


# Partial.

THREE = replace(FINE, tiers=((0, 0.01, 50), (500, 0.05, 20), (1000, 0.2, 5)), leverage=5)


def test_partial_liquidation_through_two_tiers():
    """20 at 100 keep 400.00; amounts are 20 and 170. At 81 they are worth 1,620: 20.00 are left and 154.00 asked.

    1. 1,000 / 81 = 12.3: 8 go for 648.00, which cost 800.00: 152.00 lost, fee 3.24: 244.76 kept. 12 at 972.00 have
       16.76 left and are asked 28.60.
    2. 500 / 81 = 6.2: 6 go for 486.00: 114.00 lost, fee 2.43: 128.33 kept. 6 at 486.00 have 14.33, asked are 4.86.
    """
    engine = play(FLAT, FLAT, flat(81), at={0: buy(20)}, instrument=THREE)
    assert liquidations(engine) == [(2 * MINUTE, 0, 8100, 8, 64_800, 324), (2 * MINUTE, 0, 8100, 6, 48_600, 243)]
    assert (engine.base_units, contract(engine).entry, contract(engine).kept) == ([6], 60_000, 12_833)
    assert engine.ledger.wallet == 1_000_000 - 15_200 - 324 - 11_400 - 243


def test_a_partial_liquidation_is_enough_when_the_rest_can_be_kept():
    """On the way to 85 at (1,600 - 170) / (20 - 4) = 89.375: 1,000 / 89.375 = 11.2, so 9 go at 89.37: 804.33, fee 4.03.

    Of 400.00, 95.67 are lost: 300.30 kept; the rest is next asked at (1,100 - 300.30 - 20) / (11 - 0.55) = 74.61.
    """
    engine = play(FLAT, FLAT, (100, 100, 75, 75), at={0: buy(20)}, instrument=THREE)
    assert [row[2:] for row in liquidations(engine)] == [(8937, 9, 80_433, 403)]
    assert (engine.base_units, contract(engine).kept) == ([11], 40_000 - 9_567 - 403)
    engine = play(FLAT, FLAT, (100, 100, 74, 74), at={0: buy(20)}, instrument=THREE)
    # 500 / 74.61 = 6.7: 5 more at 74.61 (74.614), which cost 500.00: 126.95 lost, fee 1.87.
    assert [row[2:] for row in liquidations(engine)[1:]] == [(7461, 5, 37_305, 187)]
    assert (engine.base_units, contract(engine).kept) == ([6], 40_000 - 9_567 - 403 - 12_695 - 187)


def test_on_a_leg_without_length_the_mark_is_at_its_end():
    """The price stands at 100, the mark goes to 80: 1,000 / 80 = 12.5, so 8 go. At 89.375 it would have been 9."""
    engine = play(FLAT, FLAT, FLAT, at={0: buy(20)}, instrument=THREE, marks=[columns(FLAT, FLAT, (100, 100, 80, 80))])
    assert liquidations(engine) == [(2 * MINUTE, 0, 10_000, 8, 80_000, 400)]


def test_the_loss_ends_with_the_margin_whatever_the_price():
    """At 50 they are worth 1,000, the cap of the second tier: 500 / 50 = 10 go for no less than 600.00, then all."""
    engine = play(FLAT, FLAT, flat(50), at={0: buy(20)}, instrument=THREE)
    assert [row[3:] for row in liquidations(engine)] == [(10, 60_000, 0), (10, 100_000, 0)]
    assert engine.ledger.wallet == 1_000_000 - 40_000
