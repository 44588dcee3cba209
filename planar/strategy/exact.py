"""What the rewritten copy of a strategy calls so that compiled results equal interpreted ones (see `source`)."""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from planar.kernel import numbers
from planar.kernel.machine import compiled


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


def multiply(a, b):
    """``a * b``; compiled, whole numbers whose product leaves 64 bits raise OverflowError."""
    return a * b


@overload(multiply)
def _multiply(a, b):
    if isinstance(a, types.Integer) and isinstance(b, types.Integer):
        return lambda a, b: numbers.times(a, b)  # noqa: PLW0108
    return lambda a, b: a * b


def whole(x):
    """``int(x)`` of a number."""
    return int(x)


def floor(x):
    """``math.floor(x)``."""
    return math.floor(x)


def ceil(x):
    """``math.ceil(x)``."""
    return math.ceil(x)


def nearest(x):
    """``round(x)``, halves to the even one."""
    return round(x)


def _rounds(function, towards) -> None:
    """Compiles a function that makes numbers whole, floats by numpy's ``towards``: nan raises, and 64 bits too few."""

    @overload(function)
    def chosen(x):
        if isinstance(x, types.Float):
            return lambda x: numbers.whole(towards(_number(x)))
        return lambda x: int(x)  # noqa: PLW0108


@compiled
def _number(x):
    if math.isnan(x):
        raise ValueError("nan is no whole number")
    return x


for _function, _towards in ((whole, np.trunc), (floor, np.floor), (ceil, np.ceil), (nearest, np.rint)):
    _rounds(_function, _towards)


def sqrt(x):
    """``math.sqrt(x)``."""
    return math.sqrt(x)


@overload(sqrt)
def _sqrt(x):
    def implementation(x):
        if x < 0.0:
            raise ValueError("the square root of a negative number")
        return math.sqrt(x)

    return implementation


def log(x):
    """``math.log(x)``."""
    return math.log(x)


def log10(x):
    """``math.log10(x)``."""
    return math.log10(x)


def _takes_positive(function, computed) -> None:
    """Compiles a logarithm: what is not positive raises."""

    @overload(function)
    def chosen(x):
        def implementation(x):
            if x <= 0.0:
                raise ValueError("the logarithm of a number that is not positive")
            return computed(x)

        return implementation


_takes_positive(log, math.log)
_takes_positive(log10, math.log10)


def exp(x):
    """``math.exp(x)``."""
    return math.exp(x)


@overload(exp)
def _exp(x):
    def implementation(x):
        result = math.exp(x)
        if math.isinf(result) and not math.isinf(x):
            raise OverflowError("the exponential is too large for a float")
        return result

    return implementation


REPLACED: dict[object, str] = {
    int: "__whole__",
    round: "__nearest__",
    math.floor: "__floor__",
    math.ceil: "__ceil__",
    math.sqrt: "__sqrt__",
    math.log: "__log__",
    math.log10: "__log10__",
    math.exp: "__exp__",
}
"""Functions of one argument that compiled code computes by a copy which raises where Python raises."""

EQUAL = {math.fabs, math.isnan, math.isinf, math.isfinite, math.copysign, math.erf} | {
    np.isnan, np.isinf, np.isfinite, np.floor, np.ceil, np.abs, np.sign, np.sqrt, np.minimum, np.maximum,
}  # fmt: skip
"""Functions of math and numpy that give the same to the last bit compiled; all others run interpreted."""

MEANINGS = {
    "__power__": power,
    "__multiply__": multiply,
    "__exact_int__": exact_int,
    "__exact_bool__": exact_bool,
    "__whole__": whole,
    "__nearest__": nearest,
    "__floor__": floor,
    "__ceil__": ceil,
    "__sqrt__": sqrt,
    "__log__": log,
    "__log10__": log10,
    "__exp__": exp,
}
"""Names that the rewritten copy uses."""
