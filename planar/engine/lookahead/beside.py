"""Data that a strategy reads besides its candles: frames and arrays of its module or its class are cut, too.

A frame tells by a column when each row is known: ``known_at``, else the first that is a time. A row of a frame of
candles is known when its candle closes. An array as long as the candles goes with them, row by row.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import polars as pl

from planar.engine.lookahead.after import After, Future
from planar.engine.lookahead.lines import functions_of, is_authors, names_in
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles, closes_of

MANY = 100
"""Rows from which something is data."""
TIMES = ("known_at", "time", "timestamp", "open_time", "date", "datetime")
SECONDS = 100_000_000_000
"""Times below it are seconds: as ms they would be in early 1973."""


@dataclass(frozen=True)
class Beside:
    """Data under a name of a module or of an object. known: when each row is known, UTC ms; None where nothing says."""

    owner: dict[str, Any]
    name: str
    value: Any
    known: np.ndarray | None

    def told(self) -> str:
        """``"FUTURE (dict of 8,760)"``."""
        return f"{self.name} ({type(self.value).__name__} of {len(self.value):,})"


def besides(strategy: Strategy, candles: Candles) -> list[Beside]:
    """What a strategy's own functions read of their modules, and of its class, that is data."""
    cls, found = type(strategy), dict[tuple[int, str], Beside]()
    own = [f for owner in cls.__mro__ for f in vars(owner).values() if isinstance(f, FunctionType)]
    for function in functions_of(cls, [f for f in own if is_authors(f.__code__.co_filename)]):
        for name in names_in(function.__code__):
            for owner in (function.__globals__, vars(strategy)):
                if name in owner and _is_data(owner[name]):
                    found[id(owner), name] = Beside(owner, name, owner[name], _known(owner[name], candles))
    return [each for each in found.values() if each.known is not None or len(each.value) >= MANY]


@contextmanager
def replaced(data: Sequence[Beside], future: Future) -> Generator[None]:
    """What is not known by then is cut off or replaced for a while."""
    dated = [(each, each.known) for each in data if each.known is not None and future.after is not After.SAME]
    try:
        for each, known in dated:
            each.owner[each.name] = _changed(each.value, known > future.end, future)
        yield
    finally:
        for each, _ in dated:
            each.owner[each.name] = each.value


def _is_data(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, pl.DataFrame | pl.Series | list | tuple | dict) or hasattr(type(value), "iloc")


def _known(value: Any, candles: Candles) -> np.ndarray | None:
    if isinstance(value, pl.DataFrame):
        return _known_rows(value)
    is_row_by_row = isinstance(value, pl.Series | np.ndarray | list | tuple) and len(value) == len(candles)
    return closes_of(candles) if is_row_by_row else None


def _known_rows(frame: pl.DataFrame) -> np.ndarray | None:
    dated = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime | pl.Date)]
    named = [name for name in TIMES if name in frame.columns and (name in dated or frame[name].dtype.is_integer())]
    if not named + dated:
        return None
    name = (named + dated)[0]
    if name in dated:
        times = frame[name].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    else:
        times = frame[name].cast(pl.Int64).to_numpy()
        times = times * 1_000 if len(times) and times.max() < SECONDS else times
    gaps = np.diff(np.unique(times))
    is_candles = name != "known_at" and {"open", "close"} <= set(frame.columns) and len(gaps)
    return times + gaps.min() if is_candles else times


def _changed(value: Any, rest: np.ndarray, future: Future) -> Any:
    is_cut = future.after is After.CUT
    if isinstance(value, pl.DataFrame):
        made = (_changed(value[name], rest, future) for name in _numbers(value))
        return value.filter(~rest) if is_cut else value.with_columns(made)
    if isinstance(value, pl.Series):
        made = value.filter(pl.Series(~rest)).to_numpy() if is_cut else _changed(value.to_numpy(), rest, future)
        return pl.Series(value.name, made, value.dtype)
    if isinstance(value, list | tuple):
        return type(value)(_changed(np.array(value, object), rest, future).tolist())
    known = value[~rest]
    if is_cut:
        return known
    return future.poisoned(value, rest, float(known[-1]) if len(known) and known[-1:].dtype.kind == "f" else 0.0)


def _numbers(frame: pl.DataFrame) -> list[str]:
    return [name for name, kind in frame.schema.items() if kind.is_numeric() and name not in TIMES]
