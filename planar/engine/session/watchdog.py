"""`Watchdog`: a strategy that does not come to the end of a hook is told of, with its line, and then ended.

A hook holds up everything else of its program, so this is a thread. Python code is interrupted: the session ends as it
does where a strategy raises. Compiled code cannot be, so the program ends; it goes on from its journal.
"""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from planar.engine.interpret import within_hook
from planar.engine.session.trader import Trader
from planar.errors import StrategyError

LOG = logging.getLogger("planar.session")

TICK = 0.5
"""Seconds between two looks. Time is counted in looks: a program that was stopped as a whole did not hang meanwhile."""

TOLD, MOST, PATIENCE = 10.0, 60.0, 5.0
"""Seconds that a hook has until that is told, until it is interrupted, and until the program ends where it goes on."""

STAYS = "What the session holds and has resting stays at the exchange: mend the strategy, and start it again."

SIGNAL = signal.SIGUSR1
HOOKS = ("a hook", "on_fill or on_order_error", "on_position", "on_candle", "on_step")
"""By the kernel's phase."""


class Hung(BaseException):
    """Raised into a hook that does not come to its end, whose own ``except Exception`` must not catch it."""


class Watchdog:
    """Watches what runs in its ``with``, of a trader. last_words: hear, in a thread, why the program ends."""

    def __init__(self, trader: Trader, last_words: Sequence[Callable[[str], None]] = ()) -> None:
        self._trader, self._last_words = trader, last_words
        self._is_watching = self._is_condemned = False
        self._ticks = 0
        self._ident = threading.get_ident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watchdog", daemon=True)

    def start(self) -> None:
        """Looks on from now on. What runs in another thread than the program's first is told of, and not ended."""
        if self._can_end:
            PACK.join(self)
        self._thread.start()

    def close(self) -> None:
        """Looks on no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        PACK.leave(self)

    @property
    def _can_end(self) -> bool:
        return self._ident == threading.main_thread().ident

    def __enter__(self) -> None:
        self._ticks, self._is_watching = 0, True

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._is_watching = self._is_condemned = False
        if isinstance(error, Hung):
            raise StrategyError(str(error)) from None

    def interrupt(self, frame: FrameType | None) -> None:
        """Ends the hook that runs, where it has hung too long: raises Hung."""
        if self._is_condemned:
            self._is_condemned = False
            raise Hung(f"{self._sentence(frame, MOST)} {STAYS}")

    def _look_on(self) -> None:
        while not self._end.wait(TICK):
            self._ticks += 1
            if self._is_watching:
                self._look()

    def _look(self) -> None:
        told, most, last = (round(seconds / TICK) for seconds in (TOLD, MOST, MOST + PATIENCE))
        if self._ticks == told:
            ends = f" It is ended after {MOST:.0f} s." if self._can_end else ""
            LOG.warning("%s%s", self._sentence(self._frame(), TOLD), ends)
        elif self._ticks == most and self._can_end:
            self._is_condemned = True
            signal.pthread_kill(self._ident, SIGNAL)
        elif self._ticks == last and self._can_end:
            self._end_program(self._sentence(self._frame(), MOST + PATIENCE))

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._ident)

    def _sentence(self, frame: FrameType | None, seconds: float) -> str:
        frames = within_hook(traceback.extract_stack(frame))
        hook = frames[0].name if frames else HOOKS[self._trader.record["phase"]]
        where = "in compiled code; --interpreted tells the line"
        if frames:
            where = f"at {frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line!r}"
        name = type(self._trader.strategies[0]).__name__
        return f"{name}.{hook} has not come to its end for {seconds:.0f} s, {where}."

    def _end_program(self, why: str) -> None:
        text = f"{why} It cannot be interrupted, so the program ends. {STAYS}"
        LOG.critical("%s", text)
        for tell in self._last_words:
            tell(text)
        os._exit(1)


class Pack:
    """All watchdogs of the program, which share one signal: they come and go in any order."""

    def __init__(self) -> None:
        self._members: list[Watchdog] = []
        self._before: Any = None

    def join(self, one: Watchdog) -> None:
        """It may interrupt from now on."""
        if not self._members:
            self._before = signal.signal(SIGNAL, self._hear)
        self._members.append(one)

    def leave(self, one: Watchdog) -> None:
        """It does no more; with the last of them the signal means what it meant before."""
        if one in self._members:
            self._members.remove(one)
            if not self._members and signal.getsignal(SIGNAL) == self._hear:
                signal.signal(SIGNAL, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        for one in list(self._members):
            one.interrupt(frame)
        if callable(self._before):
            self._before(number, frame)


PACK = Pack()
