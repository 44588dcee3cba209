"""``planar check``: does a strategy load and compile, how long does it warm up, does it see the future.

A strategy that saw the future would decide otherwise if the future were not there. So the data is cut off: on every
prefix of a window (warm-up + 2,000 candles) all columns must be those of the whole, to the last bit, and on 64 seeded
truncations every order asked for up to the cut must be the same.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from planar.engine.backtest import backtest
from planar.engine.market import Frames, Instruments, Market, Request, open_market
from planar.engine.run import Run
from planar.errors import PlanarError
from planar.model.instrument import Instrument
from planar.store.candles import utc
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles
from planar.strategy.columns import Series, series_of

if TYPE_CHECKING:
    from planar.store.store import Store

WINDOW = 2_000
TRUNCATIONS = 64
ORDERS_WINDOW = 4_000
ASKED = ["time", "instrument", "side", "kind", "tif", "requested", "tag"]  # price and stop are what amends left
"""What of an order is the strategy's own."""


@dataclass
class Finding:
    """What a check found. leaks: one line each; empty means that no look-ahead was found."""

    strategy: str
    why_interpreted: str | None
    warm_up: int
    candles: int
    source: str
    orders: int
    leaks: list[str] = field(default_factory=list)
    prefixes: int = 0
    truncations: int = 0


def check(
    strategy: Strategy,
    *,
    candles: Frames | None = None,
    instruments: Instruments | None = None,
    store: "Store | str | Path | None" = None,
    seed: int = 0,
) -> Finding:
    """Checks a strategy on its first instrument's columns and on the orders of all its instruments."""
    cls = type(strategy)
    request = Request(cls.timeframe, cls.instruments, candles, instruments, store=store, seed=seed, is_default=True)
    market = open_market(request)
    _, first = series_of(strategy, _own(market.candles[0], len(market.candles[0])), market.end)
    base = _orders(strategy, market, ORDERS_WINDOW + first)
    finding = Finding(
        cls.__name__, base.why_interpreted, first, len(market.candles[0]), market.source, len(base.orders)
    )
    leak = _column_leak(strategy, market, first, finding)
    if leak:
        finding.leaks.append(leak)
    leak = _order_leak(strategy, market, first, base, seed, finding)
    if leak:
        finding.leaks.append(leak)
    return finding


def _own(candles: Candles, count: int) -> Candles:
    """A cut of the candles that an author's code may write to without harm."""
    return candles.at(np.arange(count))


def _column_leak(strategy: Strategy, market: Market, first: int, finding: Finding) -> str | None:
    """The first column whose value at a prefix's end differs from what the whole window shows there."""
    candles = market.candles[0]
    count = min(len(candles), first + WINDOW)
    whole, _ = series_of(strategy, _own(candles, count), int(candles.closes[count - 1]))
    for cut in range(max(first, 1), count):
        try:
            part, _ = series_of(strategy, _own(candles, cut), int(candles.closes[cut - 1]))
        except PlanarError as error:
            return f"indicators fail on the first {cut:,} candles: {error}"
        name = _difference(whole, part, cut)
        if name:
            moment = utc(int(candles.closes[cut - 1]))
            return f"column {name!r} at candle {cut - 1:,} ({moment}) changes when later candles are added"
        finding.prefixes += 1
    return None


def _difference(whole: Series, part: Series, cut: int) -> str | None:
    for name, values in part.columns.items():
        if not np.array_equal(values[:cut], whole.columns[name][:cut], equal_nan=True):
            return name
    for alias, (inner, rows) in part.higher.items():
        known = int(rows[-1]) + 1 if len(rows) else 0
        if not np.array_equal(rows, whole.higher[alias][1][:cut]):
            return alias
        for name, values in inner.columns.items():
            if not np.array_equal(values[:known], whole.higher[alias][0].columns[name][:known], equal_nan=True):
                return f"{alias}.{name}"
    return None


def _orders(strategy: Strategy, market: Market, count: int) -> Run:
    frames = {i.name: _frame(c, min(count, len(c))) for i, c in zip(market.instruments, market.candles, strict=True)}
    return backtest(strategy, frames, instruments=_named(market.instruments))


def _named(instruments: list[Instrument]) -> dict[str, Instrument]:
    return {i.name: i for i in instruments}


def _frame(candles: Candles, count: int) -> pl.DataFrame:
    return candles.until(count).frame


def _order_leak(strategy: Strategy, market: Market, first: int, base: Run, seed: int, finding: Finding) -> str | None:
    """The first order that is asked for otherwise, or not at all, once the data ends soon after it."""
    count = min(len(market.candles[0]), first + ORDERS_WINDOW)
    closes = market.candles[0].closes
    numbers = random.Random(seed)
    whole = base.orders.select(ASKED)
    for cut in sorted(numbers.sample(range(first + 1, count), min(TRUNCATIONS, count - first - 1))):
        end = int(closes[cut - 1])
        counts = [int(np.searchsorted(c.closes, end, side="right")) for c in market.candles]
        if min(counts) < 2:
            continue
        triples = zip(market.instruments, market.candles, counts, strict=True)
        frames = {i.name: _frame(c, n) for i, c, n in triples}
        part = backtest(strategy, frames, instruments=_named(market.instruments)).orders.select(ASKED)
        expected = whole.filter(whole["time"] <= end)
        if not part.equals(expected, null_equal=True):
            how = _first_difference(part, expected)
            return f"orders up to {utc(end)} change when the {count - cut:,} candles after it are added: {how}"
        finding.truncations += 1
    return None


def _first_difference(part: pl.DataFrame, expected: pl.DataFrame) -> str:
    for mine, other in zip(part.iter_rows(named=True), expected.iter_rows(named=True), strict=False):
        if mine != other:
            without, with_ = (f"{o['side']} {o['instrument']} at {utc(o['time'])}" for o in (mine, other))
            return f"without them {without}, with them {with_}"
    longer = part if len(part) > len(expected) else expected
    row = longer.row(min(len(part), len(expected)), named=True)
    which = "without" if longer is part else "with"
    return f"only {which} them there is a {row['side']} of {row['instrument']} at {utc(row['time'])}"
