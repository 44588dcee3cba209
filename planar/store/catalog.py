"""The series of a store: an instrument's candles of one timeframe, its mark candles, funding rates, market trades."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.store.candles import gaps
from planar.store.rows import CANDLES, KINDS

WORDS = {"candles": "candles", "mark": "mark candles", "funding": "funding rates", "trades": "market trades"}
LISTED: Mapping[str, type[pl.DataType]] = {
    **dict.fromkeys(("instrument", "kind", "timeframe"), pl.String),
    **dict.fromkeys(("rows", "first", "last", "gaps", "missing"), pl.Int64),
}


@dataclass(frozen=True)
class Series:
    """What a series is of. length: milliseconds of its timeframe, 0 where it has none."""

    instrument: str
    kind: str
    length: int

    @property
    def has_grid(self) -> bool:
        """Whether a time tells when the next one is, so that what is missing can be told."""
        return self.length > 0

    @property
    def name(self) -> str:
        """Such as ``binance:BTC/USDT 1h``, for messages."""
        parts = (timeframes.name(self.length) if self.has_grid else "", self.kind if self.kind != "candles" else "")
        return " ".join(part for part in (self.instrument, *parts) if part)


def series(instrument: str, timeframe: str | None, kind: str) -> Series:
    """The series that is named so. Raises ConfigError where there can be none."""
    if kind not in KINDS:
        raise ConfigError(f"kind {kind!r} is none of {', '.join(KINDS)}.{did_you_mean(kind, KINDS)}")
    if KINDS[kind] is not CANDLES:
        return Series(instrument, kind, 0)
    if timeframe is None:
        raise ConfigError(f"{WORDS[kind]} have a timeframe: name it, as in --timeframe 1h.")
    return Series(instrument, kind, timeframes.milliseconds(timeframe))


def check_name(instrument: str) -> None:
    """Raises ConfigError for what names no instrument."""
    if not re.fullmatch(r"[^:/\s]+:[^:/\s]+/[^:/\s]+(:[^:/\s]+)?", instrument):
        raise ConfigError(f"instrument {instrument!r} is not 'exchange:BASE/QUOTE', as in 'binance:BTC/USDT'.")


def found(con: duckdb.DuckDBPyConnection, wanted: Series) -> int | None:
    """The id of a series; None when nothing is kept of it."""
    query = "select id from markets where instrument = ? and kind = ? and timeframe_ms = ?"
    ids = con.execute(query, [wanted.instrument, wanted.kind, wanted.length]).fetchall()
    return ids[0][0] if ids else None


def made(con: duckdb.DuckDBPyConnection, wanted: Series) -> int:
    """The id of a series, a new one where it has none yet."""
    id = found(con, wanted)
    if id is None:
        [(id,)] = con.execute("select coalesce(max(id), 0) + 1 from markets").fetchall()
        row = [id, wanted.instrument, wanted.length, wanted.kind]
        con.execute("insert into markets values (?, ?, ?, ?)", row).complete()
    return id


def known(con: duckdb.DuckDBPyConnection, wanted: Series, path: Path) -> int:
    """The id of a series. Raises DataError when it is not stored, with what is, and the remedy."""
    id = found(con, wanted)
    if id is None:
        raise DataError(f"{path}: {_lack(con, wanted)} {_remedy(wanted)}")
    return id


def _lack(con: duckdb.DuckDBPyConnection, wanted: Series) -> str:
    query = "select instrument, kind, timeframe_ms from markets order by timeframe_ms"
    stored = [Series(*row) for row in con.execute(query).fetchall()]
    if all(one.instrument != wanted.instrument for one in stored):
        near = did_you_mean(wanted.instrument, sorted({one.instrument for one in stored}))
        return f"{wanted.instrument} is not stored.{near} `planar data list` shows what is."
    if not wanted.has_grid:
        return f"{wanted.instrument} has no {WORDS[wanted.kind]}."
    lengths = [one.length for one in stored if (one.instrument, one.kind) == (wanted.instrument, wanted.kind)]
    there = f"; stored are {', '.join(map(timeframes.name, lengths))}" if lengths else ""
    return f"{wanted.instrument} has no {timeframes.name(wanted.length)} {WORDS[wanted.kind]}{there}."


def _remedy(wanted: Series) -> str:
    if wanted.kind != "candles":
        exchange, _, symbol = wanted.instrument.partition(":")
        return f"Fetch them with `planar data fetch {exchange} {symbol} --kind {wanted.kind} …`."
    timeframe = timeframes.name(wanted.length)
    return f"Import it with `planar data import FILE --instrument {wanted.instrument} --timeframe {timeframe}`."


def listed(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per series that has any rows, by name: the columns of `LISTED`.

    first, last: in UTC milliseconds. gaps: spans without candles, missing: candles that they lack; null where a series
    has no timeframe.
    """
    counted = " union all ".join(
        f"select market, count(*) as n, min(time) as first, max(time) as last from {table} group by market"
        for table in dict.fromkeys(rows.table for rows in KINDS.values())
    )
    query = f"""
        select instrument, kind, timeframe_ms, n, first, last, id from ({counted}) join markets on market = id
        order by instrument, kind, timeframe_ms
    """
    rows = []
    for instrument, kind, length, count, first, last, id in con.execute(query).fetchall():
        timeframe = timeframes.name(length) if length else None
        lacking = _lacking(con, id, length, (last - first) // length + 1 - count) if length else (None, None)
        rows.append((instrument, kind, timeframe, count, first, last, *lacking))
    return pl.DataFrame(rows, schema=LISTED, orient="row")


def _lacking(con: duckdb.DuckDBPyConnection, id: int, length: int, missing: int) -> tuple[int, int]:
    """How many gaps there are, and how many candles they lack."""
    if not missing:
        return 0, 0
    return len(gaps(CANDLES.read(con, id, None, None, "time")["time"].to_numpy(), length)), missing
