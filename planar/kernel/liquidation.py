"""Where a contract's position ends, its end, and its funding (docs/simulation.md, sections 12 and 20)."""

from planar.kernel.contracts import wallet_of
from planar.kernel.draws import slippage
from planar.kernel.estimators import half_spread, impact_of
from planar.kernel.ledger import finish, force, open_order, set_cash
from planar.kernel.linked import INS, PAIR, STA, F, I, V, linked
from planar.kernel.machine import compiled, get_float, get_int, inlined
from planar.kernel.margin import liquidation_prices
from planar.kernel.margin_units import funding_units, maintenance_units, pnl_units, reduction_units
from planar.kernel.numbers import (
    amount_of,
    cost_down,
    cost_up,
    fee_of,
    money_of,
    plus,
    product_down,
    ticks_down,
    ticks_up,
)
from planar.kernel.state import PATHS, Funding, Instrument
from planar.model.order import NEVER, Event, Forced, Reason, Side, Status

PESSIMISTIC = PATHS["pessimistic"]

# The mark.


@inlined
def has_mark(ins):
    """Whether there is a mark candle beside the present one."""
    if ins.has_mark:
        mark = get_float(ins.mark_open, ins.row)
        return mark == mark
    return False


@compiled
def mark_point(ins, point, upwards):
    """Where the mark's path turns: 0 the open, 1 and 2 the extremes, 3 the close; the price's own without a mark."""
    is_beside = has_mark(ins)
    if point == 0:
        column = ins.mark_open if is_beside else ins.open
    elif point == 3:
        column = ins.mark_close if is_beside else ins.close
    elif (point == 1) == upwards:
        column = ins.mark_high if is_beside else ins.high
    else:
        column = ins.mark_low if is_beside else ins.low
    return get_float(column, ins.row)


@inlined
def see_mark(ins, close):
    """The mark at the close of the present candle."""
    ins.mark = get_float(ins.mark_close, ins.row) if has_mark(ins) else close


@compiled
def _assumed_mark(state, ins, open_time):
    """Where another position is valued while one may be liquidated."""
    if state.path == PESSIMISTIC and ins.next_open == open_time:
        base = ins.base
        if ins.hedge:
            base += Instrument(state.instruments, ins.twin).base
        return mark_point(ins, 1, base <= 0)  # the low of a long, the high of a short
    return ins.mark


# Where it ends.


@inlined
def _is_cross_position(ins):
    return ins.is_contract and not ins.is_isolated and ins.base != 0


@compiled
def _behind(state, ins, open_time):
    """Units behind a position besides what itself and its other twin have won, and what others must keep of them."""
    if ins.is_isolated:
        return ins.kept, 0
    units, needed = wallet_of(state), 0
    for k in range(state.count):
        other = Instrument(state.instruments, k)
        units -= other.kept
        if k != ins.index and not (ins.hedge and k == ins.twin) and _is_cross_position(other):
            mark = _assumed_mark(state, other, open_time)
            units = plus(units, pnl_units(state, other, other.base, other.entry, mark))
            needed = plus(needed, maintenance_units(state, other, other.tiers, other.base, mark))
    return units, needed


@inlined
def _has_twin(state, ins):
    """Whether the other twin is held, and stands behind the same account."""
    return ins.hedge and _is_cross_position(Instrument(state.instruments, ins.twin)) and not ins.is_isolated


@linked(PAIR(STA, INS, F))
def _of_twin(state, ins, mark):
    """What the other twin has won at a mark, and what it must keep."""
    twin = Instrument(state.instruments, ins.twin)
    won = pnl_units(state, twin, twin.base, twin.entry, mark)
    return won, maintenance_units(state, twin, twin.tiers, twin.base, mark)


@compiled
def _has_others(state, ins):
    """Whether other cross positions stand behind this one."""
    for k in range(state.count):
        if k != ins.index and _is_cross_position(Instrument(state.instruments, k)):
            return True
    return False


@compiled
def set_level(state, ins, open_time):
    """Works out the mark at which the position is liquidated, unless nothing has changed since."""
    if ins.level_booked != state.booked or (not ins.is_isolated and _has_others(state, ins)):
        ins.level_booked = state.booked
        ins.level = level(state, ins, open_time)


