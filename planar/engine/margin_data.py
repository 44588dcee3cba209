"""Mark candles and funding of a run's perpetuals: given, out of the store, or made up with the candles."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.engine.history import Frame, History, Request, given_candles
from planar.engine.perpetual import SECOND, Perpetual
from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument
from planar.store.candles import utc
from planar.store.synthetic import synthetic_funding
from planar.strategy.candles import FIELDS, Candles, resample

NONE, ZERO = "none", "zero"
"""What may stand for a funding history: none is charged at all; what is missing of it counts as 0."""

WORDS = {NONE: "none is charged, as asked", ZERO: "what is missing counts as 0, as asked"}
LONGEST = 2.0
"""A hole is longer than so many times the longest of the last three intervals."""

Funding = str | Mapping[str, Frame]


@dataclass(frozen=True)
class Beside:
    """perpetuals: one for each instrument; told: label and value for the reader of the report."""

    perpetuals: list[Perpetual]
    told: list[tuple[str, str]]


def beside_of(request: Request, history: History, instruments: list[Instrument], execution: list[Candles]) -> Beside:
    """What the contracts among the instruments have besides candles. Raises ConfigError or DataError with a remedy."""
    contracts = [one.name for one in instruments if one.is_contract]
    marks, funding = _named(request.marks, contracts, "marks"), request.funding
    if isinstance(funding, str) and funding not in WORDS:
        raise ConfigError(
            f"funding={funding!r}: give {{instrument: frame}}, 'zero' or 'none'.{did_you_mean(funding, WORDS)}"
        )
    given = {} if isinstance(funding, str) else _named(funding, contracts, "funding")
    perpetuals, without, holes = [], [], []
    for one, candles in zip(instruments, execution, strict=True):
        if not one.is_contract:
            perpetuals.append(Perpetual())
            continue
        start = max(request.start or 0, int(candles.time[0]))
        mark = _mark(one.name, marks.get(one.name), history, candles)
        if mark is None:
            without.append(one.name)
        times, rates = np.empty(0, np.int64), np.empty(0)
        if funding != NONE:
            times, rates = _rates(one.name, given.get(one.name), request, history, candles, funding == ZERO)
            lacks = _lacking(times, start, candles.close_at(-1))
            if lacks and funding != ZERO:
                raise DataError(f"{one.name}: the funding history {lacks}. {_remedy(one.name)}")
            holes += [f"{one.name}: {lacks}"] * bool(lacks)
        perpetuals.append(Perpetual(mark, times, rates))
    told = []
    if contracts:
        told = [
            (
                "Mark price",
                f"{', '.join(without)}: the last price, there are no mark candles" if without else "mark candles",
            )
        ]
        told.append(("Funding", _told(funding, history, bool(given), holes)))
    return Beside(perpetuals, told)


def _told(funding: Funding | None, history: History, is_given: bool, holes: list[str]) -> str:
    if isinstance(funding, str):
        return WORDS[funding] + (f" ({'; '.join(holes)})" if holes else "")
    return "given" if is_given else "synthetic" if history.is_made_up else "stored history"


def _named(frames: Mapping[str, Frame] | None, contracts: list[str], what: str) -> dict[str, pl.DataFrame]:
    if frames is None:
        return {}
    if not isinstance(frames, Mapping):
        raise ConfigError(f"{what} is a {type(frames).__name__}; give {{instrument: frame}}.")
    for name in frames:
        if name not in contracts:
            known = ", ".join(contracts) or "none"
            raise ConfigError(
                f"{what}: {name!r} is no contract of this run; those are {known}.{did_you_mean(str(name), contracts)}"
            )
    return {name: one.collect() if isinstance(one, pl.LazyFrame) else one for name, one in frames.items()}


def _mark(name: str, given: pl.DataFrame | None, history: History, candles: Candles) -> Candles | None:
    """Mark candles as long as the execution candles; None where there are none that fine."""
    if given is not None:
        if "volume" not in given.columns:
            given = given.with_columns(volume=pl.lit(0.0))
        mark = given_candles(given, f"marks of {name}")
        if candles.timeframe % mark.timeframe:
            own, wanted = timeframes.name(mark.timeframe), timeframes.name(candles.timeframe)
            raise DataError(
                f"marks of {name}: {own} candles do not make execution candles of {wanted}; give finer ones."
            )
    else:
        found = _stored_mark(name, history, candles.timeframe)
        if found is None:
            return None
        mark = found
    return mark if mark.timeframe == candles.timeframe else resample(mark, candles.timeframe, mark.close_at(-1))


def _stored_mark(name: str, history: History, length: int) -> Candles | None:
    """The coarsest stored mark candles that make execution candles."""
    if history.store is None:
        return None
    series = history.store.series().filter(pl.col("kind") == "mark", pl.col("instrument") == name)
    lengths = [timeframes.milliseconds(one) for one in series["timeframe"]]
    usable = [one for one in lengths if length % one == 0]
    if not usable:
        return None
    frame = history.store.read_candles(name, timeframes.name(max(usable)), kind="mark")
    columns = (frame[column].to_numpy() for column in ("time", *FIELDS))
    return Candles(*columns, timeframe=max(usable))


def _rates(
    name: str, given: pl.DataFrame | None, request: Request, history: History, candles: Candles, may_lack: bool
) -> tuple[np.ndarray, np.ndarray]:
    if given is not None:
        frame = _checked(given, name)
    elif history.is_made_up:
        frame = synthetic_funding(name, candles.close_at(-1), int(candles.time[0]), seed=request.seed)
    elif history.store is not None and _has_funding(history, name):
        frame = history.store.read_funding(name)
    elif may_lack:
        return np.empty(0, np.int64), np.empty(0)
    else:
        raise DataError(f"{name}: there is no funding history. {_remedy(name)}")
    # Several of one second are one, as it was told last.
    rounded = frame.with_columns(pl.col("time").add(SECOND // 2) // SECOND * SECOND)
    rates = rounded.unique("time", keep="last").sort("time")
    return rates["time"].to_numpy(), rates["rate"].to_numpy()


def _has_funding(history: History, name: str) -> bool:
    series = history.store.series() if history.store else pl.DataFrame({"kind": [], "instrument": []})
    return not series.filter(pl.col("kind") == "funding", pl.col("instrument") == name).is_empty()


def _checked(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Columns time (UTC ms or Datetime) and rate."""
    missing = [column for column in ("time", "rate") if column not in frame.columns]
    if missing:
        raise DataError(f"funding of {name}: the frame has no {missing[0]!r}; it needs time and rate (a fraction).")
    time = pl.col("time")
    if isinstance(frame.schema["time"], pl.Datetime):
        time = time.dt.epoch("ms")
    found = frame.select(time.cast(pl.Int64), pl.col("rate").cast(pl.Float64))
    if found["rate"].is_null().any() or not found["rate"].is_finite().all():
        raise DataError(f"funding of {name}: a rate is missing or not a number; remove its row or give it.")
    return found


def _lacking(times: np.ndarray, start: int, end: int) -> str:
    """What a funding history lacks between the run's start and its end, in words; empty when it is whole."""
    if len(times) == 0:
        return "is empty"
    steps = np.diff(times)
    usual = int(np.median(steps)) if len(steps) else 8 * 3_600_000
    if times[0] > start + LONGEST * usual:
        return f"begins at {utc(int(times[0]))}, after the run does, {utc(start)}"
    if times[-1] < end - LONGEST * usual:
        return f"ends at {utc(int(times[-1]))}, before the run does, {utc(end)}"
    for i in range(1, len(steps)):
        before = int(steps[max(i - 3, 0) : i].max())
        if steps[i] > LONGEST * before and times[i + 1] > start and times[i] < end:
            return f"has a hole from {utc(int(times[i]))} to {utc(int(times[i + 1]))}"
    return ""


def _remedy(name: str) -> str:
    exchange, _, symbol = name.partition(":")
    return (
        f"Fetch it: planar data fetch {exchange} {symbol} --kind funding, or give funding={{'{name}': frame}} with the "
        "columns time and rate; funding='zero' counts what is missing as 0, funding='none' charges none."
    )
