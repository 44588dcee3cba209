"""What the limits of a run refuse, and what they look at (docs/simulation.md, section 11).

On spot every sell that the rules let through is an exit, of a contract what can only reduce. Functions answer a
`Limit`, NONE where none is broken; what is refused is logged with what it came to.
"""

from planar.kernel.contracts import against, hold_of, is_covered
from planar.kernel.ledger import ask_cancel, left_of, open_order
from planar.kernel.linked import INS, ORD, STA, B, I, V, linked
from planar.kernel.machine import compiled, get_int, set_int
from planar.kernel.numbers import cost_up, dear_ticks, money_of, plus, price_of
from planar.kernel.state import Amend, Instrument, Limits, Live, Order, Refusal, State
from planar.kernel.worth import cost_at_worst, equity_of
from planar.model.order import NEVER, Kind, Limit, Side

MINUTE, DAY = 60_000, 86_400_000
NEW = -1
NONE = Limit.NONE.value


@linked(I(STA, INS, I, I, I, I, I, I, B))
def judge(state, ins, side, amount, limit, trigger, budget, group, reduces):
    """A new order, whose place among all orders is the next; it counts as sent where no limit refuses it.

    group: that it is to be in; 0 for none. reduces: whether it may only reduce.
    """
    broken = NONE
    if not (reduces or _is_exit(state, ins, side, amount, NEW, group)):
        broken = _broken(state, ins, state.orders_n, side, amount, limit, trigger, budget, True, False)
    if broken == NONE:
        _send(state)
    return broken


@linked(I(STA, INS, ORD, I, I, I))
def judge_amend(state, ins, order, limit, trigger, total):
    """New terms of an order; the amend counts as sent where no limit refuses it."""
    broken, left = NONE, total - order.filled
    if not (_is_exit_of(state, ins, order, left) or _is_within(ins, order, limit, trigger, total)):
        budget, waits_for = _budget_of(order), _waits_for(order, trigger)
        broken = _broken(state, ins, order.id, order.side, left, limit, waits_for, budget, False, False)
    if broken == NONE:
        _send(state)
    return broken


@linked(I(I, I, I, B))
def judge_late(address, k, id, is_amend):
    """An order, or the amend of it that is on its way, when its turn to leave comes.

    Orders whose cancel is on its way count: it had no answer, though what was asked before it had its turn.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    order = Live(ins.live, Order(state.orders, id - 1).slot)
    if state.limits == 0 or _is_exit_of(state, ins, order, left_of(order)):
        return NONE
    limit, trigger, total = order.price, _waits_for(order, order.stop), order.amount
    if is_amend and order.amend >= 0:
        amend = Amend(state.amends, order.amend)
        limit, trigger, total = amend.price, _waits_for(order, amend.stop), amend.amount
        if _is_within(ins, order, limit, trigger, total):
            return NONE
    # An amend may come to less than was filled meanwhile.
    left, budget = max(total - order.filled, 0), _budget_of(order)
    return _broken(state, ins, order.id, order.side, left, limit, trigger, budget, not is_amend, True)


@compiled
def only_reduces(address, k, id, is_amend, is_late):
    """Whether an open order, or the amend of it that is on its way, can only make the position smaller, even when all
    others of its side fill as well; or whether the amend of a buy, or of a contract's order, makes that no larger and
    no dearer.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    order = Live(ins.live, Order(state.orders, id - 1).slot)
    if order.reduces:
        return True
    limit, trigger, total = order.price, order.stop, order.amount
    if is_amend and order.amend >= 0:
        amend = Amend(state.amends, order.amend)
        limit, trigger, total = amend.price, amend.stop, amend.amount
    if is_amend and (order.side == Side.BUY or ins.is_contract) and _is_within(ins, order, limit, trigger, total):
        return True
    units = total - order.filled
    for i in range(ins.active_n):
        other = open_order(ins, i)
        if other.side != order.side or not _counts(other, order.id, is_late):
            continue
        if other.group == 0:
            units = plus(units, _left_at_most(state, other))
        elif other.group != order.group and _leads(state, ins, other, order.id, is_late):
            units = plus(units, _left_at_most(state, other))
    # Of spot nothing is owed, so that no buy reduces.
    return units <= against(ins, order.side) if ins.is_contract else order.side == Side.SELL and units <= ins.base


