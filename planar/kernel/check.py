"""What a strategy may ask of an instrument, checked and reserved at once (docs/simulation.md, section 2).

Each function answers an order id (from 1) or a negative `Reason`.
"""

import math

from planar.kernel.contracts import affordable_amount, against, hold_of, is_covered, is_funded, is_too_large
from planar.kernel.draws import arrival
from planar.kernel.exits import give_up, is_protected
from planar.kernel.groups import book, enter, group_of, holds, kept_of, kept_with, refusal_of
from planar.kernel.ledger import (
    activate,
    ask_cancel,
    free_base,
    free_cash,
    is_held_back,
    keep,
    left_of,
    next_due,
    open_order,
    reserve_extra,
    shift,
)
from planar.kernel.limits import judge, judge_amend
from planar.kernel.linked import INS, ORD, PAIR, STA, TRIPLE, B, F, I, V, linked
from planar.kernel.machine import compiled, get_int, inlined, set_int
from planar.kernel.numbers import (
    RATE,
    affordable,
    amount_of,
    cost_down,
    fee_of,
    largest_rate,
    money_of,
    need,
    part_of,
    plus,
    price_of,
    ticks_down,
    ticks_near,
    ticks_up,
    units_of_amount,
    units_of_money,
    value_of,
    valued_at,
    whole_steps,
)
from planar.kernel.state import CONTRACT, SLOTS, Amend, Instrument, Live, Order, State
from planar.kernel.triggers import STOP, TAKE, TRAIL, trail_from, waits_at, waits_below
from planar.kernel.worth import BUFFER, equity_of, reference
from planar.model.order import BY_MARK, CLOSES, NEVER, REDUCES, Kind, Limit, Reason, Side, Status, Tif

AMOUNT, COST, FRACTION, RISK, TARGET = 0, 1, 2, 3, 4
"""How an order is sized."""

FAR = 1e300


@compiled
def position_of(state, ins):
    """Base units that the venue's rules let one close; what is left below its minimums is balance only.

    Unsigned: of a short those that can be bought back.
    """
    amount = ins.closable
    # Far above the minimum cost, the exact figure is not needed.
    if amount == 0 or ins.min_cost == 0.0 or value_of(ins, abs(ins.amount), ins.last) > 4.0 * ins.min_cost:
        return amount
    cost = cost_down(ins, amount, max(ticks_down(ins, ins.last), 1))
    return 0 if money_of(state, cost) < ins.min_cost else amount


@inlined
def _look_out(ins, is_below, ticks):
    """Widens the range of prices in which the instrument has something to do, by a tick more than limit or trigger."""
    if is_below:
        ins.down = max(ins.down, (ticks + 1) * ins.tick)
    else:
        ins.up = min(ins.up, (ticks - 1) * ins.tick)


@linked(V(INS, ORD))
def _look_out_trailing(ins, order):
    """A trailing stop moves with each new best price, and triggers on the other side."""
    is_sell = order.side == Side.SELL
    if order.best > 0.0:
        _look_out(ins, is_sell, order.stop)
    start = order.best if order.best > 0.0 else order.activation * ins.tick
    if start == 0.0:
        ins.up = -FAR  # it will follow from whatever it sees first
    elif is_sell:
        ins.up = min(ins.up, start - ins.tick)
    else:
        ins.down = max(ins.down, start + ins.tick)


@inlined
def watch(state, ins, order):
    """Widens what the instrument looks out for by this order, and by the terms of an amend on its way."""
    ins.due = min(ins.due, order.due)
    if order.after or order.by_mark:
        ins.up = -FAR  # what it waits for may happen at any price
    if order.form == Kind.TRAIL:
        _look_out_trailing(ins, order)
    elif order.form != Kind.MARKET:
        _look_out(ins, waits_below(order.form, order.side), waits_at(order))
    elif order.status != Status.PENDING:
        ins.market_rest = 1
    if order.amend >= 0:
        amend = Amend(state.amends, order.amend)
        _look_out(ins, waits_below(order.form, order.side), amend.price if order.form == Kind.LIMIT else amend.stop)


@compiled
def watch_all(state, ins):
    """Works out anew what the instrument looks out for."""
    ins.due, ins.down, ins.up, ins.market_rest = NEVER, -FAR, FAR, 0
    for i in range(ins.active_n):
        watch(state, ins, open_order(ins, i))


