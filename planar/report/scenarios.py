"""The printout of the same run in two scenarios, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from planar.report.terminal import LEFT, RIGHT, Summary, grid, part, row, titled

NAMES = ("Pessimistic", "Optimistic")
CAUTION = (
    "A candle does not tell the order of its high and its low: these are the worse order and the better one, candle by "
    "candle. They are scenarios, no proven bounds."
)


def render(runs: Sequence[Summary], path_decided: Sequence[tuple[int, int]]) -> "Scenarios":
    """The printout of the pessimistic and the optimistic run. path_decided: of each, how many fills of how many."""
    return Scenarios(runs, path_decided)


@dataclass(frozen=True)
class Scenarios:
    """A renderable: title, every statistic twice, what the path decided."""

    runs: Sequence[Summary]
    path_decided: Sequence[tuple[int, int]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for the console's width and encoding."""
        first = self.runs[0]
        yield from part(titled(first, options.encoding, options.max_width - 2))
        yield from part(self._table())
        notes = {note for run in self.runs for note in run.notes}
        yield from part(grid([(Text("-"), Text(note)) for note in [CAUTION, *sorted(notes)]], gap=1))

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "right", "left", "right", "left"):
            table.add_column(justify=justify)
        table.add_row("", Text(NAMES[0], "bold"), "", Text(NAMES[1], "bold"), "")
        for line in (*LEFT, *RIGHT):
            (label, _, *worse), (*_, number, unit) = (row(run, *line) for run in self.runs)
            table.add_row(label, *worse, number, unit)
        decided = (cell for few, all_ in self.path_decided for cell in (f"{few:,}", f"of {all_:,}"))
        table.add_row(Text("Fills decided by the path", "dim"), *decided)
        return table
