"""Section 1: money, amounts and prices as whole numbers, and how floats become whole."""

import math
from fractions import Fraction

from .model import Instrument

BILLION = 10**9  # fee rates are parts of it
SMALLEST_UNIT = Fraction(1, 10**8)


def decimal(x: float) -> Fraction:
    """The reduced fraction of a number's decimal text: 0.05 is 1/20."""
    return Fraction(repr(float(x)))


def slack(x: float) -> float:
    """How far `x` may be off the whole number that it stands for."""
    return max(1e-6, min(abs(x) / 2**50, 0.5))


def down(x: float) -> int:
    """`x` rounded down; within its slack of a whole number it is that number."""
    return math.floor(x + slack(x))


def up(x: float) -> int:
    """`x` rounded up; within its slack of a whole number it is that number."""
    return math.ceil(x - slack(x))


def ceil_div(a: int, b: int) -> int:
    """`a / b` rounded up, exactly."""
    return -(-a // b)


def base_unit_of(instrument: Instrument) -> Fraction:
    """The unit of base balances: given, or the default of section 1."""
    amount_step = decimal(instrument.amount_step)
    if instrument.base_unit is not None:
        return decimal(instrument.base_unit)
    if amount_step / 10_000 >= SMALLEST_UNIT:
        return amount_step / 10_000
    if (amount_step / SMALLEST_UNIT).denominator == 1:
        return SMALLEST_UNIT
    return amount_step


class Units:
    """The whole numbers of one instrument and what they are worth."""

    def __init__(self, instrument: Instrument) -> None:
        """Reads the three units of `instrument` once, as exact fractions."""
        self.name = instrument.name
        price_step, quote_unit = decimal(instrument.price_step), decimal(instrument.quote_unit)
        base_unit = base_unit_of(instrument)
        steps = decimal(instrument.amount_step) / base_unit
        if steps.denominator != 1:
            raise ValueError(f"{self.name}: amount_step is not a multiple of base_unit")
        self.step_units = steps.numerator  # S
        self.pn, self.pd = price_step.numerator, price_step.denominator
        self.bn, self.bd = base_unit.numerator, base_unit.denominator
        self.qn, self.qd = quote_unit.numerator, quote_unit.denominator
        self.least = self.base_up(instrument.min_amount)
        self.k = base_unit * price_step / quote_unit
        self.is_inverse = instrument.is_inverse
        self.size = float(instrument.contract_size or 1.0)
        self.j = base_unit * decimal(self.size) / (price_step * quote_unit)
        self.maker = round(instrument.maker * 1e9)
        self.taker = round(instrument.taker * 1e9)
        self.dearest = max(self.maker, self.taker, 0)
        self.fee_in_base = instrument.fee_side == "base"

    # What whole numbers are worth: one float product, one division.

    def money(self, n: int) -> float:
        """Quote units as money."""
        return float(n) * self.qn / self.qd

    def amount(self, n: int) -> float:
        """Base units as an amount."""
        return float(n) * self.bn / self.bd

    def price(self, ticks: int) -> float:
        """Ticks as a price."""
        return float(ticks) * self.pn / self.pd

    # Floats made whole.

    def ticks_down(self, price: float) -> int:
        """The highest tick at or below `price`."""
        return self.fit(down(price * self.pd / self.pn))

    def ticks_up(self, price: float) -> int:
        """The lowest tick at or above `price`."""
        return self.fit(up(price * self.pd / self.pn))

    def ticks_near(self, price: float) -> int:
        """The tick nearest to `price`, the higher one when in the middle."""
        return self.fit(math.floor(price * self.pd / self.pn + 0.5))

    def base_down(self, amount: float) -> int:
        """Whole base units in `amount`."""
        return self.fit(down(amount * self.bd / self.bn))

    def base_up(self, amount: float) -> int:
        """The fewest base units that are at least `amount`."""
        return self.fit(up(amount * self.bd / self.bn))

    def quote_down(self, money: float) -> int:
        """Whole quote units in `money`."""
        return self.fit(down(money * self.qd / self.qn))

    def quote_up(self, money: float) -> int:
        """The fewest quote units that are at least `money`."""
        return self.fit(up(money * self.qd / self.qn))

    def part(self, x: float, n: int) -> int:
        """The part `x` of `n` units, never more than all of them for a part of at most 1."""
        units = self.fit(down(x * float(n)))
        return min(units, n) if x <= 1 else units

    # Section 20: what differs for inverse contracts, where it is base that is paid.

    def pays(self, is_buy: bool) -> bool:
        """Whether a side pays a fill's cost; the other is paid it."""
        return is_buy != self.is_inverse

    def valued(self, n: int) -> float:
        """The amount of `docs/margin.md`."""
        return self.amount(n) * self.size

    def worth(self, n: int, price: float) -> float:
        """What `n` units are worth at a price."""
        return self.amount(n) * self.size / price if self.is_inverse else self.amount(n) * price

    def amount_worth(self, money: float, price: float) -> float:
        """The amount that is worth so much."""
        return money * price / self.size if self.is_inverse else money / price

    def dear_ticks(self, price: float) -> int:
        """Ticks of a price, rounded to where things are dearer."""
        return max(self.ticks_down(price), 1) if self.is_inverse else self.ticks_up(price)

    def worst_ticks(self, is_buy: bool, m: float) -> int:
        """Ticks at which an order without a limit may have to pay, about a price."""
        if not self.pays(is_buy):
            return self.dear_ticks(m)
        return self.dear_ticks(m / 1.01 if self.is_inverse else m * 1.01)

    def traded(self, volume: float, low: float) -> float:
        """A candle's volume as an amount."""
        return volume * low / self.size if self.is_inverse else volume

    # Exact products.

    def step(self, n: int) -> int:
        """Base units cut down to whole amount steps."""
        return n // self.step_units * self.step_units

    def cost_up(self, n: int, ticks: int) -> int:
        """What `n` units cost who pays for them, in quote units."""
        if self.is_inverse:
            return self.fit(ceil_div(n * self.j.numerator, ticks * self.j.denominator))
        return self.fit(ceil_div(n * ticks * self.k.numerator, self.k.denominator))

    def cost_down(self, n: int, ticks: int) -> int:
        """What `n` units bring who is paid for them, in quote units."""
        if self.is_inverse:
            return self.fit(n * self.j.numerator // (ticks * self.j.denominator))
        return self.fit(n * ticks * self.k.numerator // self.k.denominator)

    def fee(self, c: int, rate: int) -> int:
        """The fee on `c` units, against the trader; a rebate is negative."""
        return self.fit(ceil_div(c * rate, BILLION))

    def need(self, n: int, ticks: int) -> int:
        """Quote units that surely pay for a buy of `n` units at `ticks`."""
        cost = self.cost_up(n, ticks)
        return cost if self.fee_in_base else self.fit(cost + self.fee(cost, self.dearest))

    def budget_of(self, money: float) -> int:
        """The quote budget of a buy by `cost`: the money, and the fee on it."""
        b = self.quote_down(money)
        return b if self.fee_in_base else self.fit(b + self.fee(b, self.dearest))

    def affordable(self, budget: int, ticks: int) -> int:
        """The largest multiple of the amount step that `budget` surely pays for at `ticks`."""
        low, high = 0, max(budget, 0) // (self.step_units * ticks * self.k)
        while low < high:
            middle = (low + high + 1) // 2
            if self.need(middle * self.step_units, ticks) <= budget:
                low = middle
            else:
                high = middle - 1
        return self.fit(low * self.step_units)

    def fit(self, n: int) -> int:
        """`n` itself, when it fits into 64 bits."""
        if not -(2**63) <= n < 2**63:
            raise OverflowError(f"{self.name}: {n} is outside int64; choose larger units")
        return n
