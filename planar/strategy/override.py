"""`override`: a method of a strategy replaced per exchange or mode, the most specific one winning.

class Breakout(Strategy):
    def stop_distance(self, candle):
        return 2.0 * candle.atr

    @override(exchange="bybit")
    def stop_distance(self, candle):
        return 3.0 * candle.atr
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar, cast

from planar.errors import StrategyError

CONDITIONS: dict[str, tuple[str, ...]] = {"exchange": (), "mode": ("backtest", "paper", "live")}
"""What a condition may be; nothing named means anything."""

S = TypeVar("S")


@dataclass
class Overridden:
    """A method with its alternatives, (conditions, function) in order of definition; ``base`` is the general one."""

    base: Callable | None
    alternatives: list[tuple[dict[str, str], FunctionType]]

    def chosen(self, name: str, strategy: str, **facts: str) -> Callable | None:
        """The alternative with the most conditions that all hold, else the base. Raises StrategyError for a tie."""
        fitting = [(len(c), c, f) for c, f in self.alternatives if all(facts[k] == v for k, v in c.items())]
        if not fitting:
            return self.base
        most = max(n for n, _, _ in fitting)
        best = [(c, f) for n, c, f in fitting if n == most]
        if len(best) > 1:
            lines = " and ".join(f"line {f.__code__.co_firstlineno} {c}" for c, f in best)
            raise StrategyError(f"{strategy}.{name}: {lines} fit equally well for {facts}. Make one more specific.")
        return best[0][1]


def override(**conditions: str) -> Callable[[Any], Overridden]:
    """Defines a method for one ``exchange`` or ``mode``, or both; the plain definition above it holds elsewhere.

    Raises StrategyError for an unknown condition.
    """
    for name, value in conditions.items():
        if name not in CONDITIONS or (CONDITIONS[name] and value not in CONDITIONS[name]):
            known = "exchange='binance' and mode='backtest', 'paper' or 'live'"
            raise StrategyError(f"@override({name}={value!r}): the conditions are {known}.")
    if not conditions:
        raise StrategyError("@override() needs a condition: @override(exchange='bybit').")
    # The name is defined twice in one class body; the first meaning is still there while the second is made.
    body = sys._getframe(1).f_locals

    def add(function: FunctionType) -> Overridden:
        before = body.get(function.__name__)
        if isinstance(before, Overridden):
            return Overridden(before.base, [*before.alternatives, (conditions, function)])
        return Overridden(before, [(conditions, function)])

    return add


def specialised(cls: type[S], *, exchange: str, mode: str) -> type[S]:
    """The class with each overridden method chosen for an exchange and a mode; the class itself when it has none."""
    names = [n for n in dir(cls) if not n.startswith("__") and isinstance(getattr(cls, n, None), Overridden)]
    if not names:
        return cls
    chosen = {n: getattr(cls, n).chosen(n, cls.__name__, exchange=exchange, mode=mode) for n in names}
    body = {n: f for n, f in chosen.items() if f is not None}
    base = _without(cls, [n for n in names if chosen[n] is None])
    made = type(cls.__name__, (base,), {**body, "__module__": cls.__module__})
    made.original = cls
    return cast(type[S], made)


def _without(cls: type, names: list[str]) -> type:
    """The class without methods that no alternative provides."""
    if not names:
        return cls
    body = {k: v for k, v in vars(cls).items() if k not in names and k not in ("__dict__", "__weakref__")}
    return type(cls.__name__, cls.__bases__, body)
