"""What Planar needs of this machine: libraries, configuration, room on the disk, a store that opens."""

import operator
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

from planar.config.files import cache_folder
from planar.config.load import FOLDER, Config, load
from planar.config.secrets import FILE, Secrets, load_secrets
from planar.config.vault import LOCKED
from planar.engine.doctor.diagnosis import Diagnosis, Grade, failed
from planar.engine.doctor.places import shown
from planar.errors import ConfigError, DataError

HERE = "this machine"

LIBRARIES = {"ccxt": "ccxt", "duckdb": "duckdb", "numba": "numba", "polars": "polars", "TA-Lib": "talib"}
"""Those that do not work everywhere, or that we know in one version; and what each is imported as."""

LITTLE, TOO_LITTLE = 1 << 30, 100 << 20
"""Bytes free: of candles, 1 GiB holds some 300 years of minutes; below 100 MiB a journal may not be written."""

PATIENCE = 2.0
"""Seconds that a store may be held by who writes a page; who holds it longer is named."""

SIGNS = {"==": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def machine(folder: Path = FOLDER) -> Iterator[Diagnosis]:
    """All of it, each as soon as it is known. folder: the user's."""
    yield _ok("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _libraries()
    path = folder / "planar.toml"
    try:
        config = load(folder)
        yield _ok("settings", f"{path} can be read" if path.exists() else f"there is no {path}: all is as by default")
    except ConfigError as error:
        config = None
        yield failed(HERE, "settings", error)
    if config is not None:
        yield _keys(config, folder)
    store = Path(config.settings.store.path if config else "data/planar.duckdb")
    yield _disk(store)
    yield _store(store)
    yield _cache(cache_folder())


def _ok(check: str, found: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(HERE, check, Grade.OK, found, remedy)


def _libraries() -> Diagnosis:
    versions, wanted = [], _wanted()
    for name, module in LIBRARIES.items():
        try:
            import_module(module)
            version = metadata.version(name)
        except Exception as error:  # a library that does not fit the machine raises what it likes
            found = f"{name} cannot be loaded: {type(error).__name__}: {error}"
            return Diagnosis(HERE, "libraries", Grade.FAULT, found, "Install Planar anew: uv sync --reinstall")
        if not fits(version, wanted.get(name.lower(), "")):
            found = f"{name} is {version}; Planar is made for {name}{wanted[name.lower()]}"
            return Diagnosis(HERE, "libraries", Grade.WARNING, found, "Install what it is made for: uv sync")
        versions.append(f"{name} {version}")
    return _ok("libraries", ", ".join(versions))


def _wanted() -> dict[str, str]:
    """The versions that our own package asks for, ``">=0.68,<0.69"``, by name."""
    found = (re.match(r"([\w.-]+)([^;]*)", line) for line in metadata.requires("planar") or ())
    return {match[1].lower(): match[2].strip() for match in found if match}


def fits(version: str, wanted: str) -> bool:
    """Whether a version is within ``">=0.68,<0.69"``; versions are numbers with points here."""
    clauses = re.findall(r"([<>=]=?)\s*([\d.]+)", wanted)
    return all(SIGNS[sign](_numbers(version), _numbers(number)) for sign, number in clauses)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _keys(config: Config, folder: Path) -> Diagnosis:
    try:
        secrets = load_secrets(folder, custom=config.custom)
    except ConfigError as error:
        return failed(HERE, "keys", error)
    idle = [key for key in secrets.by_key if not key[1] and config.settings.exchange(key[0]).sandbox]
    if idle:
        found = f"keys of {', '.join(shown(key) for key in idle)} are not used: its setting is sandbox = true"
        remedy = f"Put keys of the test environment into [exchanges.{idle[0][0]}_sandbox], or set sandbox = false."
        return Diagnosis(HERE, "keys", Grade.WARNING, found, remedy)
    return _ok("keys", _told(secrets, folder), "" if secrets.by_key else "To add some: planar exchanges add EXCHANGE")


def _told(secrets: Secrets, folder: Path) -> str:
    file = next((path for path in (folder / FILE, folder / LOCKED) if path.exists()), None)
    where = f"{file}, which no other user can read" if file else f"there is no {folder / FILE}"
    whose = ", ".join(shown(key) for key in sorted(secrets.by_key))
    return f"{where}: keys of {whose}" if whose else f"{where}: no keys"


def _disk(store: Path) -> Diagnosis:
    folder = next(each for each in store.absolute().parents if each.exists())
    if not os.access(folder, os.W_OK):
        return Diagnosis(HERE, "disk", Grade.FAULT, f"{folder} cannot be written", f"Run: chmod u+w {folder}")
    return disk(folder, shutil.disk_usage(folder).free)


def disk(folder: Path, free: int) -> Diagnosis:
    """Whether so many free bytes are enough."""
    found = f"{size(free)} are free in {folder}"
    if free >= LITTLE:
        return _ok("disk", found)
    grade = Grade.WARNING if free >= TOO_LITTLE else Grade.FAULT
    return Diagnosis(HERE, "disk", grade, found, "Make room, or move the store: planar config set store.path …")


def _store(path: Path) -> Diagnosis:
    if not path.exists():
        return _ok("store", f"there is no {path} yet; the first candles make it")
    from planar.store.store import Store

    try:
        series = len(Store(path, patience_s=PATIENCE).series())
    except DataError as error:
        return failed(HERE, "store", error)
    return _ok("store", f"{path} opens: {series:,} series of candles, {size(path.stat().st_size)}")


def _cache(folder: Path) -> Diagnosis:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return _ok("cache", f"{folder} can be written")
    except OSError as error:
        found = f"{folder} cannot be written ({error.strerror}): no exchange is asked, nothing compiled is kept"
        return Diagnosis(HERE, "cache", Grade.FAULT, found, "Make it writable, or set XDG_CACHE_HOME.")


def size(count: float) -> str:
    """Bytes in a unit that suits them."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"
