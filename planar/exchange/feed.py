"""What was heard of one thing, each event once and in order, for all who listen."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from planar.exchange.alike import Alike
from planar.exchange.model import Balance, Book, MarketTrade, Order, Position
from planar.exchange.subscription import ROOM, Event, Source, Subscription
from planar.exchange.tap import Kind
from planar.exchange.told import Told, happened
from planar.model.order import Status

LATEST = (Kind.TICKER, Kind.BOOK)
"""Of these only the last one counts, and so nothing is missed of them."""

STATES = (*LATEST, Kind.BALANCE, Kind.POSITIONS)
"""What is told whole each time, so that an old one must not follow a new one."""

EVENTS = (Kind.TRADES, Kind.ORDERS, Kind.FILLS)
"""What has ids, and counts one by one."""


class Feed:
    """Counts events, leaves out those it has told before, and hands the rest to every subscription.

    symbol: of the market, with the timeframe for candles; empty for what is of the whole account. start: since when
    what happens counts, UTC ms; of prints it is the first that is heard of. latest: the newest time of what was told.
    open: orders that were open when they were told last. heard_at: when the stream told something last,
    of this machine's monotonic clock.
    """

    def __init__(self, kind: Kind, symbol: str, start: int = 0, clock: Callable[[], int] = time.time_ns) -> None:
        self.kind, self.symbol, self.start = kind, symbol, start
        self.sequence = 0
        self.heard_at = 0.0
        self.latest: int | None = None
        self.told = Told()
        self.open: dict[tuple[str, str], Order] = {}
        self.subscriptions: list[Subscription] = []
        self._clock = clock
        self._states: dict[Hashable, tuple[int, Any]] = {}
        self._held: list[Any] | None = None
        self._error: Exception | None = None
        self._alike = Alike()
        self._held_orders: set[tuple[str, str]] = set()
        self._arrived, self._crowded = asyncio.Event(), asyncio.Event()

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
        if self._error is not None:
            made.fail(self._error)
        self.subscriptions.append(made)
        return made

    def fail(self, error: Exception) -> None:
        """Ends with an error, for all who listen."""
        self._error = error
        for subscription in self.subscriptions:
            subscription.fail(error)

    @property
    def last(self) -> Any:
        """The ticker or book that was told last."""
        return self._states.get((self.symbol, None), (0, None))[1]

    # What the stream tells can be held, so that what it missed is told before.

    @property
    def held(self) -> int:
        """How many events of the stream are held."""
        return len(self._held or ())

    def hold(self) -> None:
        """Keeps what the stream tells until `release`."""
        if self._held is None and self.kind not in LATEST:
            self._held, self._arrived = [], asyncio.Event()
            self._alike = Alike()  # what was told may come again over another connection

    async def wait(self, seconds: float) -> None:
        """Waits until something more is held, but no longer than that."""
        await _within(seconds, self._arrived)
        self._arrived.clear()

    def release(self) -> None:
        """Tells what was held."""
        held, self._held = self._held, None
        self._held_orders.clear()
        for data in held or ():
            if self.kind not in STATES or not self._is_overtaken(data, self.sequence):
                self.tell(data)

    async def crowded(self, seconds: float) -> None:
        """Waits until so much is remembered that it should be checked, but no longer than that."""
        await _within(seconds, self._crowded)

    def forget(self, before: int) -> None:
        """Takes it that all was told which happened before a time, unless some of it is held."""
        if self._held:
            return
        self.told.forget(before)
        if not self.told.is_crowded:
            self._crowded.clear()

    def tell(self, data: Any, source: Source = Source.STREAM, asked: int = 0) -> bool:
        """Hands on an event unless it was told before; whether it was handed on.

        asked: the feed's sequence when a request was made that gave this.
        """
        if source is Source.STREAM:
            self.heard_at = time.monotonic()
        if self._held is not None and source is Source.STREAM:
            self._held.append(data)
            if isinstance(data, Order):
                self._held_orders.add((data.symbol, data.id))
            self._arrived.set()
            if len(self._held) >= ROOM:
                self.release()
            return False
        if isinstance(data, MarketTrade) and source is Source.STREAM:
            data = self._alike.numbered(data)
        if isinstance(data, Order) and (data.symbol, data.id) in self._held_orders:
            return False  # the stream has told of it since, state by state
        if self.kind in STATES:
            data = self._whole(data, source)
            if data is None or (source is Source.REST and self._is_overtaken(data, asked)):
                return False
        elif self.kind in EVENTS and not self._is_news(data):
            return False
        self._hand_on(data, source)
        return True

    def begin(self, first: MarketTrade) -> None:
        """Takes it that prints up to this one happened before anybody listened, unless the stream tells of some."""
        if self.latest is None and not self._held:
            self.start = self.told.horizon = self.latest = first.time
            self.told.is_news(first)

    def _is_news(self, data: Any) -> bool:
        if self.latest is None and isinstance(data, MarketTrade):
            self.start = self.told.horizon = data.time  # requests give more than was missed
        is_news = self.told.is_news(data)
        if self.told.is_crowded:
            self._crowded.set()
        return is_news

    def _is_overtaken(self, data: Any, asked: int) -> bool:
        """Whether as new a state was told: by the exchange's own number or time, else by what was told since asking."""
        told_at, last = self._states.get(_place(data), (0, None))
        if last is None:
            return False
        before, now = (_number(each) for each in (last, data))
        if before is not None and now is not None and before != now:
            return now < before
        return told_at > asked or data == last

    def _whole(self, data: Any, source: Source) -> Any:
        """The state that there is now; None for the end of what was never told."""
        if isinstance(data, Position) and not data.amount:
            return self._ended(data)
        if not isinstance(data, Balance) or source is Source.REST:
            return data
        _, last = self._states.get(_place(data), (0, None))
        return (last or Balance(data.wallet, None, {}, {}, {})).changed(data)  # a stream tells what has changed

    def _ended(self, end: Position) -> Position | None:
        """The end of a position; exchanges need not say of which side it was."""
        sides = [last.side for _, last in self._states.values() if last.symbol == end.symbol and last.amount]
        return None if not sides else end if end.side in sides else replace(end, side=sides[0])

    def ended(self, listed: Iterable[Position]) -> list[Position]:
        """The ends of positions that were told, and are not among all that there are."""
        there = {_place(position) for position in listed}
        gone = [last for place, (_, last) in self._states.items() if place not in there and last.amount]
        return [replace(last, amount=Decimal(0), time=None) for last in gone]

    def _hand_on(self, data: Any, source: Source) -> None:
        self.sequence += 1
        if self.kind in STATES:
            self._states[_place(data)] = self.sequence, data
        if isinstance(data, Order):
            self._note(data)
        when = happened(data)
        if when is not None:
            self.latest = max(self.latest or when, when)
        event = Event(self.kind, self.symbol, self.sequence, self._clock(), source, data)
        for subscription in list(self.subscriptions):
            subscription.put(event)

    def _note(self, order: Order) -> None:
        self.open.pop((order.symbol, order.id), None)
        if order.status <= Status.PARTIAL:
            self.open[order.symbol, order.id] = order


def _place(data: Any) -> Hashable:
    """What a state is of: a market, one side of a position in it, or nothing else, as a balance."""
    return getattr(data, "symbol", ""), getattr(data, "side", None)


def _number(data: Any) -> int | None:
    """Of two states, the later one has the higher."""
    return data.sequence if isinstance(data, Book) else data.time


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
