"""Which line of the author's file makes a column: the one that names it, and the one whose values differ first."""

import ast
import inspect
import linecache
import os
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np

from planar.engine.interpret import LIBRARIES
from planar.engine.lookahead.leak import Line
from planar.strategy.base import Strategy
from planar.strategy.load import PACKAGE

PATIENCE = 20_000
"""Lines that are followed; a loop over candles has more than anybody waits for."""

Place = tuple[CodeType, int, int, str]
"""Where an array was seen: in which function, in which of its calls, after which line, under which name."""


def is_authors(file: str) -> bool:
    """Whether a file is neither ours nor a library's."""
    return not file.startswith((*LIBRARIES, f"{PACKAGE}{os.sep}", "<"))


def line_at(code: CodeType, number: int) -> Line:
    """A line of a function."""
    return Line(code.co_filename, number, linecache.getline(code.co_filename, number).strip(), code.co_name)


def line_of_column(strategy: Strategy, column: str) -> Line | None:
    """The line that gives a column its name: in ``indicators``, those it inherits, or a function that they call."""
    alias, _, name = column.rpartition(".")
    for function in _functions(type(strategy)):
        tree = _tree(function)
        inner = next((value for key, value in _named(tree, alias) if isinstance(value, ast.Dict)), None)
        for key, _ in _named(inner or tree, name):
            return line_at(function.__code__, key.lineno)
    return None


def functions_of(cls: type[Strategy], first: list[FunctionType]) -> Iterator[FunctionType]:
    """Functions, and the author's that they call: of the class, or of their module."""
    waiting, met = list(first), set()
    while waiting:
        function = waiting.pop(0)
        if function in met:
            continue
        met.add(function)
        yield function
        for name in names_in(function.__code__):
            for found in (function.__globals__.get(name), inspect.getattr_static(cls, name, None)):
                if isinstance(found, FunctionType) and is_authors(found.__code__.co_filename):
                    waiting.append(found)


def names_in(code: CodeType) -> Iterator[str]:
    """Names that a function reads, those of functions inside it included."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_in(inner)


def _functions(cls: type[Strategy]) -> Iterator[FunctionType]:
    made = [vars(owner).get("indicators") for owner in cls.__mro__]
    return functions_of(cls, [f for f in made if isinstance(f, FunctionType) and is_authors(f.__code__.co_filename)])


def _tree(function: FunctionType) -> ast.AST:
    try:
        lines, first = inspect.getsourcelines(function)
        return ast.increment_lineno(ast.parse(textwrap.dedent("".join(lines))), first - 1)
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _named(tree: ast.AST, name: str) -> Iterator[tuple[ast.expr | ast.keyword, ast.expr]]:
    """Where something is put under a name: into a dict that is written out, one that is added to, ``dict(name=…)``."""
    for node in ast.walk(tree):
        pairs: list[tuple[Any, Any]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.DictComp):
            pairs = [(node.key, node.value)]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            pairs = [(node.targets[0].slice, node.value)]
        elif isinstance(node, ast.Call):
            yield from ((each, each.value) for each in node.keywords if each.arg == name)
        yield from ((key, value) for key, value in pairs if _is_name(key, name))


def _is_name(key: ast.expr | None, name: str) -> bool:
    if isinstance(key, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".*" for p in key.values)
        return re.fullmatch("".join(parts), name) is not None
    return isinstance(key, ast.Constant) and key.value == name


@dataclass(frozen=True)
class Seen:
    """What an array held: digests of what is known before the future, and of all."""

    known: int
    all: int


class Watcher:
    """Follows the author's functions line by line and keeps what the arrays hold that are as long as the candles.

    lengths: of such arrays, with how many of their first values are compared.
    """

    def __init__(self, lengths: dict[int, int]) -> None:
        self.lengths, self.seen = lengths, dict[Place, Seen]()
        self._calls, self._left = Counter[CodeType](), PATIENCE

    def follow(self, work: Callable[[], object]) -> dict[Place, Seen]:
        """What was seen while something is done."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(before)
        return self.seen

    def _enter(self, frame: FrameType, _: str, __: object) -> Callable | None:
        code = frame.f_code
        if not is_authors(code.co_filename):
            return None
        self._calls[code] += 1
        call, line, kept = self._calls[code], frame.f_lineno, dict[str, Seen]()

        def look(frame: FrameType, event: str, given: object) -> Callable | None:
            nonlocal line
            held = dict(frame.f_locals)
            if event == "return":
                held["return"] = given
            for name, seen in self._held(held):
                if kept.get(name) != seen:
                    kept[name] = self.seen[code, call, line, name] = seen
            line, self._left = frame.f_lineno, self._left - 1
            return look if self._left > 0 else None

        return look

    def _held(self, held: dict[str, Any]) -> Iterator[tuple[str, Seen]]:
        for name, value in held.items():
            for part, array in arrays_of(value):
                count = self.lengths.get(len(array))
                if count is not None:
                    yield name + part, Seen(digest(array[:count]), digest(array))


def digest(values: np.ndarray) -> int:
    """A hash of values that tells numbers alone apart, not how they are kept."""
    return hash(values.astype(np.float64).tobytes() if values.dtype.kind in "fiub" else values.tobytes())


def arrays_of(value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays that a value is or holds: of numpy, of polars or pandas, columns of a frame by their names."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        if value.ndim and value.dtype != object:
            yield "", value
    elif hasattr(kind, "to_numpy") and hasattr(kind, "columns"):
        for name in value.columns:
            yield from ((f"[{name!r}]", array) for _, array in arrays_of(value[name]))
    elif hasattr(kind, "to_numpy") and hasattr(kind, "dtype"):
        yield from arrays_of(np.asarray(value.to_numpy()))


def unlike(whole: dict[Place, Seen], part: dict[Place, Seen]) -> dict[Place, Seen]:
    """Where an array differed, in the order that it came to that; with what it held over the whole.

    A line that only the whole came to is compared with what the array was in the end.
    """
    ends = {(code, call, name): seen for (code, call, _, name), seen in part.items()}
    beside = {place: part.get(place) or ends.get((*place[:2], place[3])) for place in whole}
    return {place: seen for place, seen in whole.items() if (other := beside[place]) and other.known != seen.known}


def maker(places: dict[Place, Seen], column: np.ndarray, *, is_lone: bool) -> Line | None:
    """The line after which the first array was other than it was, of those that became a column.

    is_lone: whether no other column differs, so that all became this one. Else these are the arrays of the function
    that made it, where it is another than that which makes them all.
    """
    own = next((place for place, seen in places.items() if seen.all == digest(column)), None)
    if is_lone:
        own = next(iter(places), None)
    elif own is not None and own[0].co_name != "indicators":
        own = next(place for place in places if place[:2] == own[:2])
    return line_at(own[0], own[2]) if own else None
