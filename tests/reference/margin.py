"""`docs/margin.md`: tiers, maintenance, liquidation prices, and the same in whole units."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from .units import Units, decimal


@dataclass(frozen=True)
class Tier:
    """A bracket of notionals, above its floor and up to its cap."""

    floor: float
    cap: float
    rate: float
    amount: float
    leverage: float


@dataclass(frozen=True)
class Tiers:
    """rows: (floor, maintenance rate, max leverage) and, where it is told, the maintenance amount; smallest first."""

    rows: tuple[tuple[float, ...], ...]
    tiers: tuple[Tier, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Section 2: an amount that is not told lets the margin grow without a jump, exactly."""
        tiers, amount, rate = [], Fraction(0), Fraction(0)
        for i, (floor, own_rate, leverage, *told) in enumerate(self.rows):
            own = decimal(own_rate)
            amount = decimal(told[0]) if told else amount + decimal(floor) * (own - rate) if i else Fraction(0)
            rate = own
            cap = self.rows[i + 1][0] if i + 1 < len(self.rows) else math.inf
            tiers.append(Tier(float(floor), float(cap), float(own_rate), float(amount), float(leverage)))
        object.__setattr__(self, "tiers", tuple(tiers))

    def number_of(self, notional: float) -> int:
        """Which tier a notional is in; a cap belongs to the tier that it ends."""
        return next(i for i, tier in enumerate(self.tiers) if abs(notional) <= tier.cap)

    def maintenance_margin(self, notional: float) -> float:
        """What must be kept for a notional."""
        tier = self.tiers[self.number_of(notional)]
        return abs(notional) * tier.rate - tier.amount

    def max_notional(self, leverage: float) -> float:
        """The cap of the last tier that allows the leverage, 0 when none does."""
        return max((tier.cap for tier in self.tiers if tier.leverage >= leverage), default=0.0)

    def liquidation_prices(
        self, balance: float, long: float, long_cost: float, short: float, short_cost: float
    ) -> tuple[float, float]:
        """Section 4, linear: liquidated at and below the first, at and above the second. All are unsigned."""
        rest = balance - long_cost + short_cost
        below, above, is_under = math.inf, 0.0, True
        of_long = of_short = 0  # tiers
        p0 = 0.0
        while True:
            a, b = self.tiers[of_long], self.tiers[of_short]
            end_long = a.cap / long if long else math.inf
            end_short = b.cap / short if short else math.inf
            p1 = min(end_long, end_short)
            slope = (long - short) - (a.rate * long + b.rate * short)
            start = rest + (a.amount + b.amount)
            root = max(-start / slope, p0) if slope else p0
            if start + slope * p0 > 0:
                if is_under:
                    below, above, is_under = min(below, p0), math.inf, False
            elif not is_under:
                above, is_under = p0, True
            if is_under and slope > 0 and root < p1:
                below, above, is_under = min(below, root), math.inf, False
            elif not is_under and slope < 0 and root <= p1:
                above, is_under = root, True
            if p1 == math.inf:
                return below, above
            of_long += end_long == p1
            of_short += end_short == p1
            p0 = p1

    def inverse_liquidation_prices(
        self, balance: float, long: float, long_cost: float, short: float, short_cost: float
    ) -> tuple[float, float]:
        """Section 4, inverse: a long is a short in `1 / p`."""
        low, high = self.liquidation_prices(balance, short, short_cost, long, long_cost)
        return 1.0 / high if high else math.inf, 1.0 / low if low else math.inf


# Section 7: whole units.


def _worth(units: Units, n: int, price: float) -> float:
    """`notional_of`."""
    return units.valued(n) / price if units.is_inverse else units.valued(n) * price


def funding_units(units: Units, n: int, price: float, rate: float) -> int:
    """What `n` units pay, below 0 receive, for funding at a mark."""
    return units.quote_up(_worth(units, n, price) * rate)


def maintenance_units(units: Units, tiers: Tiers, n: int, price: float) -> int:
    """What `n` units must keep at a mark."""
    return units.quote_up(tiers.maintenance_margin(_worth(units, n, price)))


def pnl_units(units: Units, n: int, cost: int, price: float) -> int:
    """What `n` units that have cost `cost`, of the same sign, gain at a price."""
    if units.is_inverse:
        return units.fit(cost - units.quote_up(_worth(units, n, price)))
    return units.fit(units.quote_down(_worth(units, n, price)) - cost)


def reduction_units(units: Units, tiers: Tiers, n: int, price: float) -> int:
    """What one step of partial liquidation closes of `n` units: down to the floor of their tier."""
    number, held = tiers.number_of(_worth(units, n, price)), abs(n)
    while number > 0:
        kept = units.step(units.base_down(units.amount_worth(tiers.tiers[number].floor, price)))
        if kept < held:
            return held - kept
        number -= 1
    return held
