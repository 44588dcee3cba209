"""Candles that no market can have: which rows, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.model.timeframe import bucket_open, name

ORDER = (("low", "high"), ("open", "high"), ("close", "high"), ("low", "open"), ("low", "close"))
"""Prices of which the first is never above the second."""


@dataclass(frozen=True)
class Fault:
    """A row that cannot be, by its time in UTC milliseconds, and the reason."""

    time: int
    reason: str


def price_faults(prices: Mapping[str, np.ndarray]) -> Iterator[tuple[np.ndarray, str]]:
    """Each rule: which rows break it, and what it says of them."""
    for column, price in prices.items():
        yield ~np.isfinite(price), f"{column!r} is null, NaN or infinite"
        yield price <= 0, f"{column!r} is zero or negative"
    for lower, upper in ORDER:
        yield prices[lower] > prices[upper], f"{lower!r} is above {upper!r}"


def sound_candles(frame: pl.DataFrame, length: int) -> tuple[pl.DataFrame, list[Fault]]:
    """The candles of a frame that can be, and the others.

    frame: in the columns of ``candles.SCHEMA``; length: of its timeframe. Where no candle opens as one of that
    timeframe, it is the timeframe that is wrong: they are left to the gate, which says so.
    """
    prices = {column: frame[column].to_numpy() for column in ("open", "high", "low", "close")}
    time, volume = frame["time"].to_numpy(), frame["volume"].to_numpy()
    off_grid = (time - bucket_open(0, length)) % length != 0
    rules = [*price_faults(prices), (~(volume >= 0) | np.isinf(volume), "'volume' is negative or no number")]
    if not off_grid.all():
        rules.append((off_grid, f"it is not the open of a {name(length)} candle"))
    return _parted(frame, rules)


def sound_trades(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
    """The market trades of a frame that can be, and the others."""
    numbers = {column: frame[column].to_numpy() for column in ("price", "amount")}
    return _parted(frame, [(~(number > 0), f"{column!r} is zero or negative") for column, number in numbers.items()])


def _parted(frame: pl.DataFrame, rules: list[tuple[np.ndarray, str]]) -> tuple[pl.DataFrame, list[Fault]]:
    """A frame without the rows that break a rule, and the first rule that each of them breaks."""
    reasons = {int(row): reason for broken, reason in reversed(rules) for row in np.flatnonzero(broken)}
    if not reasons:
        return frame, []
    kept = np.ones(frame.height, bool)
    kept[list(reasons)] = False
    return frame.filter(kept), [Fault(int(frame["time"][row]), reasons[row]) for row in sorted(reasons)]
