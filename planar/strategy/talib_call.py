"""One call of TA-Lib: arguments checked, inputs made plain, outputs float64 with NaN while warming up.

Called by `talib_signatures`; authors read `indicator`.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planar.errors import ConfigError, DataError, did_you_mean

Array = NDArray[np.float64]
Values = ArrayLike  # one price series, oldest first: numpy array, polars Series or list of numbers

LONGEST = 100_000  # TA-Lib's greatest period

# The names an `average` argument takes, and TA-Lib's number of each.
AVERAGES = {
    "sma": 0,
    "ema": 1,
    "wma": 2,
    "dema": 3,
    "tema": 4,
    "trima": 5,
    "kama": 6,
    "mama": 7,
    "t3": 8,
    "hma": 9,
    "zlema": 12,
    "rma": 13,
}


class Candles(Protocol):
    """Anything with these columns; a function needs only those it reads."""

    @property
    def open(self) -> Array: ...  # noqa: D102
    @property
    def high(self) -> Array: ...  # noqa: D102
    @property
    def low(self) -> Array: ...  # noqa: D102
    @property
    def close(self) -> Array: ...  # noqa: D102
    @property
    def volume(self) -> Array: ...  # noqa: D102


class Whole(NamedTuple):
    """A period: a whole number from `least` to LONGEST."""

    value: float
    least: int

    def read(self, name: str) -> int:
        """The value for TA-Lib; ConfigError when it is out of bounds, a fraction or no number."""
        if is_number(self.value) and self.value == int(self.value) and self.least <= self.value <= LONGEST:
            return int(self.value)
        raise ConfigError(f"{name} must be a whole number from {self.least} to {LONGEST}, not {self.value!r}.")


class Real(NamedTuple):
    """A factor: a finite number from `least` to `most`."""

    value: float
    least: float = -math.inf
    most: float = math.inf

    def read(self, name: str) -> float:
        """The value for TA-Lib; ConfigError when it is out of bounds or no number."""
        if is_number(self.value) and self.least <= self.value <= self.most:
            return float(self.value)
        low = "" if self.least == -math.inf else f", at least {self.least:g}"
        high = "" if self.most == math.inf else f", at most {self.most:g}"
        raise ConfigError(f"{name} must be a finite number{low}{high}, not {self.value!r}.")


class Average(NamedTuple):
    """The name of a kind of moving average, one of AVERAGES."""

    value: str

    def read(self, name: str) -> int:
        """TA-Lib's number of it; ConfigError when there is no such name."""
        if isinstance(self.value, str) and self.value in AVERAGES:
            return AVERAGES[self.value]
        hint = did_you_mean(self.value.lower(), AVERAGES) if isinstance(self.value, str) else ""
        raise ConfigError(f"{name} must be one of {', '.join(AVERAGES)}, not {self.value!r}.{hint}")


def is_number(value: object) -> bool:
    """Whether it is a finite int or float, Python's or numpy's; a bool is none."""
    kinds = (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)


def columns(function: str, candles: Candles, *names: str) -> dict[str, Values]:
    """The columns that `function` reads, by the names that messages use; ConfigError when one is missing."""
    missing = [name for name in names if not hasattr(candles, name)]
    if missing:
        raise ConfigError(
            f"indicator.{function} reads {', '.join(names)} of the candles, its first argument, but this "
            f"{type(candles).__name__} has no {', '.join(missing)}: give the candles, not one of their columns."
        )
    return {f"candles.{name}": getattr(candles, name) for name in names}


def run(function: str, inputs: Mapping[str, Values], **options: Whole | Real | Average) -> tuple[Array, ...]:
    """Every output of a TA-Lib function, as long as its inputs, NaN while it warms up.

    inputs and options come in TA-Lib's order; their names appear in messages only.
    Raises DataError for an input that is no gapless series, ConfigError for an option that TA-Lib would refuse.
    """
    where = f"indicator.{function}"
    arguments = [option.read(f"{where}: {name}") for name, option in options.items()]
    series = {name: read_series(f"{where}: {name}", values) for name, values in inputs.items()}
    check_lengths(where, series)

    import talib  # Here, because it takes 0.3 s: it imports polars.

    try:
        result = getattr(talib, function.upper())(*series.values(), *arguments)
    except Exception as error:  # TA-Lib raises no narrower class
        if "TA_BAD_PARAM" not in str(error):
            raise
        given = ", ".join(f"{name}={option.value!r}" for name, option in options.items())
        raise ConfigError(f"{where}({given}): each value is allowed, but TA-Lib refuses them together.") from error

    outputs = result if isinstance(result, tuple) else (result,)
    start = max(count_leading_nan(values) for values in series.values())
    if any(output.dtype.kind == "i" for output in outputs):  # 0 until it has seen enough
        start += describe(function, *arguments).lookback
    return tuple(blank(output, start) for output in outputs)


def describe(function: str, *arguments: float) -> Any:
    """TA-Lib's description of a function at these parameters: `info`, `parameters`, `lookback`."""
    from talib import abstract

    return abstract.Function(function, *arguments)  # ty: ignore[missing-attribute]


def read_series(name: str, values: Values) -> Array:
    """The values as a contiguous float64 array; DataError when they are no series of numbers or have gaps."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        array = np.empty((), object)
    if array.ndim != 1 or array.dtype.kind not in "fiub":
        raise DataError(
            f"{name} must be one series of numbers (numpy array, polars Series or list), "
            f"not {type(values).__name__} of {array.dtype} with {array.ndim} dimensions."
        )
    array = np.require(array, np.float64, ["C", "ALIGNED"])
    finite = np.isfinite(array)
    if not finite.all():
        start = count_leading_nan(array)
        if not finite[start:].all():
            position = start + int(finite[start:].argmin())
            raise DataError(
                f"{name} has {array[position]} at position {position}; only leading NaN are allowed. "
                "Fill the gap or start after it: most indicators never recover from one."
            )
    return array


def check_lengths(where: str, series: Mapping[str, Array]) -> None:
    """DataError when the inputs are not equally long."""
    if len({len(values) for values in series.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in series.items())
        raise DataError(f"{where} needs inputs of the same length, one row per candle, but has {lengths}.")


def count_leading_nan(array: Array) -> int:
    """How many NaN come before the first number."""
    if not len(array) or not np.isnan(array[0]):
        return 0
    nan = np.isnan(array)
    return len(array) if nan.all() else int(nan.argmin())


def blank(output: NDArray, start: int) -> Array:
    """The output as float64, NaN before row `start`."""
    output = output.astype(np.float64, copy=False)
    output[:start] = np.nan
    return output
