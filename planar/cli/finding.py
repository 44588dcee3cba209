"""What ``planar check`` found, drawn: the look-ahead with its lines, and how long each column warms up."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planar.cli.answer import table

if TYPE_CHECKING:
    from planar.engine.check import Finding
    from planar.engine.lookahead.leak import Leak
    from planar.engine.warm_up import WarmUp

NAMED = 3
"""More instruments than these are counted."""


def show(found: "Finding") -> None:
    """Prints it all."""
    console = Console(highlight=False, markup=False)
    console.print(_title(found))
    console.print()
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for label, text in _rows(found):
        rows.add_row(label, text)
    console.print(rows)
    for leak in found.leaks:
        console.print()
        console.print(_leak(leak), soft_wrap=True)
    if found.warm_ups:
        columns = ("column", "first number", "settled")
        table(columns, [_warm_up(each) for each in found.warm_ups], nothing="")
        console.print(
            "In candles before the first decision. Settled: a longer history changes it by less than a millionth.",
            style="dim",
        )


def _title(found: "Finding") -> Text:
    more = len(found.instruments) - NAMED
    names = ", ".join(found.instruments[:NAMED]) + (f" and {more} more" if more > 0 else "")
    days = " to ".join(f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}" for ms in (found.start, found.end))
    told = f"  {names}  {found.timeframe}\n{days} UTC, {found.candles:,} candles, {found.source}"
    return Text.assemble((found.strategy, "bold"), told)


def _rows(found: "Finding") -> Iterator[tuple[str, Text]]:
    why = found.why_interpreted
    yield "Compiled", Text("yes" if why is None else f"no, runs interpreted: {why}")
    if found.leaks:
        yield "Look-ahead", Text(f"{found.strategy} sees the future", "bold red")
    else:
        yield "Look-ahead", Text("none found", "green")
        yield from (("", Text(line)) for line in _looked_at(found))
    for each in found.not_cut:
        yield (
            "",
            Text(f"not looked at: {each} is read besides the candles; nothing tells when it is known", "yellow"),
        )
    yield "Warm-up", Text(f"{found.warm_up:,} candles before the first decision")
    yield from (("", Text(each, "yellow")) for each in _advice(found))


def _looked_at(found: "Finding") -> Iterator[str]:
    others = f", and on {found.sampled:,} of the others" if found.sampled else ""
    yield f"columns: on {found.prefixes:,} prefixes of {found.instruments[0]}{others}"
    trials = f"{found.truncations} futures cut off and {found.poisonings} replaced"
    yield f"columns, orders, amends, cancels ({found.asked:,} asked for): with {trials}"


def _advice(found: "Finding") -> Iterator[str]:
    late = [each for each in found.warm_ups if each.is_late]
    settling = {each.column: each.settled for each in late if each.settled is not None}
    if settling:
        count = max(settling.values())
        yield (
            f"too short: for {count:,} candles {', '.join(settling)} may differ with where the history begins, and a "
            f"live session decide otherwise than a backtest. Write warmup = {count} in the class, or let warmup() give "
            "as many."
        )
    endless = [each.column for each in late if each.is_endless]
    if endless:
        yield (
            f"never long enough for {', '.join(endless)}, where every candle from the first one counts. Decide by how "
            "it changed, as candle.last shows it."
        )
    slow = [each for each in late if each.settled is None and not each.is_endless]
    if slow:
        names, seen = ", ".join(each.column for each in slow), max(each.looked_at for each in slow)
        yield f"{seen:,} candles, all that were looked at, are not enough for {names}."


def _leak(leak: "Leak") -> Text:
    told = Text.assemble((leak.what, "bold"), f" {leak.place()}\n  {leak.change}")
    for line in leak.lines:
        told.append(f"\n  {os.path.relpath(line.file)}, line {line.number}, in {line.function}\n", "dim")
        told.append(f"      {line.text}")
    return told


def _warm_up(each: "WarmUp") -> tuple[str, Decimal | str, Decimal | str]:
    if each.settled is not None:
        return each.column, Decimal(each.first), Decimal(each.settled)
    return each.column, Decimal(each.first), "never" if each.is_endless else f"not within {each.looked_at:,}"
