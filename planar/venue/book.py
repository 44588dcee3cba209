"""The order book that the fill law implies: who takes what is shown pays what is shown.

A taker of an amount n pays ``half + c * sqrt(n)`` more than the last price on average (docs/simulation.md, section 4),
so the part between the amounts m and n costs ``c * (n**1.5 - m**1.5) / (n - m)`` more. Levels are such parts.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from planar.model.order import Side
from planar.venue.listing import Listing

LEVELS = 100
WIDTH = 2e-5
"""A level is about so much of the price away from the one before, and never nearer than a tick."""

DEEP = 10**8
"""Amount steps of the only level where the fill model has no impact."""

Level = tuple[int, int]
"""Ticks and base units."""


@dataclass(frozen=True)
class Terms:
    """What takers pay beyond the last price, in quote per base: half the spread, and impact of one base unit."""

    half: float
    impact: float


@dataclass(frozen=True)
class Book:
    """Bids from the highest down, asks from the lowest up, and the number of this state."""

    version: int
    bids: list[Level]
    asks: list[Level]

    def depth(self, side: Side, limit: int) -> int:
        """Base units that a taker of that side finds up to a limit in ticks; 0 for any price."""
        levels = self.asks if side == Side.BUY else self.bids
        return sum(units for ticks, units in levels if not limit or (limit - ticks) * side >= 0)

    @property
    def middle(self) -> float:
        """Halfway between the best bid and ask, in ticks; the one there is; 0 when there is none."""
        best = [side[0][0] for side in (self.bids, self.asks) if side]
        return sum(best) / len(best) if best else 0.0

    def taker_ticks(self, side: Side, limit: int, units: int, turnover: int = 0) -> int:
        """What a taker of so many units, or for so much turnover (ticks × units), pays on average up to a limit.

        Rounded against the taker; the best price where the limit is short of it, 0 where there is none.
        """
        levels = self.asks if side == Side.BUY else self.bids
        taken = spent = 0
        for ticks, shown in levels:
            if limit and (limit - ticks) * side < 0:
                break
            part = min(shown, (turnover - spent) // ticks if turnover else units - taken)
            if part <= 0:
                break
            taken, spent = taken + part, spent + part * ticks
        if not taken:
            return levels[0][0] if levels else 0
        return -(-spent // taken) if side == Side.BUY else spent // taken


def ladder(listing: Listing, terms: Terms, last: int, version: int) -> Book:
    """The book around a last price in ticks."""
    price = listing.price(last)
    parts = _parts(listing, terms, price)
    return Book(version, _side(listing, terms, price, parts, -1), _side(listing, terms, price, parts, 1))


def _parts(listing: Listing, terms: Terms, price: float) -> list[tuple[float, int]]:
    """Price moves beyond the half spread and base units of each level, the nearest first."""
    tick, step = float(listing.tick), float(listing.step)
    if terms.impact <= 0.0:
        return [(0.0, DEEP * listing.step_units)]
    width = max(tick, WIDTH * price)
    # What the first tick holds costs up to a tick more than it, and is at least one step.
    before = max(math.floor((tick / terms.impact) ** 2 / step), 1) * step
    parts = [(0.0, round(before / step) * listing.step_units)]
    for i in range(1, LEVELS):
        until = (i * width / terms.impact) ** 2
        steps = math.floor((until - before) / step)
        if steps > 0:
            until = before + steps * step
            parts.append((terms.impact * (until**1.5 - before**1.5) / (until - before), steps * listing.step_units))
            before = until
    return parts


def _side(listing: Listing, terms: Terms, price: float, parts: list[tuple[float, int]], sign: int) -> list[Level]:
    levels: list[Level] = []
    for move, units in parts:
        ticks = _adverse(listing.tick, price + sign * (terms.half + move), sign)
        if levels and (ticks - levels[-1][0]) * sign <= 0:
            ticks = levels[-1][0] + sign
        if ticks < 1:
            break
        levels.append((ticks, units))
    return levels


def _adverse(tick: Fraction, price: float, sign: int) -> int:
    """A price in ticks, rounded against the taker as the kernel rounds."""
    ticks = price * tick.denominator / tick.numerator
    return math.ceil(ticks - 1e-6) if sign > 0 else math.floor(ticks + 1e-6)
