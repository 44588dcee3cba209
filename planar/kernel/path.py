"""A candle as a path: the open, then three legs; and which path it is (docs/simulation.md, section 3)."""

from planar.kernel.ledger import open_order, place_after
from planar.kernel.linked import INS, ORD, STA, B, F, I, V, linked
from planar.kernel.links import follow
from planar.kernel.liquidation import fund_inside, is_dead_at, liquidate, mark_point, set_level
from planar.kernel.machine import compiled, copy_bytes, get_float, get_int, inlined
from planar.kernel.match import (
    about_in_reach,
    happen,
    happen_here,
    hit_of,
    in_reach,
    is_hit,
    is_triggered,
    make,
    take,
    trigger,
)
from planar.kernel.numbers import price_of
from planar.kernel.state import INSTRUMENT, PATHS, STATE, Instrument, Live, Order
from planar.kernel.triggers import is_asleep, see, waits_at, waits_below
from planar.kernel.worth import asset_at
from planar.model.order import LIVE, NEVER, Kind, Side, Status

PESSIMISTIC, OPTIMISTIC, ADAPTIVE, OHLC, OLHC = PATHS.values()
STATE_BYTES, INSTRUMENT_BYTES, LIVE_BYTES = STATE.itemsize, INSTRUMENT.itemsize, LIVE.itemsize
FAR = 1e300
NOTHING, FUNDING = -1, -2
"""What comes next on a leg, when it is no order."""


@compiled
def _first_due(ins):
    """Time and place of the open order to which something is due first; ties go to the smaller id."""
    when, which = NEVER, -1
    for i in range(ins.active_n):
        due = open_order(ins, i).due
        if due < when:
            when, which = due, i
    return when, which


@linked(V(STA, INS, I))
def open_phase(state, ins, open_time):
    """What happens at the open: everything due by then, then resting orders meet the open as a print."""
    start = get_float(ins.open, ins.row)
    if ins.is_contract:
        ins.mark_here = mark_point(ins, 0, True)
    if ins.due <= open_time:
        while True:
            when, first = _first_due(ins)
            if when > open_time:
                break
            order = open_order(ins, first)
            has_arrived = order.status == Status.PENDING
            happen(state, ins, order, start, open_time, open_time)
            if ins.bound:
                follow(state, ins, start, open_time, True)
            if has_arrived and order.settled != state.steps:
                order.settled = -state.steps  # seen the open already, not yet the path
    i = 0
    while i < ins.active_n:
        count, order = ins.active_n, open_order(ins, i)
        if order.status != Status.PENDING and abs(order.settled) != state.steps:
            _meet_open(state, ins, order, start, open_time)
            if ins.bound:
                follow(state, ins, start, open_time, True)
        i = i + 1 if ins.active_n == count else place_after(ins, i, order.id)


@compiled
def _meet_open(state, ins, order, start, open_time):
    if order.form == Kind.MARKET:
        take(state, ins, order, start, 0.0, open_time)
    elif order.form == Kind.LIMIT:
        if is_hit(state, ins, order, start):
            make(state, ins, order, open_time)
    else:
        _meet_open_waiting(state, ins, order, start, open_time)


@inlined
def _meet_open_waiting(state, ins, order, start, open_time):
    if order.form == Kind.TRAIL:
        see(ins, order, start)
    if is_triggered(ins, order, start):
        trigger(state, ins, order, start, open_time)
        if order.settled != state.steps:
            order.settled = -state.steps


@compiled
def legs(ins, upwards):
    """Lays the path: up to the high first, or down to the low."""
    row = ins.row
    start, high, low, close = (
        get_float(ins.open, row),
        get_float(ins.high, row),
        get_float(ins.low, row),
        get_float(ins.close, row),
    )
    ins.is_upwards = upwards
    ins.x1, ins.x2 = (high, low) if upwards else (low, high)
    ins.d1 = abs(ins.x1 - start)
    ins.d2 = ins.d1 + abs(ins.x2 - ins.x1)
    ins.d3 = ins.d2 + abs(close - ins.x2)


