"""Universes by rule: ``instruments = universe.top(20, by="turnover", over="30d", every="7d")``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from planar.errors import ConfigError, StrategyError, did_you_mean
from planar.model.timeframe import milliseconds

__all__ = ["top"]

MEASURES = ("turnover",)


@dataclass(frozen=True)
class Top:
    """The rule of `top`. among: names and patterns, or None for all there are."""

    count: int
    by: str
    over: str
    every: str
    among: tuple[str, ...] | None = None

    @property
    def over_ms(self) -> int:
        """How long a time is looked back over."""
        return milliseconds(self.over)

    @property
    def every_ms(self) -> int:
        """How long a selection holds."""
        return milliseconds(self.every)

    def told(self) -> str:
        """In the author's words."""
        return f"top {self.count} by {self.by} over {self.over}, every {self.every}"

    def candidates(self, known: Iterable[str]) -> list[str]:
        """Which of the instruments there are may be chosen, those of each pattern by name."""
        there = sorted(known)
        if self.among is None:
            return there
        found = [each for pattern in self.among for each in there if fnmatchcase(each, pattern)]
        return list(dict.fromkeys(found))

    @property
    def named(self) -> list[str]:
        """What is named in full, and so must be there."""
        return [each for each in self.among or () if not set(each) & set("*?[")]


def top(count: int, *, by: str = "turnover", over: str, every: str, among: str | Sequence[str] | None = None) -> Top:
    """So many instruments, those of the largest turnover, chosen anew at its own times from what was known then.

    by: "turnover", the sum of close × volume. over: of the candles that closed in so long a time before. every: chosen
    at the multiples of it in UTC, weeks from Monday. among: names, or patterns such as ``"binance:*/USDT"``; else all
    that there are candles of, delisted ones included.
    """
    names = (among,) if isinstance(among, str) else among
    call = f"universe.top({count!r}, by={by!r}, over={over!r}, every={every!r})"
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise StrategyError(f"{call}: the count is a whole number of instruments, 1 or more.")
    if by not in MEASURES:
        known = ", ".join(map(repr, MEASURES))
        raise StrategyError(f"{call}: by is one of {known}.{did_you_mean(str(by), MEASURES)}")
    if names is not None and (not names or not all(isinstance(each, str) for each in names)):
        raise StrategyError(f"{call}: among={among!r} must be names or patterns, as in among='binance:*/USDT'.")
    try:
        milliseconds(over), milliseconds(every)
    except ConfigError as error:
        raise StrategyError(f"{call}: {error}") from None
    return Top(count, by, over, every, None if names is None else tuple(names))
