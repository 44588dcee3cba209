"""`DeadManSwitch`: an exchange cancels what a session has resting once it has not heard of it for a while.

It is renewed while the session lives and ended when that stops; one that dies, or ends with an error, leaves it to do
what it is for. Where it would cancel stops as well it is not set while one protects a position.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from planar.errors import ConfigError, ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange

LOG = logging.getLogger("planar.session")

RENEWALS = 3
"""How often it is renewed before it would go off."""

PAUSE, TRIES = 1.0, 3
"""Seconds until what failed is tried again, and how often that is when the session ends."""

ARMED, SPARED, ENDED = "armed", "spared", "ended"


def check_dead_man(exchange: CcxtExchange, seconds: int) -> None:
    """Raises ConfigError where the exchange has no such switch, or none that can be set so."""
    found, own = exchange.dead_man, "`planar config set strategies.NAME.risk.dead_man 0`"
    if found is None:
        raise ConfigError(
            f"{exchange.name} has no dead-man's switch that Planar knows of, and risk.dead_man = {seconds} asks for "
            f"one: should this program die, what rests there stays. Set it to 0, for one strategy with {own}."
        )
    if not found.least <= seconds <= found.most:
        raise ConfigError(
            f"risk.dead_man = {seconds}: the dead-man's switch of {exchange.name} can be set to {found.least} to "
            f"{found.most:,} seconds. Set it to that, for one strategy with {own[:-2]}{found.least}`."
        )


class DeadManSwitch:
    """Of one session. has_stops: whether a stop protects a position, or is on its way to. write: into the journal."""

    def __init__(
        self, exchange: CcxtExchange, seconds: int, has_stops: Callable[[], bool], write: Callable[[str, Any], None]
    ) -> None:
        self.seconds, self.state = seconds, ENDED
        self._exchange, self._has_stops, self._write = exchange, has_stops, write
        self._is_sure = False  # whoever was here before may have left it set
        self._is_ended = self._is_warned = False
        self._wake, self._turn = asyncio.Event(), asyncio.Lock()

    def look(self) -> None:
        """Sets it or takes it back at once where that has changed."""
        if self._wanted() != self.state:
            self._wake.set()

    async def run(self) -> None:
        """Renews it until it is ended."""
        while not self._is_ended:
            self._wake.clear()
            is_done = await self._set(self._wanted())
            pause = None if is_done and self.state is SPARED else self.seconds / RENEWALS if is_done else PAUSE
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def end(self) -> None:
        """The session ends in order: what rests stays."""
        self._is_ended = True
        self._wake.set()
        for attempt in range(TRIES):
            if await self._set(ENDED):
                return
            await asyncio.sleep(PAUSE * (attempt < TRIES - 1))
        LOG.warning("%s may cancel what rests there within %d s.", self._exchange.name, self.seconds)

    def _wanted(self) -> str:
        found = self._exchange.dead_man
        return ARMED if not self._has_stops() or (found is not None and found.spares_stops) else SPARED

    async def _set(self, state: str) -> bool:
        """Whether the exchange has it so."""
        async with self._turn:
            if self._is_ended and state is not ENDED:
                return True
            if self._is_sure and state == self.state and state is not ARMED:
                return True
            try:
                async with asyncio.timeout(max(self.seconds / RENEWALS, PAUSE)):
                    await self._exchange.cancel_all_after(self.seconds if state is ARMED else 0)
            except (ExchangeError, TimeoutError) as error:
                self._warn(str(error) or "it did not answer in time")
                return False
            self._is_warned, self._is_sure = False, True
            if state != self.state:
                self.state = state
                self._write("dead_man", {"state": state, "seconds": self.seconds})
            return True

    def _warn(self, why: str) -> None:
        if not self._is_warned:
            LOG.warning("the dead-man's switch could not be renewed or ended, which is tried again: %s", why)
        self._is_warned = True