@compiled
def _leads(state, ins, order, id, is_late):
    """Whether an order of a group is the first with the most left: no more than that can be sold by all of it."""
    left = _left_at_most(state, order)
    for i in range(ins.active_n):
        other = open_order(ins, i)
        if other.group != order.group or other.id == order.id or not _counts(other, id, is_late):
            continue
        others = _left_at_most(state, other)
        if others > left or (others == left and other.id < order.id):
            return False
    return True


@compiled
def _left_at_most(state, order):
    """Base units that an order may still trade, on its own terms or on those of an amend on its way."""
    if order.amend < 0:
        return left_of(order)
    return max(left_of(order), Amend(state.amends, order.amend).amount - order.filled)


@compiled
def _send(state):
    """Remembers when an order or an amend was sent."""
    limits = Limits(state.limits, 0)
    if limits.sent_room:
        set_int(limits.sent, limits.sent_n % limits.sent_room, state.now)
        limits.sent_n += 1


@compiled
def _refuse(state, ins, id, is_new, broken, value):
    """Logs what a limit refuses."""
    if state.refusals_n >= state.refusals_cap:
        raise OverflowError("more orders were refused in one decision than the log has room for")
    record = Refusal(state.refusals, state.refusals_n)
    state.refusals_n += 1
    if state.refusals_n > state.refusals_full:
        state.is_full = 1
    record.time, record.order, record.instrument, record.limit = state.now, id, ins.index, broken
    record.is_amend, record.value = 0 if is_new else 1, value
    return broken


@compiled
def _broken(state, ins, id, side, amount, limit, trigger, budget, is_new, is_late):
    """The first limit that an entry breaks. budget: -1 for none. is_late: as of `judge_late`."""
    limits, now = Limits(state.limits, 0), state.now
    if limits.lost == now // DAY:
        return _refuse(state, ins, id, is_new, Limit.DAILY_LOSS.value, limits.day_equity - limits.marked)
    if now < limits.until:
        return _refuse(state, ins, id, is_new, Limit.MAX_DRAWDOWN.value, float(limits.until))
    broken = _too_dear(state, ins, id, side, amount, limit, trigger, budget, is_new, is_late)
    if broken != NONE:
        return broken
    for ticks in (limit, trigger):
        if ticks and abs(price_of(ins, ticks) - ins.last) > limits.price_collar * ins.last:
            away = abs(price_of(ins, ticks) / ins.last - 1.0)
            return _refuse(state, ins, id, is_new, Limit.PRICE_COLLAR.value, away)
    if is_new and limits.max_open_orders < NEVER:
        count = _open_orders(ins, id, is_late)
        if count >= limits.max_open_orders:
            return _refuse(state, ins, id, is_new, Limit.MAX_OPEN_ORDERS.value, float(count))
    room = limits.sent_room
    if not is_late and room and limits.sent_n >= room and get_int(limits.sent, limits.sent_n % room) > now - MINUTE:
        return _refuse(state, ins, id, is_new, Limit.ORDERS_PER_MINUTE.value, float(room))
    return NONE


@compiled
def _too_dear(state, ins, id, side, amount, limit, trigger, budget, is_new, is_late):
    """The first limit of a cost that an entry breaks."""
    limits = Limits(state.limits, 0)
    cost = _cost(ins, side, amount, limit, trigger, budget)
    if cost > limits.max_order_cost:
        return _refuse(state, ins, id, is_new, Limit.MAX_ORDER_COST.value, money_of(state, cost))
    if limits.max_position_cost == NEVER and limits.max_exposure == NEVER:
        return NONE
    if budget < 0:
        cost = max(cost, cost_up(ins, amount, dear_ticks(ins, ins.last)))
    after = _engaged(state, ins, id, is_late, side, cost)
    if after > limits.max_position_cost:
        return _refuse(state, ins, id, is_new, Limit.MAX_POSITION_COST.value, money_of(state, after))
    if limits.max_exposure < NEVER:
        for k in range(state.count):
            if k != ins.index:
                after = plus(after, _engaged(state, Instrument(state.instruments, k), id, is_late, side, 0))
        if after > limits.max_exposure:
            return _refuse(state, ins, id, is_new, Limit.MAX_EXPOSURE.value, money_of(state, after))
    return NONE


@compiled
def _is_exit(state, ins, side, amount, id, group):
    """Whether an order can only make a position smaller. id: NEW of one that has none yet."""
    return is_covered(state, ins, side, amount, id, group, False) if ins.is_contract else side == Side.SELL


