"""``user/planar.toml`` and the environment, joined and checked."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, replace
from pathlib import Path
from typing import Any

from planar.config.check import checked, parsed
from planar.config.files import read_toml
from planar.config.names import RENAMED, canonical, ccxt_ids, exchange_id
from planar.config.settings import (
    INNER,
    NOTHING,
    SECTIONS,
    ExchangeSettings,
    Limits,
    Risk,
    Settings,
    StrategySettings,
    spellings,
)
from planar.errors import ConfigError, did_you_mean

Place = tuple[str, ...]
"""Where a section stands: ``("exchanges", "binance", "limits")``."""

PREFIX = "PLANAR__"
RATE = ("rateLimit", "rate_limit")
"""As a table, the limits; as a number, a time."""

FOLDER = Path("user")

PLAIN = {"RATE_LIMIT_BUFFER": ("defaults", "limit_buffer"), "EXCHANGE_MAX_RETRIES": ("defaults", "retries")}
SECONDS = "EXCHANGE_REQUEST_TIMEOUT"
"""Variables that stand for one setting; this one is in seconds, the setting in milliseconds."""


@dataclass(frozen=True)
class Config:
    """Settings, where each that was set came from (``"routing.failover"``), and the folder they were read in."""

    settings: Settings
    sources: Mapping[str, str]
    folder: Path
    custom: frozenset[str] = frozenset()  # ids of exchanges that the file adds


@dataclass
class _Table:
    """One section while it is read: values by setting, and where each came from."""

    kind: type
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Gathers values, the later source over the earlier."""

    def __init__(self, custom: set[str]) -> None:
        self.custom = custom
        self.tables: dict[Place, _Table] = {}

    def table(self, path: Place) -> _Table:
        """The section of that path, ``("exchanges", "binance", "limits")``."""
        if path not in self.tables:
            self.tables[path] = _Table(_kind(path))
        return self.tables[path]

    def take(self, path: Place, content: Any, source: str) -> None:
        """Reads a table of the file."""
        shown = ".".join(path[1:] if path[0] == "exchanges" else path)
        if not isinstance(content, Mapping):
            raise ConfigError(f"{source}: {shown} = {content!r} must be a section, as in [{shown}].")
        table, seen = self.table(path), dict[str, str]()
        for key, value in content.items():
            inner, _ = INNER.get(table.kind, ("", None))
            if key == inner or (table.kind is ExchangeSettings and key in RATE and isinstance(value, Mapping)):
                self.take((*path, inner), value, source)
                continue
            one = spellings(table.kind).get(key)
            if one is None:
                known = [*spellings(table.kind)]
                raise ConfigError(
                    f"{source}: [{shown}] has no setting {key!r}.{did_you_mean(key, known)} See `planar config show`."
                )
            before = seen.setdefault(one.name, key)
            if before != key:
                raise ConfigError(f"{source}: [{shown}] sets {before} and {key}, which are the same. Keep one of them.")
            self.put(path, one.name, value, f"{source}, [{shown}]", source, key)

    def put(self, path: Place, name: str, value: Any, place: str, source: str, key: str = "") -> None:
        """Checks and keeps one value."""
        table = self.table(path)
        table.values[name] = checked(spellings(table.kind)[name], value, f"{place}: {key or name}")
        table.sources[name] = source

    def settings(self) -> Settings:
        """All that was read, frozen."""
        built: dict[str, Any] = {name: kind(**self.table((name,)).values) for name, kind in SECTIONS.items()}
        exchanges = {}
        for path in [p for p in self.tables if p[0] == "exchanges" and len(p) == 2]:
            limits = Limits(**self.table((*path, "limits")).values)
            values = {**built["defaults"].of_exchanges(), **self.table(path).values}
            exchanges[path[1]] = ExchangeSettings(**values, limits=limits)
        return Settings(**built, exchanges=exchanges, strategies=self._strategies(built["risk"]))

    def _strategies(self, usual: Risk) -> dict[str, StrategySettings]:
        names = dict.fromkeys(path[1] for path in self.tables if path[0] == "strategies")
        of = {name: (self.table(("strategies", name)), self.table(("strategies", name, "risk"))) for name in names}
        return {
            name: StrategySettings(**mine.values, risk=replace(usual, **risk.values))
            for name, (mine, risk) in of.items()
        }

    def sources(self) -> dict[str, str]:
        """Where each setting that was set came from."""
        return {".".join((*p, name)): source for p, t in self.tables.items() for name, source in t.sources.items()}


def load(folder: Path = FOLDER, environment: Mapping[str, str] | None = None) -> Config:
    """Reads and checks what the user set. A folder without a file is all defaults.

    environment: instead of the process's own.
    Raises ConfigError naming file, section, key and remedy.
    """
    path = folder / "planar.toml"
    environment = os.environ if environment is None else environment
    return load_content(read_toml(path).unwrap(), str(path), environment, folder)


def load_content(
    content: Mapping[str, Any], source: str, environment: Mapping[str, str] = NOTHING, folder: Path = FOLDER
) -> Config:
    """`load` of what a file holds. source: the file's name, for errors."""
    reader = _Reader(_custom(content))
    _take_file(reader, content, source)
    _take_environment(reader, environment)
    _check_default(reader, source)
    return Config(reader.settings(), reader.sources(), folder, frozenset(reader.custom))


