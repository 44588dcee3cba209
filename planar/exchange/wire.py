"""What one call saw of the network: how many requests it made, what status and headers came back."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass
class Wire:
    """Filled while a call is under way. sent: requests that may have changed something.

    orders: how many are placed by it. is_urgent: whether it goes before what waits. receipts: what was spent for it.
    """

    requests: int = 0
    sent: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    orders: int = 0
    is_urgent: bool = False
    receipts: list[Any] = field(default_factory=list)

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
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None


WIRE: ContextVar[Wire | None] = ContextVar("WIRE", default=None)
"""Of the call under way in this task."""
