"""Reductions over the last n values of a column, the same in compiled and interpreted code, to the last bit."""

import math

from planar.kernel.machine import compiled, get_float

NOTES = ("log", "mark", "plot")
"""Kinds of notes by number: ``broker.log``, ``broker.mark``, ``broker.plot``."""


@compiled
def total(first, n):
    result = 0.0
    for i in range(n):
        result += get_float(first, i)
    return result


@compiled
def mean(first, n):
    return total(first, n) / n


@compiled
def std(first, n):
    """Population standard deviation, in two passes."""
    middle, squares = mean(first, n), 0.0
    for i in range(n):
        away = get_float(first, i) - middle
        squares += away * away
    return math.sqrt(squares / n)


@compiled
def least(first, n):
    result = get_float(first, 0)
    for i in range(1, n):
        result = min(result, get_float(first, i))
    return result


@compiled
def greatest(first, n):
    result = get_float(first, 0)
    for i in range(1, n):
        result = max(result, get_float(first, i))
    return result


REDUCTIONS = {"sum": total, "mean": mean, "std": std, "min": least, "max": greatest}


@compiled
def inside(i, n):
    """An index, negative ones counted from the end; raises IndexError outside."""
    at = i + n if i < 0 else i
    if at < 0 or at >= n:
        raise IndexError("index out of range")
    return at


@compiled
def finite(x):
    """The number itself; raises ValueError when it is nan or infinite."""
    if not math.isfinite(x):
        raise ValueError("an order's amount or price is not finite")
    return x
