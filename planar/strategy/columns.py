"""The columns a strategy sees: prices and its own indicators, per instrument and timeframe; the warm-up they need."""

import inspect
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from planar.errors import DataError, PlanarError, StrategyError, did_you_mean
from planar.kernel.state import FIRST_COLUMN
from planar.model.timeframe import milliseconds
from planar.strategy.base import PRICES, RESERVED, Strategy, alias
from planar.strategy.candles import Candles, as_of, closes_of, resample
from planar.strategy.joined import Joined
from planar.strategy.typed import CandleType


@dataclass
class Series:
    """Columns of one instrument and timeframe, all shape (n,): prices first, then indicators by name.

    higher: what is joined to it by name, and its row as of each close. is_candles: else there are no prices, and time
    is when each row was known.
    """

    time: np.ndarray
    timeframe: int
    columns: dict[str, np.ndarray]
    higher: dict[str, tuple["Series", np.ndarray]] = field(default_factory=dict)
    offsets: np.ndarray | None = None
    is_candles: bool = True

    @property
    def indicators(self) -> tuple[str, ...]:
        """Names of the columns that are no prices, in order."""
        return tuple(name for name in self.columns if not self.is_candles or name not in PRICES)

    def candle_type(self, *, is_joined: bool = False) -> CandleType:
        """The compiled type of a candle of this series. is_joined: it hangs on another."""
        higher = tuple((name, s.candle_type(is_joined=True)) for name, (s, _) in self.higher.items())
        return CandleType(self.indicators, higher, is_joined=is_joined, is_candle=self.is_candles)

    def row(self, row: int) -> bytes:
        """The indicators of a row, and the rows of what is joined to it, to the last bit."""
        parts = [self.columns[name][row].tobytes() for name in self.indicators]
        for inner, rows in self.higher.values():
            if (at := int(rows[row])) >= 0:
                parts += [inner.time[at].tobytes(), *(column[at].tobytes() for column in inner.columns.values())]
        return b"".join(parts)

    def table(self, kept: list[np.ndarray]) -> np.ndarray:
        """The column table of `planar.strategy.typed`; what its addresses point to is added to ``kept``."""
        offsets = 0 if self.offsets is None else self.offsets.ctypes.data
        head = [self.time, *(self.columns[name] if self.is_candles else self.time for name in PRICES)]
        entries = [a.ctypes.data for a in head] + [len(self.time), self.timeframe, offsets]
        entries += [self.columns[name].ctypes.data for name in self.indicators]
        kept += [*head, *(self.columns[name] for name in self.indicators)]
        for series, rows in self.higher.values():
            inner = series.table(kept)
            kept += [rows, inner]
            entries += [rows.ctypes.data, inner.ctypes.data]
        if self.offsets is not None:
            kept.append(self.offsets)
        table = np.array(entries, np.int64)
        kept.append(table)
        assert len(head) + 3 == FIRST_COLUMN
        return table


def series_of(strategy: Strategy, candles: Candles, end: int) -> tuple[Series, int]:
    """Computes a strategy's columns over candles from their origin; gives them and the first row it may decide on.

    end: when the data ends, UTC ms; a higher candle must have closed by then.
    Raises StrategyError naming strategy, column and remedy.
    """
    for name in type(strategy).data:
        if name not in candles.joined:
            raise StrategyError(f"{_name(strategy)} reads data {name!r}, which nothing here serves.")
    for timeframe in type(strategy).timeframes:
        candles.higher[alias(timeframe)] = resample(candles, milliseconds(timeframe), end)
    made = _indicators(strategy, candles)
    if not isinstance(made, dict):
        kind = type(made).__name__
        raise StrategyError(f"{_name(strategy)}.indicators gives {kind}; it must give a dict of columns.")
    _check_names(strategy, candles, made)
    base = _series(strategy, candles, {k: v for k, v in made.items() if not isinstance(v, dict)})
    ready = _ready(base)
    _check_timeframes(strategy, candles, [k for k, v in made.items() if isinstance(v, dict)])
    for name, higher in candles.higher.items():
        inner = _series(strategy, higher, made.get(name, {}))
        base.higher[name] = (inner, as_of(candles, higher))
    for name, joined in candles.joined.items():
        base.higher[name] = (_joined(joined), joined.as_of(closes_of(candles)))
    for inner, rows in base.higher.values():
        ready = max(ready, int(np.searchsorted(rows, _ready(inner), side="left")))
    base.offsets = _offsets(strategy, candles)
    return base, max(ready, declared_warm_up(strategy))


def _indicators(strategy: Strategy, candles: Candles) -> object:
    """What an author's ``indicators`` gives; what it raises is told with its line."""
    try:
        return strategy.indicators(candles)
    except Exception as error:
        file = inspect.getsourcefile(type(strategy).indicators)
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        where = f"{own[-1].filename}, line {own[-1].lineno}: {own[-1].line!r}" if own else _name(strategy)
        if isinstance(error, PlanarError):
            raise type(error)(f"{error} In {where}") from error
        text = str(error).rstrip(".")
        end = "" if text.endswith("?") else "."
        raise StrategyError(
            f"{_name(strategy)}.indicators raised {type(error).__name__}: {text}{end} In {where}"
        ) from error


