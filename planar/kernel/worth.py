"""What is owned and what an order may cost, before anything is traded."""

from planar.kernel.machine import compiled
from planar.kernel.numbers import RATE, cost_up, largest_rate, price_of, product_down, ticks_up, value_of
from planar.kernel.state import Instrument

BUFFER = 0.01
"""How far from its price a buy without a limit may be filled."""


@compiled
def asset_at(ins, price):
    """What a base balance adds to equity at a price: who holds inverse contracts owes quote."""
    worth = value_of(ins, ins.amount, price)
    return worth if ins.sign > 0 else -worth


@compiled
def equity_of(state):
    """Cash and every base balance at its last close, as money."""
    total = state.money
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.base:
            total += asset_at(ins, ins.last)
    return total


@compiled
def reference(ins, limit, trigger):
    """The price an order is valued at before it trades: its limit, else its trigger, else the last close."""
    if limit:
        return price_of(ins, limit)
    return price_of(ins, trigger) if trigger else ins.last


@compiled
def spent_of(ins, budget):
    """The part of a quote budget that buys; the rest is for the fee."""
    return budget if ins.fee_base else product_down(budget, RATE, RATE + largest_rate(ins))


@compiled
def cost_at_worst(ins, amount, limit, trigger, budget):
    """Quote units that a buy of an amount, or of a quote budget (-1 for none), may cost, fees apart."""
    if budget >= 0:
        return spent_of(ins, budget)
    return cost_up(ins, amount, limit or ticks_up(ins, reference(ins, 0, trigger) * (1.0 + BUFFER)))
