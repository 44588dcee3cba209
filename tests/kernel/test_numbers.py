"""The kernel's whole numbers against Python's: exact or an OverflowError, never something else."""

import math
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from planar.kernel import numbers
from planar.kernel.machine import compiled
from planar.kernel.state import Instrument as Record
from planar.kernel.state import Memory
from planar.model.instrument import Instrument, exact

LARGEST = 2**63 - 1
UNSIGNED, SIGNED = st.integers(0, LARGEST), st.integers(-LARGEST, LARGEST)
WIDE = st.integers(0, 63).flatmap(lambda bits: st.integers(0, min(2**bits, LARGEST)))
"""Any magnitude, each as likely."""

# From here on, a quarter percent below the largest, an operation may give up early.
NEAR_THE_END = 9.2e18

# Beyond this, a float of a whole number that went through two products and quotients is not that near to it.
FLOAT_SAFE = 2**49


def outcome(function, *arguments):
    """What a function gives, or that it overflowed."""
    try:
        return int(function(*arguments))
    except OverflowError:
        return OverflowError


def fits(number: int) -> bool:
    return -LARGEST - 1 <= number <= LARGEST


# Products and quotients.


@settings(max_examples=1000, deadline=None)
@given(WIDE, st.one_of(WIDE, WIDE.map(lambda n: -n)), st.one_of(WIDE, UNSIGNED).map(lambda n: max(n, 1)))
@example(LARGEST, LARGEST, LARGEST)
@example(LARGEST, -LARGEST, LARGEST)
@example(LARGEST, 2, 1)
@example(2**62, 2**62, 2**61 + 1)
def test_products_are_rounded_down_and_up_exactly_or_overflow(a, b, c):
    for function, exactly in ((numbers.product_down, a * b // c), (numbers.product_up, -(-a * b // c))):
        assert outcome(function, a, b, c) in ((exactly,) if abs(exactly) < NEAR_THE_END else (exactly, OverflowError))
        assert fits(exactly) or outcome(function, a, b, c) is OverflowError


def test_a_product_just_below_the_largest_number_does_not_wrap_when_rounded_up():
    """(2**64 - 1) / 2 is half above the largest number; up from there is outside."""
    assert outcome(numbers.product_down, 4294967297, 4294967295, 2) == LARGEST
    assert outcome(numbers.product_up, 4294967297, 4294967295, 2) is OverflowError


@settings(max_examples=500, deadline=None)
@given(st.integers(2**40, LARGEST), st.integers(-500_000_000, 500_000_000))
def test_fees_are_rounded_up_for_both_signs_beyond_64_bits(cost, rate):
    """Towards plus infinity: a fee is never too small, a rebate never too large."""
    assert outcome(numbers.fee_of, cost, rate) == -(-cost * rate // 10**9)


@settings(max_examples=500, deadline=None)
@given(SIGNED, SIGNED)
@example(LARGEST, 1)
@example(-LARGEST, -2)
def test_sums_are_exact_or_overflow(a, b):
    assert outcome(numbers.plus, a, b) in ((a + b,) if abs(a + b) < NEAR_THE_END else (a + b, OverflowError))
    assert fits(a + b) or outcome(numbers.plus, a, b) is OverflowError


@settings(max_examples=500, deadline=None)
@given(WIDE, st.one_of(WIDE, WIDE.map(lambda n: -n)))
def test_short_products_are_exact_or_overflow(a, b):
    assert outcome(numbers.times, a, b) in ((a * b,) if abs(a * b) < NEAR_THE_END else (a * b, OverflowError))
    assert fits(a * b) or outcome(numbers.times, a, b) is OverflowError


# Floats made whole.


@settings(max_examples=500, deadline=None)
@given(st.integers(0, FLOAT_SAFE), st.floats(-9e-7, 9e-7))
def test_within_a_millionth_a_float_is_that_whole_number(n, error):
    assert (numbers.down(n + error), numbers.up(n + error)) == (n, n)


@settings(max_examples=500, deadline=None)
@given(
    st.floats(0, 1e15).map(lambda x: x if abs(x - round(x)) > 2 * max(1e-6, x / 2**50) else math.floor(x) % 2**40 + 0.5)
)
def test_other_floats_are_rounded_as_said(x):
    assert (numbers.down(x), numbers.up(x)) == (math.floor(x), math.ceil(x))


@pytest.mark.parametrize("function", [numbers.down, numbers.up])
@pytest.mark.parametrize("x", [1e19, -1e19, 1e300, float("inf"), float("nan")])
def test_floats_that_are_no_64_bit_whole_numbers_overflow(function, x):
    assert outcome(function, x) is OverflowError


# An instrument's numbers.


@dataclass(frozen=True)
class Rules:
    """An instrument and the record of it that the kernel reads."""

    instrument: Instrument
    memory: Memory

    @property
    def address(self) -> int:
        return self.memory.instruments.ctypes.data

    @property
    def factor(self) -> Fraction:
        """What one unit costs at one tick, in quote units."""
        i = self.instrument
        return exact(i.unit) * exact(i.price_step) / exact(i.quote_unit)


def rules(price_step, amount_step, base_unit, quote_unit, fees, fee_side) -> Rules:
    instrument = Instrument(
        "x:A/B", price_step, amount_step, 0.0, 0.0, *fees, fee_side, amount_step if base_unit else None, quote_unit
    )
    memory = Memory(1, 1)
    record, made = memory.instruments[0], Rules(instrument, memory)
    base, price = exact(instrument.unit), exact(instrument.price_step)
    record["base_n"], record["base_d"] = base.numerator, base.denominator
    record["price_n"], record["price_d"] = price.numerator, price.denominator
    record["cost_n"], record["cost_d"] = made.factor.numerator, made.factor.denominator
    record["cost_scale"], record["sign"] = made.factor.numerator, 1
    record["step"] = int(exact(amount_step) / base)
    record["maker"], record["taker"] = (round(fee * 1e9) for fee in fees)
    record["dearest"] = max(record["maker"], record["taker"], 0)
    record["fee_base"] = fee_side == "base"
    return made


RULES = st.builds(
    rules,
    st.sampled_from([0.01, 1.0, 0.05, 0.25, 1e-5, 1e-8, 1e-12, 100.0]),
    st.sampled_from([1.0, 0.1, 1e-3, 1e-5, 1e-8, 0.25, 1000.0]),
    st.booleans(),
    st.sampled_from([1e-8, 0.01]),
    st.sampled_from([(0.001, 0.001), (-1e-4, 5e-4), (-1e-4, -5e-5), (0.0123, 0.0), (0.0, 0.0)]),
    st.sampled_from(["quote", "base"]),
)
TICKS = st.integers(0, 30).flatmap(lambda bits: st.integers(1, 2**bits))


@compiled
def affordable(address, budget, ticks):
    return numbers.affordable(Record(address, 0), budget, ticks)


@compiled
def need(address, amount, ticks):
    return numbers.need(Record(address, 0), amount, ticks)


@compiled
def costs(address, amount, ticks):
    ins = Record(address, 0)
    return numbers.cost_down(ins, amount, ticks), numbers.cost_up(ins, amount, ticks)


@compiled
def price_there_and_back(address, ticks):
    ins = Record(address, 0)
    price = numbers.price_of(ins, ticks)
    return price, numbers.ticks_down(ins, price), numbers.ticks_up(ins, price), numbers.ticks_near(ins, price)


@compiled
def amount_there_and_back(address, units):
    ins = Record(address, 0)
    return numbers.units_of_amount(ins, numbers.amount_of(ins, units))


@compiled
def steps_of(address, units):
    return numbers.whole_steps(Record(address, 0), units)


@settings(max_examples=500, deadline=None)
@given(RULES, st.integers(0, 50).flatmap(lambda bits: st.integers(0, 2**bits)), TICKS)
def test_costs_are_exact_fractions_rounded(rules, amount, ticks):
    exactly = amount * ticks * rules.factor
    assume(exactly < 2**62 and ticks * rules.factor.numerator < 9e18)
    assert costs(rules.address, amount, ticks) == (math.floor(exactly), math.ceil(exactly))


@settings(max_examples=500, deadline=None)
@given(RULES, st.integers(0, 50).flatmap(lambda bits: st.integers(0, 2**bits)), TICKS, st.integers(1, 2**40))
def test_costs_of_inverse_contracts_are_exact_fractions_rounded(rules, amount, ticks, size):
    """Whether or not the ticks and what they divide by have a product of 64 bits."""
    record, i = rules.memory.instruments[0], rules.instrument
    factor = exact(i.unit) * size / (exact(i.price_step) * exact(i.quote_unit))
    assume(max(factor.numerator, factor.denominator) < 2**62)
    exactly = amount * factor / ticks
    assume(amount * factor < 2**62)
    record["cost_n"], record["cost_d"] = factor.numerator, factor.denominator
    record["cost_scale"], record["sign"] = math.inf, -1
    assert costs(rules.address, amount, ticks) == (math.floor(exactly), math.ceil(exactly))


@settings(max_examples=1000, deadline=None)
@given(RULES, st.integers(0, 60).flatmap(lambda bits: st.integers(0, 2**bits)), TICKS)
def test_affordable_is_the_largest_multiple_of_the_step_within_the_budget(rules, budget, ticks):
    step = int(rules.memory.instruments[0]["step"])
    # Its cost and that of two steps more are numbers of 64 bits; so is the amount.
    assume((budget + 2 * step * ticks * rules.factor) < 2**62 and budget / (ticks * rules.factor) + 2 * step < 2**61)
    amount = int(affordable(rules.address, budget, ticks))
    assert amount >= 0
    assert amount % step == 0
    assert amount == 0 or need(rules.address, amount, ticks) <= budget
    assert need(rules.address, amount + step, ticks) > budget


@settings(max_examples=500, deadline=None)
@given(RULES, st.one_of(TICKS, st.integers(1, FLOAT_SAFE)))
def test_the_price_of_a_tick_is_that_tick_again(rules, ticks):
    price, *back = price_there_and_back(rules.address, ticks)
    assert back == [ticks] * 3
    step = exact(rules.instrument.price_step)
    assert price == float(ticks) * step.numerator / step.denominator


@settings(max_examples=500, deadline=None)
@given(RULES, st.one_of(TICKS, st.integers(1, FLOAT_SAFE)))
def test_an_amount_of_whole_units_is_those_units_again(rules, units):
    assert amount_there_and_back(rules.address, units) == units


@pytest.mark.parametrize(
    ("amount_step", "units"),
    [(1.0, 20_971_680_618), (1e-5, 25_600_232_291), (1e-3, 20_480_190_000), (0.1, 26_214_410_000)],
)
def test_a_large_amount_of_whole_units_is_those_units_again(amount_step, units):
    """Two million of a coin that counts to the fourth decimal, 256 of one to the eighth; the others in whole steps."""
    own = rules(0.01, amount_step, False, 1e-8, (0.0, 0.0), "quote")
    assert amount_there_and_back(own.address, units) == units


def test_a_budget_for_more_units_than_64_bits_count_overflows():
    """A price of a millionth of a millionth; it must neither hang nor wrap."""
    own = rules(1e-12, 1e-8, False, 1e-8, (0.0, 0.0), "quote")
    assert outcome(affordable, own.address, 3 * 10**18, 1) is OverflowError


@settings(max_examples=300, deadline=None)
@given(RULES, UNSIGNED)
def test_steps_are_cut_down(rules, units):
    step = int(rules.memory.instruments[0]["step"])
    assert steps_of(rules.address, units) == units // step * step