@compiled
def _is_exit_of(state, ins, order, amount):
    """The same of one that is there already, and so much of it."""
    return order.reduces != 0 or _is_exit(state, ins, order.side, amount, order.id, order.group)


@compiled
def _cost(ins, side, amount, limit, trigger, budget):
    """Quote units that an entry may come to, fees apart."""
    if ins.is_contract:
        return hold_of(ins, side, amount, limit, trigger)
    return cost_at_worst(ins, amount, limit, trigger, budget)


@compiled
def _waits_for(order, trigger):
    """The trigger, 0 once the order has been triggered."""
    return trigger if order.form >= Kind.STOP else 0


@compiled
def _budget_of(order):
    return order.budget if order.by_cost else -1


@compiled
def _is_within(ins, order, limit, trigger, total):
    """Whether an order can do nothing on new terms that it could not do before."""
    budget, waits_for = _budget_of(order), _waits_for(order, trigger)
    before = _cost(ins, order.side, left_of(order), order.price, _waits_for(order, order.stop), budget)
    return total <= order.amount and _cost(ins, order.side, total - order.filled, limit, waits_for, budget) <= before


@compiled
def _counts(order, id, is_late):
    """Whether an open order is another than that one, and not about to be gone."""
    return order.id != id and (is_late or order.cancel_at == NEVER)


@compiled
def _open_orders(ins, id, is_late):
    count = 0
    for i in range(ins.active_n):
        if _counts(open_order(ins, i), id, is_late):
            count += 1
    return count


@compiled
def _engaged(state, ins, id, is_late, side, claim):
    """Quote units: what is held at the last close, and what all orders but that one may still add to it, which claims
    so much itself on its side.
    """
    close = dear_ticks(ins, ins.last)
    bids, asks = (claim, 0) if side == Side.BUY else (0, claim)
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if not _counts(order, id, is_late):
            continue
        if order.side == Side.BUY:
            bids = plus(bids, _claim_of(state, ins, order, close))
        elif ins.is_contract:
            asks = plus(asks, _claim_of(state, ins, order, close))
    value = cost_up(ins, abs(ins.base), close)
    if ins.base < 0:
        value = -value
    return max(abs(plus(value, bids)), abs(plus(value, -asks)))


@compiled
def _claim_of(state, ins, order, close):
    """What an open order may add at worst, on its own terms and on those of an amend on its way."""
    if order.reduces:
        return 0
    budget, side = _budget_of(order), order.side
    claim = _claim(ins, side, left_of(order), order.price, _waits_for(order, order.stop), budget, close)
    if order.amend >= 0:
        amend = Amend(state.amends, order.amend)
        left = max(amend.amount - order.filled, 0)
        claim = max(claim, _claim(ins, side, left, amend.price, _waits_for(order, amend.stop), budget, close))
    return claim


@compiled
def _claim(ins, side, amount, limit, trigger, budget, close):
    cost = _cost(ins, side, amount, limit, trigger, budget)
    return cost if budget >= 0 else max(cost, cost_up(ins, amount, close))


@linked(V(STA))
def look(state):
    """Equity is marked: a day may get lost by it, and a drawdown stop begin or be over."""
    limits, now, equity, is_begun = Limits(state.limits, 0), state.now, equity_of(state), False
    day = now // DAY
    if day != limits.day:
        limits.day = day
        limits.day_equity = equity if now == day * DAY else limits.marked
    if limits.lost != day and limits.day_equity - equity >= limits.daily_loss:
        limits.lost = day
        limits.days_lost += 1
        is_begun = True
    if limits.until and limits.until <= now:
        limits.until, limits.peak = 0, equity
    limits.peak = max(limits.peak, equity)
    if limits.until == 0 and limits.peak - equity >= limits.max_drawdown * limits.peak:
        limits.until = now + limits.cooldown
        limits.stops += 1
        is_begun = True
    limits.marked = equity
    if is_begun:
        _withdraw(state)


@compiled
def _withdraw(state):
    """Asks for the end of all open buys; of contracts for that of orders of the position's side."""
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        for i in range(ins.active_n):
            order = open_order(ins, i)
            if ins.base * order.side >= 0 if ins.is_contract else order.side == Side.BUY:
                ask_cancel(state, ins, order)
