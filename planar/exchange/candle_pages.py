"""Candles in pages: closed ones only, each once, in order; stretches without any are stepped over."""

from collections.abc import AsyncIterator, Awaitable, Callable

import polars as pl

from planar.model.timeframe import bucket_open, milliseconds

SCHEMA = {
    "time": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}

Fetch = Callable[[str, int, int], Awaitable[list[list[float]]]]
"""Rows of a timeframe from a time on, a number of them at most."""


async def candle_pages(
    fetch: Fetch, timeframe: str, start: int, end: int, now: int, limit: int, longest: str
) -> AsyncIterator[pl.DataFrame]:
    """Candles with ``start <= time < end`` that are closed: at ``now``, or since others follow.

    limit: rows of a page. longest: a long timeframe that the exchange has, to find the next candle after a stretch
    without any.
    """
    length = milliseconds(timeframe)
    over = bucket_open(now, length)
    cursor = start
    while cursor < end:
        rows = _in_order(await fetch(timeframe, cursor, limit), cursor)
        # Closed is what the clock says, and what others follow: the market's time may be ahead of the clock.
        closed = [row for row in rows if row[0] < over or row is not rows[-1]]
        wanted = [row for row in closed if row[0] < end]
        if wanted:
            yield pl.DataFrame(wanted, schema=SCHEMA, orient="row")
        if closed:
            cursor = int(closed[-1][0]) + length
        if cursor >= over and (not closed or len(rows) < limit):
            return
        if not closed:
            cursor = await _next_candle(fetch, longest, cursor + limit * length, min(end, over), limit)


async def _next_candle(fetch: Fetch, longest: str, cursor: int, end: int, limit: int) -> int:
    """Where to go on after an empty page: not beyond the next long candle that has any trade."""
    length = milliseconds(longest)
    while cursor < end:
        first = bucket_open(cursor, length)
        rows = [row for row in await fetch(longest, first, limit) if row[0] >= first]
        if rows:
            return max(cursor, int(min(row[0] for row in rows)))
        cursor = first + limit * length
    return end


def _in_order(rows: list[list[float]], start: int) -> list[list[float]]:
    """Rows by time, the last of each; some exchanges repeat the candle at the edge of a page, or answer backwards."""
    by_time = {int(row[0]): [int(row[0]), *row[1:6]] for row in rows if row[0] >= start}
    return [by_time[time] for time in sorted(by_time)]
