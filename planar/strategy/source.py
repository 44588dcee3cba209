"""The source of a strategy's hooks, rewritten so that compiled arithmetic equals interpreted arithmetic bit by bit.

Two things differ between numba and Python, and both are mended here, in the copy that is compiled:

* ``x ** 2``: numba multiplies, Python asks the C library. The copy asks the C library too (``power``).
* ``self.count = x / 2``: memory declared as a whole number would silently drop the fraction. The copy checks the
  type (``exact_int``, ``exact_bool``), so that such code is refused and runs interpreted, which raises.

What the interpreted form refuses is not compiled either: a broker's call with other arguments than it takes, memory
that the class does not declare. It runs interpreted, which raises at the line.

Line numbers are kept, so messages point into the author's file.
"""

import ast
import builtins
import functools
import hashlib
import inspect
import textwrap
import types
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planar.errors import did_you_mean
from planar.kernel import views
from planar.strategy import exact
from planar.strategy.assigned import first_unassigned
from planar.strategy.base import Strategy
from planar.strategy.interpreted import Broker
from planar.strategy.signature import HOOKS
from planar.strategy.undeclared import is_self, misfit_of

INEXACT = ("numpy", "math")
"""Packages of which only some functions compute the same when compiled."""

KNOWN = ("planar", *INEXACT)
"""Packages whose functions are compiled as they are."""


TEXTS = (str, repr, format, ascii, chr)
"""Functions that make texts; numba's make other ones."""


NOT_COMPILED: dict[type, str] = {
    ast.With: "with",
    ast.Import: "an import inside a function",
    ast.ImportFrom: "an import inside a function",
    ast.GeneratorExp: "a generator (… for … in …)",
}
"""What is never compiled, in plain words."""


