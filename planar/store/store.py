"""``Store``: candles, mark candles, funding rates, market trades and rules of many instruments in one DuckDB file.

Each call opens the file, does one thing and closes it (see ``connection``). A write is one transaction. ``tables``
tells what is in the file.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from planar.errors import DataError
from planar.store import asked as asked_spans
from planar.store import catalog, connection, histories, imports, tables
from planar.store import rules as seen_rules
from planar.store.candles import checked, gaps
from planar.store.catalog import Series, series
from planar.store.rows import KINDS
from planar.store.rules import Rules, Snapshot


@dataclass(frozen=True)
class Written:
    """What a write changed: of ``rows`` given, some ``added``, some ``replaced``, the others were there already."""

    rows: int
    added: int
    replaced: int
    first: int  # UTC milliseconds
    last: int


def _now() -> int:
    return time.time_ns() // 1_000_000


class Store:
    """What exchanges told, in a DuckDB file.

    kind: "candles", "mark" (candles of mark prices), "funding" or "trades"; the last two have no timeframe.
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
        kind: str = "candles",
        asked: asked_spans.Span | None = None,
    ) -> Written:
        """Store candles, replacing those of the same time; all of them or, on any error, none.

        Writing the same candles twice changes nothing. Stored candles that the frame lacks are kept.
        source: where they came from, for ``imports``. asked: the span that the source was asked for, of which
        these are all the candles; their volume is then known, even when it is zero throughout.
        """
        which = series(instrument, timeframe, kind)
        candles = checked(frame, name=f"{instrument} {timeframe}", timeframe=which.length)
        if asked and kind == "candles" and (frame["volume"] == 0).all():
            candles = candles.with_columns(volume=pl.lit(0.0))
        return self._write(which, candles, source, asked)

    def write_funding(
        self, instrument: str, frame: pl.DataFrame, source: str, *, asked: asked_spans.Span | None = None
    ) -> Written:
        """Store funding rates, columns ``time`` and ``rate``, as `write_candles` does candles."""
        return self._write(series(instrument, None, "funding"), histories.checked_funding(frame), source, asked)

    def write_trades(
        self, instrument: str, frame: pl.DataFrame, source: str, *, asked: asked_spans.Span | None = None
    ) -> Written:
        """Store market trades, each id once: columns ``time``, ``id``, ``price``, ``amount``, ``side``."""
        return self._write(series(instrument, None, "trades"), histories.checked_trades(frame), source, asked)

    def _write(self, which: Series, frame: pl.DataFrame, source: str, asked: asked_spans.Span | None) -> Written:
        catalog.check_name(which.instrument)
        with self._open(read_only=False) as con:
            con.begin()
            id = catalog.made(con, which)
            fresh, replaced = KINDS[which.kind].write(con, id, frame)
            if not fresh.is_empty():
                imports.record(con, id, which, fresh, source, self._clock())
            if asked:
                asked_spans.write(con, id, asked, source, self._clock())
            con.commit()
        return Written(frame.height, fresh.height - replaced, replaced, frame["time"][0], frame["time"][-1])

    def read_candles(
        self,
        instrument: str,
        timeframe: str,
        start: int | None = None,
        end: int | None = None,
        *,
        kind: str = "candles",
    ) -> pl.DataFrame:
        """Stored candles in order, from ``start`` (included) to ``end`` (excluded), UTC milliseconds.

        The frame has the columns of ``candles.SCHEMA``, and no rows when there are none in that span.
        Raises DataError when the instrument or the timeframe is not stored.
        """
        return self._read(series(instrument, timeframe, kind), start, end)

    def read_funding(self, instrument: str, start: int | None = None, end: int | None = None) -> pl.DataFrame:
        """Stored funding rates in order: ``time`` in UTC milliseconds, and ``rate``, a fraction."""
        return self._read(series(instrument, None, "funding"), start, end)

    def read_trades(self, instrument: str, start: int | None = None, end: int | None = None) -> pl.DataFrame:
        """Stored market trades in order: time, id, price, amount, and the taker's side: buy, sell, or null."""
        return histories.as_told(self._read(series(instrument, None, "trades"), start, end))

    def _read(self, which: Series, start: int | None, end: int | None) -> pl.DataFrame:
        with self._open(read_only=True) as con:
            return KINDS[which.kind].read(con, catalog.known(con, which, self.path), start, end)

    def gaps(self, instrument: str, timeframe: str, *, kind: str = "candles") -> pl.DataFrame:
        """Spans without candles, as ``candles.gaps`` gives them."""
        which = series(instrument, timeframe, kind)
        return gaps(self._read(which, None, None)["time"].to_numpy(), which.length)

    def series(self) -> pl.DataFrame:
        """One row per series, as ``catalog.listed`` gives them."""
        with self._open(read_only=True) as con:
            return catalog.listed(con)

    def imports(self, instrument: str, timeframe: str | None = None, *, kind: str = "candles") -> pl.DataFrame:
        """Where the rows of a series came from, oldest first.

        Columns: source, fetched_at, first, last, rows (written then), final (the last candle had closed by then).
        """
        which = series(instrument, timeframe, kind)
        with self._open(read_only=True) as con:
            return imports.read(con, catalog.known(con, which, self.path))

    def times(
        self, instrument: str, timeframe: str | None, start: int, end: int, *, kind: str = "candles"
    ) -> np.ndarray:
        """Times of the stored rows from ``start`` to ``end`` (excluded); none when nothing is stored."""
        which = series(instrument, timeframe, kind)
        if self.path.exists():
            with self._open(read_only=True) as con:
                id = catalog.found(con, which)
                if id is not None:
                    return KINDS[kind].read(con, id, start, end, "time")["time"].to_numpy()
        return np.empty(0, np.int64)

    def ends(
        self, instrument: str, timeframe: str | None, start: int, end: int, *, kind: str = "candles"
    ) -> tuple[int, int] | None:
        """The first and the last of `times`; None when there are none."""
        which = series(instrument, timeframe, kind)
        if self.path.exists():
            with self._open(read_only=True) as con:
                id = catalog.found(con, which)
                return None if id is None else KINDS[kind].ends(con, id, start, end)
        return None

    def missing(
        self, instrument: str, timeframe: str | None, start: int, end: int, *, kind: str = "candles"
    ) -> list[asked_spans.Span]:
        """Spans from ``start`` to ``end`` of which nothing is stored, and which no exchange was asked for.

        Where there is no timeframe, what is stored does not tell what is missing: spans that nobody was asked for.
        """
        which, known = series(instrument, timeframe, kind), []
        if self.path.exists():
            with self._open(read_only=True) as con:
                id = catalog.found(con, which)
                known = [] if id is None else asked_spans.read(con, id)
        times = self.times(instrument, timeframe, start, end, kind=kind) if which.has_grid else ()
        return asked_spans.missing(times, known, start, end, which.length or 1)

    def note_asked(
        self,
        instrument: str,
        timeframe: str | None,
        span: asked_spans.Span,
        source: str,
        *,
        kind: str = "candles",
    ) -> None:
        """Note a span that ``source`` was asked for and of which all it has is stored; `missing` leaves it out."""
        with self._open(read_only=False) as con:
            con.begin()
            id = catalog.made(con, series(instrument, timeframe, kind))
            asked_spans.write(con, id, span, source, self._clock())
            con.commit()

    def forget_asked(self, instrument: str, timeframe: str | None, *, kind: str = "candles") -> None:
        """Forget what was asked for, so that `missing` names all gaps again."""
        with self._open(read_only=False) as con:
            id = catalog.found(con, series(instrument, timeframe, kind))
            if id is not None:
                asked_spans.forget(con, id)

    def note_rules(self, instrument: str, told: Rules, source: str) -> bool:
        """Keep an exchange's rules with the present date when they have changed; says whether they had."""
        catalog.check_name(instrument)
        with self._open(read_only=False) as con:
            return seen_rules.note(con, instrument, told, source, self._clock())

    def rules(self) -> dict[str, list[Snapshot]]:
        """All rules that were seen, by instrument, oldest first."""
        with self._open(read_only=True) as con:
            return seen_rules.read(con)

    def rules_at(self, instruments: Sequence[str], time: int) -> dict[str, Snapshot]:
        """The rules in force at a time, of those instruments that have any: the newest that were seen by then.

        Where all were seen later, the oldest, which say so (`is_later`).
        """
        with self._open(read_only=True) as con:
            found = seen_rules.read(con, instruments)
        return {name: seen_rules.in_force(snapshots, time) for name, snapshots in found.items()}

    @contextmanager
    def _open(self, *, read_only: bool) -> Generator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            if read_only:
                raise DataError(
                    f"{self.path}: there is no candle store yet. Make one with "
                    "`planar data import FILE --instrument binance:BTC/USDT --timeframe 1h`, or `planar data fetch`."
                )
            connection.create(self.path, tables.TABLES)
        with self._connection(read_only=read_only) as con:
            if tables.is_current(con, self.path):
                yield con
                return
        with self._connection(read_only=False) as con:
            tables.upgrade(con, self.path)
        with self._connection(read_only=read_only) as con:
            yield con

    def _connection(self, *, read_only: bool) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connection.connection(self.path, read_only=read_only, patience_s=self._patience_s)