@compiled
def _refused_at_once(state, ins, side, has_price, how, tif, expire, post_only, oco, after, manner, has_exits):
    """The first reason to refuse an order, whatever its price and size; 0 for none."""
    is_at_once = tif == Tif.IOC or tif == Tif.FOK
    if not ins.last > 0.0:
        return Reason.NO_PRICE.value
    if ins.hedge == CONTRACT:
        return Reason.POSITION_SIDE.value
    # Combinations that no venue takes.
    if has_exits and side == Side.SELL and not ins.is_contract:
        return Reason.INVALID_ORDER.value
    if post_only and (not has_price or is_at_once or how):
        return Reason.INVALID_ORDER.value
    if (is_at_once and how) or (how >= TRAIL and has_price) or (tif == Tif.GTD) != (expire != NEVER):
        return Reason.INVALID_ORDER.value
    if manner > REDUCES:
        if (manner & BY_MARK and not (ins.is_contract and (how == STOP or how == TAKE))) or not ins.is_contract:
            return Reason.INVALID_ORDER.value
        if state.outside:
            return Reason.VENUE_REFUSED.value
    if expire <= state.now:
        return Reason.EXPIRED_AT_ONCE.value
    if manner & REDUCES and not _may_reduce(ins, side, after):
        return Reason.REDUCE_ONLY_WOULD_INCREASE.value
    if oco or after:
        refusal = Reason.VENUE_REFUSED.value if state.outside else refusal_of(state, ins, side, oco, after)
        if refusal:
            return refusal
    if ins.is_delisted:
        return Reason.DELISTED.value
    if ins.has_left and side == Side.BUY:
        return Reason.NOT_A_MEMBER.value
    return Reason.TOO_MANY_ORDERS.value if ins.active_n >= ins.max_orders else 0


@linked(B(INS, I, I))
def _may_reduce(ins, side, after):
    """Whether there is something that an order of this side can reduce, or something on its way that may be."""
    if not ins.is_contract:
        return side == Side.SELL
    if after or against(ins, side):
        return True
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.side != side and order.cancel_at == NEVER:
            return True
    return False


@inlined
def limit_of(ins, side, price):
    """Ticks of a limit, rounded away from the market."""
    return ticks_down(ins, price) if side == Side.BUY else ticks_up(ins, price)


@compiled
def _size(state, ins, side, limit, trigger, sizing, size, risk_stop, shared):
    """The amount of an order that is sized otherwise, and the budget of a market buy by cost: -1 for none, -2 when a
    risk has no distance to its stop.
    """
    if ins.is_contract:
        return _size_of_contract(state, ins, side, limit, trigger, sizing, size, risk_stop)
    if side == Side.BUY and sizing != RISK:
        budget = _budget(state, ins, sizing, size, shared)
        return (affordable(ins, budget, limit), -1) if limit else (0, budget)
    amount = _valued_amount(state, ins, side, limit, trigger, sizing, size, risk_stop)
    return (whole_steps(ins, amount), -1) if amount >= 0 else (0, -2)


@linked(PAIR(STA, INS, I, I, I, I, F, F))
def _size_of_contract(state, ins, side, limit, trigger, sizing, size, risk_stop):
    """The same of a contract: all its sizes are amounts."""
    if sizing == FRACTION and not (against(ins, side) and position_of(state, ins)):
        budget = max(part_of(size, free_cash(state)), 0)
        return affordable_amount(state, ins, side, budget, limit, trigger), -1
    if sizing == TARGET:
        back = position_of(state, ins) if against(ins, side) else 0
        most = plus(back, affordable_amount(state, ins, side, free_cash(state), limit, trigger))
        return whole_steps(ins, min(max(units_of_amount(ins, valued_at(ins, size, ins.last)), 0), most)), -1
    amount = _valued_amount(state, ins, side, limit, trigger, sizing, size, risk_stop)
    return (whole_steps(ins, amount), -1) if amount >= 0 else (0, -2)


@compiled
def _budget(state, ins, sizing, size, shared):
    """Quote units that a buy by cost or by fraction of free cash may spend, fee included.

    shared: what its group holds already.
    """
    free = free_cash(state) + shared
    if sizing == FRACTION:
        return max(part_of(size, free), 0)
    units = max(units_of_money(state, size), 0)
    budget = units if ins.fee_base else plus(units, fee_of(units, largest_rate(ins)))
    return max(min(budget, free), 0) if sizing == TARGET else budget


@compiled
def _valued_amount(state, ins, side, limit, trigger, sizing, size, risk_stop):
    """Base units asked for by cost, fraction or risk; negative when a risk has no distance to its stop."""
    price = reference(ins, limit, trigger)
    if sizing == COST:
        return max(units_of_amount(ins, valued_at(ins, size, price)), 0)
    if sizing == FRACTION:
        return max(part_of(size, position_of(state, ins)), 0)
    taker = ins.taker / 1e9
    if ins.sign < 0:
        loss = _loss_of_inverse(ins, side, price, risk_stop)
    elif side == Side.BUY:
        loss = price * (1.0 + taker) - risk_stop * (1.0 - taker)
    else:
        loss = risk_stop * (1.0 + taker) - price * (1.0 - taker)
    if not loss > 0.0:
        return -1
    return max(units_of_amount(ins, size * equity_of(state) / loss), 0)


