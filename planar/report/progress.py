"""A progress bar for runs that take longer than a second, on the terminal only."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

PATIENCE_S = 1.0


def announce_compiling() -> None:
    """Says on the terminal that the engine is compiled now, where it is: nothing else shows for that minute."""
    from planar.kernel.machine import is_cold

    if sys.stderr.isatty() and is_cold():
        Console(stderr=True, highlight=False).print("Compiling the engine, once: about a minute.", style="dim")


class Bar:
    """Shows nothing in the first second, then a bar on stderr; ends itself when all is done."""

    def __init__(self, name: str = "backtest") -> None:
        self._name = name
        self._began = time.monotonic()
        self._bar: Progress | None = None

    def tell(self, share: float) -> None:
        """Moves the bar to a share between 0 and 1."""
        if self._bar is None:
            if time.monotonic() - self._began < PATIENCE_S or not sys.stderr.isatty():
                return
            columns = (TextColumn(self._name), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task("", total=1.0)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=share)
        if share >= 1.0:
            self.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
