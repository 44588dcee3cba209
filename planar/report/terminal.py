"""The printout at the end of a run.

``Console().print(render(summary))`` fits the console's width, reads as well without colour as with it, and keeps to
what the output can encode: blocks become ASCII, and other letters a question mark.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from planar.model.timeframe import MILLISECONDS
from planar.report.statistics import DAY, LEAST_DAYS

WIDE = 72  # columns from which the statistics stand side by side
HEIGHT = 3  # lines of the equity curve
UTF, ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
UNDEFINED = "n/a"
NAMED = 3  # more instruments than these are counted


@dataclass(frozen=True)
class Summary:
    """What the printout says. Times in ms, money in ``currency``, equity in the order of time."""

    strategy: str
    instruments: Sequence[str]
    timeframe: str
    start: int
    end: int
    currency: str
    start_cash: float
    statistics: Mapping[str, Any]  # of planar.report.statistics.summary
    equity: np.ndarray
    market: str = ""  # "synthetic market, seed 0"; nothing for a real one
    believe: Sequence[tuple[str, str]] = ()  # label, value
    notes: Sequence[str] = ()


def render(summary: Summary) -> "Printout":
    """The printout of a run, for a rich console."""
    return Printout(summary)


@dataclass(frozen=True)
class Printout:
    """A renderable: title, equity curve, statistics, "Believe this?", notes."""

    summary: Summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the parts out for the console's width and encoding."""
        run, encoding, width = self.summary, options.encoding, options.max_width - 2
        yield from part(titled(run, encoding, width))
        if len(run.equity):
            curve = sparkline(run.equity, run.start_cash, width, utf=not options.ascii_only)
            yield from part(*curve, _extremes(run))
        yield from part(_statistics(run, width))
        if run.believe:
            rows = [(_text(label, encoding, "dim"), _text(value, encoding)) for label, value in run.believe]
            yield from part(Text("Believe this?", "bold"), grid(rows))
        notes = [*run.notes, *_cautions(run)]
        if notes:
            yield from part(grid([(Text("-"), _text(note, encoding)) for note in notes], gap=1))


def sparkline(values: np.ndarray, start: float, width: int, *, height: int = HEIGHT, utf: bool = True) -> list[Text]:
    """A curve as lines of blocks, highest line first; green where it is not below the start, red elsewhere.

    Each column is the last value of its share of the curve. The lowest value is one eighth of a line high, the highest
    fills all lines; a curve that never changes stands in the middle.
    """
    ends = np.linspace(0, len(values), width + 1)[1:]
    shown = np.asarray(values)[np.maximum(np.ceil(ends).astype(int), 1) - 1]
    low, high = float(np.min(shown)), float(np.max(shown))
    share = (shown - low) / (high - low) if high > low else np.full(width, 0.5)
    levels = 1 + np.rint(share * (8 * height - 1)).astype(int)
    styles = np.where(shown >= start, "green", "red").tolist()
    blocks = UTF if utf else ASCII
    lines = []
    for line in reversed(range(height)):
        text = Text(no_wrap=True, overflow="crop")
        for style, columns in groupby(range(width), lambda column: styles[column]):
            text.append("".join(blocks[min(max(levels[column] - 8 * line, 0), 8)] for column in columns), style)
        lines.append(text)
    return lines


def percent(share: float, *, signed: bool = False) -> str:
    """``0.1234`` as ``12.34 %`` or ``+12.34 %``; beyond a million percent ``+1.23e+06 %``."""
    value = round(share * 100, 2) + 0.0  # no "-0.00"
    sign = "+" if signed and value else ""
    return f"{value:{sign},.2f} %" if abs(value) < 1e6 else f"{value:{sign}.2e} %"


def money(value: float, currency: str, start_cash: float) -> str:
    """``12,345.67 USDT``: two decimals, or as many as show five digits of the start cash."""
    shown = decimals(start_cash)
    return f"{round(value, shown) + 0.0:,.{shown}f} {currency}"


def decimals(start_cash: float) -> int:
    """How many decimals money is shown with: two, or as many as show five digits of the start cash."""
    return max(2, 4 - math.floor(math.log10(start_cash)))


def duration(ms: int) -> str:
    """``12d 4h``: the largest unit and the one below it, rounded down."""
    units = ("d", "h", "m", "s")
    for unit, smaller in pairwise(units):
        if ms >= MILLISECONDS[unit]:
            count, rest = divmod(ms, MILLISECONDS[unit])
            below = rest // MILLISECONDS[smaller]
            return f"{count}{unit} {below}{smaller}" if below else f"{count}{unit}"
    return f"{ms // MILLISECONDS['s']}s"


# How a statistic is written, and the style it is written in.
Cell = Callable[[Any, Summary], tuple[str, str]]


def _money(value: float, run: Summary) -> tuple[str, str]:
    return money(value, run.currency, run.start_cash), ""


