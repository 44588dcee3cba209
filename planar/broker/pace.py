"""`Pace`: how long the last orders took to the wire, and from there to their answer."""

import time
from collections import deque
from collections.abc import Awaitable
from typing import TypeVar

from planar.exchange.health import quantile
from planar.exchange.wire import DEPARTURES

T = TypeVar("T")
KEPT = 1000


class Pace:
    """Of the last 1,000 orders that left; milliseconds."""

    def __init__(self) -> None:
        self._to_wire: deque[float] = deque(maxlen=KEPT)
        self._to_answer: deque[float] = deque(maxlen=KEPT)

    async def timed(self, decided: float, sending: Awaitable[T]) -> T:
        """What is sent there answers. decided: when it was asked for, `time.perf_counter`."""
        departures: list[float] = []
        before = DEPARTURES.set(departures)
        try:
            return await sending
        finally:
            DEPARTURES.reset(before)
            if departures:
                self._to_wire.append(1000 * (departures[0] - decided))
                self._to_answer.append(1000 * (time.perf_counter() - departures[0]))

    def document(self) -> dict[str, float | int | None]:
        """The median and the slowest hundredth of both; None before the first order."""
        wire, answer = sorted(self._to_wire), sorted(self._to_answer)
        return {
            "orders": len(wire),
            "wire_p50": quantile(wire, 0.50),
            "wire_p99": quantile(wire, 0.99),
            "answer_p50": quantile(answer, 0.50),
            "answer_p99": quantile(answer, 0.99),
        }