@compiled
def _loss_of_inverse(ins, side, price, risk_stop):
    """Base that one contract of an inverse contract loses on the way to a stop, fees included; 0 without a way."""
    if not risk_stop > 0.0:
        return 0.0
    taker = ins.taker / 1e9
    paid, got = (risk_stop, price) if side == Side.BUY else (price, risk_stop)
    return (1.0 / paid * (1.0 + taker) - 1.0 / got * (1.0 - taker)) * ins.size


@compiled
def _to_hold(state, ins, side, limit, trigger, amount, budget, shared, group, reduces):
    """What a new order is to hold, or a negative `Reason`: minimums first, then funds.

    shared: what its group holds already.
    """
    if budget == 0:
        return -Reason.BELOW_MIN_COST.value
    if reduces == CLOSES:
        return 0
    if budget < 0 and (amount <= 0 or amount < ins.min_amount):
        return -Reason.BELOW_MIN_AMOUNT.value
    if reduces:
        return 0
    if ins.min_cost > 0.0 and _least_cost(state, ins, limit, trigger, amount, budget) < ins.min_cost:
        return -Reason.BELOW_MIN_COST.value
    if ins.is_contract:
        return _to_hold_of_contract(state, ins, side, limit, trigger, amount, shared, group)
    free = (free_cash(state) if side == Side.BUY else free_base(ins)) + shared
    wanted = _wanted(ins, side, limit, trigger, amount, budget, free)
    return wanted if wanted >= 0 else -Reason.INSUFFICIENT_FUNDS.value


@linked(I(STA, INS, I, I, I, I, I, I))
def _to_hold_of_contract(state, ins, side, limit, trigger, amount, shared, group):
    """What an order of a contract is to hold, or a negative `Reason`: the tiers first, then margin."""
    held = hold_of(ins, side, amount, limit, trigger)
    refusal = _margin_refusal(state, ins, side, amount, -1, group, max(held, shared), shared)
    return held if refusal == Reason.NONE else -refusal.value


@compiled
def _margin_refusal(state, ins, side, amount, id, group, held, instead_of):
    """Why a contract's order, or its group, may not hold so much, instead of what it held before; NONE when it may.

    id: -1 if new.
    """
    if is_covered(state, ins, side, amount, id, group, False):
        return Reason.NONE
    if is_too_large(state, ins, side, held, instead_of):
        return Reason.MAX_POSITION
    return Reason.NONE if is_funded(state, ins, side, held, instead_of, False) else Reason.INSUFFICIENT_FUNDS


@linked(F(STA, INS, I, I, I, I))
def _least_cost(state, ins, limit, trigger, amount, budget):
    """What the order is worth, rounded down, for the venue's minimum."""
    if budget < 0:
        budget = cost_down(ins, amount, limit or trigger or max(ticks_down(ins, ins.last), 1))
    return money_of(state, budget)


@compiled
def _wanted(ins, side, limit, trigger, amount, budget, free):
    """What an order must reserve to trade an amount or a budget (-1 for none); negative when that is not free."""
    if side == Side.SELL:
        return amount if amount <= free else -1
    if budget >= 0:
        return budget if budget <= free else -1
    if limit:
        wanted = need(ins, amount, limit)
        return wanted if wanted <= free else -1
    return _estimated_need(ins, trigger, amount, free)


@compiled
def _estimated_need(ins, trigger, amount, free):
    """What a buy without a limit reserves: its cost a little above its price, or all that is free."""
    price = reference(ins, 0, trigger)
    if need(ins, amount, max(ticks_down(ins, price * (1.0 - BUFFER)), 1)) > free:
        return -1
    return min(free, need(ins, amount, ticks_up(ins, price * (1.0 + BUFFER))))