@compiled
def _reached(state, ins, order, price, target):
    """The price at which a move from ``price`` to ``target`` meets the open order; nan when it does not."""
    if order.form == Kind.LIMIT:
        hit = hit_of(state, ins, order)
        if order.side == Side.BUY:
            return min(hit, price) if target < price and target <= hit else float("nan")
        return max(hit, price) if target > price and target >= hit else float("nan")
    if order.form == Kind.MARKET:
        return float("nan")
    if is_asleep(order):
        return float("nan")
    stop = price_of(ins, order.stop)
    if waits_below(order.form, order.side):
        return min(stop, price) if target < price and target <= stop else float("nan")
    return max(stop, price) if target > price and target >= stop else float("nan")


@linked(V(STA, INS, I, I))
def walk_leg(state, ins, leg, open_time):
    """Walks one leg, meeting what is due and what is reached, nearest first."""
    row = ins.row
    if leg == 0:
        start, target, begin, end = get_float(ins.open, row), ins.x1, 0.0, ins.d1
    elif leg == 1:
        start, target, begin, end = ins.x1, ins.x2, ins.d1, ins.d2
    else:
        start, target, begin, end = ins.x2, get_float(ins.close, row), ins.d2, ins.d3
    close_time = open_time + state.execution
    price, here = start, begin
    share = 0.0 if end > begin else 1.0  # of the leg that is gone
    while True:
        distance, which, meets, reached_share = FAR, NOTHING, float("nan"), -1.0
        when, due = _first_due(ins)
        if ins.is_contract and ins.next_funding <= when:
            when, due = ins.next_funding, FUNDING
        if when < close_time:
            at = ins.d3 * ((when - open_time) / state.execution)
            if at <= end:
                distance, which = at, due
        is_due = which != NOTHING
        for i in range(ins.active_n):
            order = open_order(ins, i)
            if order.status == Status.PENDING or order.settled == state.steps:
                continue
            if ins.is_contract and order.by_mark and order.form >= Kind.STOP:
                gone = _share_of_trigger(ins, order, leg, share)
                at = begin + gone * (end - begin)
                if gone >= 0.0 and at < distance:
                    distance, which, is_due = at, i, False
                    meets, reached_share = start + (target - start) * gone, gone
                continue
            reached = _reached(state, ins, order, price, target)
            if reached == reached:
                at = begin + abs(reached - start)
                if at < distance:
                    distance, which, meets, is_due, reached_share = at, i, reached, False, -1.0
        if ins.is_contract and ins.base:
            death = _share_of_death(state, ins, leg, share, open_time)
            at = begin + death * (end - begin)
            if death >= 0.0 and at <= distance:
                price, here, share = start + (target - start) * death, at, death
                time = open_time + _moment(state, ins, here)
                liquidate(state, ins, price, _mark_at(ins, leg, share), time, open_time)
                if ins.hedge and not (ins.is_isolated or state.is_trial):
                    twin = Instrument(state.instruments, ins.twin)
                    twin.spared_at, twin.spared = 4 * state.steps + leg, share
                continue
        if which == NOTHING:
            _see_end(ins, target)
            return
        here = max(here, distance)
        if reached_share >= 0.0:
            share, here = reached_share, distance
        elif end > begin:
            share = (here - begin) / (end - begin)
        if ins.is_contract:
            ins.mark_here = _mark_at(ins, leg, share)
        if not is_due:
            order, price = open_order(ins, which), meets
            time = open_time + _moment(state, ins, distance)
            if order.form == Kind.LIMIT:
                make(state, ins, order, time)
            else:
                trigger(state, ins, order, price, time)
            if ins.bound:
                follow(state, ins, price, time, False)
            continue
        if target >= start:
            price = min(start + max(distance - begin, 0.0), target)
        else:
            price = max(start - max(distance - begin, 0.0), target)
        if which == FUNDING:
            fund_inside(state, ins, _mark_at(ins, leg, share))
        else:
            happen(state, ins, open_order(ins, which), price, open_time, when)
            if ins.bound:
                follow(state, ins, price, when, False)


@inlined
def _moment(state, ins, distance):
    """Milliseconds after the open at which a distance is gone."""
    return int(distance / ins.d3 * state.execution) if ins.d3 > 0.0 else 0


@compiled
def _mark_at(ins, leg, share):
    """The mark when the price has gone so much of a leg."""
    x, y = mark_point(ins, leg, ins.is_upwards), mark_point(ins, leg + 1, ins.is_upwards)
    return x + (y - x) * share


