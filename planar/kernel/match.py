"""One order meets one price: arrival, trigger, taker and maker fills (docs/simulation.md, section 4)."""

import math

from planar.kernel.contracts import against, fit, free_margin, is_covered, is_funded, margin_of, opening_cost
from planar.kernel.draws import slippage
from planar.kernel.estimators import half_spread, impact_of
from planar.kernel.groups import known_of, known_with
from planar.kernel.ledger import (
    accept,
    apply_fill,
    drop_amend,
    end_others,
    finish,
    is_held_back,
    left_of,
    next_due,
    required,
    reserve,
    take_off_others,
    tell,
    venue_base,
    venue_cash,
)
from planar.kernel.linked import INS, ORD, PAIR, STA, B, F, I, V, linked
from planar.kernel.machine import compiled, get_float, inlined
from planar.kernel.numbers import (
    affordable,
    amount_of,
    cost_down,
    cost_up,
    fee_of,
    largest_rate,
    need,
    plus,
    price_of,
    ticks_down,
    ticks_near,
    ticks_up,
    whole_steps,
)
from planar.kernel.state import Amend
from planar.kernel.triggers import form_after, is_asleep, see, waits_at, waits_below
from planar.model.order import CLOSES, NEVER, REDUCES, Event, Kind, Reason, Side, Status, Tif

UNLIMITED = 2**62


@inlined
def _volume_of(ins):
    """What the candle's volume leaves us, as an amount; of an inverse contract the fewest that base can have been."""
    volume = get_float(ins.volume, ins.row)
    if ins.sign < 0:
        volume = volume * get_float(ins.low, ins.row) / ins.size
    return volume * ins.share


@compiled
def budget_of(state, ins):
    """The volume that orders may still use in this step."""
    if ins.budget_step != state.steps:
        ins.budget_step = state.steps
        if state.budgeted and ins.has_volume:
            ins.budget = int(math.floor(min(_volume_of(ins) * ins.base_d / ins.base_n, 4.0e18)))
        else:
            ins.budget = UNLIMITED
    return ins.budget


@compiled
def is_triggered(ins, order, price):
    """Whether a print at this price reaches the trigger."""
    if is_asleep(order):
        return False
    stop = price_of(ins, order.stop)
    if ins.is_contract and order.by_mark:
        price = ins.mark_here
    return price <= stop if waits_below(order.form, order.side) else price >= stop


@compiled
def hit_of(state, ins, order):
    """The print that fills a resting limit: one at the limit, or one tick through."""
    return price_of(ins, order.price if state.touch else order.price - order.side)


@compiled
def is_hit(state, ins, order, price):
    """Whether a print at this price fills the resting limit."""
    hit = hit_of(state, ins, order)
    return price <= hit if order.side == Side.BUY else price >= hit


@compiled
def in_reach(ins, order, low, high):
    """Whether a price between low and high is at or beyond the order's limit or trigger."""
    if order.form == Kind.MARKET or is_asleep(order) or (order.by_mark and order.form >= Kind.STOP):
        return False
    price = price_of(ins, waits_at(order))
    return low <= price if waits_below(order.form, order.side) else high >= price


@inlined
def about_in_reach(ins, order, low, high):
    """`in_reach` give or take a tick: candles lie on the grid of ticks only roughly, and crossing rounds to it."""
    if order.form == Kind.MARKET:
        return False
    if order.form == Kind.TRAIL:
        return _trail_in_reach(ins, order, low, high)
    price = waits_at(order) * ins.tick
    return low <= price + ins.tick if waits_below(order.form, order.side) else high >= price - ins.tick


@linked(B(INS, ORD, F, F))
def _trail_in_reach(ins, order, low, high):
    """Whether a trailing stop may move, wake or trigger between these prices, or has not seen any yet."""
    start = order.best if order.best > 0.0 else order.activation * ins.tick
    if start == 0.0 or ((high >= start - ins.tick) if order.side == Side.SELL else (low <= start + ins.tick)):
        return True
    return order.best > 0.0 and in_reach(ins, order, low - ins.tick, high + ins.tick)


@inlined
def _may_cross(ins, order, price):
    """Whether the limit is at the price or beyond, give or take a tick: nearer than that none can cross."""
    limit = order.price * ins.tick
    return price <= limit + ins.tick if order.side == Side.BUY else price >= limit - ins.tick


