"""What one call saw of the network: how many requests it made, what status and headers came back."""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from planar.exchange.breaker import Pass


@dataclass
class Wire:
    """Filled while a call is under way. sent: requests that may have changed something. open: those without an answer.

    api, host: CCXT's name of the part of the exchange that is asked, and where that is. orders: how many are placed by
    it. is_urgent: whether it goes before what waits. receipts: what was spent for it, and of which limits. entered:
    what the breaker let it through with.
    """

    requests: int = 0
    sent: int = 0
    open: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    api: str = ""
    host: str = ""
    orders: int = 0
    is_urgent: bool = False
    receipts: list[Any] = field(default_factory=list)
    entered: Pass = field(default_factory=Pass)

    def began(self, *, is_write: bool) -> None:
        """A request is on its way."""
        departures = DEPARTURES.get()
        if is_write and departures is not None:
            departures.append(time.perf_counter())
        self.requests += 1
        self.open += 1
        self.sent += is_write

    def never_left(self, *, is_write: bool) -> None:
        """It is not: there was no connection."""
        self.open -= 1
        self.sent -= is_write

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """It has an answer."""
        self.open -= 1
        self.status, self.headers = status, dict(headers)

    @property
    def retry_after(self) -> float | None:
        """Seconds that the last answer asks to wait, given there as seconds or as a date."""
        text = next((value for name, value in self.headers.items() if name.lower() == "retry-after"), "")
        if not text:
            return None
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, (parsedate_to_datetime(text) - self._told()).total_seconds())
        except (ValueError, TypeError):
            return None

    def _told(self) -> datetime:
        """When the last answer was given, by the clock of who gave it; by ours where it does not say."""
        date = next((value for name, value in self.headers.items() if name.lower() == "date"), "")
        return parsedate_to_datetime(date) if date else datetime.now(UTC)


WIRE: ContextVar[Wire | None] = ContextVar("WIRE", default=None)
"""Of the call under way in this task."""

DEPARTURES: ContextVar[list[float] | None] = ContextVar("DEPARTURES", default=None)
"""Where whoever wants to know it hears when this task's writes leave: `time.perf_counter`."""
