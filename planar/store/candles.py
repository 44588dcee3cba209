"""The one gate for candle frames: whatever is imported, stored or handed to a backtest passes ``checked``.

A candle frame has the columns of ``SCHEMA``: ``time`` is the open in UTC milliseconds, strictly rising and on the grid
of its timeframe; prices are positive and finite; volume is NaN throughout where there is no volume data.
Missing candles are allowed (they are gaps), impossible ones are not. Rows in messages count from 0.
"""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from planar.errors import DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.store.faults import price_faults

PRICES = ("open", "high", "low", "close")
SCHEMA = {"time": pl.Int64, **dict.fromkeys(PRICES, pl.Float64), "volume": pl.Float64}
TIME_NAMES = ("time", "timestamp", "date")

# The years 1 to 9999: what a date can name, and what milliseconds mistaken for another unit fall out of.
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999

_MISSING = {
    "time": "Rename the column with the opens of the candles to 'time'.",
    "volume": "Rename or add it; a column of nulls says that there is no volume data.",
}


def checked(frame: pl.DataFrame, *, name: str, timeframe: int | None = None) -> pl.DataFrame:
    """The candles of a frame in the columns of ``SCHEMA``, or a DataError that says what is wrong and where.

    frame: ``time`` (else ``timestamp`` or ``date``) as integer milliseconds or as a date, which is UTC unless it says
    otherwise; ``open, high, low, close, volume`` of any numeric type. Other columns are dropped.
    name: what the message calls the frame, an instrument or a file.
    timeframe: its length in milliseconds, inferred when left out. A single row then has no grid to be on.
    A volume that is null, NaN or zero in every row means "no volume data" and becomes NaN.
    """
    return pl.DataFrame(checked_columns(frame, name=name, timeframe=timeframe)[0], schema=SCHEMA)


def checked_columns(
    frame: pl.DataFrame, *, name: str, timeframe: int | None = None
) -> tuple[dict[str, np.ndarray], int | None]:
    """The columns of `checked` as arrays, and their timeframe: None for a single row when it is left out."""
    columns = _columns(frame, name)
    time = times_of(columns["time"], name)
    length = _checked_timeframe(time, name, timeframe)
    prices = {column: numbers_of(columns[column], name) for column in PRICES}
    _check_prices(time, prices, name)
    return {"time": time, **prices, "volume": _volume(time, columns["volume"], name)}, length


def infer_timeframe(time: np.ndarray, *, name: str = "candles") -> int:
    """The timeframe of opens that rise, in milliseconds: their most common difference, which must divide all others.

    Raises DataError for fewer than two opens, for an uneven grid, and for a step that is no whole number of seconds.
    """
    if len(time) < 2:
        raise DataError(f"{name}: {len(time)} candle(s) do not tell their timeframe; at least two are needed. Name it.")
    if is_gapless(time):
        return _whole_seconds(int(time[1] - time[0]), name)
    return _common_step(time, name)


def _common_step(time: np.ndarray, name: str) -> int:
    steps = np.diff(time)
    step = int(steps.min())
    if 2 * np.count_nonzero(steps == step) <= len(steps):
        lengths, counts = np.unique(steps, return_counts=True)
        step = int(lengths[counts.argmax()])
    uneven = (steps % step != 0) | (steps <= 0) if step > 0 else steps <= 0
    if uneven.any():
        row = int(uneven.argmax())
        raise DataError(
            f"{name}: the candles are not evenly spaced: the most common step is {_length(step)}, but row {row} "
            f"({utc(time[row])}) and row {row + 1} ({utc(time[row + 1])}) are {_length(steps[row])} apart. "
            "Give candles of one timeframe, with their opens in UTC."
        )
    return _whole_seconds(step, name)


