"""Keeps one feed heard: watches, dials again, and asks by REST for what was missed meanwhile."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from planar.exchange.feed import Feed

LOG = logging.getLogger("planar.exchange.streams")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
SETTLED = 1.0
"""Seconds after which a watch that did not fail is heard, even when nothing is said."""

PAUSES = (0.25, 0.75, 2.0, 5.0)
"""Seconds between asking what was missed, from the loss on: no exchange says when a subscription begins to be served.
What was asked after the stream told something again leaves no hole.
"""


class State(StrEnum):
    """How a feed is heard."""

    STARTING = "starting"
    LIVE = "live"
    POLLING = "polling"  # the stream is down: requests stand in for it


class Watcher:
    """Runs ``watch`` again and again; after each loss ``catch_up`` with the time it was last heard, UTC ms.

    watch: waits for something new and returns; what is new is told to the feed otherwise (`planar.exchange.tap`).
    """

    def __init__(
        self, name: str, feed: Feed, watch: Callable[[], Awaitable[object]], catch_up: Callable[[int], Awaitable[None]]
    ) -> None:
        self.name, self.feed, self._watch, self._catch_up = name, feed, watch, catch_up
        self.state, self.reason = State.STARTING, ""
        self.reconnects = 0
        self._heard = time.time()
        self._pause = 0.0
        self._standing: asyncio.Future[None] | None = None
        self._running = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Stops watching."""
        tasks = [task for task in (self._running, self._standing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            settled = asyncio.get_running_loop().call_later(SETTLED, self._is_heard)
            try:
                while True:
                    await self._watch()
                    self._is_heard()
            except Exception as error:
                self._is_lost(error)
            finally:
                settled.cancel()
            await asyncio.sleep(self._pause)
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)

    def _is_heard(self) -> None:
        if self.state is not State.LIVE:
            self.state, self.reason, self._pause = State.LIVE, "", 0.0
        self._heard = time.time()

    def _is_lost(self, error: Exception) -> None:
        if self.state is not State.POLLING:
            LOG.warning("%s is not heard: %s: %s", self.name, type(error).__name__, error)
        if self._standing is None or self._standing.done():
            self._standing = asyncio.ensure_future(self._stand_in(int(self._heard * 1000)))
        self.state, self.reason = State.POLLING, f"{type(error).__name__}: {error}"
        self.reconnects += 1

    async def _stand_in(self, since: int) -> None:
        """Asks for what the stream did not tell until it tells again; only then what it tells is handed on."""
        self.feed.hold()
        try:
            for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
                await self.feed.wait(pause)
                is_live, overlap = self.state is State.LIVE, self.feed.held
                is_told = await self._ask(since)
                if is_live and is_told and (overlap or pause >= PAUSES[-2]):
                    return
        finally:
            self.feed.release()

    async def _ask(self, since: int) -> bool:
        try:
            await self._catch_up(since)
        except Exception as error:
            LOG.warning("%s: what was missed cannot be asked for: %s: %s", self.name, type(error).__name__, error)
            return False
        return True
