"""Contracts: their books, what their orders hold, and the margin that is free (docs/simulation.md, sections 12 and 20).

A contract's fills move cash and base as spot fills do, whatever the sign: cash plus what all base has cost is the
wallet. An inverse contract's move cash the other way. Money in quote units, amounts in base units.
"""

import numpy as np

from planar.kernel.linked import INS, ORD, STA, B, F, I, linked
from planar.kernel.machine import compiled, get_int, inlined
from planar.kernel.margin import max_notional
from planar.kernel.margin_units import pnl_units
from planar.kernel.numbers import (
    MOST,
    cost_up,
    dear_ticks,
    fee_of,
    largest_rate,
    money_of,
    plus,
    price_of,
    product_down,
    product_up,
    units_of_money,
)
from planar.kernel.state import CONTRACT, Amend, Instrument, Live, State
from planar.kernel.worth import BUFFER, reference
from planar.model.order import NEVER, Reason, Side, Status


@compiled
def hundredths(leverage):
    """A leverage as it is counted."""
    return int(np.floor(leverage * 100.0 + 0.5))


# What orders hold, and what a contract asks for them.


@compiled
def margin_of(ins, units):
    """The initial margin of so much, at the contract's leverage."""
    return product_up(units, 100, ins.leverage)


@compiled
def ticks_to_hold(ins, side, limit, trigger):
    """Ticks at which an order holds its cost: its limit, else what it may have to pay."""
    return limit or _at_worst(ins, side, reference(ins, 0, trigger))


@compiled
def _at_worst(ins, side, price):
    """Ticks of the dearest that an order may have to pay that finds the market there."""
    if side == ins.sign:
        price = price * (1.0 + BUFFER) if ins.sign > 0 else price / (1.0 + BUFFER)
    return dear_ticks(ins, price)


@linked(I(INS, ORD, F))
def hold_when_armed(ins, order, price):
    """What an order holds that is armed where the market stands at ``price``."""
    if order.reduces:
        return 0
    middle = price_of(ins, order.stop) if order.stop else price
    return cost_up(ins, order.amount, order.price or _at_worst(ins, order.side, middle))


@compiled
def hold_of(ins, side, amount, limit, trigger):
    """What an order of an amount holds."""
    return cost_up(ins, amount, ticks_to_hold(ins, side, limit, trigger))


@compiled
def hold_after(ins, order, filled):
    """What the rest of an order holds when so much more of it was filled."""
    left = order.amount - order.filled
    if order.reduces:
        return 0
    if order.price:
        return cost_up(ins, left, order.price)
    return product_up(order.reserved, left, left + filled)


@compiled
def worth_of(ins):
    """What the position is worth at the mark, with its sign."""
    worth = cost_up(ins, abs(ins.base), dear_ticks(ins, ins.mark))
    return worth if ins.base >= 0 else -worth


@compiled
def exposure(ins, bids, asks):
    """The most that the position may come to when orders fill that hold so much, of both sides."""
    worth = worth_of(ins)
    return max(abs(plus(worth, bids)), abs(plus(worth, -asks)), abs(worth))


@compiled
def asked_of(ins, bids, asks):
    """The margin that a contract asks for its position and for orders that hold so much."""
    asked = plus(margin_of(ins, exposure(ins, bids, asks)), fee_of(plus(bids, asks), largest_rate(ins)))
    return asked - margin_of(ins, abs(worth_of(ins))) if ins.is_isolated else asked


@inlined
def bids_of(ins, is_venue):
    """What buys hold: at the venue that of accepted orders, when asking that of all but those that are given up."""
    return ins.bid_reserved - (ins.bid_pending if is_venue else ins.bid_returning)


@inlined
def asks_of(ins, is_venue):
    """The same of sells."""
    return ins.reserved - (ins.pending if is_venue else ins.returning)


@linked(I(STA, B))
def free_margin(state, is_venue):
    """Quote units of the wallet that nothing is put up for; below 0 after losses."""
    free = plus(state.cash, (state.pending if is_venue else state.returning) - state.reserved)
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if not ins.is_contract or not (ins.base or ins.reserved or ins.bid_reserved):
            continue
        asked = asked_of(ins, bids_of(ins, is_venue), asks_of(ins, is_venue))
        free = plus(free, plus(ins.sign * ins.entry - ins.kept, -asked))
        if not ins.is_isolated and ins.base:
            free = plus(free, gain_of(state, ins))
    return free


