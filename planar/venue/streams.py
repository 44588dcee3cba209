"""`Streams`: what the market tells its listeners: trades at once, books, candles and tickers at their intervals."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from planar.venue import wire_market as wire
from planar.venue.book import Book
from planar.venue.connection import Connection, dumped
from planar.venue.floor import Floor
from planar.venue.klines import INTERVALS, Kline
from planar.venue.market import Market, Trade

NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>trade|aggTrade|kline|miniTicker|ticker|bookTicker|avgPrice|depth)"
    r"(?:_(?P<interval>\w+))?(?P<levels>5|10|20)?(?:@(?P<speed>100ms|1000ms))?"
)
ALL = ("!miniTicker@arr", "!ticker@arr", "!bookTicker")
FAST, SLOW = "100ms", "1000ms"


class Streams:
    """Sends each event to those who subscribed to it; what nobody wants is not made.

    name, all: how streams are named; ends: of book streams of each speed; words: the documents of events.
    """

    name: ClassVar[re.Pattern[str]] = NAME
    all: ClassVar[tuple[str, ...]] = ALL
    ends: ClassVar[Mapping[str, tuple[str, ...]]] = {FAST: (f"@{FAST}",), SLOW: ("", f"@{SLOW}")}
    words: ClassVar[Any] = wire

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._listeners: dict[str, set[Connection]] = defaultdict(set)
        self._told: dict[tuple[str, str], Book] = {}
        self._versions: dict[tuple[str, str], int] = {}
        floor.on_trades.append(self._trades)
        floor.on_best.append(self._best)

    def is_stream(self, name: str) -> bool:
        """Whether that is how a stream is named."""
        found = self.name.fullmatch(name)
        if found is None:
            return name in self.all
        interval = found["interval"]
        return (found["kind"] == "kline") == (interval is not None) and (interval or "1m") in INTERVALS

    def subscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Adds streams to a connection."""
        for name in names:
            self._listeners[name].add(connection)
            connection.streams.add(name)
            found = self.name.fullmatch(name)
            if found and found["symbol"].upper() in self.floor.markets:
                market = self.floor.markets[found["symbol"].upper()]
                if found["kind"] == "kline":
                    market.klines.series(found["interval"])
                self._told.setdefault((market.listing.id, self._speed(found["speed"])), market.book)

    def _speed(self, told: str | None) -> str:
        """At which of both speeds a book stream of that one is told."""
        return FAST if (f"@{told}" if told else "") in self.ends[FAST] else SLOW

    def unsubscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Takes streams from a connection."""
        for name in list(names):
            self._listeners[name].discard(connection)
            connection.streams.discard(name)
            if not self._listeners[name]:
                del self._listeners[name]

    def publish(self, name: str, event: Any) -> None:
        """Sends an event to the stream's listeners."""
        listeners = self._listeners.get(name)
        if listeners:
            text = dumped(event)
            for connection in listeners:
                connection.tell(name, text)

    def has(self, name: str) -> bool:
        """Whether anybody listens to a stream."""
        return name in self._listeners

    def _trades(self, market: Market, trades: list[Trade], closed: list[tuple[str, Kline]]) -> None:
        """A print happened."""
        listing, id, now = market.listing, market.listing.id.lower(), self.floor.now
        if self.has(f"{id}@trade"):
            for trade in trades:
                self.publish(f"{id}@trade", self.words.trade_event(listing, trade, now))
        if self.has(f"{id}@aggTrade"):
            for trade in trades:
                self.publish(f"{id}@aggTrade", self.words.aggregate_event(listing, trade, now))
        for interval, kline in closed:
            if self.has(f"{id}@kline_{interval}"):
                self.publish(f"{id}@kline_{interval}", wire.kline_event(listing, interval, kline, now, True))
                self._tell_open(market, interval)
        self._best(market)

    def _best(self, market: Market) -> None:
        for name in (f"{market.listing.id.lower()}@bookTicker", "!bookTicker"):
            if self.has(name):
                self.publish(name, self.words.book_ticker_event(market))

    def flush(self, *, is_second: bool) -> None:
        """Tells what is told at intervals: every 100 ms, and more of it every second."""
        for market in self.floor.markets.values():
            self._flush(market, FAST)
            if is_second:
                self._flush(market, SLOW)
        if is_second:
            self._flush_all()

    def _flush(self, market: Market, speed: str) -> None:
        """What one market tells at this speed, if anything happened since the last time."""
        id = market.listing.id.lower()
        if self._versions.get((id, speed)) == market.version:
            return
        self._versions[id, speed] = market.version
        if speed == FAST:
            self._flush_klines(market, id)
        else:
            self._flush_tickers(market, id)
        self._flush_books(market, id, speed)

    def _flush_klines(self, market: Market, id: str) -> None:
        """The candles that are still open."""
        for interval in INTERVALS:
            if self.has(f"{id}@kline_{interval}") and market.klines.series(interval):
                self._tell_open(market, interval)

    def _tell_open(self, market: Market, interval: str) -> None:
        """The candle of that length that is still open."""
        event = wire.kline_event(market.listing, interval, market.klines.series(interval)[-1], self.floor.now, False)
        self.publish(f"{market.listing.id.lower()}@kline_{interval}", event)

    def _flush_tickers(self, market: Market, id: str) -> None:
        for name, event in self._tickers().items():
            if self.has(f"{id}@{name}"):
                self.publish(f"{id}@{name}", event(market, self.floor.now))

    def _tickers(self) -> dict[str, Callable[[Market, int], Any]]:
        """What is told every second, by the names of the streams."""
        return {
            "ticker": self.words.ticker_event,
            "miniTicker": wire.mini_ticker_event,
            "avgPrice": wire.average_price_event,
        }

    def _flush_books(self, market: Market, id: str, speed: str) -> None:
        ends = self.ends[speed]
        for levels in (5, 10, 20):
            for name in (f"{id}@depth{levels}{end}" for end in ends):
                if self.has(name):
                    self.publish(name, self._partial(market, levels))
        wanted = [name for name in (f"{id}@depth{end}" for end in ends) if self.has(name)]
        key = (market.listing.id, speed)
        if not wanted:
            self._told.pop(key, None)
            return
        before = self._told.get(key, market.book)
        if before.version < market.version:
            event = self._difference(market, before)
            for name in wanted:
                self.publish(name, event)
        self._told[key] = market.book

    def _partial(self, market: Market, levels: int) -> Any:
        return wire.depth(market, market.book, levels)

    def _difference(self, market: Market, before: Book) -> dict[str, Any]:
        return difference(market, before, self.floor.now)

    def _flush_all(self) -> None:
        """The streams of all symbols."""
        tickers = (("!ticker@arr", self.words.ticker_event), ("!miniTicker@arr", wire.mini_ticker_event))
        for name, event in tickers:
            if self.has(name):
                self.publish(name, [event(market, self.floor.now) for market in self.floor.markets.values()])


def difference(market: Market, before: Book, event_time: int) -> dict[str, Any]:
    """The event ``depthUpdate`` from a book to the present one.

    Levels that only a snapshot in between showed are taken back too, so that whoever has it ends up with this book.
    """
    now = market.book
    known = [before, *(b for b in market.served if before.version <= b.version <= now.version)]
    sides = {}
    for name in ("bids", "asks"):
        new = dict(getattr(now, name))
        old = {ticks: units for book in known for ticks, units in getattr(book, name)}
        gone = [(ticks, 0) for ticks in old if ticks not in new]
        changed = [(ticks, units) for ticks, units in new.items() if old.get(ticks) != units or len(known) > 1]
        sides[name] = wire.levels(market.listing, gone + changed)
    return {
        "e": "depthUpdate",
        "E": event_time,
        "s": market.listing.id,
        "U": before.version + 1,
        "u": now.version,
        "b": sides["bids"],
        "a": sides["asks"],
    }
