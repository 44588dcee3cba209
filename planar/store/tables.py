"""The tables of a store, and stores of before.

series    a small id for each instrument, kind and timeframe (0 ms for what has none); in the file they are `markets`
candles   one row per candle, no key: measured, a primary key makes the file six times larger and reads no faster
funding   one row per funding time
trades    one row per market trade; `market_trades` in the file
imports   where rows came from and when
asked     spans that an exchange was asked for; what is not stored of them, it does not have
rules     what an exchange's rules for an instrument were when they were seen; a row for each change
"""

from pathlib import Path

import duckdb

from planar.errors import DataError

FORMAT = 2
_SINCE_2 = """
    create table if not exists asked (
        market integer not null, first bigint not null, stop bigint not null, source varchar not null,
        asked_at bigint not null
    );
    create table funding (market integer not null, time bigint not null, rate double not null);
    create table market_trades (
        market integer not null, time bigint not null, id varchar not null, price double not null,
        amount double not null, side varchar not null
    );
    create table rules (
        instrument varchar not null, seen_at bigint not null, source varchar not null, terms varchar not null
    );
"""
TABLES = f"""
    create table format (version integer not null);
    insert into format values ({FORMAT});
    create table markets (
        id integer not null, instrument varchar not null, timeframe_ms bigint not null, kind varchar not null
    );
    create table candles (
        market integer not null, time bigint not null, open double not null, high double not null,
        low double not null, close double not null, volume double not null
    );
    create table imports (
        market integer not null, source varchar not null, fetched_at bigint not null,
        first bigint not null, last bigint not null, rows bigint not null, final boolean not null
    );
    {_SINCE_2}
"""


def is_current(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether the tables are those of today; `upgrade` makes them so. Raises DataError when they are unknown."""
    try:
        [(version,)] = con.execute("select version from format").fetchall()
    except (duckdb.ProgrammingError, ValueError) as error:
        raise DataError(f"{path}: this DuckDB file is no candle store of Planar. Name another file.") from error
    if version > FORMAT:
        raise DataError(f"{path}: its format is {version}, this Planar reads {FORMAT}. Use the Planar that wrote it.")
    return version == FORMAT


def upgrade(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """A store of format 1, which had candles only, becomes one of today; all of it or nothing."""
    con.begin()
    if not is_current(con, path):  # another process may have been faster
        con.execute("alter table markets add column kind varchar default 'candles'").complete()
        con.execute("alter table markets alter kind set not null").complete()
        con.execute(_SINCE_2).complete()
        con.execute("update format set version = ?", [FORMAT]).complete()
    con.commit()