def is_gapless(time: np.ndarray) -> bool:
    """Whether all opens rise by the same step."""
    if len(time) < 2:
        return False
    # The ends tell most of it; only then is it worth looking at each.
    step = int(time[1]) - int(time[0])
    if step <= 0 or int(time[-1]) - int(time[0]) != (len(time) - 1) * step:
        return False
    from planar.kernel.candles import is_even  # here, because numba takes 0.3 s

    return is_even(np.ascontiguousarray(time, np.int64), step)


def gaps(time: np.ndarray, timeframe: int) -> pl.DataFrame:
    """The candles missing between the first and the last open, one row per gap.

    Columns: ``first`` and ``last`` open of the missing candles in UTC milliseconds, and how many are ``missing``.
    """
    steps = np.diff(time)
    at = np.flatnonzero(steps > timeframe)
    columns = {"first": time[at] + timeframe, "last": time[at + 1] - timeframe, "missing": steps[at] // timeframe - 1}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))


def utc(time: int) -> str:
    """``"2021-01-01 17:00 UTC"``; seconds and milliseconds are shown when there are any."""
    # Not fromtimestamp: it fails before 1970 on Windows.
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=int(time))
    form = "minutes" if time % 60_000 == 0 else "seconds" if time % 1_000 == 0 else "milliseconds"
    return f"{moment.isoformat(sep=' ', timespec=form)} UTC"


def _columns(frame: pl.DataFrame, name: str) -> dict[str, pl.Series]:
    if not isinstance(frame, pl.DataFrame):
        raise DataError(
            f"{name}: candles must be a polars DataFrame, not {type(frame).__module__}.{type(frame).__name__}. "
            "Convert them first: pl.from_pandas(frame), or frame.collect() for a LazyFrame."
        )
    opens = next((column for column in TIME_NAMES if column in frame.columns), "time")
    for column in (opens, *PRICES, "volume"):
        if column not in frame.columns:
            raise DataError(
                f"{name}: column {column!r} is missing; there are {', '.join(map(repr, frame.columns)) or 'none'}."
                f"{did_you_mean(column, frame.columns)} {_MISSING.get(column, 'Rename or add it.')}"
            )
    if frame.is_empty():
        raise DataError(f"{name}: there are no candles in it. Give at least one row.")
    return {"time": frame[opens].rechunk(), **{column: frame[column].rechunk() for column in (*PRICES, "volume")}}


def times_of(opens: pl.Series, name: str) -> np.ndarray:
    """Shape (n,), int64: UTC ms of a column of whole numbers or dates. Raises DataError where there is no time."""
    if isinstance(opens.dtype, pl.Datetime | pl.Date):
        time = opens.cast(pl.Datetime("ms")).to_physical()
    elif opens.dtype.is_integer() or opens.dtype == pl.Null:
        time = opens.cast(pl.Int64, strict=False)
    else:
        raise DataError(
            f"{name}: the times are {opens.dtype}, and must be whole UTC milliseconds (Int64) or dates. "
            "Convert them, for example with .str.to_datetime() or .cast(pl.Int64)."
        )
    if time.null_count() and (row := first_of(time.is_null().to_numpy())) is not None:
        raise DataError(f"{name}: {time.null_count()} of the times are null, first in row {row}. Remove those rows.")
    finer = {"us": 1_000, "ns": 1_000_000}.get(getattr(opens.dtype, "time_unit", None))
    if finer and (row := first_of(opens.to_physical().to_numpy() % finer != 0)) is not None:
        raise DataError(f"{name}: the time of row {row}, {opens[row]}, is finer than a millisecond. Round it.")
    return time.to_numpy()


