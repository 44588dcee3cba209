"""What the rewritten copy of a strategy calls so that compiled results equal interpreted ones (see `source`)."""

import math

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload


@intrinsic
def _hidden(typing, x):
    """The same float, hidden from the optimiser, which would turn ``pow(x, 2.0)`` into ``x * x``."""

    def generate(context, builder, signature, arguments):
        bits = ir.IntType(64)
        same = builder.asm(ir.FunctionType(bits, [bits]), "", "=r,0", [builder.bitcast(arguments[0], bits)], False)
        return builder.bitcast(same, ir.DoubleType())

    return types.float64(types.float64), generate


def power(base, exponent):
    """``base ** exponent`` as Python computes it: the C library's ``pow``."""
    return base**exponent


@overload(power)
def _power(base, exponent):
    if isinstance(base, types.Integer) and isinstance(exponent, types.Integer):
        raise TypingError("a power of two whole numbers is not compiled: make one of them a float")

    def implementation(base, exponent):
        x, y = float(base), float(exponent)
        if x == 0.0 and y < 0.0:
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        if x < 0.0 and math.isfinite(y) and y != math.floor(y):
            raise ValueError("a negative number to a fractional power is complex")
        result = math.pow(x, _hidden(y))  # ty: ignore[missing-argument] - numba gives the typing context
        if math.isinf(result) and math.isfinite(x) and math.isfinite(y):
            raise OverflowError("the power is too large for a float")
        return result

    return implementation


def exact_int(value):
    """The value, which must be a whole number."""
    return value


@overload(exact_int)
def _exact_int(value):
    if isinstance(value, types.Float):
        raise TypingError("memory declared as a whole number is given a float: declare it as 0.0")
    return lambda value: int(value)  # noqa: PLW0108 - numba compiles a Python function, not a type


def exact_bool(value):
    """The value, which must be a bool."""
    return value


@overload(exact_bool)
def _exact_bool(value):
    if not isinstance(value, types.Boolean):
        raise TypingError("memory declared as a bool is given something else")
    return lambda value: value
