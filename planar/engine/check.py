"""``planar check``: does a strategy load and compile, how long does it warm up, does it see the future.

A strategy that saw the future would decide otherwise if the future were another. So the candles after a cut are taken
away, or replaced by others, and what is left must be what the whole shows, to the last bit:

* columns on every prefix of a window (warm-up + 2,000 candles) of the first instrument, and on 500 seeded prefixes
  shared out among the other instruments, at least one each;
* columns of all instruments, and what was asked for up to the cut, with 64 seeded truncations and 64 seeded poisonings
  of the whole. A run that is interpreted is one of several stretches of it.

Truncations find what depends on how long the candles are; poisonings what would be hidden where nothing follows.
"""

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from planar.engine.history import Frame, Frames, Instruments, Request
from planar.engine.lookahead import accuse
from planar.engine.lookahead.after import After
from planar.engine.lookahead.beside import besides
from planar.engine.lookahead.columns import Prefix, columns_of, differences, on_prefixes
from planar.engine.lookahead.cuts import Outcome, Trial, Whole
from planar.engine.lookahead.leak import Leak
from planar.engine.market import Moment, moment, open_market
from planar.engine.warm_up import WarmUp, measure
from planar.errors import StrategyError
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles

if TYPE_CHECKING:
    from planar.store.store import Store

WINDOW = 2_000
SAMPLED = 500


@dataclass
class Finding:
    """What a check found. leaks: empty means that no look-ahead was found.

    start, end: of the candles, UTC ms. warm_up: candles before the first decision; warm_ups: what each column needs,
    where there is no leak. prefixes: of the first instrument's
    columns; sampled: of the other instruments' columns, all together. asked: orders and amends that were compared, all
    of the runs. not_cut: data of the module that nothing could be cut off from.
    """

    strategy: str
    why_interpreted: str | None
    instruments: list[str]
    timeframe: str
    candles: int
    start: int
    end: int
    source: str
    warm_up: int
    warm_ups: list[WarmUp] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    prefixes: int = 0
    sampled: int = 0
    truncations: int = 0
    poisonings: int = 0
    asked: int = 0
    not_cut: list[str] = field(default_factory=list)


def check(
    strategy: Strategy,
    *,
    candles: Frames | None = None,
    instruments: Instruments | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    store: "Store | str | Path | None" = None,
    seed: int = 0,
    data: Mapping[str, Frame] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Finding:
    """Checks the columns and the orders of a strategy on all its instruments.

    start, end: of the decisions that are looked at; candles before the start warm up. data: as of `planar.backtest`.
    progress: told the share done.
    Raises StrategyError for a strategy that does not do the same twice.
    """
    strategy, cls = copy.copy(strategy), type(strategy)
    first, last = moment(start, "start"), moment(end, "end")
    request = Request(cls.timeframe, cls.instruments, candles, instruments, first, last, None, store, seed)
    market = open_market(replace(request, declared_data=cls.data, data=data))
    numbers, held = random.Random(seed), besides(strategy, market.candles[0])
    whole = Whole(strategy, market, first, held, numbers)
    finding = _begun(whole)
    finding.not_cut = [each.told() for each in held if each.known is None]
    tell = progress or _nobody
    finding.leaks = _in_prefixes(whole, numbers, finding, tell) or _in_trials(whole, finding, tell)
    if not finding.leaks:
        session = whole.session
        finding.warm_ups = measure(session.strategies, session.series, market.candles, numbers)
    tell(1.0)
    return finding


def _nobody(_: float) -> None:
    pass


def _begun(whole: Whole) -> Finding:
    market, session = whole.market, whole.session
    return Finding(
        type(whole.strategy).__name__,
        session.why_interpreted,
        [each.name for each in market.instruments],
        type(whole.strategy).timeframe,
        len(market.candles[0]),
        int(market.candles[0].time[0]),
        market.end,
        market.source,
        session.first_rows[0],
        asked=sum(len(s.asked.orders) + len(s.asked.amends) for s in whole.stretches),
    )


def _in_prefixes(whole: Whole, numbers: random.Random, finding: Finding, tell: Callable[[float], None]) -> list[Leak]:
    """Columns of the first instrument that are other on a prefix of the window; none of its, then of the next one."""
    session, count = whole.session, len(whole.market.candles)
    share = max(SAMPLED // max(count - 1, 1), 1)
    for k, (strategy, candles) in enumerate(zip(session.strategies, whole.market.candles, strict=True)):
        first = max(session.first_rows[k], 1, candles.closed_by(session.start))
        window = candles.until(min(len(candles), first + WINDOW))
        cuts = range(first, len(window))
        chosen = sorted(numbers.sample(cuts, min(share, len(cuts)))) if k else cuts
        found = on_prefixes(strategy, window, chosen)
        if found:
            return _of_prefixes(strategy, whole.market.instruments[k].name, window, found)
        if k:
            finding.sampled += len(chosen)
        else:
            finding.prefixes = len(chosen)
        tell(0.5 * (k + 1) / count)
    return []


def _of_prefixes(strategy: Strategy, instrument: str, window: Candles, found: list[Prefix]) -> list[Leak]:
    if differences(columns_of(strategy, window), columns_of(strategy, window), len(window)):
        raise _unsteady(strategy, "indicators gives other columns")
    is_lone = sum(len(each.differences) for each in found) == 1
    made = []
    for each in found:
        if each.failed:
            made.append(accuse.refusal("what indicators gives", instrument, window, each.future, each.failed))
        else:
            made += accuse.columns(strategy, instrument, window, each.future, each.differences, is_lone=is_lone)
    return sorted(made, key=lambda leak: leak.candle)


def _in_trials(whole: Whole, finding: Finding, tell: Callable[[float], None]) -> list[Leak]:
    """What the first trial that shows something shows."""
    trials = whole.trials()
    for i, trial in enumerate(trials):
        outcome = whole.look(trial)
        if outcome:
            return _of_trial(whole, trial, outcome)
        if outcome is not None and trial.future.after is After.CUT:
            finding.truncations += 1
        elif outcome is not None:
            finding.poisonings += 1
        tell(0.5 + 0.5 * i / len(trials))
    return []


def _of_trial(whole: Whole, trial: Trial, outcome: Outcome) -> list[Leak]:
    future = trial.future
    again = whole.look(replace(trial, future=replace(future, after=After.SAME)))
    if again:
        raise _unsteady(whole.strategy, "it gives other columns" if again.columns else "it asks for something else")
    names, candles = [each.name for each in whole.market.instruments], whole.market.candles
    if outcome.failed:
        return [accuse.refusal("what it does", names[0], candles[0], future, outcome.failed)]
    if outcome.is_otherwise:
        return accuse.calls(whole, trial)
    k, found = next(iter(outcome.columns.items()))
    strategy, is_lone = whole.session.strategies[k], len(found) == 1
    return accuse.columns(strategy, names[k], candles[k], future, found, whole.data, is_lone=is_lone)


def _unsteady(strategy: Strategy, what: str) -> StrategyError:
    return StrategyError(
        f"{type(strategy).__name__}: {what} each time it is run on the same candles, so nothing can be compared. Let "
        "it neither keep anything in its module or class from run to run, nor ask for the time, nor draw random "
        "numbers without a seed."
    )
