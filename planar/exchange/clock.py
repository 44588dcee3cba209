"""The clock on the wall, which anyone may set, one that nobody can, and how far an exchange's is ahead."""

import time
from collections.abc import Awaitable, Callable

PROMPT = 0.2
"""Seconds of an answer that tells the time well enough."""

TRIES = 3


def wall() -> int:
    """UTC milliseconds, as the machine is set."""
    return time.time_ns() // 1_000_000


def steady() -> int:
    """Milliseconds since the machine was started; where it can be told, those that it slept included.

    All processes of the machine have the same.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)) // 1_000_000


async def measured_offset(server_time: Callable[[], Awaitable[int]]) -> int:
    """Milliseconds, by the quickest of some answers: of one that took long nobody knows when it was given."""
    measured: list[tuple[float, int]] = []
    while len(measured) < TRIES and not any(took <= PROMPT for took, _ in measured):
        before = time.time()
        server = await server_time()
        after = time.time()
        measured.append((after - before, round(server - (before + after) / 2 * 1000)))
    return min(measured)[1]