def _check_timeframes(strategy: Strategy, candles: Candles, keys: list[str]) -> None:
    for key in keys:
        if key in candles.joined:
            remedy = f"candles.{key} has one value per candle, so give a plain column of another name"
            raise StrategyError(f"{_name(strategy)}.indicators gives a dict for data {key!r}: {remedy}.")
        if key not in candles.higher:
            known = ", ".join(candles.higher) or "none"
            near = did_you_mean(key, candles.higher)
            where = f"{_name(strategy)}.indicators"
            raise StrategyError(f"{where} names timeframe {key!r}; the class declares {known}.{near}")


def _check_names(strategy: Strategy, candles: Candles, made: dict) -> None:
    for key, value in made.items():
        if (key in candles.joined or key in candles.higher) and not isinstance(value, dict):
            what = "data" if key in candles.joined else "timeframe"
            where = f"{_name(strategy)}.indicators"
            raise StrategyError(f"{where}: column {key!r} has the name of the {what} {key!r}: choose another.")
        if not isinstance(key, str):
            where = f"{_name(strategy)}.indicators"
            raise StrategyError(f"{where}: a column is named {key!r}; names are texts, read as candle.name.")


def _name(strategy: Strategy) -> str:
    return type(strategy).__name__


def _series(strategy: Strategy, candles: Candles, made: dict) -> Series:
    columns = {name: np.ascontiguousarray(getattr(candles, name), np.float64) for name in PRICES}
    for name in sorted(made):
        columns[name] = _column(strategy, name, made[name], len(candles))
    return Series(np.ascontiguousarray(candles.time, np.int64), candles.timeframe, columns)


def _joined(joined: Joined) -> Series:
    """The series of what is joined: prices first where it has them, else columns by name."""
    is_candles = joined.timeframe > 0
    names = PRICES if is_candles else sorted(joined.columns)
    columns = {name: np.ascontiguousarray(joined.columns[name], np.float64) for name in names}
    time = np.ascontiguousarray(joined.known_at - joined.timeframe, np.int64)
    return Series(time, joined.timeframe, columns, is_candles=is_candles)


def _column(strategy: Strategy, name: str, values: object, length: int) -> np.ndarray:
    where = f"{_name(strategy)}.indicators: column {name!r}"
    if not isinstance(name, str) or not name.isidentifier() or name in RESERVED or name.startswith("_"):
        raise StrategyError(f"{where} cannot be read as candle.{name}: choose another name.")
    try:
        array = np.ascontiguousarray(np.asarray(values), np.float64)
    except (TypeError, ValueError):
        raise StrategyError(f"{where} is not a column of numbers but {type(values).__name__}.") from None
    if array.shape != (length,):
        raise StrategyError(f"{where} has shape {array.shape}; it must have one value per candle: ({length},).")
    return array


def _ready(series: Series) -> int:
    """The first row at which every indicator has a value."""
    return max((_first_number(series.columns[name]) for name in series.indicators), default=0)


def _first_number(values: np.ndarray) -> int:
    """Row of the first value that is a number; the length when there is none."""
    start, size = 0, 1024  # most warm-ups are short, and a column is long
    while start < len(values):
        is_number = ~np.isnan(values[start : start + size])
        if is_number.any():
            return start + int(is_number.argmax())
        start, size = start + size, 2 * size
    return len(values)


def _without_numbers(series: Series, prefix: str = "") -> str:
    """Which column has no number at all, if any, and of how many candles."""
    count = len(series.time)
    for name in series.indicators:
        if _first_number(series.columns[name]) == count:
            what = "candles" if series.is_candles else "rows"
            return f"column {prefix + name!r} is nan in all of its {count:,} {what}"
    parts = (_without_numbers(inner, f"{alias}.") for alias, (inner, _) in series.higher.items())
    return next(filter(None, parts), "")


def declared_warm_up(strategy: Strategy) -> int:
    """What the author declared, candles. Raises StrategyError where that is none."""
    declared = strategy.warmup() if callable(strategy.warmup) else strategy.warmup
    if not isinstance(declared, int) or declared < 0:
        raise StrategyError(f"{_name(strategy)}: warmup={declared!r} must be a whole number of candles, 0 or more.")
    return declared


def _offsets(strategy: Strategy, candles: Candles) -> np.ndarray | None:
    """Shape (n,), int64: ms from UTC to the class's timezone at each close; None for UTC."""
    name = type(strategy).timezone
    if name == "UTC":
        return None
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise StrategyError(f"{_name(strategy)}: timezone {name!r} is not known; write 'Europe/Berlin'.") from None
    hours, back = np.unique(closes_of(candles) // 3_600_000, return_inverse=True)
    moments = [datetime.fromtimestamp(int(h) * 3600, UTC).astimezone(zone) for h in hours]
    shifts = [m.utcoffset() or timedelta() for m in moments]
    return np.array([int(s.total_seconds() * 1000) for s in shifts], np.int64)[back]


def check_warm_up(strategy: Strategy, name: str, first: int, candles: Candles, series: Series) -> None:
    """Raises DataError when an instrument's data ends before its first decision."""
    if first >= len(candles):
        unknown = [key for key in candles.joined if not (series.higher[key][1] >= 0).any()]
        if unknown:
            raise DataError(
                f"{name}: nothing of data {unknown[0]!r} was known by the close of its last candle. Give earlier rows, "
                "or choose a later end."
            )
        empty = _without_numbers(series)
        if empty:
            raise DataError(
                f"{name}: {_name(strategy)}.indicators: {empty}. Import more candles, choose an earlier start or a "
                "shorter parameter, or mend what computes it."
            )
        raise DataError(
            f"{name}: {_name(strategy)} needs more candles before its first decision than the {len(candles):,} "
            "there are. Import more candles, choose an earlier start or a shorter parameter."
        )
