"""What was heard of one thing, each event once and in order, for all who listen."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from planar.exchange.model import Fill, MarketTrade, Order
from planar.exchange.subscription import ROOM, Event, Source, Subscription
from planar.exchange.tap import Kind
from planar.model.order import Status

LATEST = (Kind.TICKER, Kind.BOOK)
"""Of these only the last one counts."""

REMEMBERED = 100_000
"""Ids of events that a feed still knows when they are told once more."""


class Feed:
    """Counts events, leaves out those it has told before, and hands the rest to every subscription.

    symbol: of the market, with the timeframe for candles; empty for what is of the whole account.
    """

    def __init__(self, kind: Kind, symbol: str, clock: Callable[[], int] = time.time_ns) -> None:
        self.kind, self.symbol = kind, symbol
        self.sequence = 0
        self.first: Any = None
        self.last: Any = None
        self.subscriptions: list[Subscription] = []
        self._clock = clock
        self._seen: OrderedDict[Hashable, Any] = OrderedDict()
        self._held: list[Any] | None = None
        self._arrived = asyncio.Event()

    @property
    def name(self) -> str:
        """``"trades BTC/USDT"``."""
        return f"{self.kind} {self.symbol}".rstrip()

    def subscribe(self, exchange: str, leave: Callable[[Subscription], None], room: int = ROOM) -> Subscription:
        """One more listener."""

        def left(subscription: Subscription) -> None:
            self.subscriptions.remove(subscription)
            leave(subscription)

        made = Subscription(self.name, exchange, left, room)
        self.subscriptions.append(made)
        return made

    @property
    def held(self) -> int:
        """How many events of the stream are held."""
        return len(self._held or ())

    def hold(self) -> None:
        """Keeps what the stream tells until `release`, so that what it missed can be told before."""
        if self._held is None and self.kind not in LATEST:
            self._held, self._arrived = [], asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Waits until something more is held, but no longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        self._arrived.clear()

    def release(self) -> None:
        """Tells what was held."""
        held, self._held = self._held, None
        for data in held or ():
            self.tell(data)

    def tell(self, data: Any, source: Source = Source.STREAM) -> bool:
        """Hands on an event unless it was told before; whether it was handed on."""
        if self._held is not None and source is Source.STREAM:
            self._held.append(data)
            self._arrived.set()
            if len(self._held) >= ROOM:
                self.release()
            return False
        if self._is_held(data):
            return False  # the stream has told of it since, state by state
        if self._is_known(data) or (source is Source.REST and self._is_before(data)):
            return False
        self.sequence += 1
        self.first, self.last = self.first or data, data
        event = Event(self.kind, self.symbol, self.sequence, self._clock(), source, data)
        for subscription in list(self.subscriptions):
            subscription.put(event)
        return True

    def _is_held(self, data: Any) -> bool:
        if not self._held or not isinstance(data, Order):
            return False
        return any((each.symbol, each.id) == (data.symbol, data.id) for each in self._held)

    def _is_before(self, data: Any) -> bool:
        """Whether it happened before anybody listened: requests give more than was missed."""
        first = self.first
        return isinstance(data, MarketTrade | Fill) and first is not None and data.time < first.time

    def _is_known(self, data: Any) -> bool:
        if isinstance(data, MarketTrade | Fill):
            return self._remember((data.symbol, data.id), True) is not None
        if isinstance(data, Order):
            key, state = (data.symbol, data.id), (data.status, data.filled, data.price, data.amount, data.stop)
            before = self._remember(key, (data.updated, *state))
            if before is not None and (before[1:] == state or _is_older((data.updated, *state), before)):
                self._seen[key] = before
                return True
        return False

    def _remember(self, key: Hashable, value: Any) -> Any:
        before = self._seen.pop(key, None)
        self._seen[key] = value
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return before


def _is_older(state: tuple, before: tuple) -> bool:
    """Whether an order was in this state before it was in the other: events arrive twice, and out of order."""
    updated, status, filled, *_ = state
    was_updated, was_status, was_filled, *_ = before
    if updated is not None and was_updated is not None and updated < was_updated:
        return True
    return filled < was_filled or (was_status > Status.PARTIAL and status <= Status.PARTIAL)
