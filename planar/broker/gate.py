"""`Gate`: whether a session may trade, and why not, cause by cause."""

from collections.abc import Callable
from enum import IntEnum

from planar.model.order import NEVER


class State(IntEnum):
    """What a session may send. REDUCING: what makes positions smaller, and cancels; HALTED: cancels alone."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


class Gate:
    """The strictest of all restrictions holds. changed: hears the state and the reasons after each change.

    locks: instruments that take no entries whatever the state, by index, and until when, UTC ms of the session's time.
    """

    def __init__(self, changed: Callable[[State, str], None]) -> None:
        self._changed = changed
        self._causes: dict[str, tuple[State, str]] = {}
        self.locks: dict[int, int] = {}

    @property
    def state(self) -> State:
        """What may be sent now."""
        return max((state for state, _ in self._causes.values()), default=State.ACTIVE)

    @property
    def causes(self) -> tuple[str, ...]:
        """The words of all restrictions."""
        return tuple(self._causes)

    @property
    def why(self) -> str:
        """The reasons of all restrictions; empty while there are none."""
        return " ".join(why for _, why in self._causes.values())

    def restrict(self, cause: str, state: State, why: str) -> None:
        """Lets less through until `lift`. cause: a word for it; why: a sentence with the remedy."""
        if self._causes.get(cause) != (state, why):
            self._causes[cause] = (state, why)
            self._changed(self.state, self.why)

    def lift(self, cause: str) -> None:
        """That cause is no more."""
        if self._causes.pop(cause, None) is not None:
            self._changed(self.state, self.why)

    def is_locked(self, k: int, now: int) -> bool:
        """Whether an instrument takes no entries now."""
        return now < self.locks.get(k, 0)

    def until(self, k: int) -> int | None:
        """When the lock of an instrument ends; None for never."""
        return None if self.locks[k] == NEVER else self.locks[k]