@compiled
def _crosses(state, ins, order, price):
    """Whether the limit reaches the other side of the book around this price."""
    if not _may_cross(ins, order, price):
        return False
    half = half_spread(state, ins, price)
    if order.side == Side.BUY:
        return order.price >= ticks_up(ins, price + half)
    return order.price <= max(ticks_down(ins, price - half), 1)


@compiled
def _maker_cap(state, ins, order):
    """What the queue leaves for a resting order of this price, in base units."""
    if not (state.budgeted and ins.has_volume):
        return UNLIMITED
    low, high = ticks_near(ins, get_float(ins.low, ins.row)), ticks_near(ins, get_float(ins.high, ins.row))
    if order.side == Side.BUY:
        beyond = min(order.price, high) - low + 1
    else:
        beyond = high - max(order.price, low) + 1
    cap = state.participation * _volume_of(ins) * beyond / (high - low + 1) * ins.base_d / ins.base_n
    return int(math.floor(min(max(cap, 0.0), 4.0e18)))


@linked(V(STA, INS, ORD, I))
def make(state, ins, order, time):
    """A resting order is served at its limit."""
    order.settled = state.steps
    amount = whole_steps(ins, min(left_of(order), budget_of(state, ins), _maker_cap(state, ins, order)))
    if amount <= 0:
        return
    cost, fee = _costs(ins, order, amount, order.price, ins.maker)
    apply_fill(state, ins, order, amount, order.price, cost, fee, 1, time, 0.0, 0.0, 0.0)


@compiled
def _costs(ins, order, amount, ticks, rate):
    """Cost and fee of a fill."""
    if order.side != ins.sign:  # a sell; of an inverse contract it is the buy that is paid
        cost = cost_down(ins, amount, ticks)
        return cost, fee_of(cost, rate)
    if order.form == Kind.LIMIT:
        return _costs_of_limit(ins, order, amount, ticks, rate)
    cost = cost_up(ins, amount, ticks)
    return cost, fee_of(amount if ins.fee_base else cost, rate)


@linked(PAIR(INS, ORD, I, I, I))
def _costs_of_limit(ins, order, amount, ticks, rate):
    """The same of one that pays at a limit: its fills never cost more than what they free of its reservation."""
    cost = cost_up(ins, amount, ticks)
    before, after = left_of(order), left_of(order) - amount
    cost = min(cost, cost_up(ins, before, order.price) - cost_up(ins, after, order.price))
    if ins.fee_base or ins.is_contract:
        return cost, fee_of(amount if ins.fee_base else cost, rate)
    freed = need(ins, before, order.price) - need(ins, after, order.price)
    return cost, min(fee_of(cost, rate), freed - cost)


@compiled
def _taker_ticks(ins, order, price, adverse):
    """The tick at which a taker trades: rounded against it, a limit never worse than its limit."""
    if order.side == Side.BUY:
        ticks = ticks_up(ins, price + adverse)
        return min(ticks, order.price) if order.form == Kind.LIMIT else ticks
    ticks = max(ticks_down(ins, price - adverse), 1)
    return max(ticks, order.price) if order.form == Kind.LIMIT else ticks


@compiled
def _exhausted(state, ins, order, time):
    """A quote budget that does not buy one step more is done."""
    if order.filled == 0:
        finish(state, ins, order, Status.REJECTED, Event.REJECTED, Reason.BELOW_MIN_AMOUNT, time)
    else:
        finish(state, ins, order, Status.FILLED, Event.FILL, Reason.NONE, time)


@linked(V(STA, INS, ORD, F, F, I))
def take(state, ins, order, price, slip, time):
    """A taker trades from this price: spread, impact and slip on top, all that budget and funds allow."""
    order.settled = state.steps
    half = half_spread(state, ins, price)
    if order.by_cost:
        amount = affordable(ins, order.budget, _taker_ticks(ins, order, price, half))
        if amount == 0:
            _exhausted(state, ins, order, time)
            return
    else:
        amount = left_of(order)
    budget = whole_steps(ins, budget_of(state, ins))
    if order.tif == Tif.FOK and amount > budget:
        return
    amount = min(amount, budget)
    if amount <= 0:
        return
    if state.slips:
        slip += price * slippage(state, ins)
    impact = impact_of(state, ins, price, amount_of(ins, amount))
    ticks = _taker_ticks(ins, order, price, half + impact + slip)
    is_last = False
    if order.by_cost:
        most = affordable(ins, order.budget, ticks)
        amount = min(amount, most)
        if amount == 0:
            _exhausted(state, ins, order, time)
            return
        is_last = amount == most
    _trade(state, ins, order, amount, ticks, is_last, time, half, impact, slip)


