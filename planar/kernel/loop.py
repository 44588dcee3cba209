"""The resumable loop over steps and decisions (docs/simulation.md, sections 3, 6 and 7).

``run`` goes on from where the state stands until it is done, a log is full, a slice of steps is over, or a hook must
be run by Python; then it says so and is called again. Progress, Ctrl-C, growing logs and interpreted strategies are
all this.
"""

from planar.kernel.check import watch_all
from planar.kernel.fees import renew
from planar.kernel.ledger import settle_delisted
from planar.kernel.limits import look
from planar.kernel.linked import INS, STA, B, I, V, linked
from planar.kernel.liquidation import fund_at_open, is_threatened, liquidate_at_open, see_mark, skip_funding
from planar.kernel.machine import call, compiled, get_float, get_int, inlined, prefetch, set_int
from planar.kernel.path import choose_path, choose_together, comes_near, open_phase, prospects, settle_due, walk_leg
from planar.kernel.settle import count_touched, settle_alone, settle_busy
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
from planar.model.order import NEVER, Reason, Side
from planar.model.order import Event as EventKind

INSTRUMENT_BYTES = INSTRUMENT.itemsize
AHEAD = 32
"""Candles, two cache lines."""
IDLE, LIGHT, BUSY, LEGS, PATH = range(5)
"""What an instrument has to do in a step: nothing; only what is due; all; it has a path, unreached; reached."""


@compiled
def next_decision(state):
    """The earliest close among the instruments' next strategy candles."""
    first = NEVER
    for k in range(state.count):
        first = min(first, Instrument(state.instruments, k).next_close)
    return first


@linked(V(STA, I))
def delist(state, time):
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


@inlined
def _is_in_reach(ins):
    """Whether the candle comes near anything that the instrument looks out for."""
    return get_float(ins.low, ins.row) <= ins.down or get_float(ins.high, ins.row) >= ins.up


@linked(B(STA, INS, I))
def _look_again(state, ins, open_time):
    """Works out anew what the instrument looks out for, which may be gone; whether the candle comes near an order."""
    watch_all(state, ins)
    return _is_in_reach(ins) and comes_near(state, ins, open_time)


@inlined
def _work(state, ins, open_time, close_time):
    """What is to be done for an instrument with open orders in the step between these times."""
    if _is_in_reach(ins) and _look_again(state, ins, open_time):
        return BUSY
    if ins.market_rest or ins.due <= open_time:
        return BUSY
    return LIGHT if ins.due < close_time else IDLE


@linked(I(STA, INS, I, I))
def _work_of_contract(state, ins, open_time, close_time):
    """The same of a contract: what is due or near is met on its path, where it may be liquidated."""
    if ins.base == 0 and ins.active_n == 0:
        skip_funding(ins, close_time)
        return IDLE
    if ins.active_n and (_is_in_reach(ins) or ins.market_rest or ins.due < close_time):
        return BUSY
    return BUSY if ins.next_funding < close_time or is_threatened(state, ins, open_time) else IDLE


@inlined
def _work_of_any(state, ins, open_time, close_time):
    if ins.is_contract:
        return _work_of_contract(state, ins, open_time, close_time)
    return _work(state, ins, open_time, close_time)


@inlined
def _walks(ins, open_time):
    """Whether the instrument has a path in this step."""
    return ins.next_open == open_time and ins.work != IDLE


@compiled
def _settle_together(state, address, open_time, count):
    """The Path phase of the first ``count`` of `State.stirred`: they share cash, so they walk each leg in turn."""
    instruments, stirred = state.instruments, state.stirred
    for i in range(count):
        ins = Instrument(instruments, get_int(stirred, i))
        is_reached, _, is_open_question = prospects(state, ins, open_time)
        if ins.active_n or ins.is_contract:
            ins_address = instruments + ins.index * INSTRUMENT_BYTES
            choose_path(state, address, ins, ins_address, open_time, is_open_question)
        ins.work = PATH if is_reached else LEGS
    for i in range(count):
        ins = Instrument(instruments, get_int(stirred, i))
        if ins.hedge == Side.SELL and _walks(Instrument(instruments, ins.twin), open_time):
            choose_together(state, ins)
    for leg in range(3):
        for i in range(count):
            ins = Instrument(instruments, get_int(stirred, i))
            if ins.active_n or ins.is_contract:
                walk_leg(state, ins, leg, open_time)
    for i in range(count):
        ins = Instrument(instruments, get_int(stirred, i))
        if ins.work == PATH:
            count_touched(state, ins)
        ins.lead = 0
        watch_all(state, ins)


@linked(V(STA, I, I, I))
def _settle_stirred(state, address, open_time, count):
    """The Open and Path phases of the first ``count`` of `State.stirred`."""
    instruments, stirred = state.instruments, state.stirred
    if state.contracts:
        for i in range(count):
            ins = Instrument(instruments, get_int(stirred, i))
            if ins.is_contract:
                liquidate_at_open(state, ins, open_time)
    for i in range(count):
        ins = Instrument(instruments, get_int(stirred, i))
        if ins.work == BUSY:
            open_phase(state, ins, open_time)
    if state.contracts:
        for i in range(count):
            ins = Instrument(instruments, get_int(stirred, i))
            if ins.is_contract:
                fund_at_open(state, ins, open_time)
    if count == 1:
        settle_alone(state, address, Instrument(instruments, get_int(stirred, 0)), open_time)
    else:
        _settle_together(state, address, open_time, count)


