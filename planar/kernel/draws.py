"""What is drawn: how long something travels, what a taker pays on top (docs/simulation.md, section 15)."""

import numpy as np

from planar.kernel.linked import INS, STA, F, I, linked
from planar.kernel.machine import compiled, get_float, get_int, inlined
from planar.model.order import NEVER

STEP, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@compiled
def _entry(start, count, size):
    """Which entry of a table of that size the count-th draw of a sequence is: SplitMix64."""
    z = np.uint64(start) + np.uint64(count) * STEP
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    z = z ^ (z >> np.uint64(31))
    return np.int64(((z >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


@linked(I(STA, INS))
def _drawn_journey(state, ins):
    if ins.heard_at != state.now or ins.news_n == 0:
        ins.news_n += 1
        ins.heard_at, ins.delay = state.now, get_int(state.news, _entry(ins.news_seed, ins.news_n, state.news_size))
    ins.out_n += 1
    return get_int(state.outs, _entry(ins.out_seed, ins.out_n, state.outs_size)) + ins.delay


@inlined
def arrival(state, ins, order):
    """When something that is sent now arrives; what concerns an order, not before that."""
    if not state.outs:
        return state.now + state.latency
    arrives = state.now + _drawn_journey(state, ins)
    return arrives if order.arrive == NEVER else max(arrives, order.arrive)  # one that waits is there already


@linked(F(STA, INS))
def slippage(state, ins):
    """Share of the price that a taker pays on top."""
    ins.slips_n += 1
    return get_float(state.slips, _entry(ins.slips_seed, ins.slips_n, state.slips_size))
