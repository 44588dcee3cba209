"""The books as a venue outside tells them: what became of the orders that a strategy asked for, and its hooks.

Nothing is matched here. Ids count from 1, as strategies see them; amounts in base units, money in quote units, prices
in ticks, times in UTC milliseconds. `State.latency` is 0 and each instrument's columns have one row, its last candle.
"""

from planar.kernel.contracts import against, margin_of, wallet_of
from planar.kernel.ledger import (
    accept,
    add_to_position,
    apply_fill,
    ask_cancel,
    drop_amend,
    finish,
    force,
    left_of,
    next_due,
    open_order,
    required,
    reserve,
    set_base,
    set_cash,
    shift,
    take_from_position,
    tell,
)
from planar.kernel.limits import look
from planar.kernel.linked import F, I, linked
from planar.kernel.liquidation import pay
from planar.kernel.loop import rest_of_step
from planar.kernel.machine import compiled, set_float, set_int
from planar.kernel.numbers import cost_down, plus, ticks_down
from planar.kernel.state import NEEDS_PYTHON, TELL, Amend, Instrument, Live, Order, State
from planar.kernel.triggers import form_after
from planar.model.order import NEVER, Event, Forced, Kind, Reason, Side, Status

OLD = -1
"""The answer where that is no news, or the order is over: nothing was changed."""


@compiled
def _is_open(state, id):
    return 1 <= id <= state.orders_n and Order(state.orders, id - 1).status <= Status.PARTIAL


@compiled
def _order(state, ins, id):
    return Live(ins.live, Order(state.orders, id - 1).slot)


@linked(I(I, I, I, I))
def accepted(address, k, id, time):
    """The venue has the order."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.status != Status.PENDING:
        return OLD
    accept(state, ins, order, time)
    return 0


@compiled
def _trigger(state, ins, order, time):
    order.form = form_after(order.form)
    tell(state, ins, order.id, Event.TRIGGERED, Reason.NONE, time)


@linked(I(I, I, I, I))
def triggered(address, k, id, time):
    """A stop was triggered."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.form < Kind.STOP:
        return OLD
    _trigger(state, ins, order, time)
    return 0


@linked(I(I, I, I, I, I, I, I, I, I, I))
def filled(address, k, id, time, ticks, amount, cost, fee, fee_in_base, is_maker):
    """One execution, as it was: an order of an amount is done with the last of it, one of a budget when that is told.

    fee: quote units, or base units; of a sale always quote units.
    """
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.status == Status.PENDING:
        accept(state, ins, order, time)
    if order.form >= Kind.STOP:
        _trigger(state, ins, order, time)  # nobody told, and it must have been
    if not order.by_cost and amount > left_of(order):
        order.amount = order.filled + amount  # what was executed is booked, whatever was asked for
    usual = ins.fee_base
    ins.fee_base = fee_in_base
    apply_fill(state, ins, order, amount, ticks, cost, fee, is_maker, time, 0.0, 0.0, 0.0)
    ins.fee_base = usual
    _leave(state, ins)
    return 0


@compiled
def _leave(state, ins):
    """Asks to cancel what may only reduce a contract's position, where none is left that it could: an exchange may keep
    it for the next one.
    """
    for i in range(ins.active_n if ins.is_contract else 0):
        order = open_order(ins, i)
        if order.reduces and order.status != Status.PENDING and not against(ins, order.side):
            ask_cancel(state, ins, order)


@linked(I(I, I, I, I, I, I))
def ended(address, k, id, time, status, reason):
    """The order is over: FILLED (a budget), CANCELLED, REJECTED or EXPIRED, and why."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    event = Event.CANCELLED
    if status == Status.REJECTED:
        event = Event.REJECTED
    elif status == Status.EXPIRED:
        event = Event.EXPIRED
    finish(state, ins, _order(state, ins, id), status, event, reason, time)
    return 0


@linked(I(I, I, I, I))
def amended(address, k, id, time):
    """The order has the terms that its amend asked for."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.amend < 0:
        return OLD
    amend = Amend(state.amends, order.amend)
    drop_amend(state, ins, order)
    order.price, order.stop, order.amount = amend.price, amend.stop, amend.amount
    is_estimate = order.price == 0 and (order.side == Side.BUY or ins.is_contract)
    reserve(state, ins, order, amend.needs if is_estimate else required(ins, order))
    tell(state, ins, order.id, Event.AMENDED, Reason.NONE, time)
    return 0


