"""Recorded order books: how they changed, and the book that the changes make."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

from planar.errors import ConfigError
from planar.venue.book import Book, Level
from planar.venue.listing import Listing

SIDES = ("bid", "ask")
KEPT_LEVELS = 5_000
"""Levels a side that are shown; Binance shows no more either."""


class Change(NamedTuple):
    """Levels that changed together, in ticks and base units; no units take a level away.

    k: index of the listing; is_whole: the book begins anew.
    """

    time: int
    k: int
    is_whole: bool
    bids: list[Level]
    asks: list[Level]


class RecordedBook:
    """The levels of one market as they stand."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    @property
    def best(self) -> tuple[Level, Level]:
        """The highest bid and the lowest ask; zeros where there is none."""
        bid, ask = max(self.bids, default=0), min(self.asks, default=0)
        return (bid, self.bids.get(bid, 0)), (ask, self.asks.get(ask, 0))

    def take(self, change: Change) -> None:
        """Changes levels. What a recording forgot to take away gives way to what is newer."""
        if change.is_whole:
            self.bids, self.asks = {}, {}
        for levels, changed in ((self.bids, change.bids), (self.asks, change.asks)):
            for ticks, units in changed:
                if units:
                    levels[ticks] = units
                else:
                    levels.pop(ticks, None)
        bid, ask = max(self.bids, default=0), min(self.asks, default=0)
        if bid >= ask > 0:
            self._uncross(change)

    def _uncross(self, change: Change) -> None:
        new_bid = max((ticks for ticks, units in change.bids if units), default=0)
        self.asks = {ticks: units for ticks, units in self.asks.items() if ticks > new_bid}
        lowest = min(self.asks, default=0)
        if lowest:
            self.bids = {ticks: units for ticks, units in self.bids.items() if ticks < lowest}

    def book(self, version: int) -> Book:
        """The book now."""
        bids = heapq.nlargest(KEPT_LEVELS, self.bids.items())
        return Book(version, bids, heapq.nsmallest(KEPT_LEVELS, self.asks.items()))


def from_books(listing: Listing, rows: pl.DataFrame) -> Iterator[Change]:
    """How a recorded book changed, from the rows that `ordered` gives. Rows of one time and update changed together."""
    for (time, _, kind), levels in groupby(rows.iter_rows(), key=itemgetter(0, 1, 2)):
        sides: dict[str, list[Level]] = {side: [] for side in SIDES}
        for *_, side, price, amount in levels:
            # A level that is too small to be shown is none.
            sides[side].append((listing.ticks(price), listing.units(amount)))
        yield Change(time, listing.index, kind == "snapshot", sides["bid"], sides["ask"])


def ordered(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows of a recorded book by time: time, update id, type, side, price, amount.

    frame: columns ``time`` (or ``timestamp``), ``side`` (bid, ask), ``price``, ``amount``: the level's new one, 0 takes
    it away. Where there is a column ``type``, rows of ``snapshot`` begin the book anew; ``last_update_id`` tells what
    changed together. Raises ConfigError for a column that is missing and a row that is no level.
    """
    time = "time" if "time" in frame.columns else "timestamp"
    missing = [column for column in (time, "side", "price", "amount") if column not in frame.columns]
    if missing:
        raise ConfigError(f"the recorded book of {name} has no column {missing[0]!r}; rename its own.")
    strange = frame.filter(~pl.col("side").is_in(SIDES) | pl.col("side").is_null())
    if len(strange):
        raise ConfigError(f"the recorded book of {name} has the side {strange['side'][0]!r}: write bid or ask.")
    price, amount = pl.col("price").fill_null(0), pl.col("amount").fill_null(-1)
    wrong = frame.filter(~(price.is_finite() & (price > 0) & amount.is_finite() & (amount >= 0)))
    if len(wrong):
        level = f"{wrong['amount'][0]} at {wrong['price'][0]}"
        raise ConfigError(f"the recorded book of {name} has a level of {level}: leave such rows out.")
    moment = pl.col(time).dt.epoch("ms") if frame.schema[time].is_temporal() else pl.col(time)
    update = pl.col("last_update_id") if "last_update_id" in frame.columns else pl.lit(0)
    kind = pl.col("type") if "type" in frame.columns else pl.lit("")
    rows = frame.select(
        moment.alias("time"), update.alias("update"), kind.alias("type"), "side",
        pl.col("price").cast(pl.Float64), pl.col("amount").cast(pl.Float64),
    )  # fmt: skip
    return rows.sort("time", maintain_order=True)


def first_change(rows: pl.DataFrame, name: str) -> int:
    """When a recorded book begins, UTC ms. Raises ConfigError when it is empty."""
    if rows.is_empty():
        raise ConfigError(f"the recorded book of {name} is empty.")
    return int(rows["time"][0])


def joined(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Several recordings of one book as one: a snapshot, then what changed after it.

    Where they have a ``last_update_id``, what an earlier part already knew is left out of a later one.
    """
    made: list[pl.DataFrame] = []
    known = None
    for part in parts:
        has_ids = "last_update_id" in part.columns
        made.append(part.filter(pl.col("last_update_id") > known) if known is not None and has_ids else part)
        known = part["last_update_id"].max() if has_ids else None
    return pl.concat(made, how="diagonal_relaxed")
