"""What one listener of a stream has not read yet."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from planar.errors import Unreachable
from planar.exchange.tap import Kind

ROOM = 100_000


class Source(StrEnum):
    """Where an event came from: the stream, or a request that made up for what a stream missed."""

    STREAM = "stream"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a stream told.

    sequence: counts the events of its feed, without holes. received: UTC nanoseconds. data: a value of
    `planar.exchange.model`.
    """

    kind: Kind
    symbol: str
    sequence: int
    received: int
    source: Source
    data: Any


class Subscription:
    """Events in the order they came: ``async for event in subscription``; a context manager that leaves the feed.

    Room is bounded: who reads too slowly is told so by an error, and is not told of events with holes in between.
    """

    def __init__(self, name: str, exchange: str, leave: Callable[[Self], None], room: int = ROOM) -> None:
        self.name, self._exchange, self._leave, self._room = name, exchange, leave, room
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._error: Exception | None = None
        self._is_closed = False

    def put(self, event: Event) -> None:
        """One event more."""
        if self._error is not None or self._is_closed:
            return
        if len(self._events) >= self._room:
            lost = f"{self._exchange}: {self._room:,} events of {self.name} were not read in time; the rest is lost"
            self.fail(Unreachable(f"{lost}. Read faster and subscribe again.", exchange=self._exchange, code="LAGGED"))
            return
        self._events.append(event)
        self._news.set()

    def fail(self, error: Exception) -> None:
        """Ends with an error, after what is there already."""
        self._error = error
        self._news.set()

    def close(self) -> None:
        """Leaves the feed; iteration ends."""
        if not self._is_closed:
            self._is_closed = True
            self._leave(self)
            self._news.set()

    async def __anext__(self) -> Event:
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._is_closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
