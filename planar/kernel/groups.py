"""Groups of open orders of which only one can have what it is for (docs/simulation.md, section 13): what they hold.

A group has the number of its first member's place among all orders, from 1; 0 is none. Its members are orders of one
instrument and side, so that all of them hold of the same balance.
"""

from planar.kernel.linked import INS, ORD, PAIR, STA, TRIPLE, I, V, linked
from planar.kernel.machine import compiled, get_int
from planar.kernel.state import Amend, Live, Order
from planar.model.order import NEVER, Reason, Side, Status


@compiled
def shift(state, ins, side, reserved, pending, returning):
    """Adds to what the orders of a side hold: quote units of cash for buys, base units for sells, and for either side
    of a contract quote units that margin is asked for.
    """
    if side == Side.SELL:
        ins.reserved += reserved
        ins.pending += pending
        ins.returning += returning
    elif ins.is_contract:
        ins.bid_reserved += reserved
        ins.bid_pending += pending
        ins.bid_returning += returning
    else:
        state.reserved += reserved
        state.pending += pending
        state.returning += returning


@linked(TRIPLE(STA, INS, I))
def holds(state, ins, group):
    """The largest reservation of the members: of all, of those that the venue knows, and of those whose cancel is not
    on its way. The first and the last count amends on their way.
    """
    total = known = kept = 0
    for i in range(ins.active_n):
        order = Live(ins.live, get_int(ins.active, i))
        if order.group != group:
            continue
        units = order.reserved
        if order.status != Status.PENDING:
            known = max(known, units)
        if order.amend >= 0:
            units += Amend(state.amends, order.amend).extra
        total = max(total, units)
        if order.cancel_at == NEVER:
            kept = max(kept, units)
    return total, known, kept


@compiled
def book(state, ins, side, before, after):
    """What a group holds has changed from one triple of `holds` to another."""
    total = after[0] - before[0]
    pending, returning = total - (after[1] - before[1]), total - (after[2] - before[2])
    shift(state, ins, side, total, pending, returning)


@compiled
def known_of(state, ins, order):
    """What the venue holds for an order that it has or for its group: a member may use what any of them holds."""
    if order.group:
        return holds(state, ins, order.group)[1]
    return order.reserved if order.status != Status.PENDING else 0


@linked(I(STA, INS, ORD, I))
def known_with(state, ins, order, units):
    """What the venue would hold for an order or its group if the order held so much."""
    if order.group:
        for i in range(ins.active_n):
            other = Live(ins.live, get_int(ins.active, i))
            if other.group == order.group and other.id != order.id and other.status != Status.PENDING:
                units = max(units, other.reserved)
    return units


@linked(I(STA, INS, ORD, I))
def kept_with(state, ins, order, units):
    """What an order's group would hold, when asking, if the order held so much."""
    if order.group:
        for i in range(ins.active_n):
            other = Live(ins.live, get_int(ins.active, i))
            if other.group == order.group and other.id != order.id and other.cancel_at == NEVER:
                extra = Amend(state.amends, other.amend).extra if other.amend >= 0 else 0
                units = max(units, other.reserved + extra)
    return units


@compiled
def kept_of(state, ins, order):
    """What counts as free for new terms of an order: its own reservation, or what its group holds."""
    return holds(state, ins, order.group)[2] if order.group else order.reserved


@linked(PAIR(STA, INS, I))
def group_of(state, ins, id):
    """The group of an open order, or the one that it would found, and what that holds which a new member may use."""
    order = Live(ins.live, Order(state.orders, id - 1).slot)
    if order.group:
        return int(order.group), holds(state, ins, order.group)[2]
    held = order.reserved
    if order.amend >= 0:
        held += Amend(state.amends, order.amend).extra
    return id, held


@linked(I(STA, INS, I, I, I))
def refusal_of(state, ins, side, oco, after):
    """Why a new order of this side cannot be in a group with that one, or wait for that one; 0 when it can."""
    if oco:
        refusal = _link_refusal(state, ins, side, oco)
        if refusal:
            return refusal
        order = Live(ins.live, Order(state.orders, oco - 1).slot)
        if order.form != order.kind or order.filled:
            return Reason.INVALID_LINK.value
    if after:
        refusal = _link_refusal(state, ins, -side, after)
        if refusal:
            return refusal
    if oco and Live(ins.live, Order(state.orders, oco - 1).slot).after != after:
        return Reason.INVALID_LINK.value
    return 0


@compiled
def _link_refusal(state, ins, side, id):
    """Why that is no open order of this side to be linked with; 0 when it is."""
    if id == state.orders_n + 1:
        return Reason.INVALID_LINK.value
    if id < 1 or id > state.orders_n:
        return Reason.UNKNOWN_ORDER.value
    kept = Order(state.orders, id - 1)
    if kept.instrument != ins.index:
        return Reason.INVALID_LINK.value
    is_open = kept.status <= Status.PARTIAL
    order = Live(ins.live, kept.slot)
    if (order.side if is_open else kept.side) != side:
        return Reason.INVALID_LINK.value
    return Reason.ORDER_DONE.value if not is_open or order.cancel_at != NEVER else 0


@linked(V(STA, INS, ORD, I))
def enter(state, ins, order, group):
    """A new order, open already, becomes a member of a group, of which it held nothing before."""
    founder = Order(state.orders, group - 1)
    if founder.status <= Status.PARTIAL:
        Live(ins.live, founder.slot).group = group
    before = holds(state, ins, group)
    order.group = group
    book(state, ins, order.side, before, holds(state, ins, group))