@inlined
def _submit(
    state, ins, side, sizing, size, price, how, stop, activation, stop_loss, take_profit, tif, expire, post_only, tag,
    oco, after, manner,
):  # fmt: skip
    """Checks an order, writes it down and reserves for it; inlined, for what a caller knows need not be asked."""
    has_price, has_stop = price == price, how != 0
    limit = trigger = amount = held = trail = wakes = 0
    budget, by_cost = -1, sizing != AMOUNT and sizing != RISK and not ins.is_contract
    has_exits = stop_loss == stop_loss or take_profit == take_profit
    if ins.hedge * side < 0:
        manner |= REDUCES
    refusal = _refused_at_once(state, ins, side, has_price, how, tif, expire, post_only, oco, after, manner, has_exits)
    group = shared = 0
    reduces = manner & (REDUCES | CLOSES) if ins.is_contract else 0
    if reduces > REDUCES:
        reduces = CLOSES
    if refusal == 0:
        limit = limit_of(ins, side, price) if has_price else 0
        if has_price and limit < 1:
            refusal = Reason.INVALID_PRICE.value
        elif has_stop:
            trigger, trail, wakes = _trigger_of(ins, side, how, stop, activation)
            if trigger < 1:
                refusal = Reason.INVALID_PRICE.value
        if refusal == 0 and has_exits:
            refusal = _exits_refusal(state, ins, side, limit, trigger, stop_loss, take_profit)
        elif refusal:
            limit = trigger = 0
    if refusal == 0:
        if oco:
            group, shared = group_of(state, ins, oco)
        if after:
            amount = _bound_amount(state, ins, sizing, size, after)
        elif sizing == AMOUNT:
            amount = whole_steps(ins, max(units_of_amount(ins, size), 0))
        else:
            amount, budget = _size(state, ins, side, limit, trigger, sizing, size, stop_loss, shared)
        if budget < -1:
            refusal = Reason.INVALID_PRICE.value
        else:
            by_cost = budget >= 0
            if after:
                held = _held_by_bound(state, ins, limit, trigger, sizing, size, amount, reduces)
            else:
                held = _to_hold(state, ins, side, limit, trigger, amount, budget, shared, group, reduces)
            if held < 0:
                refusal = -held
            elif state.limits:
                if judge(state, ins, side, amount, limit, trigger, budget, group, reduces != 0) != Limit.NONE:
                    refusal = Reason.RISK_LIMIT.value
    kind = Kind.LIMIT.value if has_price else Kind.MARKET.value
    if has_stop:
        kind = _kind_of(how, has_price)
    order = _new_order(state, ins, side, kind, limit, trigger, amount, tif, post_only, by_cost, tag)
    order.requested, order.budget, order.reserved = size, max(budget, 0), held
    order.reduces, order.by_mark = reduces, manner & BY_MARK
    order.expire = expire if tif == Tif.GTD else NEVER
    order.due = min(order.arrive, order.expire)
    if has_stop:
        order.trail, order.activation, order.best = trail, wakes, 0.0
    if refusal:
        keep(state, ins, order, Status.REJECTED, refusal, state.now)
        return -refusal
    if state.outs:
        order.arrive = state.now
        order.arrive = arrival(state, ins, order)
        order.due = min(order.arrive, order.expire)
    activate(state, ins, order)
    if after:
        _bind(ins, order, sizing, size, after)
    if group:
        enter(state, ins, order, group)
    else:
        shift(state, ins, side, held, held, 0)
    ins.due = min(ins.due, order.due)
    if trail:
        _look_out_trailing(ins, order)
    elif manner & BY_MARK:
        ins.up = -FAR
    elif has_stop:
        _look_out(ins, waits_below(kind, side), trigger)
    elif has_price:
        _look_out(ins, side == Side.BUY, limit)
    return order.id + 1


@linked(I(STA, INS, I, F, I))
def _bound_amount(state, ins, sizing, size, after):
    """Base units of an order that waits for another; of a fraction, that of what the other is for at present."""
    if sizing == AMOUNT:
        return whole_steps(ins, max(units_of_amount(ins, size), 0))
    return whole_steps(ins, max(part_of(size, Live(ins.live, Order(state.orders, after - 1).slot).amount), 0))


@linked(I(STA, INS, I, I, I, F, I, I))
def _held_by_bound(state, ins, limit, trigger, sizing, size, amount, reduces):
    """What an order holds that waits for another, nothing, or the negative `Reason` why the venue does not take it."""
    if sizing == FRACTION:
        return 0 if size > 0.0 else -Reason.BELOW_MIN_AMOUNT.value
    if amount <= 0 or amount < ins.min_amount:
        return -Reason.BELOW_MIN_AMOUNT.value
    is_worth = reduces or ins.min_cost == 0.0 or _least_cost(state, ins, limit, trigger, amount, -1) >= ins.min_cost
    return 0 if is_worth else -Reason.BELOW_MIN_COST.value


@compiled
def _bind(ins, order, sizing, size, after):
    """The order waits for that one."""
    order.after, order.share = after, 0
    order.wish, order.part = (0, size) if sizing == FRACTION else (order.amount, 0.0)
    ins.bound += 1
    ins.up = -FAR