def place_of(name: str, content: Mapping[str, Any] = NOTHING) -> tuple[Place, type, Field]:
    """Section, its kind and setting that ``"binance.timeout"`` names. content: of the file, which may add exchanges."""
    return _place(_Reader(_custom(content)), name.split("."), repr(name))


def _kind(path: Place) -> type:
    if path[0] not in ("exchanges", "strategies"):
        return SECTIONS[path[0]]
    kind = ExchangeSettings if path[0] == "exchanges" else StrategySettings
    return INNER[kind][1] if len(path) == 3 else kind


def _custom(content: Mapping[str, Any]) -> set[str]:
    """Exchanges that the file itself adds."""
    tables = [content, content.get("exchanges", {})]
    return {
        canonical(name)
        for table in tables
        if isinstance(table, Mapping)
        for name, section in table.items()
        if isinstance(section, Mapping) and section.get("connector")
    }


def _take_file(reader: _Reader, content: Mapping[str, Any], source: str) -> None:
    for name, section in content.items():
        if name in SECTIONS:
            reader.take((name,), section, source)
        elif name in ("exchanges", "strategies"):
            if not isinstance(section, Mapping):
                raise ConfigError(f"{source}: {name} = {section!r} must hold sections, as in [{name}.NAME].")
            for each, inner in section.items():
                _take_named(reader, name, each, inner, source)
        else:
            _take_named(reader, "exchanges", name, section, source)


def _take_named(reader: _Reader, group: str, name: str, section: Any, source: str) -> None:
    key = name
    if group == "exchanges":
        key = _exchange(reader, name, source)
    if (group, key) in reader.tables:
        raise ConfigError(f"{source}: {name!r} has two sections, [{key}] and [{group}.{name}]. Write one of them.")
    reader.take((group, key), section, source)


def _exchange(reader: _Reader, name: str, source: str) -> str:
    try:
        return exchange_id(name, reader.custom)
    except ConfigError:
        known = [*SECTIONS, "exchanges", "strategies", *ccxt_ids(), *RENAMED, *reader.custom]
        raise ConfigError(
            f"{source}: [{name}] is neither a section nor an exchange.{did_you_mean(name, known)}"
        ) from None


def _check_default(reader: _Reader, source: str) -> None:
    """The default exchange exists."""
    table = reader.table(("defaults",))
    if "exchange" in table.values:
        try:
            exchange_id(table.values["exchange"], reader.custom)
        except ConfigError as error:
            raise ConfigError(f"{table.sources.get('exchange', source)}: defaults.exchange: {error}") from None


def _take_environment(reader: _Reader, environment: Mapping[str, str]) -> None:
    for variable, name, text in _exchange_variables(reader, environment):
        _put_text(reader, ("exchanges", name), "sandbox", text, variable)
    for variable, (section, name) in PLAIN.items():
        if variable in environment:
            _put_text(reader, (section,), name, environment[variable], variable)
    if SECONDS in environment:
        text = environment[SECONDS]
        try:
            text = str(round(float(text) * 1000))
        except (ValueError, OverflowError):
            raise ConfigError(f"environment variable {SECONDS} = {text!r} must be a number of seconds.") from None
        _put_text(reader, ("defaults",), "timeout", text, SECONDS)
    for variable in sorted(environment):
        if variable.startswith(PREFIX):
            words = variable[len(PREFIX) :].lower().split("__")
            path, _, one = _place(reader, words, f"environment variable {variable}")
            _put_text(reader, path, one.name, environment[variable], variable)


def _put_text(reader: _Reader, path: Place, name: str, text: str, variable: str) -> None:
    one = spellings(_kind(path))[name]
    reader.put(path, one.name, parsed(one, text), f"environment variable {variable}", f"environment {variable}")


def _exchange_variables(reader: _Reader, environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """``BINANCE_TESTNET`` and its like: the variable, the exchange, its text."""
    known = {*ccxt_ids(), *RENAMED, *reader.custom}
    for variable, text in environment.items():
        name, _, word = variable.lower().rpartition("_")
        if word in ("testnet", "sandbox") and name in known:
            yield variable, canonical(name), text


def _place(reader: _Reader, words: list[str], shown: str) -> tuple[Place, type, Field]:
    """Section, its kind and setting that these words name. shown: what the user wrote, for errors."""
    if words[0] not in (*SECTIONS, "exchanges", "strategies"):
        words = ["exchanges", *words]
    *path, name = words
    is_single = len(path) == 1 and path[0] in SECTIONS
    is_limits = len(path) == 3 and path[0] == "exchanges" and path[2] in ("limits", *RATE)
    is_risk = len(path) == 3 and (path[0], path[2]) == ("strategies", "risk")
    if not (is_single or is_limits or is_risk or (len(path) == 2 and path[0] not in SECTIONS)):
        raise ConfigError(f"{shown} names no setting; write a section and its key, as binance.timeout.")
    if path[0] == "exchanges":
        path = [path[0], _exchange(reader, path[1], shown), *(["limits"] if is_limits else [])]
    known = {key.lower(): one for key, one in spellings(_kind(tuple(path))).items()}
    if name.lower() not in known:
        raise ConfigError(f"{shown} names no setting.{did_you_mean(name.lower(), known)} See `planar config show`.")
    return tuple(path), _kind(tuple(path)), known[name.lower()]
