"""Finds a strategy by name, path or ``module:Class``; what is broken is told with file, line and remedy."""

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from planar.errors import PlanarError, StrategyError, did_you_mean
from planar.strategy.base import Strategy

PACKAGE = Path(__file__).parent.parent


def folders() -> list[Path]:
    """Where strategies are looked for by name, first found first: the user's, the folder's, the bundled ones."""
    return [Path("user/strategies"), Path("strategies"), PACKAGE / "strategies", PACKAGE.parent / "strategies"]


def available() -> dict[str, Path]:
    """File of each strategy that can be loaded by name."""
    found: dict[str, Path] = {}
    for folder in folders():
        for file in sorted(folder.glob("*.py")) if folder.is_dir() else []:
            if not file.name.startswith("_"):
                found.setdefault(file.stem, file)
    return found


def load(what: str | Path | type[Strategy]) -> type[Strategy]:
    """The strategy class of a name, a path (``file.py`` or ``file.py:Class``), ``module:Class``, or the class itself.

    Raises StrategyError with file, line and remedy.
    """
    if isinstance(what, type) and issubclass(what, Strategy):
        return what
    if not isinstance(what, str | Path):
        raise StrategyError(f"{what!r} is no strategy: give a Strategy class, an instance, a name or a path.")
    text = str(what)
    target, _, name = text.rpartition(":") if re.search(r":\w+$", text) else (text, "", "")
    if target.endswith(".py") or "/" in target:
        return _class_of(_module(Path(target)), name, target)
    if name:
        return _class_of(_imported(target), name, target)
    known = available()
    stem = _stem(target, known)
    if stem is None:
        near = did_you_mean(target, known)
        places = ", ".join(str(f) for f in folders()[:2])
        where = f"in {places} or among the bundled ones"
        raise StrategyError(f"there is no strategy {target!r} {where}.{near} Known: {', '.join(known)}.")
    return _class_of(_module(known[stem]), "", str(known[stem]))


def _stem(name: str, known: dict[str, Path]) -> str | None:
    """File stem of a name written as the file (``sma_cross``) or as the class (``SmaCross``)."""
    if name in known:
        return name
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return snake if snake in known else None


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        near = did_you_mean(path.name, [f.name for f in path.parent.glob("*.py")] if path.parent.is_dir() else [])
        raise StrategyError(f"there is no file {path}.{near}")
    name = f"planar_strategy_{path.resolve().stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} is no Python file: a strategy is loaded from a name.py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(name, None)
        raise broken(error, path) from error
    return module


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise broken(error, Path(name)) from error


def broken(error: Exception, path: Path) -> PlanarError:
    """What went wrong while a strategy's file ran, at the last line that is the file's own."""
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()
        return StrategyError(f"{error.filename or path}, line {error.lineno}: {error.msg}: {text!r}. Mend that line.")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path.resolve())]
    line = f", line {frames[-1].lineno}: {frames[-1].line!r}" if frames else ""
    if isinstance(error, PlanarError):
        is_placed = not line or path.name in str(error)
        return error if is_placed else type(error)(f"{error} In {path}{line}")
    remedy = (
        " Install it, or import it inside the hook that needs it." if isinstance(error, ModuleNotFoundError) else ""
    )
    return StrategyError(f"{path}{line} raised {type(error).__name__}: {error}.{remedy}")


def _class_of(module: ModuleType, name: str, where: str) -> type[Strategy]:
    all_ = {k: v for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Strategy)}
    own = {k: v for k, v in all_.items() if v is not Strategy and v.__module__ == module.__name__}
    if name:
        if name in all_:
            return all_[name]
        near = did_you_mean(name, own)
        raise StrategyError(f"{where} has no strategy {name!r}.{near} It has {', '.join(own) or 'none'}.")
    if len(own) == 1:
        return next(iter(own.values()))
    if not own:
        raise StrategyError(f"{where} defines no class that derives from planar.Strategy. Write: class Mine(Strategy).")
    names = ", ".join(own)
    raise StrategyError(f"{where} defines {len(own)} strategies: {names}. Say which: {where}:{next(iter(own))}.")
