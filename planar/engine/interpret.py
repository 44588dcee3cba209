"""Runs the hooks of a strategy as Python, over the same records as compiled hooks."""

import copy
import functools
import traceback
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from planar.errors import PlanarError, StrategyError, did_you_mean
from planar.kernel.members import arrive
from planar.kernel.state import CANDLES, INSTRUMENT, POSITIONS, STATE, STEP, TELL, TICK, Memory, place
from planar.model.instrument import SIDES, Instrument
from planar.model.order import Event
from planar.store.candles import utc
from planar.strategy.base import Strategy
from planar.strategy.candle import Array, Candle, candle_class
from planar.strategy.columns import Series
from planar.strategy.compiler import slots_of
from planar.strategy.imported import LIBRARIES
from planar.strategy.interpreted import Broker, FillView, HedgedBroker, OrderView
from planar.strategy.membership import MEMBER, Selections
from planar.strategy.memory import bound_class
from planar.strategy.prints import Prints
from planar.strategy.texts import Texts
from planar.strategy.tick import tick_class
from planar.strategy.universe import Member, Universe

PHASE, CURRENT, ITEM, TOLD, DECIDED = (place(STATE, f) for f in ("phase", "current", "item", "told", "decided"))
WIDTH, CANDLE, ROW = INSTRUMENT.itemsize // 8, place(INSTRUMENT, "candle"), place(INSTRUMENT, "row")

OURS = ("planar/engine", "planar/strategy", "planar/kernel")
"""Files that an author's error only passes through."""

CALLERS = ("planar/engine/interpret.py", "planar/strategy/columns.py")
"""Files that call what an author wrote."""


class Account(Protocol):
    """Whose hooks are run: a simulation, or a trader."""

    memory: Memory
    instruments: list[Instrument]


