"""`Leak`: a column or an order that the future changes, and the lines of the author's file that make it."""

from dataclasses import dataclass
from pathlib import Path

from planar.store.candles import utc


@dataclass(frozen=True)
class Line:
    """A line of an author's file. function: the one it stands in."""

    file: str
    number: int
    text: str
    function: str


@dataclass(frozen=True)
class Leak:
    """What the future changes.

    what: ``column 'ahead'``, ``what is asked for``. candle: its number, from 0; time: its close, UTC ms; -1 for none.
    change: how it changes, and with which future. lines: where it is made, the column's own or the asking one first.
    """

    what: str
    instrument: str
    candle: int
    time: int
    change: str
    lines: tuple[Line, ...] = ()

    def place(self) -> str:
        """``"at candle 12 of test:A/USD, closed 2024-01-01 13:00 UTC"``."""
        return f"at candle {self.candle:,} of {self.instrument}, closed {utc(self.time)}"

    def sentence(self) -> str:
        """All of it in one sentence, without a full stop."""
        line = self.lines[0] if self.lines else None
        where = f", in {Path(line.file).name}, line {line.number}" if line else ""
        return f"{self.what} {self.place()}{where}: {self.change}"
