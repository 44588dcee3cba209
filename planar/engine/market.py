"""What a backtest trades: instruments and execution candles, from frames, a store or the synthetic market."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from planar.engine.rules import Fees, check_quotes, default_instrument, with_fees
from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument
from planar.store.candles import checked_columns, infer_timeframe, utc
from planar.strategy.candles import FIELDS, Candles, resample

if TYPE_CHECKING:
    from planar.store.store import Store

SYNTHETIC_DAYS = 365
SECONDS = range(1_000_000_000, 10_000_000_000)
"""Moments from 2001 on in seconds; as milliseconds they would be in early 1970."""

Frame = pl.DataFrame | pl.LazyFrame
Frames = Frame | Mapping[str, Frame]
Instruments = str | Instrument | Sequence[str | Instrument] | Mapping[str, Instrument]
Moment = int | str | date
"""UTC ms, text such as ``2024-01-31``, or a date or datetime (naive is UTC)."""


@dataclass
class Market:
    """Instruments with their candles, and where all of it comes from.

    execution: candles that orders are settled on; candles: those the strategy sees, from their origin on.
    fees_source, steps_source: for the reader of the report.
    """

    instruments: list[Instrument]
    execution: list[Candles]
    candles: list[Candles]
    source: str
    fees_source: str
    steps_source: str

    @property
    def end(self) -> int:
        """Close of the last execution candle of all, UTC ms."""
        return max(c.close_at(-1) for c in self.execution)

    def data_hash(self) -> str:
        """A hash of names, timeframes and every candle of the run."""
        digest = hashlib.sha256()
        for instrument, candles in zip(self.instruments, self.execution, strict=True):
            digest.update(f"{instrument.name} {candles.timeframe}".encode())
            for name in ("time", *FIELDS):
                digest.update(np.ascontiguousarray(getattr(candles, name)).data)
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Request:
    """What the caller of a backtest asked for, as given."""

    timeframe: str
    declared: Sequence[str]
    candles: Frames | None = None
    instruments: Instruments | None = None
    end: int | None = None
    execution_timeframe: str | None = None
    store: "Store | str | Path | None" = None
    seed: int = 0
    fees: Fees | None = None


def open_market(request: Request) -> Market:
    """Finds the candles and rules of what was asked for. Raises ConfigError or DataError, each with its remedy."""
    _check_request(request)
    names, given = _names(request)
    found, source = _candles(request, names)
    length = timeframes.milliseconds(request.timeframe)
    execution = _execution(request, found, length, source)
    end = max(c.close_at(-1) for c in execution.values())
    candles = {n: c if c.timeframe == length else resample(c, length, end) for n, c in execution.items()}
    instruments = [with_fees(given.get(n) or default_instrument(n, execution[n]), request.fees) for n in names]
    check_quotes(instruments)
    fees = "given" if request.fees is not None else "of the instrument" if given else "assumed"
    steps = "of the instrument" if given else "read off the candles"
    return Market(instruments, [execution[n] for n in names], [candles[n] for n in names], source, fees, steps)


def _check_request(request: Request) -> None:
    if request.candles is not None and request.store is not None:
        raise ConfigError(f"candles and store={str(request.store)!r} are both given: a run takes one of the two.")
    seed = request.seed
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigError(f"seed={seed!r} must be a whole number, 0 or more.")


def _names(request: Request) -> tuple[list[str], dict[str, Instrument]]:
    """Names in order, and the rules of those that were given as Instruments."""
    names, given = _asked_for(request.instruments)
    for name, instrument in given.items():
        if not isinstance(instrument, Instrument) or instrument.name != name:
            raise ConfigError(f"instruments: {name!r} must map to Instrument({name!r}, …), not {instrument!r}.")
    if not names:
        names = list(request.candles) if isinstance(request.candles, Mapping) else list(request.declared)
    if not names:
        raise ConfigError("no instruments: declare instruments = ['binance:BTC/USDT'] in the strategy, or name them.")
    if len(set(names)) != len(names):
        raise ConfigError(f"instruments: {', '.join(names)} names one of them twice.")
    for name in names:
        if name not in given:
            Instrument(name)
    return names, given


def _asked_for(wanted: Instruments | None) -> tuple[list[str], dict[str, Instrument]]:
    if isinstance(wanted, Mapping):
        return list(wanted), dict(wanted)
    items = [wanted] if isinstance(wanted, str | Instrument) else wanted or []
    items = list(items) if isinstance(items, Iterable) else None
    if items is None or not all(isinstance(i, str | Instrument) for i in items):
        remedy = "give a list of names such as ['binance:BTC/USDT'], or of Instruments"
        raise ConfigError(f"instruments={wanted!r}: {remedy}.")
    names = [i.name if isinstance(i, Instrument) else i for i in items]
    return names, {i.name: i for i in items if isinstance(i, Instrument)}


def _candles(request: Request, names: list[str]) -> tuple[dict[str, Candles], str]:
    """The candles of each instrument by name, and where they come from."""
    if request.candles is not None:
        return _given_candles(request.candles, names), "given candles"
    from planar.store.store import Store

    store = request.store if isinstance(request.store, Store) else Store(request.store or _default_store())
    lack = ""
    if request.store is not None or Path(store.path).exists():
        # Candles that somebody named must be there; those that only the class names may be made up.
        named = request.store is not None or request.instruments is not None
        found, missing = _stored_candles(store, request, names, must=named)
        if found:
            return found, str(store.path)
        lack = f"; {store.path} does not hold {missing}"
    from planar.store.synthetic import synthetic

    length = timeframes.milliseconds(request.timeframe)
    count = SYNTHETIC_DAYS * 86_400_000 // length
    frames = synthetic(names, request.timeframe, candles=count, seed=request.seed)
    return {n: _read(frames[n], n, length) for n in names}, f"synthetic market, seed {request.seed}{lack}"


def _default_store() -> str:
    from planar.config.load import load

    return load().settings.store.path


def _given_candles(candles: Frames, names: list[str]) -> dict[str, Candles]:
    if isinstance(candles, Mapping):
        missing = [n for n in names if n not in candles]
        if missing:
            near = did_you_mean(missing[0], candles)
            raise DataError(f"candles has no frame for {missing[0]}; it has {', '.join(map(str, candles))}.{near}")
        return {n: _given(candles[n], n) for n in names}
    if len(names) != 1:
        wanted = ", ".join(names)
        raise ConfigError(f"candles is one frame for {len(names)} instruments: give {{name: frame}} for {wanted}.")
    return {names[0]: _given(candles, names[0])}


def _given(frame: Frame, name: str) -> Candles:
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


def _stored_candles(
    store: "Store", request: Request, names: list[str], *, must: bool
) -> tuple[dict[str, Candles], str]:
    """Candles of the finest stored timeframe that covers every instrument; nothing and a name that is not stored
    otherwise, where that is allowed.
    """
    series = store.series()
    stored: dict[str, dict[int, tuple[int, int]]] = {}
    for row in series.iter_rows(named=True):
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
            raise DataError(f"{store.path}: {name}{detail}.{near} {_remedy(name, request.timeframe)}")
    chosen = _finest_covering(stored, names, length)
    return {n: _read(store.read_candles(n, timeframes.name(chosen)), n, chosen) for n in names}, ""


def _remedy(name: str, timeframe: str) -> str:
    from planar.engine.fetch import fetch_command

    fetch = fetch_command(name, timeframe)
    command = f"planar data import FILE --instrument {name} --timeframe {timeframe}"
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


def _execution(request: Request, candles: dict[str, Candles], length: int, source: str) -> dict[str, Candles]:
    """Candles cut at the end, all of one timeframe, which divides the strategy's: the asked one, else the coarsest."""
    coarsest = max(c.timeframe for c in candles.values())
    wanted = timeframes.milliseconds(request.execution_timeframe) if request.execution_timeframe else coarsest
    if length % wanted:
        raise DataError(
            f"candles of {timeframes.name(wanted)} do not make the strategy's {request.timeframe} candles: "
            f"give candles of {request.timeframe} or finer, or set the strategy's timeframe."
        )
    return {name: _cut(name, own, wanted, request.end, source) for name, own in candles.items()}


