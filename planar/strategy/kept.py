"""`Code`: the files that a strategy is, as a journal keeps them, and the strategy made of them again.

What was kept runs beside what stands on the disk now: its modules have names of their own, and what they import of
each other is found among them. Libraries are those of this program.
"""

import builtins
import hashlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from planar.config.files import cache_folder, write_atomically
from planar.errors import PlanarError
from planar.strategy.base import Strategy
from planar.strategy.imported import modules_of
from planar.strategy.load import broken, load

ROOT = "planar_code_"
"""Of the names of modules that were kept; the hash of all of them follows, then what each is called."""


@dataclass(frozen=True)
class File:
    """A module's file. path: where it stood; text: what it was, bytes that are no text as surrogates."""

    module: str
    path: str
    text: str

    @property
    def content(self) -> bytes:
        """As it stood on the disk."""
        return self.text.encode(errors="surrogateescape")


@dataclass(frozen=True)
class Code:
    """All that its author wrote of a strategy. name: of its class; files: its own first, then those it imports."""

    name: str
    files: tuple[File, ...]

    @classmethod
    def of(cls, strategy: type[Strategy]) -> "Code":
        """As its files are now. Raises StrategyError for a class that stands in no file."""
        modules = modules_of(strategy).items()
        files = (File(name, str(path), path.read_bytes().decode(errors="surrogateescape")) for path, name in modules)
        return cls(strategy.__name__, tuple(files))

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Code":
        """What `document` made."""
        return cls(document["name"], tuple(File(**each) for each in document["files"]))

    def document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"code": self.hash, "name": self.name, "files": [asdict(each) for each in self.files]}

    @property
    def hash(self) -> str:
        """Of all files."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(file.content)
        return digest.hexdigest()[:16]

    def loaded(self, place: str) -> type[Strategy]:
        """The class of this code: of its place where that is still the same, else of what was kept."""
        try:
            found = load(place)
            if code_of(found) == self.hash:
                return found
        except PlanarError:  # edited so that it does not load, or gone
            pass
        return self.revived()

    def revived(self) -> type[Strategy]:
        """The class of what was kept, whatever stands at its place now. Raises StrategyError as `load` does."""
        root = f"{ROOT}{self.hash}"
        _kept.setdefault(root, {file.module: file for file in self.files})
        own = self.files[0]
        try:
            module = importlib.import_module(f"{root}.{own.module}")
        except Exception as error:
            raise broken(error, _place(root, own)) from error
        return getattr(module, self.name)


def code_of(cls: type[Strategy]) -> str:
    """A hash of the file that a strategy stands in, and of its author's modules that it imports."""
    return Code.of(cls).hash


_kept: dict[str, dict[str, File]] = {}
"""Files by module, of each code that runs beside what stands on the disk."""


class _Finder(MetaPathFinder):
    """Finds modules that were kept, and the packages in which they lie."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - as Python calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The spec of a name that begins with `ROOT`; None for all others."""
        root, _, name = fullname.partition(".")
        files = _kept.get(root)
        if files is None:
            return None
        file = files.get(name)
        is_around = not name or any(each.startswith(f"{name}.") for each in files)
        if file is None and not is_around:
            return None
        loader = None if file is None else _Loader(root, file)
        is_package = is_around or (file is not None and Path(file.path).name == "__init__.py")
        return ModuleSpec(fullname, loader, is_package=is_package)


class _Loader(Loader):
    """Runs the text of a file. Its lines are read from a copy of it; ``__file__`` is where it stood."""

    def __init__(self, root: str, file: File) -> None:
        self._root, self._file = root, file

    def exec_module(self, module: ModuleType) -> None:
        """Runs it as the body of a module."""
        place = _place(self._root, self._file)
        if not place.is_file() or place.read_bytes() != self._file.content:
            write_atomically(place, self._file.content)
        module.__file__ = self._file.path
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": partial(_import, self._root)}
        exec(compile(self._file.content, str(place), "exec"), vars(module))


def _place(root: str, file: File) -> Path:
    """The copy of a file, for whoever shows its lines."""
    return cache_folder() / "code" / root.removeprefix(ROOT) / file.module / Path(file.path).name


def _import(
    root: str,
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """``import`` as a module that was kept means it."""
    whole = f"{root}.{name}"
    if level or not _is_kept(root, name):
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    if fromlist:
        return builtins.__import__(whole, globals, locals, fromlist, 0)
    importlib.import_module(whole)
    return sys.modules[f"{root}.{name.partition('.')[0]}"]


def _is_kept(root: str, name: str) -> bool:
    files = _kept[root]
    return name in files or any(each.startswith(f"{name}.") for each in files)


sys.meta_path.append(_Finder())
