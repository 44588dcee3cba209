"""Limits from several places, joined: what a strategy's class says, what the user set, what a caller gives."""

from collections.abc import Mapping
from typing import Any

from planar.config.check import checked
from planar.config.settings import NO_LIMITS, NOTHING, Risk, settings_of
from planar.errors import ConfigError, did_you_mean

LIMITS = {one.name: one for one in settings_of(Risk) if one.name not in NO_LIMITS}


def joined(*layers: Risk | Mapping[str, object] | None, place: str = "limits") -> dict[str, float]:
    """The limits that are set, by name. A later layer goes before an earlier one; of a mapping 0 lifts a limit.

    place: where a mapping stands, for errors. Raises ConfigError for what is no limit, with the nearest one.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        values |= layer.limits if isinstance(layer, Risk) else _checked(NOTHING if layer is None else layer, place)
    return Risk(**values).limits


def told(name: str, value: float, quote: str) -> str:
    """A limit in words: ``"max_position_cost 2,000 USDT"``."""
    unit = {"quote": f" {quote}", "min": " min"}.get(LIMITS[name].metadata["unit"], "")
    return f"{name} {value:,g}{unit}"


def _checked(given: object, place: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{place}={given!r} must be a dict, as in {{'max_position_cost': 2_000}}.")
    for name in given:
        if name not in LIMITS:
            near = did_you_mean(str(name), LIMITS)
            raise ConfigError(f"{place}: {name!r} is no limit.{near} There are {', '.join(LIMITS)}.")
    return {name: checked(LIMITS[name], value, f"{place}: {name}") for name, value in given.items()}
