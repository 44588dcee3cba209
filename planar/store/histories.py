"""The gate for funding rates and market trades, as ``candles`` is that for candles."""

import polars as pl

from planar.errors import DataError, did_you_mean
from planar.store.rows import FUNDING, TRADES, Rows

SIDES = ("buy", "sell", "")
"""Of the taker; empty where an exchange does not say."""


def checked_funding(frame: pl.DataFrame) -> pl.DataFrame:
    """Funding rates in order of time. Raises DataError for what is none."""
    rates = _columns(frame, FUNDING, "funding rates")
    _refuse(rates, ~pl.col("rate").is_finite(), "funding rates", "'rate' is no number")
    return rates


def checked_trades(frame: pl.DataFrame) -> pl.DataFrame:
    """Market trades in order of time. Raises DataError for what is none."""
    trades = _columns(frame.with_columns(pl.col("side").fill_null("")), TRADES, "market trades")
    for column in ("price", "amount"):
        is_bad = ~pl.col(column).is_finite() | (pl.col(column) <= 0)
        _refuse(trades, is_bad, "market trades", f"{column!r} is no positive number")
    _refuse(trades, ~pl.col("side").is_in(SIDES), "market trades", "'side' is neither 'buy' nor 'sell'")
    return trades


def as_told(trades: pl.DataFrame) -> pl.DataFrame:
    """Stored market trades as they are read: a side that is not known is null."""
    return trades.with_columns(pl.col("side").replace("", None))


def _columns(frame: pl.DataFrame, rows: Rows, what: str) -> pl.DataFrame:
    """The columns that are stored, each key once."""
    for column in rows.schema:
        if column not in frame.columns:
            near = did_you_mean(column, frame.columns)
            raise DataError(f"{what}: column {column!r} is missing; there are {', '.join(frame.columns)}.{near}")
    if frame.is_empty():
        raise DataError(f"{what}: there are none. Give at least one row.")
    try:
        found = frame.select(pl.col(name).cast(kind) for name, kind in rows.schema.items())
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(f"{what}: {str(error).splitlines()[0]}. Convert the column.") from None
    _refuse(found, pl.any_horizontal(pl.all().is_null()), what, "something is null")
    return found.unique(list(rows.key), keep="last", maintain_order=True).sort("time", maintain_order=True)


def _refuse(frame: pl.DataFrame, is_bad: pl.Expr, what: str, told: str) -> None:
    bad = frame.with_row_index("row").filter(is_bad)
    if not bad.is_empty():
        count = f"{bad.height} rows, first in row" if bad.height > 1 else "row"
        raise DataError(f"{what}: {told} in {count} {bad['row'][0]}. Repair or remove such rows.")
