"""Orders of a session beside those of its shadow: what differed, in exact numbers, and a score."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from planar.broker.terms import symbol_of
from planar.config.settings import Parity
from planar.engine.session.story import Execution, Outcome, Story
from planar.model.ask import Place
from planar.model.instrument import Instrument, exact
from planar.model.order import Side, Status
from planar.strategy.candles import Candles

NEAR_AMOUNT, NEAR_PRICE = Fraction(1, 100), Fraction(1, 1000)
"""Two outcomes agree when they are no further apart than this: 1 % of the amount, 10 bp of the price."""

BPS = 10_000


class Total(NamedTuple):
    """The fills of an order as one, in base and quote.

    fee_in_quote, fee_in_base: the fee in quote, by what it was paid in; base at the price that all is valued at.
    """

    amount: Fraction
    cost: Fraction
    fee_in_quote: Fraction
    fee_in_base: Fraction

    @property
    def fee(self) -> Fraction:
        """All of it."""
        return self.fee_in_quote + self.fee_in_base

    @property
    def price(self) -> Fraction:
        """Average; 0 where nothing was filled."""
        return self.cost / self.amount if self.amount else Fraction(0)

    def worth(self, side: int, price: Fraction) -> Fraction:
        """What the fills have earned when all is valued at a price, in quote."""
        return side * (self.amount * price - self.cost) - self.fee


def total_of(fills: Iterable[Execution], instrument: Instrument, price: Fraction) -> Total:
    """Fills added up. price: quote per base, for fees that were paid in base."""
    unit, quote = exact(instrument.unit), exact(instrument.quote_unit)
    amount = cost = in_quote = in_base = 0
    for fill in fills:
        amount, cost = amount + fill.amount, cost + fill.cost
        in_base += fill.fee if fill.fee_in_base else 0
        in_quote += 0 if fill.fee_in_base else fill.fee
    return Total(amount * unit, cost * quote, in_quote * quote, in_base * unit * price)


@dataclass(frozen=True)
class Pair:
    """One order: what became of it, and of its shadow. price: at which both are valued, quote per base."""

    id: int
    decided: int
    place: Place
    instrument: Instrument
    price: Fraction
    actual: Outcome
    expected: Outcome

    @cached_property
    def totals(self) -> tuple[Total, Total]:
        """Of the fills, actual and expected."""
        actual, expected = self.actual.fills, self.expected.fills
        return total_of(actual, self.instrument, self.price), total_of(expected, self.instrument, self.price)

    def worth(self, total: Total) -> Fraction:
        """What fills of this order have earned."""
        return total.worth(self.place.side, self.price)

    @property
    def difference(self) -> Fraction:
        """How much better it went than expected, in quote."""
        actual, expected = self.totals
        return self.worth(actual) - self.worth(expected)

    @property
    def turnover(self) -> Fraction:
        """The larger of the two costs, in quote."""
        actual, expected = self.totals
        return max(actual.cost, expected.cost)

    @property
    def differs(self) -> list[str]:
        """In what it went otherwise: ``amount``, ``price``; nothing where the two agree."""
        actual, expected = self.totals
        found = []
        if abs(actual.amount - expected.amount) > NEAR_AMOUNT * max(actual.amount, expected.amount):
            found.append("amount")
        if actual.amount and expected.amount and abs(actual.price - expected.price) > NEAR_PRICE * expected.price:
            found.append("price")
        return found

    @property
    def is_over(self) -> bool:
        """Whether nothing more can become of either."""
        return self.actual.is_over and self.expected.is_over

    def document(self) -> dict[str, Any]:
        """As a journal keeps it: money in quote, times in UTC ms."""
        actual, expected = (
            {
                "status": Status(outcome.status).name,
                "reason": outcome.reason.name if outcome.reason else "",
                "time": outcome.fills[0].time if outcome.fills else None,
                "amount": float(total.amount),
                "price": float(total.price),
                "fee": float(total.fee),
            }
            for outcome, total in zip((self.actual, self.expected), self.totals, strict=True)
        )
        return {
            "order": self.id,
            "symbol": symbol_of(self.instrument),
            "side": Side(self.place.side).name,
            "decided": self.decided,
            "differs": self.differs,
            "difference": float(self.difference),
            "turnover": float(self.turnover),
            "actual": actual,
            "expected": expected,
        }


@dataclass(frozen=True)
class Score:
    """How near a session is to its simulation. difference, turnover: quote."""

    orders: int = 0
    agreeing: int = 0
    difference: Fraction = Fraction(0)
    turnover: Fraction = Fraction(0)

    @property
    def agreement(self) -> float:
        """Share of the orders that went as expected; 1 where there were none."""
        return self.agreeing / self.orders if self.orders else 1.0

    @property
    def bps(self) -> float:
        """The difference, in hundredths of a percent of the turnover; negative where the session did worse."""
        return float(self.difference / self.turnover * BPS) if self.turnover else 0.0

    def is_apart(self, limits: Parity) -> bool:
        """Whether it is further from the simulation than the settings allow."""
        is_judged = self.orders >= limits.orders
        return is_judged and (self.agreement < limits.agreement or self.bps < -limits.shortfall)

    def plus(self, differs: bool, difference: Fraction, turnover: Fraction) -> "Score":
        """With one order more."""
        agreeing = self.agreeing + (not differs)
        return Score(self.orders + 1, agreeing, self.difference + difference, self.turnover + turnover)

    def document(self) -> dict[str, Any]:
        """As a journal keeps it."""
        return {
            "orders": self.orders,
            "agreeing": self.agreeing,
            "agreement": round(self.agreement, 4),
            "difference": float(self.difference),
            "turnover": float(self.turnover),
            "bps": round(self.bps, 2),
        }


def score_of(pairs: Iterable[Pair]) -> Score:
    """The score of orders."""
    made = Score()
    for pair in pairs:
        made = made.plus(bool(pair.differs), pair.difference, pair.turnover)
    return made


def prices_of(candles: Sequence[Candles]) -> list[Fraction]:
    """What all is valued at: the last close of each instrument, exactly as it is written; 0 where there is none."""
    return [exact(float(each.close[-1])) if len(each) else Fraction(0) for each in candles]


def pairs_of(story: Story, shadow: Mapping[int, Outcome], prices: Sequence[Fraction], end: int) -> list[Pair]:
    """The orders that were decided before the last candle closed, beside their shadows.

    end: its close; fills from then on are left out, since no candle tells of their market yet, and their orders are
    not over.
    """
    pairs = []
    for id, (decided, place) in story.places.items():
        if decided < end and id in shadow:
            own = story.outcomes[id]
            fills = [fill for fill in own.fills if fill.time < end]
            status = own.status if len(fills) == len(own.fills) else Status.PARTIAL
            actual = Outcome(status, own.reason, fills, own.arrived)
            price, instrument = prices[place.k], story.origin.instruments[place.k]
            pairs.append(Pair(id, decided, place, instrument, price, actual, shadow[id]))
    return pairs
