"""Sections 5 and 7: the execution candles of one instrument, what is estimated from them, and when it is decided."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Instrument
from .units import Units

SECOND, HOUR, DAY, WEEK = 1000, 3_600_000, 86_400_000, 604_800_000
FIRST_MONDAY = 4 * DAY  # 1970-01-05; the epoch is a Thursday


def strategy_close(time: int, timeframe: int) -> int:
    """The close of the strategy candle that holds the execution candle opening at `time`."""
    origin = FIRST_MONDAY if timeframe % WEEK == 0 else 0
    return (time - origin) // timeframe * timeframe + origin + timeframe


@dataclass(frozen=True)
class Candle:
    """One execution candle; `index` counts from the instrument's first."""

    index: int
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Estimates:
    """What is known of an instrument before a candle: relative spread, volatility and volume of a day."""

    spread: float
    volatility: float
    volume: float


@dataclass
class Block:
    """Sums over one block of candles, in time order."""

    x: float = 0.0
    squares: float = 0.0
    volume: float = 0.0
    terms: int = 0  # of x and squares: the instrument's first candle has none
    candles: int = 0


class Market:
    """One instrument, its units and its candles."""

    def __init__(
        self,
        instrument: Instrument,
        columns: dict[str, list],
        timeframe: int,
        execution: int,
        marks: dict[str, list] | None = None,
        funding: Sequence[tuple[int, float]] = (),
    ) -> None:
        """columns: time (open, ms), open, high, low, close, volume; volume may be all NaN.

        marks: the same of a contract's mark, without volume; funding: (time, rate) in the order of time.
        """
        self.instrument = instrument
        self.units = Units(instrument)
        self.execution = execution
        self.has_volume = any(not math.isnan(v) for v in columns["volume"])
        volumes = [0.0 if math.isnan(volume) else volume for volume in columns["volume"]]
        prices = (columns[name] for name in ("open", "high", "low", "close"))
        rows = zip(columns["time"], *prices, volumes, strict=True)
        self.candles = [Candle(i, *row) for i, row in enumerate(rows)]
        self.at = {candle.time: candle for candle in self.candles}
        rows = zip(*((marks or {}).get(name, ()) for name in ("time", "open", "high", "low", "close")), strict=True)
        self.marks = {row[0]: Candle(i, *row, 0.0) for i, row in enumerate(rows)}
        self.funding = [((time + SECOND // 2) // SECOND * SECOND, rate) for time, rate in funding]
        if execution == timeframe:
            self.decisions = [candle.time + timeframe for candle in self.candles]
        else:
            self.decisions = sorted({strategy_close(candle.time, timeframe) for candle in self.candles})

        self.block_size = max(1, HOUR // execution)
        self.window = max(20, math.ceil(DAY / (self.block_size * execution)))
        self.day = DAY / execution
        self.blocks = self._blocks()

    def _blocks(self) -> list[Block]:
        blocks: list[Block] = []
        previous_a = previous_close = 0.0
        for candle in self.candles:
            if candle.index % self.block_size == 0:
                blocks.append(Block())
            block = blocks[-1]
            m = 2 / (candle.high + candle.low)
            a = candle.close * m
            if candle.index > 0:
                b = previous_close * m
                r = a - b
                block.x += (previous_a - 1) * (b - 1)
                block.squares += r * r
                block.terms += 1
            block.volume += candle.volume
            block.candles += 1
            previous_a, previous_close = a, candle.close
        return blocks

    def rates(self, candle: Candle) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """(time, rate) of the funding due when the candle opens, what fell before it included, and inside it."""
        last = self.candles[candle.index - 1].time + self.execution if candle.index else 0
        at_open = [due for due in self.funding if last <= due[0] <= candle.time]
        return at_open, [due for due in self.funding if candle.time < due[0] < candle.time + self.execution]

    def estimates(self, candle: Candle) -> Estimates:
        """Spread, volatility and volume from the last whole blocks before the block of `candle`."""
        end = candle.index // self.block_size
        blocks = self.blocks[max(0, end - self.window) : end]
        if not blocks:
            return Estimates(0.0, 0.03, candle.volume * self.day)
        x = squares = volume = 0.0
        for block in blocks:
            x += block.x
            squares += block.squares
            volume += block.volume
        terms = sum(block.terms for block in blocks)
        w = volume / sum(block.candles for block in blocks) * self.day
        if terms == 0:  # the only whole block is the instrument's first candle
            return Estimates(0.0, 0.03, w)
        return Estimates(math.sqrt(max(4 * (x / terms), 0)), math.sqrt(squares / terms * self.day), w)