@linked(I(STA, I))
def _stir_cross(state, open_time):
    """What happens to one instrument may end any position of the cross account: all of them are walked then. Gives how
    many instruments are stirred.
    """
    count = 0
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.next_open != open_time or not (ins.active_n or ins.is_contract):
            continue
        if ins.work == IDLE and ins.is_contract and not ins.is_isolated and ins.base:
            ins.work = BUSY
        if ins.work != IDLE:
            set_int(state.stirred, count, k)
            count += 1
    return count


@linked(V(STA, I, I))
def _settle_orders(state, address, open_time):
    """The Open and Path phases, for the instruments that have orders, or positions that may end."""
    instruments, stirred, count = state.instruments, state.stirred, 0
    close_time = open_time + state.execution
    for k in range(state.count):
        ins = Instrument(instruments, k)
        if (ins.active_n or ins.is_contract) and ins.next_open == open_time:
            ins.work = _work_of_any(state, ins, open_time, close_time)
            if ins.work != IDLE:
                set_int(stirred, count, k)
                count += 1
    if count and state.contracts:
        count = _stir_cross(state, open_time)
    if count == 1 and Instrument(instruments, get_int(stirred, 0)).work == LIGHT:
        settle_due(state, Instrument(instruments, get_int(stirred, 0)), open_time)
    elif count:
        _settle_stirred(state, address, open_time, count)


@inlined
def _open_of(ins, row, following):
    """Open of an execution candle, NEVER past the last. following: the close of the one before."""
    if row >= ins.rows:
        return NEVER
    return following if ins.is_gapless else get_int(ins.time, row)


@inlined
def _next_close(state, ins):
    """Close of the instrument's next strategy candle, NEVER past the last."""
    if state.is_aligned:
        return ins.next_open + state.execution if ins.next_open != NEVER else NEVER
    return get_int(ins.candle_time, ins.candle) + ins.timeframe if ins.candle < ins.candles else NEVER


@compiled
def _fetch_ahead(state, ins, row):
    """Asks for what the instrument's next steps read: the processor follows few columns by itself."""
    prefetch(ins.close, row + AHEAD)
    if not ins.is_gapless:
        prefetch(ins.time, row + AHEAD)
    if state.orders_n:
        for column in (ins.open, ins.high, ins.low, ins.volume):
            prefetch(column, row + AHEAD)
    for i in range(ins.columns_n):
        prefetch(get_int(ins.columns, FIRST_COLUMN + i), ins.candle + AHEAD)


@inlined
def _step(state, address, open_time):
    """Settles the execution candles that open at ``open_time``."""
    renew(state, open_time)
    state.steps += 1
    state.step_time = open_time
    if state.active_n or state.contracts:
        _settle_orders(state, address, open_time)
    following, instruments, closes = NEVER, state.instruments, open_time + state.execution
    for k in range(state.count):
        ins = Instrument(instruments, k)
        opens = ins.next_open
        if opens == open_time:
            row = ins.row
            if (row + k) & 7 == 0:  # a cache line each, not all instruments at once
                _fetch_ahead(state, ins, row)
            ins.last = get_float(ins.close, row)
            if ins.is_contract:
                see_mark(ins, ins.last)
            ins.row = row + 1
            opens = _open_of(ins, row + 1, closes)
            ins.next_open = opens
        following = min(following, opens)
    state.next_open = following
    state.now = state.decided = closes


@inlined
def _advance(state, address):
    """The next step with the decisions of its close, or decisions between steps; False when all is over."""
    opens = state.next_open
    if not state.is_aligned or opens == NEVER:
        closes = next_decision(state)
        if closes <= opens:
            if closes == NEVER:
                return False
            if state.next_delisting <= closes:
                delist(state, closes)
            state.now = state.decided = closes
            return True
    if state.next_delisting <= opens:
        delist(state, opens)
    _step(state, address, opens)
    if state.limits:
        look(state)
    if state.next_delisting <= state.now:
        delist(state, state.now)
    return True


@inlined
def _decides(state, ins):
    """Whether a strategy candle of the instrument closes now; it is counted then."""
    if ins.next_close != state.decided:
        return False
    ins.candle += 1
    ins.next_close = _next_close(state, ins)
    return True


@inlined
def _decide(state, address, on_candle):
    """Compiled code decides, one instrument after the other."""
    instruments = state.instruments
    for k in range(state.count):
        ins = Instrument(instruments, k)
        if _decides(state, ins):
            call(on_candle, address, instruments + k * INSTRUMENT_BYTES, ins.columns, ins.candle - 1)