@compiled
def gain_of(state, ins):
    """What the position has won at the mark."""
    return pnl_units(state, ins, ins.base, ins.entry, ins.mark)


@linked(B(STA, INS, I, I, I, I, B))
def is_covered(state, ins, side, amount, id, group, is_venue):
    """Whether an order of so much can only reduce, even when all others of its side fill as well; a group counts once.

    id: of the order, when it is there already. group: that it is in, or will be in; 0 for none.
    """
    own, room = amount, against(ins, side)
    i = 0
    while room >= own and i < ins.active_n:
        order = Live(ins.live, get_int(ins.active, i))
        i += 1
        if order.side != side or order.id == id or not _counts(order, is_venue):
            continue
        if group and (order.group == group or order.id + 1 == group):
            own = max(own, _left_at_most(state, order, is_venue))
        elif order.group == 0 or _leads(state, ins, order, id, is_venue):
            room -= _left_at_most(state, order, is_venue)
    return room >= own


@compiled
def _counts(order, is_venue):
    """The venue knows accepted orders; who asks takes those whose cancel is on its way for gone."""
    return order.status != Status.PENDING if is_venue else order.cancel_at == NEVER


@compiled
def _left_at_most(state, order, is_venue):
    """Base units that an order may still trade; who asks counts an amend on its way, too."""
    total = order.amount
    if not is_venue and order.amend >= 0:
        total = max(total, Amend(state.amends, order.amend).amount)
    return total - order.filled


@compiled
def _leads(state, ins, order, id, is_venue):
    """Whether an order is the first of its group with the most left, but for that one."""
    left = _left_at_most(state, order, is_venue)
    for i in range(ins.active_n):
        other = Live(ins.live, get_int(ins.active, i))
        if other.group != order.group or other.id in (order.id, id) or not _counts(other, is_venue):
            continue
        others = _left_at_most(state, other, is_venue)
        if others > left or (others == left and other.id < order.id):
            return False
    return True


@linked(B(STA, INS, I, I, I, B))
def is_funded(state, ins, side, held, instead_of, is_venue):
    """Whether there is margin for an order that holds so much, instead of what it held before, or no more is asked."""
    bids, asks = bids_of(ins, is_venue), asks_of(ins, is_venue)
    more = held - instead_of
    before = asked_of(ins, bids, asks)
    after = asked_of(ins, bids + more, asks) if side == Side.BUY else asked_of(ins, bids, asks + more)
    return after <= before or plus(free_margin(state, is_venue), before) >= after


@compiled
def is_too_large(state, ins, side, held, instead_of):
    """Whether an order could make the position larger than its leverage allows."""
    bids, asks = bids_of(ins, False), asks_of(ins, False)
    more = held - instead_of
    most = exposure(ins, bids + more, asks) if side == Side.BUY else exposure(ins, bids, asks + more)
    return money_of(state, most) > max_notional(ins.tiers, ins.leverage / 100)


@compiled
def affordable_amount(state, ins, side, budget, limit, trigger):
    """The largest multiple of the amount step whose margin and fee are within a budget."""
    if budget <= 0:
        return 0
    ticks = ticks_to_hold(ins, side, limit, trigger)
    rate = largest_rate(ins)
    share = 100.0 / ins.leverage + rate / 1e9
    guess = float(budget) / share / _about_cost(ins, ticks)
    if guess > MOST:
        raise OverflowError("a budget buys more units than 64 bits count")
    steps, width = int(guess / ins.step), 1
    while steps > 0 and not _can_hold(ins, steps * ins.step, ticks, rate, budget):
        steps, width = max(steps - width, 0), width * 2
    width = 1
    while _can_hold(ins, (steps + width) * ins.step, ticks, rate, budget):
        steps, width = steps + width, width * 2
    while width > 1:
        width //= 2
        if _can_hold(ins, (steps + width) * ins.step, ticks, rate, budget):
            steps += width
    return steps * ins.step


@compiled
def _about_cost(ins, ticks):
    """What one unit costs, as a float."""
    cost = float(ins.cost_n) / float(ins.cost_d)
    return float(ticks) * cost if ins.sign > 0 else cost / float(ticks)


