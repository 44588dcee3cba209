"""Why a session earned otherwise than its simulation: every cause with its amount, and the amounts add up exactly.

Four results over one market, each as exact money, from the session to a backtest; each step between two of them is
named, so nothing can be left over:

    session                                      its fills
      latency, slippage, fee, partial fill, missed fill, extra fill, rejected order, not judged yet
    shadow                                       the same orders on the simulated exchange
      other decisions
    backtest that decided only where it could    the strategy over the same candles, late and missing ones passed over
      missing candle
    backtest over the candles as the session saw them
      changed candle
    backtest over the candles as they are now
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from planar.engine.session.comparison import Pair, Score, pairs_of, prices_of, score_of, total_of
from planar.engine.session.market_candles import MarketCandles
from planar.engine.session.reruns import reruns
from planar.engine.session.shadow import shadow_of
from planar.engine.session.story import Outcome, Story
from planar.model.instrument import exact
from planar.model.order import Status
from planar.simulator.fill_model import FillModel


class Cause(StrEnum):
    """What makes a session and its simulation differ."""

    LATENCY = "latency"
    SLIPPAGE = "slippage"
    FEE = "fee"
    PARTIAL = "partial fill"
    MISSED = "missed fill"
    EXTRA = "extra fill"
    REJECTED = "rejected order"
    LATER = "not judged yet"
    DECISIONS = "other decisions"
    MISSING = "missing candle"
    CHANGED = "changed candle"


Part = tuple[Cause, Fraction, int]
"""A cause, what it is worth in quote, and how many orders or candles that is of."""


@dataclass(frozen=True)
class Share:
    """A cause's part of a difference, in quote; positive where the session did better. count: of orders or candles."""

    cause: Cause
    amount: Fraction
    count: int


@dataclass(frozen=True)
class Attribution:
    """What a session, its shadow and a backtest earned, and the shares of the causes between the first and the last.

    backtest: None where the strategy cannot be run again, which ``why`` tells; the shares end with the shadow then.
    """

    session: Fraction
    shadow: Fraction
    backtest: Fraction | None
    shares: list[Share]
    pairs: list[Pair] = field(repr=False)
    why: str = ""

    @property
    def score(self) -> Score:
        """Of the orders."""
        return score_of(self.pairs)

    @property
    def difference(self) -> Fraction:
        """What the shares add up to: session less backtest, or less shadow where there is none."""
        return self.session - (self.shadow if self.backtest is None else self.backtest)


def attributed(story: Story, model: FillModel, market: MarketCandles, why_no_backtest: str = "") -> Attribution:
    """The attribution of a session. market: the candles as they are now.

    why_no_backtest: a reason not to run the strategy again; empty where it can be.
    """
    prices = prices_of(market.now)
    pairs, parts = judged(story, model, market)
    totals = [pair.totals for pair in pairs]
    ours, shadow = (
        sum((pair.worth(total[i]) for pair, total in zip(pairs, totals, strict=True)), Fraction(0)) for i in (0, 1)
    )
    earned = earned_by(story, prices)
    counted = {pair.id: len(pair.actual.fills) for pair in pairs}
    later = sum(len(outcome.fills) > counted.get(id, 0) for id, outcome in story.outcomes.items())
    parts.append((Cause.LATER, earned - ours, later))
    if story.end == story.begun:
        why_no_backtest = "no candle has closed since the session began"
    if why_no_backtest:
        return Attribution(earned, shadow, None, shares_of(parts), pairs, why_no_backtest)
    able, seen, now = reruns(story, model, market, prices)
    parts.append((Cause.DECISIONS, shadow - able, 0))
    parts.append((Cause.MISSING, able - seen, len(story.unmade() | market.missing)))
    parts.append((Cause.CHANGED, seen - now, len(market.changed)))
    return Attribution(earned, shadow, now, shares_of(parts), pairs)


def judged(story: Story, model: FillModel, market: MarketCandles, since: int = 0) -> tuple[list[Pair], list[Part]]:
    """Orders beside their shadows, and the causes of their differences.

    since: only orders that were asked for from then on, UTC ms of the session's machine.
    """
    expected = shadow_of(story, model, candles=market.now)
    delayed = shadow_of(story, model, candles=market.now, travels=travels_of(story))
    end = max(each.close_at(-1) for each in market.now if len(each))
    pairs = pairs_of(story, expected, prices_of(market.now), end)
    pairs = [pair for pair in pairs if story.written[pair.id] >= since]
    return pairs, [part for pair in pairs for part in parts_of(pair, delayed[pair.id])]


def earned_by(story: Story, prices: Sequence[Fraction]) -> Fraction:
    """What a session's fills have earned when all is valued at those prices, in quote."""
    earned = Fraction(0)
    for id, outcome in story.outcomes.items():
        place = story.places[id][1]
        total = total_of(outcome.fills, story.origin.instruments[place.k], prices[place.k])
        earned += total.worth(place.side, prices[place.k])
    return earned


def travels_of(story: Story) -> dict[int, int]:
    """How long each order took to the exchange, in milliseconds of its time; those that never arrived are left out."""
    return {
        id: max(outcome.arrived - story.places[id][0], 0)
        for id, outcome in story.outcomes.items()
        if outcome.arrived is not None
    }


def parts_of(pair: Pair, delayed: Outcome) -> list[Part]:
    """The causes of an order's difference, which they add up to.

    delayed: its shadow, had it travelled as long as the order did.
    """
    actual, expected = pair.totals
    late = total_of(delayed.fills, pair.instrument, pair.price)
    latency, rest = pair.worth(late) - pair.worth(expected), pair.worth(actual) - pair.worth(late)
    parts = [(Cause.LATENCY, latency, 1)] if latency else []
    if not actual.amount or not late.amount:
        cause = Cause.REJECTED if pair.actual.status is Status.REJECTED else Cause.MISSED
        return [*parts, (Cause.EXTRA if actual.amount else cause, rest, 1)] if rest else parts
    share = actual.amount / late.amount
    turnover = actual.cost / late.cost if late.cost else share
    fee = late.fee_in_base * share + late.fee_in_quote * turnover - actual.fee
    if abs(fee) <= _rounding(pair, delayed):
        fee = Fraction(0)  # fees are rounded up to whole units, fill by fill
    amount = (share - 1) * pair.worth(late)
    if not pair.place.units and {pair.actual.status, delayed.status} == {Status.FILLED}:
        amount = Fraction(0)  # a budget buys less of what is dearer
    found = (
        (Cause.SLIPPAGE, rest - fee - amount),
        (Cause.FEE, fee),
        (Cause.PARTIAL if share < 1 else Cause.EXTRA, amount),
    )
    return [*parts, *((cause, value, 1) for cause, value in found if value)]


def _rounding(pair: Pair, delayed: Outcome) -> Fraction:
    """What the rounding of fees may come to, in quote."""
    unit = exact(pair.instrument.quote_unit) + exact(pair.instrument.unit) * pair.price
    return (len(pair.actual.fills) + len(delayed.fills)) * unit


def shares_of(parts: Iterable[Part]) -> list[Share]:
    """Parts added up by cause; a cause that is worth nothing is left out."""
    amounts: dict[Cause, Fraction] = dict.fromkeys(Cause, Fraction(0))
    counts: Counter[Cause] = Counter()
    for cause, amount, count in parts:
        amounts[cause] += amount
        counts[cause] += count
    return [Share(cause, amount, counts[cause]) for cause, amount in amounts.items() if amount]