@inlined
def _go_alone(state, address, on_candle, tells):
    """The next steps and decisions of the one instrument there is; False when there is none, or only a special one.

    What `_advance` and `_decide` would do, without looking for what cannot happen. Ends when something is to be told.
    """
    ins, ins_address, execution = Instrument(state.instruments, 0), state.instruments, state.execution
    open_time, row = ins.next_open, ins.row
    steps = min(ins.rows - 1 - row, state.slice_end - state.steps, (state.next_delisting - 1 - open_time) // execution)
    if steps <= 0 or ins.next_close != open_time + execution:
        return False
    while steps > 0 and not state.is_full:
        steps -= 1
        state.steps, state.step_time = state.steps + 1, open_time
        close_time = open_time + execution
        if ins.active_n or ins.is_contract:
            work = _work_of_any(state, ins, open_time, close_time)
            if work == LIGHT:
                settle_due(state, ins, open_time)
            elif work == BUSY:
                settle_busy(state, address, ins, open_time)
        if row & 7 == 0:
            _fetch_ahead(state, ins, row)
        ins.last = get_float(ins.close, row)
        if ins.is_contract:
            see_mark(ins, ins.last)
        row, open_time = row + 1, close_time
        ins.row = row
        ins.next_open = state.next_open = state.now = state.decided = open_time
        if state.has_changes or (tells and state.told < state.events_n):
            state.phase = TELL
            return True
        ins.candle, ins.next_close = ins.candle + 1, open_time + execution
        call(on_candle, address, ins_address, ins.columns, ins.candle - 1)
    return True


@linked(B(STA, I, I, I, I, I))
def rest_of_step(state, address, on_candle, on_fill, on_order_error, on_position):
    """Runs the hooks of a step from `State.phase` on; True when one is to be run by Python."""
    hooks, interpreted, instruments, count = state.hooks, state.interpreted, state.instruments, state.count
    if state.phase == TELL:
        while hooks & (ON_FILL | ON_ORDER_ERROR) and state.told < state.events_n:
            event = Event(state.events, state.told)
            state.told += 1
            hook, item = ON_ORDER_ERROR, int(event.order)
            if event.kind == EventKind.FILL:
                # Every fill has one event, so fills are counted off.
                hook, item = ON_FILL, state.fills_told
                state.fills_told += 1
            is_news = event.reason != Reason.NONE and event.reason != Reason.LINKED
            is_news = is_news and event.reason != Reason.NO_POSITION
            if not hooks & hook or (hook == ON_ORDER_ERROR and not is_news):
                continue
            state.current, state.item = event.instrument, item
            if interpreted:
                return True
            ins_address = instruments + event.instrument * INSTRUMENT_BYTES
            call(on_fill if hook == ON_FILL else on_order_error, address, ins_address, item, 0)
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
                return True
            call(on_position, address, instruments + ins.index * INSTRUMENT_BYTES, ins.columns, ins.candle)
        state.has_changes = 0
        state.phase, state.cursor = CANDLES, 0
    if state.phase == CANDLES and hooks & ON_CANDLE and not interpreted:
        _decide(state, address, on_candle)
    elif state.phase == CANDLES:
        while state.cursor < count:
            ins = Instrument(instruments, state.cursor)
            state.cursor += 1
            if _decides(state, ins):
                state.is_stepping = 1
                if hooks & ON_CANDLE:
                    state.current = ins.index
                    return True
        if hooks & ON_STEP and state.is_stepping:
            state.is_stepping, state.phase = 0, STEP
            return True
    state.phase = NEXT
    return False


@linked(I(I, I, I, I, I))
def run(address, on_candle, on_fill, on_order_error, on_position):
    """Goes on until something outside is needed; gives DONE, LOG_FULL, NEEDS_PYTHON or SLICE_END.

    Hooks come as addresses of compiled functions; when Python runs them, these are not looked at.
    """
    state = State(address, 0)
    is_direct = state.hooks & ON_CANDLE and not state.interpreted
    tells = state.hooks & (ON_FILL | ON_ORDER_ERROR)
    is_alone = is_direct and state.is_lone
    while True:
        if state.phase == NEXT:
            if state.is_full:
                return LOG_FULL
            if state.steps >= state.slice_end:
                state.slice_end = state.steps + state.slice_steps
                return SLICE_END
            if is_alone and _go_alone(state, address, on_candle, tells):
                continue
            if not _advance(state, address):
                return DONE
            if is_direct and not state.has_changes and not (tells and state.told < state.events_n):
                _decide(state, address, on_candle)
                continue
            state.phase = TELL
        if rest_of_step(state, address, on_candle, on_fill, on_order_error, on_position):
            return NEEDS_PYTHON


@compiled
def end(address, longest_silence):
    """Settles at the end of a run the instruments that stopped trading long before; gives how many."""
    state = State(address, 0)
    count, time = 0, state.step_time + state.execution
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        if ins.is_delisted or ins.row == 0 or not ins.last > 0.0:
            continue
        is_twin = ins.hedge == Side.BUY or ins.hedge == Side.SELL
        last_close = get_int(ins.time, ins.row - 1) + state.execution
        if ins.delisted <= time or time - last_close > longest_silence:
            settle_delisted(state, ins, min(ins.delisted, time))
            count += not is_twin
    return count
