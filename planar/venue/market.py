"""`Market`: the public side of one listing: its last price, trades, candles, day and book."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from planar.model.order import NEVER
from planar.venue.book import Book, Terms, ladder
from planar.venue.klines import BASE, Kline, Klines
from planar.venue.listing import WIRE, Listing
from planar.venue.order import Ticket
from planar.venue.prints import Print
from planar.venue.replay import Change, RecordedBook
from planar.venue.usdm.funding import Funding

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KEPT_TRADES = 20_000
KEPT_BOOKS = 64
AVERAGE_MINUTES = 5
START_VOLATILITY = 0.03


@dataclass(frozen=True, slots=True)
class Trade:
    """One public trade."""

    id: int
    time: int
    ticks: int
    units: int
    taker_sells: bool


class Paid(NamedTuple):
    """One funding of a contract: when, its rate, and the last price then."""

    time: int
    rate: float
    ticks: int


@dataclass(frozen=True)
class Estimates:
    """Spread, volatility and volume of a day by docs/simulation.md, section 5; a volume of -1 is not known."""

    spread: float = 0.0
    volatility: float = START_VOLATILITY
    volume: float = -1.0


@dataclass(frozen=True)
class Stand:
    """What a taker meets in a recorded book: the middle of it, and how much more than that is paid."""

    middle: float
    half: float


class Market:
    """What everybody sees of one listing. terms: gives what takers pay at a price.

    recorded: the book that was recorded, where one is replayed. funding: of a contract; paid: what it has paid.
    """

    def __init__(self, listing: Listing, terms: Callable[[float], Terms], funding: Funding | None = None) -> None:
        self.listing = listing
        self.last = 0
        self.time = 0
        self.version = 0
        self.trades: deque[Trade] = deque(maxlen=KEPT_TRADES)
        self.klines = Klines()
        self.served: deque[Book] = deque(maxlen=KEPT_BOOKS)
        self.recorded: RecordedBook | None = None
        self.funding = funding
        self.paid: list[Paid] = []
        self._due = 0
        self._terms = terms
        self._next_id = 1
        self._book: Book | None = None

    def take(self, move: Print) -> tuple[list[Trade], list[tuple[str, Kline]]]:
        """The market moves through a print; gives its trades, and the candles that they closed."""
        prices = [move.close]
        if move.high != move.low:
            corners = (move.high, move.low) if move.high - move.open <= move.open - move.low else (move.low, move.high)
            prices = [move.open, *corners, move.close]
        part = move.units // len(prices) // self.listing.step_units * self.listing.step_units
        trades, closed = [], []
        for i, ticks in enumerate(prices):
            units = part if i < len(prices) - 1 else move.units - part * (len(prices) - 1)
            if units > 0:
                trade = Trade(self._next_id, move.time, ticks, units, move.taker_sells)
                trades.append(trade)
                closed += self._note(trade)
        self._fund(move)
        self.last, self.time = move.close, move.time
        self.version += 1
        return trades, closed

    def _fund(self, move: Print) -> None:
        """Funding that has come due is paid at the first price after it."""
        if self.funding is None or move.time < self._due:
            return
        first = self.funding.index(self.time if self.version else move.time)
        for i in range(first, self.funding.index(move.time)):
            self.paid.append(Paid(int(self.funding.times[i]), float(self.funding.rates[i]), move.open))
        self._due = self.funding.next(move.time)[0] or NEVER

    def take_change(self, change: Change) -> bool:
        """The recorded book changes; whether its best bid or ask did."""
        self.recorded = self.recorded or RecordedBook()
        before = self.recorded.best
        self.recorded.take(change)
        self.version += 1
        return self.recorded.best != before

    def stand(self, ticket: Ticket) -> Stand | None:
        """What a ticket that trades at once meets, where a recorded book is replayed."""
        if self.recorded is None or ticket.waits:
            return None
        listing = self.listing
        turnover = int(ticket.money * listing.money / (listing.tick * listing.unit))
        ticks, middle = self.book.taker_ticks(ticket.side, ticket.ticks, ticket.units, turnover), self.book.middle
        if not ticks:
            return None
        price = middle * listing.tick.numerator / listing.tick.denominator
        return Stand(price, abs(listing.price(ticks) - price))

    def _note(self, trade: Trade) -> list[tuple[str, Kline]]:
        self._next_id += 1
        self.trades.append(trade)
        turnover = trade.units * trade.ticks
        taken = (0, 0) if trade.taker_sells else (trade.units, turnover)
        prices = (trade.ticks,) * 4
        return self.klines.take(
            Kline(trade.time, trade.time, *prices, trade.units, turnover, *taken, trade.id, trade.id)
        )

    @property
    def book(self) -> Book:
        """The book now."""
        if self._book is None or self._book.version != self.version:
            self._book = self._made_book()
        return self._book

    def _made_book(self) -> Book:
        if self.recorded is not None:
            return self.recorded.book(self.version)
        return ladder(self.listing, self._terms(self.listing.price(self.last)), self.last, self.version)

    def served_book(self) -> Book:
        """The book now, and somebody has it: what follows must be told from there."""
        if not self.served or self.served[-1] is not self.book:
            self.served.append(self.book)
        return self.book

    def forget_book(self) -> None:
        """What takers pay has changed."""
        self._book = None

    def day(self) -> Kline | None:
        """The last 24 hours as one candle."""
        return self.klines.window(self.time - DAY + MINUTE)

    def average(self) -> float:
        """The average price of the last minutes, in ticks, weighted with volume."""
        window = self.klines.window(self.time - AVERAGE_MINUTES * MINUTE)
        return window.turnover / window.units if window and window.units else float(self.last)

    def average_price(self) -> Fraction:
        """The same as a price, of the eight decimals that are told of it."""
        return Fraction(round(Fraction(self.average()) * self.listing.tick * WIRE), WIRE)

    def estimates(self, until: int) -> Estimates:
        """What a day is like, from the minutes of the 24 hours before a time."""
        minutes = [k for k in self.klines.series(BASE)[-2 * 1_440 :] if until - DAY <= k.open_time < until]
        if len(minutes) < HOUR // MINUTE:
            return Estimates()
        spread = variance = 0.0
        for before, now in pairwise(minutes):
            middle, other = 2.0 / (now.high + now.low), 2.0 / (before.high + before.low)
            first, last = now.close * middle, before.close * middle
            spread += (before.close * other - 1.0) * (last - 1.0)
            variance += (first - last) ** 2
        count, hours = len(minutes) - 1, len(minutes) / 60
        volume = self.listing.amount(sum(k.units for k in minutes)) / hours * 24
        return Estimates(math.sqrt(max(4.0 * spread / count, 0.0)), math.sqrt(variance / count * 1_440), volume)
