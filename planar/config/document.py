"""The table of settings as rows and as Markdown: for ``planar config show`` and ``docs/config.md``.

``python -m planar.config.document`` prints the tables of ``docs/config.md``.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass
from typing import Any, Literal, get_args, get_origin

from planar.config.check import MASK, masked
from planar.config.load import Config
from planar.config.secrets import Secrets
from planar.config.settings import SECTIONS, ExchangeSettings, Limits, StrategySettings, settings_of

BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


@dataclass(frozen=True)
class Row:
    """One setting as it stands. source: the file or variable it came from, ``default`` otherwise."""

    name: str
    value: str
    unit: str
    source: str
    help: str


def rows(config: Config, secrets: Secrets) -> list[Row]:
    """Every setting with its value and where that came from; keys masked."""
    settings = config.settings
    found: list[Row] = []
    for name in SECTIONS:
        found += _section(config, name, getattr(settings, name))
        if name == "alerts":
            found += [Row(f"alerts.{key}", MASK, "", "secrets", "A secret.") for key in secrets.alerts.names()]
    exchanges = sorted({settings.defaults.exchange, *settings.exchanges, *(key[0] for key in secrets.by_key)})
    for name in exchanges:
        found += _section(config, f"exchanges.{name}", settings.exchange(name))
        found += _section(config, f"exchanges.{name}.limits", settings.exchange(name).limits)
        found += _keys(name, secrets)
    for name, each in settings.strategies.items():
        found += _section(config, f"strategies.{name}", each)
        found += _section(config, f"strategies.{name}.risk", each.risk)
    return found


def _section(config: Config, section: str, values: Any) -> Iterator[Row]:
    for one in settings_of(type(values)):
        name = f"{section}.{one.name}"
        source = config.sources.get(name, "default")
        if source == "default" and section.count(".") == 1 and section.startswith("exchanges."):
            source = config.sources.get(f"defaults.{one.name}", source)
        if source == "default" and section.endswith(".risk"):
            source = config.sources.get(f"risk.{one.name}", source)
        title = name.removeprefix("exchanges.")
        yield Row(title, shown(getattr(values, one.name)), one.metadata["unit"], source, one.metadata["help"])


def _keys(exchange: str, secrets: Secrets) -> Iterator[Row]:
    for (name, sandbox, account), credentials in sorted(secrets.by_key.items()):
        if name == exchange:
            where = f"{name}{' sandbox' if sandbox else ''}{f' account {account}' if account else ''}"
            for key in credentials.given():
                yield Row(f"{where}: {key}", MASK, "", credentials.source, "A secret.")


def shown(value: Any) -> str:
    """A value as text; what stands before an @, as in an address with a password, masked."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, tuple | list):
        return ", ".join(value)
    return ", ".join(f"{key}={each}" for key, each in value.items()) if isinstance(value, dict) else str(value)


def markdown() -> str:
    """The tables of ``docs/config.md``, one for each section."""
    sections = [
        *((f"[{name}]", kind) for name, kind in SECTIONS.items()),
        ("[binance], or [exchanges.binance]", ExchangeSettings),
        ("[binance.limits]", Limits),
        ("[strategies.NAME]", StrategySettings),
    ]
    return "\n\n".join(_table(title, kind) for title, kind in sections)


def _table(title: str, kind: Any) -> str:
    about = str(kind.__doc__).partition(": ")[2]
    lines = [f"### `{title}`", "", about[0].upper() + about[1:], ""]
    lines += ["| setting | type | default | unit | meaning |", "|---|---|---|---|---|"]
    lines += [_line(one, kind) for one in settings_of(kind)]
    return "\n".join(lines)


def _line(one: Field, kind: Any) -> str:
    about = one.metadata
    names = ", ".join(f"`{name}`" for name in (one.name, *about["aliases"]))
    default = shown(getattr(kind(), one.name))
    variable = f" Environment: {about['env']}." if about["env"] else ""
    cells = [names, _type(one.type), f"`{default}`" if default else "", about["unit"], about["help"] + variable]
    return f"| {' | '.join(cells)} |"


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'`"{each}"`' for each in get_args(kind))
    words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return words.get(kind) or ("texts" if get_origin(kind) is tuple else "table")


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown() + "\n")