@compiled
def _can_hold(ins, amount, ticks, rate, budget):
    """Whether the margin and the fee of what an order would hold are within a budget."""
    if float(amount) * _about_cost(ins, ticks) > MOST:
        return False
    held = cost_up(ins, amount, ticks)
    return plus(margin_of(ins, held), fee_of(held, rate)) <= budget


# The books.


@inlined
def against(ins, side):
    """Base units of the position that a side reduces."""
    return abs(ins.base) if ins.base * side < 0 else 0


@compiled
def fit(ins, order):
    """Cuts what may only reduce to what is held."""
    order.amount = min(order.amount, order.filled + against(ins, order.side))


@compiled
def move_position(ins, side, amount, cost):
    """What a fill does to a position, cash and base apart; gives the units that it realises, fee apart."""
    reduced = min(amount, against(ins, side))
    size, entry, realised = abs(ins.base), abs(ins.entry), 0
    cost_reduced = cost
    if reduced:
        closed = entry if reduced == size else product_down(entry, reduced, size)
        cost_reduced = cost if reduced == amount else product_down(cost, reduced, amount)
        ins.entry += side * closed
        ins.kept -= ins.kept if reduced == size else product_down(ins.kept, reduced, size)
        realised = cost_reduced - closed if side != ins.sign else closed - cost_reduced
        if reduced == size:
            ins.adds = 0
    if amount > reduced:
        opening = cost - cost_reduced if reduced else cost
        ins.entry = plus(ins.entry, side * opening)
        if ins.is_isolated:
            ins.kept = plus(ins.kept, margin_of(ins, opening))
        if reduced == size:
            ins.opened_row = ins.candle
        ins.adds += 1
    return realised


@compiled
def opening_cost(ins, side, amount, cost):
    """The part of a fill's cost that opens."""
    reduced = min(amount, against(ins, side))
    if reduced == 0:
        return cost
    return 0 if reduced == amount else cost - product_down(cost, reduced, amount)


@compiled
def wallet_of(state):
    """Quote units: cash, and what the base of contracts has cost."""
    total = state.cash
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        total = plus(total, ins.sign * ins.entry)
    return total


@compiled
def set_leverage(address, k, leverage):
    """Sets a contract's leverage at once; gives 0 or a negative `Reason`. Raises ValueError for what is none."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if not ins.is_contract:
        raise ValueError("set_leverage: spot has no leverage")
    if not (1.0 <= leverage <= 1000.0):
        raise ValueError("set_leverage: a leverage is between 1 and 1,000")
    if ins.hedge == CONTRACT:
        return -Reason.POSITION_SIDE.value
    wanted = hundredths(leverage)
    if money_of(state, abs(worth_of(ins)) if ins.mark > 0.0 else 0) > max_notional(ins.tiers, wanted / 100):
        return -Reason.MAX_POSITION.value
    before, free = ins.leverage, free_margin(state, False)
    if wanted < before and ins.is_isolated and ins.base:
        return -Reason.INSUFFICIENT_FUNDS.value
    ins.leverage = wanted
    after = free_margin(state, False)
    if after < 0 and after < free:
        ins.leverage = before
        return -Reason.INSUFFICIENT_FUNDS.value
    return 0


@compiled
def add_margin(address, k, money):
    """Puts so much more behind an isolated position at once, below 0 takes it back; gives 0 or a negative `Reason`."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if not ins.is_contract:
        raise ValueError("add_margin: spot has no margin")
    if ins.hedge == CONTRACT:
        return -Reason.POSITION_SIDE.value
    if not ins.is_isolated:
        return -Reason.INVALID_ORDER.value
    if ins.base == 0:
        return -Reason.NO_POSITION.value
    units = units_of_money(state, abs(money))
    if money > 0.0:
        if units > free_margin(state, False):
            return -Reason.INSUFFICIENT_FUNDS.value
    else:
        units = -units
        if plus(ins.kept, units) + min(gain_of(state, ins), 0) < margin_of(ins, abs(worth_of(ins))):
            return -Reason.INSUFFICIENT_FUNDS.value
    ins.kept = plus(ins.kept, units)
    state.booked += 1
    return 0
