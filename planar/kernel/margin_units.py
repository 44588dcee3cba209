"""Margin in whole units of an account, as the kernel books it: the formulas of `margin`, rounded against the trader.

Amounts are base units; of an inverse contract they count contracts, of ``ins.size`` quote each.
"""

from planar.kernel.machine import compiled
from planar.kernel.margin import Tier, amount_worth, funding_fee, maintenance_margin, notional_of, tier_of
from planar.kernel.numbers import amount_of, plus, units_due, units_of_amount, units_of_money, whole_steps


@compiled
def worth_at(ins, amount, price):
    """The notional of base units at a price."""
    return notional_of(amount_of(ins, amount) * ins.size, price, ins.sign < 0)


@compiled
def funding_units(state, ins, amount, price, rate):
    """Units that ``amount`` base units pay at a funding time, rounded up."""
    return units_due(state, funding_fee(amount_of(ins, amount) * ins.size, price, rate, ins.sign < 0))


@compiled
def maintenance_units(state, ins, tiers, amount, price):
    """Units that ``amount`` base units must keep, rounded up."""
    return units_due(state, maintenance_margin(tiers, worth_at(ins, amount, price)))


@compiled
def pnl_units(state, ins, amount, cost, price):
    """Units that ``amount`` base units have won at a price, rounded down; cost: of their entry, with their sign."""
    worth = worth_at(ins, amount, price)
    return plus(units_of_money(state, worth), -cost) if ins.sign > 0 else plus(cost, -units_due(state, worth))


@compiled
def _kept_units(ins, tiers, index, price):
    amount = amount_worth(Tier(tiers, index).floor, price, ins.sign < 0) / ins.size
    return whole_steps(ins, units_of_amount(ins, amount))


@compiled
def reduction_units(ins, tiers, amount, price):
    """Base units that one step of partial liquidation closes of ``amount``, unsigned: what is kept is whole steps."""
    size = abs(amount)
    index = tier_of(tiers, abs(worth_at(ins, amount, price)))
    kept = _kept_units(ins, tiers, index, price)
    while kept >= size and index > 0:  # a floor may be nearer than a step
        index -= 1
        kept = _kept_units(ins, tiers, index, price)
    return size - kept
