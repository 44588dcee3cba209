"""The resumable loop over steps and decisions (docs/simulation.md, sections 3, 6 and 7).

``run`` goes on from where the state stands until it is done, a log is full, a slice of steps is over, or a hook must
be run by Python; then it says so and is called again. Progress, Ctrl-C, growing logs and interpreted strategies are
all this.
"""

from numba import types

from planar.kernel.check import watch_all
from planar.kernel.ledger import open_order, settle_delisted
from planar.kernel.machine import call, compiled, get_float, get_int, prefetch
from planar.kernel.match import in_reach, is_hit
from planar.kernel.path import choose_path, open_phase, prospects, settle_due, walk_leg
from planar.kernel.state import (
    CANDLES,
    DONE,
    FIRST_COLUMN,
    INSTRUMENT,
    LOG_FULL,
    NEEDS_PYTHON,
    NEXT,
    ON_CANDLE,
    ON_FILL,
    ON_ORDER_ERROR,
    ON_POSITION,
    ON_STEP,
    POSITIONS,
    SLICE_END,
    STEP,
    TELL,
    Event,
    Instrument,
    State,
)
from planar.model.order import NEVER, Kind, Reason, Status
from planar.model.order import Event as EventKind

INSTRUMENT_BYTES = INSTRUMENT.itemsize
AHEAD = 32
"""Candles, two cache lines."""
IDLE, LIGHT, BUSY, LEGS, PATH = range(5)
"""What an instrument has to do in a step: nothing; only what is due; the path; it has a path, unreached; reached."""


@compiled
def _next_decision(state):
    """The earliest close among the instruments' next strategy candles."""
    first = NEVER
    for k in range(state.count):
        first = min(first, Instrument(state.instruments, k).next_close)
    return first


@compiled
def _delist(state, time):
    """Settles the instruments whose delisting was due, in the order of time."""
    while state.next_delisting <= time:
        due, following = state.next_delisting, NEVER
        for k in range(state.count):
            ins = Instrument(state.instruments, k)
            if ins.delisted == due:
                settle_delisted(state, ins, due)
            elif ins.delisted > due:
                following = min(following, ins.delisted)
        state.next_delisting = following


@compiled
def _open(state, ins, open_time):
    """The Open phase of one instrument; gives what is left to do for it in this step."""
    is_out_of_reach = get_float(ins.low, ins.row) > ins.down and get_float(ins.high, ins.row) < ins.up
    if is_out_of_reach and not ins.market_rest:
        if ins.due >= open_time + state.execution:
            return IDLE
        if ins.due > open_time:
            return LIGHT
    open_phase(state, ins, open_time)
    return BUSY


@compiled
def _count_touched(state, ins):
    """Counts resting limits whose price the candle reached without going one tick through."""
    low, high = get_float(ins.low, ins.row), get_float(ins.high, ins.row)
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.form == Kind.LIMIT and order.status != Status.PENDING and in_reach(order, low, high):
            if not is_hit(order, low if order.side > 0 else high):
                state.touched += 1


@compiled
def _walk(state, address, open_time, busy):
    """The path phase: paths are chosen, then each leg is walked for every instrument that needs it."""
    walks = 0
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.busy == IDLE or ins.active_n == 0:
            continue
        if ins.busy == LIGHT and busy == 1:
            settle_due(state, ins, open_time)
            continue
        is_reached, is_path, is_open_question = prospects(state, ins, open_time)
        if not is_path and busy == 1:
            settle_due(state, ins, open_time)
            continue
        choose_path(state, address, ins, state.instruments + k * INSTRUMENT_BYTES, open_time, is_open_question)
        ins.busy = PATH if is_reached else LEGS
        walks += 1
    if walks == 0:
        return
    for leg in range(3):
        for k in range(state.count):
            ins = Instrument(state.instruments, k)
            if ins.busy >= LEGS:
                walk_leg(state, ins, leg, open_time)


@compiled
def _settle_orders(state, address, open_time):
    """The Open and Path phases, for the instruments that have orders."""
    busy = 0
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        ins.busy = IDLE
        if ins.active_n and ins.next_open == open_time:
            ins.busy = _open(state, ins, open_time)
            busy += ins.busy != IDLE
    if busy == 0:
        return
    _walk(state, address, open_time, busy)
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.busy != IDLE:
            if ins.busy == PATH:
                _count_touched(state, ins)
            ins.lead = 0
            watch_all(state, ins)


@compiled
def _open_of(ins, row, following):
    """Open of an execution candle, NEVER past the last. following: the close of the one before."""
    if row >= ins.rows:
        return NEVER
    return following if ins.is_gapless else get_int(ins.time, row)


@compiled
def _next_close(state, ins):
    """Close of the instrument's next strategy candle, NEVER past the last."""
    if state.is_aligned:
        return ins.next_open + state.execution if ins.next_open != NEVER else NEVER
    return get_int(ins.candle_close, ins.candle) if ins.candle < ins.candles else NEVER


