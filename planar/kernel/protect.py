"""The exits of a position as a strategy wants them, whatever it holds (docs/simulation.md, section 21)."""

import math

from planar.kernel.check import AMOUNT, amend, limit_of, position_of, submit_one
from planar.kernel.exits import (
    KINDS,
    REST,
    STOP_LEG,
    TAKE_LEG,
    TRAIL_LEG,
    amount_of_leg,
    begin,
    filled_of,
    give_up,
    id_of,
    set_amount_of_leg,
    set_id,
    set_taken,
    standing,
    taken_of,
    wished_price,
    wished_share,
)
from planar.kernel.ledger import ask_cancel, free_base, left_of
from planar.kernel.linked import INS, STA, F, I, V, linked
from planar.kernel.machine import compiled
from planar.kernel.numbers import (
    RATE,
    amount_of,
    cost_down,
    money_of,
    part_of,
    price_of,
    ticks_down,
    ticks_near,
    whole_steps,
)
from planar.kernel.state import CONTRACT, LEGS, Amend, Instrument, Live, Order, State
from planar.kernel.triggers import STOP, TRAIL
from planar.model.order import BY_MARK, CLOSES, NEVER, REDUCES, Reason, Side, Tif

NOTHING = float("nan")
SHARES = "protect: the shares of takes are above 0, and together at most 1"


@compiled
def protect(address, k, count, stop, trail, by_mark, tag):
    """Makes these the exits of the position: the takes that were wished, a stop, a trailing stop; nan for none.

    Gives 0 or the first refusal, as a negative `Reason`. Raises ValueError for shares that are none.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    shares = 0.0
    for i in range(count):
        if not wished_share(ins, i) > 0.0:
            raise ValueError(SHARES)
        shares += wished_share(ins, i)
    if shares > 1.0 + 1e-9:
        raise ValueError(SHARES)
    return _protect(state, ins, address, k, count, stop, trail, by_mark, tag)


@linked(I(STA, INS, I, I, I, F, F, I, I))
def _protect(state, ins, address, k, count, stop, trail, by_mark, tag):
    if state.outside and (by_mark or not ins.is_contract):
        return -Reason.VENUE_REFUSED.value
    if by_mark and not ins.is_contract:
        return -Reason.INVALID_ORDER.value
    if ins.hedge == CONTRACT:
        return -Reason.POSITION_SIDE.value
    if position_of(state, ins) == 0:
        give_up(state, ins)
        return -Reason.NO_POSITION.value
    begin(state, ins)
    side = Side.SELL.value if ins.base > 0 else Side.BUY.value
    stop_ticks = ticks_near(ins, stop) if stop == stop else 0
    parts = int(math.floor(min(max(trail * RATE, 0.0), RATE) + 0.5)) if trail == trail else 0
    if stop == stop and (stop_ticks < 1 or not _is_behind(ins, stop_ticks, by_mark)):
        return -Reason.INVALID_PRICE.value
    if trail == trail and (parts < 1 or parts >= RATE):
        return -Reason.INVALID_PRICE.value
    for i in range(count):
        if limit_of(ins, side, wished_price(ins, i)) < 1:
            return -Reason.INVALID_PRICE.value
    if _is_under_way(state, ins):
        return 0
    _share_out(state, ins, side, count, stop_ticks)
    answer = 0
    for leg in range(LEGS):
        limit = limit_of(ins, side, wished_price(ins, leg)) if leg < count else 0
        said = _settle_leg(state, ins, address, k, leg, side, stop_ticks, parts, limit, by_mark, tag)
        answer = answer if answer else said
    return answer


@compiled
def _is_behind(ins, ticks, by_mark):
    """Whether a stop is on the losing side of the market."""
    market, price = ins.mark if by_mark else ins.last, price_of(ins, ticks)
    return market > price if ins.base > 0 else market < price


@compiled
def _live(state, ins, id):
    return Live(ins.live, Order(state.orders, id - 1).slot)


@compiled
def _is_under_way(state, ins):
    """Whether one of the exits was triggered and is not done."""
    for leg in range(LEGS):
        for kind in range(KINDS):
            id = standing(state, ins, leg, kind)
            if id and _live(state, ins, id).form != _live(state, ins, id).kind:
                return True
    return False


@linked(V(STA, INS, I, I, I))
def _share_out(state, ins, side, count, stop_ticks):
    """What each leg is for."""
    held, taken = 0, 0
    for leg in range(LEGS):
        largest = 0
        for kind in range(KINDS):
            id = standing(state, ins, leg, kind)
            if id:
                order = _live(state, ins, id)
                extra = Amend(state.amends, order.amend).extra if order.amend >= 0 else 0
                largest = max(largest, order.reserved + extra)
        held += largest
        id = id_of(ins, leg, TAKE_LEG)
        if id and not standing(state, ins, leg, TAKE_LEG):  # what does not stand any more counts once
            set_taken(ins, leg, taken_of(ins, leg) + filled_of(state, ins, id))
            set_id(ins, leg, TAKE_LEG, 0)
        taken += _taken(state, ins, leg)
    whole = abs(ins.base) if ins.is_contract else max(whole_steps(ins, free_base(ins) + held), 0)
    size, before, shares, rest = whole + taken, 0, 0.0, whole
    for leg in range(REST):
        amount = 0
        if leg < count:
            shares += wished_share(ins, leg)
            upto = whole_steps(ins, part_of(min(shares, 1.0), size))
            amount = min(max(upto - before - _taken(state, ins, leg), 0), rest)
            before = upto
            if _is_too_little(state, ins, amount, limit_of(ins, side, wished_price(ins, leg))):
                amount = 0
        rest -= amount
        set_amount_of_leg(ins, leg, amount)
    amount = whole if ins.is_contract else rest
    if _is_too_little(state, ins, amount, stop_ticks or max(ticks_down(ins, ins.last), 1)):
        amount = 0
    set_amount_of_leg(ins, REST, amount)


@compiled
def _taken(state, ins, leg):
    """Base units that takes of the leg have filled."""
    id = id_of(ins, leg, TAKE_LEG)
    return taken_of(ins, leg) + (filled_of(state, ins, id) if id else 0)


@compiled
def _is_too_little(state, ins, amount, ticks):
    """Whether the venue does not take an exit of so much."""
    if amount <= 0 or amount < ins.min_amount:
        return True
    return not ins.is_contract and money_of(state, cost_down(ins, amount, ticks)) < ins.min_cost


@compiled
def _where(ins, leg, kind, stop_ticks, parts, limit):
    """Ticks, or the distance, at which the leg's order of a kind is wished; 0 where it is not."""
    if amount_of_leg(ins, leg) == 0:
        return 0
    if kind == TAKE_LEG:
        return limit
    if ins.is_contract and leg != REST:
        return 0
    return stop_ticks if kind == STOP_LEG else parts


