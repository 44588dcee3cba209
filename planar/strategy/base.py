"""`Strategy`: what an author subclasses. A class declares; `Layout` is what was declared, checked."""

import copy
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planar.errors import ConfigError, StrategyError, did_you_mean
from planar.model.timeframe import milliseconds
from planar.strategy.override import Overridden
from planar.strategy.parameter import Array, Number, Parameter, Shared
from planar.strategy.selection import Top
from planar.strategy.series import Declared
from planar.strategy.signature import HOOKS, check_signatures
from planar.strategy.undeclared import check_memory

SETTINGS = ("instruments", "timeframe", "timeframes", "data", "warmup", "timezone", "limits", "fill")
PRICES = ("open", "high", "low", "close", "volume")
RESERVED = (
    *PRICES, "time", "now", "hour", "weekday", "known_at", "back", "last", "row", "columns", "higher", "offset",
    "offsets", "word", "times", "addresses", "timeframe", "TIMES",
)  # fmt: skip
"""Names that a candle has, which no column can have."""
NOT_DECLARED = (property, classmethod, staticmethod, Overridden)
NO_MEMORY = (*SETTINGS, "layout", "original")


@dataclass(frozen=True)
class Layout:
    """What a strategy class declares, in order of declaration.

    memory: numbers kept per instrument; arrays: fixed floats per instrument; objects: anything else, which keeps the
    strategy interpreted where a hook uses it.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    memory: dict[str, Number] = field(default_factory=dict)
    shared: dict[str, Number] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    objects: dict[str, object] = field(default_factory=dict)


def _layout_of(cls: type) -> Layout:
    """Collects the declarations of a class and its bases; a subclass redeclares by name."""
    layout = Layout()
    groups = (layout.parameters, layout.memory, layout.shared, layout.arrays, layout.objects)
    for owner in reversed(cls.__mro__[: cls.__mro__.index(Strategy)]):
        for name, value in vars(owner).items():
            if name.startswith("__") or name in NO_MEMORY or callable(value) or isinstance(value, NOT_DECLARED):
                continue
            for group in groups:
                group.pop(name, None)
            _group_of(value, layout)[name] = getattr(value, "default", value) if isinstance(value, Shared) else value
    return layout


def _group_of(value: object, layout: Layout) -> dict:
    for kind, group in ((Parameter, layout.parameters), (Shared, layout.shared), (Array, layout.arrays)):
        if isinstance(value, kind):
            return group
    return layout.memory if isinstance(value, int | float) else layout.objects


class Strategy:
    """The base of every strategy.

    instruments: names such as ``"binance:BTC/USDT"``, in the order their hooks run; or a rule, `planar.universe.top`.
    timeframe: of the candles that ``on_candle`` sees.
    timeframes: higher ones, seen as ``candle.d1``, ``candle.h4``, as of their last closed candle.
    data: `planar.series` beside the candles by name, seen as ``candle.funding.rate``, as of what was known.
    warmup: candles before the first decision; 0 derives it from the indicators' leading gaps. May be a method.
    timezone: of ``candle.hour`` and ``candle.weekday``.
    fill: fill model of its backtests: `planar.FillModel`, the name of a profile, or a ``.toml`` file.
    limits: what no order of it may do, such as ``{"max_position_cost": 2_000}``; docs/risk.md has all of them.

    Hooks: ``indicators(self, candles)``, ``on_candle(self, candle, broker)``, ``on_tick(self, tick, broker)``,
    ``on_step(self, universe)``, ``on_start(self, broker)``, ``on_stop(self, broker)``, ``on_reset(self)``,
    ``on_fill(self, fill, broker)``, ``on_order_error(self, order, broker)``, ``on_position(self, broker)``.

    Numbers declared in the class are memory, one per instrument; `shared` and `array` declare other kinds; `param`
    declares what the user may choose.
    """

    instruments: list[str] | Top = []  # noqa: RUF012 - a declaration, replaced by subclasses
    timeframe: str = "1h"
    timeframes: list[str] = []  # noqa: RUF012
    data: dict[str, Declared] = {}  # noqa: RUF012
    warmup: Any = 0
    timezone: str = "UTC"
    limits: Mapping[str, float] = {}
    fill: Any = "pessimistic"

    layout: Layout

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        cls.layout = _layout_of(cls)
        _check_declarations(cls)

    def __init__(self, **parameters: object) -> None:
        """Sets the parameters.

        Raises ConfigError for an unknown name or a value outside its bounds, StrategyError for undeclared memory.
        """
        check_memory(type(self), Strategy)
        layout, name = type(self).layout, type(self).__name__
        for key in parameters:
            if key not in layout.parameters:
                known = ", ".join(layout.parameters) or "none"
                near = did_you_mean(key, layout.parameters)
                raise ConfigError(f"{name} has no parameter {key!r}; its parameters are {known}.{near}")
        for key, declared in layout.parameters.items():
            setattr(self, key, declared.checked(key, parameters.get(key, declared.default), name))
        for key, value in layout.objects.items():
            setattr(self, key, copy.deepcopy(value))

    @property
    def parameters(self) -> dict[str, Number]:
        """The chosen parameters by name."""
        return {name: getattr(self, name) for name in type(self).layout.parameters}

    def indicators(self, candles: Any) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Columns by name, each as long as the candles; a dict under ``"d1"`` holds columns of that timeframe."""
        return {}


