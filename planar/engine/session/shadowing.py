"""`Shadowing`: while a session runs, its orders are simulated beside it, and what differs is written into its journal.

Nothing of it stands between a decision and its orders. A thread reads the journal as anybody may and runs the shadow,
most of it in the kernel, which lets other threads run; what it finds goes to disk with what the session writes next. A
look costs a walk over all candles of the session, so the next one waits in proportion.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from planar.broker.journal import read
from planar.config.settings import Parity
from planar.engine.session.comparison import Pair, Score, pairs_of, prices_of
from planar.engine.session.folder import JOURNAL
from planar.engine.session.live import LiveSession
from planar.engine.session.recorder import DECIDING
from planar.engine.session.shadow import shadow_of
from planar.engine.session.story import Story
from planar.simulator.fill_model import FillModel

LOG = logging.getLogger("planar.session")

PAUSE, SHARE = 5.0, 0.01
"""Seconds between two looks, and the most of its time that a session spends on them."""

AT_ONCE = 50
"""Entries that are written before others may go on."""


class Shadowing:
    """Simulates the orders of a session beside it: ``async with Shadowing(session, model, limits)``.

    model: what the simulation assumes. limits: how near they must stay; each time the score leaves them there is an
    ``alarm`` in the journal. pause: seconds between two looks, at least.
    """

    def __init__(
        self,
        session: LiveSession,
        model: FillModel,
        limits: Parity,
        pause: float = PAUSE,
    ) -> None:
        self.session, self.model, self.limits = session, model, limits
        self.score = Score()
        self.took = 0.0
        self._pause = pause
        self._is_apart = False
        self._story = Story()
        self._written: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Shadowing":
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._task is not None:
            await self._task  # a look that has begun comes to its end: two at a time would hear the same
        await self._look()

    async def _go_on(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self._pause, self.took / SHARE)):
                    await self._stop.wait()
            if not self._stop.is_set():
                await self._look()

    async def _look(self) -> None:
        try:
            judged = await asyncio.to_thread(self._judged)
            await self._write(judged)
        except Exception as error:  # a shadow that fails does no harm to what throws it
            LOG.warning("the session's shadow cannot be told: %s: %s", type(error).__name__, error)

    def _judged(self) -> list[Pair]:
        """Orders that are over, here and in the simulation, and were not told yet; each is valued as things stand."""
        began = time.perf_counter()
        entries = read(self.session.folder / JOURNAL, after=self._story.heard)
        for entry in entries:
            self._story.hear(entry)
            if entry.kind == "shadow" and entry.body["order"] not in self._written:
                self._count(entry.body)
        is_new = any(entry.kind in DECIDING for entry in entries)
        if not is_new or not self._story.outcomes.keys() - self._written - self._story.never_sent():
            return []
        shadow = shadow_of(self._story, self.model)
        prices = prices_of(self._story.candles())
        pairs = pairs_of(self._story, shadow, prices, self._story.end)
        self.took = time.perf_counter() - began
        return [pair for pair in pairs if pair.is_over and pair.id not in self._written]

    async def _write(self, judged: list[Pair]) -> None:
        for number, pair in enumerate(judged, 1):
            told = pair.document()
            self.session.recorder.write("shadow", told)
            self._count(told)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if judged:
            self._tell()

    def _count(self, told: Mapping[str, Any]) -> None:
        """One order more in the score, which is so the same after a restart."""
        self._written.add(told["order"])
        numbers = (Fraction(told[name]) for name in ("difference", "turnover"))
        self.score = self.score.plus(bool(told["differs"]), *numbers)

    def _tell(self) -> None:
        was_apart, self._is_apart = self._is_apart, self.score.is_apart(self.limits)
        self.session.recorder.write("parity", {**self.score.document(), "is_apart": self._is_apart})
        if self._is_apart and not was_apart:
            self.session.recorder.write("alarm", {"topic": "parity", "text": _words(self.score)})


def _words(score: Score) -> str:
    went = f"{score.agreeing} of {score.orders} orders went as simulated, {score.bps:+.1f} bp of turnover"
    return f"The session is not as its simulation: {went}."