@compiled
def _trade(state, ins, order, amount, ticks, is_last, time, half, impact, slip):
    """Books a taker fill, unless a buy costs more than the venue knows the account to have."""
    cost, fee = _costs(ins, order, amount, ticks, ins.taker)
    if not _can_pay(state, ins, order, amount, cost, fee):
        status = Status.CANCELLED if order.filled else Status.REJECTED
        event = Event.CANCELLED if order.filled else Event.REJECTED
        finish(state, ins, order, status, event, Reason.INSUFFICIENT_FUNDS, time)
        return
    apply_fill(state, ins, order, amount, ticks, cost, fee, 0, time, half, impact, slip)
    if is_last:
        finish(state, ins, order, Status.FILLED, Event.FILL, Reason.NONE, time)
    elif order.by_cost and order.group:
        take_off_others(state, ins, order, amount, time)


@compiled
def _can_pay(state, ins, order, amount, cost, fee):
    """Whether what the order holds and the venue knows to be free is enough for a taker fill."""
    if ins.is_contract:
        return _can_put_up(state, ins, order, amount, cost, fee)
    if order.side == Side.SELL:
        return True
    paid = cost if ins.fee_base else cost + fee
    return paid <= known_of(state, ins, order) + venue_cash(state)


@linked(B(STA, INS, ORD, I, I, I))
def _can_put_up(state, ins, order, amount, cost, fee):
    """The same of a contract: whether there is margin for what it opens."""
    opening = opening_cost(ins, order.side, amount, cost)
    if opening == 0:
        return True
    known = known_of(state, ins, order)
    held = plus(margin_of(ins, known), fee_of(known, largest_rate(ins)))
    return plus(margin_of(ins, opening), fee) <= plus(held, max(free_margin(state, True), 0))


@compiled
def _is_open(order):
    return order.status <= Status.PARTIAL


@inlined
def _expire_rest(state, ins, order, time):
    """What an IOC or FOK could not have at once is gone."""
    if not _is_open(order):
        return
    if order.tif == Tif.IOC:
        finish(state, ins, order, Status.EXPIRED, Event.EXPIRED, Reason.IOC_UNFILLED, time)
    elif order.tif == Tif.FOK:
        finish(state, ins, order, Status.EXPIRED, Event.EXPIRED, Reason.FOK_UNFILLED, time)


@compiled
def travelled_price(ins, order, open_time, execution):
    """Where a market order trades from that arrives inside a candle: the open plus the mean adverse move until then."""
    start, row = get_float(ins.open, ins.row), ins.row
    if order.arrive <= open_time:
        return start
    high, low = get_float(ins.high, row), get_float(ins.low, row)
    move = 0.5 * (high - low) * math.sqrt((order.arrive - open_time) / execution)
    return min(start + move, high) if order.side == Side.BUY else max(start - move, low)


@inlined
def _admit(state, ins, order):
    """Whether the venue sees the funds that the order is to hold; a market buy by amount holds what there is."""
    if ins.is_contract:
        return has_margin(state, ins, order, order.reserved)
    of_group = known_of(state, ins, order) if order.group else 0
    if order.side == Side.SELL:
        return order.reserved <= venue_base(ins) + of_group
    available = venue_cash(state) + of_group
    if order.form == Kind.MARKET and not order.by_cost:
        reserve(state, ins, order, max(min(order.reserved, available), 0))
        return True
    return order.reserved <= available


@linked(B(STA, INS, ORD, I))
def has_margin(state, ins, order, wanted):
    """Whether the venue sees the margin for a contract's order that is to hold so much."""
    if order.reduces or is_covered(state, ins, order.side, left_of(order), order.id, order.group, True):
        return True
    return is_funded(state, ins, order.side, known_with(state, ins, order, wanted), known_of(state, ins, order), True)