class CannotCompile(Exception):  # noqa: N818 - it is a decision, not a failure
    """Why a strategy runs interpreted: the reason, and the line where there is one."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass
class Source:
    """Rewritten functions of one strategy, ready to be compiled.

    functions, defaults: by the name they have in the copy; strings: every text constant, in order, known to compiled
    code by its place; key: a hash of all that the compiled code depends on.
    """

    file: str
    functions: dict[str, types.CodeType] = field(default_factory=dict)
    globals: dict[str, object] = field(default_factory=dict)
    defaults: dict[str, tuple | None] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    strings: tuple[str, ...] = ()
    key: str = ""


class _Rewrite(ast.NodeTransformer):
    """The mends, and a watch for what can never be compiled. names: the function's own variables."""

    def __init__(self, cls: type[Strategy], function: types.FunctionType) -> None:
        layout = cls.layout
        self.kinds = {**{n: p.default for n, p in layout.parameters.items()}, **layout.memory, **layout.shared}
        self.layout, self.known = layout, set(dir(cls))
        self.names, self.globals = function.__code__.co_varnames, function.__globals__
        self.strings: set[str] = set()

    def visit(self, node: ast.AST) -> Any:
        what = NOT_COMPILED.get(type(node))
        if what:
            raise CannotCompile(f"{what} is not compiled", getattr(node, "lineno", None))
        return super().visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if is_self(node.value):
            self._check_declared(node)
        return node

    def _check_declared(self, node: ast.Attribute) -> None:
        name = node.attr
        if name in self.layout.objects:
            kind = type(self.layout.objects[name]).__name__
            raise CannotCompile(f"self.{name} is a {kind}; only numbers and arrays are compiled", node.lineno)
        if name in self.layout.parameters and isinstance(node.ctx, ast.Store):
            raise CannotCompile(f"self.{name} is a parameter, which cannot be assigned: declare memory", node.lineno)
        if name in self.layout.arrays and isinstance(node.ctx, ast.Store):
            raise CannotCompile(f"self.{name} is an array: its places are assigned, never the array", node.lineno)
        if name not in self.known:
            near = did_you_mean(name, [n for n in self.known if not n.startswith("_")])
            raise CannotCompile(f"the class declares no {name!r}.{near}", node.lineno)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            self._check_broker(function.value, function.attr, node)
        return self._exact(node)

    def _exact(self, node: ast.Call) -> ast.expr:
        """A call of Python's, math's or numpy's that computes the same to the last bit, or a refusal."""
        meaning = self._meaning(node.func)
        if meaning in TEXTS:
            raise CannotCompile(f"{ast.unparse(node)} is not compiled: texts are constants", node.lineno)
        home = getattr(meaning, "__module__", None) or ""
        if not isinstance(meaning, Hashable) or (meaning not in exact.REPLACED and not home.startswith(INEXACT)):
            return node
        if meaning in exact.REPLACED and len(node.args) == 1 and not node.keywords:
            return ast.copy_location(_call(exact.REPLACED[meaning], node, *node.args), node)
        if meaning not in exact.EQUAL:
            name = getattr(meaning, "__name__", "")
            instead = f"; a row of values has .{name}()" if name in views.REDUCTIONS else ""
            what = f"{ast.unparse(node)} is not compiled: it may differ from Python's in the last bit{instead}"
            raise CannotCompile(what, node.lineno)
        return node

    def _meaning(self, node: ast.expr) -> object:
        """What a name, or an attribute of a module, stands for; None when that is not known."""
        if isinstance(node, ast.Name):
            is_own = node.id in self.names
            return None if is_own else self.globals.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute):
            owner = self._meaning(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, types.ModuleType) else None
        return None

    def _check_broker(self, owner: ast.Name, name: str, node: ast.Call) -> None:
        """Of a function's own variables, self apart, only a broker has methods of these names."""
        if owner.id in self.names and not is_self(owner) and isinstance(vars(Broker).get(name), types.FunctionType):
            _check_arguments(name, node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        name = node.target.id
        raise CannotCompile(
            f"{ast.unparse(node)!r} is not compiled: give {name} its value in a line before", node.lineno
        )

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        remedy = "write broker.log('close {}', candle.close)"
        raise CannotCompile(f"{ast.unparse(node)} is not compiled, texts are constants: {remedy}", node.lineno)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            self.strings.add(node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return _call("__power__", node, node.left, node.right)
        is_float = any(isinstance(n, ast.Constant) and isinstance(n.value, float) for n in (node.left, node.right))
        if isinstance(node.op, ast.Mult) and not is_float:
            return _call("__multiply__", node, node.left, node.right)
        if isinstance(node.op, ast.LShift):
            raise CannotCompile("<< is not compiled: whole numbers have 64 bits there", node.lineno)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if len(node.targets) == 1:
            node.value = self._checked(node.targets[0], node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        target = node.target
        is_kept = isinstance(target, ast.Attribute) and target.attr in self.kinds
        whole = is_kept or isinstance(node.op, ast.Pow | ast.Mult | ast.LShift)
        if not whole or isinstance(target, ast.Subscript):
            self.generic_visit(node)
            return node
        if isinstance(target, ast.Attribute):
            read: ast.expr = ast.Attribute(target.value, target.attr, ast.Load())
        else:
            read = ast.Name(target.id, ast.Load())
        value = ast.copy_location(ast.BinOp(ast.copy_location(read, node), node.op, node.value), node)
        return self.visit(ast.copy_location(ast.Assign([target], value), node))

    def _checked(self, target: ast.expr, value: ast.expr) -> ast.expr:
        if not (isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"):
            return value
        kind = type(self.kinds.get(target.attr))
        if kind is bool:
            return _call("__exact_bool__", value, value)
        return _call("__exact_int__", value, value) if kind is int else value


def _check_arguments(name: str, node: ast.Call) -> None:
    """A broker's call must be one that the interpreted broker takes: it defines the API."""
    by_name = {k.arg: None for k in node.keywords if k.arg}
    if len(by_name) < len(node.keywords) or any(isinstance(a, ast.Starred) for a in node.args):
        raise CannotCompile(f"broker.{name} takes no * in compiled code", node.lineno)
    try:
        inspect.signature(vars(Broker)[name]).bind(None, *node.args, **by_name)
    except TypeError as error:
        raise CannotCompile(f"broker.{name}: {error}", node.lineno) from None
    wrong = misfit_of(node) if name == "log" else ""
    if wrong:
        raise CannotCompile(wrong, node.lineno)


def _call(name: str, at: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(ast.copy_location(ast.Name(name, ast.Load()), at), list(arguments), []), at)


def read_source(cls: type[Strategy]) -> Source:
    """Rewrites the hooks of a class, its own methods and the plain functions they call.

    Raises CannotCompile with the line when a function has no source or uses what numba never compiles.
    """
    source, digest = Source(_file_of(cls)), hashlib.sha256()
    strings: set[str] = set()
    for name in _hooks_to_compile(cls):
        _add(source, cls, name, getattr(cls, name), strings, digest, is_method=True)
    source.strings = tuple(sorted(strings))
    digest.update(repr((cls.layout, source.strings)).encode())
    source.key = digest.hexdigest()[:16]
    return source


@functools.lru_cache(maxsize=64)
def _file_of(cls: type[Strategy]) -> str:
    try:
        return inspect.getsourcefile(cls) or ""
    except TypeError:
        raise CannotCompile("the source of the class is not to be had") from None


def _hooks_to_compile(cls: type[Strategy]) -> list[str]:
    return [h for h in HOOKS if hasattr(cls, h) and h not in ("on_start", "on_stop", "on_reset", "on_step")]


def _add(
    source: Source, cls: type[Strategy], name: str, function: object, strings: set[str], digest, *, is_method: bool
) -> None:
    if name in source.functions:
        return
    if not isinstance(function, types.FunctionType):
        raise CannotCompile(f"{name} is not a plain function")
    if function.__closure__:
        line = function.__code__.co_firstlineno
        raise CannotCompile(f"{name} uses names of an enclosing function, or super()", line)
    code, own_strings, text = _rewritten(cls, function, name, source.file)
    strings |= own_strings
    source.functions[name] = code
    source.defaults[name] = function.__defaults__
    digest.update(f"{text}:{function.__defaults__!r}".encode())
    if is_method:
        source.methods.append(name)
    _add_what_it_uses(source, cls, function, strings, digest)


@functools.lru_cache(maxsize=64)  # a sweep runs one class a thousand times; what was loaded anew since is kept by this
def _rewritten(
    cls: type[Strategy], function: types.FunctionType, name: str, file: str
) -> tuple[types.CodeType, frozenset[str], str]:
    """The rewritten code of a function, the texts in it, and a text of all that it is."""
    tree, definition, line = _parse(function, name)
    unassigned = first_unassigned(definition)
    rewrite = _Rewrite(cls, function)
    tree = ast.fix_missing_locations(rewrite.visit(tree))
    if unassigned is not None:
        raise CannotCompile(f"{unassigned.id!r} may be read before it has a value", unassigned.lineno)
    module = compile(tree, file, "exec")
    code = next(c for c in module.co_consts if isinstance(c, types.CodeType))
    return code, frozenset(rewrite.strings), f"{name}:{line}:{ast.dump(tree)}"


def _parse(function: types.FunctionType, name: str) -> tuple[ast.Module, ast.FunctionDef, int]:
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CannotCompile(f"the source of {name} is not to be had") from None
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise CannotCompile(f"{name} is not a plain function", first)
    definition.name = name
    definition.decorator_list = []
    definition.returns = None
    for argument in definition.args.args:
        argument.annotation = None
    return tree, definition, first


def _add_what_it_uses(
    source: Source, cls: type[Strategy], function: types.FunctionType, strings: set[str], digest
) -> None:
    """Methods that are called on self, and what global names mean: functions are rewritten too, constants are kept."""
    for name in function.__code__.co_names:
        method = next((vars(c)[name] for c in cls.__mro__ if name in vars(c)), None)
        if isinstance(method, types.FunctionType) and name not in HOOKS and not hasattr(Strategy, name):
            _add(source, cls, name, method, strings, digest, is_method=True)
        value = function.__globals__.get(name)
        if value is None or name in source.globals or hasattr(builtins, name):
            continue
        if isinstance(value, types.FunctionType) and value.__module__.partition(".")[0] not in KNOWN:
            source.globals[name] = None  # its place; recursion ends here
            _add(source, cls, f"{name}", value, strings, digest, is_method=False)
            continue
        source.globals[name] = value
        # Of a long array, repr shows the ends alone.
        kept = value.tobytes() if isinstance(value, np.ndarray) else b""
        digest.update(f"{name}={value!r}".encode() + kept)
