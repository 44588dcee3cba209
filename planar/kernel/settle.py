"""The Open and Path phases of one instrument, alone in having something to do (docs/simulation.md, section 3)."""

from planar.kernel.check import watch_all
from planar.kernel.ledger import open_order
from planar.kernel.linked import INS, STA, I, V, linked
from planar.kernel.liquidation import fund_at_open, liquidate_at_open
from planar.kernel.machine import compiled, get_float
from planar.kernel.match import in_reach, is_hit
from planar.kernel.path import choose_path, open_phase, prospects, settle_due, walk_leg
from planar.kernel.state import INSTRUMENT
from planar.model.order import Kind, Status

INSTRUMENT_BYTES = INSTRUMENT.itemsize


@linked(V(STA, INS))
def count_touched(state, ins):
    """Counts resting limits whose price the candle reached without going one tick through."""
    low, high = get_float(ins.low, ins.row), get_float(ins.high, ins.row)
    for i in range(ins.active_n):
        order = open_order(ins, i)
        if order.form == Kind.LIMIT and order.status != Status.PENDING and in_reach(ins, order, low, high):
            if not is_hit(state, ins, order, low if order.side > 0 else high):
                state.touched += 1


@compiled
def settle_alone(state, address, ins, open_time):
    """The Path phase where one instrument has something to do: nothing else uses its cash meanwhile."""
    is_reached, is_path, is_open_question = prospects(state, ins, open_time)
    if is_path:
        ins_address = state.instruments + ins.index * INSTRUMENT_BYTES
        choose_path(state, address, ins, ins_address, open_time, is_open_question)
        for leg in range(3):
            walk_leg(state, ins, leg, open_time)
        if is_reached:
            count_touched(state, ins)
        ins.lead = 0
    else:
        settle_due(state, ins, open_time)
    watch_all(state, ins)


@linked(V(STA, I, INS, I))
def settle_busy(state, address, ins, open_time):
    """The Open and Path phases where one instrument has all to do."""
    if ins.is_contract:
        liquidate_at_open(state, ins, open_time)
    open_phase(state, ins, open_time)
    if ins.is_contract:
        fund_at_open(state, ins, open_time)
    settle_alone(state, address, ins, open_time)
