"""Where the rows of a series came from, and when."""

import duckdb
import polars as pl

from planar.store.catalog import Series

SCHEMA = {"source": pl.String, **dict.fromkeys(("fetched_at", "first", "last", "rows"), pl.Int64), "final": pl.Boolean}


def record(con: duckdb.DuckDBPyConnection, id: int, series: Series, fresh: pl.DataFrame, source: str, now: int) -> None:
    """Notes rows that were written."""
    first, last = fresh["time"][0], fresh["time"][-1]
    row = [id, source, now, first, last, fresh.height, last + series.length <= now]
    con.execute("insert into imports values (?, ?, ?, ?, ?, ?, ?)", row).complete()


def read(con: duckdb.DuckDBPyConnection, id: int) -> pl.DataFrame:
    """All of them, oldest first."""
    query = f"select {', '.join(SCHEMA)} from imports where market = ? order by rowid"
    return pl.DataFrame(con.execute(query, [id]).fetchall(), schema=SCHEMA, orient="row")
