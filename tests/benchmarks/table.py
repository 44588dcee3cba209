"""The lines of the benchmark and the one table they become."""

from dataclasses import asdict, dataclass

SAME = 1e-6  # final equities nearer than this, relatively, are the same
HEADS = (
    "engine", "workload", "seconds", "per second", "× loop", "times as fast as", "trades", "final equity",
    "same result", "notes",
)  # fmt: skip


@dataclass
class Line:
    """One measurement.

    engine: what ran. side: "planar" for what is compared with each "peer", "loop" for what everything is compared with.
    seconds: the least of all repetitions. count: candles or orders (``counted``) done in them.
    trades, equity: what came out. expected: the same of the hand-written loop over the same candles, None where the
    rules differ. notes: free text.
    """

    engine: str
    workload: str = ""
    seconds: float | None = None
    count: int = 0
    counted: str = "candles"
    trades: int | None = None
    equity: float | None = None
    expected: tuple[int, float] | None = None
    notes: str = ""
    side: str = ""

    @property
    def rate(self) -> float:
        """Candles or orders per second; 0 for what has none."""
        return self.count / self.seconds if self.seconds and self.count else 0.0

    @property
    def same(self) -> str:
        """Whether trades and final equity are the loop's; empty where they need not be."""
        if self.expected is None or self.equity is None:
            return ""
        trades, equity = self.expected
        apart = self.equity / equity - 1.0
        if self.trades == trades and abs(apart) <= SAME:
            return "yes"
        return f"no: trades {self.trades - trades:+,}, equity {apart:+.1e}"

    def record(self) -> dict:
        """The line for a JSON file."""
        return {**asdict(self), "rate": self.rate, "same": self.same}


def table(lines: list[Line]) -> str:
    """A markdown table."""
    rows = [HEADS, *(_cells(line, lines) for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]])


def _cells(line: Line, lines: list[Line]) -> tuple[str, ...]:
    return (
        line.engine,
        line.workload,
        _seconds(line.seconds),
        f"{_short(line.rate)} {line.counted}" if line.rate else "",
        _times_loop(line, lines),
        _faster_than(line, lines),
        "" if line.trades is None else f"{line.trades:,}",
        "" if line.equity is None else f"{line.equity:,.2f}",
        line.same,
        line.notes,
    )


def _times_loop(line: Line, lines: list[Line]) -> str:
    """How many times the hand-written loop's time per candle."""
    loop = max((other.rate for other in lines if other.side == "loop" and other.workload == line.workload), default=0.0)
    return _ratio(loop / line.rate) if loop and line.rate else ""


def _faster_than(line: Line, lines: list[Line]) -> str:
    """By how much, against each peer's best on the same workload."""
    if line.side != "planar" or not line.rate:
        return ""
    best: dict[str, float] = {}
    for other in lines:
        if other.side == "peer" and other.workload == line.workload and other.rate:
            name = other.engine.partition(" ")[0]
            best[name] = max(best.get(name, 0.0), other.rate)
    return ", ".join(f"{name} {_ratio(line.rate / rate)}" for name, rate in best.items())


def _ratio(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.4f}" if seconds < 1 else f"{seconds:.2f}"


def _short(number: float) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:.3g}"
