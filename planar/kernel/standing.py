"""How an account of contracts stands, for whoever is told of it: figures that the kernel goes by, by address.

All in quote units, at the marks last seen; what orders ask for is that of accepted ones (docs/simulation.md, section
12).
"""

from numba import types

from planar.kernel.contracts import asked_of, asks_of, bids_of, free_margin, gain_of, margin_of, wallet_of, worth_of
from planar.kernel.linked import PAIR, F, I, linked
from planar.kernel.liquidation import level
from planar.kernel.margin_units import maintenance_units
from planar.kernel.state import Instrument, State


@linked(PAIR(I))
def account_standing(address):
    """The wallet, and how much of it nothing is put up for; that may be below 0."""
    state = State(address, 0)
    return wallet_of(state), free_margin(state, True)


@linked(types.UniTuple(I, 5)(I, I))
def position_standing(address, k):
    """Of a contract: what its position is worth, with its sign, has won, asks for and must keep; what orders ask for on
    top.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    worth = worth_of(ins)
    asked = margin_of(ins, abs(worth))
    on_top = asked_of(ins, bids_of(ins, True), asks_of(ins, True)) - (0 if ins.is_isolated else asked)
    if ins.base == 0:
        return 0, 0, 0, 0, on_top
    kept = maintenance_units(state, ins, ins.tiers, ins.base, ins.mark)
    return worth, gain_of(state, ins), asked, kept, on_top


@linked(F(I, I))
def liquidation_mark(address, k):
    """The mark at which a position is liquidated: 0 or infinite where there is none, or no position."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    return level(state, ins, -1) if ins.base else 0.0