def _cut(name: str, candles: Candles, length: int, end: int | None, source: str) -> Candles:
    """Candles of that length, up to the end. source: where they are from, for the error."""
    if length % candles.timeframe:
        own, wanted = timeframes.name(candles.timeframe), timeframes.name(length)
        raise DataError(f"{name}: {own} candles do not make execution candles of {wanted}.")
    if length != candles.timeframe:
        candles = resample(candles, length, candles.close_at(-1))
    known = len(candles) if end is None else candles.closed_by(end)
    if known == 0:
        begins = f" (its first closes at {utc(candles.close_at(0))})" if len(candles) else ""
        raise DataError(f"{name}: no candles before the end of the run in the {source}{begins}; choose a later end.")
    return candles.until(known)


def moment(value: Moment | None, what: str) -> int | None:
    """A time as UTC ms: whole ms, a datetime or date (naive is UTC), or text such as ``2024-01-31``."""
    if value is None:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if value in SECONDS:
            raise ConfigError(f"{what}={value} looks like seconds: give UTC milliseconds, {value * 1000}.")
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(f"{what}={value!r} is not a date: write 2024-01-31 or 2024-01-31T12:00.") from None
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
    raise ConfigError(f"{what}={value!r} is not a time: give a date, a datetime, or UTC milliseconds.")