@linked(F(STA, INS, I))
def level(state, ins, open_time):
    """The mark at which a position is liquidated: 0 or infinite where there is none, or where any is too much."""
    units, needed = _behind(state, ins, open_time)
    amount, cost = abs(ins.amount) * ins.size, money_of(state, abs(ins.entry))
    balance = money_of(state, units - needed)
    other, other_cost = 0.0, 0.0
    if _has_twin(state, ins):
        twin = Instrument(state.instruments, ins.twin)
        other, other_cost = abs(twin.amount) * twin.size, money_of(state, abs(twin.entry))
    if ins.base > 0:
        return liquidation_prices(ins.tiers, balance, amount, cost, other, other_cost, ins.sign < 0)[0]
    return liquidation_prices(ins.tiers, balance, other, other_cost, amount, cost, ins.sign < 0)[1]


@inlined
def is_dead_at(ins, mark):
    """Whether the position is liquidated at a mark."""
    return mark <= ins.level if ins.base > 0 else mark >= ins.level


@linked(V(STA, INS, I))
def liquidate_at_open(state, ins, open_time):
    """What a gap leaves dead is liquidated before anything else."""
    if ins.base:
        set_level(state, ins, open_time)
        mark = mark_point(ins, 0, True)
        if is_dead_at(ins, mark):
            liquidate(state, ins, get_float(ins.open, ins.row), mark, open_time, open_time)
    ins.base_before = ins.base


@compiled
def is_threatened(state, ins, open_time):
    """Whether the present candle's mark comes to where the position is liquidated."""
    if ins.base == 0:
        return False
    set_level(state, ins, open_time)
    return is_dead_at(ins, mark_point(ins, 1, ins.base < 0))


@compiled
def _is_under(state, ins, mark, open_time):
    """Whether margin is short at a mark, in whole units; of a position that is gone, of those it has left behind."""
    units, needed = _behind(state, ins, open_time)
    if ins.base:
        units = plus(units, pnl_units(state, ins, ins.base, ins.entry, mark))
        needed = plus(needed, maintenance_units(state, ins, ins.tiers, ins.base, mark))
    if _has_twin(state, ins):
        won, kept = _of_twin(state, ins, mark)
        units, needed = plus(units, won), plus(needed, kept)
    return units <= needed


@compiled
def _is_by_others(state, ins, mark):
    """Whether the position would stand at a mark if those of others were as last settled."""
    usual = level(state, ins, NEVER)
    return usual != ins.level and not (mark <= usual if ins.base > 0 else mark >= usual)


# Its end.


@linked(V(STA, INS, F, F, I, I))
def liquidate(state, ins, price, mark, time, open_time):
    """The exchange closes a position, step by step down its tiers, after its orders; of a cross account all if need be.

    Where a path is only tried, the others are left alone.
    """
    is_cross, is_alone = not ins.is_isolated, state.is_trial
    for k in range(state.count):
        other = Instrument(state.instruments, k)
        if k == ins.index or (is_cross and not is_alone and other.is_contract and not other.is_isolated):
            _cancel_orders(state, other, time)
    state.liquidations += 1
    if is_cross and not is_alone and state.path == PESSIMISTIC:
        state.joint += _is_by_others(state, ins, mark)
    while ins.base:
        amount = reduction_units(ins, ins.tiers, ins.base, mark)
        _reduce(state, ins, amount, price, True, mark, time, open_time)
        if not _is_under(state, ins, mark, open_time):
            return
    if is_cross and not is_alone:
        if _has_twin(state, ins) and _is_under(state, ins, mark, open_time):
            twin = Instrument(state.instruments, ins.twin)
            _reduce(state, twin, abs(twin.base), price, True, mark, time, open_time)
        _liquidate_others(state, ins, mark, time, open_time)


@compiled
def _liquidate_others(state, ins, mark, time, open_time):
    for k in range(state.count):
        other = Instrument(state.instruments, k)
        if not _is_cross_position(other) or not _is_under(state, ins, mark, open_time):
            continue
        is_trading, price = other.next_open == open_time, other.last
        if is_trading and state.path == PESSIMISTIC:
            price = get_float(other.low if other.base > 0 else other.high, other.row)
        its_mark = _assumed_mark(state, other, open_time)
        _reduce(state, other, abs(other.base), price, is_trading, its_mark, time, open_time)


@compiled
def _cancel_orders(state, ins, time):
    """Ends every order that the exchange has."""
    i = 0
    while i < ins.active_n:
        order = open_order(ins, i)
        if order.status == Status.PENDING and order.arrive != NEVER:  # on its way; else it waits for another
            i += 1
        else:
            finish(state, ins, order, Status.CANCELLED, Event.CANCELLED, Reason.LIQUIDATED, time)