@compiled
def _kind_of(how, has_price):
    """What an order with a trigger is."""
    if how == STOP:
        return Kind.STOP_LIMIT.value if has_price else Kind.STOP.value
    if how == TAKE:
        return Kind.TAKE_LIMIT.value if has_price else Kind.TAKE.value
    return Kind.TRAIL.value


@linked(TRIPLE(INS, I, I, F, F))
def _trigger_of(ins, side, how, stop, activation):
    """Ticks of an order's trigger, below 1 for one that is nowhere; how a trailing one follows, and from where on."""
    if how <= TAKE:
        return ticks_near(ins, stop), 0, 0
    trail = int(math.floor(min(max(stop * RATE, 0.0), RATE) + 0.5)) if how == TRAIL else -max(ticks_near(ins, stop), 0)
    if trail == 0 or trail >= RATE:
        return 0, 0, 0
    if activation != activation:
        return trail_from(ins, side, trail, ins.last), trail, 0
    wakes = ticks_near(ins, activation)
    return (trail_from(ins, side, trail, price_of(ins, wakes)) if wakes >= 1 else 0), trail, wakes


@compiled
def _new_order(state, ins, side, kind, limit, trigger, amount, tif, post_only, by_cost, tag):
    """An order on its way, in the first free slot and at its place among all orders."""
    index = state.orders_n
    if index >= state.orders_full:
        if index >= state.orders_cap:
            raise OverflowError("more orders were asked for in one decision than the log has room for")
        state.is_full = 1
    state.orders_n = index + 1
    slot = get_int(ins.active, ins.active_n)
    order = Live(ins.live, slot)
    order.id, order.slot, order.instrument, order.tag = index, slot, ins.index, tag
    order.time, order.arrive = state.now, state.now + state.latency
    order.cancel_at = order.amend_at = NEVER
    order.side, order.kind, order.form, order.tif = side, kind, kind, tif
    order.price, order.stop, order.amount = limit, trigger, amount
    order.filled = order.cost = order.fee = order.settled = 0
    order.amend, order.post_only, order.by_cost = -1, post_only, by_cost
    order.status = Status.PENDING
    return order


@linked(I(STA, INS, I, I, I, F, F))
def _exits_refusal(state, ins, side, limit, trigger, stop_loss, take_profit):
    """Why an order at these prices cannot have such exits, nan for none; 0 when it can."""
    if state.outside:
        return Reason.VENUE_REFUSED.value
    price, orders = reference(ins, limit, trigger), 1
    if stop_loss == stop_loss:
        ticks, orders = ticks_near(ins, stop_loss), orders + 1
        if ticks < 1 or (price - price_of(ins, ticks)) * side <= 0.0:
            return Reason.INVALID_PRICE.value
    if take_profit == take_profit:
        ticks, orders = limit_of(ins, -side, take_profit), orders + 1
        if (side == Side.SELL and ticks < 1) or (price_of(ins, ticks) - price) * side <= 0.0:
            return Reason.INVALID_PRICE.value
    return Reason.TOO_MANY_ORDERS.value if ins.active_n + orders > ins.max_orders else 0


@linked(V(STA, INS, I, I, F, F, I))
def _submit_exits(state, ins, side, entry, stop_loss, take_profit, tag):
    """Asks for the exits, of that side, of an order: they wait for it, and one cancels the other."""
    nothing, tif, stop, reduces = float("nan"), Tif.GTC.value, 0, ins.is_contract
    if stop_loss == stop_loss:
        stop = submit_one(
            state, ins, side, FRACTION, 1.0, nothing, STOP, stop_loss, nothing, nothing, nothing, tif, NEVER, 0, tag, 0,
            entry, reduces,
        )  # fmt: skip
    if take_profit == take_profit:
        submit_one(
            state, ins, side, FRACTION, 1.0, take_profit, 0, nothing, nothing, nothing, nothing, tif, NEVER, 0, tag,
            max(stop, 0), entry, reduces,
        )  # fmt: skip


@linked(I(STA, INS, I, I, F, F, I, F, F, F, F, I, I, I, I, I, I, I))
def submit_one(
    state, ins, side, sizing, size, price, how, stop, activation, stop_loss, take_profit, tif, expire, post_only, tag,
    oco, after, manner,
):  # fmt: skip
    """`_submit`, compiled once for all that are not in such a hurry."""
    return _submit(
        state, ins, side, sizing, size, price, how, stop, activation, stop_loss, take_profit, tif, expire, post_only,
        tag, oco, after, manner,
    )  # fmt: skip


