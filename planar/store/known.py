"""The gate for rows of one's own that are joined to candles: each says from when on it was known."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.errors import DataError, did_you_mean
from planar.store.candles import EARLIEST, LATEST, first_of, numbers_of, times_of, utc

KNOWN_AT, INSTRUMENT = "known_at", "instrument"
SECONDS = range(1_000_000_000, 10_000_000_000)
"""Moments from 2001 on in seconds; as milliseconds they would be in early 1970."""


@dataclass(frozen=True)
class Known:
    """Rows in the order in which they became known: UTC ms, and columns of floats by name."""

    known_at: np.ndarray
    columns: Mapping[str, np.ndarray]


def checked_known(frame: pl.DataFrame, *, name: str) -> dict[str | None, Known]:
    """The rows of a frame by instrument, under None where there is no column of that name and all share them.

    Raises DataError naming the frame, column and row: for no ``known_at``, times that do not rise, columns of no
    numbers. A number may be missing (null or nan): it is nan until the next row.
    """
    if not isinstance(frame, pl.DataFrame):
        kind = f"{type(frame).__module__}.{type(frame).__name__}"
        raise DataError(f"{name}: it must be a polars DataFrame, not {kind}. Convert it: pl.from_pandas(frame).")
    _check_columns(frame, name)
    if INSTRUMENT not in frame.columns:
        return {None: _rows(frame, name)}
    if frame[INSTRUMENT].dtype != pl.String or frame[INSTRUMENT].null_count():
        raise DataError(f"{name}: column 'instrument' must have a name such as 'binance:BTC/USDT' in every row.")
    parts = frame.with_row_index("_row").partition_by(INSTRUMENT, as_dict=True, maintain_order=True)
    return {str(key[0]): _rows(part.drop(INSTRUMENT), f"{name}, {key[0]}") for key, part in parts.items()}


def _check_columns(frame: pl.DataFrame, name: str) -> None:
    if KNOWN_AT not in frame.columns:
        near = did_you_mean(KNOWN_AT, frame.columns)
        raise DataError(
            f"{name}: column 'known_at' is missing; there are {', '.join(map(repr, frame.columns)) or 'none'}.{near} "
            "It says from when on a row may be seen: add it, with the time at which each row was published."
        )
    if not [column for column in frame.columns if column not in (KNOWN_AT, INSTRUMENT)]:
        raise DataError(f"{name}: there is no column beside 'known_at'. Add what is to be read.")
    if frame.is_empty():
        raise DataError(f"{name}: there are no rows in it. Give at least one.")


def _rows(frame: pl.DataFrame, name: str) -> Known:
    # Rows in messages are those of the whole frame.
    at = frame["_row"].to_numpy() if "_row" in frame.columns else np.arange(frame.height)
    known_at = times_of(frame[KNOWN_AT].rechunk(), f"{name}: known_at")
    _check_times(known_at, at, name)
    names = [column for column in frame.columns if column not in (KNOWN_AT, "_row")]
    columns = {}
    for column in names:
        values = frame[column].rechunk()
        columns[column] = numbers_of(values.cast(pl.Int8) if values.dtype == pl.Boolean else values, name)
    return Known(known_at, columns)


def _check_times(time: np.ndarray, at: np.ndarray, name: str) -> None:
    if (row := first_of((time < EARLIEST) | (time > LATEST))) is not None:
        raise DataError(f"{name}: known_at of row {at[row]}, {time[row]}, is no date in UTC milliseconds. Convert it.")
    if int(time.max()) in SECONDS:
        raise DataError(f"{name}: known_at looks like seconds ({time[0]} in row {at[0]}): give UTC milliseconds.")
    steps = np.diff(time)
    if (row := first_of(steps < 0)) is not None:
        first, second = (f"row {at[each]} ({utc(time[each])})" for each in (row, row + 1))
        raise DataError(f"{name}: {second} was known before {first}. Sort the rows by known_at.")
    if (row := first_of(steps == 0)) is not None:
        both = f"rows {at[row]} and {at[row + 1]}"
        raise DataError(
            f"{name}: {both} were known at one time ({utc(time[row])}). Keep the one that was published last."
        )