@linked(I(STA, INS, I, I, I, I, I, I, I, I, I))
def _settle_leg(state, ins, address, k, leg, side, stop_ticks, parts, limit, by_mark, tag):
    """Cancels, amends and asks for what is not as wished; gives 0 or the first refusal."""
    is_begun = is_missing = False
    for kind in range(KINDS):
        id = standing(state, ins, leg, kind)
        is_begun |= id != 0 and filled_of(state, ins, id) > 0
        is_missing |= id == 0 and _where(ins, leg, kind, stop_ticks, parts, limit) != 0
    is_broken = not ins.is_contract and is_begun and is_missing
    for kind in range(KINDS):
        id, where = standing(state, ins, leg, kind), _where(ins, leg, kind, stop_ticks, parts, limit)
        if id and (is_broken or where == 0 or _is_other(state, ins, id, kind, parts, by_mark, amount_of_leg(ins, leg))):
            _drop(state, ins, leg, kind, id)
    answer = 0
    for kind in range(KINDS):
        id, where = standing(state, ins, leg, kind), _where(ins, leg, kind, stop_ticks, parts, limit)
        if id:
            said = _amend(state, ins, address, k, id, kind, amount_of_leg(ins, leg), where)
            answer = answer if answer else said
    for kind in range(KINDS):
        where = _where(ins, leg, kind, stop_ticks, parts, limit)
        if where and not standing(state, ins, leg, kind):
            oco = 0 if ins.is_contract else _partner(state, ins, leg)
            said = _ask(state, ins, side, kind, amount_of_leg(ins, leg), where, oco, by_mark, tag)
            set_id(ins, leg, kind, max(said, 0))
            answer = answer if answer else min(said, 0)
    return answer


@compiled
def _is_other(state, ins, id, kind, parts, by_mark, amount):
    """Whether an order cannot be made what is wished by an amend; exchanges amend no trailing stop."""
    order = _live(state, ins, id)
    if kind == STOP_LEG:
        return (order.by_mark != 0) != (by_mark != 0)
    is_short = state.outside and left_of(order) < amount
    return kind == TRAIL_LEG and (order.trail != parts or is_short)


@compiled
def _drop(state, ins, leg, kind, id):
    """Asks to cancel an order that the leg has no more."""
    order = _live(state, ins, id)
    if kind == TAKE_LEG:
        set_taken(ins, leg, taken_of(ins, leg) + order.filled)
    set_id(ins, leg, kind, 0)
    ask_cancel(state, ins, order)


@compiled
def _partner(state, ins, leg):
    """The first order of the leg that stands."""
    for kind in range(KINDS):
        id = standing(state, ins, leg, kind)
        if id:
            return id
    return 0


@compiled
def _amend(state, ins, address, k, id, kind, amount, where):
    """Asks for the terms that are wished, unless the order has them or an amend of it is on its way."""
    order = _live(state, ins, id)
    if order.amend >= 0:
        return 0
    price = stop = total = NOTHING
    if kind == STOP_LEG and order.stop != where:
        stop = price_of(ins, where)
    if kind == TAKE_LEG and order.price != where:
        price = price_of(ins, where)
    # In a session, what may only reduce is not replaced for being for too much.
    is_enough = state.outside and kind != TAKE_LEG and left_of(order) > amount
    if order.reduces != CLOSES and left_of(order) != amount and not is_enough:
        total = amount_of(ins, order.filled + amount)
    if price == price or stop == stop or total == total:
        return min(amend(address, k, id, price, stop, total), 0)
    return 0


@compiled
def _ask(state, ins, side, kind, amount, where, oco, by_mark, tag):
    """Asks for an order of a leg."""
    size, price, how, stop, manner = amount_of(ins, amount), NOTHING, 0, NOTHING, ins.is_contract * REDUCES
    if kind == STOP_LEG:
        how, stop = STOP, price_of(ins, where)
        if ins.is_contract and not state.outside:
            size, manner = 0.0, REDUCES | CLOSES | (BY_MARK if by_mark else 0)
    elif kind == TRAIL_LEG:
        how, stop = TRAIL, where / 1e9
    else:
        price = price_of(ins, where)
    return submit_one(
        state, ins, side, AMOUNT, size, price, how, stop, NOTHING, NOTHING, NOTHING, Tif.GTC.value, NEVER, 0, tag, oco,
        0, manner,
    )  # fmt: skip