@compiled
def submit(
    address, k, side, sizing, size, price, how, stop, activation, stop_loss, take_profit, tif, expire, post_only, tag,
    oco, after, manner,
):  # fmt: skip
    """Asks for one order, and for its exits. Prices are nan for none, expire is NEVER for none.

    how: what ``stop`` is: a trigger (`STOP`, `TAKE`), or how far a trailing stop follows (`TRAIL`, `TRAIL_BY`).
    oco: the id of an order in whose group it is to be; after: of one that it waits for; 0 for none.
    manner: `REDUCES`, `CLOSES`, `BY_MARK`, or several of them; 0 for none.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    id = submit_one(
        state, ins, side, sizing, size, price, how, stop, activation, stop_loss, take_profit, tif, expire, post_only,
        tag, oco, after, manner,
    )  # fmt: skip
    if id > 0 and (stop_loss == stop_loss or take_profit == take_profit):
        _submit_exits(state, ins, -side, id, stop_loss, take_profit, tag)
    return id


@compiled
def submit_plain(address, k, side, size, price, tag):
    """`submit` of an amount, at market or at a limit that is good till cancelled: what most orders are."""
    state, nothing = State(address, 0), float("nan")
    ins = Instrument(state.instruments, k)
    return _submit(
        state, ins, side, AMOUNT, size, price, 0, nothing, nothing, nothing, nothing, Tif.GTC.value, NEVER, 0, tag, 0,
        0, 0,
    )  # fmt: skip


@compiled
def _submit_usual(address, k, side, sizing, size, price, post_only, tag, reduce_only):
    """`submit` without a trigger, good till cancelled."""
    nothing = float("nan")
    tif = Tif.GTC.value
    return submit(
        address, k, side, sizing, size, price, 0, nothing, nothing, nothing, nothing, tif, NEVER, post_only, tag, 0, 0,
        reduce_only,
    )  # fmt: skip


@compiled
def _open_order(state, ins, id):
    """Whether that id is an order of this instrument that is still open: NONE, or why not."""
    if id < 1 or id > state.orders_n or Order(state.orders, id - 1).instrument != ins.index:
        return Reason.UNKNOWN_ORDER
    if Order(state.orders, id - 1).status > Status.PARTIAL:
        return Reason.ORDER_DONE
    return Reason.NONE


@compiled
def _holder(state, k, id):
    """The instrument whose order that is: of a contract in hedge mode one of its twins."""
    ins = Instrument(state.instruments, k)
    if ins.hedge == CONTRACT and id >= 1 and id <= state.orders_n:
        of = Order(state.orders, id - 1).instrument
        if of == ins.twin or of == ins.twin + 1:
            return of
    return k


@compiled
def cancel(address, k, id):
    """Asks to cancel one order; the cancel travels as long as an order does."""
    state = State(address, 0)
    ins = Instrument(state.instruments, _holder(state, k, id))
    reason = _open_order(state, ins, id)
    if reason != Reason.NONE:
        return -reason.value
    ask_cancel(state, ins, Live(ins.live, Order(state.orders, id - 1).slot))
    return id


@compiled
def cancel_all(address, k):
    """Asks to cancel every open order of the instrument; gives how many."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.hedge == CONTRACT:
        return _cancel_all_of(state, ins.twin) + _cancel_all_of(state, ins.twin + 1)
    return _cancel_all_of(state, k)


@compiled
def _cancel_all_of(state, k):
    ins = Instrument(state.instruments, k)
    for i in range(ins.active_n):
        ask_cancel(state, ins, open_order(ins, i))
    return ins.active_n


@compiled
def amend(address, k, id, price, stop, amount):
    """Asks to change an order's limit, trigger or total amount; nan leaves one as it is."""
    state = State(address, 0)
    ins = Instrument(state.instruments, _holder(state, k, id))
    reason = _open_order(state, ins, id)
    if reason != Reason.NONE:
        return -reason.value
    order = Live(ins.live, Order(state.orders, id - 1).slot)
    reason = _amend_refusal(state, ins, order, price, stop, amount)
    return -reason.value if reason != Reason.NONE else id


