"""What must hold of margins for all tiers, positions and prices, against exact fractions."""

from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planar.kernel import margin, margin_units
from planar.kernel.machine import compiled
from planar.kernel.margin import Position
from planar.kernel.state import Instrument as InstrumentRecord
from planar.kernel.state import Memory
from planar.kernel.state import State as StateRecord
from planar.model.tiers import Tiers

NEAR = Fraction(1, 2**48)
"""How far a solved price may miss, as a share of all the money in the sum: some roundings of a float."""


@st.composite
def tables(draw) -> Tiers:
    """Up to six tiers, floors of any magnitude, rates from 0.01 % to 50 %."""
    count = draw(st.integers(1, 6))
    widths = draw(st.lists(st.integers(1, 10**6), min_size=count - 1, max_size=count - 1))
    rates = sorted(draw(st.lists(st.integers(1, 5000), min_size=count, max_size=count)))
    unit = draw(st.sampled_from([1, 100, Fraction(1, 100)]))
    floors = [float(sum(widths[:n]) * unit) for n in range(count)]
    return Tiers.of(
        "x:A/B:B", [(floor, rate / 10_000, 10_000 // rate) for floor, rate in zip(floors, rates, strict=True)]
    )


TIERS = tables()
MONEY = st.floats(0.01, 1e8)
AMOUNT = st.floats(1e-3, 1e6)
PRICE = st.floats(1e-2, 1e6)
SIDE = st.sampled_from([1, -1])


@dataclass(frozen=True)
class Account:
    """A long and a short of one instrument and what else there is."""

    tiers: Tiers
    balance: float
    long: float
    long_entry: float
    short: float
    short_entry: float
    inverse: bool

    @property
    def sides(self) -> tuple[float, ...]:
        costs = [
            margin.notional_of(amount, entry, self.inverse)
            for amount, entry in ((self.long, self.long_entry), (self.short, self.short_entry))
        ]
        return self.balance, self.long, costs[0], self.short, costs[1]

    @property
    def prices(self) -> tuple[float, float]:
        return margin.liquidation_prices(self.tiers, *self.sides, self.inverse)

    def left(self, price: Fraction) -> tuple[Fraction, Fraction]:
        """Margin balance less maintenance margin, and the sum of all that it is made of."""
        balance, long, long_cost, short, short_cost = map(Fraction, self.sides)
        worth = [long / price, short / price] if self.inverse else [long * price, short * price]
        gains = worth[0] - long_cost + short_cost - worth[1]
        asked = sum(maintenance(self.tiers, one) for one in worth)
        size = abs(balance) + long_cost + short_cost + sum(worth) + sum(Fraction(x) for x in self.tiers.table["amount"])
        return balance + (-gains if self.inverse else gains) - asked, size


def maintenance(tiers: Tiers, notional: Fraction) -> Fraction:
    """Tier by tier, as a tax: each part of the notional at the rate of its own tier, in exact fractions."""
    asked = Fraction(0)
    for tier in tiers.tiers:
        top = notional if tier.cap is None else min(notional, Fraction(tier.cap))
        asked += max(top - Fraction(tier.floor), Fraction(0)) * Fraction(tier.maintenance_rate)
    return asked


ACCOUNTS = st.builds(
    Account, TIERS, st.floats(-1e6, 1e8), AMOUNT | st.just(0.0), PRICE, AMOUNT | st.just(0.0), PRICE, st.booleans()
)


@given(ACCOUNTS, st.lists(PRICE, max_size=8))
def test_outside_its_two_prices_an_account_keeps_too_little_and_between_them_enough(account, elsewhere):
    below, above = account.prices
    edges = [
        margin.notional_of(amount, 1.0) / floor if account.inverse else floor / amount
        for amount in (account.long, account.short)
        for floor in account.tiers.table["floor"][1:-1]
        if amount
    ]
    for price in [*edges, *elsewhere, *(x * near for x in (below, above) for near in (0.9, 0.999999, 1.000001, 1.1))]:
        if not 0 < price < inf:
            continue
        left, size = account.left(Fraction(price))
        if price <= below or price >= above:
            assert left <= NEAR * size
        else:
            assert left >= -NEAR * size


@given(ACCOUNTS)
def test_at_its_prices_an_account_has_just_what_it_must_keep(account):
    for price in account.prices:
        if 0 < price < inf:
            left, size = account.left(Fraction(price))
            assert abs(left) <= NEAR * size


@given(TIERS, AMOUNT, PRICE, MONEY, SIDE, st.booleans())
def test_a_cross_account_of_one_position_is_that_position_with_the_whole_wallet(
    tiers, amount, entry, wallet, side, inverse
):
    isolated = margin.liquidation_price(tiers, side * amount, entry, wallet, inverse)
    [found] = margin.cross_liquidation_prices(wallet, [Position(tiers, side * amount, entry, entry, inverse)]).values()
    assert found == ((isolated, inf) if side > 0 else (0, isolated))


@given(TIERS, AMOUNT, PRICE, MONEY, st.floats(1.0, 3.0), SIDE, st.booleans())
def test_more_margin_moves_the_liquidation_price_away(tiers, amount, entry, held, more, side, inverse):
    near = margin.liquidation_price(tiers, side * amount, entry, held, inverse)
    far = margin.liquidation_price(tiers, side * amount, entry, held * more, inverse)
    assert side * far <= side * near


@given(TIERS, AMOUNT, PRICE, st.floats(1.0, 3.0), st.integers(1, 100), SIDE, st.booleans())
def test_a_larger_position_at_the_same_leverage_is_liquidated_no_later(
    tiers, amount, entry, more, leverage, side, inverse
):
    """Its margin grows with it, and larger tiers ask no less of each unit."""

    def price(size):
        held = margin.initial_margin(margin.notional_of(size, entry, inverse), leverage)
        return margin.liquidation_price(tiers, side * size, entry, held, inverse)

    small, large = price(amount), price(amount * more)
    assert side * large >= side * small or large == pytest.approx(small, rel=1e-12)


@given(TIERS, AMOUNT, PRICE, MONEY, SIDE, st.booleans())
def test_bankruptcy_comes_after_liquidation(tiers, amount, entry, held, side, inverse):
    liquidated = margin.liquidation_price(tiers, side * amount, entry, held, inverse)
    bankrupt = margin.bankruptcy_price(side * amount, entry, held, inverse)
    assert side * bankrupt <= side * liquidated or bankrupt == pytest.approx(liquidated, rel=1e-12)
    nothing_asked = Tiers.of("x", [(0, 0, 1)])
    assert margin.liquidation_price(nothing_asked, side * amount, entry, held, inverse) == pytest.approx(
        bankrupt, rel=1e-9, abs=1e-9 * entry
    )


@given(ACCOUNTS, st.integers(-20, 20), st.integers(-20, 20))
def test_powers_of_two_of_money_and_amounts_scale_the_prices_to_the_bit(account, money, amount):
    below, above = account.prices
    of_money, of_amount = 2.0**money, 2.0**amount
    scaled = _scaled(account.tiers, of_money)
    balance, long, long_cost, short, short_cost = account.sides
    found = margin.liquidation_prices(
        scaled, balance * of_money, long * of_amount, long_cost * of_money, short * of_amount, short_cost * of_money,
        account.inverse,
    )  # fmt: skip
    factor = of_amount / of_money if account.inverse else of_money / of_amount
    assert found == (below * factor, above * factor)


def _scaled(tiers: Tiers, factor: float) -> Tiers:
    """The same tiers with all money times a power of two; written into a table, so that no decimal text is between."""
    scaled = Tiers(tiers.name, tiers.tiers)
    table = tiers.table.copy()
    for name in ("floor", "cap", "amount"):
        table[name] *= factor
    object.__setattr__(scaled, "table", table)
    return scaled


@given(ACCOUNTS)
def test_an_inverse_long_is_a_linear_short_in_the_reciprocal_price(account):
    balance, long, long_cost, short, short_cost = account.sides
    below, above = margin.liquidation_prices(account.tiers, balance, long, long_cost, short, short_cost, inverse=True)
    low, high = margin.liquidation_prices(account.tiers, balance, short, short_cost, long, long_cost)
    with np.errstate(divide="ignore"):
        assert (below, above) == (np.float64(1) / high, np.float64(1) / low)


@given(AMOUNT, PRICE, PRICE, SIDE)
def test_an_inverse_gain_is_that_of_its_coins_at_the_exit(amount, entry, price, side):
    """Q dollars from e to p win Q / e coins * (p - e), in dollars, that is as much over p in coins."""
    coins = margin.unrealised_pnl(side * amount, entry, price, inverse=True)
    dollars = margin.unrealised_pnl(side * amount / entry, entry, price)
    assert coins * price == pytest.approx(dollars, abs=1e-9 * amount * (1 + price / entry))


@given(MONEY, AMOUNT, PRICE, PRICE, st.integers(1, 5000))
def test_equal_sides_are_liquidated_by_what_both_must_keep_alone(balance, amount, long_entry, short_entry, rate):
    tiers = Tiers.of("x", [(0, rate / 10_000, 1)])
    left = balance + amount * (short_entry - long_entry)
    assume(abs(left) > 1e-6 * (balance + amount * (short_entry + long_entry)))
    below, above = margin.liquidation_prices(tiers, balance, amount, amount * long_entry, amount, amount * short_entry)
    if left > 0:
        assert (below, above) == (0, pytest.approx(left / (2 * amount * rate / 10_000)))
    else:
        assert (below, above) == (inf, 0)
    without = margin.liquidation_prices(
        Tiers.of("x", [(0, 0, 1)]), balance, amount, amount * long_entry, amount, amount * short_entry
    )
    assert without == ((0, inf) if left > 0 else (inf, 0))


@given(TIERS, MONEY | st.just(0.0), MONEY | st.just(0.0))
def test_the_maintenance_margin_is_the_tax_of_its_tiers_and_never_falls(tiers, one, other):
    low, high = sorted((one, other))
    asked = [margin.maintenance_margin(tiers, x) for x in (low, high)]
    assert asked[0] <= asked[1] * (1 + 1e-12)
    for notional, found in zip((low, high), asked, strict=True):
        exactly = maintenance(tiers, Fraction(notional))
        assert abs(Fraction(found) - exactly) <= NEAR * Fraction(max(notional, tiers.table["amount"].max()))
    assert margin.max_leverage(tiers, low) >= margin.max_leverage(tiers, high)


@given(TIERS)
def test_at_a_floor_both_tiers_ask_the_same(tiers):
    for floor in tiers.table["floor"][1:-1]:
        above = np.nextafter(floor, inf)
        asked = margin.maintenance_margin(tiers, floor), margin.maintenance_margin(tiers, above)
        assert asked[0] == pytest.approx(asked[1], rel=1e-12, abs=1e-12 * floor)


@given(TIERS, st.integers(1, 100), PRICE, MONEY, st.floats(0, 0.01), st.booleans())
def test_what_can_be_opened_is_paid_for_and_allowed_and_no_more_is(tiers, leverage, price, free, fee, inverse):
    amount = margin.max_amount(tiers, leverage, price, free, fee, inverse)
    notional = margin.notional_of(amount, price, inverse)
    most = margin.max_notional(tiers, leverage)
    assert most == 0 or margin.max_leverage(tiers, min(most, 1e300)) >= leverage
    paid = margin.initial_margin(notional, leverage) + notional * fee
    assert paid <= free * (1 + 1e-12)
    assert notional <= most * (1 + 1e-12)
    assert paid >= free * (1 - 1e-12) or notional >= most * (1 - 1e-12)


# Whole units.


def recorded(amount_unit: Fraction, quote_unit: Fraction, step: int) -> Memory:
    memory = Memory(1, 1)
    record, state = memory.instruments[0], memory.state[0]
    record["base_n"], record["base_d"], record["step"] = amount_unit.numerator, amount_unit.denominator, step
    state["quote_n"], state["quote_d"] = quote_unit.numerator, quote_unit.denominator
    return memory


MEMORY = st.builds(
    lambda base, quote, step: (base, quote, recorded(base, quote, step)),
    st.sampled_from([Fraction(1), Fraction(1, 10**3), Fraction(1, 10**8), Fraction(1, 4)]),
    st.sampled_from([Fraction(1, 10**8), Fraction(1, 100)]),
    st.sampled_from([1, 10, 1000]),
)
UNITS = st.integers(0, 33).flatmap(lambda bits: st.integers(1, 2**bits))


@compiled
def funding(state, ins, amount, price, rate):
    return margin_units.funding_units(StateRecord(state, 0), InstrumentRecord(ins, 0), amount, price, rate)


@compiled
def kept(state, ins, tiers, amount, price):
    return margin_units.maintenance_units(StateRecord(state, 0), InstrumentRecord(ins, 0), tiers, amount, price)


@compiled
def won(state, ins, amount, cost, price):
    return margin_units.pnl_units(StateRecord(state, 0), InstrumentRecord(ins, 0), amount, cost, price)


@compiled
def closed(ins, tiers, amount, price):
    return margin_units.reduction_units(InstrumentRecord(ins, 0), tiers, amount, price)


def places(memory: Memory, base: Fraction, inverse: bool) -> tuple[int, int]:
    """Where the records are, an inverse contract counted in contracts of 10 quote."""
    record, size = memory.instruments[0], 10 if inverse else 1
    record["sign"], record["size"], record["base_d"] = -1 if inverse else 1, size, base.denominator * size
    return memory.state.ctypes.data, memory.instruments.ctypes.data


def worth(base: Fraction, quote: Fraction, amount: int, price: float, inverse: bool) -> Fraction:
    """Exactly, in units of money."""
    notional = amount * base / Fraction(price) if inverse else amount * base * Fraction(price)
    return notional / quote


def slack(units: Fraction) -> Fraction:
    """Twice what a float of so many units may be off (docs/simulation.md, section 1), since it is computed as well."""
    return 2 * max(Fraction(1, 10**6), abs(units) / 2**50)


@given(MEMORY, UNITS, PRICE, st.floats(-0.03, 0.03), st.booleans())
def test_funding_is_rounded_against_whoever_it_is_of(made, amount, price, rate, inverse):
    """So the two sides of a contract together pay nothing or one unit that nobody receives, never less than nothing."""
    base, quote, memory = made
    exactly = worth(base, quote, amount, price, inverse) * Fraction(rate)
    assume(abs(exactly) < 2**49)
    long = funding(*places(memory, base, inverse), amount, price, rate)
    short = funding(*places(memory, base, inverse), -amount, price, rate)
    assert 0 <= long + short <= 1
    for found, right in ((long, exactly), (short, -exactly)):
        assert -slack(exactly) <= found - right < 1 + slack(exactly)


@given(MEMORY, TIERS, UNITS, PRICE, st.booleans())
def test_what_must_be_kept_is_rounded_up(made, tiers, amount, price, inverse):
    base, quote, memory = made
    exactly = maintenance(tiers, worth(base, quote, amount, price, inverse) * quote) / quote
    size = worth(base, quote, amount, price, inverse) + Fraction(tiers.table["amount"].max()) / quote
    assume(size < 2**49)
    found = kept(*places(memory, base, inverse), tiers, -amount, price)
    assert -slack(size) <= found - exactly < 1 + slack(size)


@given(MEMORY, UNITS, SIDE, PRICE, st.integers(0, 2**40), st.booleans())
def test_what_was_won_is_rounded_down_to_the_cost_of_the_entry(made, amount, side, price, cost, inverse):
    base, quote, memory = made
    now = worth(base, quote, amount, price, inverse)
    assume(now < 2**49)
    exactly = side * (cost - now if inverse else now - cost)
    found = won(*places(memory, base, inverse), side * amount, side * cost, price)
    assert -slack(now) <= exactly - found < 1 + slack(now)


@given(MEMORY, TIERS, UNITS, SIDE, PRICE, st.booleans())
def test_each_step_of_partial_liquidation_goes_down_by_a_tier_at_least_until_nothing_is_left(
    made, tiers, amount, side, price, inverse
):
    base, quote, memory = made
    step = int(memory.instruments[0]["step"])
    left, steps = amount, 0
    assume(worth(base, quote, amount, price, inverse) < 2**49)
    while left:
        before = margin.tier_of(tiers, margin.notional_of(float(left * base), price, inverse))
        part = closed(places(memory, base, inverse)[1], tiers, side * left, price)
        left, steps = left - part, steps + 1
        assert part > 0
        assert left >= 0
        assert left % step == 0
        floor = Fraction(tiers.tiers[before].floor) / quote
        now = worth(base, quote, left, price, inverse)
        assert now <= floor + slack(floor) + worth(base, quote, 1, price, inverse) * Fraction(1, 10**6)
    assert steps <= len(tiers.tiers)


@compiled
def summed(tiers, notionals):
    total = 0.0
    for index in range(len(notionals)):
        total += margin.maintenance_margin(tiers, notionals[index])
    return total


@given(TIERS, st.lists(st.floats(0, 1e9), max_size=5))
def test_compiled_code_reaches_tiers_by_their_address(tiers, notionals):
    by_address = summed(tiers.table.ctypes.data, np.array(notionals, float))
    assert by_address == sum(margin.maintenance_margin(tiers, x) for x in notionals)
