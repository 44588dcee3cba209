"""What was heard of one thing, each event once and in order, for all who listen."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from planar.exchange.model import Fill, MarketTrade, Order
from planar.exchange.subscription import ROOM, Event, Source, Subscription
from planar.exchange.tap import Kind
from planar.model.order import Status

REMEMBERED = 100_000
"""Ids of events that a feed still knows when they are told once more."""


class Feed:
    """Counts events, leaves out those it has told before, and hands the rest to every subscription.

    symbol: of the market, with the timeframe for candles; empty for what is of the whole account.
    """

    def __init__(self, kind: Kind, symbol: str, clock: Callable[[], int] = time.time_ns) -> None:
        self.kind, self.symbol = kind, symbol
        self.sequence = 0
        self.last: Any = None
        self.subscriptions: list[Subscription] = []
        self._clock = clock
        self._seen: OrderedDict[Hashable, Any] = OrderedDict()

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

    def tell(self, data: Any, source: Source = Source.STREAM) -> bool:
        """Hands on an event unless it was told before; whether it was handed on."""
        if self._is_known(data):
            return False
        self.sequence += 1
        self.last = data
        event = Event(self.kind, self.symbol, self.sequence, self._clock(), source, data)
        for subscription in list(self.subscriptions):
            subscription.put(event)
        return True

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
