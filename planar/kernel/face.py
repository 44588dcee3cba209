"""Kernel functions that Python may call as well: without a face, a wrong argument would be read as an address."""

import functools
import inspect
from types import FunctionType
from typing import Any

from numba import types
from numba.extending import typeof_impl

from planar.errors import ConfigError
from planar.kernel.machine import compiled
from planar.model.tiers import Tiers


class Face:
    """A compiled function: compiled code calls it as any other; Python gives it `Tiers`, numbers and flags.

    Whole numbers become floats, so that one compiled form serves them all.
    """

    def __init__(self, function: FunctionType) -> None:
        functools.update_wrapper(self, function)
        self.name = function.__name__
        self.compiled = compiled(function)
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives for these."""
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        return self.compiled(*(self._taken(name, value) for name, value in bound.arguments.items()))

    def _taken(self, name: str, value: Any) -> Any:
        if name == "tiers":
            if not isinstance(value, Tiers):
                raise ConfigError(f"{self.name}: tiers={value!r} must be a planar.model.tiers.Tiers.")
            return value
        return bool(value) if name == "inverse" else float(value)


@typeof_impl.register(Face)
def _as_function(face, context):
    """To compiled code it is the function behind it."""
    return face.compiled._numba_type_


@typeof_impl.register(Tiers)
def _as_address(tiers, context):
    """Compiled code takes tiers for the address of their table; whoever calls keeps them alive."""
    return types.int64
