"""``planar check``: does a strategy load and compile, how long does it warm up, does it see the future.

A strategy that saw the future would decide otherwise if the future were not there. So the data is cut off, and what is
left must be what the whole shows, to the last bit:

* columns: on every prefix of a window (warm-up + 2,000 candles) of the first instrument, and on 500 seeded prefixes
  shared out among the other instruments, at least one each;
* what was asked up to the cut, on 64 seeded truncations: every order with its limit and trigger, every amend with its
  terms, every cancel. An amend overwrites the terms its order began with: of such an order, these are not compared.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from planar.engine.backtest import Session
from planar.engine.history import Frames, Instruments, Request
from planar.engine.market import Market, open_market
from planar.errors import PlanarError
from planar.model.order import NEVER, Reason, Status
from planar.simulator.fill_model import fill_model
from planar.store.candles import utc
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles
from planar.strategy.columns import Series, series_of

if TYPE_CHECKING:
    from planar.store.store import Store

WINDOW = 2_000
SAMPLED = 500
TRUNCATIONS = 64
ORDERS_WINDOW = 4_000
LISTED = 2
"""Candles that an instrument must have to be run; a truncation before that is passed over."""
CASH = 10_000.0
ASKED = ["time", "instrument", "side", "kind", "tif", "requested", "tag"]
"""What of an order is the strategy's own and never changes."""
AMENDED = ["time", "order", "price", "stop", "amount"]
"""What of an amend is the strategy's own."""


@dataclass
class Finding:
    """What a check found. leaks: one line each; empty means that no look-ahead was found.

    ordered: on how many of the first candles the orders were looked at. prefixes: of the first instrument's columns;
    sampled: of the other instruments' columns, all together.
    """

    strategy: str
    why_interpreted: str | None
    warm_up: int
    candles: int
    source: str
    instruments: int
    orders: int = 0
    ordered: int = 0
    leaks: list[str] = field(default_factory=list)
    prefixes: int = 0
    sampled: int = 0
    truncations: int = 0


@dataclass(frozen=True)
class Asked:
    """What a run asked for: its orders in words, and the kernel's records of orders, amends and open orders.

    latency: how long a cancel travels, ms.
    """

    words: pl.DataFrame
    orders: np.ndarray
    amends: np.ndarray
    live: np.ndarray
    latency: int

    def told(self, index: int) -> str:
        """An order in words."""
        row = self.words.row(index, named=True)
        return f"the {row['side']} of {row['instrument']} asked for at {utc(row['time'])}"


def check(
    strategy: Strategy,
    *,
    candles: Frames | None = None,
    instruments: Instruments | None = None,
    store: "Store | str | Path | None" = None,
    seed: int = 0,
) -> Finding:
    """Checks the columns and the orders of a strategy on all its instruments."""
    cls = type(strategy)
    market = open_market(Request(cls.timeframe, cls.instruments, candles, instruments, store=store, seed=seed))
    _, first = series_of(strategy, _own(market.candles[0], len(market.candles[0])), market.end)
    count = min(len(market.candles[0]), first + ORDERS_WINDOW)
    counts = _counts(market, market.candles[0].close_at(count - 1))
    base = _session(strategy, market, [max(n, LISTED) for n in counts])
    finding = Finding(
        cls.__name__, base.why_interpreted, first, len(market.candles[0]), market.source, len(market.instruments)
    )
    whole = _asked(base)
    finding.orders, finding.ordered = len(whole.words), count
    numbers = random.Random(seed)
    for leak in (
        _column_leaks(base.strategies, market, numbers, finding),
        _order_leak(strategy, market, range(first + 1, count), whole, numbers, finding),
    ):
        if leak:
            finding.leaks.append(leak)
    return finding


def _own(candles: Candles, count: int) -> Candles:
    """A cut of the candles that an author's code may write to without harm."""
    return candles.at(np.arange(min(count, len(candles))))


def _counts(market: Market, end: int) -> list[int]:
    """How many candles of each instrument have closed by the end."""
    return [c.closed_by(end) for c in market.candles]


def _session(strategy: Strategy, market: Market, counts: list[int]) -> Session:
    """A run over the first candles of each instrument."""
    cut = [_own(c, n) for c, n in zip(market.candles, counts, strict=True)]
    return Session(strategy, replace(market, execution=cut, candles=cut), None, CASH, fill_model("pessimistic"), None)


def _asked(session: Session) -> Asked:
    run = session.run(False)
    return Asked(run.orders.select(ASKED), run.logs.orders, run.logs.amends, run.logs.live, session.model.latency_ms)


