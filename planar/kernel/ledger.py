"""What happens to the books: a fill, an end, a refusal. Simulated, paper and live events all pass through here.

`apply_fill` and `finish` are the only writers of balances; `tell` of events. Reservations are written by `reserve`, by
`reserve_extra` for amends on their way, and by `check._submit` for new orders.
"""

from planar.kernel.contracts import against, fit, free_margin, hold_after, move_position
from planar.kernel.draws import arrival
from planar.kernel.groups import book, holds, shift
from planar.kernel.linked import INS, ORD, STA, I, V, linked
from planar.kernel.machine import compiled, copy_bytes, get_int, inlined, set_int
from planar.kernel.numbers import (
    amount_of,
    cost_down,
    cost_up,
    fee_of,
    money_of,
    need,
    plus,
    price_of,
    product_down,
    ticks_down,
    ticks_up,
    whole_steps,
)
from planar.kernel.state import Amend, Event, Fill, Instrument, Live, Note, Order, State
from planar.model.order import LIVE, NEVER, ORDER, Forced, Reason, Side, Status
from planar.model.order import Event as EventKind

ORDER_BYTES, LIVE_BYTES = ORDER.itemsize, LIVE.itemsize


@compiled
def tell(state, ins, id, kind, reason, time):
    """Writes one event of an order, -1 for none."""
    event = Event(state.events, state.events_n)
    state.events_n += 1
    if state.events_n > state.events_full:
        state.is_full = 1
    event.time, event.order, event.kind, event.reason, event.instrument = time, id, kind, reason, ins.index


@compiled
def free_cash(state):
    """Quote units for new orders: what no order holds, and what cancels on their way will return."""
    return free_margin(state, False) if state.contracts else state.cash - state.reserved + state.returning


@inlined
def free_base(ins):
    """Base units for new orders, likewise."""
    return ins.base - ins.reserved + ins.returning


@compiled
def venue_cash(state):
    """Quote units that no order holds which the venue has accepted."""
    return free_margin(state, True) if state.contracts else state.cash - (state.reserved - state.pending)


@inlined
def venue_base(ins):
    """Base units that no order holds which the venue has accepted."""
    return ins.base - (ins.reserved - ins.pending)


@compiled
def reserve(state, ins, order, units):
    """Sets what an order holds."""
    change = units - order.reserved
    if order.group:
        before = holds(state, ins, order.group)
        order.reserved = units
        book(state, ins, order.side, before, holds(state, ins, order.group))
        change = 0
    order.reserved = units
    is_pending, is_returning = order.status == Status.PENDING, order.cancel_at != NEVER
    shift(state, ins, order.side, change, change if is_pending else 0, change if is_returning else 0)


@compiled
def reserve_extra(state, ins, order, units):
    """Adds to what an amend on its way holds on top of its order; the venue does not know of it yet."""
    shift(state, ins, order.side, units, units, units if order.cancel_at != NEVER else 0)


@linked(V(STA, INS, ORD))
def drop_amend(state, ins, order):
    """Forgets the amend that was on its way, and what it held."""
    if order.group:
        before = holds(state, ins, order.group)
        order.amend = -1
        book(state, ins, order.side, before, holds(state, ins, order.group))
    else:
        reserve_extra(state, ins, order, -Amend(state.amends, order.amend).extra)
    order.amend, order.amend_at = -1, NEVER
    order.due = next_due(order)


@compiled
def ask_cancel(state, ins, order):
    """Sends a cancel after the order, unless one is on its way; what the order holds counts as returning."""
    if order.cancel_at != NEVER:
        return
    arrives = arrival(state, ins, order)
    if order.group:
        before = holds(state, ins, order.group)
        order.cancel_at = arrives
        book(state, ins, order.side, before, holds(state, ins, order.group))
    order.cancel_at = arrives
    order.due = next_due(order)
    ins.due = min(ins.due, order.due)
    if order.group:
        return
    held = order.reserved
    if order.amend >= 0:
        held += Amend(state.amends, order.amend).extra
    shift(state, ins, order.side, 0, 0, held)


@compiled
def set_cash(state, units):
    state.booked += 1
    state.cash = units
    state.money = money_of(state, units)


@compiled
def set_base(ins, units):
    had, has_turned = ins.closable, (ins.base < 0) != (units < 0)
    ins.base = units
    ins.amount = amount_of(ins, units)
    whole = whole_steps(ins, abs(units))
    ins.closable = whole if whole >= ins.min_amount else 0
    if ins.closable and (had == 0 or has_turned):
        ins.positions += 1


