"""A circuit breaker: an exchange that does not answer is left alone for a while."""

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from planar.errors import Unreachable


class State(StrEnum):
    """Closed lets through, open refuses at once, half-open lets one request through to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Pass(NamedTuple):
    """What a request goes by. trips: how often it was left alone by then. is_trial: whether the answer decides."""

    trips: int = 0
    is_trial: bool = False


class Breaker:
    """Opens after ``threshold`` failures in a row, for ``pause`` seconds that double with each failed trial.

    The pause is at most ``longest`` and is shortened by up to a fifth by chance, so that many do not come back at once.
    """

    def __init__(
        self,
        exchange: str,
        *,
        threshold: int = 5,
        pause: float = 1.0,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.exchange, self.threshold, self.pause, self.longest = exchange, threshold, pause, longest
        self._clock, self._chance = clock, chance
        self._failures, self._trips = 0, 0
        self._until, self._is_trying = 0.0, False

    @property
    def state(self) -> State:
        """As a request would find it now."""
        if not self._trips:
            return State.CLOSED
        return State.OPEN if self._clock() < self._until else State.HALF_OPEN

    def enter(self) -> Pass:
        """Before a request. Raises Unreachable with the code ``CIRCUIT_OPEN`` when it should not be made."""
        state = self.state
        if state is State.CLOSED:
            return self.passing
        if state is State.HALF_OPEN and not self._is_trying:
            self._is_trying = True
            return Pass(self._trips, is_trial=True)
        wait = max(self._until - self._clock(), 0.0)
        how_long = f"for {wait:.1f} s more" if wait else "until the request that tries it again is answered"
        told = f"{self.exchange} has failed {self._failures} times in a row and is left alone {how_long}"
        error = Unreachable(f"{told}; nothing was sent.", exchange=self.exchange, code="CIRCUIT_OPEN")
        error.retry_after = wait
        raise error

    @property
    def passing(self) -> Pass:
        """Of a request that goes before all, and is never refused."""
        return Pass(self._trips)

    def succeeded(self, how: Pass) -> None:
        """The exchange answered, if only to refuse. What it was asked before it was left alone tells nothing of now."""
        if how.trips == self._trips:
            self._failures, self._trips, self._is_trying = 0, 0, False

    def released(self, how: Pass) -> None:
        """What became of the request tells nothing: it was refused at the door, or given up by us."""
        if how == Pass(self._trips, is_trial=True):
            self._is_trying = False

    def failed(self, how: Pass) -> None:
        """The exchange did not answer, or not sensibly."""
        self._failures += 1
        is_trial = how == Pass(self._trips, is_trial=True)
        if is_trial or (not self._trips and self._failures >= self.threshold):
            pause = min(self.pause * 2**self._trips, self.longest)
            self._trips += 1
            self._until, self._is_trying = self._clock() + pause * (1.0 - 0.2 * self._chance()), False
