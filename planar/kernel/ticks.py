"""The loop over market trades (docs/simulation.md, section 14): each is a print, and things are due between them.

An instrument's columns are its trades, its four prices one column. `Instrument.row` is the last trade that there was,
so that what is due finds its price; `next_open` is the time of the one after it.
"""

import math

from planar.kernel.check import watch_all
from planar.kernel.estimators import DAY, estimate, half_spread, impact_of
from planar.kernel.fees import renew
from planar.kernel.ledger import open_order
from planar.kernel.limits import look
from planar.kernel.linked import INS, STA, I, V, linked
from planar.kernel.links import follow
from planar.kernel.loop import delist, next_decision, rest_of_step
from planar.kernel.machine import call, compiled, get_float, get_int, inlined
from planar.kernel.match import UNLIMITED, happen
from planar.kernel.numbers import price_of
from planar.kernel.settle import settle_busy
from planar.kernel.state import (
    DONE,
    INSTRUMENT,
    LOG_FULL,
    NEEDS_PYTHON,
    NEXT,
    ON_FILL,
    ON_ORDER_ERROR,
    ON_TICK,
    SLICE_END,
    TELL,
    TICK,
    Amend,
    Instrument,
    State,
)
from planar.model.order import NEVER, Status

INSTRUMENT_BYTES = INSTRUMENT.itemsize
MINUTE = 60_000
ESTIMATES = 4
"""Numbers per block of minutes: the row of its first trade, spread, volatility, volume of a day."""


@linked(V(I, I, I))
def estimate_at(address, ins_address, row):
    """Works out what a day is like before a candle of an instrument that is candles only."""
    ins = Instrument(ins_address, 0)
    ins.row = row
    estimate(State(address, 0), ins)


@linked(V(INS, I))
def _estimate(ins, time):
    """Brings what is estimated up to the instrument's last trade, in a step at ``time``."""
    row = ins.row
    while ins.block_sums + 1 < ins.blocks and get_float(ins.estimates, ESTIMATES * (ins.block_sums + 1)) <= row:
        ins.block_sums += 1
    at = ESTIMATES * ins.block_sums
    ins.spread, ins.volatility = get_float(ins.estimates, at + 1), get_float(ins.estimates, at + 2)
    if ins.block_sums == 0:
        since = max(time - get_int(ins.time, 0), MINUTE)
        ins.day_volume = get_float(ins.amounts, row) * DAY / since
    else:
        ins.day_volume = get_float(ins.estimates, at + 3)


@compiled
def _book_to(state, ins, order, limit):
    """Base units that takers find up to a limit."""
    if limit == 0 or not state.budgeted:
        return UNLIMITED
    last = ins.last
    unit = impact_of(state, ins, last, 1.0)
    if unit == 0.0:
        return UNLIMITED
    room = (price_of(ins, limit) - last) * order.side - half_spread(state, ins, last)
    depth = max(room, 0.0) / (1.5 * unit)
    return max(int(math.floor(min(depth * depth * ins.share * ins.base_d / ins.base_n, 4.0e18))), ins.step)


@compiled
def _first_due(ins, when):
    """The open order to which something is due at that time; of several that of the smallest id."""
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.due == when:
            return order
    return open_order(ins, 0)


@linked(V(STA, I, I))
def _happen(state, k, time):
    """One thing that is due for instrument k happens, the market standing at its last price."""
    ins = Instrument(state.instruments, k)
    order = _first_due(ins, time)
    renew(state, time)
    state.steps += 1
    state.step_time = state.now = time
    _estimate(ins, time)
    limit = order.price
    if order.status != Status.PENDING and order.amend_at == time and limit:
        limit = Amend(state.amends, order.amend).price
    ins.budget_step, ins.budget = state.steps, _book_to(state, ins, order, limit)
    happen(state, ins, order, ins.last, time, time)
    if ins.bound:
        follow(state, ins, ins.last, time, False)
    watch_all(state, ins)


@inlined
def _settle(state, address, ins, time):
    """The instrument's next trade."""
    row = ins.row + 1
    ins.row = row
    price = get_float(ins.close, row)
    renew(state, time)
    state.steps += 1
    state.step_time = state.now = time
    if ins.active_n and (ins.market_rest or price <= ins.down or price >= ins.up):
        _estimate(ins, time)
        settle_busy(state, address, ins, time)
    ins.last = price
    ins.next_open = get_int(ins.time, row + 1) if row + 1 < ins.rows else NEVER


@inlined
def _earliest_due(state):
    """Time and instrument of what is due first; NEVER and 0 when that is nothing before the end."""
    when, which = NEVER, 0
    if state.active_n:
        for k in range(state.count):
            ins = Instrument(state.instruments, k)
            if ins.active_n and ins.due < when:
                when, which = ins.due, k
    return (when, which) if when < state.end_time else (NEVER, which)


@linked(V(STA, I))
def _decide_at(state, closes):
    """A strategy candle closes; what is to be told is told first."""
    state.now = state.decided = closes
    if state.limits:
        look(state)
    state.phase = TELL


@linked(V(STA))
def _close_run(state):
    """All is over: rows are counts again, as in a run over candles."""
    for k in range(state.count):
        Instrument(state.instruments, k).row += 1
    state.now, state.step_time, state.is_over = state.end_time, state.end_time - state.execution, 1


@inlined
def _advance(state, address):
    """The next thing that happens; False when all is over."""
    closes = state.next_close
    due, which = _earliest_due(state)
    time = min(state.next_open, closes, due)
    if state.next_delisting <= min(time, state.end_time):
        delist(state, min(time, state.end_time))  # what was due may not be any more
        due, which = _earliest_due(state)
        time = min(state.next_open, closes, due)
    if time == NEVER:
        _close_run(state)
        return False
    if closes == time:
        _decide_at(state, closes)
    elif due == time:
        _happen(state, which, due)
    else:
        k = get_int(state.merged, state.trade) if state.merged else 0
        _settle(state, address, Instrument(state.instruments, k), time)
        state.tick = k
        state.trade += 1
        if state.merged:
            state.next_open = NEVER
            if state.trade < state.trades:
                state.next_open = Instrument(state.instruments, get_int(state.merged, state.trade)).next_open
        else:
            state.next_open = Instrument(state.instruments, 0).next_open
    return True


@linked(I(I, I, I, I, I, I))
def run(address, on_candle, on_fill, on_order_error, on_position, on_tick):
    """As `loop.run`, over market trades."""
    state = State(address, 0)
    tells = state.hooks & (ON_FILL | ON_ORDER_ERROR)
    while not state.is_over:
        if state.phase == TICK:  # Python has run it
            state.phase = NEXT
        if state.phase == NEXT:
            if state.tick >= 0:
                ins = Instrument(state.instruments, state.tick)
                state.tick = -1
                if state.hooks & ON_TICK and state.now >= ins.ticks_from:
                    if state.interpreted:
                        state.phase, state.current = TICK, ins.index
                        return NEEDS_PYTHON
                    ins_address = state.instruments + ins.index * INSTRUMENT_BYTES
                    call(on_tick, address, ins_address, ins.columns, ins.row)
            if state.is_full:
                return LOG_FULL
            if state.steps >= state.slice_end:
                state.slice_end = state.steps + state.slice_steps
                return SLICE_END
            if not _advance(state, address):
                return DONE
            if state.phase == NEXT and (state.has_changes or (tells and state.told < state.events_n)):
                state.phase = TELL
        if state.phase != NEXT:
            if rest_of_step(state, address, on_candle, on_fill, on_order_error, on_position):
                return NEEDS_PYTHON
            state.next_close = next_decision(state)
    return DONE
