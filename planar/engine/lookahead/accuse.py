"""Puts what differed into words, with the author's lines: the strategy is run again, and somebody watches."""

from collections.abc import Sequence

import numpy as np

from planar.engine.lookahead import heard, lines
from planar.engine.lookahead.after import After, Future, unheard
from planar.engine.lookahead.beside import Beside, replaced
from planar.engine.lookahead.columns import Difference, columns_of
from planar.engine.lookahead.cuts import Trial, Whole
from planar.engine.lookahead.leak import Leak, Line
from planar.model.timeframe import milliseconds
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles, resample
from planar.strategy.columns import Series

Places = dict[lines.Place, lines.Seen]


def columns(
    strategy: Strategy,
    instrument: str,
    candles: Candles,
    future: Future,
    found: Sequence[Difference],
    data: Sequence[Beside] = (),
    *,
    is_lone: bool,
) -> list[Leak]:
    """One leak for each column that differs with a future. is_lone: whether it is the only one of all."""
    whole, places = _watched(strategy, candles, future, data)
    return [
        Leak(
            f"column {each.column!r}",
            instrument,
            each.row,
            candles.close_at(each.row),
            f"{_values(each)} {_when(future, candles, candles.close_at(each.row))}",
            _lines(strategy, each.column, whole, places, is_lone=is_lone),
        )
        for each in found
    ]


def _watched(strategy: Strategy, candles: Candles, future: Future, data: Sequence[Beside]) -> tuple[Series, Places]:
    """The columns of the whole, and the lines after which an array differed."""
    seen, made = [], []
    for each in (Future(future.end, After.SAME), future):
        own = each.of(candles)
        watcher = lines.Watcher(_lengths(strategy, own, future.end))
        with unheard(), replaced(data, each):
            seen.append(watcher.follow(lambda own=own: made.append(columns_of(strategy, own))))
    return made[0], lines.unlike(*seen)


def _lengths(strategy: Strategy, candles: Candles, end: int) -> dict[int, int]:
    """How long arrays over candles are, and how many of their values are known by a moment."""
    known = {len(candles): candles.closed_by(end)}
    for timeframe in type(strategy).timeframes:
        higher = resample(candles, milliseconds(timeframe), candles.close_at(-1))
        known.setdefault(len(higher), higher.closed_by(end))
    return known


def _lines(strategy: Strategy, column: str, whole: Series, places: Places, *, is_lone: bool) -> tuple[Line, ...]:
    """The line that names a column, and the one that made it other than it was."""
    alias, _, name = column.rpartition(".")
    values = (whole.higher[alias][0] if alias in whole.higher else whole).columns.get(name, np.zeros(0))
    found = (lines.line_of_column(strategy, column), lines.maker(places, values, is_lone=is_lone))
    return tuple(dict.fromkeys(line for line in found if line is not None))


def _values(each: Difference) -> str:
    before, now = (f"{value:.6g}" for value in (each.before, each.now))
    if before == now:
        return f"{each.before!r} becomes {each.now!r}, as little as rounding does,"
    return f"{before} becomes {now}"


def _when(future: Future, candles: Candles, time: int) -> str:
    """With which future. time: of the present candle's close."""
    ahead = candles.closed_by(future.end) - candles.closed_by(time)
    which = "it" if ahead == 0 else "the next one" if ahead == 1 else f"the next {ahead:,}"
    return f"when the candles after {which} are {future.after.value}"


def calls(whole: Whole, trial: Trial) -> list[Leak]:
    """The first call that another future changes."""
    made, future = [], trial.future
    for each in (Future(future.end, After.SAME), future):
        session = whole.part(heard.Heard, trial.stretch.start, each)
        with replaced(whole.data, each):
            made.append(heard.calls_of(session))
    before, now = heard.first_unlike(*made, future.end)
    call = before or now
    time, k = (call.time, call.instrument) if call else (future.end, 0)
    candles, name = whole.market.candles[k], whole.market.instruments[k].name
    asking = dict.fromkeys(each.line for each in (before, now) if each and each.line)
    change = f"{_said(before, now)} {_when(future, candles, time)}"
    return [Leak("what is asked for", name, candles.closed_by(time) - 1, time, change, tuple(asking))]


def _said(before: heard.Call | None, now: heard.Call | None) -> str:
    if before and now:
        return f"{before.words} becomes {now.words}"
    if before:
        return f"{before.words} is not asked for"
    return f"{now.words} is asked for, too," if now else "an order differs"


def refusal(what: str, instrument: str, candles: Candles, future: Future, error: str) -> Leak:
    """What raises where the candles end earlier."""
    row = candles.closed_by(future.end) - 1
    time = candles.close_at(row)
    return Leak(what, instrument, row, time, f"raises {_when(future, candles, time)}: {error}".rstrip("."))