def _column_leaks(strategies: list[Strategy], market: Market, numbers: random.Random, finding: Finding) -> str | None:
    """The first column of any instrument that changes with the future."""
    share = max(SAMPLED // max(len(strategies) - 1, 1), 1)
    for k, strategy in enumerate(strategies):
        candles = market.candles[k]
        _, first = series_of(strategy, _own(candles, len(candles)), market.end)
        cuts = range(max(first, 1), min(len(candles), first + WINDOW))
        if k:
            cuts = sorted(numbers.sample(cuts, min(share, len(cuts))))
        leak, passed = _column_leak(strategy, candles, cuts, first + WINDOW)
        if leak:
            return f"{leak} ({market.instruments[k].name})" if k else leak
        if k:
            finding.sampled += passed
        else:
            finding.prefixes = passed
    return None


def _column_leak(strategy: Strategy, candles: Candles, cuts: Sequence[int], window: int) -> tuple[str | None, int]:
    """The first column whose values on a prefix differ from those of the whole window; how many prefixes agreed."""
    count = min(len(candles), window)
    whole, _ = series_of(strategy, _own(candles, count), candles.close_at(count - 1))
    for passed, cut in enumerate(cuts):
        try:
            part, _ = series_of(strategy, _own(candles, cut), candles.close_at(cut - 1))
        except PlanarError as error:
            return f"indicators fail on the first {cut:,} candles: {error}", passed
        name = _difference(whole, part, cut)
        if name:
            moment = utc(candles.close_at(cut - 1))
            return f"column {name!r} at candle {cut - 1:,} ({moment}) changes when later candles are added", passed
    return None, len(cuts)


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


def _order_leak(
    strategy: Strategy, market: Market, cuts: range, whole: Asked, numbers: random.Random, finding: Finding
) -> str | None:
    """The first thing that is asked for otherwise, or not at all, once the data ends soon after it."""
    for cut in sorted(numbers.sample(cuts, min(TRUNCATIONS, len(cuts)))):
        end = market.candles[0].close_at(cut - 1)
        counts = _counts(market, end)
        if min(counts) < LISTED:
            continue
        part = _asked(_session(strategy, market, counts))
        trades = np.array([_has_candle(c, end + whole.latency) for c in market.candles])
        how = _asked_otherwise(part, whole, end, trades)
        if how:
            return f"orders up to {utc(end)} change when the {cuts.stop - cut:,} candles after it are added: {how}"
        finding.truncations += 1
    return None


def _has_candle(candles: Candles, moment: int) -> bool:
    row = int(np.searchsorted(candles.time, moment, side="right")) - 1
    return row >= 0 and moment < candles.close_at(row)


def _asked_otherwise(part: Asked, whole: Asked, end: int, trades: np.ndarray) -> str | None:
    """How what was asked up to the end differs. trades: whether each instrument has a candle when cancels arrive."""
    expected = whole.words.filter(whole.words["time"] <= end)
    if not part.words.equals(expected, null_equal=True):
        return _first_difference(part.words, expected)
    mine, theirs = part.orders, whole.orders[: len(part.orders)]
    never_amended = ~np.isin(np.arange(len(mine)), whole.amends["order"])
    for name, word in (("price", "limit"), ("stop", "trigger")):
        wrong = np.flatnonzero(never_amended & (mine[name] != theirs[name]))
        if len(wrong):
            return f"{part.told(wrong[0])} has another {word}"
    return _amends_differ(part, whole, end) or _cancels_differ(
        part, whole, end, never_amended & trades[mine["instrument"]]
    )


def _amends_differ(part: Asked, whole: Asked, end: int) -> str | None:
    expected = whole.amends[whole.amends["time"] <= end]
    pairs = zip_longest(part.amends[AMENDED].tolist(), expected[AMENDED].tolist())
    for mine, theirs in pairs:
        if mine != theirs:
            time, order = min(a[:2] for a in (mine, theirs) if a)
            return f"an amend at {utc(time)} of {part.told(order)}"
    return None


def _cancels_differ(part: Asked, whole: Asked, end: int, comparable: np.ndarray) -> str | None:
    """An order that is cancelled otherwise; one that was filled or expired before its cancel arrived tells nothing."""
    theirs = whole.orders[: len(part.orders)]
    mine_at, theirs_at = _cancel_arrives(part), _cancel_arrives(whole)[: len(part.orders)]
    theirs_at[theirs_at > end + whole.latency] = NEVER
    overtaken = ~_is_cancelled(theirs) & (theirs["done"] <= mine_at)
    wrong = np.flatnonzero(comparable & ~overtaken & (mine_at != theirs_at))
    return f"the cancel of {part.told(wrong[0])}" if len(wrong) else None


def _is_cancelled(orders: np.ndarray) -> np.ndarray:
    return (orders["status"] == Status.CANCELLED) & (orders["reason"] == Reason.NONE)


def _cancel_arrives(asked: Asked) -> np.ndarray:
    """When the cancel of each order arrived or will arrive, NEVER for none."""
    arrives = np.where(_is_cancelled(asked.orders), asked.orders["done"], NEVER)
    arrives[asked.live["id"]] = asked.live["cancel_at"]
    return arrives


def _first_difference(part: pl.DataFrame, expected: pl.DataFrame) -> str:
    for mine, other in zip(part.iter_rows(named=True), expected.iter_rows(named=True), strict=False):
        if mine != other:
            without, with_ = (f"{o['side']} {o['instrument']} at {utc(o['time'])}" for o in (mine, other))
            return f"without them {without}, with them {with_}"
    longer = part if len(part) > len(expected) else expected
    row = longer.row(min(len(part), len(expected)), named=True)
    which = "without" if longer is part else "with"
    return f"only {which} them there is a {row['side']} of {row['instrument']} at {utc(row['time'])}"
