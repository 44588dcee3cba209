"""What an author declares in a strategy class: parameters, memory shared by all instruments, fixed arrays."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from planar.errors import ConfigError

Number = int | float | bool
N = TypeVar("N", int, float, bool)
WANTED: dict[type, str] = {bool: "True or False", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Parameter:
    """A number that the user of a strategy may choose. Made by `param`."""

    default: Number
    low: Number | None = None
    high: Number | None = None

    def checked(self, name: str, value: object, strategy: str) -> Number:
        """The value as the parameter's type. Raises ConfigError naming parameter, value and bounds."""
        kind = type(self.default)
        wanted = WANTED[kind]
        if isinstance(value, str):
            value = _from_text(value, kind)
        is_kind = isinstance(value, int | float) and isinstance(value, bool) == (kind is bool)
        if not is_kind or not math.isfinite(value) or (kind is int and value != int(value)):
            raise ConfigError(f"{strategy}: parameter {name}={value!r} must be {wanted}.")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise ConfigError(f"{strategy}: parameter {name}={kind(value)!r} is outside {self.low} to {self.high}.")
        return kind(value)


def _from_text(text: str, kind: type) -> object:
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Shared:
    """One number for all instruments. Made by `shared`."""

    default: Number


@dataclass(frozen=True)
class Array:
    """A fixed number of floats per instrument. Made by `array`."""

    length: int
    default: float = 0.0


def param(default: N, *, low: Number | None = None, high: Number | None = None) -> N:
    """A parameter of a strategy: read as a number, chosen with ``--param name=value`` or ``params={…}``.

    default: its type (whole number, float or bool) is the parameter's type.
    low, high: inclusive bounds, also the range that an optimiser searches.
    """
    if not isinstance(default, int | float) or not math.isfinite(default):
        raise ConfigError(f"param({default!r}): a parameter is a whole number, a float or a bool.")
    found = Parameter(default, low, high)
    found.checked("default", default, f"param({default!r}, low={low!r}, high={high!r})")
    return cast(Any, found)  # read as a number on an instance


def shared(default: N) -> N:
    """Memory that all instruments of a strategy share: ``losses = shared(0)``."""
    if not isinstance(default, int | float):
        raise ConfigError(f"shared({default!r}): shared memory is a whole number, a float or a bool.")
    return cast(Any, Shared(default))


def array(length: int, default: float = 0.0) -> Any:
    """Memory of a fixed number of floats per instrument: ``window = array(10)``."""
    if not isinstance(length, int) or not 1 <= length <= 1_000_000:
        raise ConfigError(f"array({length!r}): the length is a whole number from 1 to 1,000,000.")
    return Array(length, float(default))
