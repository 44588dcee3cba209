"""Compiles the hooks of a strategy to the one signature that the kernel calls, or says why not and where."""

import hashlib
import os
import re
import shutil
import types as python_types
from dataclasses import dataclass, field

import numba

from planar.kernel import calls
from planar.kernel.machine import CACHE, HOOK, address_of, set_cache_folder
from planar.kernel.state import FIRST_COLUMN, Instrument, State
from planar.strategy import exact, typed
from planar.strategy.base import Layout, Strategy
from planar.strategy.membership import MEMBER
from planar.strategy.source import CannotCompile, Source, read_source

KEPT_STRATEGIES = 64

OWN = "__self__((state, ins, memory, shared))"
BROKER = "__broker__((state, index))"
HOOK_SOURCE = {
    "on_candle": f"__f__({OWN}, __candle__((state, ins, table, row)), {BROKER})",
    "on_tick": f"__f__({OWN}, __tick__((ins, row)), {BROKER})",
    "on_fill": f"__f__({OWN}, __fill__((state, table)), {BROKER})",
    "on_order_error": f"__f__({OWN}, __order__((state, table)), {BROKER})",
    "on_position": f"__f__({OWN}, {BROKER})",
}
"""What each hook is called with, in the words of `WRAPPER`; on_fill and on_order_error get their item as ``table``."""

WRAPPER = """
def hook(state, ins, table, row):
    memory, shared, index = __places__(state, ins)
    {call}
    return 0
"""

BY_RULE = "if __arrive__(state, index, int(__column__(table, __member__, row))): "
"""What comes before the call of ``on_candle`` where members are chosen by rule."""


@dataclass
class Hooks:
    """Addresses of compiled hooks, 0 for those that the strategy lacks; texts by their numbers.

    kept: what must live as long as the addresses are used.
    """

    on_candle: int = 0
    on_fill: int = 0
    on_order_error: int = 0
    on_position: int = 0
    on_tick: int = 0
    strings: tuple[str, ...] = ()
    kept: list = field(default_factory=list)


def _line_of(cls: type, name: str) -> int | None:
    return getattr(getattr(getattr(cls, name), "__code__", None), "co_firstlineno", None)


def slots_of(layout: Layout) -> tuple[tuple, int, int]:
    """Places of declared numbers: ((name, kind, where, place), …), slots per instrument, slots shared."""
    slots, place = [], 0
    for name, value in {**{n: p.default for n, p in layout.parameters.items()}, **layout.memory}.items():
        slots.append((name, kind_of(value), "_memory", place))
        place += 1
    for name, declared in layout.arrays.items():
        slots.append((name, declared.length, "_memory", place))
        place += declared.length
    for i, (name, value) in enumerate(layout.shared.items()):
        slots.append((name, kind_of(value), "_shared", i))
    return tuple(slots), place, len(layout.shared)


def kind_of(value: float) -> str:
    """How a declared number is kept."""
    return "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"


@numba.njit
def _places_of_twins(state, ins):
    """The same in hedge mode, of a twin that of its contract."""
    record = Instrument(ins, 0)
    index = record.owner if record.hedge == 1 or record.hedge == -1 else record.index
    return record.memory, State(state, 0).shared, index


@numba.njit
def _places(state, ins):
    """Addresses of the instrument's memory and of the shared one, and its index."""
    record = Instrument(ins, 0)
    return record.memory, State(state, 0).shared, record.index


def compile_strategy(cls: type[Strategy], candle: typed.CandleType, *, hedged: bool = False) -> Hooks:
    """Compiles the hooks that a class defines. Raises CannotCompile with the reason and the line.

    hedged: whether an instrument is in hedge mode.
    """
    if hasattr(cls, "on_step"):
        raise CannotCompile("on_step works on the universe as Python objects", _line_of(cls, "on_step"))
    source = read_source(cls)
    known = (source.key, candle.name, hedged)
    if known not in _compiled:
        _compiled[known] = _compile_source(cls, source, candle, hedged)
    return _compiled[known]


_compiled: dict[tuple[str, str, bool], Hooks] = {}
"""Hooks compiled in this process. Numba refers to functions weakly: they must live as long as their types do."""


def _compile_source(cls: type[Strategy], source: Source, candle: typed.CandleType, hedged: bool) -> Hooks:
    self_type = typed.SelfType(slots_of(cls.layout)[0], source.key)
    broker = typed.BrokerType(source.strings, hedged=hedged)
    names = {
        **source.globals,
        "__builtins__": __builtins__,
        "__name__": __name__,  # numba's cache imports the module of a function: this one can always be had
        **exact.MEANINGS,
    }
    functions = {}
    for name, code in source.functions.items():
        python = python_types.FunctionType(code, names, name, source.defaults[name])
        functions[name] = numba.njit(error_model="python", nogil=True, forceinline=name in HOOK_SOURCE)(python)
        if name not in source.methods:
            names[name] = functions[name]
    typed.bind_methods(self_type, {n: functions[n] for n in source.methods if n not in HOOK_SOURCE})
    made = {
        "__name__": __name__,
        "__builtins__": __builtins__,
        "__self__": typed.maker(self_type),
        "__candle__": typed.maker(candle),
        "__broker__": typed.maker(broker),
        "__order__": typed.maker(typed.ORDER_VIEW),
        "__fill__": typed.maker(typed.FILL_VIEW),
        "__tick__": typed.maker(typed.TICK),
        "__places__": _places_of_twins if hedged else _places,
        "__arrive__": calls.arrive,
        "__column__": typed.column,
        "__member__": FIRST_COLUMN + candle.columns.index(MEMBER) if MEMBER in candle.columns else -1,
    }
    hooks = Hooks(strings=source.strings)
    with _cache_of(source, candle.name + " hedged" * hedged) as is_cached:
        for name in HOOK_SOURCE:
            if name in functions:
                hook = _compile_hook(source, name, {**made, "__f__": functions[name]}, is_cached)
                hooks.kept.append(hook)
                setattr(hooks, name, address_of(hook))
    return hooks