@compiled
def _reduce(state, ins, amount, price, is_trading, mark, time, open_time):
    """Closes so much of the position from a price; it loses no more than is behind it, its other twin at a mark."""
    ticks = _forced_ticks(state, ins, amount, price, is_trading)
    left = _behind(state, ins, open_time)[0]
    if _has_twin(state, ins):
        left = plus(left, _of_twin(state, ins, mark)[0])
    left = max(left, 0)
    size, entry, kept, wallet = abs(ins.base), abs(ins.entry), ins.kept, wallet_of(state)
    closed = entry if amount == size else product_down(entry, amount, size)
    if ins.base * ins.sign > 0:
        cost = max(cost_down(ins, amount, ticks), closed - left)
        rest = plus(left, cost - closed)
    else:
        cost = min(cost_up(ins, amount, ticks), plus(closed, left))
        rest = plus(left, closed - cost)
    fee = min(fee_of(cost, ins.liquidation_fee), rest)
    side = Side.SELL.value if ins.base > 0 else Side.BUY.value
    force(state, ins, side, ticks, amount, cost, fee, time, Forced.LIQUIDATION)
    if ins.lead:
        state.path_decided += 1
    if ins.is_isolated and ins.base:
        ins.kept = plus(kept, wallet_of(state) - wallet)


@compiled
def _forced_ticks(state, ins, amount, price, is_trading):
    """At which tick a forced order trades from a price: as a triggered stop does."""
    away = 0.0
    if is_trading:
        slip = state.stop_slippage * (get_float(ins.high, ins.row) - get_float(ins.low, ins.row))
        if state.slips:
            slip += price * slippage(state, ins)
        away = half_spread(state, ins, price) + impact_of(state, ins, price, amount_of(ins, amount)) + slip
    if ins.base > 0:
        return max(ticks_down(ins, price - away), 1)
    return ticks_up(ins, price + away)


# Funding.


@compiled
def next_funding(ins):
    """The funding after the present one becomes the next."""
    ins.funding_i += 1
    ins.next_funding = get_int(ins.funding_times, ins.funding_i) if ins.funding_i < ins.funding_n else NEVER


@compiled
def _charge(state, ins, before, mark, time):
    """What is due next goes off cash, and off the margin of an isolated position: paid on the larger, received on the
    smaller of what was held before and is held now.
    """
    amount, rate = ins.base, get_float(ins.funding_rates, ins.funding_i)
    units = funding_units(state, ins, amount, mark, rate) if amount else 0
    if before != amount:
        units_before = funding_units(state, ins, before, mark, rate) if before else 0
        if units_before > units:
            amount, units = before, units_before
    next_funding(ins)
    if amount:
        pay(state, ins, units, amount, mark, rate, time)


@compiled
def pay(state, ins, units, amount, mark, rate, time):
    """Books funding that was paid, below 0 received, on so much of a position at a mark."""
    set_cash(state, plus(state.cash, -units))
    if ins.is_isolated and ins.base:
        ins.kept = plus(ins.kept, -units)
    ins.funding_paid = plus(ins.funding_paid, units)
    ins.realised -= money_of(state, units)
    if state.fundings_n >= state.fundings_cap:
        raise OverflowError("more funding was due in one step than the log has room for")
    paid = Funding(state.fundings, state.fundings_n)
    state.fundings_n += 1
    if state.fundings_n > state.fundings_full:
        state.is_full = 1
    paid.time, paid.units, paid.amount, paid.price, paid.rate = time, units, amount, mark, rate
    paid.instrument, paid.step = ins.index, state.steps


@linked(V(STA, INS, I))
def fund_at_open(state, ins, open_time):
    """What is due by the open, the positions around its fills taken for the worse."""
    while ins.next_funding <= open_time:
        _charge(state, ins, ins.base_before, mark_point(ins, 0, True), open_time)


@linked(V(STA, INS, F))
def fund_inside(state, ins, mark):
    """What is due at a place of the path."""
    _charge(state, ins, ins.base, mark, ins.next_funding)


@compiled
def skip_funding(ins, close_time):
    """Nobody pays what is due while nothing is held."""
    while ins.next_funding < close_time:
        next_funding(ins)
