"""`files_of`: the files that decide what a strategy does: its own, and those of its author that it imports."""

import ast
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from planar.errors import StrategyError
from planar.strategy.base import Strategy

LIBRARIES = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
"""Folders of Python's own and of installed files."""

NOT_AUTHORS = (*LIBRARIES, str(Path(__file__).parents[1]), "built-in", "frozen")


def files_of(cls: type[Strategy]) -> list[Path]:
    """The strategy's file, then the modules that it imports, and those that they do; libraries are left out.

    Raises StrategyError for a class that stands in no file.
    """
    return list(modules_of(cls))


def modules_of(cls: type[Strategy]) -> dict[Path, str]:
    """The same files, and the name under which each is imported.

    Raises StrategyError for a class that stands in no file.
    """
    own = inspect.getsourcefile(cls)
    if own is None:
        raise StrategyError(
            f"{cls.__name__} stands in no file; a session needs one, to be started again after a crash."
        )
    found, waiting = dict[Path, str](), [(Path(own), cls.__module__)]
    while waiting:
        path, module = waiting.pop()
        found[path] = module
        for name in _imports(path, module):
            file = _file_of(name)
            if file is not None and file not in found:
                waiting.append((file, name))
    first, *others = found
    return {path: found[path] for path in (first, *sorted(others))}


def _imports(path: Path, module: str) -> Iterator[str]:
    """Names of modules that a file may import, in its hooks too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:  # nothing has imported it yet, or it could not have been
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (part for each in node.names for part in _parts(each.name))
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package)
            yield from _parts(base)
            yield from (f"{base}.{each.name}" for each in node.names)


def _parts(name: str) -> Iterator[str]:
    """A module, and the packages that it lies in: they are run before it."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _file_of(name: str) -> Path | None:
    """The file of a module that is its author's; None for a library's, and for a name that is no module's."""
    for part in (name.partition(".")[0], name):  # to look into a library would import it
        spec = _spec(part)
        if spec is None or (spec.origin or "").startswith(NOT_AUTHORS):
            return None
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def _spec(name: str) -> ModuleSpec | None:
    try:
        return getattr(sys.modules[name], "__spec__", None) if name in sys.modules else importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
