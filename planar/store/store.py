"""``Store``: the candles of many instruments and timeframes in one DuckDB file.

markets   a small id for each instrument and timeframe
candles   one row per candle, no key: measured, a primary key makes the file six times larger and reads no faster
imports   where candles came from and when
asked     spans that an exchange was asked for; what is not stored of them, it does not have

Each call opens the file, does one thing and closes it (see ``connection``). A write is one transaction.
"""

import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.store import asked as asked_spans
from planar.store import connection
from planar.store.candles import EARLIEST, LATEST, SCHEMA, checked, gaps

FORMAT = 1
COLUMNS = ", ".join(SCHEMA)
TABLES = f"""
    create table format (version integer not null);
    insert into format values ({FORMAT});
    create table markets (id integer not null, instrument varchar not null, timeframe_ms bigint not null);
    create table candles (
        market integer not null, time bigint not null, open double not null, high double not null,
        low double not null, close double not null, volume double not null
    );
    create table imports (
        market integer not null, source varchar not null, fetched_at bigint not null,
        first bigint not null, last bigint not null, rows bigint not null, final boolean not null
    );
"""
SERIES = {"instrument": pl.String, "timeframe": pl.String, "rows": pl.Int64, "first": pl.Int64, "last": pl.Int64}
IMPORTS = {"source": pl.String, **dict.fromkeys(("fetched_at", "first", "last", "rows"), pl.Int64), "final": pl.Boolean}


@dataclass(frozen=True)
class Written:
    """What a write changed: of ``rows`` given, some ``added``, some ``replaced``, the others were there already."""

    rows: int
    added: int
    replaced: int
    first: int  # open, UTC milliseconds
    last: int


def _now() -> int:
    return time.time_ns() // 1_000_000