def _check_declarations(cls: type[Strategy]) -> None:
    where = f"{cls.__name__} ({getattr(sys.modules.get(cls.__module__), '__file__', cls.__module__)})"
    for name in vars(cls):
        if name.startswith("on_") and name not in HOOKS:
            near = did_you_mean(name, HOOKS)
            raise StrategyError(f"{where} defines {name}, which is no hook.{near} Hooks are {', '.join(HOOKS)}.")
    check_signatures(cls)
    _check_settings(cls, where)


def _check_settings(cls: type[Strategy], where: str) -> None:
    try:
        base = milliseconds(cls.timeframe)
        higher = [milliseconds(t) for t in cls.timeframes]
    except ConfigError as error:
        raise StrategyError(f"{where}: {error}") from None
    for text, length in zip(cls.timeframes, higher, strict=True):
        if length <= base or length % base:
            wanted = f"a multiple of timeframe {cls.timeframe!r}"
            raise StrategyError(f"{where}: timeframes has {text!r}, which is not {wanted}.")
    if isinstance(cls.instruments, str):
        text = repr(cls.instruments)
        raise StrategyError(f"{where}: instruments is the text {text}; write a list: [{text}].")
    if isinstance(cls.instruments, Top):
        _check_rule(cls, cls.instruments, base, where)
    elif not isinstance(cls.instruments, list | tuple) or not all(isinstance(i, str) for i in cls.instruments):
        wanted = "a list of names such as ['binance:BTC/USDT']"
        raise StrategyError(f"{where}: instruments is {cls.instruments!r}; write {wanted}.")
    _check_data(cls, where)
    _check_limits(cls, where)


def _check_limits(cls: type[Strategy], where: str) -> None:
    if cls.limits != {}:
        from planar.config.limits import joined

        try:
            joined(cls.limits)
        except ConfigError as error:
            raise StrategyError(f"{where}: {error}") from None


def _check_rule(cls: type[Strategy], rule: Top, base: int, where: str) -> None:
    for option, length in (("over", rule.over), ("every", rule.every)):
        if milliseconds(length) % base:
            wanted = f"a multiple of timeframe {cls.timeframe!r}"
            raise StrategyError(f"{where}: universe.top has {option}={length!r}, which is not {wanted}.")


def _check_data(cls: type[Strategy], where: str) -> None:
    data = cls.data
    if not isinstance(data, dict):
        raise StrategyError(f"{where}: data is {data!r}; write data = {{'btc': series.candles('binance:BTC/USDT')}}.")
    taken = {*RESERVED, *(alias(each) for each in cls.timeframes)}
    for name, declared in data.items():
        if not isinstance(name, str) or not name.isidentifier() or name in taken or name.startswith("_"):
            raise StrategyError(f"{where}: data {name!r} cannot be read as candle.{name}: choose another name.")
        if not isinstance(declared, Declared):
            remedy = "write series.candles(…), series.funding(…) or series.frame(…)"
            raise StrategyError(f"{where}: data {name!r} is a {type(declared).__name__}: {remedy}.")


def alias(timeframe: str) -> str:
    """How a candle names a higher timeframe: ``"1d"`` is ``candle.d1``."""
    return timeframe[-1] + timeframe[:-1]