@inlined
def left_of(order):
    """Base units still to be filled."""
    return order.amount - order.filled


@compiled
def required(ins, order):
    """What an order of these terms holds while it rests; one that holds quote without a limit keeps its estimate."""
    if ins.is_contract:
        if order.reduces:
            return 0
        return cost_up(ins, left_of(order), order.price) if order.price else order.reserved
    if order.side == Side.SELL:
        return left_of(order)
    return need(ins, left_of(order), order.price) if order.price else order.reserved


@inlined
def next_due(order):
    """When something is next to happen to the order of itself: arrival, expiry, an amend or a cancel."""
    if order.status == Status.PENDING:
        return min(order.arrive, order.expire, order.amend_at, order.cancel_at)
    return min(order.expire, order.amend_at, order.cancel_at)


@compiled
def open_order(ins, i):
    """The i-th open order of an instrument, by id."""
    return Live(ins.live, get_int(ins.active, i))


@inlined
def keep(state, ins, order, status, reason, done):
    """Copies what is kept of an order to its place among all orders."""
    place = state.orders + order.id * ORDER_BYTES
    copy_bytes(place, ins.live + order.slot * LIVE_BYTES, ORDER_BYTES)
    kept = Order(place, 0)
    kept.status, kept.reason, kept.done = status, reason, done


@inlined
def activate(state, ins, order):
    """Puts the order in the first free slot among the instrument's open ones, which stay sorted by id."""
    ins.active_n += 1
    state.active_n += 1
    kept = Order(state.orders, order.id)
    kept.status, kept.slot, kept.instrument = Status.PENDING, order.slot, ins.index


@inlined
def _deactivate(state, ins, order):
    """The order's slot becomes the first free one."""
    state.active_n -= 1
    ins.active_n -= 1
    i, active, slot, moving = ins.active_n, ins.active, order.slot, int(order.slot)
    while True:
        here = get_int(active, i)
        set_int(active, i, moving)
        if here == slot:
            return
        moving = here
        i -= 1


@compiled
def write_open_orders(address):
    """Brings what is kept of the open orders up to date."""
    state = State(address, 0)
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        for i in range(ins.active_n):
            order = open_order(ins, i)
            keep(state, ins, order, order.status, order.reason, NEVER)


@inlined
def is_held_back(order):
    """Whether it waits for its parent, at the venue or on its way there."""
    return order.after != 0 and order.status == Status.PENDING


@compiled
def unbind(ins, order):
    """The order does not depend on its parent any more."""
    order.after = 0
    ins.bound -= 1


@compiled
def place_after(ins, i, id):
    """Where the first order with a larger id is among the open ones, which may have become fewer. i: where it was."""
    i = min(i + 1, ins.active_n)
    while i > 0 and open_order(ins, i - 1).id > id:
        i -= 1
    return i


@inlined
def _end(state, ins, order, status, event, reason, time):
    """Ends an order: its reservation returns, it leaves the open orders, the end is told."""
    reserve(state, ins, order, 0)
    if order.amend >= 0:
        drop_amend(state, ins, order)
    keep(state, ins, order, status, reason, time)
    order.status = status
    if order.after:
        unbind(ins, order)
    _deactivate(state, ins, order)
    if status != Status.FILLED:
        tell(state, ins, order.id, event, reason, time)


@compiled
def finish(state, ins, order, status, event, reason, time):
    """Ends an order, and with one that is filled the others of its group."""
    group = order.group
    _end(state, ins, order, status, event, reason, time)
    if group:
        order.group = order.cut = 0
        if status == Status.FILLED:
            end_others(state, ins, group, order.id, time)


@linked(V(STA, INS, I, I, I))
def end_others(state, ins, group, id, time):
    """Ends the other members of a group: that order alone has what it was for."""
    i = 0
    while i < ins.active_n:
        other = open_order(ins, i)
        if other.group == group and other.id != id:
            _end(state, ins, other, Status.CANCELLED, EventKind.CANCELLED, Reason.LINKED, time)
            other.group = other.cut = 0
        else:
            i += 1


@linked(V(STA, INS, ORD, I, I))
def take_off_others(state, ins, order, amount, time):
    """An order of a group was filled in part: the others are ended, or are for so much less."""
    group, id = order.group, order.id
    if not ins.reduces:
        end_others(state, ins, group, id, time)
        return
    i = 0
    while i < ins.active_n:
        other = open_order(ins, i)
        before = left_of(other)
        after = before - amount
        if other.group != group or other.id == id:
            i += 1
        elif is_held_back(other):
            other.share -= amount
            i += 1
        elif other.by_cost or after <= 0 or after < ins.min_amount:
            _end(state, ins, other, Status.CANCELLED, EventKind.CANCELLED, Reason.LINKED, time)
            other.group = other.cut = 0
        else:
            other.amount -= amount
            other.cut += amount
            if ins.is_contract:
                rest = hold_after(ins, other, amount)
            elif other.side == Side.BUY and other.price == 0:
                rest = product_down(other.reserved, after, before)
            else:
                rest = required(ins, other)
            reserve(state, ins, other, rest)
            i += 1


