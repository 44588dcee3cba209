"""How an exchange is doing: of its last requests, and what is left of its limits."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from planar.exchange.limits import Usage

KEPT = 1000
MINUTE = 60_000


@dataclass(frozen=True)
class Health:
    """Of the last requests, 1,000 at most; None where there was none.

    latency_p50, latency_p99: milliseconds. success: fraction. errors: count by code. throughput: requests of the last
    minute. last_success: UTC milliseconds. clock_offset: the exchange's clock less ours, milliseconds.
    limit_share: the fullest budget, a fraction. limit_in: milliseconds until a limit is reached at the pace of the
    last eighth of its window, None when it is not. banned_for: milliseconds.
    """

    requests: int
    success: float | None
    errors: dict[str, int]
    latency_p50: float | None
    latency_p99: float | None
    throughput: int
    last_success: int | None
    clock_offset: int | None
    breaker: str
    limit_share: float
    limit_in: int | None
    banned_for: int


@dataclass
class Record:
    """What became of the last requests."""

    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _calls: deque[tuple[float, float, str]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _last_success: float | None = None
    clock_offset: int | None = None

    def note(self, latency: float, code: str = "") -> None:
        """One request: milliseconds it took, and the code of its error, empty for none."""
        now = self.clock()
        self._calls.append((now, latency, code))
        if not code:
            self._last_success = self.wall()

    def health(self, usage: Sequence[Usage] = (), breaker: str = "closed") -> Health:
        """All of it at this moment."""
        latencies = sorted(latency for _, latency, code in self._calls if not code)
        errors = Counter(code for *_, code in self._calls if code)
        count, recent = len(self._calls), sum(self.clock() - when <= 60.0 for when, *_ in self._calls)
        return Health(
            requests=count,
            success=1.0 - errors.total() / count if count else None,
            errors=dict(errors.most_common()),
            latency_p50=quantile(latencies, 0.50),
            latency_p99=quantile(latencies, 0.99),
            throughput=recent,
            last_success=None if self._last_success is None else round(self._last_success * 1000),
            clock_offset=self.clock_offset,
            breaker=breaker,
            limit_share=max((each.used / each.limit for each in usage), default=0.0),
            limit_in=min(filter(None, map(_limit_in, usage)), default=None),
            banned_for=max((each.banned_for for each in usage), default=0),
        )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The least value that at least that share does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def _limit_in(usage: Usage) -> int | None:
    """Milliseconds until the budget is used up at its present pace; None when that pace can be kept."""
    if usage.recent * 8 <= usage.limit:
        return None
    return max(round((usage.limit - usage.used) / (usage.recent * 8) * usage.window), 1)