class Interpreter:
    """A strategy bound to an account: one object of it per instrument, as compiled code has one memory each.

    selections: who is a member, where a rule says so. prints: market trades by instrument, where there are any.
    """

    def __init__(
        self,
        strategies: list[Strategy],
        account: Account,
        series: list[Series],
        texts: Texts,
        selections: Selections | None = None,
        prints: Sequence[Prints] = (),
    ) -> None:
        self.account = account
        self.selections = selections
        self.texts = texts
        self.strategy = strategies[0]
        cls = type(strategies[0])
        shared = dict(cls.layout.shared)
        self.bound: list[Any] = [_bind(s, bound_class(cls, shared)) for s in strategies]
        self.shared = shared
        address = account.memory.address
        # What is told of a twin is told to its contract.
        self.owners = getattr(account, "owners", range(len(series)))
        kind = HedgedBroker if any(one.is_hedged for one in account.instruments) else Broker
        self.brokers: list[Broker] = [kind(address, k, texts) for k in range(len(series))]
        self.series = series
        self.ticks = [tick_class(each) for each in prints]
        self.integers = account.memory.state.view(np.int64).data
        self.records = account.memory.instruments
        self.own = self.records.view(np.int64).data
        self.universe = self._universe(cls)

    def side_of(self, index: int) -> str:
        """The side of a twin, empty for all else."""
        twins = getattr(self.account, "twins", [])
        place = index - (len(self.owners) - len(twins))
        return SIDES[twins[place][1]] if place >= 0 and twins else ""

    @functools.cached_property
    def candles(self) -> list[type[Candle]]:
        """Candle classes by instrument."""
        return [_class_of(s) for s in self.series]

    def _universe(self, cls: type[Strategy]) -> Universe | None:
        if not hasattr(cls, "on_step"):
            return None
        members = []
        for k, instrument in enumerate(self.account.instruments[: len(self.series)]):
            members.append(Member(instrument, self.brokers[k], self.candles[k], self.records[k]))
        return Universe(members, self.selections)

    def see(self, k: int, series: Series) -> None:
        """The columns of an instrument have become longer."""
        self.series[k] = series
        self.candles[k] = made = _class_of(series)
        if self.universe is not None:
            self.universe.see(k, made)

    def run_hook(self) -> None:
        """Runs the hook that the kernel asks for."""
        integers = self.integers
        phase, k = integers[PHASE], self.owners[integers[CURRENT]]
        try:
            if phase == CANDLES:
                row = self.own[k * WIDTH + CANDLE] - 1
                if self._is_decided(k, row):
                    self.bound[k].on_candle(self.candles[k](row), self.brokers[k])
            elif phase == TELL:
                self._tell(k, integers[ITEM])
            elif phase == TICK:
                self.bound[k].on_tick(self.ticks[k](self.own[k * WIDTH + ROW]), self.brokers[k])
            elif phase == POSITIONS:
                self.bound[k].on_position(self.brokers[k])
            elif phase == STEP and self.universe is not None:
                self.universe.arrive(integers[DECIDED])
                if self.universe.is_stepping:
                    self.bound[0].on_step(self.universe)
        except Exception as error:
            raise self._told(error, k) from error

    def _is_decided(self, k: int, row: int) -> bool:
        """Whether hooks run on a candle, as compiled code asks it."""
        if self.selections is None:
            return True
        return bool(arrive(self.account.memory.address, k, int(self.series[k].columns[MEMBER][row])))

    def _tell(self, k: int, item: int) -> None:
        address = self.account.memory.address
        events = self.account.memory.logs["events"]
        if events[self.integers[TOLD] - 1]["kind"] == Event.FILL:
            if hasattr(self.bound[k], "on_fill"):
                self.bound[k].on_fill(FillView(address, item, self.texts), self.brokers[k])
            if self.universe is not None:
                self.universe.fund()
        else:
            self.bound[k].on_order_error(OrderView(address, item, self.texts), self.brokers[k])

    def call(self, name: str) -> None:
        """Runs on_start, on_stop or on_reset for every instrument, where the strategy has it."""
        if not hasattr(type(self.strategy), name):
            return
        for k, bound in enumerate(self.bound):
            try:
                getattr(bound, name)(*(() if name == "on_reset" else (self.brokers[k],)))
            except Exception as error:
                raise self._told(error, k, name) from error

    def _told(self, error: Exception, k: int, hook: str = "") -> StrategyError:
        """The author's line and the candle at which a hook raised, in one paragraph."""
        own = authors_of(traceback.extract_tb(error.__traceback__))
        where = f"{own[-1].filename}, line {own[-1].lineno}: {own[-1].line!r}" if own else type(self.strategy).__name__
        hook = hook or (own[0].name if own else "a hook")
        candle = int(self.records[k]["candle"])
        of = f"{self.account.instruments[k].name} ({utc(int(self.integers[DECIDED]))})"
        at = f"at candle {candle:,} of {of}" if candle else "at the start"
        text = str(error).rstrip(".") + self._near(error)
        kind = "" if isinstance(error, PlanarError) else f"{type(error).__name__}: "
        end = "" if text.endswith("?") else "."
        return StrategyError(f"{type(self.strategy).__name__}.{hook} raised {at}: {kind}{text}{end} In {where}")

    def _near(self, error: Exception) -> str:
        """The nearest name to one that the strategy does not declare."""
        if not isinstance(error, AttributeError) or not any(error.obj is b for b in self.bound):
            return ""
        near = did_you_mean(error.name or "", [n for n in dir(error.obj) if not n.startswith("_")])
        return f".{near}" if near else ""

    def save(self, memories: list[np.ndarray], shared: np.ndarray) -> None:
        """Writes memory into the records that compiled hooks use."""
        slots, _, _ = slots_of(type(self.strategy).layout)
        for bound, memory in zip(self.bound, memories, strict=True):
            for name, kind, where, at in slots:
                if isinstance(kind, int):
                    memory[at : at + kind] = getattr(bound, name)[:]
                else:
                    _put(memory if where == "_memory" else shared, at, kind, getattr(bound, name))

    def restore(self, memories: list[np.ndarray], shared: np.ndarray) -> None:
        """Reads memory back from those records."""
        slots, _, _ = slots_of(type(self.strategy).layout)
        parameters = type(self.strategy).layout.parameters
        for bound, memory in zip(self.bound, memories, strict=True):
            for name, kind, where, at in slots:
                if name in parameters:
                    continue
                if isinstance(kind, int):
                    bound.__dict__[name] = Array(memory[at : at + kind].copy(), f"self.{name}")
                else:
                    setattr(bound, name, _take(memory if where == "_memory" else shared, at, kind))


def within_hook(stack: Sequence[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The author's frames of a whole program's stack; none where it stands in compiled code, or in no hook."""
    calls = [i for i, frame in enumerate(stack) if frame.filename.endswith(CALLERS)]
    return authors_of(stack[calls[-1] + 1 :]) if calls else []


def authors_of(frames: Sequence[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames of an author's own files; those of the libraries they call only where there are no others."""
    others = [f for f in frames if not any(part in f.filename for part in OURS)]
    return [f for f in others if not f.filename.startswith(LIBRARIES)] or others


def _put(memory: np.ndarray, at: int, kind: str, value: float) -> None:
    if kind == "float":
        memory[at] = value
    else:
        memory.view(np.int64)[at] = int(value)


def _take(memory: np.ndarray, at: int, kind: str) -> float:
    if kind == "float":
        return float(memory[at])
    value = int(memory.view(np.int64)[at])
    return bool(value) if kind == "bool" else value


def _bind(strategy: Strategy, bound: type[Strategy]) -> Strategy:
    """A copy of the strategy with memory of its own."""
    made = object.__new__(bound)
    layout = type(strategy).layout
    made.__dict__.update(strategy.__dict__)
    for name, value in layout.objects.items():
        made.__dict__[name] = copy.deepcopy(strategy.__dict__.get(name, value))
    made.__dict__.update(layout.memory)
    for name, declared in layout.arrays.items():
        made.__dict__[name] = Array(np.full(declared.length, declared.default), f"self.{name}")
    return made


def _class_of(series: Series) -> type[Any]:
    higher = {name: (_class_of(inner), rows) for name, (inner, rows) in series.higher.items()}
    return candle_class(series, higher, series.offsets)
