"""Hooks with other arguments than they are called with: told with file and line when the class is made."""

import inspect
from types import FunctionType

from planar.errors import StrategyError
from planar.strategy.override import Overridden

HOOKS = {
    "on_candle": ("candle", "broker"),
    "on_tick": ("tick", "broker"),
    "on_fill": ("fill", "broker"),
    "on_order_error": ("order", "broker"),
    "on_position": ("broker",),
    "on_step": ("universe",),
    "on_start": ("broker",),
    "on_stop": ("broker",),
    "on_reset": (),
}
"""Every hook, with what it is given besides ``self``."""

CALLED = {**HOOKS, "indicators": ("candles",), "warmup": ()}
"""Every method of a strategy that the engine calls."""


def check_signatures(cls: type) -> None:
    """Raises StrategyError for a method of the class, its bases apart, that cannot be called as the engine calls it."""
    for name, given in CALLED.items():
        for function in alternatives(vars(cls).get(name)):
            try:
                inspect.signature(function).bind("self", *given)
            except TypeError:
                where = f"{function.__code__.co_filename}, line {function.__code__.co_firstlineno}"
                written = f"{name}{inspect.signature(function)}"
                wanted = f"def {name}({', '.join(('self', *given))})"
                raise StrategyError(f"{where}: {cls.__name__} defines {written}; write: {wanted}.") from None


def alternatives(value: object) -> list[FunctionType]:
    """The functions behind a name of a class: one, or those of an override; none when it is no method."""
    found = [value.base, *(f for _, f in value.alternatives)] if isinstance(value, Overridden) else [value]
    return [f for f in found if isinstance(f, FunctionType)]