@linked(F(STA, INS, I, F, I))
def _share_of_death(state, ins, leg, share, open_time):
    """The share of a leg, from the present one on, at which the position is liquidated; below 0 when it is not."""
    set_level(state, ins, open_time)
    if ins.hedge and ins.spared_at == 4 * state.steps + leg:
        share = max(share, ins.spared)
    if is_dead_at(ins, _mark_at(ins, leg, share)):
        return share
    x, y = mark_point(ins, leg, ins.is_upwards), mark_point(ins, leg + 1, ins.is_upwards)
    if not is_dead_at(ins, y):
        return -1.0
    return max((ins.level - x) / (y - x), share)


@linked(F(INS, ORD, I, F))
def _share_of_trigger(ins, order, leg, share):
    """The share of a leg, from the present one on, at which the mark comes to a trigger that waits for it; below 0 when
    it does not.
    """
    stop, is_below = price_of(ins, order.stop), waits_below(order.form, order.side)
    here, y = _mark_at(ins, leg, share), mark_point(ins, leg + 1, ins.is_upwards)
    if (here <= stop) if is_below else (here >= stop):
        return share
    if (y > stop) if is_below else (y < stop):
        return -1.0
    x = mark_point(ins, leg, ins.is_upwards)
    return max((stop - x) / (y - x), share)


@inlined
def _see_end(ins, target):
    """Trailing stops see where a leg ends."""
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.form == Kind.TRAIL and order.status != Status.PENDING:
            see(ins, order, target)


@compiled
def _is_early(state, ins, order, open_time):
    """Whether what is due for the order happens before any path of the candle comes near its limit or trigger."""
    if order.form == Kind.TRAIL:
        return False
    price, start = waits_at(order) * ins.tick, get_float(ins.open, ins.row)
    away = start - price if waits_below(order.form, order.side) else price - start
    longest = 3.0 * (get_float(ins.high, ins.row) - get_float(ins.low, ins.row))
    return longest * ((order.due - open_time) / state.execution) < away - ins.tick


@compiled
def comes_near(state, ins, open_time):
    """Whether the candle comes near an order that is not gone before."""
    low, high = get_float(ins.low, ins.row), get_float(ins.high, ins.row)
    close_time = open_time + state.execution
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.amend >= 0 or order.after:
            return True
        if about_in_reach(ins, order, low, high):
            is_ending = order.due < close_time and (order.status != Status.PENDING or order.expire <= order.arrive)
            if not (is_ending and _is_early(state, ins, order, open_time)):
                return True
    return False


@compiled
def _reaches_any(ins, low, high):
    for i in range(ins.active_n):
        if in_reach(ins, open_order(ins, i), low, high):
            return True
    return False


@compiled
def prospects(state, ins, open_time):
    """Whether the candle's prices reach an order, whether its path must be walked, and whether the path could matter.

    It could when two orders may be met, or one while something else happens that may trade or keep it from trading: to
    a triggered stop that is anything due, since what it can pay depends on what others hold by then.
    """
    low, high = get_float(ins.low, ins.row), get_float(ins.high, ins.row)
    close_time = open_time + state.execution
    if ins.is_contract:
        return _reaches_any(ins, low, high), True, True
    reached, meetings, is_stirred, is_stop, is_due = 0, 0, False, False, False
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.amend_at < close_time or order.after:
            meetings += 2
        if order.settled == -state.steps or (order.form == Kind.MARKET and order.due < close_time):
            is_stirred = True
        is_due |= order.due < close_time
        if not about_in_reach(ins, order, low, high):
            continue
        reached += in_reach(ins, order, low, high)
        if order.due < close_time:
            if not _is_early(state, ins, order, open_time):
                is_stirred = True
            elif order.status != Status.PENDING or order.expire <= order.arrive:
                continue  # it is gone before it can be met
            elif min(order.expire, order.cancel_at) < close_time:
                is_stirred = True
        is_stop |= order.form == Kind.STOP or order.form == Kind.TAKE
        meetings += 1 if order.form == Kind.LIMIT or order.form == Kind.STOP or order.form == Kind.TAKE else 2
    return reached > 0, meetings > 0, meetings > 1 or (meetings == 1 and (is_stirred or (is_stop and is_due)))


