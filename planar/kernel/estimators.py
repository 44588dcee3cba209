"""Spread, volatility and volume of a day, from an instrument's own past candles (docs/simulation.md, section 5).

Sums are kept per block, filled when a fill first needs them; each block is summed once, however many fills there are.
"""

import math

from planar.kernel.linked import INS, STA, V, linked
from planar.kernel.machine import compiled, get_float, inlined, set_float

DAY = 86_400_000
HOUR = 3_600_000
FIELDS = 4  # of a block: sum of x, sum of r², sum of volume, number of terms of x and r
START_VOLATILITY = 0.03


@compiled
def _invert_middles(ins, first, end, inverses):
    """Writes the reciprocals of the middles of candles: apart from the sums, so that divisions run side by side."""
    highs, lows = ins.high + 8 * first, ins.low + 8 * first
    for i in range(end - first):
        set_float(inverses, i, 2.0 / (get_float(highs, i) + get_float(lows, i)))


@compiled
def _sum_block(ins, block):
    """Sums one block of candles into its place in the ring."""
    first, end = block * ins.block, (block + 1) * ins.block
    begin = max(first, 1)  # the first candle of all has none before it
    inverses = ins.ring + 8 * ins.window * FIELDS
    _invert_middles(ins, begin - 1, end, inverses)
    spread, variance, volume = 0.0, 0.0, get_float(ins.volume, 0) if first == 0 else 0.0
    closes, volumes = ins.close + 8 * begin, ins.volume + 8 * begin
    previous = get_float(closes, -1)
    before = previous * get_float(inverses, 0)
    for i in range(end - begin):
        inverse = get_float(inverses, i + 1)
        close = get_float(closes, i)
        now, last = close * inverse, previous * inverse
        spread += (before - 1.0) * (last - 1.0)
        variance += (now - last) * (now - last)
        volume += get_float(volumes, i)
        previous, before = close, now
    at = block % ins.window * FIELDS
    set_float(ins.ring, at, spread)
    set_float(ins.ring, at + 1, variance)
    set_float(ins.ring, at + 2, volume)
    set_float(ins.ring, at + 3, float(end - begin))


@inlined
def estimate(state, ins):
    """Brings the instrument's spread, volatility and day_volume up to its present candle."""
    if ins.row // ins.block != ins.block_used:
        _estimate(state, ins)


@linked(V(STA, INS))
def _estimate(state, ins):
    block = ins.row // ins.block
    ins.block_used = block
    oldest = max(block - ins.window, 0)
    for b in range(max(ins.block_sums, oldest), block):
        _sum_block(ins, b)
    ins.block_sums = block
    spread, variance, volume, terms = 0.0, 0.0, 0.0, 0.0
    for b in range(oldest, block):
        at = b % ins.window * FIELDS
        spread += get_float(ins.ring, at)
        variance += get_float(ins.ring, at + 1)
        volume += get_float(ins.ring, at + 2)
        terms += get_float(ins.ring, at + 3)
    day = DAY / state.execution
    if terms > 0.0:
        ins.spread = math.sqrt(max(4.0 * (spread / terms), 0.0))
        ins.volatility = math.sqrt(variance / terms * day)
    else:
        ins.spread, ins.volatility = 0.0, START_VOLATILITY
    ins.day_volume = volume / float((block - oldest) * ins.block) * day if block > oldest else -1.0


@compiled
def half_spread(state, ins, price):
    """Half the spread at a price, in quote per base."""
    if state.spread == 0.0:
        return 0.0
    half_tick = 0.5 * ins.tick
    if state.spread > 0.0:
        return max(half_tick, 0.5 * state.spread * price)
    estimate(state, ins)
    return max(half_tick, 0.5 * ins.spread * price, 0.0001 * price)


@compiled
def impact_of(state, ins, price, amount):
    """How far an amount (float) moves the price: a share of a day's volatility."""
    if state.impact == 0.0 or not ins.has_volume:
        return 0.0
    estimate(state, ins)
    day_volume = ins.day_volume
    if day_volume < 0.0:
        day_volume = get_float(ins.volume, ins.row) * (DAY / state.execution)
    if day_volume <= 0.0:
        return 0.0
    if ins.sign < 0:  # the volume is in base
        amount = amount * ins.size / price
    return state.impact * price * ins.volatility * math.sqrt(amount / day_volume)
