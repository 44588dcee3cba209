"""What can be fetched of an exchange: how each kind is asked for, what of it is believed, where it is stored."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

import polars as pl

from planar.exchange.interface import Exchange
from planar.exchange.model import MarketTrade
from planar.model import timeframe as timeframes
from planar.model.timeframe import MILLISECONDS
from planar.store.asked import Span
from planar.store.candles import LATEST, gaps
from planar.store.faults import Fault, sound_candles, sound_trades
from planar.store.rows import TRADES_SCHEMA
from planar.store.store import Store, Written

LATE = MILLISECONDS["h"]
"""What is younger than this, and without a grid to tell, may only be late: it is asked for again."""


@dataclass(frozen=True)
class Source(ABC):
    """One kind of history at one exchange, on its way into a store.

    rows: about how many one worker asks for at a time, page by page, before the next piece is taken.
    """

    exchange: Exchange
    store: Store
    kind: str
    timeframe: str | None
    now: int
    rows: int

    @property
    def length(self) -> int:
        """Milliseconds of the timeframe; 0 without one."""
        return timeframes.milliseconds(self.timeframe) if self.timeframe else 0

    @property
    @abstractmethod
    def piece(self) -> int:
        """Milliseconds that one worker asks for at a time."""

    @abstractmethod
    def pages(self, symbol: str, first: int, stop: int) -> AsyncIterator[pl.DataFrame]:
        """What the exchange has from ``first`` to ``stop``, in order of time."""

    @abstractmethod
    def after(self, last: int) -> int:
        """Where to go on behind a page that ends at that time."""

    @abstractmethod
    def write(self, name: str, page: pl.DataFrame, source: str, asked: Span | None) -> Written:
        """Stores a page."""

    def sound(self, page: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
        """What of a page can be true, and what cannot."""
        return page, []

    def begin(self, start: int) -> int:
        """The first time there can be something."""
        return start

    def end(self, end: int | None) -> int:
        """Where to stop."""
        return self.now if end is None else min(end, self.now)

    def sure(self, stop: int) -> int:
        """Up to when what did not come will not come any more; of candles, those that come after them tell."""
        return 0 if self.length else min(stop, self.now - LATE)

    def asked_until(self, name: str, start: int, end: int) -> int:
        """After all was asked for: up to when it is known, which is the last that is stored.

        What comes after it may only be late.
        """
        stored = self.ends(name, start, LATEST)
        return min(end, self.after(stored[1])) if stored else start

    def ends(self, name: str, start: int, end: int) -> Span | None:
        """The first and the last time that are stored."""
        return self.store.ends(name, self.timeframe, start, end, kind=self.kind)

    def lacking(self, name: str, start: int, end: int) -> tuple[int, int] | None:
        """How many gaps there are and how much they lack; None where nothing can tell."""
        if not self.length:
            return None
        times = self.store.times(name, self.timeframe, start, end, kind=self.kind)
        missing = gaps(times, self.length)["missing"]
        return len(missing), int(missing.sum())


class Candles(Source):
    """Candles of trades, or of mark prices."""

    @property
    def piece(self) -> int:
        """So many candles."""
        return self.rows * self.length

    def pages(self, symbol: str, first: int, stop: int) -> AsyncIterator[pl.DataFrame]:
        """Closed candles."""
        price = "mark" if self.kind == "mark" else "trade"
        return self.exchange.candles(symbol, self.timeframe or "", first, stop, kind=price)

    def after(self, last: int) -> int:
        """The next open."""
        return timeframes.bucket_open(last, self.length) + self.length

    def write(self, name: str, page: pl.DataFrame, source: str, asked: Span | None) -> Written:
        """Candles of the same time are replaced."""
        return self.store.write_candles(name, self.timeframe or "", page, source, kind=self.kind, asked=asked)

    def sound(self, page: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
        """Without candles that no market can have."""
        return sound_candles(page, self.length)

    def begin(self, start: int) -> int:
        """The next open."""
        return timeframes.bucket_open(start + self.length - 1, self.length)

    def end(self, end: int | None) -> int:
        """The open of the candle that is open still, at the latest."""
        closed = timeframes.bucket_open(self.now, self.length)
        return closed if end is None else min(closed, self.begin(end))


class Funding(Source):
    """Funding rates of a perpetual."""

    @property
    def piece(self) -> int:
        """A few rates a day, the more often the wilder the market."""
        return self.rows * MILLISECONDS["h"]

    async def pages(self, symbol: str, first: int, stop: int) -> AsyncIterator[pl.DataFrame]:
        """What was paid."""
        async for rates in self.exchange.funding_history(symbol, first, stop):
            yield pl.DataFrame({"time": [one.time for one in rates], "rate": [float(one.rate) for one in rates]})

    def after(self, last: int) -> int:
        """One is paid at a time."""
        return last + 1

    def write(self, name: str, page: pl.DataFrame, source: str, asked: Span | None) -> Written:
        """A rate of the same time is replaced."""
        return self.store.write_funding(name, page, source, asked=asked)


class Trades(Source):
    """Market trades."""

    @property
    def piece(self) -> int:
        """A day: how many there are nobody knows before."""
        return MILLISECONDS["d"]

    async def pages(self, symbol: str, first: int, stop: int) -> AsyncIterator[pl.DataFrame]:
        """Each once."""
        async for trades in self.exchange.market_trades(symbol, first, stop):
            yield pl.DataFrame([_row(one) for one in trades], schema=TRADES_SCHEMA, orient="row")

    def after(self, last: int) -> int:
        """The last millisecond may go on in the next page."""
        return last

    def write(self, name: str, page: pl.DataFrame, source: str, asked: Span | None) -> Written:
        """Each id once."""
        return self.store.write_trades(name, page, source, asked=asked)

    def sound(self, page: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
        """Without prints of no price or no amount."""
        return sound_trades(page)


def _row(trade: MarketTrade) -> tuple[int, str, float, float, str]:
    side = trade.side.name.lower() if trade.side else ""
    return trade.time, trade.id, float(trade.price), float(trade.amount), side


SOURCES = {"candles": Candles, "mark": Candles, "funding": Funding, "trades": Trades}
