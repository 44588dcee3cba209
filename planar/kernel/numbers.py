"""Exact money: whole numbers of units, 128 bits inside, rounded the way the rule says (docs/simulation.md, section
1).
"""

import numpy as np

from planar.kernel.linked import PAIR, I, linked
from planar.kernel.machine import apart, compiled, inlined

LARGEST = 2**63 - 1
NEARLY, PRECISION = 1e-6, 2.0**-50
"""Within a millionth of a whole number, or what a float of its size leaves open, a float is that number."""

MOST = 2.0**62
RATE = 1_000_000_000
"""Fee rates are whole parts of this."""


@inlined
def whole(x):
    """A float without fraction as an integer; raises OverflowError outside int64."""
    if not abs(x) < 9.2e18:
        raise OverflowError("an amount or a price left the range of 64-bit whole numbers")
    return int(x)


@inlined
def slack(x):
    """How far a float may be off the whole number that it stands for."""
    return max(NEARLY, min(abs(x) * PRECISION, 0.5))


@inlined
def down(x):
    """A float as a whole number, rounded down."""
    return whole(np.floor(x + slack(x)))


@compiled
def up(x):
    """A float as a whole number, rounded up."""
    return whole(np.ceil(x - slack(x)))


@compiled
def part_of(fraction, units):
    """A fraction of whole units, rounded down; never more than all of them for a fraction up to 1."""
    part = down(fraction * units)
    return min(part, units) if fraction <= 1.0 else part


@compiled
def plus(a, b):
    """``a + b``; raises OverflowError outside int64."""
    # Asked before adding: compiled code may take it that a sum does not overflow.
    if (b > 0 and a > LARGEST - b) or (b < 0 and a < -LARGEST - b):
        raise OverflowError("a balance left the range of 64-bit whole numbers")
    return a + b


@inlined
def times(a, b):
    """``a * b``; raises OverflowError outside int64."""
    if abs(float(a) * float(b)) > 9.2e18:
        raise OverflowError("a cost left the range of 64-bit whole numbers")
    return a * b


@linked(PAIR(I, I, I))
def _long_division(a, b, c):
    """``divmod(a * b, c)`` for a, b >= 0 and c > 0 by 128-bit schoolbook arithmetic."""
    mask = 0xFFFFFFFF
    a0, a1, b0, b1 = a & mask, a >> 32, b & mask, b >> 32
    low = a0 * b0  # below 2**64, kept as an unsigned pattern
    middle = (low >> 32 & mask) + (a1 * b0 & mask) + (a0 * b1 & mask)
    high = a1 * b1 + (a1 * b0 >> 32 & mask) + (a0 * b1 >> 32 & mask) + (middle >> 32)
    low = (middle << 32) | (low & mask)
    if high >= c:
        raise OverflowError("a cost left the range of 64-bit whole numbers")
    quotient, rest = 0, high
    for bit in range(63, -1, -1):
        # rest < c < 2**63, so the doubled rest may wrap past the sign: compare before it does.
        carry = rest >> 62
        rest = (rest << 1) | (low >> bit & 1)
        if carry or rest >= c:
            rest -= c
            if bit == 63:
                raise OverflowError("a cost left the range of 64-bit whole numbers")
            quotient |= 1 << bit
    return quotient, rest


@compiled
def divide_product(a, b, c):
    """Quotient and rest of ``a * b / c``, rounded down, for a >= 0, c > 0 and b of either sign."""
    if abs(float(a) * float(b)) < 9.2e18:
        product = a * b
        quotient = product // c
        return quotient, product - quotient * c
    if b >= 0:
        return _long_division(a, b, c)
    quotient, rest = _long_division(a, -b, c)
    return (-quotient, rest) if rest == 0 else (-quotient - 1, c - rest)


@compiled
def product_down(a, b, c):
    """``a * b / c`` rounded down."""
    if c == 1:
        return times(a, b)
    return divide_product(a, b, c)[0]


@compiled
def product_up(a, b, c):
    """``a * b / c`` rounded up."""
    if c == 1:
        return times(a, b)
    quotient, rest = divide_product(a, b, c)
    return plus(quotient, 1) if rest else quotient


