"""Fees by the volume of 30 days (docs/simulation.md, section 19).

`State.fees` is a table of floats, 0 for none: what each of 30 days traded, by its number, then the tiers: from, maker,
taker, rates in parts per 10⁹.
"""

from planar.kernel.linked import STA, I, V, linked
from planar.kernel.machine import get_float, inlined, set_float
from planar.kernel.state import Instrument

DAY, DAYS, FIELDS = 86_400_000, 30, 3


@linked(V(STA, I))
def _begin_day(state, day):
    if state.fee_day >= 0:
        for before in range(max(state.fee_day, day - DAYS), day):
            set_float(state.fees, before % DAYS, state.traded if before == state.fee_day else 0.0)
    state.fee_day, state.traded = day, 0.0
    volume = 0.0
    for before in range(day - DAYS, day):
        volume += get_float(state.fees, before % DAYS)
    tier = 0
    while tier + 1 < state.fees_n and get_float(state.fees, DAYS + FIELDS * (tier + 1)) <= volume:
        tier += 1
    at = DAYS + FIELDS * tier
    for k in range(state.count):
        ins = Instrument(state.instruments, k)
        ins.maker, ins.taker = int(get_float(state.fees, at + 1)), int(get_float(state.fees, at + 2))


@inlined
def renew(state, time):
    """Looks up the rates of the day in which a step begins, where fees go by volume."""
    if state.fees and time // DAY != state.fee_day:
        _begin_day(state, time // DAY)
