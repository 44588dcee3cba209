"""What exchanges answered, as tables or as one JSON document."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

NONE = "–"
WIDEST = 10_000
"""Columns of a table that no terminal has."""


def plain(value: Any) -> Any:
    """A value as JSON has it: decimals as texts, so that no digit is lost; enums by name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value


def say_json(value: Any) -> None:
    """One document."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))  # noqa: T201 - what was asked for


def say(text: str) -> None:
    """One line."""
    Console(soft_wrap=True, highlight=False, markup=False).print(text)


def shown(value: Any) -> str:
    """A cell: decimals without needless zeros, a dash for what is not known."""
    if value is None or value == "":
        return NONE
    if isinstance(value, Decimal):
        text = f"{value:,f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    if isinstance(value, IntEnum):
        return value.name.lower().replace("_", "-")
    return str(value)


def whole(value: Decimal | None) -> Decimal | None:
    """Large numbers without their fractions."""
    return value if value is None or value < 1_000 else value.quantize(Decimal(1))


def shown_time(time: int | None) -> str:
    """A moment in UTC, to the second."""
    return NONE if time is None else f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, nothing: str) -> None:
    """A table; numbers stand on the right. nothing: what is said when there are no rows.

    Nothing is ever cut: what is too wide for a terminal is told row by row, and where there is no terminal a row is a
    line, however long.
    """
    if not rows:
        say(nothing)
        return
    made, console = Table(box=SIMPLE_HEAD), Console(highlight=False)
    for i, name in enumerate(columns):
        is_number = any(isinstance(row[i], Decimal) for row in rows)
        made.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(_cell, row))
    width = console.measure(made, options=console.options.update(width=WIDEST)).maximum
    if width <= console.width or not console.is_terminal:
        Console(highlight=False, width=max(width, console.width)).print(made)
        return
    for row in rows:
        console.print("\n".join(stacked(columns, row, console.width)), markup=False, soft_wrap=True)


def _cell(value: Any) -> Text:
    return value if isinstance(value, Text) else Text(shown(value))


def stacked(columns: Sequence[str], row: Sequence[Any], width: int) -> list[str]:
    """A row as names and values on lines of that width; what is not known is left out."""
    told = [f"{name} {text}" for name, text in zip(columns, map(str, map(_cell, row)), strict=True) if text != NONE]
    lines = [told[0]]
    for each in told[1:]:
        if len(lines[-1]) + 2 + len(each) <= width:
            lines[-1] += f"  {each}"
        else:
            lines.append(f"  {each}")
    return lines
