"""Where prints come from: candles walked along their path, recorded trades, the synthetic market without end."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import polars as pl

from planar.errors import ConfigError
from planar.model import timeframe as timeframes
from planar.store.synthetic import synthetic
from planar.venue.listing import Listing

PAST_POINTS = 7
"""Trades of a candle that is history: its four prices, and the middles between them."""

WHOLE, OPEN_FIRST = 0, 1
"""Points of a candle that is one print, and of one that is its open and then, a millisecond later, one print."""

CHUNK = 1_440


class Print(NamedTuple):
    """One move of the market: four prices in ticks (one and the same for a trade), base units, the taker's side.

    k: index of the listing.
    """

    time: int
    k: int
    open: int
    high: int
    low: int
    close: int
    units: int
    taker_sells: bool


class Shape(NamedTuple):
    """How candles become prints: so many trades each, from ``start`` on; or as `WHOLE` and `OPEN_FIRST` say."""

    points: int
    start: int


def merged(streams: Iterable[Iterator[Any]]) -> Iterator[Any]:
    """All streams as one, in the order of time and of their listing; of the same moment, as the streams stand."""
    return heapq.merge(*streams, key=itemgetter(0, 1))


def from_candles(listing: Listing, frame: pl.DataFrame, length: int, shape: Shape) -> Iterator[Print]:
    """Each candle as prints. length: of a candle, ms."""
    for time, *prices, volume in frame.select("time", "open", "high", "low", "close", "volume").iter_rows():
        ticks = [listing.ticks(price) for price in prices]
        units = listing.units(volume or 0.0)
        if shape.points == WHOLE:
            yield Print(time, listing.index, *ticks, units, ticks[3] < ticks[0])
        elif shape.points == OPEN_FIRST:
            first = min(listing.step_units, units)
            yield Print(time, listing.index, *(ticks[0],) * 4, first, False)
            yield Print(time + 1, listing.index, *ticks, units - first, ticks[3] < ticks[0])
        else:
            points = shape.points if time + length > shape.start else PAST_POINTS
            yield from _points(listing, time, ticks, units, length, points)


def _points(listing: Listing, time: int, ticks: list[int], units: int, length: int, points: int) -> Iterator[Print]:
    """A candle as trades: the nearer extreme first, volume in equal parts, evenly spread over its time."""
    start, high, low, close = ticks
    first, second = (high, low) if high - start <= start - low else (low, high)
    path = _path((start, first, second, close), min(points, units // listing.step_units))
    if not path:
        return
    part = units // listing.step_units // len(path) * listing.step_units
    before = start
    for i, price in enumerate(path):
        amount = part if i < len(path) - 1 else units - part * (len(path) - 1)
        yield Print(time + i * length // len(path), listing.index, *(price,) * 4, amount, price < before)
        before = price


def _path(corners: tuple[int, ...], points: int) -> list[int]:
    """So many prices along the corners; the last corners where there are fewer."""
    if points <= len(corners):
        return list(corners[len(corners) - points :])
    between = points - len(corners)
    path = []
    for leg, (a, b) in enumerate(pairwise(corners)):
        steps = between // 3 + (leg < between % 3) + 1
        path += [a + (b - a) * i // steps for i in range(steps)]
    return [*path, corners[-1]]


def from_trades(listing: Listing, frame: pl.DataFrame) -> Iterator[Print]:
    """Recorded trades: columns ``time`` (or ``timestamp``), ``price``, ``amount`` and, where known, ``side``.

    Raises ConfigError when a column is missing.
    """
    rows = _trades(frame)
    sells = pl.col("side") == "sell" if "side" in frame.columns else pl.col("price").diff().fill_null(0) < 0
    for moment, price, amount, taker_sells in rows.select("time", "price", "amount", sells.alias("sells")).iter_rows():
        ticks = listing.ticks(price)
        yield Print(moment, listing.index, ticks, ticks, ticks, ticks, listing.units(amount), taker_sells)


def first_trade(frame: pl.DataFrame) -> int:
    """When the first of recorded trades happened, UTC ms."""
    return int(_trades(frame)["time"][0])


def _trades(frame: pl.DataFrame) -> pl.DataFrame:
    """Trades in the order of their time, which is UTC ms."""
    name = "time" if "time" in frame.columns else "timestamp"
    missing = [c for c in (name, "price", "amount") if c not in frame.columns]
    if missing:
        raise ConfigError(f"the recorded trades have no column {missing[0]!r}; rename theirs.")
    time = pl.col(name).dt.epoch("ms") if frame.schema[name].is_temporal() else pl.col(name)
    return frame.with_columns(time=time).sort("time", maintain_order=True)


def from_synthetic(listing: Listing, timeframe: str, first: int, seed: int, shape: Shape) -> Iterator[Print]:
    """The seeded synthetic market from a time on, without end."""
    length, done = timeframes.milliseconds(timeframe), 0
    name = listing.instrument.name
    while True:
        # A longer series begins with the shorter one: make it twice as long, go on where it ended.
        count = max(2 * done, CHUNK)
        frame = synthetic([name], timeframe, first, count, seed)[name]
        yield from from_candles(listing, frame.slice(done), length, shape)
        done = count