@inlined
def settle_due(state, ins, open_time):
    """A candle whose path reaches no order: only what is due happens, in time order.

    No order is bound to another there; one of a group may end others.
    """
    start = get_float(ins.open, ins.row)
    close_time = open_time + state.execution
    while ins.due < close_time:
        when, following, i = ins.due, NEVER, 0
        while i < ins.active_n:
            slot = get_int(ins.active, i)
            order = Live(ins.live, slot)
            if order.due == when:
                is_linked = order.group != 0
                happen_here(state, ins, order, start, open_time, when)
                if is_linked:
                    following, i = NEVER, 0
            else:
                following = min(following, order.due)
                i += 1
        ins.due = following


@compiled
def _save(state, state_address, ins, ins_address):
    to = state.scratch
    copy_bytes(to, state_address, STATE_BYTES)
    copy_bytes(to + STATE_BYTES, ins_address, INSTRUMENT_BYTES)
    to += STATE_BYTES + INSTRUMENT_BYTES
    for i in range(ins.active_n):
        copy_bytes(to + i * LIVE_BYTES, ins.live + get_int(ins.active, i) * LIVE_BYTES, LIVE_BYTES)
    copy_bytes(to + ins.max_orders * LIVE_BYTES, ins.active, ins.active_n * 8)


@compiled
def _restore(state, state_address, ins, ins_address):
    source = state.scratch
    copy_bytes(state_address, source, STATE_BYTES)
    copy_bytes(ins_address, source + STATE_BYTES, INSTRUMENT_BYTES)
    source += STATE_BYTES + INSTRUMENT_BYTES
    copy_bytes(ins.active, source + ins.max_orders * LIVE_BYTES, ins.active_n * 8)
    for i in range(ins.active_n):
        copy_bytes(ins.live + get_int(ins.active, i) * LIVE_BYTES, source + i * LIVE_BYTES, LIVE_BYTES)
        Order(state.orders, open_order(ins, i).id).status = Status.PENDING


@compiled
def _equity_after(state, state_address, ins, ins_address, upwards, open_time):
    """The instrument's own equity at the close, had the path gone that way; nothing of it stays."""
    legs(ins, upwards)
    state.is_trial = 1
    for leg in range(3):
        walk_leg(state, ins, leg, open_time)
    equity = state.money + asset_at(ins, get_float(ins.close, ins.row))
    _restore(state, state_address, ins, ins_address)
    return equity


@linked(V(STA, I, INS, I, I, B))
def choose_path(state, state_address, ins, ins_address, open_time, is_open_question):
    """Lays the path of this candle by the fill model, and notes whether the choice matters."""
    row = ins.row
    start, high, low = get_float(ins.open, row), get_float(ins.high, row), get_float(ins.low, row)
    upwards = state.path != OLHC
    if state.path == ADAPTIVE:
        upwards = high - start <= start - low
    ins.lead = 0
    if is_open_question:
        _save(state, state_address, ins, ins_address)
        up = _equity_after(state, state_address, ins, ins_address, True, open_time)
        down = _equity_after(state, state_address, ins, ins_address, False, open_time)
        ins.up_equity, ins.down_equity = up, down
        if up != down:
            ins.lead = 1
            upwards = _chosen(state, up, down, upwards)
    legs(ins, upwards)


@compiled
def _chosen(state, up, down, usual):
    """Whether the path goes up first, that ends with so much, or down first, that ends with another equity."""
    if state.path == PESSIMISTIC:
        return up < down
    return up > down if state.path == OPTIMISTIC else usual


@linked(V(STA, INS))
def choose_together(state, short):
    """Both twins of a contract walk one path: of their two choices, or of what both together end with."""
    long = Instrument(state.instruments, short.twin)
    if long.up_equity == long.down_equity:
        legs(long, short.is_upwards)
        long.lead = short.lead
    elif short.up_equity == short.down_equity:
        legs(short, long.is_upwards)
        short.lead = long.lead
    else:
        up, down = long.up_equity + short.up_equity, long.down_equity + short.down_equity
        upwards = _chosen(state, up, down, state.path != OLHC) if up != down else state.path != OLHC
        if state.path == ADAPTIVE:
            upwards = long.is_upwards
        legs(long, upwards)
        legs(short, upwards)
        long.lead = short.lead = 1 if up != down else 0