@compiled
def _fetch_ahead(ins, row):
    """Asks for what the instrument's next decisions read: the processor follows few columns by itself."""
    prefetch(ins.close, row + AHEAD)
    if not ins.is_gapless:
        prefetch(ins.time, row + AHEAD)
    for i in range(ins.columns_n):
        prefetch(get_int(ins.columns, FIRST_COLUMN + i), ins.candle + AHEAD)


@compiled
def _step(state, address, open_time):
    """Settles the execution candles that open at ``open_time``."""
    state.steps += 1
    state.step_time = open_time
    if state.active_n:
        _settle_orders(state, address, open_time)
    following, instruments, closes = NEVER, state.instruments, open_time + state.execution
    for k in range(state.count):
        ins = Instrument(instruments, k)
        opens = ins.next_open
        if opens == open_time:
            row = ins.row
            if row & 7 == 0:
                _fetch_ahead(ins, row)
            ins.last = get_float(ins.close, row)
            ins.row = row + 1
            opens = _open_of(ins, row + 1, closes)
            ins.next_open = opens
        following = min(following, opens)
    state.next_open = following
    state.now = closes


@compiled
def _advance(state, address):
    """The next step with the decisions of its close, or decisions between steps; False when all is over."""
    opens = state.next_open
    if not state.is_aligned or opens == NEVER:
        closes = _next_decision(state)
        if closes <= opens:
            if closes == NEVER:
                return False
            if state.next_delisting <= closes:
                _delist(state, closes)
            state.now = state.decided = closes
            return True
    if state.next_delisting <= opens:
        _delist(state, opens)
    _step(state, address, opens)
    state.decided = state.now
    if state.next_delisting <= state.now:
        _delist(state, state.now)
    return True


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64))
def run(address, on_candle, on_fill, on_order_error, on_position):
    """Goes on until something outside is needed; gives DONE, LOG_FULL, NEEDS_PYTHON or SLICE_END.

    Hooks come as addresses of compiled functions; when Python runs them, these are not looked at.
    """
    state = State(address, 0)
    hooks, interpreted, instruments, count = state.hooks, state.interpreted, state.instruments, state.count
    while True:
        if state.phase == NEXT:
            if state.is_full:
                return LOG_FULL
            if state.steps >= state.slice_end:
                state.slice_end = state.steps + state.slice_steps
                return SLICE_END
            if not _advance(state, address):
                return DONE
            state.phase = TELL
        if state.phase == TELL:
            while state.told < state.events_n:
                event = Event(state.events, state.told)
                state.told += 1
                hook, item = ON_ORDER_ERROR, int(event.order)
                if event.kind == EventKind.FILL:
                    # Every fill has one event, so fills are counted off.
                    hook, item = ON_FILL, state.fills_told
                    state.fills_told += 1
                if not hooks & hook or (hook == ON_ORDER_ERROR and event.reason == Reason.NONE):
                    continue
                state.current, state.item = event.instrument, item
                if interpreted:
                    return NEEDS_PYTHON
                ins_address = instruments + event.instrument * INSTRUMENT_BYTES
                if hook == ON_FILL:
                    call(on_fill, address, ins_address, item, 0)
                else:
                    call(on_order_error, address, ins_address, item, 0)
            state.phase, state.cursor = (POSITIONS if state.has_changes else CANDLES), 0
        if state.phase == POSITIONS:
            while state.cursor < count:
                ins = Instrument(instruments, state.cursor)
                state.cursor += 1
                if not ins.is_changed:
                    continue
                ins.is_changed = 0
                if not hooks & ON_POSITION:
                    continue
                state.current = ins.index
                if interpreted:
                    return NEEDS_PYTHON
                call(on_position, address, instruments + ins.index * INSTRUMENT_BYTES, ins.columns, ins.candle)
            state.has_changes = 0
            state.phase, state.cursor = CANDLES, 0
        if state.phase == CANDLES:
            while state.cursor < count:
                ins = Instrument(instruments, state.cursor)
                state.cursor += 1
                if ins.next_close != state.decided:
                    continue
                ins.candle += 1
                ins.next_close = _next_close(state, ins)
                state.is_stepping = 1
                if not hooks & ON_CANDLE:
                    continue
                state.decisions += 1
                if interpreted:
                    state.current = ins.index
                    return NEEDS_PYTHON
                call(on_candle, address, instruments + ins.index * INSTRUMENT_BYTES, ins.columns, ins.candle - 1)
            state.phase = NEXT
            if hooks & ON_STEP and state.is_stepping:
                state.is_stepping, state.phase = 0, STEP
                return NEEDS_PYTHON
        state.phase = NEXT


@compiled
def end(address, longest_silence):
    """Settles at the end of a run the instruments that stopped trading long before; gives how many."""
    state = State(address, 0)
    count, time = 0, state.step_time + state.execution
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.is_delisted or ins.row == 0 or not ins.last > 0.0:
            continue
        last_close = get_int(ins.time, ins.row - 1) + state.execution
        if ins.delisted <= time or time - last_close > longest_silence:
            settle_delisted(state, ins, min(ins.delisted, time))
            count += 1
    return count
