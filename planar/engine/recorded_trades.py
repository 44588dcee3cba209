"""The market trades of a run: given as frames, of files, or out of a store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from planar.errors import ConfigError, DataError, did_you_mean
from planar.store.candles import utc
from planar.store.files import read_file
from planar.strategy.prints import Prints

Recorded = pl.DataFrame | pl.LazyFrame | str | Path
Trades = Recorded | Mapping[str, Recorded] | bool
"""One frame or file, {instrument: frame or file}, or True for those of the store."""

if TYPE_CHECKING:
    from planar.store.store import Store

COLUMNS = ("time", "price", "amount")
SIDES = {"buy": 1, "sell": -1, "": 0}
LARGEST_TIME = 2**52


def stored_prints(store: "Store", names: list[str]) -> dict[str, Prints]:
    """The market trades of each instrument, out of a store. Raises DataError where there are none."""
    return {name: checked_prints(store.read_trades(name), f"{store.path}: {name}") for name in names}


def given_prints(given: Recorded | Mapping[str, Recorded], names: list[str]) -> dict[str, Prints]:
    """The market trades of each instrument, in order. Raises ConfigError or DataError, each with its remedy."""
    if isinstance(given, Mapping):
        trades: Mapping[str, Recorded] = given
    elif len(names) == 1:
        trades = {names[0]: given}
    else:
        wanted = ", ".join(names)
        raise ConfigError(f"trades is one for {len(names)} instruments: give {{name: frame}} for {wanted}.")
    missing = [name for name in names if name not in trades]
    if missing:
        near = did_you_mean(missing[0], trades)
        raise DataError(f"trades has nothing for {missing[0]}; it has {', '.join(map(str, trades))}.{near}")
    return {name: _prints_of(trades[name], name) for name in names}


def _prints_of(given: Recorded, name: str) -> Prints:
    if isinstance(given, str | Path):
        return checked_prints(read_file(given), str(given))
    frame = given.collect() if isinstance(given, pl.LazyFrame) else given
    if not isinstance(frame, pl.DataFrame):
        kind = type(frame).__name__
        raise DataError(f"{name}: trades are a {kind}; give a polars frame, or the path of a file.")
    return checked_prints(frame, name)


def checked_prints(frame: pl.DataFrame, where: str) -> Prints:
    """The trades of a frame: columns time (or timestamp), price, amount and, where it is known, the taker's side.

    Raises DataError naming the column and the first row that is none.
    """
    if "time" not in frame.columns and "timestamp" in frame.columns:
        frame = frame.rename({"timestamp": "time"})
    for column in COLUMNS:
        if column not in frame.columns:
            near = did_you_mean(column, frame.columns)
            raise DataError(f"{where}: column {column!r} is missing; there are {', '.join(frame.columns)}.{near}")
    if frame.is_empty():
        raise DataError(f"{where}: there are no market trades. Fetch or record some, or choose another span.")
    if frame.schema["time"].is_temporal():
        frame = frame.with_columns(pl.col("time").dt.epoch("ms"))
    time = _numbers(frame, "time", pl.Int64, where)
    price, amount = (_numbers(frame, column, pl.Float64, where) for column in ("price", "amount"))
    for column, values in (("price", price), ("amount", amount)):
        _refuse(~(np.isfinite(values) & (values > 0)), where, f"{column!r} is no positive number")
    _refuse((time < 0) | (time > LARGEST_TIME), where, "'time' is not UTC milliseconds")
    _refuse(np.diff(time, prepend=time[0]) < 0, where, "'time' goes back", "Sort by time, and those of one time by id.")
    return Prints(time, price, amount, _sides(frame, where))


def _numbers(frame: pl.DataFrame, column: str, kind: Any, where: str) -> np.ndarray:
    try:
        values = frame[column].cast(kind)
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(f"{where}: {column!r}: {str(error).splitlines()[0]}. Convert the column.") from None
    _refuse(values.is_null().to_numpy(), where, f"{column!r} is null")
    return np.ascontiguousarray(values.to_numpy())


def _sides(frame: pl.DataFrame, where: str) -> np.ndarray:
    if "side" not in frame.columns:
        return np.zeros(frame.height, np.int64)
    told = frame["side"].cast(pl.String).fill_null("").str.to_lowercase()
    _refuse((~told.is_in(list(SIDES))).to_numpy(), where, "'side' is neither 'buy' nor 'sell'")
    return np.ascontiguousarray(told.replace_strict(SIDES, return_dtype=pl.Int64).to_numpy())


def _refuse(is_bad: np.ndarray, where: str, told: str, remedy: str = "Repair or remove such rows.") -> None:
    count = int(is_bad.sum())
    if count:
        rows = f"{count:,} rows, first in row" if count > 1 else "row"
        raise DataError(f"{where}: {told} in {rows} {int(is_bad.argmax()):,}. {remedy}")


def cut_prints(prints: Mapping[str, Prints], end: int | None) -> dict[str, Prints]:
    """The trades before the end of a run. Raises DataError where there are none."""
    cut = {}
    for name, own in prints.items():
        known = len(own) if end is None else int(np.searchsorted(own.time, end, side="left"))
        if known == 0:
            first = utc(int(own.time[0]))
            raise DataError(
                f"{name}: no market trades before the end of the run (the first is of {first}); choose a later end."
            )
        cut[name] = own.at(slice(known))
    return cut
