"""What a method does wrong by its text alone, told before it runs: memory that nobody declared (``self.cuont = 1``),
a parameter that is assigned, a log line whose places are not as many as its numbers.

What is assigned where a run is prepared (``__init__``, ``on_start``, …) counts as declared; so does what the methods
that those call assign.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from weakref import WeakSet

from planar.errors import StrategyError, did_you_mean
from planar.strategy.parameter import Parameter
from planar.strategy.signature import alternatives
from planar.strategy.texts import misfit

IS_CHOSEN = "self.{0}, a parameter, which stays as the user chose it. Declare memory instead, such as my_{0} = 0."
"""Why a parameter cannot be assigned."""

PREPARING = ("__init__", "indicators", "warmup", "on_reset", "on_start", "on_stop")


@dataclass(frozen=True)
class _Method:
    """What a method does with ``self``, and what is wrong with its log lines.

    assigned: line of each name that it assigns; read: names it reads or calls; misfits: lines with what is wrong.
    """

    name: str
    file: str
    assigned: dict[str, int]
    read: frozenset[str]
    misfits: tuple[tuple[int, str], ...] = ()


_sound: WeakSet[type] = WeakSet()
"""Classes that were looked at. A session that goes on loads its file anew: the class of the time before must go."""


def check_memory(cls: type, base: type) -> None:
    """Raises StrategyError with file, line and the nearest name for memory that neither a class nor its bases declare.

    Likewise for a parameter that is assigned, and for a log line whose places are not as many as its numbers.
    base: Strategy; what it defines itself is not looked at.
    """
    if cls in _sound:
        return
    methods = [m for owner in cls.__mro__[: cls.__mro__.index(base)] for m in _methods(owner)]
    _check_parameters(cls, methods)
    _check_logs(cls, methods)
    preparing = _reached(methods)
    known = {*dir(cls), *(name for m in methods if m.name in preparing for name in m.assigned)}
    for method in methods:
        for name, line in method.assigned.items():
            if name not in known and method.name not in preparing:
                near = did_you_mean(name, [n for n in known if not n.startswith("__")])
                remedy = f"Declare it in the class, such as {name} = 0."
                where = f"{method.file}, line {line}: {cls.__name__}.{method.name}"
                raise StrategyError(f"{where} assigns self.{name}, which the class does not declare.{near} {remedy}")


def _check_parameters(cls: type, methods: list[_Method]) -> None:
    for method in methods:
        for name, line in method.assigned.items():
            if method.name != "__init__" and isinstance(inspect.getattr_static(cls, name, None), Parameter):
                where = f"{method.file}, line {line}: {cls.__name__}.{method.name}"
                raise StrategyError(f"{where} assigns {IS_CHOSEN.format(name)}")


def _check_logs(cls: type, methods: list[_Method]) -> None:
    for method in methods:
        for line, wrong in method.misfits:
            raise StrategyError(f"{method.file}, line {line}: {cls.__name__}.{method.name}: {wrong}")


def _methods(owner: type) -> Iterator[_Method]:
    for name, value in vars(owner).items():
        for function in alternatives(value):
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
    code = function.__code__
    logs = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_of_argument(n.func, code)]
    wrong = ((n.lineno + first - 1, misfit_of(n)) for n in logs)
    misfits = tuple((line, text) for line, text in wrong if text)
    return _Method(name, code.co_filename, stored, frozenset(n.attr for n in own), misfits)


def _is_of_argument(function: ast.expr, code: CodeType) -> bool:
    """Whether it is ``broker.log``, whatever the author calls the broker."""
    is_log = isinstance(function, ast.Attribute) and function.attr == "log" and isinstance(function.value, ast.Name)
    return is_log and function.value.id in code.co_varnames[1 : code.co_argcount]


def misfit_of(call: ast.Call) -> str:
    """What is wrong with a call of ``broker.log``, as far as its text is a constant and all its numbers are told."""
    numbers = call.args[1:]
    if call.keywords or not call.args or any(isinstance(n, ast.Starred) for n in numbers):
        return ""
    text = call.args[0]
    is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
    return misfit(text.value, len(numbers)) if is_text else ""


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