def _equity(value: float, run: Summary) -> tuple[str, str]:
    return money(value, run.currency, run.start_cash), _colour(value - run.start_cash)


def _gain(value: float, _: Summary) -> tuple[str, str]:
    return percent(value, signed=True), _colour(value)


def _share(value: float, _: Summary) -> tuple[str, str]:
    return percent(value), ""


def _ratio(value: float, _: Summary) -> tuple[str, str]:
    return f"{value + 0.0:,.2f}", ""


def _count(value: float, _: Summary) -> tuple[str, str]:
    return f"{value:,}", ""


def _lasted(value: float, _: Summary) -> tuple[str, str]:
    return duration(int(value)), ""


def _counts(value: Mapping[str, int], _: Summary) -> tuple[str, str]:
    return f"{sum(value.values()):,}", ""


LEFT: list[tuple[str, str, Cell]] = [
    ("Final equity", "final_equity", _equity),
    ("Total return", "total_return", _gain),
    ("Buy and hold", "buy_and_hold_return", _gain),
    ("CAGR", "cagr", _gain),
    ("Volatility", "volatility", _share),
    ("Sharpe", "sharpe", _ratio),
    ("Sortino", "sortino", _ratio),
]
RIGHT: list[tuple[str, str, Cell]] = [
    ("Maximum drawdown", "max_drawdown", _share),
    ("Drawdown lasted", "max_drawdown_duration_ms", _lasted),
    ("Trades", "trades", _count),
    ("Win rate", "win_rate", _share),
    ("Profit factor", "profit_factor", _ratio),
    ("Exposure", "exposure", _share),
    ("Fees", "fees", _money),
    ("Refused orders", "rejected", _counts),
]


def _statistics(run: Summary, width: int) -> Table:
    """Label, number and unit, in two groups side by side where there is room."""
    left, right = ([row(run, *line) for line in half] for half in (LEFT, RIGHT))
    if width < WIDE:
        return grid(left + right, gap=1, right=(2,))
    left += [[Text()] * len(right[0])] * (len(right) - len(left))
    between = [Text(" " * 4)]
    return grid([a + between + b for a, b in zip(left, right, strict=True)], gap=1, right=(2, 7))


def row(run: Summary, label: str, name: str, cell: Cell) -> list[Text]:
    """A statistic: its label, a gap, its number and its unit."""
    value = run.statistics.get(name)
    written, style = (UNDEFINED, "dim") if value is None else cell(value, run)
    number, _, unit = written.partition(" ")
    return [Text(label, "dim"), Text(), Text(number, style), Text(unit, style)]


def titled(run: Summary, encoding: str, width: int) -> Text:
    """Strategy, instruments, timeframe; period and its length; the market where it is not a real one."""
    more = len(run.instruments) - NAMED
    named = ", ".join(run.instruments[:NAMED]) + (f" and {more} more" if more > 0 else "")
    period = f"{_day(run.start)} to {_day(run.end)} UTC, {duration(run.end - run.start)}"
    gap = "  " if len(period) + 2 + len(run.market) <= width else "\n"
    parts = [(run.strategy, "bold"), (f"  {named}  {run.timeframe}\n{period}", "")]
    market = [(gap + run.market, "yellow")] if run.market else []
    return Text.assemble(*(_text(value, encoding, style) for value, style in parts + market))


def _extremes(run: Summary) -> Text:
    low, high = (money(float(edge), run.currency, run.start_cash) for edge in (run.equity.min(), run.equity.max()))
    return Text(f"Equity between {low} and {high}", "dim")


def _cautions(run: Summary) -> Iterator[str]:
    """What the numbers themselves cannot say."""
    if run.end - run.start < LEAST_DAYS * DAY:
        yield f"Less than {LEAST_DAYS} days: CAGR, volatility, Sharpe and Sortino are scaled to a year and say little."


def part(*lines: RenderableType) -> Iterator[RenderableType]:
    """Lines in the page's margins, and an empty one."""
    yield from (Padding(line, (0, 1), expand=False) for line in lines)
    yield ""


def grid(rows: Sequence[Sequence[Text]], *, gap: int = 2, right: Sequence[int] = ()) -> Table:
    """A table without lines; ``right`` names the columns that align right."""
    table = Table.grid(padding=(0, gap))
    for column in range(len(rows[0])):
        # Folded, since rich's ellipsis is not ASCII.
        table.add_column(justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _text(value: str, encoding: str, style: str = "") -> Text:
    """Text as it is, never markup, with "?" for what the output cannot write."""
    return Text(value.encode(encoding, "replace").decode(encoding), style)


def _colour(gain: float) -> str:
    return "green" if gain > 0 else "red" if gain < 0 else ""


def _day(ms: int) -> str:
    """``2024-01-31``, with the time of day where it is not midnight."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):{'%Y-%m-%d' if ms % DAY == 0 else '%Y-%m-%d %H:%M'}}"