def _compile_hook(source: Source, name: str, names: dict, is_cached: bool):
    rule = BY_RULE if name == "on_candle" and names["__member__"] >= 0 else ""
    code = compile(WRAPPER.format(call=rule + HOOK_SOURCE[name]), source.file, "exec")
    body = next(c for c in code.co_consts if isinstance(c, python_types.CodeType))
    function = python_types.FunctionType(body.replace(co_name=name, co_qualname=name), names, name)
    try:
        return numba.njit(HOOK, cache=is_cached, error_model="python", nogil=True)(function)
    except CannotCompile:
        raise
    except Exception as error:  # numba gives up in many ways
        raise _explained(error, source, name) from None


class _cache_of:  # noqa: N801 - reads as a function
    """Points numba's cache at a folder named after all that this strategy's compiled code depends on."""

    def __init__(self, source: Source, types: str) -> None:
        self.folder = CACHE / f"strategy-{source.key}-{_short_hash(types)}"
        self.is_possible = os.path.isfile(source.file)

    def __enter__(self) -> bool:
        if self.is_possible:
            self.folder.mkdir(exist_ok=True)
            os.utime(self.folder)
            set_cache_folder(self.folder)
            folders = sorted(CACHE.glob("strategy-*"), key=lambda f: f.stat().st_mtime, reverse=True)
            for stale in folders[KEPT_STRATEGIES:]:
                shutil.rmtree(stale, ignore_errors=True)
        return self.is_possible

    def __exit__(self, *_: object) -> None:
        set_cache_folder(CACHE)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _explained(error: Exception, source: Source, hook: str) -> CannotCompile:
    """The line of the author's file that numba stumbled over first, and what it says of it, in one sentence."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = re.findall(r'File "[^"]*' + re.escape(os.path.basename(source.file)) + r'", line (\d+)', text)
    return CannotCompile(f"{hook}: {_reason(text)}", int(lines[0]) if lines else None)


REASONS = (
    (r"Invalid use of getiter with parameters \((?:View|Array)", "a loop over values is not compiled; use a range"),
    (r"\n((?:candle|row|broker|an order|a fill|a row of values) has no [^\n]+)", "{0}"),
    (r"can't resolve ufunc (\w+) for types \[(?:View|Array)", "numpy's {0} of a row of values is not compiled"),
    (
        r"The use of a (?:reflected )?(\w+)[^\n]* type, assigned to variable '(\w+)' in globals",
        "{1!r} is a {0} of the module; of these, numbers, texts and tuples are compiled",
    ),
    (r"exception_match\(none, (\w+)\)", "'except {0}' is not compiled"),
    (r"got an unexpected keyword argument '(\w+)'", "{0}= is given by name; own methods are called by position"),
    (r"missing a required argument: 'indval2'", "min and max of a row of values are written view.min(), view.max()"),
    (r"Unknown attribute '(\w+)' of type (\w+)", "{1} has no {0!r} in compiled code"),
    (r"Untyped global name '(\w+)'[^\n]*type of <class '(?:\w+\.)*(\w+)'>", "{0!r} is a {1}, which is not compiled"),
    (r"Untyped global name '(\w+)'[^\n]*type of ([^\n]+)", "{0!r} is {1}, which is not compiled"),
    (r"NameError: name '(\w+)' is not defined", "{0!r} is not defined"),
    (r"Cannot unify ([^\n]+?) for '(\w+)", "{1!r} is {0}: it must keep one type"),
    (r">>> sum\((?:View|Array)", "the sum of a row of values is written view.sum()"),
    (r">>> getitem\((?:View|Array\(\d+\)), slice", "a slice of values takes no step: write view[first:end]"),
    (r">>> getitem\((?:View|Array\(\d+\)), float", "a place in a row of values is a whole number"),
    (r"TypingError: ([^\n]+)\s+raised from", "{0}"),
    (r">>> ([^\n]+)", "{0} is not compiled"),
    (r"\n([^\n]*(?:not supported|unsupported|cannot)[^\n]*)", "{0}"),
)
"""What numba says, by pattern, and how it is told."""


def _reason(text: str) -> str:
    for pattern, words in REASONS:
        found = re.search(pattern, text)
        if found:
            return words.format(*(g.strip() for g in found.groups()))
    told = [line for line in text.splitlines() if line.strip() and not line.startswith("Failed in")]
    return told[0].strip() if told else type(text).__name__