@linked(V(STA, INS, ORD, F, I, I))
def _arrive_at_market(state, ins, order, price, open_time, time):
    """An order that may trade or be refused reaches the venue when the market stands at ``price``."""
    reason = Reason.NONE
    crosses = order.form == Kind.LIMIT and _crosses(state, ins, order, price)
    if order.reduces and against(ins, order.side) == 0:
        reason = Reason.REDUCE_ONLY_WOULD_INCREASE
    elif crosses and order.post_only:
        reason = Reason.POST_ONLY_WOULD_TAKE
    elif order.form >= Kind.STOP and is_triggered(ins, order, price):
        reason = Reason.STOP_WOULD_TRIGGER
    elif not _admit(state, ins, order):
        reason = Reason.INSUFFICIENT_FUNDS
    if reason != Reason.NONE:
        finish(state, ins, order, Status.REJECTED, Event.REJECTED, reason, time)
        return
    if order.reduces:
        fit(ins, order)
    accept(state, ins, order, time)
    if order.form == Kind.TRAIL:
        see(ins, order, price)
    elif order.form == Kind.MARKET:
        take(state, ins, order, travelled_price(ins, order, open_time, state.execution), 0.0, time)
        ins.market_rest |= _is_open(order)
    elif crosses:
        take(state, ins, order, price, 0.0, time)
    _expire_rest(state, ins, order, time)


@linked(V(STA, INS, ORD, F, I))
def arrive_armed(state, ins, order, price, time):
    """An order that waited at the venue arrives where the market stands, whatever the price."""
    crosses = order.form == Kind.LIMIT and _crosses(state, ins, order, price)
    reason = Reason.NONE
    if order.reduces and against(ins, order.side) == 0:
        reason = Reason.REDUCE_ONLY_WOULD_INCREASE
    elif crosses and order.post_only:
        reason = Reason.POST_ONLY_WOULD_TAKE
    elif not _admit(state, ins, order):
        reason = Reason.INSUFFICIENT_FUNDS
    if reason != Reason.NONE:
        finish(state, ins, order, Status.REJECTED, Event.REJECTED, reason, time)
        return
    if order.reduces:
        fit(ins, order)
    accept(state, ins, order, time)
    if order.form == Kind.TRAIL:
        see(ins, order, price)
    elif order.form >= Kind.STOP:
        if is_triggered(ins, order, price):
            trigger(state, ins, order, price, time)
    elif order.form == Kind.MARKET or crosses:
        take(state, ins, order, price, 0.0, time)
        if order.form == Kind.MARKET:
            ins.market_rest |= _is_open(order)
    _expire_rest(state, ins, order, time)


@inlined
def arrive(state, ins, order, price, open_time, time):
    """An order reaches the venue when the market stands at ``price``: most are limits that rest away from it."""
    rests = order.form == Kind.LIMIT and order.tif != Tif.IOC and order.tif != Tif.FOK and order.reduces == 0
    if rests and not _may_cross(ins, order, price) and _admit(state, ins, order):
        accept(state, ins, order, time)
    else:
        _arrive_at_market(state, ins, order, price, open_time, time)


@linked(V(STA, INS, ORD, F, I))
def trigger(state, ins, order, price, time):
    """A trigger is reached by a print at ``price``: the order trades, or becomes a limit that arrives there."""
    tell(state, ins, order.id, Event.TRIGGERED, Reason.NONE, time)
    if order.group:
        end_others(state, ins, order.group, order.id, time)
    if order.reduces == CLOSES:
        order.reduces, order.amount = REDUCES, order.filled + against(ins, order.side)
    is_take = order.form == Kind.TAKE or order.form == Kind.TAKE_LIMIT
    order.form = form_after(order.form)
    if order.form == Kind.MARKET or _crosses(state, ins, order, price):
        # Stops trigger in fast markets; a take is waited for.
        range_ = get_float(ins.high, ins.row) - get_float(ins.low, ins.row)
        slip = 0.0 if is_take else state.stop_slippage * range_
        take(state, ins, order, price, slip, time)


