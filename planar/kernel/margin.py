"""Margin of futures: pure functions, compiled, for the kernel and for Python alike; docs/margin.md has each rule.

Money is in the currency that margin is paid in: the quote of a linear contract, the base of an inverse one. An amount
is in base, of an inverse contract in quote: contracts times the size of one; positive is long, negative short. `tiers`
is a `planar.model.tiers.Tiers`, or where its table stands. A price that there is not is 0 below and infinite above.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from planar.kernel.face import Face
from planar.kernel.machine import at, compiled
from planar.kernel.numbers import PRECISION
from planar.model.tiers import TIER, Tiers

Tier = at(TIER)


# What a position is worth.


@Face
def notional_of(amount, price, inverse=False):
    """What a position is worth at a price, with the sign of its amount."""
    return amount / price if inverse else amount * price


@Face
def amount_worth(notional, price, inverse=False):
    """The amount that is worth so much at a price: `notional_of` the other way round."""
    return notional * price if inverse else notional / price


@Face
def unrealised_pnl(amount, entry, price, inverse=False):
    """What a position has won since its entry, at a price."""
    gain = notional_of(amount, price, inverse) - notional_of(amount, entry, inverse)
    return -gain if inverse else gain


@Face
def funding_fee(amount, price, rate, inverse=False):
    """What a position pays at a funding time, at the mark price; below 0 what it receives."""
    return notional_of(amount, price, inverse) * rate


# What is asked for it.


@Face
def tier_of(tiers, notional):
    """Number of the tier of a notional, from 0: a cap belongs to the tier that it ends."""
    index = 0
    while notional > Tier(tiers, index + 1).floor:
        index += 1
    return index


@Face
def maintenance_margin(tiers, notional):
    """What a position must keep: the rate of its tier on all of it, less the tier's maintenance amount."""
    worth = abs(notional)
    tier = Tier(tiers, tier_of(tiers, worth))
    return worth * tier.rate - tier.amount


@Face
def initial_margin(notional, leverage):
    """What opening a position takes."""
    return abs(notional) / leverage


@Face
def order_margin(amount, price, mark, leverage, inverse=False):
    """What an order that opens takes: the initial margin at its price and what it would lose at once at the mark."""
    loss = max(-unrealised_pnl(amount, price, mark, inverse), 0.0)
    return initial_margin(notional_of(amount, price, inverse), leverage) + loss


@Face
def max_leverage(tiers, notional):
    """The most leverage at which so much may be held; 0 beyond the last tier."""
    tier = Tier(tiers, tier_of(tiers, abs(notional)))
    return tier.leverage if abs(notional) <= tier.cap else 0.0


@Face
def max_notional(tiers, leverage):
    """The most that may be held at a leverage; 0 where no tier allows it."""
    most, index = 0.0, 0
    while Tier(tiers, index).leverage >= leverage and Tier(tiers, index).floor < np.inf:
        most = Tier(tiers, index).cap
        index += 1
    return most


@Face
def max_amount(tiers, leverage, price, free, fee=0.0, inverse=False):
    """The most that free margin opens at a price, its fee included, within the tiers; unsigned, not cut to steps."""
    paid = max(free, 0.0) / (1.0 / leverage + fee)
    return amount_worth(min(paid, max_notional(tiers, leverage)), price, inverse)


@Face
def margin_ratio(balance, maintenance):
    """Maintenance margin as a share of the margin balance: at 1 and above a position is liquidated."""
    if maintenance <= 0.0:
        return 0.0
    return maintenance / balance if balance > 0.0 else np.inf


# Where it ends.


