"""A fill model measured on sessions: how long their orders travelled, what their takers paid, which limits filled."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planar.engine.session.attribution import travels_of
from planar.engine.session.comparison import BPS, Pair, pairs_of, prices_of
from planar.engine.session.market_candles import MarketCandles
from planar.engine.session.shadow import shadow_of
from planar.engine.session.story import Story
from planar.errors import ConfigError
from planar.simulator.drawn import Recorded
from planar.simulator.fill_model import LIMIT_FILLS, FillModel

Sample = tuple[Story, MarketCandles]


@dataclass(frozen=True)
class Calibration:
    """A measured model, and on how much it was measured. orders: that arrived; takers, makers: that filled as such."""

    model: FillModel
    orders: int
    takers: int
    makers: int

    def why(self, names: Sequence[str]) -> list[str]:
        """Where it is from, in sentences. names: of the sessions."""
        is_recorded = isinstance(self.model.latency_ms, Recorded)
        lines = [
            f"Measured by planar parity on {', '.join(names)}.",
            f"latency_ms: the {'journeys' if is_recorded else 'median journey'} of {_counted(self.orders, 'order')}.",
        ]
        if self.takers and is_recorded:
            lines.append(f"slippage: what {_counted(self.takers, 'taker')} paid, spread and impact included.")
        elif self.takers:
            paid = float(self.model.spread or 0.0) / 2 * BPS
            lines.append(f"spread: the median of {_counted(self.takers, 'taker')} paid {paid:.2f} bp, impact included.")
        if self.makers:
            lines.append(f"limit_fill: the likelier for {_counted(self.makers, 'resting order')}.")
        return lines


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def calibrated(samples: Sequence[Sample], base: FillModel, *, is_recorded: bool = False) -> Calibration:
    """The base model with what the samples measure instead of its assumptions.

    is_recorded: all journeys, and all that takers paid, to be drawn from; else their medians.
    Raises ConfigError where no order ever arrived: there is nothing to measure then.
    """
    journeys = [ms for story, _ in samples for ms in travels_of(story).values()]
    if not journeys:
        raise ConfigError("no order of these sessions ever arrived: there is nothing to measure. Let them trade first.")
    bare = replace(base, latency_ms=round(statistics.median(journeys)), spread=None, impact=None)
    pairs = _pairs(samples, bare)
    takers = [p for p in pairs if p.actual.fills and p.expected.fills and not _is_maker(p)]
    makers = [p for p in pairs if p.place.limit and (not p.actual.fills or _is_maker(p))]
    measured = replace(base, latency_ms=bare.latency_ms)
    if takers:
        measured = replace(bare, spread=_spread(takers))
        if is_recorded:
            measured = replace(bare, slippage=Recorded(_paid(takers)))
    if makers:
        ways = [replace(measured, limit_fill=each) for each in _ways(base)]
        measured = max(ways, key=lambda model: _agreeing(samples, model))
    if is_recorded:
        measured = replace(measured, latency_ms=Recorded(sorted(journeys)))
    return Calibration(measured, len(journeys), len(takers), len(makers))


def _pairs(samples: Sequence[Sample], model: FillModel) -> list[Pair]:
    """Every judged order beside a shadow that travelled as long as it did."""
    pairs = []
    for story, market in samples:
        shadow = shadow_of(story, model, candles=market.now, travels=travels_of(story))
        pairs += pairs_of(story, shadow, prices_of(market.now), max(c.close_at(-1) for c in market.now if len(c)))
    return pairs


def _is_maker(pair: Pair) -> bool:
    return any(fill.is_maker for fill in pair.actual.fills)


def _spread(takers: Sequence[Pair]) -> float:
    """Twice what the median taker paid beyond the simulator's price, as a share of it; never negative."""
    return max(2 * statistics.median(_paid(takers)), 0.0)


def _paid(takers: Sequence[Pair]) -> list[float]:
    """What each taker paid beyond the simulator's price, as a share of it."""
    paid = []
    for pair in takers:
        actual, expected = pair.totals
        paid.append(float(pair.place.side * (actual.price / expected.price - 1)))
    return paid


def _ways(base: FillModel) -> list[str]:
    """Both ways in which limits may fill, the base's first, which stays where neither is better."""
    return [base.limit_fill, *(each for each in LIMIT_FILLS if each != base.limit_fill)]


def _agreeing(samples: Sequence[Sample], model: FillModel) -> int:
    """How many orders filled as much as with that model."""
    return sum("amount" not in pair.differs for pair in _pairs(samples, model))
