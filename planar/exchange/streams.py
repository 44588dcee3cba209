"""Streams of one exchange: what it tells, each event once and in order, to as many listeners as there are."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

from planar.errors import ConfigError, Rejected, did_you_mean
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.closer import Closer
from planar.exchange.connection import connected, disconnect, streaming_class
from planar.exchange.feed import Feed
from planar.exchange.heard import heard
from planar.exchange.missed import missed
from planar.exchange.model import Candle, Fill, MarketTrade, Order, Ticker
from planar.exchange.subscription import ROOM, Event, Source, Subscription
from planar.exchange.tap import Kind, tapped
from planar.exchange.watcher import AUDIT, State, Watcher
from planar.model.order import Status

LOG = logging.getLogger("planar.exchange.streams")

WATCH = {
    Kind.TICKER: "watch_ticker",
    Kind.TRADES: "watch_trades",
    Kind.BOOK: "watch_order_book",
    Kind.CANDLES: "watch_ohlcv",
    Kind.ORDERS: "watch_orders",
    Kind.FILLS: "watch_my_trades",
    Kind.BALANCE: "watch_balance",
    Kind.POSITIONS: "watch_positions",
}
OWN = (Kind.ORDERS, Kind.FILLS, Kind.BALANCE, Kind.POSITIONS)
"""What is of the whole account, and not of a market."""

KEEP_ALIVE = 1_200
"""Milliseconds between pings: an exchange that leaves two unanswered is not there any more."""

Key = tuple[Kind, str]


class Streams:
    """Feeds of one exchange. Each is watched while somebody listens, over connections that all of them share.

    audit: seconds between asking whether prints, orders and fills were all told.
    """

    def __init__(self, exchange: CcxtExchange, *, audit: float = AUDIT) -> None:
        self._exchange = exchange
        self._audit = audit
        self._instance: Any = None
        self._feeds: dict[Key, Feed] = {}
        self._watchers: dict[Key, Watcher] = {}
        self._orders: dict[tuple[str, str], Order] = {}
        self._closers: dict[Key, Closer] = {}
        self._tasks: set[asyncio.Future[Any]] = set()

    async def subscribe(
        self, kind: Kind | str, symbol: str = "", timeframe: str = "", *, room: int = ROOM
    ) -> Subscription:
        """Listens.

        kind: ticker, trades, book, candles, orders, fills, balance or positions. symbol: of the market; none for what
        is of the account. timeframe: of candles.
        Raises Rejected for what the exchange does not stream, and for symbols that it does not have.
        """
        kind = _kind(kind)
        market = None if kind in OWN else await self._exchange._market(symbol)
        name = "" if market is None else f"{market.symbol} {timeframe}".rstrip()
        instance = await self._connected()
        self._check(instance, kind)
        key = (kind, name)
        feed = self._feeds.setdefault(key, Feed(kind, name))
        subscription = feed.subscribe(self._exchange.id, lambda _: self._left(key), room)
        if market is not None and kind is Kind.CANDLES and key not in self._closers:
            tell = partial(self._tell, feed)
            self._closers[key] = Closer(self._exchange, market.symbol, timeframe, tell)
        if key not in self._watchers:
            arguments = [part for part in name.split(" ") if part]
            watch = getattr(instance, WATCH[kind])
            self._watchers[key] = Watcher(
                f"{self._exchange.name}: {feed.name}",
                feed,
                lambda: self._watch(watch, arguments),
                lambda since, until: self._catch_up(feed, since, until),
                self._audit,
                is_connected=lambda: _is_connected(instance),
                scrub=self._exchange.scrub,
                is_own=kind in (Kind.ORDERS, Kind.FILLS),
            )
        return subscription

    async def on(self, kind: Kind | str, symbol: str, call: Callable[[Event], Awaitable[None] | None]) -> Subscription:
        """Calls back with each event until the subscription that this gives is closed."""
        subscription = await self.subscribe(kind, symbol)

        async def read() -> None:
            async for event in subscription:
                try:
                    answer = call(event)
                    if answer is not None:
                        await answer
                except Exception:
                    LOG.exception("%s: a callback of %s failed", self._exchange.name, subscription.name)

        self._spawn(read())
        return subscription

    def states(self) -> dict[str, tuple[State, str]]:
        """How each feed is heard, and why not live."""
        return {self._feeds[key].name: (each.state, each.reason) for key, each in self._watchers.items()}

    async def close(self) -> None:
        """Ends all subscriptions and connections."""
        for feed in self._feeds.values():
            for subscription in list(feed.subscriptions):
                subscription.close()
        running = [*self._watchers.values(), *self._closers.values()]
        self._watchers, self._closers = {}, {}
        for each in running:
            await each.close()
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        await asyncio.gather(*others, return_exceptions=True)
        instance, self._instance = self._instance, None
        if instance is not None:
            await disconnect(instance)

    async def _connected(self) -> Any:
        await self._exchange.markets()
        if self._instance is None:
            made = connected(
                *self._exchange.connection(),
                gate=self._exchange,
                class_of=lambda id: tapped(streaming_class(id), self._hear),
            )
            made.options["ws"] = {**(made.options.get("ws") or {}), "keepAlive": KEEP_ALIVE}
            made.set_markets(*self._exchange.known_markets())
            self._instance = made
        return self._instance

    def _watch(self, watch: Callable[..., Awaitable[object]], arguments: list[str]) -> Awaitable[object]:
        """Watches with the exchange's time as it was last measured: who logs in signs with it."""
        self._instance.options["timeDifference"] = -(self._exchange.clock_offset or 0)
        return watch(*arguments)

    def _check(self, instance: Any, kind: Kind) -> None:
        method = WATCH[kind].replace("ohlcv", "OHLCV")
        words = method.split("_")
        if not instance.has.get(words[0] + "".join(word[0].upper() + word[1:] for word in words[1:])):
            raise Rejected(
                f"{self._exchange.name} does not stream {kind}.", exchange=self._exchange.id, code="NOT_SUPPORTED"
            )

    def _hear(self, kind: Kind, name: str, raw: Any) -> None:
        """Called by CCXT's own code with each thing it parses; nothing may be raised into that."""
        feed = self._feeds.get((kind, "" if kind in OWN else name))
        if feed is None:
            return
        try:
            data = heard(kind, name, raw, self._exchange.all_markets, self._exchange.quirk)
        except Exception as error:
            LOG.warning("%s: %s cannot be read: %s", self._exchange.name, feed.name, error)
            return
        closer = self._closers.get((kind, name))
        if closer is not None:
            closer.saw(data)
        self._tell(feed, data, Source.STREAM)

    def _tell(self, feed: Feed, data: Any, source: Source) -> None:
        if isinstance(data, Order | Fill):
            self._exchange.traded.add(data.symbol)
        elif source is Source.STREAM and isinstance(data, Ticker | MarketTrade | Candle):
            self._exchange.prices.saw(data.symbol, _price(data))
        if data is None:
            return
        is_news = feed.tell(data, source) or feed.held > 0
        if not isinstance(data, Order):
            return
        if data.status > Status.PARTIAL:
            self._orders.pop((data.symbol, data.id), None)
        elif is_news:
            self._orders[data.symbol, data.id] = data

    async def _catch_up(self, feed: Feed, since: int, until: int | None = None) -> None:
        """Asks for what was missed since a time of our clock, and before another."""
        offset = self._exchange.clock_offset or 0
        since += offset
        known, traded = list(self._orders.values()), list(self._exchange.traded)
        async for data in missed(self._exchange, feed.kind, feed.symbol, since, known, traded):
            if until is None or _time(data) < until + offset:
                self._tell(feed, data, Source.REST)
            elif isinstance(data, Order):
                self._orders.setdefault((data.symbol, data.id), data)  # asked for the next time, however old it is

    def _left(self, key: Key) -> None:
        if self._feeds[key].subscriptions:
            return
        for running in (self._watchers.pop(key, None), self._closers.pop(key, None)):
            if running is not None:
                self._spawn(running.close())

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _kind(name: Kind | str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        known = [kind.value for kind in Kind]
        raise ConfigError(
            f"{name!r} is not streamed; there are {', '.join(known)}.{did_you_mean(name, known)}"
        ) from None


def _is_connected(instance: Any) -> bool:
    """Whether all connections that CCXT keeps stand."""
    clients = list((instance.clients or {}).values())
    return bool(clients) and all(client.isConnected and client.error is None for client in clients)


def _time(data: Any) -> int:
    """When something happened last."""
    return (data.updated or data.time or 0) if isinstance(data, Order) else data.time


def _price(data: Ticker | MarketTrade | Candle) -> Decimal | None:
    """What was paid last."""
    return data.last if isinstance(data, Ticker) else data.close if isinstance(data, Candle) else data.price