class Store:
    """Candles in a DuckDB file.

    patience_s: how long to wait for another process to let go of the file.
    clock: the time in UTC milliseconds, for the provenance of what is written.
    """

    def __init__(self, path: str | Path, *, patience_s: float = 10.0, clock: Callable[[], int] = _now) -> None:
        """Nothing is opened or made before the first call."""
        self.path = Path(path)
        self._patience_s = patience_s
        self._clock = clock

    def write_candles(
        self,
        instrument: str,
        timeframe: str,
        frame: pl.DataFrame,
        source: str,
        *,
        asked: asked_spans.Span | None = None,
    ) -> Written:
        """Store candles, replacing those of the same time; all of them or, on any error, none.

        Writing the same candles twice changes nothing. Stored candles that the frame lacks are kept.
        source: where they came from, for ``imports``. asked: the span that the source was asked for, of which
        these are all the candles; their volume is then known, even when it is zero throughout.
        """
        _check_name(instrument)
        length = timeframes.milliseconds(timeframe)
        candles = checked(frame, name=f"{instrument} {timeframe}", timeframe=length)
        if asked and (frame["volume"] == 0).all():
            candles = candles.with_columns(volume=pl.lit(0.0))
        first, last = candles["time"][0], candles["time"][-1]
        with self._open(read_only=False) as con:
            con.begin()
            market = _market(con, instrument, length)
            fresh = candles.join(_select(con, COLUMNS, market, first, last + 1), on=list(SCHEMA), how="anti")
            replaced = 0
            if not fresh.is_empty():
                replaced = _replace(con, market, fresh)
                _record(con, market, fresh, source, self._clock(), length)
            if asked:
                asked_spans.write(con, market, asked, source, self._clock())
            con.commit()
        return Written(candles.height, fresh.height - replaced, replaced, first, last)

    def read_candles(
        self, instrument: str, timeframe: str, start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """Stored candles in order, from ``start`` (included) to ``end`` (excluded), UTC milliseconds.

        The frame has the columns of ``candles.SCHEMA``, and no rows when there are none in that span.
        Raises DataError when the instrument or the timeframe is not stored.
        """
        length = timeframes.milliseconds(timeframe)
        start, end = EARLIEST if start is None else start, LATEST + 1 if end is None else end
        with self._open(read_only=True) as con:
            return _select(con, COLUMNS, _known_market(con, instrument, length, self.path), start, end)

    def gaps(self, instrument: str, timeframe: str) -> pl.DataFrame:
        """Spans without candles, as ``candles.gaps`` gives them."""
        length = timeframes.milliseconds(timeframe)
        with self._open(read_only=True) as con:
            return gaps(_times(con, _known_market(con, instrument, length, self.path)), length)

    def series(self) -> pl.DataFrame:
        """One row per instrument and timeframe, by name.

        Columns: instrument, timeframe, rows, first and last open in UTC milliseconds, gaps (spans without candles) and
        missing (candles that they lack).
        """
        query = """
            select instrument, timeframe_ms, count(*), min(time), max(time), id
            from candles join markets on market = id group by all order by instrument, timeframe_ms
        """
        rows = []
        with self._open(read_only=True) as con:
            for name, length, count, first, last, market in con.execute(query).fetchall():
                missing = (last - first) // length + 1 - count
                spans = len(gaps(_times(con, market), length)) if missing else 0
                rows.append((name, timeframes.name(length), count, first, last, spans, missing))
        return pl.DataFrame(rows, schema=SERIES | {"gaps": pl.Int64, "missing": pl.Int64}, orient="row")

    def imports(self, instrument: str, timeframe: str) -> pl.DataFrame:
        """Where the candles came from, oldest first.

        Columns: source, fetched_at, first, last, rows (written then), final (the last candle had closed by then).
        """
        query = f"select {', '.join(IMPORTS)} from imports where market = ? order by rowid"
        length = timeframes.milliseconds(timeframe)
        with self._open(read_only=True) as con:
            market = _known_market(con, instrument, length, self.path)
            return pl.DataFrame(con.execute(query, [market]).fetchall(), schema=IMPORTS, orient="row")

    def times(self, instrument: str, timeframe: str, start: int, end: int) -> np.ndarray:
        """Opens of the stored candles from ``start`` to ``end`` (excluded); none when nothing is stored."""
        if self.path.exists():
            with self._open(read_only=True) as con:
                market = _found_market(con, instrument, timeframes.milliseconds(timeframe))
                if market is not None:
                    return _times(con, market, start, end)
        return np.empty(0, np.int64)

    def missing(self, instrument: str, timeframe: str, start: int, end: int) -> list[asked_spans.Span]:
        """Spans from ``start`` to ``end`` of which nothing is stored, and which no exchange was asked for."""
        length, known = timeframes.milliseconds(timeframe), []
        if self.path.exists():
            with self._open(read_only=True) as con:
                market = _found_market(con, instrument, length)
                known = [] if market is None else asked_spans.read(con, market)
        return asked_spans.missing(self.times(instrument, timeframe, start, end), known, start, end, length)

    def note_asked(self, instrument: str, timeframe: str, span: asked_spans.Span, source: str) -> None:
        """Note a span that ``source`` was asked for and of which all it has is stored; `missing` leaves it out."""
        with self._open(read_only=False) as con:
            con.begin()
            market = _market(con, instrument, timeframes.milliseconds(timeframe))
            asked_spans.write(con, market, span, source, self._clock())
            con.commit()

    def forget_asked(self, instrument: str, timeframe: str) -> None:
        """Forget what was asked for, so that `missing` names all gaps again."""
        with self._open(read_only=False) as con:
            market = _found_market(con, instrument, timeframes.milliseconds(timeframe))
            if market is not None:
                asked_spans.forget(con, market)

    @contextmanager
    def _open(self, *, read_only: bool) -> Generator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            if read_only:
                raise DataError(
                    f"{self.path}: there is no candle store yet. Make one with "
                    "`planar data import FILE --instrument binance:BTC/USDT --timeframe 1h`, or `planar data fetch`."
                )
            connection.create(self.path, TABLES)
        with connection.connection(self.path, read_only=read_only, patience_s=self._patience_s) as con:
            _check_format(con, self.path)
            yield con


class _Stream:
    """A frame as DuckDB can read it without pyarrow, more than once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def _select(con: duckdb.DuckDBPyConnection, columns: str, market: int, start: int, end: int) -> pl.DataFrame:
    query = f"select {columns} from candles where market = ? and time >= ? and time < ? order by time"
    # sql() runs in parallel where execute() streams: twice as fast. fetchnumpy(), since polars reading DuckDB's own
    # stream prints leaks at exit (duckdb 2.0.0).
    return pl.DataFrame(con.sql(query, params=[market, start, end]).fetchnumpy())


def _times(con: duckdb.DuckDBPyConnection, market: int, start: int = EARLIEST, end: int = LATEST + 1) -> np.ndarray:
    return _select(con, "time", market, start, end)["time"].to_numpy()


def _replace(con: duckdb.DuckDBPyConnection, market: int, fresh: pl.DataFrame) -> int:
    con.register("fresh", _Stream(fresh))
    delete = "delete from candles where market = ? and time in (select time from fresh)"
    [(replaced,)] = con.execute(delete, [market]).fetchall()
    con.execute(f"insert into candles select ?, {COLUMNS} from fresh", [market]).complete()
    return replaced


def _record(
    con: duckdb.DuckDBPyConnection, market: int, fresh: pl.DataFrame, source: str, now: int, length: int
) -> None:
    first, last = fresh["time"][0], fresh["time"][-1]
    row = [market, source, now, first, last, fresh.height, last + length <= now]
    con.execute("insert into imports values (?, ?, ?, ?, ?, ?, ?)", row).complete()


def _market(con: duckdb.DuckDBPyConnection, instrument: str, length: int) -> int:
    found = _found_market(con, instrument, length)
    if found is not None:
        return found
    [(new,)] = con.execute("select coalesce(max(id), 0) + 1 from markets").fetchall()
    con.execute("insert into markets values (?, ?, ?)", [new, instrument, length]).complete()
    return new


def _found_market(con: duckdb.DuckDBPyConnection, instrument: str, length: int) -> int | None:
    query = "select id from markets where instrument = ? and timeframe_ms = ?"
    found = con.execute(query, [instrument, length]).fetchall()
    return found[0][0] if found else None


def _known_market(con: duckdb.DuckDBPyConnection, instrument: str, length: int, path: Path) -> int:
    stored = con.execute("select instrument, timeframe_ms, id from markets order by timeframe_ms").fetchall()
    found = {ms: market for name, ms, market in stored if name == instrument}
    if length in found:
        return found[length]
    timeframe = timeframes.name(length)
    if found:
        there = ", ".join(map(timeframes.name, found))
        what = f"{path}: {instrument} has no {timeframe} candles; stored are {there}."
    else:
        near = did_you_mean(instrument, sorted({name for name, *_ in stored}))
        what = f"{path}: {instrument} is not stored.{near} `planar data list` shows what is."
    raise DataError(
        f"{what} Import it with `planar data import FILE --instrument {instrument} --timeframe {timeframe}`."
    )


def _check_format(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        [(version,)] = con.execute("select version from format").fetchall()
    except (duckdb.ProgrammingError, ValueError) as error:
        raise DataError(f"{path}: this DuckDB file is no candle store of Planar. Name another file.") from error
    if version != FORMAT:
        raise DataError(f"{path}: its format is {version}, this Planar reads {FORMAT}. Use the Planar that wrote it.")


def _check_name(instrument: str) -> None:
    if not re.fullmatch(r"[^:/\s]+:[^:/\s]+/[^:/\s]+(:[^:/\s]+)?", instrument):
        raise ConfigError(f"instrument {instrument!r} is not 'exchange:BASE/QUOTE', as in 'binance:BTC/USDT'.")