@compiled
def change(state, ins, order, price, time):
    """An amend reaches the venue: new terms, treated as arriving anew; one that would be refused changes nothing."""
    amend = Amend(state.amends, order.amend)
    drop_amend(state, ins, order)
    if is_held_back(order):
        order.price, order.stop = amend.price, amend.stop
        tell(state, ins, order.id, Event.AMENDED, Reason.NONE, time)
        return
    # Its trigger was reached meanwhile, and there is nothing left of what was to be changed.
    is_void = order.form == Kind.MARKET or (order.form == Kind.LIMIT and amend.stop != order.stop)
    has_amount = not (order.by_cost or order.reduces == CLOSES)
    if has_amount and _total_of(order, amend) <= order.filled and not is_void:
        finish(state, ins, order, Status.CANCELLED, Event.CANCELLED, Reason.NONE, time)
        return
    reason = Reason.INVALID_ORDER if is_void else _change_refusal(state, ins, order, amend, price)
    if reason != Reason.NONE:
        if ins.replaces and not (is_void or _protects(ins, order)):
            finish(state, ins, order, Status.CANCELLED, Event.CANCELLED, reason, time)
        else:
            tell(state, ins, order.id, Event.AMEND_REJECTED, reason, time)
        return
    tell(state, ins, order.id, Event.AMENDED, Reason.NONE, time)
    if order.form == Kind.TRAIL:
        see(ins, order, price)
    elif order.form == Kind.LIMIT and order.settled != state.steps and _crosses(state, ins, order, price):
        take(state, ins, order, price, 0.0, time)


@inlined
def _protects(ins, order):
    """Whether it is a stop against the position."""
    is_stop = order.form == Kind.STOP or order.form == Kind.STOP_LIMIT or order.form == Kind.TRAIL
    return is_stop and order.side * ins.base < 0


@inlined
def _total_of(order, amend):
    """The amount that an amend asks for, less what links took off the order since."""
    return amend.amount - (order.cut - amend.cut)


@compiled
def _change_refusal(state, ins, order, amend, price):
    """Gives the order its new terms and reservation, or leaves it as it was and says why."""
    was_price, was_stop, was_amount = order.price, order.stop, order.amount
    order.price, order.amount = amend.price, _total_of(order, amend)
    if order.form != Kind.TRAIL:  # that may have moved since
        order.stop = amend.stop
    reason = Reason.NONE
    if order.form == Kind.LIMIT:
        if order.post_only and _crosses(state, ins, order, price):
            reason = Reason.POST_ONLY_WOULD_TAKE
    elif order.form != Kind.TRAIL and is_triggered(ins, order, price):
        reason = Reason.STOP_WOULD_TRIGGER
    is_estimate = order.price == 0 and (order.side == Side.BUY or ins.is_contract) and order.reduces == 0
    wanted = amend.needs if is_estimate and amend.needs >= 0 else required(ins, order)
    if reason == Reason.NONE and not _is_within(state, ins, order, wanted):
        reason = Reason.INSUFFICIENT_FUNDS
    if reason != Reason.NONE:
        order.price, order.stop, order.amount = was_price, was_stop, was_amount
        return reason
    reserve(state, ins, order, wanted)
    if order.reduces:
        fit(ins, order)
    return Reason.NONE


@compiled
def _is_within(state, ins, order, wanted):
    """Whether the venue sees the funds for an order that is to hold so much instead of what it held before."""
    if ins.is_contract:
        return has_margin(state, ins, order, wanted)
    return wanted <= known_of(state, ins, order) + (venue_cash(state) if order.side == Side.BUY else venue_base(ins))


@linked(V(STA, INS, ORD, F, I))
def _change_or_expire(state, ins, order, price, time):
    """An amend reaches the venue, or a GTD order's time has come."""
    if order.expire <= min(order.amend_at, order.cancel_at):
        finish(state, ins, order, Status.EXPIRED, Event.EXPIRED, Reason.GTD_EXPIRED, time)
    else:
        change(state, ins, order, price, time)


@compiled
def _wait(order):
    """An order that is bound to another has come to the venue, and waits there."""
    order.arrive = NEVER
    order.due = next_due(order)


@inlined
def happen_here(state, ins, order, price, open_time, time):
    """What is due for the order happens, the market standing at ``price``: for the caller in a hurry."""
    if order.status == Status.PENDING and order.arrive == order.due:
        if order.after:
            _wait(order)
        else:
            arrive(state, ins, order, price, open_time, time)
    elif order.cancel_at < order.expire and order.cancel_at < order.amend_at:
        finish(state, ins, order, Status.CANCELLED, Event.CANCELLED, Reason.NONE, time)
    else:
        _change_or_expire(state, ins, order, price, time)


@linked(V(STA, INS, ORD, F, I, I))
def happen(state, ins, order, price, open_time, time):
    """What is due for the order happens, the market standing at ``price``."""
    happen_here(state, ins, order, price, open_time, time)