@compiled
def _amend_refusal(state, ins, order, price, stop, amount):
    """Sends an amend after the order, its extra reservation made, or says why not."""
    if order.cancel_at != NEVER:
        return Reason.ORDER_DONE
    if order.amend >= 0:
        return Reason.AMEND_PENDING
    has_price, has_stop, has_amount = price == price, stop == stop, amount == amount
    if order.form == Kind.MARKET or not (has_price or has_stop or has_amount):
        return Reason.INVALID_ORDER
    if (has_price and not order.price) or (has_amount and (order.by_cost or order.reduces == CLOSES)):
        return Reason.INVALID_ORDER
    if (has_stop and (order.form == Kind.LIMIT or order.form == Kind.TRAIL)) or (has_amount and order.after):
        return Reason.INVALID_ORDER
    limit, trigger, total = order.price, order.stop, order.amount
    if has_price:
        limit = limit_of(ins, order.side, price)
        if limit < 1:
            return Reason.INVALID_PRICE
    if has_stop:
        trigger = ticks_near(ins, stop)
        if trigger < 1:
            return Reason.INVALID_PRICE
    if has_amount:
        total = whole_steps(ins, max(units_of_amount(ins, amount), 0))
    if is_held_back(order):
        wanted, reason = _need_of_bound(state, ins, order, limit, trigger)
    elif total <= order.filled and not order.by_cost and order.reduces != CLOSES:
        return Reason.BELOW_MIN_AMOUNT
    else:
        wanted, reason = _amended_need(state, ins, order, limit, trigger, total)
    if reason == Reason.NONE and state.limits:
        if judge_amend(state, ins, order, limit, trigger, total) != Limit.NONE:
            reason = Reason.RISK_LIMIT
    if reason == Reason.NONE:
        _send_amend(state, ins, order, limit, trigger, total, wanted)
    return reason


@compiled
def _amended_need(state, ins, order, limit, trigger, total):
    """What the rest of the order would hold under new terms, or why it may not have them; the order stays as it is."""
    if order.by_cost or order.reduces == CLOSES:
        return order.reserved, Reason.NONE
    left = total - order.filled
    if left < ins.min_amount:
        return 0, Reason.BELOW_MIN_AMOUNT
    if order.reduces:
        return 0, Reason.NONE
    if money_of(state, cost_down(ins, left, limit or trigger)) < ins.min_cost:
        return 0, Reason.BELOW_MIN_COST
    if ins.is_contract:
        held = hold_of(ins, order.side, left, limit, trigger)
        kept, wanted = kept_of(state, ins, order), kept_with(state, ins, order, held)
        return held, _margin_refusal(state, ins, order.side, left, order.id, order.group, wanted, kept)
    free = (free_cash(state) if order.side == Side.BUY else free_base(ins)) + kept_of(state, ins, order)
    wanted = _wanted(ins, order.side, limit, trigger, left, -1, free)
    return (0, Reason.INSUFFICIENT_FUNDS) if wanted < 0 else (wanted, Reason.NONE)


@compiled
def _need_of_bound(state, ins, order, limit, trigger):
    """Nothing, or why an order that waits for another may not have these prices."""
    if order.part == 0.0 and ins.min_cost > 0.0 and order.reduces == 0:
        if _least_cost(state, ins, limit, trigger, order.amount, -1) < ins.min_cost:
            return -1, Reason.BELOW_MIN_COST
    return -1, Reason.NONE


@compiled
def _send_amend(state, ins, order, limit, trigger, total, wanted):
    if state.amends_n >= state.amends_cap:
        raise OverflowError("more amends were asked for in one decision than the log has room for")
    record = Amend(state.amends, state.amends_n)
    record.time, record.arrive, record.order = state.now, arrival(state, ins, order), order.id
    record.price, record.stop, record.amount = limit, trigger, total
    record.needs, record.extra, record.cut = wanted, max(wanted - order.reserved, 0), order.cut
    if order.group:
        before = holds(state, ins, order.group)
        order.amend = state.amends_n
        book(state, ins, order.side, before, holds(state, ins, order.group))
    else:
        reserve_extra(state, ins, order, record.extra)
    order.amend, order.amend_at = state.amends_n, record.arrive
    order.due = next_due(order)
    state.amends_n += 1
    if state.amends_n > state.amends_full:
        state.is_full = 1
    watch(state, ins, order)


