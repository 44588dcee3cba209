"""Keeps one feed heard: watches, dials again, and asks by REST for what was missed meanwhile."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from planar.exchange.feed import Feed
from planar.exchange.tap import Kind

LOG = logging.getLogger("planar.exchange.streams")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
SETTLED = 1.0
"""Seconds after which a watch over a standing connection is heard, even when nothing is said."""

PAUSES = (0.25, 0.75, 2.0, 5.0)
"""Seconds between asking what was missed, from the loss on: no exchange says when a subscription begins to be served.
What was asked after the stream told something again leaves no hole.
"""

AUDIT = 60.0
"""Seconds between asking whether a stream that seems well has told everything: events are lost without a word, too."""

GRACE = 2.0
"""Seconds that the stream has to tell something by itself."""

AUDITED = (Kind.TRADES, Kind.ORDERS, Kind.FILLS)


PATIENCE = 3
"""Failed requests after which a stream that lives goes on, although what it missed still has to be asked for."""


class State(StrEnum):
    """How a feed is heard."""

    STARTING = "starting"
    LIVE = "live"
    POLLING = "polling"  # the stream is down: requests stand in for it


class Watcher:
    """Runs ``watch`` again and again; after each loss ``catch_up`` with the time it was last heard, UTC ms, and no end.

    watch: waits for something new and returns; what is new is told to the feed otherwise (`planar.exchange.tap`).
    audit: seconds after which a live stream is checked by `catch_up`, again and again. scrub: takes secrets out of
    errors. is_own: what happens before the subscription is served counts, and is asked for.
    """

    def __init__(
        self,
        name: str,
        feed: Feed,
        watch: Callable[[], Awaitable[object]],
        catch_up: Callable[[int, int | None], Awaitable[None]],
        audit: float = AUDIT,
        *,
        is_connected: Callable[[], bool] = lambda: True,
        scrub: Callable[[object], str] = str,
        is_own: bool = False,
    ) -> None:
        self.name, self.feed, self._watch, self._catch_up = name, feed, watch, catch_up
        self.state, self.reason = State.STARTING, ""
        self.reconnects = self._held_before = 0
        self._heard = time.time()
        self._pause = 0.0
        self._standing: asyncio.Future[None] | None = None
        self._is_connected, self._scrub = is_connected, scrub
        if is_own:
            self._standing = asyncio.ensure_future(self._stand_in(int(self._heard * 1000)))
        self._running = asyncio.ensure_future(self._run())
        self._auditing = asyncio.ensure_future(self._audit(audit)) if feed.kind in AUDITED else None

    async def close(self) -> None:
        """Stops watching."""
        tasks = [task for task in (self._running, self._standing, self._auditing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            settling = asyncio.ensure_future(self._settle())
            try:
                while True:
                    await self._watch()
                    self._is_heard()
            except Exception as error:
                self._is_lost(error)
            finally:
                settling.cancel()
            await asyncio.sleep(self._pause)
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)

    async def _settle(self) -> None:
        """A stream that says nothing is heard all the same once its connection stands."""
        while True:
            await asyncio.sleep(SETTLED)
            if self._is_connected():
                self._is_heard()

    def _is_heard(self) -> None:
        if self.state is not State.LIVE:
            self.state, self.reason, self._pause = State.LIVE, "", 0.0
        self._heard = time.time()

    def _is_lost(self, error: Exception) -> None:
        if self.state is not State.POLLING:
            LOG.warning("%s is not heard: %s: %s", self.name, type(error).__name__, self._scrub(error))
        if self._standing is None or self._standing.done():
            self._standing = asyncio.ensure_future(self._stand_in(int(self._heard * 1000)))
        self.state, self.reason = State.POLLING, f"{type(error).__name__}: {self._scrub(error)}"
        self.reconnects += 1
        self._held_before = self.feed.held

    async def _stand_in(self, since: int) -> None:
        """Asks for what the stream did not tell until it tells again; only then what it tells is handed on."""
        failures = 0
        self.feed.hold()
        try:
            for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
                await self.feed.wait(pause)
                is_live, overlap, losses = self.state is State.LIVE, self.feed.held > self._held_before, self.reconnects
                is_told = await self._ask(since)
                if losses != self.reconnects:  # it was lost again while we asked
                    continue
                failures = 0 if is_told else failures + 1
                if is_live and failures == PATIENCE:
                    LOG.error("%s: it goes on, though what was missed is not known yet", self.name)
                    self.feed.release()
                if is_live and is_told and (overlap or pause >= PAUSES[-2]):
                    return
        finally:
            self.feed.release()

    async def _audit(self, seconds: float) -> None:
        """Asks now and then for what a stream that is live did not tell."""
        since = time.time()
        while True:
            await asyncio.sleep(seconds)
            # What is new may be on its way in the stream, and is left for the next time.
            if self.state is State.LIVE and (self._standing is None or self._standing.done()):
                asked = time.time()
                if await self._ask(int(since * 1000), int((asked - GRACE) * 1000)):
                    since = asked - GRACE

    async def _ask(self, since: int, until: int | None = None) -> bool:
        try:
            await self._catch_up(since, until)
        except Exception as error:
            LOG.warning(
                "%s: what was missed cannot be asked for: %s: %s", self.name, type(error).__name__, self._scrub(error)
            )
            return False
        return True
