"""Section 15: what is drawn, for one instrument."""

import hashlib

from .model import FillModel

MASK = 2**64 - 1


class Sequence:
    """Draws of one kind."""

    def __init__(self, seed: int, instrument: str, name: str, table: float | tuple) -> None:
        self.table = table if isinstance(table, tuple) else (table,)
        digest = hashlib.sha256(f"{seed} {instrument} {name}".encode()).digest()
        self.start, self.count = int.from_bytes(digest[:8], "little"), 0

    def draw(self):
        """The next one."""
        self.count += 1
        z = (self.start + self.count * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        return self.table[(z >> 32) * len(self.table) >> 32]


class Draws:
    """All that is drawn for one instrument."""

    def __init__(self, model: FillModel, instrument: str) -> None:
        self.model = model
        self.out = Sequence(model.seed, instrument, "out", model.latency_ms)
        self.news = Sequence(model.seed, instrument, "news", model.news_ms)
        self.slippage = Sequence(model.seed, instrument, "slippage", model.slippage)
        self.heard, self.delay = -1, 0

    def journey(self, now: int) -> int:
        """How long what is sent now travels."""
        model = self.model
        if not isinstance(model.latency_ms, tuple) and not isinstance(model.news_ms, tuple):
            return model.latency_ms + model.news_ms
        if now != self.heard:
            self.heard, self.delay = now, self.news.draw()
        return self.out.draw() + self.delay
