"""The kernel in continuous time, as a venue drives it: a print is a candle of its own, what arrives arrives at once.

Each instrument's columns have one row, which stands for the present print. `State.execution` is 1: a moment.
"""

from numba import types

from planar.kernel.check import amend, cancel, submit, watch_all
from planar.kernel.estimators import half_spread, impact_of
from planar.kernel.ledger import set_base, set_cash
from planar.kernel.linked import INS, STA, B, F, I, linked
from planar.kernel.links import follow
from planar.kernel.liquidation import is_threatened, see_mark, skip_funding
from planar.kernel.machine import compiled, set_float, set_int
from planar.kernel.match import happen
from planar.kernel.numbers import plus
from planar.kernel.settle import settle_busy
from planar.kernel.state import Instrument, Live, Order, State


@compiled
def _begin_step(state, ins, time, open, high, low, close, volume):
    """The one row of the instrument's columns is this print, and a step begins."""
    set_int(ins.time, 0, time)
    set_float(ins.open, 0, open)
    set_float(ins.high, 0, high)
    set_float(ins.low, 0, low)
    set_float(ins.close, 0, close)
    set_float(ins.volume, 0, volume)
    state.steps += 1
    state.step_time = time
    ins.mark_here = ins.mark


@compiled
def _happen_now(state, ins, id, time, depth):
    """What is due for the order happens, the market standing at its last price with so much volume to take."""
    last = ins.last
    _begin_step(state, ins, time, last, last, last, last, depth)
    happen(state, ins, Live(ins.live, Order(state.orders, id - 1).slot), last, time, time)
    if ins.bound:
        follow(state, ins, last, time, False)
    watch_all(state, ins)


@linked(B(STA, INS, B, I, F, F, F, F, F))
def _is_near_contract(state, ins, is_near, time, open, high, low, close, volume):
    """The same of a contract, whose step begins then: its position may end here, or its funding be due."""
    if ins.base == 0 and ins.active_n == 0:
        skip_funding(ins, time + 1)
        return False
    _begin_step(state, ins, time, open, high, low, close, volume)
    return is_near or ins.next_funding <= time or is_threatened(state, ins, time)


@linked(I(I, I, I, F, F, F, F, F))
def settle_print(address, k, time, open, high, low, close, volume):
    """The market of instrument k moves through a print: a candle's four prices, or four times the price of a trade.

    Gives 1 where an order of the account was looked at.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    state.now = time
    is_near = ins.active_n > 0 and (ins.market_rest or ins.due <= time or low <= ins.down or high >= ins.up)
    if ins.is_contract:
        is_near = _is_near_contract(state, ins, is_near, time, open, high, low, close, volume)
    elif is_near:
        _begin_step(state, ins, time, open, high, low, close, volume)
    if is_near:
        settle_busy(state, address, ins, time)
    ins.last = close
    if ins.is_contract:
        see_mark(ins, close)
    return 1 if is_near else 0


@linked(I(I, I, I, F, I, I, F, F, I, F, F, I, I, I))
def place_now(address, k, time, depth, side, sizing, size, price, how, stop, activation, tif, expire, post_only):
    """`check.submit`, and the order's arrival at the same moment; its id, or a negative `Reason` when not even asked.

    depth: what a taker finds, in base. expire: NEVER for none. Whether the venue took it is told by events.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    state.now = time
    nothing = float("nan")
    id = submit(
        address, k, side, sizing, size, price, how, stop, activation, nothing, nothing, tif, expire, post_only, 0, 0,
        0, 0,
    )  # fmt: skip
    if id > 0:
        _happen_now(state, ins, id, time, depth)
    return id


@linked(I(I, I, I, I))
def cancel_now(address, k, id, time):
    """`check.cancel`, and the cancel's arrival at the same moment."""
    state = State(address, 0)
    state.now = time
    answer = cancel(address, k, id)
    if answer > 0:
        _happen_now(state, Instrument(state.instruments, k), id, time, 0.0)
    return answer


@linked(I(I, I, I, I, F, F, F))
def amend_now(address, k, id, time, price, stop, amount):
    """`check.amend`, and the amend's arrival at the same moment. Whether the venue took it is told by events."""
    state = State(address, 0)
    state.now = time
    answer = amend(address, k, id, price, stop, amount)
    if answer > 0:
        _happen_now(state, Instrument(state.instruments, k), id, time, 0.0)
    return answer


@linked(types.UniTuple(F, 2)(I, I, F))
def taker_terms(address, k, price):
    """Half the spread at a price, and the impact of an amount of 1: a taker pays half + impact * sqrt(amount)."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    return half_spread(state, ins, price), impact_of(state, ins, price, 1.0)


@linked(I(I, I))
def add_cash(address, units):
    """Deposits (negative: withdraws) quote units; gives the cash there is then."""
    state = State(address, 0)
    set_cash(state, plus(state.cash, units))
    return state.cash


@linked(I(I, I, I))
def add_base(address, k, units):
    """Deposits (negative: withdraws) base units of instrument k; gives the balance there is then."""
    ins = Instrument(State(address, 0).instruments, k)
    set_base(ins, plus(ins.base, units))
    return ins.base
