"""Candles of all lengths, made of prints as they come; whole numbers throughout."""

from collections.abc import Iterable
from dataclasses import dataclass

from planar.model.timeframe import bucket_open, milliseconds

INTERVALS = {
    name: milliseconds(name)
    for name in ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
}
BASE = "1m"
KEPT = 20_000


@dataclass(slots=True)
class Kline:
    """One candle: prices in ticks, amounts in base units, turnover in ticks × base units."""

    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    close: int
    units: int
    turnover: int
    taker_units: int
    taker_turnover: int
    first_id: int
    last_id: int

    @property
    def count(self) -> int:
        """Trades in it."""
        return self.last_id - self.first_id + 1

    def take(self, other: "Kline") -> None:
        """Adds what came after."""
        self.high, self.low, self.close = max(self.high, other.high), min(self.low, other.low), other.close
        self.units += other.units
        self.turnover += other.turnover
        self.taker_units += other.taker_units
        self.taker_turnover += other.taker_turnover
        self.last_id = other.last_id


class Klines:
    """The candles of one instrument, by interval.

    Those longer than a minute are made of minutes when they are first asked for.
    """

    def __init__(self) -> None:
        self._series: dict[str, list[Kline]] = {BASE: [], "1s": []}

    def series(self, interval: str) -> list[Kline]:
        """Candles of an interval, the oldest first; the last one is still open."""
        if interval not in self._series:
            made = self._series[interval] = []
            for kline in self._series[BASE]:
                _add(made, kline, INTERVALS[interval])
        return self._series[interval]

    def take(self, trade: Kline) -> list[tuple[str, Kline]]:
        """Adds one trade, as a candle of its own, to every interval; gives the candles that it closed."""
        closed = []
        for interval, series in self._series.items():
            before = series[-1] if series else None
            if _add(series, trade, INTERVALS[interval]) and before is not None:
                closed.append((interval, before))
                if len(series) > 2 * KEPT:
                    del series[:KEPT]
        return closed

    def window(self, since: int) -> Kline | None:
        """The minutes that opened at or after a time as one candle; None for no trade."""
        found: Kline | None = None
        for kline in _from(self._series[BASE], since):
            if found is None:
                found = _copy(kline, kline.open_time, kline.close_time)
            else:
                found.take(kline)
                found.close_time = kline.close_time
        return found


def _from(series: list[Kline], since: int) -> Iterable[Kline]:
    first = len(series)
    while first > 0 and series[first - 1].open_time >= since:
        first -= 1
    return series[first:]


def _copy(kline: Kline, open_time: int, close_time: int) -> Kline:
    return Kline(
        open_time, close_time, kline.open, kline.high, kline.low, kline.close, kline.units, kline.turnover,
        kline.taker_units, kline.taker_turnover, kline.first_id, kline.last_id,
    )  # fmt: skip


def _add(series: list[Kline], part: Kline, length: int) -> bool:
    """Adds a shorter candle to a series; whether it began a new one."""
    opens = bucket_open(part.open_time, length)
    if series and series[-1].open_time == opens:
        series[-1].take(part)
        return False
    series.append(_copy(part, opens, opens + length - 1))
    return True