@compiled
def close(address, k, fraction, tag):
    """Trades a fraction of the position against it, at market; of a contract reduce-only."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.hedge == CONTRACT:
        return -Reason.POSITION_SIDE.value
    if position_of(state, ins) == 0:
        return -Reason.NO_POSITION.value
    if not ins.is_contract and is_protected(ins):
        give_up(state, ins)
    side = Side.SELL.value if ins.base > 0 else Side.BUY.value
    return _submit_usual(address, k, side, FRACTION, fraction, float("nan"), 0, tag, ins.is_contract)


@compiled
def close_when(address, k, how, stop, by_mark, tag):
    """Asks for a stop or a take that closes whatever is held of a contract once it is triggered; in a session, what is
    held now.
    """
    state, nothing = State(address, 0), float("nan")
    ins = Instrument(state.instruments, k)
    if not ins.is_contract:
        return -Reason.INVALID_ORDER.value
    if ins.hedge == CONTRACT:
        return -Reason.POSITION_SIDE.value
    if position_of(state, ins) == 0:
        return -Reason.NO_POSITION.value
    side, size, manner = Side.SELL.value if ins.base > 0 else Side.BUY.value, 0.0, REDUCES | CLOSES
    if state.outside:
        size, manner = amount_of(ins, abs(ins.base)), REDUCES
    return submit(
        address, k, side, AMOUNT, size, nothing, how, stop, nothing, nothing, nothing, Tif.GTC.value, NEVER, 0, tag, 0,
        0, manner | BY_MARK if by_mark else manner,
    )  # fmt: skip


@compiled
def _heading_for(state, ins):
    """What the position is worth at the last close when its market orders are done, and how many those are."""
    value, orders = value_of(ins, amount_of(ins, position_of(state, ins)), ins.last), 0
    if ins.base < 0:
        value = -value
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.form != Kind.MARKET or order.cancel_at != NEVER or is_held_back(order):
            continue
        orders += 1
        if order.side == Side.SELL:
            value -= value_of(ins, amount_of(ins, left_of(order)), ins.last)
        elif order.by_cost:
            value += money_of(state, order.budget)
        else:
            value += value_of(ins, amount_of(ins, left_of(order)), ins.last)
    return value, orders


@compiled
def missing(address, k, weight):
    """Quote that is missing to hold a share of equity, what is on its way counted as done; negative for a surplus."""
    state = State(address, 0)
    value, _ = _heading_for(state, Instrument(state.instruments, k))
    return weight * equity_of(state) - value


@compiled
def target(address, k, weight, tag):
    """Trades at market towards a share of equity held in this instrument."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    value, orders = _heading_for(state, ins)
    if weight == 0.0 and orders == 0:
        return close(address, k, 1.0, tag)
    missing = weight * equity_of(state) - value
    if missing == 0.0 and ins.last > 0.0:
        return 0
    is_less = missing < 0.0 or (missing == 0.0 and weight < 0.0)
    if is_less and ins.is_contract:
        side, sizing, size = Side.SELL.value, TARGET, -missing
    elif is_less:
        if is_protected(ins):
            give_up(state, ins)
        side, sizing, size = Side.SELL.value, AMOUNT, min(-missing / ins.last, amount_of(ins, free_base(ins)))
    else:
        side, sizing, size = Side.BUY.value, TARGET, missing
    return _submit_usual(address, k, side, sizing, size, float("nan"), 0, tag, 0)


@compiled
def quote(address, k, slot, side, sizing, size, price, post_only, tag):
    """Keeps one resting limit in a numbered slot: leaves it, amends it, or replaces it."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if slot < 0 or slot >= SLOTS:
        raise IndexError("a quote slot is outside 0 to 63")
    id = get_int(ins.slots, slot)
    if size == 0.0:  # nothing shall rest there
        set_int(ins.slots, slot, 0)
        return cancel(address, k, id) if id > 0 and Order(state.orders, id - 1).status <= Status.PARTIAL else 0
    if id > 0 and Order(state.orders, id - 1).status <= Status.PARTIAL:
        order = Live(ins.live, Order(state.orders, id - 1).slot)
        if order.side == side:
            return _requote(address, state, ins, k, id, order, sizing, size, price)
        cancel(address, k, id)
    id = _submit_usual(address, k, side, sizing, size, price, post_only, tag, 0)
    set_int(ins.slots, slot, max(id, 0))
    return id


@compiled
def _requote(address, state, ins, k, id, order, sizing, size, price):
    limit = limit_of(ins, order.side, price)
    if limit < 1:
        return -Reason.INVALID_PRICE.value
    if order.cancel_at != NEVER:
        return -Reason.ORDER_DONE.value
    amount = size if sizing == AMOUNT else valued_at(ins, size, price_of(ins, limit))
    total = order.filled + whole_steps(ins, max(units_of_amount(ins, amount), 0))
    if order.amend >= 0:
        on_its_way = Amend(state.amends, order.amend)
        return id if on_its_way.price == limit and on_its_way.amount == total else -Reason.AMEND_PENDING.value
    if limit == order.price and total == order.amount:
        return id
    return amend(address, k, id, price, float("nan"), amount_of(ins, total))


@compiled
def known(address, id):
    """The index of an order id; raises IndexError for an id that was never given."""
    if id < 1 or id > State(address, 0).orders_n:
        raise IndexError("broker.order(id): there is no order of that id")
    return id - 1
