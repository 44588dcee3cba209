"""One look at candles: whether they are what a simulation takes for granted.

Compiled, because a year of minutes is four million numbers: read once, they take a millisecond.
"""

from numba import types

from planar.kernel.machine import compiled

INFINITY = float("inf")
TIMES = types.Array(types.int64, 1, "C", readonly=True)
NUMBERS = types.Array(types.float64, 1, "C", readonly=True)


@compiled(types.boolean(TIMES, types.int64))
def is_even(time, step):
    """Whether each time is the one before it plus ``step``."""
    is_odd = False
    for i in range(1, len(time)):
        is_odd |= time[i] - time[i - 1] != step
    return not is_odd


@compiled(types.boolean(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def are_prices(opens, high, low, close):
    """Whether all are positive, finite numbers, low the least and high the greatest of their candle."""
    is_good = True
    for i in range(len(opens)):
        # Comparisons with nan are false.
        is_good &= (low[i] > 0.0) & (high[i] < INFINITY)
        is_good &= (low[i] <= opens[i]) & (opens[i] <= high[i]) & (low[i] <= close[i]) & (close[i] <= high[i])
    return is_good


@compiled(types.boolean(NUMBERS))
def are_volumes(volume):
    """Whether all are finite numbers from 0 on, and one of them more than 0."""
    is_good, is_traded = True, False
    for i in range(len(volume)):
        is_good &= (volume[i] >= 0.0) & (volume[i] < INFINITY)
        is_traded |= volume[i] > 0.0
    return is_good and is_traded