@inlined
def accept(state, ins, order, time):
    """The venue has the order, and holds its reservation from now on."""
    if order.group:
        before = holds(state, ins, order.group)
        order.status = Status.OPEN
        book(state, ins, order.side, before, holds(state, ins, order.group))
    else:
        shift(state, ins, order.side, 0, -order.reserved, 0)
    order.status = Status.OPEN
    order.due = next_due(order)
    tell(state, ins, order.id, EventKind.ACCEPTED, Reason.NONE, time)


@compiled
def apply_fill(state, ins, order, amount, ticks, cost, fee, is_maker, time, spread, impact, slip):
    """Books one fill: balances, position figures, the order, its reservation, the logs.

    cost and fee in quote units, except the fee of a buy on the fee side base: base units. Conserves everything.
    """
    is_buy = order.side == Side.BUY
    fee_in_base = is_buy and ins.fee_base
    paid = 0
    if ins.is_contract:
        book_contract(state, ins, order.side, amount, ticks, cost, fee)
    elif is_buy:
        paid = cost if fee_in_base else plus(cost, fee)
        set_cash(state, state.cash - paid)
        set_base(ins, plus(ins.base, amount - fee if fee_in_base else amount))
        add_to_position(state, ins, amount, cost, fee, ticks)
    else:
        set_cash(state, plus(state.cash, cost - fee))
        set_base(ins, ins.base - amount)
        take_from_position(state, ins, amount, cost, fee)
    order.filled += amount
    order.cost = plus(order.cost, cost)
    order.fee = plus(order.fee, fee)
    order.settled = state.steps
    if state.fees:
        state.traded += money_of(state, cost)
    ins.is_changed = state.has_changes = 1
    if state.budgeted and ins.has_volume:
        ins.budget -= amount
    if order.by_cost:
        order.budget -= paid
        order.amount = order.filled
        reserve(state, ins, order, order.budget)
    elif ins.is_contract:
        reserve(state, ins, order, hold_after(ins, order, amount))
    elif order.price == 0 and is_buy:
        reserve(state, ins, order, max(order.reserved - paid, 0))
    else:
        reserve(state, ins, order, required(ins, order))
    order.status = Status.PARTIAL
    if ins.lead:
        state.path_decided += 1
    _log_fill(state, ins, order, amount, ticks, cost, fee, is_maker, time, spread, impact, slip)
    if order.by_cost:
        return  # whether it is done, its match knows
    if left_of(order) == 0:
        finish(state, ins, order, Status.FILLED, EventKind.FILL, Reason.NONE, time)
    elif order.group:
        take_off_others(state, ins, order, amount, time)
    if ins.is_contract and ins.active_n and not state.outside:
        fit_all(state, ins, time)


@linked(V(STA, INS, I))
def fit_all(state, ins, time):
    """After a fill: what may only reduce is for no more than is held, and has expired where nothing is."""
    i = 0
    while i < ins.active_n:
        order = open_order(ins, i)
        i += 1
        if order.reduces == 0 or order.status == Status.PENDING:
            continue
        if against(ins, order.side):
            fit(ins, order)
        else:
            finish(state, ins, order, Status.EXPIRED, EventKind.EXPIRED, Reason.NO_POSITION, time)
            i -= 1


@linked(V(STA, INS, I, I, I, I, I))
def book_contract(state, ins, side, amount, ticks, cost, fee):
    """A contract's cash and base change as those of spot do, an inverse one's cash the other way; its position realises
    what the wallet gains by it.
    """
    opens = amount > against(ins, side)
    if ins.hedge:
        ins.candle = Instrument(state.instruments, ins.owner).candle
    realised = move_position(ins, side, amount, cost)
    set_cash(state, plus(state.cash, -side * ins.sign * cost - fee))
    set_base(ins, plus(ins.base, side * amount))
    ins.realised += money_of(state, realised - fee)
    if opens:
        ins.last_entry_price = price_of(ins, ticks)


