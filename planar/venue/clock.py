"""The market's clock: real, accelerated, or stepped by hand."""

import time


def wall() -> int:
    """The time of this machine, UTC milliseconds."""
    return time.time_ns() // 1_000_000


class Clock:
    """Gives the market's time, UTC milliseconds. speed: times real time; 0 stands still until it is stepped."""

    def __init__(self, start: int, speed: float) -> None:
        self.speed = speed
        self._market, self._real = float(start), time.monotonic()

    @property
    def is_stepped(self) -> bool:
        """Whether it moves only when told to."""
        return self.speed == 0

    def now(self) -> int:
        """The market's time."""
        return int(self._market + (time.monotonic() - self._real) * 1000 * self.speed)

    def step(self, by: int) -> int:
        """Moves it on; gives the time then."""
        self._market += by
        return self.now()
