"""Prints of exchanges that number none: what is printed names them, and their place among those that are alike."""

from collections import Counter
from dataclasses import replace

from planar.exchange.model import MarketTrade

FIRST = "~1"
"""How a made-up id ends."""


class Alike:
    """Numbers prints that are alike in everything, of one millisecond after the other."""

    def __init__(self) -> None:
        self._time, self._seen = -1, Counter[str]()

    def numbered(self, trade: MarketTrade) -> MarketTrade:
        """The second of two that are alike is another one."""
        if not trade.id.endswith(FIRST):
            return trade
        if trade.time != self._time:
            self._time, self._seen = trade.time, Counter()
        self._seen[trade.id] += 1
        return replace(trade, id=f"{trade.id.removesuffix(FIRST)}~{self._seen[trade.id]}")