@compiled
def _solvent(tiers, rest, long, short):
    """The prices between which ``rest + (long - short) * price`` is above what long and short must keep."""
    low, high, is_under = np.inf, 0.0, True
    i, j, price = 0, 0, 0.0
    while True:
        # From price up to end neither of them changes its tier, so what is left over the margin is a straight line.
        next_long, next_short = Tier(tiers, i + 1).floor / long, Tier(tiers, j + 1).floor / short
        end = next_long if next_long < next_short else next_short
        slope = (long - short) - (Tier(tiers, i).rate * long + Tier(tiers, j).rate * short)
        start = rest + (Tier(tiers, i).amount + Tier(tiers, j).amount)
        root = -start / slope
        root = root if root > price else price  # not max(): -0.0 would be a price below 0
        if start + slope * price > 0.0:
            if is_under:
                low, high, is_under = min(low, price), np.inf, False
        elif not is_under:
            high, is_under = price, True
        if is_under and slope > 0.0 and root < end:
            low, high, is_under = min(low, root), np.inf, False
        elif not is_under and slope < 0.0 and root <= end:
            high, is_under = root, True
        if not end < np.inf:
            return low, high
        price = end
        i, j = i + (next_long <= end), j + (next_short <= end)


@Face
def liquidation_prices(tiers, balance, long, long_cost, short, short_cost, inverse=False):
    """Mark prices, (below, above), at or beyond which an account is liquidated by one instrument's move.

    balance: wallet and unrealised profits of all other positions, less their maintenance margins. long, short: amounts
    of the two positions, unsigned, 0 for none; costs: what they were worth at their entries. (inf, 0) is at any price.
    """
    if inverse:  # a long is a short in 1 / price
        low, high = _solvent(tiers, balance - short_cost + long_cost, abs(short), abs(long))
        return 1.0 / high, 1.0 / low
    return _solvent(tiers, balance - long_cost + short_cost, abs(long), abs(short))


@Face
def liquidation_price(tiers, amount, entry, margin, inverse=False):
    """Mark price at which an isolated position with so much margin is liquidated: 0 or infinite where there is none."""
    cost = abs(notional_of(amount, entry, inverse))
    if amount > 0:
        return liquidation_prices(tiers, margin, amount, cost, 0.0, 0.0, inverse)[0]
    return liquidation_prices(tiers, margin, 0.0, 0.0, -amount, cost, inverse)[1]


@Face
def bankruptcy_price(amount, entry, margin, inverse=False):
    """The price at which a position has lost its margin: 0 or infinite where there is none."""
    cost = notional_of(amount, entry, inverse)
    if inverse:
        price = amount / (cost + margin)
        return price if price > 0.0 else np.inf
    return max((cost - margin) / amount, 0.0)


@Face
def reduction(tiers, amount, price, inverse=False):
    """What one step of partial liquidation closes, unsigned: down to the floor of its tier, in the first tier all."""
    size = abs(amount)
    index = tier_of(tiers, notional_of(size, price, inverse))
    kept = amount_worth(Tier(tiers, index).floor, price, inverse)
    while kept >= size * (1.0 - PRECISION) and index > 0:  # what was cut to a floor may be a rounding above it
        index -= 1
        kept = amount_worth(Tier(tiers, index).floor, price, inverse)
    return size - kept


# A cross account, as a list.


class Position(NamedTuple):
    """One position of a cross account; in hedge mode an instrument has two. amount: long above 0."""

    tiers: Tiers
    amount: float
    entry: float
    mark: float
    inverse: bool = False

    @property
    def pnl(self) -> float:
        """Unrealised, at the mark."""
        return unrealised_pnl(self.amount, self.entry, self.mark, self.inverse)

    @property
    def maintenance(self) -> float:
        """Maintenance margin at the mark."""
        return maintenance_margin(self.tiers, notional_of(self.amount, self.mark, self.inverse))


def cross_liquidation_prices(wallet: float, positions: Sequence[Position]) -> dict[str, tuple[float, float]]:
    """Mark prices (below, above) of each instrument that liquidate the account while all other marks stay.

    wallet: of the margin currency, without unrealised profits. Instruments are told apart by the name of their tiers.
    """
    left = [(one.tiers.name, one.pnl - one.maintenance) for one in positions]
    found = {}
    for name in dict.fromkeys(name for name, _ in left):
        own = [one for one in positions if one.tiers.name == name]
        sides = []
        for side in (1, -1):
            held = [one for one in own if one.amount * side > 0]
            sides += [sum(abs(one.amount) for one in held)]
            sides += [sum(abs(notional_of(one.amount, one.entry, one.inverse)) for one in held)]
        balance = wallet + sum(more for of, more in left if of != name)
        found[name] = liquidation_prices(own[0].tiers, balance, *sides, own[0].inverse)
    return found