def _checked_timeframe(time: np.ndarray, name: str, timeframe: int | None) -> int | None:
    """The timeframe of opens that are dates, rise, and are on its grid."""
    step = int(time[1] - time[0]) if is_gapless(time) else 0
    # Opens that rise by one step are dates when the ends are.
    if (time[0] if step else time.min()) < EARLIEST or (time[-1] if step else time.max()) > LATEST:
        row = first_of((time < EARLIEST) | (time > LATEST))
        raise DataError(
            f"{name}: the time of row {row}, {time[row]}, is no date in UTC milliseconds. Convert its unit."
        )
    if not step:
        _check_rising(time, name)
    if timeframe is None and len(time) == 1:
        return None
    length = timeframe or (_whole_seconds(step, name) if step else _common_step(time, name))
    # Where all steps are multiples of the timeframe, the first candle speaks for the rest.
    told = time[:1] if timeframe is None or (step and step % length == 0) else time
    if (row := first_of((told - timeframes.bucket_open(0, length)) % length != 0)) is not None:
        raise DataError(
            f"{name}: row {row} ({utc(time[row])}) is not the open of a {_length(length)} candle; "
            f"the nearest before is {utc(timeframes.bucket_open(int(time[row]), length))}. "
            "Give the opens of the candles in UTC, or name another timeframe."
        )
    return length


def _check_rising(time: np.ndarray, name: str) -> None:
    steps = np.diff(time)
    if (row := first_of(steps < 0)) is not None:
        raise DataError(
            f"{name}: row {row + 1} ({utc(time[row + 1])}) is earlier than row {row} ({utc(time[row])}). "
            "Sort the rows by time."
        )
    if (row := first_of(steps == 0)) is not None:
        count = int((steps == 0).sum())
        raise DataError(
            f"{name}: {count} of the times come twice, first in rows {row} and {row + 1} ({utc(time[row])}). "
            "Keep one of each."
        )


def numbers_of(column: pl.Series, name: str) -> np.ndarray:
    """Shape (n,), float64, nan for null. Raises DataError for a column of something else."""
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64).to_numpy()
    example = ""
    if column.dtype == pl.String:
        row = first_of((column.cast(pl.Float64, strict=False).is_null() & column.is_not_null()).to_numpy()) or 0
        example = f" (row {row} is {column[row]!r})"
    raise DataError(f"{name}: column {column.name!r} is {column.dtype}, not numbers{example}. Convert it to Float64.")


def _check_prices(time: np.ndarray, prices: dict[str, np.ndarray], name: str) -> None:
    from planar.kernel.candles import are_prices

    if are_prices(*prices.values()):
        return
    for bad, what in price_faults(prices):
        _refuse(bad, time, name, what)


def _volume(time: np.ndarray, column: pl.Series, name: str) -> np.ndarray:
    from planar.kernel.candles import are_volumes

    volume = numbers_of(column, name)
    if are_volumes(volume):
        return volume
    unknown = np.isnan(volume)
    if unknown.all() or (volume == 0).all():
        return np.full(len(volume), np.nan)
    _refuse(unknown, time, name, "'volume' is null or NaN, and elsewhere it is not,")
    _refuse(np.isinf(volume), time, name, "'volume' is infinite")
    _refuse(volume < 0, time, name, "'volume' is negative")
    return volume


def _refuse(bad: np.ndarray, time: np.ndarray, name: str, what: str) -> None:
    row = first_of(bad)
    if row is not None:
        count = int(bad.sum())
        rows = f"{count} rows, first in row {row}" if count > 1 else f"row {row}"
        raise DataError(f"{name}: {what} in {rows} ({utc(time[row])}). Repair or remove such candles.")


def first_of(found: np.ndarray) -> int | None:
    """The first row where it is true, None where it nowhere is."""
    row = int(found.argmax()) if len(found) else 0
    return row if found[row : row + 1].any() else None


def _whole_seconds(step: int, name: str) -> int:
    if step % 1_000:
        raise DataError(
            f"{name}: the candles are {step} ms apart, which is no whole number of seconds. "
            "Times are UTC milliseconds: multiply seconds by 1000."
        )
    return step


def _length(step: int) -> str:
    return timeframes.name(int(step)) if step > 0 and step % 1_000 == 0 else f"{step} ms"
