"""Orders that wait at the venue for others: armed, grown, and ended with them (docs/simulation.md, section 13)."""

from planar.kernel.contracts import fit, hold_when_armed
from planar.kernel.groups import known_of
from planar.kernel.ledger import finish, left_of, open_order, required, reserve, tell, unbind, venue_base, venue_cash
from planar.kernel.linked import INS, STA, B, F, I, V, linked
from planar.kernel.machine import compiled
from planar.kernel.match import arrive_armed, has_margin
from planar.kernel.numbers import (
    cost_down,
    money_of,
    need,
    part_of,
    price_of,
    product_down,
    ticks_down,
    ticks_up,
    whole_steps,
)
from planar.kernel.state import Order
from planar.kernel.worth import BUFFER
from planar.model.order import LIVE, NEVER, Event, Reason, Side, Status

LIVE_BYTES = LIVE.itemsize
ARMED = {"full": 0, "end": 1, "part": 2}
"""When what waits is armed: once its parent is filled; whenever that ends filled in part; with each fill."""

FULL, END, PART = ARMED.values()


@linked(V(STA, INS, F, I, B))
def follow(state, ins, price, time, is_open):
    """Looks at the bound orders after something has happened while the market stands at ``price``.

    is_open: in phase Open, where what is armed is not met again.
    """
    i = 0
    while i < ins.active_n:
        order = open_order(ins, i)
        if order.after != 0 and (order.arrive == NEVER or order.status != Status.PENDING):
            if _look_at(state, ins, order, price, time, is_open):
                i = 0
                continue
        i += 1


@compiled
def _parent_of(state, ins, order):
    """The order that it is bound to, as it stands."""
    kept = Order(state.orders, order.after - 1)
    if kept.status > Status.PARTIAL:
        return kept
    return Order(ins.live + kept.slot * LIVE_BYTES, 0)


@compiled
def _look_at(state, ins, order, price, time, is_open):
    """Whether what became of its parent does something to a bound order."""
    parent = _parent_of(state, ins, order)
    has_ended = parent.status > Status.PARTIAL
    if order.status != Status.PENDING:
        has_grown = _grow(state, ins, order, _share(ins, order, parent), time)
        if has_ended:
            unbind(ins, order)
        return has_grown
    if has_ended and (parent.filled == 0 or (ins.armed == FULL and parent.status != Status.FILLED)):
        reason = Reason.LINKED if parent.filled == 0 else Reason.PARENT_PARTIAL
        finish(state, ins, order, Status.CANCELLED, Event.CANCELLED, reason, time)
        return True
    if not has_ended and (ins.armed != PART or parent.filled == 0):
        return False
    share = _share(ins, order, parent)
    reason = _too_small(state, ins, order, share + order.share, price)
    if reason == Reason.NONE:
        _arm(state, ins, order, share, price, time, has_ended)
        if is_open and order.settled != state.steps:
            order.settled = -state.steps
        return True
    if has_ended:
        finish(state, ins, order, Status.REJECTED, Event.REJECTED, reason, time)
    return has_ended


@compiled
def _share(ins, order, parent):
    """Base units that a bound order may have of what its parent gave."""
    given = parent.filled
    if parent.side == Side.BUY and ins.fee_base:
        given -= parent.fee
    given = whole_steps(ins, max(given, 0))
    return min(order.wish, given) if order.part == 0.0 else whole_steps(ins, part_of(order.part, given))


@compiled
def _too_small(state, ins, order, amount, price):
    """The reason for which the venue does not take so little."""
    if amount <= 0 or amount < ins.min_amount:
        return Reason.BELOW_MIN_AMOUNT
    if order.reduces:
        return Reason.NONE
    ticks = order.price or order.stop or max(ticks_down(ins, price), 1)
    return Reason.BELOW_MIN_COST if money_of(state, cost_down(ins, amount, ticks)) < ins.min_cost else Reason.NONE


@compiled
def _arm(state, ins, order, share, price, time, has_ended):
    """The order arrives at last, for its share."""
    amount = share + order.share
    order.cut += order.amount - amount
    order.amount, order.share = amount, share
    if has_ended:
        unbind(ins, order)
    if ins.is_contract:
        reserve(state, ins, order, hold_when_armed(ins, order, price))
    elif order.side == Side.BUY and order.price == 0:
        middle = price_of(ins, order.stop) if order.stop else price
        reserve(state, ins, order, need(ins, amount, ticks_up(ins, middle * (1.0 + BUFFER))))
    else:
        reserve(state, ins, order, required(ins, order))
    arrive_armed(state, ins, order, price, time)


@compiled
def _grow(state, ins, order, share, time):
    """Whether an armed order is for more, since its parent gave more and there are funds for it."""
    more = share - order.share
    if more <= 0:
        return False
    held, left = order.reserved, left_of(order)
    order.amount += more
    wanted = required(ins, order)
    if order.price == 0 and (order.side == Side.BUY or ins.is_contract) and order.reduces == 0:
        wanted = held + product_down(held, more, left)
    if not _can_hold(state, ins, order, wanted):
        order.amount -= more
        return False
    order.cut -= more
    order.share = share
    reserve(state, ins, order, wanted)
    if order.reduces:
        fit(ins, order)
    tell(state, ins, order.id, Event.AMENDED, Reason.NONE, time)
    return True


@compiled
def _can_hold(state, ins, order, wanted):
    """Whether the venue sees the funds for an order that is to hold so much."""
    if ins.is_contract:
        return has_margin(state, ins, order, wanted)
    venue = venue_cash(state) if order.side == Side.BUY else venue_base(ins)
    return wanted <= venue + known_of(state, ins, order)
