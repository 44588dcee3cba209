"""Spans of time that an exchange was asked for: what is not stored of them, it does not have."""

from collections.abc import Iterable, Sequence

import duckdb
import numpy as np

Span = tuple[int, int]
"""From the open of a candle to that of another, UTC milliseconds; the second is not in it."""


def missing(times: Sequence[int] | np.ndarray, asked: Iterable[Span], start: int, end: int, length: int) -> list[Span]:
    """Spans from ``start`` to ``end`` that neither the opens ``times``, which rise, nor ``asked`` cover.

    start, end: on the grid of candles of that length.
    """
    opens = np.asarray(times, np.int64)
    edges = np.concatenate(([start - length], opens, [end]))
    holes = np.flatnonzero(np.diff(edges) > length)
    found = [(int(edges[at]) + length, int(edges[at + 1])) for at in holes]
    for known in asked:
        found = [part for span in found for part in _without(span, known)]
    return found


def _without(span: Span, known: Span) -> list[Span]:
    parts = (span[0], min(span[1], known[0])), (max(span[0], known[1]), span[1])
    return [part for part in parts if part[0] < part[1]] if known[0] < span[1] and span[0] < known[1] else [span]


def read(con: duckdb.DuckDBPyConnection, market: int) -> list[Span]:
    """The spans that were asked for."""
    return con.execute("select first, stop from asked where market = ?", [market]).fetchall()


def write(con: duckdb.DuckDBPyConnection, market: int, span: Span, source: str, now: int) -> None:
    """Adds a span, as one with those that it meets."""
    which = "from asked where market = ? and source = ? and first <= ? and stop >= ?"
    met = [market, source, span[1], span[0]]
    [(first, stop)] = con.execute(
        f"select least(?, min(first)), greatest(?, max(stop)) {which}", [*span, *met]
    ).fetchall()
    con.execute(f"delete {which}", met).fetchall()
    con.execute("insert into asked values (?, ?, ?, ?, ?)", [market, first, stop, source, now]).complete()


def forget(con: duckdb.DuckDBPyConnection, market: int) -> None:
    """Removes all spans of a market."""
    con.execute("delete from asked where market = ?", [market]).fetchall()
