"""The orders that `protect` keeps as exits, by legs, and how they are given up (docs/simulation.md, section 21).

What it keeps lies behind the quotes in the instrument's slots: the position that it is of, what each take was wished to
be, then of each leg the ids of its orders and what its takes have filled.
"""

from planar.kernel.ledger import ask_cancel
from planar.kernel.linked import INS, STA, I, V, linked
from planar.kernel.machine import compiled, get_float, get_int, set_float, set_int
from planar.kernel.state import LEGS, SLOTS, Instrument, Live, Order, State
from planar.model.order import NEVER, Status

REST = LEGS - 1
"""The leg without a take."""

STOP_LEG, TRAIL_LEG, TAKE_LEG, KINDS = range(4)
"""The orders of a leg, in order; how many there are."""

_WISHES = SLOTS + 1
_IDS = _WISHES + 2 * LEGS
_TAKEN = _IDS + KINDS * LEGS
_AMOUNTS = _TAKEN + LEGS


@compiled
def wish(address, k, i, price, share):
    """Where the i-th take is wished to be, and for which share of the position."""
    slots = Instrument(State(address, 0).instruments, k).slots
    set_float(slots, _WISHES + 2 * i, price)
    set_float(slots, _WISHES + 2 * i + 1, share)
    return 0


@compiled
def wished_price(ins, i):
    return get_float(ins.slots, _WISHES + 2 * i)


@compiled
def wished_share(ins, i):
    return get_float(ins.slots, _WISHES + 2 * i + 1)


@compiled
def id_of(ins, leg, kind):
    """The order that the leg has, or had last; 0 for none."""
    return get_int(ins.slots, _IDS + KINDS * leg + kind)


@compiled
def set_id(ins, leg, kind, id):
    set_int(ins.slots, _IDS + KINDS * leg + kind, id)


@compiled
def taken_of(ins, leg):
    """Base units that takes of the leg have filled that are not its take any more."""
    return get_int(ins.slots, _TAKEN + leg)


@compiled
def set_taken(ins, leg, units):
    set_int(ins.slots, _TAKEN + leg, units)


@compiled
def amount_of_leg(ins, leg):
    return get_int(ins.slots, _AMOUNTS + leg)


@compiled
def set_amount_of_leg(ins, leg, units):
    set_int(ins.slots, _AMOUNTS + leg, units)


@linked(I(STA, INS, I, I))
def standing(state, ins, leg, kind):
    """The id of the leg's order of that kind, when it is open and no cancel of it is on its way; else 0."""
    id = id_of(ins, leg, kind)
    if id == 0 or Order(state.orders, id - 1).status > Status.PARTIAL:
        return 0
    return id if Live(ins.live, Order(state.orders, id - 1).slot).cancel_at == NEVER else 0


@compiled
def filled_of(state, ins, id):
    """Base units that an order has filled by now."""
    kept = Order(state.orders, id - 1)
    return kept.filled if kept.status > Status.PARTIAL else Live(ins.live, kept.slot).filled


@linked(V(STA, INS))
def give_up(state, ins):
    """Asks to cancel all that stands."""
    for leg in range(LEGS):
        for kind in range(KINDS):
            id = standing(state, ins, leg, kind)
            if id:
                ask_cancel(state, ins, Live(ins.live, Order(state.orders, id - 1).slot))


@compiled
def is_protected(ins):
    """Whether `protect` was ever asked for."""
    return get_int(ins.slots, SLOTS) != 0


@compiled
def begin(state, ins):
    """What was kept is of this position, else it is given up and forgotten."""
    if get_int(ins.slots, SLOTS) == ins.positions:
        return
    give_up(state, ins)
    set_int(ins.slots, SLOTS, ins.positions)
    for leg in range(LEGS):
        set_taken(ins, leg, 0)
        for kind in range(KINDS):
            set_id(ins, leg, kind, 0)
