"""Fill models kept in files: TOML, one line for each assumption of `FillModel`; what is not there is the default.

What is recorded is a list (``latency_ms = [120, 250]``), what is sampled a table (``{ median = 250, sigma = 0.5 }``).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import tomlkit

from planar.config.files import write_atomically
from planar.errors import ConfigError, did_you_mean
from planar.simulator.drawn import Recorded, Sampled
from planar.simulator.fill_model import FillModel, fill_model

NONE = "none"
"""How a file says None, which TOML cannot."""


def fill_model_of(choice: str | FillModel) -> FillModel:
    """A FillModel as it is, the profile of that name, or what stands in a ``.toml`` file."""
    if isinstance(choice, str) and choice.endswith(".toml"):
        return read_model(Path(choice))
    return fill_model(choice)


def read_model(path: Path) -> FillModel:
    """The fill model of a file. Raises ConfigError naming what is wrong in it."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}. `planar parity --calibrate` writes one."
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path}: is not TOML: {error}.") from None
    known = [one.name for one in fields(FillModel)]
    for name in content:
        if name not in known:
            raise ConfigError(
                f"{path}: a fill model has no {name!r}; it has {', '.join(known)}.{did_you_mean(name, known)}"
            )
    try:
        return FillModel(**{name: _read(name, value) for name, value in content.items()})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _read(name: str, value: Any) -> Any:
    """A value of a file: a list is what was recorded, a table what is sampled."""
    if isinstance(value, list):
        return Recorded(value)
    if isinstance(value, dict):
        if set(value) != {"median", "sigma"}:
            raise ConfigError(f"{name} = {value} is no distribution: write {name} = {{ median = 250, sigma = 0.5 }}.")
        return Sampled(**value)
    return None if value == NONE else value


def _written(value: Any) -> Any:
    if isinstance(value, Recorded):
        return list(value.values)
    if isinstance(value, Sampled):
        table = tomlkit.inline_table()
        table.update(asdict(value))
        return table
    return NONE if value is None else value


def write_model(path: Path, model: FillModel, why: Sequence[str]) -> None:
    """Writes a fill model. why: lines that say where it is from, as comments above it."""
    document = tomlkit.document()
    for line in why:
        document.add(tomlkit.comment(line))
    for one in fields(model):
        document.add(one.name, tomlkit.item(_written(getattr(model, one.name))))
    write_atomically(path, tomlkit.dumps(document))