@compiled
def _new_fill(state, ins, id, amount, ticks, cost, fee, time):
    fill = Fill(state.fills, state.fills_n)
    state.fills_n += 1
    if state.fills_n > state.fills_full:
        state.is_full = 1
    fill.time, fill.order, fill.ticks, fill.amount, fill.cost, fill.fee = time, id, ticks, amount, cost, fee
    fill.instrument, fill.entry = ins.index, ins.entry
    return fill


@compiled
def _log_fill(state, ins, order, amount, ticks, cost, fee, is_maker, time, spread, impact, slip):
    fill = _new_fill(state, ins, order.id, amount, ticks, cost, fee, time)
    fill.step = state.steps
    fill.spread, fill.impact, fill.slip = spread, impact, slip
    fill.side, fill.maker, fill.forced = order.side, is_maker, Forced.NONE
    fill.fee_in_base = ins.fee_base and order.side == Side.BUY
    tell(state, ins, order.id, EventKind.FILL, Reason.NONE, time)


@compiled
def add_to_position(state, ins, amount, cost, fee, ticks):
    """Position figures after a buy: the entry price leaves fees out, `realised` counts them."""
    if whole_steps(ins, ins.base) <= amount:
        ins.entry_units, ins.entry_cost, ins.adds = 0, 0, 0
        ins.opened_row = ins.candle
    ins.entry_units = plus(ins.entry_units, amount)
    ins.entry_cost = plus(ins.entry_cost, cost)
    ins.adds += 1
    ins.last_entry_price = price_of(ins, ticks)
    paid = cost_down(ins, fee, ticks) if ins.fee_base else fee
    ins.realised -= money_of(state, paid)


@compiled
def take_from_position(state, ins, amount, cost, fee):
    share = amount / ins.entry_units if ins.entry_units > 0 else 0.0
    entry = ins.entry_cost * min(share, 1.0)
    ins.realised += money_of(state, cost - entry - fee)
    ins.entry_units = max(ins.entry_units - amount, 0)
    ins.entry_cost = max(int(ins.entry_cost - entry), 0)
    if whole_steps(ins, ins.base) == 0:
        ins.entry_units, ins.entry_cost, ins.adds = 0, 0, 0


@linked(V(STA, INS, I))
def settle_delisted(state, ins, time):
    """Ends every order and closes the whole position at the last price: docs/simulation.md, section 6."""
    while ins.active_n:
        order = open_order(ins, 0)
        finish(state, ins, order, Status.CANCELLED, EventKind.CANCELLED, Reason.DELISTED, time)
    ins.is_delisted = 1
    amount = ins.base
    if amount > 0:
        ticks = max(ticks_down(ins, ins.last), 1)
        cost = cost_down(ins, amount, ticks) if ins.sign > 0 else cost_up(ins, amount, ticks)
    elif amount < 0:
        ticks = max(ticks_up(ins, ins.last), 1)
        cost = cost_up(ins, -amount, ticks) if ins.sign > 0 else cost_down(ins, -amount, ticks)
    else:
        return
    side = Side.SELL.value if amount > 0 else Side.BUY.value
    force(state, ins, side, ticks, abs(amount), cost, fee_of(cost, ins.taker), time, Forced.DELISTED)
    Fill(state.fills, state.fills_n - 1).step = state.steps + 1


@linked(V(STA, INS, I, I, I, I, I, I, I))
def force(state, ins, side, ticks, amount, cost, fee, time, forced):
    """Closes so much of the position without an order. side: of the fill."""
    if ins.is_contract:
        book_contract(state, ins, side, amount, ticks, cost, fee)
    else:
        take_from_position(state, ins, amount, cost, fee)
        set_cash(state, plus(state.cash, cost - fee))
        set_base(ins, ins.base - amount)
    fill = _new_fill(state, ins, -1, amount, ticks, cost, fee, time)
    fill.step = state.steps
    fill.spread = fill.impact = fill.slip = 0.0
    fill.side, fill.maker, fill.fee_in_base, fill.forced = side, 0, 0, forced
    ins.is_changed = state.has_changes = 1
    tell(state, ins, -1, EventKind.FILL, Reason.NONE, time)


@compiled
def note(address, k, kind, text, count, a, b, c, d):
    """Writes one log line, mark or plot point: the number of its text and up to four values."""
    state = State(address, 0)
    if state.notes_n >= state.notes_cap:
        raise OverflowError("more log lines were written in one decision than the log has room for")
    line = Note(state.notes, state.notes_n)
    state.notes_n += 1
    if state.notes_n > state.notes_full:
        state.is_full = 1
    line.time, line.instrument, line.kind, line.text, line.count = state.now, k, kind, text, count
    line.a, line.b, line.c, line.d = a, b, c, d
    return 0