@inlined
def fee_of(cost, rate):
    """Fee on a cost, 0 or more, rounded up: against the trader for a fee and for a rebate."""
    # The cost in two parts, so that no product leaves 64 bits.
    whole_rates = np.int64(np.uint64(cost) // np.uint64(RATE))
    return whole_rates * rate - (-((cost - whole_rates * RATE) * rate) // RATE)


@inlined
def _is_short(ins, amount, ticks):
    """Whether the product that is a cost fits 64 bits, as nearly all do; an inverse contract's is none."""
    return abs(float(amount) * float(ticks) * ins.cost_scale) < 9.2e18


@compiled
def _inverse_cost(ins, amount, ticks, is_up):
    """The cost of an inverse contract, a quotient; one division after the other where their product is too long."""
    first, then = ticks, ins.cost_d
    if float(ticks) * float(ins.cost_d) < 9.2e18:
        first, then = ticks * ins.cost_d, 1
    if is_up:
        return -(-product_up(amount, ins.cost_n, first) // then)
    return product_down(amount, ins.cost_n, first) // then


@compiled
def _long_cost_down(ins, amount, ticks):
    apart()
    if ins.sign < 0:
        return _inverse_cost(ins, amount, ticks, False)
    return product_down(amount, times(ticks, ins.cost_n), ins.cost_d)


@compiled
def _long_cost_up(ins, amount, ticks):
    apart()
    if ins.sign < 0:
        return _inverse_cost(ins, amount, ticks, True)
    return product_up(amount, times(ticks, ins.cost_n), ins.cost_d)


@inlined
def cost_down(ins, amount, ticks):
    """What is got for an amount, in quote units, rounded down: by a sell, of an inverse contract by a buy."""
    if not _is_short(ins, amount, ticks):
        return _long_cost_down(ins, amount, ticks)
    product = amount * ticks * ins.cost_n
    return product if ins.cost_d == 1 else product // ins.cost_d


@inlined
def cost_up(ins, amount, ticks):
    """What is paid for an amount, in quote units, rounded up: by a buy, of an inverse contract by a sell."""
    if not _is_short(ins, amount, ticks):
        return _long_cost_up(ins, amount, ticks)
    product = amount * ticks * ins.cost_n
    return product if ins.cost_d == 1 else -(-product // ins.cost_d)


@inlined
def whole_steps(ins, amount):
    """The part of an amount, 0 or more, that is a multiple of the amount step."""
    # Unsigned: a signed division must look at signs.
    return amount if ins.step == 1 else np.int64(np.uint64(amount) // np.uint64(ins.step) * np.uint64(ins.step))


@inlined
def _over(x, scale):
    """``x / scale``. Most scales are 1, and a division takes longer than to see that."""
    return x if scale == 1.0 else x / scale


@compiled
def price_of(ins, ticks):
    """A price in quote per base: one product, one division, so 3 ticks of 0.1 are 0.3."""
    return ticks * ins.price_n / ins.price_d


@compiled
def ticks_down(ins, price):
    """Ticks of a price, rounded down."""
    return down(_over(price * ins.price_d, ins.price_n))


@compiled
def ticks_up(ins, price):
    """Ticks of a price, rounded up."""
    return up(_over(price * ins.price_d, ins.price_n))


@compiled
def ticks_near(ins, price):
    """Ticks of a price, to the nearest."""
    return whole(np.floor(_over(price * ins.price_d, ins.price_n) + 0.5))


@inlined
def dear_ticks(ins, price):
    """Ticks of a price, rounded to where things cost more."""
    return ticks_up(ins, price) if ins.sign > 0 else max(ticks_down(ins, price), 1)


@compiled
def value_of(ins, amount, price):
    """What an amount is worth at a price, as money; nothing before there is one."""
    if ins.sign > 0:
        return amount * price
    return amount * ins.size / price if price > 0.0 else 0.0


@compiled
def valued_at(ins, money, price):
    """The amount that is worth so much at a price."""
    return money / price if ins.sign > 0 else money * price / ins.size


@compiled
def money_of(state, units):
    """Quote units as money."""
    return units * state.quote_n / state.quote_d


@compiled
def amount_of(ins, units):
    """Base units as an amount."""
    return units * ins.base_n / ins.base_d


@compiled
def units_of_money(state, money):
    """Money as quote units, rounded down."""
    return down(_over(money * state.quote_d, state.quote_n))


@compiled
def units_due(state, money):
    """Money that the trader owes as quote units, rounded up; below 0 it is owed to the trader."""
    return up(_over(money * state.quote_d, state.quote_n))


@compiled
def units_of_amount(ins, amount):
    """An amount as base units, rounded down."""
    return down(_over(amount * ins.base_d, ins.base_n))


@compiled
def largest_rate(ins):
    """The fee rate that a reservation provides for."""
    return ins.dearest


@inlined
def need(ins, amount, ticks):
    """Quote units that buying ``amount`` at ``ticks`` takes, its fee included where that is paid in quote."""
    cost = cost_up(ins, amount, ticks)
    return cost if ins.fee_base else plus(cost, fee_of(cost, largest_rate(ins)))


@compiled
def _is_affordable(ins, budget, steps, ticks):
    return need(ins, steps * ins.step, ticks) <= budget


@compiled
def affordable(ins, budget, ticks):
    """The largest multiple of the amount step whose ``need`` at ``ticks`` is within ``budget``."""
    if ticks <= 0 or budget <= 0:
        return 0
    rate = 0 if ins.fee_base else largest_rate(ins)
    # A float guess is at most a little off; gallop from there to the exact answer.
    guess = float(budget) / (float(ticks) * float(ins.cost_n) / float(ins.cost_d) * (1.0 + rate / RATE))
    if guess > MOST:
        raise OverflowError("a budget buys more units than 64 bits count")
    steps, width = whole(np.floor(guess / ins.step)), 1
    while steps > 0 and not _is_affordable(ins, budget, steps, ticks):
        steps, width = max(steps - width, 0), width * 2
    width = 1
    while _is_affordable(ins, budget, steps + width, ticks):
        steps, width = steps + width, width * 2
    while width > 1:
        width //= 2
        if _is_affordable(ins, budget, steps + width, ticks):
            steps += width
    return steps * ins.step
