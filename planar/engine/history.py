"""The candles of a run: given as frames, out of a store, or of the synthetic market."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from planar.config.load import load
from planar.engine.recorded_trades import Trades
from planar.engine.rules import Fees
from planar.engine.suggest import fetch_command
from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument
from planar.store.candles import checked_columns, infer_timeframe
from planar.strategy.candles import Candles
from planar.strategy.selection import Top
from planar.strategy.series import Declared

if TYPE_CHECKING:
    from planar.store.store import Store

SYNTHETIC_DAYS = 365

Frame = pl.DataFrame | pl.LazyFrame
Frames = Frame | Mapping[str, Frame]
Instruments = str | Instrument | Sequence[str | Instrument] | Mapping[str, Instrument]


@dataclass(frozen=True)
class Request:
    """What the caller of a backtest asked for, as given; start and end in UTC ms.

    declared, declared_data: instruments and ``data`` of the class. trades: of the market, to run on instead of candles.
    """

    timeframe: str
    declared: Sequence[str] | Top
    candles: Frames | None = None
    instruments: Instruments | None = None
    start: int | None = None
    end: int | None = None
    execution_timeframe: str | None = None
    store: "Store | str | Path | None" = None
    seed: int = 0
    fees: Fees | None = None
    declared_data: Mapping[str, Declared] = field(default_factory=dict)
    data: Mapping[str, Frame] | None = None
    marks: Mapping[str, Frame] | None = None
    funding: str | Mapping[str, Frame] | None = None
    trades: Trades | None = None


@dataclass(frozen=True)
class History:
    """Candles by the name of their instrument, where they come from, and the store if they do from one."""

    candles: dict[str, Candles]
    source: str
    store: "Store | None" = None
    is_made_up: bool = False


def candles_of(request: Request, names: list[str]) -> History:
    """The candles of what was asked for. Raises ConfigError or DataError, each with its remedy."""
    if request.candles is not None:
        return History(_all_given(request.candles, names), "given candles")
    store, lack = store_of(request), ""
    if request.store is not None or Path(store.path).exists():
        # Candles that somebody named must be there; those that only the class names may be made up.
        named = request.store is not None or request.instruments is not None
        found, missing = stored_candles(store, request, names, must=named)
        if found:
            return History(found, str(store.path), store)
        lack = f"; {store.path} does not hold {missing}"
    found = synthetic_candles(request, names)
    return History(found, f"synthetic market, seed {request.seed}{lack}", is_made_up=True)


def store_of(request: Request) -> "Store":
    """The store that was named, else the configured one, which need not be there."""
    from planar.store.store import Store

    return request.store if isinstance(request.store, Store) else Store(request.store or load().settings.store.path)


def synthetic_candles(request: Request, names: list[str]) -> dict[str, Candles]:
    """A year of candles that are made up, by instrument."""
    from planar.store.synthetic import synthetic

    length = timeframes.milliseconds(request.timeframe)
    count = SYNTHETIC_DAYS * 86_400_000 // length
    frames = synthetic(names, request.timeframe, candles=count, seed=request.seed)
    return {n: _read(frames[n], n, length) for n in names}


def _all_given(candles: Frames, names: list[str]) -> dict[str, Candles]:
    if isinstance(candles, Mapping):
        missing = [n for n in names if n not in candles]
        if missing:
            near = did_you_mean(missing[0], candles)
            raise DataError(f"candles has no frame for {missing[0]}; it has {', '.join(map(str, candles))}.{near}")
        return {n: given_candles(candles[n], n) for n in names}
    if len(names) != 1:
        wanted = ", ".join(names)
        raise ConfigError(f"candles is one frame for {len(names)} instruments: give {{name: frame}} for {wanted}.")
    return {names[0]: given_candles(candles, names[0])}


def given_candles(frame: Frame, name: str) -> Candles:
    """The candles of a frame that was given for an instrument."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, pl.DataFrame):
        kind = type(frame).__name__
        raise DataError(f"{name}: candles are a {kind}; give a polars frame (pl.from_pandas converts one).")
    return _read(frame, name)


def _read(frame: pl.DataFrame, name: str, timeframe: int | None = None) -> Candles:
    """The checked candles of a frame. A single one does not tell its timeframe: it must be given."""
    columns, length = checked_columns(frame, name=name, timeframe=timeframe)
    return Candles(*columns.values(), timeframe=length or infer_timeframe(columns["time"], name=name))


def stored_candles(store: "Store", request: Request, names: list[str], *, must: bool) -> tuple[dict[str, Candles], str]:
    """Candles of the finest stored timeframe that covers every instrument; nothing and a name that is not stored
    otherwise, where that is allowed.
    """
    series = store.series()
    stored: dict[str, dict[int, tuple[int, int]]] = {}
    for row in series.filter(kind="candles").iter_rows(named=True):
        length = timeframes.milliseconds(row["timeframe"])
        stored.setdefault(row["instrument"], {})[length] = (row["first"], row["last"])
    length = timeframes.milliseconds(request.timeframe)
    for name in names:
        usable = [t for t in stored.get(name, {}) if length % t == 0]
        if not usable:
            if not must and name not in stored:
                return {}, name
            have = ", ".join(timeframes.name(t) for t in stored.get(name, {}))
            detail = f" has {have}, none of which makes {request.timeframe} candles" if have else " is not there"
            near = "" if have else did_you_mean(name, stored)
            raise DataError(f"{store.path}: {name}{detail}.{near} {_remedy(name, request)}")
    chosen = _finest_covering(stored, names, length)
    return {n: _read(store.read_candles(n, timeframes.name(chosen)), n, chosen) for n in names}, ""


def _remedy(name: str, request: Request) -> str:
    now = time.time_ns() // 1_000_000
    fetch = fetch_command(name, request.timeframe, now, request.start)
    command = f"planar data import FILE --instrument {name} --timeframe {request.timeframe}"
    return f"Import it: {command}" + (f", or fetch it: {fetch}" if fetch else "")


def _finest_covering(stored: dict, names: list[str], length: int) -> int:
    common = set.intersection(*({t for t in stored[n] if length % t == 0} for n in names))
    for candidate in sorted(common):
        spans = [(stored[n][candidate], [s for t, s in stored[n].items() if length % t == 0]) for n in names]
        if all(s[0] <= min(o[0] for o in all_) and s[1] + candidate >= max(o[1] for o in all_) for s, all_ in spans):
            return candidate
    if not common:
        raise DataError(f"the store has no timeframe that {', '.join(names)} share; import one for all of them.")
    return max(common)
