"""Memory that nobody declared: a hook that assigns ``self.cuont`` is told so before it runs.

What is assigned where a run is prepared (``__init__``, ``on_start``, …) counts as declared; so does what the methods
that those call assign.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType

from planar.errors import StrategyError, did_you_mean
from planar.strategy.override import Overridden

PREPARING = ("__init__", "indicators", "warmup", "on_reset", "on_start", "on_stop")


@dataclass(frozen=True)
class _Method:
    """What a method does with ``self``. assigned: line of each name that it assigns; read: names it reads or calls."""

    name: str
    file: str
    assigned: dict[str, int]
    read: frozenset[str]


@functools.cache
def check_memory(cls: type, base: type) -> None:
    """Raises StrategyError with file, line and the nearest name for memory that neither a class nor its bases declare.

    base: Strategy; what it defines itself is not looked at.
    """
    methods = [m for owner in cls.__mro__[: cls.__mro__.index(base)] for m in _methods(owner)]
    preparing = _reached(methods)
    known = {*dir(cls), *(name for m in methods if m.name in preparing for name in m.assigned)}
    for method in methods:
        for name, line in method.assigned.items():
            if name not in known and method.name not in preparing:
                near = did_you_mean(name, [n for n in known if not n.startswith("__")])
                remedy = f"Declare it in the class, such as {name} = 0."
                where = f"{method.file}, line {line}: {cls.__name__}.{method.name}"
                raise StrategyError(f"{where} assigns self.{name}, which the class does not declare.{near} {remedy}")


def _methods(owner: type) -> Iterator[_Method]:
    for name, value in vars(owner).items():
        alternatives = [value.base, *(f for _, f in value.alternatives)] if isinstance(value, Overridden) else [value]
        for function in alternatives:
            if isinstance(function, FunctionType):
                yield _method(name, function)


def _method(name: str, function: FunctionType) -> _Method:
    """A method whose source is not to be had assigns nothing."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return _Method(name, "", {}, frozenset())
    own = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and is_self(n.value)]
    stored = {n.attr: n.lineno + first - 1 for n in own if isinstance(n.ctx, ast.Store) and not n.attr.startswith("__")}
    return _Method(name, function.__code__.co_filename, stored, frozenset(n.attr for n in own))


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the name ``self``."""
    return isinstance(node, ast.Name) and node.id == "self"


def _reached(methods: list[_Method]) -> set[str]:
    """Names of the methods that prepare a run, and of those that they call."""
    reached: set[str] = set()
    waiting = set(PREPARING)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= {r for m in methods if m.name == name for r in m.read} - reached
    return reached
