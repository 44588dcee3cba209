"""The source of a strategy's hooks, rewritten so that compiled arithmetic equals interpreted arithmetic bit by bit.

Two things differ between numba and Python, and both are mended here, in the copy that is compiled:

* ``x ** 2``: numba multiplies, Python asks the C library. The copy asks the C library too (``power``).
* ``self.count = x / 2``: memory declared as a whole number would silently drop the fraction. The copy checks the
  type (``exact_int``, ``exact_bool``), so that such code is refused and runs interpreted, which raises.

Line numbers are kept, so messages point into the author's file.
"""

import ast
import builtins
import hashlib
import inspect
import textwrap
import types
from dataclasses import dataclass, field

from planar.strategy.base import HOOKS, Layout, Strategy

KNOWN = ("planar", "numpy", "math")
"""Packages whose functions are compiled as they are."""


class CannotCompile(Exception):  # noqa: N818 - it is a decision, not a failure
    """Why a strategy runs interpreted: the reason, and the line where there is one."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass
class Source:
    """Rewritten functions of one strategy, ready to be compiled.

    functions: by the name they have in the copy; strings: every text constant, in order, known to compiled code by
    its place; key: a hash of all that the compiled code depends on.
    """

    file: str
    functions: dict[str, types.CodeType] = field(default_factory=dict)
    globals: dict[str, object] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    strings: tuple[str, ...] = ()
    key: str = ""


class _Rewrite(ast.NodeTransformer):
    """The two mends, and a watch for what can never be compiled."""

    def __init__(self, layout: Layout) -> None:
        self.kinds = {**layout.memory, **layout.shared}
        self.strings: set[str] = set()

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            self.strings.add(node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        return _call("__power__", node, node.left, node.right)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if len(node.targets) == 1:
            node.value = self._checked(node.targets[0], node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        target = node.target
        whole = isinstance(node.op, ast.Pow) or (isinstance(target, ast.Attribute) and target.attr in self.kinds)
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


def _call(name: str, at: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(ast.copy_location(ast.Name(name, ast.Load()), at), list(arguments), []), at)


def read_source(cls: type[Strategy]) -> Source:
    """Rewrites the hooks of a class, its own methods and the plain functions they call.

    Raises CannotCompile with the line when a function has no source or uses what numba never compiles.
    """
    try:
        file = inspect.getsourcefile(cls) or ""
    except TypeError:
        raise CannotCompile("the source of the class is not to be had") from None
    source, digest = Source(file), hashlib.sha256()
    strings: set[str] = set()
    for name in _hooks_to_compile(cls):
        _add(source, cls, name, getattr(cls, name), strings, digest, is_method=True)
    source.strings = tuple(sorted(strings))
    digest.update(repr((cls.layout, source.strings)).encode())
    source.key = digest.hexdigest()[:16]
    return source


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
    tree, line = _parse(function, name)
    rewrite = _Rewrite(cls.layout)
    tree = ast.fix_missing_locations(rewrite.visit(tree))
    strings |= rewrite.strings
    code = compile(tree, source.file, "exec")
    source.functions[name] = next(c for c in code.co_consts if isinstance(c, types.CodeType))
    digest.update(f"{name}:{line}:{ast.dump(tree)}".encode())
    if is_method:
        source.methods.append(name)
    _add_what_it_uses(source, cls, function, strings, digest)


def _parse(function: types.FunctionType, name: str) -> tuple[ast.Module, int]:
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
    return tree, first


def _add_what_it_uses(
    source: Source, cls: type[Strategy], function: types.FunctionType, strings: set[str], digest
) -> None:
    """Methods that are called on self, and what global names mean: functions are rewritten too, constants are kept."""
    for name in function.__code__.co_names:
        method = inspect.getattr_static(cls, name, None)
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
        digest.update(f"{name}={value!r}".encode())
