"""What a strategy declares as ``data``, found for a run: given, of a file, out of the store, or made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from planar.engine.history import History, Request, given_candles, stored_candles, synthetic_candles
from planar.errors import ConfigError, DataError, did_you_mean
from planar.model import timeframe as timeframes
from planar.store.candles import utc
from planar.store.files import read_known
from planar.store.known import Known, checked_known
from planar.store.synthetic import synthetic_funding
from planar.strategy.candles import FIELDS, Candles, closes_of, resample
from planar.strategy.joined import Joined
from planar.strategy.series import Declared

JITTER_MS = 1_000
"""Recorded funding times are some milliseconds late: they are rounded to the second."""


def join(request: Request, history: History, candles: Mapping[str, Candles], end: int) -> dict[str, str]:
    """Hangs on the candles of each instrument what the class declares as ``data``; gives by name what it is, in words.

    end: of the run, UTC ms; what was known later is left out. Raises ConfigError or DataError, each with its remedy.
    """
    frames, told = _given(request), {}
    for key, declared in request.declared_data.items():
        wanted = _Wanted(key, declared, frames.get(key), request, history, end)
        rows, source = FIND[declared.kind](wanted, list(candles))
        for own, found in zip(candles.values(), rows, strict=True):
            own.joined[key] = found
        told[key] = f"{source}, {_span(rows)}"
    return told


def _given(request: Request) -> dict[str, pl.DataFrame]:
    """The frames of the call, by the names that the class declares."""
    given = request.data or {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"data is a {type(given).__name__}; give {{name: frame}}.")
    for key in given:
        if key not in request.declared_data:
            known = ", ".join(request.declared_data) or "none"
            near = did_you_mean(str(key), request.declared_data)
            raise ConfigError(f"data: the strategy declares no {key!r}; it declares {known}.{near}")
    return {key: each.collect() if isinstance(each, pl.LazyFrame) else each for key, each in given.items()}


def _span(rows: Sequence[Joined]) -> str:
    """How many rows there are, and the days on which the first and the last became known."""
    first, last = min(each.known_at[0] for each in rows), max(each.known_at[-1] for each in rows)
    count = sum(len(each) for each in {id(each): each for each in rows}.values())
    return f"{count:,} rows, known {utc(first)[:10]} to {utc(last)[:10]}"


@dataclass(frozen=True)
class _Wanted:
    """What one entry of ``data`` is found by. given: the frame of the call, if any; end: of the run, UTC ms."""

    key: str
    declared: Declared
    given: pl.DataFrame | None
    request: Request
    history: History
    end: int

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"data {self.key!r}"

    @property
    def remedy(self) -> str:
        """How a frame is given instead."""
        return f"give it as data={{{self.key!r}: frame}}"

    def until_end(self, rows: Joined, name: str) -> Joined:
        """What was known by the end of the run, which is something."""
        cut = rows.until(self.end)
        if not len(cut):
            first = f"; its first row was known at {utc(rows.known_at[0])}" if len(rows) else ""
            raise DataError(
                f"{self.where}: nothing of {name} was known by the end of the run, {utc(self.end)}{first}. "
                "Give earlier rows, or choose a later end."
            )
        return cut


def _frame(wanted: _Wanted, names: Sequence[str]) -> tuple[list[Joined], str]:
    """Rows of the author's own."""
    file = wanted.declared.source
    if wanted.given is not None:
        frame, source, name = wanted.given, "given", wanted.where
    elif file is not None:
        frame, source, name = read_known(file), file, f"{wanted.where} ({file})"
    else:
        raise ConfigError(f"{wanted.where}: the class names no file of it; {wanted.remedy}, or name a file there.")
    found = {key: _joined(known, wanted, name) for key, known in checked_known(frame, name=name).items()}
    return [_of(found, each, name) for each in names], source


def _joined(known: Known, wanted: _Wanted, name: str) -> Joined:
    return wanted.until_end(Joined(known.known_at, dict(known.columns)), name)


def _of(found: Mapping[str | None, Joined], instrument: str, name: str) -> Joined:
    rows = found.get(None) or found.get(instrument)
    if rows is None:
        have = ", ".join(map(str, found))
        raise DataError(f"{name}: there is no row of {instrument}, only of {have}. Add some, or leave it out.")
    return rows


def _funding(wanted: _Wanted, names: Sequence[str]) -> tuple[list[Joined], str]:
    """Funding rates, of one perpetual for all or of each instrument itself."""
    of = wanted.declared.source
    if wanted.given is not None:
        renamed = wanted.given.rename({"time": "known_at"}, strict=False).select("known_at", "rate")
        rows = checked_known(renamed, name=wanted.where)[None]
        return [_joined(rows, wanted, wanted.where)] * len(names), "given funding rates"
    found = {each: _rates(wanted, each) for each in ([of] if of else names)}
    made_up = wanted.history.is_made_up
    source = f"funding rates of {of or 'each instrument'}" + (" (synthetic)" if made_up else "")
    return [found[of or each] for each in names], source


def _rates(wanted: _Wanted, name: str) -> Joined:
    if wanted.history.is_made_up:
        frame = synthetic_funding(name, wanted.end, seed=wanted.request.seed)
    elif wanted.history.store is None:
        raise DataError(f"{wanted.where}: there are no funding rates of {name} beside given candles; {wanted.remedy}.")
    else:
        frame = wanted.history.store.read_funding(name)
    # Several of one second are one, as it was told last.
    rates = frame.with_columns(pl.col("time").add(JITTER_MS // 2) // JITTER_MS * JITTER_MS)
    rates = rates.unique("time", keep="last", maintain_order=True)
    rows = Joined(rates["time"].to_numpy(), {"rate": rates["rate"].to_numpy()})
    return wanted.until_end(rows, f"the funding rates of {name}")


def _candles(wanted: _Wanted, names: Sequence[str]) -> tuple[list[Joined], str]:
    """Candles of another instrument, of the strategy's timeframe."""
    name, request, history = str(wanted.declared.source), wanted.request, wanted.history
    if wanted.given is not None:
        found = given_candles(wanted.given, name)
    elif isinstance(request.candles, Mapping) and name in request.candles:
        found = given_candles(request.candles[name], name)
    elif history.is_made_up:
        found = synthetic_candles(request, [name])[name]
    elif history.store is None:
        raise DataError(f"{wanted.where}: {name} is not among the given candles; {wanted.remedy}, or add it to them.")
    else:
        found = stored_candles(history.store, request, [name], must=True)[0][name]
    length = timeframes.milliseconds(request.timeframe)
    if length % found.timeframe:
        own = timeframes.name(found.timeframe)
        raise DataError(f"{wanted.where}: {own} candles of {name} do not make {request.timeframe} candles.")
    if found.timeframe != length:
        found = resample(found, length, found.close_at(-1))
    rows = Joined(closes_of(found), {field: getattr(found, field) for field in FIELDS}, length)
    return [wanted.until_end(rows, f"the candles of {name}")] * len(names), f"candles of {name}"


FIND = {"frame": _frame, "funding": _funding, "candles": _candles}
"""How each kind is found: what it is for each instrument, and in words."""