@linked(I(I, I, I, I, I))
def not_amended(address, k, id, time, reason):
    """The amend was refused: the order stays as it was."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.amend < 0:
        return OLD
    drop_amend(state, ins, order)
    tell(state, ins, order.id, Event.AMEND_REJECTED, reason, time)
    return 0


@linked(I(I, I, I))
def not_cancelled(address, k, id):
    """The cancel did not get through: the order may be cancelled again, and what it holds is not on its way back."""
    state = State(address, 0)
    if not _is_open(state, id):
        return OLD
    ins = Instrument(state.instruments, k)
    order = _order(state, ins, id)
    if order.cancel_at == NEVER:
        return OLD
    held = order.reserved
    if order.amend >= 0:
        held += Amend(state.amends, order.amend).extra
    shift(state, ins, order.side, 0, 0, -held)
    order.cancel_at = NEVER
    order.due = next_due(order)
    return 0


@linked(I(I, I))
def add_cash(address, units):
    """Quote units came in (negative: went out) otherwise than by a fill; gives the cash there is then."""
    state = State(address, 0)
    set_cash(state, plus(state.cash, units))
    return state.cash


@linked(I(I, I, I))
def add_base(address, k, units):
    """The same of an instrument's base; gives the balance there is then."""
    ins = Instrument(State(address, 0).instruments, k)
    set_base(ins, plus(ins.base, units))
    return ins.base


@linked(I(I, I, I, I))
def adopted(address, k, cash, base):
    """Quote and base units of the account became the books' own; negative: they are not any more.

    Base comes and goes at the last price, rounded down to a tick; of a contract's position see `held`.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    set_cash(state, plus(state.cash, cash))
    ticks = max(ticks_down(ins, ins.last), 1)
    set_base(ins, plus(ins.base, base))
    if base > 0:
        add_to_position(state, ins, base, cost_down(ins, base, ticks), 0, ticks)
    elif base < 0:
        take_from_position(state, ins, -base, cost_down(ins, -base, ticks), 0)
    if base:
        ins.is_changed = state.has_changes = 1
    return 0


@linked(I(I, I, I, I))
def held(address, k, base, cost):
    """A contract's position is that, whoever traded it: base units, below 0 a short, that have cost so much.

    Nothing is realised by it: the wallet, which has that already or lacks it, is told apart. Margin is the initial one.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    entry = cost if base > 0 else -cost
    is_new = (base > 0) != (ins.base > 0) or (base < 0) != (ins.base < 0)
    set_cash(state, plus(state.cash, ins.sign * (ins.entry - entry)))
    set_base(ins, base)
    ins.entry = entry
    ins.kept = margin_of(ins, cost) if ins.is_isolated else 0
    if is_new:
        ins.adds = 1 if base else 0
        ins.opened_row = ins.candle
    ins.is_changed = state.has_changes = 1
    _leave(state, ins)
    return 0


@linked(I(I, I, I, I))
def funded(address, k, time, units):
    """Funding of a contract was paid, below 0 received: quote units."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    worth = float(cost_down(ins, abs(ins.base), max(ticks_down(ins, ins.mark), 1)))
    rate = units / (worth if ins.base > 0 else -worth) if worth > 0.0 else 0.0
    pay(state, ins, units, ins.base, ins.mark, rate, time)
    return 0


@linked(I(I, I, I, I, I, I, I, I, I))
def forced(address, k, time, side, ticks, amount, cost, fee, how):
    """The exchange closed so much of a contract's position, as `Forced` says.

    That is a fact, also where the books have less: what traded before is still to be told then.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    kept, wallet = ins.kept, wallet_of(state)
    force(state, ins, side, ticks, amount, cost, fee, time, how)
    if how == Forced.LIQUIDATION and ins.is_isolated and against(ins, side):
        ins.kept = plus(kept, wallet_of(state) - wallet)  # none of it is freed until nothing is left
    _leave(state, ins)
    return 0


@linked(I(I, I, I))
def leveraged(address, k, hundredths):
    """The exchange has that leverage for a contract."""
    Instrument(State(address, 0).instruments, k).leverage = hundredths
    return 0


@linked(I(I, I, I))
def margined(address, k, units):
    """So many quote units more are behind an isolated position, below 0 less; OLD where none is held any more."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.base == 0:
        return OLD
    ins.kept = max(plus(ins.kept, units), 0)
    state.booked += 1
    return 0


@linked(I(I, I, I, F, F, F, F, F))
def closed(address, k, time, open, high, low, close, volume):
    """A candle of the instrument has closed; its price is the instrument's last, and the mark."""
    ins = Instrument(State(address, 0).instruments, k)
    set_int(ins.time, 0, time)
    set_float(ins.open, 0, open)
    set_float(ins.high, 0, high)
    set_float(ins.low, 0, low)
    set_float(ins.close, 0, close)
    set_float(ins.volume, 0, volume)
    ins.last = ins.mark = close
    return 0


@linked(I(I, I))
def step(address, time):
    """A moment at which hooks run: what was told since the last one, then the instruments whose candle closes now."""
    state = State(address, 0)
    state.steps += 1
    state.step_time = time
    state.now = state.decided = time
    state.phase, state.cursor = TELL, 0
    if state.limits:
        look(state)
    return 0


@linked(I(I, I, I, I, I))
def run_hooks(address, on_candle, on_fill, on_order_error, on_position):
    """Runs the hooks of the step, as `loop.run` does; gives NEEDS_PYTHON for each that Python is to run, DONE after."""
    state = State(address, 0)
    if rest_of_step(state, address, on_candle, on_fill, on_order_error, on_position):
        return NEEDS_PYTHON
    return 0
