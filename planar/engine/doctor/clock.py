"""How far an exchange's clock is from ours, and how long it takes to answer."""

import time
from dataclasses import dataclass
from statistics import median_low

from planar.exchange.interface import Exchange

ALLOWED = 1_000
"""Milliseconds: Binance takes no request that is signed further ahead of its clock."""

ASKED = 5


@dataclass(frozen=True)
class Clock:
    """offset: the exchange's less ours, milliseconds. latency: of a request, milliseconds. time: its own, UTC ms."""

    offset: int
    latency: int
    time: int

    def __str__(self) -> str:
        return f"{abs(self.offset):,} ms {'ahead of' if self.offset >= 0 else 'behind'} ours"

    @property
    def is_far(self) -> bool:
        """Whether requests with our time would be refused."""
        return abs(self.offset) > ALLOWED


async def clock_of(exchange: Exchange) -> Clock:
    """The median of a few requests: one may have been held up."""
    offsets, latencies, server = [], [], 0
    for _ in range(ASKED):
        before = time.time()
        server = await exchange.server_time()
        after = time.time()
        offsets.append(round(server - (before + after) * 500))
        latencies.append(round((after - before) * 1000))
    return Clock(median_low(offsets), median_low(latencies), server)
