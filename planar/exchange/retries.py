"""How long to wait before a read is asked again."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Seconds: ``base`` × 2 ** attempt, ``cap`` at most, shortened by up to half so that many do not ask at once."""

    base: float = 0.25
    cap: float = 15.0
    patience: float = 60.0
    draw: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds before the next attempt (attempts are counted from 0); None when it is not worth waiting.

        retry_after: what the exchange asks for; it is waited for to the last second, up to ``patience``.
        """
        own = min(self.cap, self.base * 2.0 ** min(attempt, 60)) * (1.0 - 0.5 * self.draw())
        if retry_after is None:
            return own
        return None if retry_after > self.patience else max(own, retry_after)
