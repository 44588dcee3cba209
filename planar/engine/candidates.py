"""Who may become a member of a universe by rule: all there are candles of, delisted instruments included."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from planar.engine.history import Request, store_of
from planar.errors import ConfigError, DataError
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument
from planar.store.candles import utc
from planar.strategy.candles import Candles
from planar.strategy.membership import selections_of
from planar.strategy.selection import Top

if TYPE_CHECKING:
    from planar.store.store import Store


def candidates_of(request: Request, rule: Top) -> list[str]:
    """The instruments that a rule may choose among: those it names, and of those there are what its patterns fit.

    There are the given candles, else what is stored, else the coins of the synthetic market.
    """
    if request.candles is not None:
        known = list(request.candles) if isinstance(request.candles, Mapping) else []
        where = "among the given candles"
    else:
        store, known = store_of(request), []
        if request.store is not None or Path(store.path).exists():
            known = _usable(store, timeframes.milliseconds(request.timeframe))
        where = f"in {store.path}"
        if request.store is None and not rule.candidates(known):
            from planar.store.synthetic import coins

            known = coins()
    found = list(dict.fromkeys([*rule.named, *rule.candidates(known)]))
    if not found:
        among = "" if rule.among is None else f" that fits among={', '.join(map(repr, rule.among))}"
        have = f"; there are {', '.join(map(str, known))}" if known else ""
        raise ConfigError(f"universe.top: there is no instrument {where}{among}{have}. Name others.")
    return found


def _usable(store: "Store", length: int) -> list[str]:
    """Instruments whose stored candles make candles of that length."""
    series = store.series().filter(kind="candles")
    lengths = [timeframes.milliseconds(each) for each in series["timeframe"]]
    names = zip(series["instrument"], lengths, strict=True)
    return sorted({name for name, each in names if length % each == 0})


def listed(candles: dict[str, Candles], end: int | None) -> dict[str, Candles]:
    """Of the candidates of a rule those that were listed before the end of the run; all where none was."""
    if end is None:
        return candles
    return {n: c for n, c in candles.items() if c.closed_by(end)} or candles


def chosen_of(
    rule: Top, candles: dict[str, Candles], given: Mapping[str, Instrument], start: int | None
) -> dict[str, Candles]:
    """Those of the candidates that the rule chooses at a time which the run comes to."""
    there = {name: each for name, each in candles.items() if len(each)}
    made = selections_of(rule, [given.get(name) or Instrument(name) for name in there], list(there.values()))
    counts = made.times >= timeframes.bucket_open(start, rule.every_ms) if start else made.times >= 0
    found = {name: there[name] for k, name in enumerate(there) if made.chosen[counts, k].any()}
    if not found:
        when = f"its first time is {utc(made.times[0])}" if len(made.times) else "the candles end before its first time"
        raise DataError(f"universe.{rule.told()} chooses nobody in this run: {when}. Give more candles.")
    return found
