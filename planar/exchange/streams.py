"""Streams of one exchange: what it tells, each event once and in order, to as many listeners as there are."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from planar.errors import ExchangeError, Rejected
from planar.exchange.callback import Call, call_back
from planar.exchange.calls import DAY
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.channels import OWN, WATCH, cut, has, is_connected, kind_of
from planar.exchange.closer import Closer
from planar.exchange.connection import abandon, connected, disconnect, streaming_class
from planar.exchange.feed import Feed
from planar.exchange.heard import heard
from planar.exchange.missed import missed
from planar.exchange.model import Candle, Fill, Market, MarketTrade, Order, Ticker, Wallet
from planar.exchange.subscription import ROOM, Source, Subscription
from planar.exchange.tap import LINES, Kind, tapped
from planar.exchange.watcher import AUDIT, State, Watcher

LOG = logging.getLogger("planar.exchange.streams")

KEEP_ALIVE = 1_200
"""Milliseconds between pings: an exchange that leaves two unanswered is not there any more."""

REFUSED = ("AUTHENTICATION", "NO_KEYS", "PERMISSION_DENIED", "ACCOUNT_NOT_ENABLED", "ACCOUNT_SUSPENDED")
"""Codes of errors that no other try would mend."""

READY = 0.02
"""Seconds between looking whether feeds are heard."""

Key = tuple[Kind, str]


class Streams:
    """Feeds of one exchange. Each is watched while somebody listens, over connections that all of them share.

    audit: seconds between asking whether prints, orders and fills were all told.
    """

    def __init__(self, exchange: CcxtExchange, *, audit: float = AUDIT) -> None:
        self._exchange = exchange
        self._audit = audit
        self._wallet = Wallet.FUTURES if exchange.settings.futures else Wallet.SPOT
        self._instance: Any = None
        self._listed: Mapping[str, Market] = {}
        self._turn = asyncio.Lock()
        self._feeds: dict[Key, Feed] = {}
        self._watchers: dict[Key, Watcher] = {}
        self._closers: dict[Key, Closer] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._leaving: set[asyncio.Future[Any]] = set()
        self._is_closed = False

    async def subscribe(
        self, kind: Kind | str, symbol: str = "", timeframe: str = "", *, room: int = ROOM
    ) -> Subscription:
        """Listens.

        kind: ticker, trades, book, candles, orders, fills, balance or positions. symbol: of the market; none for what
        is of the account. timeframe: of candles.
        Raises Rejected for what the exchange does not stream, and for symbols that it does not have.
        """
        kind = kind_of(kind)
        market = None if kind in OWN else await self._exchange._market(symbol)
        if market is not None and kind is Kind.CANDLES:
            self._exchange._check_candles(market, timeframe, "trade")
        name = "" if market is None else f"{market.symbol} {timeframe}".rstrip()
        start = max(await self._exchange._market_now(), self._exchange.market_time) if kind in OWN else 0
        instance = await self._connected()
        self._check(instance, kind)
        key = (kind, name)
        if key not in self._feeds:
            self._listen(instance, key, start)
        return self._feeds[key].subscribe(self._exchange.id, lambda _: self._left(key), room)

    def _listen(self, instance: Any, key: Key, start: int) -> None:
        """Begins to watch what nobody listened to."""
        kind, name = key
        feed = self._feeds[key] = Feed(kind, name, start)
        arguments = [part for part in name.split(" ") if part]
        if kind is Kind.CANDLES:
            self._closers[key] = Closer(self._exchange, *arguments, partial(self._tell, feed))
        lines: dict[str, Any] = {}
        self._watchers[key] = Watcher(
            f"{self._exchange.name}: {feed.name}",
            feed,
            lambda: self._watch(kind, arguments, lines),
            partial(self._catch_up, feed),
            self._audit,
            is_connected=lambda: is_connected(instance),
            scrub=self._exchange.scrub,
            is_own=kind in OWN,
            redial=partial(self._redial, lines),
            final=partial(self._final, feed.name),
            turn=self._turn,
        )

    async def on(self, kind: Kind | str, symbol: str, call: Call, timeframe: str = "") -> Subscription:
        """Calls back with each event until the subscription that this gives is closed; arguments as of `subscribe`."""
        subscription = await self.subscribe(kind, symbol, timeframe)

        self._spawn(call_back(subscription, call, self._exchange.name))
        return subscription

    async def ready(self, seconds: float = 10.0) -> bool:
        """Waits until every feed is heard, so long at most; whether they all are.

        What happens before that is asked for: nothing is missed, but of an order the last state alone is told.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(each.state is State.STARTING for each in self._watchers.values()):
                    await asyncio.sleep(READY)
        return all(each.state is State.LIVE for each in self._watchers.values())

    def states(self) -> dict[str, tuple[State, str]]:
        """How each feed is heard, and why not live."""
        return {self._feeds[key].name: (each.state, each.reason) for key, each in self._watchers.items()}

    def reconnects(self, kind: Kind) -> int:
        """How often the feeds of a kind were dialled again."""
        return sum(each.reconnects for key, each in self._watchers.items() if key[0] is kind)

    async def close(self) -> None:
        """Ends all subscriptions and connections, for good."""
        self._is_closed = True
        for feed in list(self._feeds.values()):
            for subscription in list(feed.subscriptions):
                subscription.close()
        for task in self._leaving:
            task.cancel()
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        await asyncio.gather(*others, return_exceptions=True)
        instance, self._instance = self._instance, None
        if instance is not None:
            await disconnect(instance)

    def abandon(self) -> None:
        """Lets go of the connections of an event loop that is gone."""
        self._is_closed = True
        instance, self._instance = self._instance, None
        if instance is not None:
            abandon(instance)

    async def _connected(self) -> Any:
        await self._exchange.markets()
        if self._is_closed:
            raise Rejected(f"{self._exchange.name}: its streams are closed.", exchange=self._exchange.id, code="CLOSED")
        if self._instance is None:
            made = connected(
                *self._exchange.connection(),
                gate=self._exchange,
                class_of=lambda id: tapped(streaming_class(id), self._hear),
            )
            made.options["ws"] = {**(made.options.get("ws") or {}), "keepAlive": KEEP_ALIVE}
            self._instance, self._listed = made, {}
        if self._listed is not self._exchange.all_markets:  # some were listed, or changed, since it was made
            self._instance.set_markets(*self._exchange.known_markets())
            self._listed = self._exchange.all_markets
        return self._instance

    def _watch(self, kind: Kind, arguments: list[str], lines: dict[str, Any]) -> Awaitable[object]:
        """Watches with the exchange's time as it was last measured: who logs in signs with it."""
        instance = self._instance
        instance.options["timeDifference"] = -(self._exchange.clock_offset or 0)
        if kind is Kind.BOOK and not lines:
            instance.orderbooks.pop(arguments[0], None)  # it is doubted, or from long ago
        LINES.set(lines)
        return getattr(instance, WATCH[kind])(*arguments)

    def _final(self, name: str, error: Exception) -> ExchangeError | None:
        told = self._exchange.judged(error, name)
        return told if told.code in REFUSED else None

    def _redial(self, lines: dict[str, Any], error: Exception) -> None:
        if self._instance is not None:
            cut(self._instance, lines, error)
        lines.clear()

    def _check(self, instance: Any, kind: Kind) -> None:
        if not has(instance, WATCH[kind]):
            raise Rejected(
                f"{self._exchange.name} does not stream {kind}.", exchange=self._exchange.id, code="NOT_SUPPORTED"
            )

    def _hear(self, kind: Kind, name: str, raw: Any) -> None:
        """Called by CCXT's own code with each thing it parses; nothing may be raised into that."""
        feed = self._feeds.get((kind, "" if kind in OWN else name))
        if feed is None:
            return
        try:
            data = heard(kind, name, raw, self._exchange.all_markets, self._exchange.quirk, self._wallet)
        except Exception as error:
            if kind is Kind.BOOK:  # it is made of changes: one that was lost makes all wrong that follow
                self._watchers[kind, name].mistrust(str(error))
            else:
                LOG.warning("%s: %s cannot be read: %s", self._exchange.name, feed.name, error)
            return
        closer = self._closers.get((kind, name))
        if closer is not None:
            closer.saw(data)
        self._tell(feed, data, Source.STREAM)
        self._watchers[feed.kind, feed.symbol].trust()

    def _tell(self, feed: Feed, data: Any, source: Source, asked: int = 0) -> None:
        if data is None:
            return
        if isinstance(data, Order | Fill):
            self._exchange.traded.add(data.symbol)
        if isinstance(data, Order | Fill | MarketTrade):
            self._exchange.noted(data, is_new=source is Source.STREAM)
        if source is Source.STREAM and isinstance(data, Ticker | MarketTrade | Candle):
            self._exchange.prices.saw(data.symbol, _price(data))
        feed.tell(data, source, asked)

    async def _catch_up(self, feed: Feed, since: int | None, patience: float) -> None:
        """Asks for what was missed since a time, or since the feed began; the stream may be quicker to tell it."""
        asked, start = feed.sequence, feed.start if since is None else since
        if feed.kind is Kind.TRADES and feed.latest is None:
            for trade in await self._exchange.recent_trades(feed.symbol, 1):
                feed.begin(trade)
            return
        first = self._exchange.first_new
        if since is None and first is not None and start - await self._exchange._market_now() > DAY:
            start = first  # that it replays the past has shown only since
        orders, traded = self._feeds.get((Kind.ORDERS, "")), list(self._exchange.traded)
        known = [] if orders is None else list(orders.open.values())
        wanted = missed(self._exchange, feed.kind, feed.symbol, start, known, traded, self._wallet)
        found = [data async for data in wanted]
        if feed.kind is Kind.POSITIONS:
            found += feed.ended(found)
        await asyncio.sleep(patience)
        if feed.kind is Kind.TRADES and self._exchange.quirk.aggregates_prints:
            found = [trade for trade in found if trade.time > (feed.latest or 0)]  # else some would count twice
        for data in found:
            self._tell(feed, data, Source.REST, asked)

    def _left(self, key: Key) -> None:
        """Nobody listens any more: what goes on in the stream is no longer wanted."""
        if self._feeds[key].subscriptions:
            return
        del self._feeds[key]
        for running in (self._watchers.pop(key), self._closers.pop(key, None)):
            if running is not None:
                self._spawn(running.close())
        method, instance = f"un_{WATCH[key[0]]}", self._instance
        if key[1] and not self._is_closed and has(instance, method) and is_connected(instance):
            leaving = self._spawn(_unsubscribe(getattr(instance, method), key[1].split(" ")))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    def _spawn(self, work: Awaitable[Any]) -> asyncio.Future[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _price(data: Ticker | MarketTrade | Candle) -> Decimal | None:
    """What was paid last."""
    return data.last if isinstance(data, Ticker) else data.close if isinstance(data, Candle) else data.price


async def _unsubscribe(leave: Callable[..., Awaitable[object]], names: list[str]) -> None:
    """Asks for less to be sent; if that fails, it is only heard in vain."""
    with contextlib.suppress(Exception):
        await leave(*names)
