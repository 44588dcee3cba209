"""Tiers of leverage are what an exchange or a user says, checked before anything is computed from them."""

import pickle
from decimal import Decimal
from math import inf, nan

import numpy as np
import pytest

from planar.errors import ConfigError
from planar.model.tiers import Tier, Tiers

NAME = "binance:BTC/USDT:USDT"
ROWS = [(0, 0.004, 125), (50_000, 0.005, 100), (600_000, 0.0065, 75)]


def test_a_users_rows_are_tiers_whose_caps_are_the_next_floors():
    assert Tiers.of(NAME, ROWS).tiers == (
        Tier(Decimal(0), Decimal(50_000), Decimal("0.004"), Decimal(0), Decimal(125)),
        Tier(Decimal(50_000), Decimal(600_000), Decimal("0.005"), Decimal(50), Decimal(100)),
        Tier(Decimal(600_000), None, Decimal("0.0065"), Decimal(950), Decimal(75)),
    )


@pytest.mark.parametrize("number", [str, float, lambda x: Decimal(str(x)), np.float64])
def test_numbers_may_be_of_any_kind_and_mean_what_their_text_says(number):
    assert Tiers.of(NAME, [tuple(map(number, row)) for row in ROWS]) == Tiers.of(NAME, ROWS)


def test_some_amounts_may_be_told_and_the_others_follow_from_them():
    """The second jumps by 10 (40 instead of 50), and the third goes on from there."""
    tiers = Tiers.of(NAME, [ROWS[0], (*ROWS[1], 40), ROWS[2]])
    assert [tier.maintenance_amount for tier in tiers.tiers] == [0, 40, 940]


def test_its_table_ends_with_an_infinite_floor_and_cannot_be_written():
    table = Tiers.of(NAME, ROWS).table
    assert list(table["floor"]) == [0, 50_000, 600_000, inf]
    assert list(table["cap"]) == [50_000, 600_000, inf, inf]
    assert (list(table["amount"][:3]), list(table["rate"][:3])) == ([0, 50, 950], [0.004, 0.005, 0.0065])
    with pytest.raises(ValueError, match="read-only"):
        table["rate"][0] = 0.0


def test_a_fee_of_closing_is_asked_in_every_tier():
    tiers = Tiers.of(NAME, ROWS).plus_fee("0.0005")
    assert [tier.maintenance_rate for tier in tiers.tiers] == [Decimal("0.0045"), Decimal("0.0055"), Decimal("0.007")]
    assert [tier.maintenance_amount for tier in tiers.tiers] == [0, 50, 950]


def test_a_copy_has_a_table_of_its_own():
    tiers = Tiers.of(NAME, ROWS)
    copied = pickle.loads(pickle.dumps(tiers))
    assert copied == tiers
    assert copied.table.ctypes.data != tiers.table.ctypes.data
    assert (copied.table == tiers.table).all()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "there are no tiers; give at least"),
        ([(0, 0.004)], "tier 1 has 2 numbers, not"),
        ([(0, "much", 125)], "tier 1 has 'much', which is not a number"),
        ([(0, None, 125)], "tier 1 has None, which is not a number"),
        ([(0, nan, 125)], "tier 1: maintenance_rate=NaN must be a finite number"),
        ([(0, 0.004, inf)], "tier 1: max_leverage=Infinity must be a finite number"),
        ([(5, 0.004, 125)], "tier 1: floor=5 must be 0: the smallest position has a tier too"),
        ([(0, 0.004, 125), (0, 0.005, 100)], "tier 1: cap=0 must be above its floor, 0"),
        ([(0, 0.004, 125), (50, 0.005, 100), (20, 0.01, 50)], "tier 2: cap=20 must be above its floor, 50"),
        ([(0, 0.005, 125), (50, 0.004, 100)], "tier 2: maintenance_rate=0.004 must be 0.005 or more, as before"),
        ([(0, 0.004, 100), (50, 0.005, 125)], "tier 2: max_leverage=125 must be 100 or less, as before"),
        ([(0, 1, 1)], "tier 1: maintenance_rate=1 must be a fraction: 0.004 is 0.4 %"),
        ([(0, -0.1, 1)], "tier 1: maintenance_rate=-0.1 must be a fraction"),
        ([(0, 0.004, 0.5)], "tier 1: max_leverage=0.5 must be 1 or more"),
        ([(0, 0.4, 125)], "tier 1: maintenance_rate=0.4 must be 0.008 or less, the initial margin at 125x: 0.004 is"),
        ([(0, 0.004, 125, 1)], "tier 1: maintenance_amount=1 must be 0.000 or less, or the margin would fall at 0"),
        (
            [*ROWS[:2], (*ROWS[2], 9500)],
            "tier 3: maintenance_amount=9500 must be 950.0000 or less, or the margin would fall at 600000",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_tier_the_number_and_what_it_must_be(rows, told):
    with pytest.raises(ConfigError) as caught:
        Tiers.of(NAME, rows)
    assert str(caught.value).startswith(f"{NAME}: {told}")


def test_a_gap_between_tiers_is_refused():
    first, second, third = Tiers.of(NAME, ROWS).tiers
    with pytest.raises(ConfigError, match="tier 2: floor=600000 must be the cap of the tier before, 50000"):
        Tiers(NAME, (first, third))
    with pytest.raises(ConfigError, match="tier 2: floor=50000 must be the cap of the tier before, None"):
        Tiers(NAME, (Tier(first.floor, None, *list(vars(first).values())[2:]), second))


def test_amounts_that_a_venue_rounded_up_a_little_are_taken():
    assert Tiers.of(NAME, [ROWS[0], (*ROWS[1], 50.01)]).tiers[1].maintenance_amount == Decimal("50.01")
