"""Keeps one feed heard: watches, dials again, and asks by REST for what was missed meanwhile."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum

from planar.exchange.feed import EVENTS, LATEST, Feed
from planar.exchange.missed import MARGIN
from planar.exchange.silence import silence

LOG = logging.getLogger("planar.exchange.streams")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
SETTLED = 1.0
"""Seconds after which a watch over a standing connection is heard, even when nothing is said."""

DOUBT_PAUSE, CALM = 1.0, 5.0
"""Seconds before a stream that told what cannot be is dialled for the second time, doubling; and without any such thing
until it is dialled at once again.
"""

PAUSES = (0.25, 0.75, 2.0, 5.0)
"""Seconds between asking what was missed, from the loss on: no exchange says when a subscription begins to be served.
What was asked after the stream told something again leaves no hole.
"""

AUDIT = 60.0
"""Seconds between asking whether a stream that seems well has told everything: events are lost without a word, too."""

GRACE = 2.0
"""Seconds that the stream has to tell something by itself."""

LOOKING = 1.0
"""The same of what only the last thing counts, where a request has looked."""

SETTLING = 0.25
"""The same while the stream is known to live: of an order it tells each state, and requests only the last."""

PATIENCE = 3
"""Failed requests after which a stream that lives goes on, although what it missed still has to be asked for."""


class State(StrEnum):
    """How a feed is heard."""

    STARTING = "starting"
    LIVE = "live"
    POLLING = "polling"  # the stream is down: requests stand in for it
    ENDED = "ended"  # for good: the exchange refuses


class DoubtfulError(Exception):
    """What a stream tells cannot be, or is not all."""


class Watcher:
    """Runs ``watch`` again and again, and ``catch_up`` for what was not told, after each loss and now and then.

    watch: waits for something new and returns; what is new is told to the feed otherwise (`planar.exchange.tap`).
    catch_up: tells the feed what happened since a time of the exchange's, UTC ms, or since the beginning (None), when
    the stream had so many seconds to tell it. audit: seconds between doing so while all seems well. scrub: takes
    secrets out of errors. is_own: what happens before the subscription is served counts, and is asked for. redial: ends
    the connection that it is heard over. final: gives the error that all who listen are told, where another try is
    useless. turn: held before a request looks whether silence is a market's; shared by the feeds of an exchange.
    """

    def __init__(
        self,
        name: str,
        feed: Feed,
        watch: Callable[[], Awaitable[object]],
        catch_up: Callable[[int | None, float], Awaitable[None]],
        audit: float = AUDIT,
        *,
        is_connected: Callable[[], bool] = lambda: True,
        scrub: Callable[[object], str] = str,
        is_own: bool = False,
        redial: Callable[[Exception], None] = lambda _: None,
        final: Callable[[Exception], Exception | None] = lambda _: None,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self.name, self.feed, self._watch, self._catch_up = name, feed, watch, catch_up
        self.state, self.reason = State.STARTING, ""
        self.reconnects = self._held_before = 0
        # All that happened until then was told. It is the exchange's own time: no other clock need agree with it.
        self._checked: int | None = None
        self._pause = 0.0
        self._standing: asyncio.Future[None] | None = None
        self._turn = turn or asyncio.Lock()
        self._is_connected, self._scrub, self._redial, self._final = is_connected, scrub, redial, final
        self._doubts = 0
        self._doubt: DoubtfulError | None = None
        self._doubted_at = -CALM
        if is_own:
            self._standing = asyncio.ensure_future(self._stand_in())
        self._running = asyncio.ensure_future(self._run())
        self._auditing: asyncio.Future[None] | None = None
        if feed.kind in EVENTS:
            self._auditing = asyncio.ensure_future(self._audit(audit))
        elif feed.kind in LATEST:
            self._auditing = asyncio.ensure_future(self._listen())

    async def close(self) -> None:
        """Stops watching."""
        tasks = [task for task in (self._running, self._standing, self._auditing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def mistrust(self, reason: str) -> None:
        """What was told cannot be, or not all: it is dialled anew, and lives again when it tells how things change."""
        if self._doubt is None:
            # The first thing that a new connection tells is how things are, and says nothing of what follows.
            self._doubts, self._doubt = 2, DoubtfulError(reason)
            # CCXT is in the middle of what it heard.
            asyncio.get_running_loop().call_soon(self._redial, self._doubt)

    def trust(self) -> None:
        """What was told can be."""
        if self._doubts and self._doubt is None:
            self._doubts -= 1
            self._is_heard()

    async def _run(self) -> None:
        while True:
            self._doubt = None
            settling = asyncio.ensure_future(self._settle())
            try:
                while True:
                    await self._watch()
                    if self._doubt is not None:
                        raise self._doubt
                    self._is_heard()
            except asyncio.CancelledError as error:
                if _is_cancelled():
                    raise
                self._is_lost(error)  # CCXT cancels what waits on a connection that it closes
            except Exception as error:
                if self._is_final(error):
                    return
                self._is_lost(error)
            finally:
                settling.cancel()
            await asyncio.sleep(self._pause)
            first = DOUBT_PAUSE if self._doubts else FIRST_PAUSE
            self._pause = min(max(2 * self._pause, first), LONGEST_PAUSE)

    def _is_final(self, error: Exception) -> bool:
        """Whether it ends with that error."""
        final = self._final(error)
        if final is not None and self.state is not State.ENDED:
            self.state, self.reason = State.ENDED, str(final)
            self.feed.fail(final)
            running = asyncio.current_task()
            for task in (self._running, self._standing, self._auditing):
                if task is not None and task is not running:
                    task.cancel()
        return final is not None

    async def _settle(self) -> None:
        """A stream that says nothing is heard all the same once its connection stands."""
        while True:
            await asyncio.sleep(SETTLED)
            if self._is_connected():
                self._is_heard()

    def _is_heard(self) -> None:
        if self.state is not State.LIVE and not self._doubts:
            self.state, self.reason = State.LIVE, ""

    def _is_lost(self, error: BaseException) -> None:
        reason, now = self._scrub(error), asyncio.get_running_loop().time()
        if self.state is State.LIVE and now - self._doubted_at > CALM:
            self._pause = 0.0
        if isinstance(error, DoubtfulError):
            self._doubted_at = now
        else:
            reason = f"{type(error).__name__}: {reason}"
        if self.state is not State.POLLING:
            LOG.warning("%s is not heard: %s", self.name, reason)
        if self._standing is None or self._standing.done():
            self._standing = asyncio.ensure_future(self._stand_in())
        self.state, self.reason = State.POLLING, reason
        self.reconnects += 1
        self._held_before = self.feed.held

    async def _stand_in(self) -> None:
        """Asks for what the stream did not tell until it tells again; only then what it tells is handed on."""
        failures = 0
        self.feed.hold()
        try:
            for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
                await self.feed.wait(pause)
                is_live, overlap, losses = self.state is State.LIVE, self.feed.held > self._held_before, self.reconnects
                is_told = await self._ask(SETTLING if is_live else 0.0)
                if self.state is State.ENDED:
                    return
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
        while True:
            await asyncio.sleep(min(seconds, GRACE))
            await self.feed.crowded(max(seconds - GRACE, 0.0))
            if self.state is State.LIVE and (self._standing is None or self._standing.done()):
                await self._ask(GRACE)

    async def _listen(self) -> None:
        """Dials anew when a stream of which only the last thing counts is silent for no good reason."""
        while True:
            seconds = await silence(self.feed, lambda: self._ask(LOOKING), self._turn)
            if self.state is State.ENDED:
                return
            if self.state is State.LIVE or self._doubts:
                self.mistrust(f"nothing of {self.feed.name} was told for {seconds:.0f} s, while the market moved on")

    async def _ask(self, patience: float = 0.0) -> bool:
        # What is newer than this may be on its way, and is asked for the next time.
        newest = self.feed.latest
        try:
            await self._catch_up(self._checked, patience)
        except Exception as error:
            if self._is_final(error):
                return False
            LOG.warning(
                "%s: what was missed cannot be asked for: %s: %s", self.name, type(error).__name__, self._scrub(error)
            )
            return False
        if newest is not None:
            self._checked = max(self._checked or newest, newest)
            self.feed.forget(self._checked - MARGIN)
        return True


def _is_cancelled() -> bool:
    """Whether somebody cancelled the task that runs."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
