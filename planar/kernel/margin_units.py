"""Margin in whole units of an account, as the kernel books it: the formulas of `margin`, rounded against the trader."""

from planar.kernel.machine import compiled
from planar.kernel.margin import Tier, amount_worth, funding_fee, maintenance_margin, notional_of, tier_of
from planar.kernel.numbers import amount_of, plus, units_due, units_of_amount, units_of_money, whole_steps


@compiled
def funding_units(state, ins, amount, price, rate, inverse):
    """Units that ``amount`` base units pay at a funding time, rounded up."""
    return units_due(state, funding_fee(amount_of(ins, amount), price, rate, inverse))


@compiled
def maintenance_units(state, ins, tiers, amount, price, inverse):
    """Units that ``amount`` base units must keep, rounded up."""
    return units_due(state, maintenance_margin(tiers, notional_of(amount_of(ins, amount), price, inverse)))


@compiled
def pnl_units(state, ins, amount, cost, price, inverse):
    """Units that ``amount`` base units have won at a price, rounded down; cost: of their entry, with their sign."""
    worth = notional_of(amount_of(ins, amount), price, inverse)
    return plus(cost, -units_due(state, worth)) if inverse else plus(units_of_money(state, worth), -cost)


@compiled
def _kept_units(ins, tiers, index, price, inverse):
    return whole_steps(ins, units_of_amount(ins, amount_worth(Tier(tiers, index).floor, price, inverse)))


@compiled
def reduction_units(ins, tiers, amount, price, inverse):
    """Base units that one step of partial liquidation closes of ``amount``, unsigned: what is kept is whole steps."""
    size = abs(amount)
    index = tier_of(tiers, notional_of(amount_of(ins, size), price, inverse))
    kept = _kept_units(ins, tiers, index, price, inverse)
    while kept >= size and index > 0:  # a floor may be nearer than a step
        index -= 1
        kept = _kept_units(ins, tiers, index, price, inverse)
    return size - kept
