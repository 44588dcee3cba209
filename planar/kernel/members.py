"""Members of a universe by rule: on which candles hooks run, and what becomes of an instrument that has left."""

from planar.kernel.ledger import ask_cancel, open_order
from planar.kernel.machine import compiled
from planar.kernel.reads import is_flat
from planar.kernel.state import Instrument, State
from planar.model.order import Side


@compiled
def arrive(address, k, is_member):
    """Comes to a moment of decisions; gives whether the instrument's hooks run then.

    They do for a member, and for one that has left until it has neither a position nor an open order. When it leaves,
    its open buys are cancelled; as long as it is away, `check` refuses others.
    """
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if not is_member and not ins.has_left:
        for i in range(ins.active_n):
            order = open_order(ins, i)
            if order.side == Side.BUY:
                ask_cancel(state, ins, order)
    ins.has_left = 0 if is_member else 1
    return 1 if is_member or ins.active_n > 0 or not is_flat(address, k) else 0
