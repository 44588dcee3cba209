"""What a backtest trades: instruments and execution candles, from frames, a store or the synthetic market."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from planar.engine.candidates import candidates_of, chosen_of, listed
from planar.engine.history import History, Instruments, Request, candles_of, store_of
from planar.engine.joined import join
from planar.engine.margin_data import Beside, beside_of
from planar.engine.recorded_trades import cut_prints, given_prints, stored_prints
from planar.engine.rules import Terms, check_quotes, told_sources
from planar.errors import ConfigError, DataError
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument, check_name
from planar.simulator.fee_tiers import FeeTiers
from planar.store.candles import utc
from planar.strategy.candles import FIELDS, Candles, resample
from planar.strategy.prints import Prints
from planar.strategy.selection import Top

SECONDS = range(1_000_000_000, 10_000_000_000)
"""Moments from 2001 on in seconds; as milliseconds they would be in early 1970."""

Moment = int | str | date
"""UTC ms, text such as ``2024-01-31``, or a date or datetime (naive is UTC)."""


@dataclass
class Market:
    """Instruments with their candles, and where all of it comes from.

    execution: candles that orders are settled on; candles: those the strategy sees, from their origin on.
    fees_source, steps_source: for the reader of the report. data: what hangs on the candles, by name, in words. rule:
    what chooses members among the instruments, all of which it chooses at some time; chosen: the same in words.
    tiers: fees by volume, where they go by it. beside: mark candles and funding of perpetuals. prints: market trades
    that orders are settled on instead; the execution candles are then their minutes.
    """

    instruments: list[Instrument]
    execution: list[Candles]
    candles: list[Candles]
    source: str
    fees_source: str
    steps_source: str
    data: dict[str, str] = field(default_factory=dict)
    rule: Top | None = None
    chosen: str = ""
    beside: Beside = field(default_factory=lambda: Beside([], []))
    prints: list[Prints] | None = None
    tiers: FeeTiers | None = None

    @property
    def end(self) -> int:
        """Close of the last execution candle of all, or a millisecond after the last market trade, UTC ms."""
        if self.prints is not None:
            return end_of(self.prints)
        return max(c.close_at(-1) for c in self.execution)

    def data_hash(self) -> str:
        """A hash of names, timeframes, every candle of the run and what is joined to them."""
        digest = hashlib.sha256()
        for instrument, candles in zip(self.instruments, self.execution, strict=True):
            digest.update(f"{instrument.name} {candles.timeframe}".encode())
            for name in ("time", *FIELDS):
                digest.update(np.ascontiguousarray(getattr(candles, name)).data)
        for one in self.beside.perpetuals:
            mark = [] if one.mark is None else [getattr(one.mark, name) for name in ("time", *FIELDS)]
            for values in (*mark, one.times, one.rates):
                digest.update(np.ascontiguousarray(values).data)
        for prints in self.prints or ():
            for column in (prints.time, prints.price, prints.amount, prints.side):
                digest.update(column.data)
        for candles in self.candles:
            for key, joined in candles.joined.items():
                digest.update(key.encode())
                for values in (joined.known_at, *joined.columns.values()):
                    digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()[:16]


def open_market(request: Request) -> Market:
    """Finds the candles and rules of what was asked for. Raises ConfigError or DataError, each with its remedy."""
    _check_request(request)
    market = _market(request)
    market.tiers = request.fees if isinstance(request.fees, FeeTiers) else None
    return market


def _market(request: Request) -> Market:
    names, given = _names(request)
    if request.trades is not None and request.trades is not False:
        return _traded_market(request, names, given)
    rule = request.declared if isinstance(request.declared, Top) else None
    history = candles_of(request, names)
    length = timeframes.milliseconds(request.timeframe)
    found = listed(history.candles, request.end) if rule else history.candles
    execution = _execution(request, found, length, history.source)
    end = max(c.close_at(-1) for c in execution.values())
    candles = {n: c if c.timeframe == length else resample(c, length, end) for n, c in execution.items()}
    if rule:
        candles = chosen_of(rule, candles, given, request.start)
        told = f"{rule.told()}: {len(candles):,} of {len(names):,} candidates were members"
        names, execution = list(candles), {n: execution[n] for n in candles}
    data = join(request, history, candles, end)
    instruments, fees, steps = _rules(request, history, execution, given)
    lists = list(execution.values()), list(candles.values())
    beside = beside_of(request, history, instruments, lists[0])
    return Market(instruments, *lists, history.source, fees, steps, data, rule, told if rule else "", beside)


def _traded_market(request: Request, names: list[str], given: dict[str, Instrument]) -> Market:
    """A market of recorded trades."""
    _check_traded(request, names)
    trades, store = request.trades, None
    if isinstance(trades, bool) or trades is None:
        store = store_of(request)
        prints = stored_prints(store, names)
    else:
        prints = given_prints(trades, names)
    prints = cut_prints(prints, request.end)
    length, end = timeframes.milliseconds(request.timeframe), end_of(list(prints.values()))
    candles = {name: own.whole_candles(length, end) for name, own in prints.items()}
    source = f"market trades of {store.path}" if store else "given market trades"
    history = History({name: own.minutes for name, own in prints.items()}, source, store)
    data = join(request, history, candles, end)
    instruments, fees, steps = _rules(request, history, {name: own.candles for name, own in prints.items()}, given)
    lists = list(history.candles.values()), list(candles.values())
    return Market(instruments, *lists, source, fees, steps, data, prints=list(prints.values()))


def _check_traded(request: Request, names: list[str]) -> None:
    for name in names:
        if name.count(":") == 2:
            raise ConfigError(f"{name}: contracts are not run over trades yet; run it over candles, or name spot.")
    for name in ("candles", "execution_timeframe"):
        if getattr(request, name) is not None:
            raise ConfigError(f"trades and {name} are both given: a run over trades makes its candles of them.")
    if isinstance(request.declared, Top) and request.instruments is None:
        raise ConfigError("a universe by rule is not run over trades yet: name instruments, or run it over candles.")


def end_of(prints: Sequence[Prints]) -> int:
    """When a run over these trades ends, UTC ms."""
    return max(int(each.time[-1]) for each in prints) + 1


def _rules(
    request: Request, history: History, execution: dict[str, Candles], given: dict[str, Instrument]
) -> tuple[list[Instrument], str, str]:
    """The instruments as the run trades them; where their fees and their steps come from, in words."""
    names = list(execution)
    start = max(request.start or 0, min(int(c.time[0]) for c in execution.values()))
    seen = history.store.rules_at([n for n in names if n not in given], start) if history.store else {}
    terms = [Terms.of(n, execution[n], given.get(n), seen.get(n), request.fees) for n in names]
    instruments = [each.instrument for each in terms]
    check_quotes(instruments)
    return instruments, told_sources(names, [t.fees for t in terms]), told_sources(names, [t.steps for t in terms])


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
        if isinstance(request.declared, Top):
            names = candidates_of(request, request.declared)
        else:
            named = next((each for each in (request.candles, request.trades) if isinstance(each, Mapping)), None)
            names = list(named if named is not None else request.declared)
    if not names:
        raise ConfigError("no instruments: declare instruments = ['binance:BTC/USDT'] in the strategy, or name them.")
    if len(set(names)) != len(names):
        raise ConfigError(f"instruments: {', '.join(names)} names one of them twice.")
    for name in names:
        if name not in given:
            check_name(name)
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
