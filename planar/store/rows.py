"""Rows that have a time, in a table of their own for each kind of series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from planar.store.candles import EARLIEST, LATEST, SCHEMA


@dataclass(frozen=True)
class Rows:
    """A table of the store. key: the columns that tell a row of a series from its others."""

    table: str
    schema: Mapping[str, Any]
    key: tuple[str, ...] = ("time",)

    def read(
        self, con: duckdb.DuckDBPyConnection, series: int, start: int | None, end: int | None, *columns: str
    ) -> pl.DataFrame:
        """The rows of a series with ``start <= time < end`` by time, those of one time as they were written."""
        span = [EARLIEST if start is None else start, LATEST + 1 if end is None else end]
        schema = {name: self.schema[name] for name in columns or self.schema}
        # One candle has one time; only prints share theirs, and sorting by rowid costs.
        order = "time" if self.key == ("time",) else "time, rowid"
        query = f"select {', '.join(schema)} from {self.table} where market = ? and time >= ? and time < ?"
        # sql() runs in parallel where execute() streams: twice as fast. fetchnumpy(), since polars reading DuckDB's own
        # stream prints leaks at exit (duckdb 2.0.0).
        found = con.sql(f"{query} order by {order}", params=[series, *span])
        return pl.DataFrame(found.fetchnumpy(), schema=schema)

    def write(self, con: duckdb.DuckDBPyConnection, series: int, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """Adds rows, which are in order of time, and replaces those of the same key.

        Gives the rows that were not there already, and how many others they replace.
        """
        there = self.read(con, series, frame["time"][0], frame["time"][-1] + 1)
        fresh = frame.join(there, on=list(self.schema), how="anti", maintain_order="left")
        if fresh.is_empty():
            return fresh, 0
        con.register("fresh", _Stream(fresh))
        key = ", ".join(self.key)
        delete = f"delete from {self.table} where market = ? and ({key}) in (select ({key}) from fresh)"
        [(replaced,)] = con.execute(delete, [series]).fetchall()
        columns = ", ".join(self.schema)
        con.execute(f"insert into {self.table} select ?, {columns} from fresh", [series]).complete()
        return fresh, replaced

    def ends(self, con: duckdb.DuckDBPyConnection, series: int, start: int, end: int) -> tuple[int, int] | None:
        """The first and the last time with ``start <= time < end``; None when there is none."""
        query = f"select min(time), max(time) from {self.table} where market = ? and time >= ? and time < ?"
        [(first, last)] = con.execute(query, [series, start, end]).fetchall()
        return None if first is None else (first, last)


class _Stream:
    """A frame as DuckDB can read it without pyarrow, more than once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


FUNDING_SCHEMA = {"time": pl.Int64, "rate": pl.Float64}
TRADES_SCHEMA = {"time": pl.Int64, "id": pl.String, "price": pl.Float64, "amount": pl.Float64, "side": pl.String}

CANDLES = Rows("candles", SCHEMA)
FUNDING = Rows("funding", FUNDING_SCHEMA)
TRADES = Rows("market_trades", TRADES_SCHEMA, key=("time", "id"))
KINDS = {"candles": CANDLES, "mark": CANDLES, "funding": FUNDING, "trades": TRADES}
"""The rows of each kind of series. Mark prices are candles too, in series of their own."""
