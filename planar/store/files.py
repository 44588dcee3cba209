"""One candle file, Parquet or CSV, as a frame for ``checked`` and into the store.

Headers are recognised in any case and by their usual names (``Open time``, ``unix``, ``vol``); a CSV file without a
header is read in the order time, open, high, low, close, volume, as Binance and Kraken publish them. Times may be ISO
dates (UTC unless they say otherwise) or counts since 1970 in seconds, milli-, micro- or nanoseconds. A file that runs
from new to old is turned around. Nothing else is repaired.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from planar.errors import DataError
from planar.model import timeframe as timeframes
from planar.store.candles import LATEST, SCHEMA, checked, gaps, infer_timeframe

if TYPE_CHECKING:
    from planar.store.store import Store, Written

NAMES = {
    "time": ("time", "timestamp", "open_time", "opentime", "unix", "datetime", "date", "ts", "index_level_0"),
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "vol", "v", "base_volume"),
}
# Below each bound a count since 1970 is in that unit; the bounds are the year 5138 (and March 1973 one unit finer).
EPOCH_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (float("inf"), "ns"))
ISO_DATE = r"^\d{4}[-/]\d{2}[-/]\d{2}"


@dataclass(frozen=True)
class Imported:
    """What became of one file."""

    instrument: str
    timeframe: str
    inferred: bool  # the timeframe was read off the file
    written: "Written"
    gaps: int
    missing: int  # candles that the gaps lack


def import_file(store: "Store", path: str | Path, instrument: str, timeframe: str | None = None) -> Imported:
    """Read, check and store one file. Raises DataError and stores nothing when any candle is wrong."""
    length = timeframes.milliseconds(timeframe) if timeframe else None
    candles = checked(read_file(path), name=str(path), timeframe=length)
    time = candles["time"].to_numpy()
    nearest = int(np.diff(time).min(initial=LATEST))
    if length is None:
        length = infer_timeframe(time, name=str(path))
    elif length < nearest < LATEST:
        raise DataError(
            f"{path}: no two candles are {timeframe} apart, the nearest are {timeframes.name(nearest)}. "
            f"Import it with --timeframe {timeframes.name(nearest)}, or leave that out."
        )
    name = timeframes.name(length)
    written = store.write_candles(instrument, name, candles, source=str(path))
    missing = gaps(time, length)["missing"]
    return Imported(instrument, name, timeframe is None, written, len(missing), int(missing.sum()))


def read_file(path: str | Path) -> pl.DataFrame:
    """The rows of a Parquet or CSV file, its known columns renamed; to be passed through ``checked``.

    Raises DataError when the file is missing, of another kind, damaged, or its times cannot be read.
    """
    frame = _rows(Path(path))
    return _timed(frame.rename(_renamed(frame.columns)), "time", Path(path))


def read_known(path: str | Path) -> pl.DataFrame:
    """The rows of one's own file, ``known_at`` read as times; to be passed through ``known.checked_known``.

    Raises DataError as `read_file` does.
    """
    return _timed(_rows(Path(path)), "known_at", Path(path))


def _timed(frame: pl.DataFrame, column: str, path: Path) -> pl.DataFrame:
    """The rows in order, that column read as times, where there is one."""
    if column not in frame.columns:
        return frame
    frame = frame.with_columns(_time(frame[column], path))
    # From new to old, as some sites publish, is an order and not a fault.
    is_turned = frame.height > 1 and frame[column].is_sorted(descending=True)
    return frame.reverse() if is_turned else frame


def _rows(path: Path) -> pl.DataFrame:
    readers = {".parquet": _parquet, ".pq": _parquet, ".csv": _csv}
    if not path.is_file():
        raise DataError(f"{path}: there is no such file. Check the path; a folder is imported file by file.")
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: Planar reads .parquet and .csv files. Convert it, or rename it.")
    try:
        return readers[path.suffix.lower()](path)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(
            f"{path}: it cannot be read ({reason}). Check that it is whole and what it says it is."
        ) from error


def _parquet(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, glob=False)


def _csv(path: Path) -> pl.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        first, second = file.readline(), file.readline()
    separator = max(",;\t", key=first.count)
    # A first line without fields is a banner, as on CryptoDataDownload.
    banner = separator not in first and any(mark in second for mark in ",;\t")
    if banner:
        first, separator = second, max(",;\t", key=second.count)
    headed = not _is_number(first.split(separator)[1:2])
    frame = pl.read_csv(
        path, glob=False, separator=separator, skip_rows=int(banner), has_header=headed, infer_schema_length=None
    )
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines at the end
    return frame if headed else frame.rename(dict(zip(frame.columns, SCHEMA, strict=False)))


def _is_number(fields: list[str]) -> bool:
    try:
        return bool(fields) and float(fields[0].strip(' "\n')) is not None
    except ValueError:
        return False


def _renamed(columns: list[str]) -> dict[str, str]:
    plain = {re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_"): column for column in reversed(columns)}
    renamed = {}
    for ours, theirs in NAMES.items():
        if ours not in columns:
            found = next((plain[name] for name in theirs if name in plain), None)
            renamed |= {found: ours} if found else {}
    return renamed


def _time(column: pl.Series, path: Path) -> pl.Series:
    if column.dtype == pl.String:
        numbers = column.cast(pl.Float64, strict=False)
        if numbers.null_count():
            return _iso_time(column, numbers, path)
        column = numbers
    if not column.dtype.is_numeric() or column.null_count() == len(column):
        return column
    largest = np.nan_to_num(column.cast(pl.Float64).to_numpy()).max()
    unit = next(unit for bound, unit in EPOCH_UNITS if largest < bound)
    counts = (column * 1_000).round() if unit == "s" else column
    # What is no number becomes null here, and `checked` says in which row.
    whole = counts.cast(pl.Int64, strict=False)
    return whole if unit in ("s", "ms") else whole.cast(pl.Datetime(unit))


def _iso_time(column: pl.Series, numbers: pl.Series, path: Path) -> pl.Series:
    text = column.str.strip_chars().str.strip_suffix(" UTC")
    # Only year-month-day: polars would guess at 01/02/2021.
    is_date = text.str.contains(ISO_DATE).fill_null(value=False)
    time = text.str.to_datetime(time_unit="us", strict=False) if is_date.all() else None
    if time is not None and not time.null_count():
        return time
    bad = time.is_null() if time is not None else ~is_date if is_date.any() else numbers.is_null()
    row = int(bad.to_numpy().argmax())
    raise DataError(
        f"{path}: the time of row {row}, {column[row]!r}, is not understood. "
        "Write it as 2021-01-31 17:00:00 in UTC, or as a count of seconds or milliseconds since 1970."
    )
