"""What a backtest assumes about fills: one value, given as an object or by the name of a profile."""

import math
from dataclasses import dataclass, replace

from planar.errors import ConfigError, did_you_mean
from planar.simulator.drawn import Drawn, middle_of, table_of

PATHS = ("pessimistic", "optimistic", "adaptive", "ohlc", "olhc")
LIMIT_FILLS = ("cross", "touch")
LONGEST = 2**53
"""Ms: what takes longer never comes."""


@dataclass(frozen=True)
class FillModel:
    """The simulator's assumptions; docs/simulation.md, section 9, gives formulas and sources.

    path: the order of a candle's extremes: "pessimistic", "optimistic", "adaptive", "ohlc" or "olhc".
    latency_ms: how long an order, cancel or amend travels: whole ms, or `Sampled` or `Recorded` ones.
    spread: "estimated" from candles, a number (the full relative spread), or None for none.
    impact: "square_root", a number that scales it, or None for none.
    stop_slippage: share of the candle's range that a triggered stop pays on top.
    participation: share of the volume at or beyond its price that a resting order gets; None lifts the volume budget.
    limit_fill: "cross" (one tick through) or "touch".
    news_ms: how long candles, trades and fills travel to the strategy, as latency_ms.
    slippage: share of the price that takers pay on top of all else: a number, `Sampled` or `Recorded` ones.
    seed: of what is drawn.
    Raises ConfigError naming the field, its value and what it may be.
    """

    path: str = "pessimistic"
    latency_ms: int | Drawn = 250
    spread: str | float | None = "estimated"
    impact: str | float | None = "square_root"
    stop_slippage: float = 0.05
    participation: float | None = 0.10
    limit_fill: str = "cross"
    news_ms: int | Drawn = 0
    slippage: float | Drawn = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._require("path", self.path in PATHS, f"one of {', '.join(PATHS)}")
        self._require("limit_fill", self.limit_fill in LIMIT_FILLS, "'cross' or 'touch'")
        for name in ("latency_ms", "news_ms"):
            wanted = "whole milliseconds, 0 or more, or Sampled or Recorded ones"
            self._require(name, _is_latency(getattr(self, name)), wanted)
        self._require("slippage", _is_slippage(self.slippage), "a share of the price, or Sampled or Recorded ones")
        self._require("seed", isinstance(self.seed, int) and not isinstance(self.seed, bool), "a whole number")
        ok = self.spread in ("estimated", None) or _is_number(self.spread)
        self._require("spread", ok, "'estimated', a share of the price, or None")
        ok = self.impact in ("square_root", None) or _is_number(self.impact)
        self._require("impact", ok, "'square_root', a number, or None")
        self._require("stop_slippage", _is_number(self.stop_slippage), "a share of the range, 0 or more")
        ok = self.participation is None or (_is_number(self.participation) and 0 < self.participation <= 1)
        self._require("participation", ok, "a share above 0 and up to 1, or None for no volume budget")

    @property
    def usual_latency(self) -> int:
        """What an order usually travels, ms: both ways, of what is drawn the medians."""
        return round(middle_of(self.latency_ms)) + round(middle_of(self.news_ms))

    def _require(self, field: str, is_met: bool, wanted: str) -> None:
        if not is_met:
            raise ConfigError(f"fill model: {field}={getattr(self, field)!r} must be {wanted}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_latency(value: float | Drawn) -> bool:
    if isinstance(value, Drawn):
        return min(table_of(value)) >= 0 and max(table_of(value)) < LONGEST
    return _is_number(value) and int(value) == value and value < LONGEST


def _is_slippage(value: float | Drawn) -> bool:
    return min(table_of(value)) > -1 if isinstance(value, Drawn) else _is_number(value)


PROFILES = {
    "pessimistic": FillModel(),
    "adaptive": FillModel(path="adaptive"),
    "optimistic": FillModel(path="optimistic"),
    "ideal": FillModel("ohlc", 0, None, None, 0.0, None, "touch"),
    # Conventions of peers, as far as they can be expressed: docs/simulation.md, section 17.
    "freqtrade": FillModel("olhc", 0, None, None, 0.0, None, "touch"),
    "backtesting.py": FillModel("olhc", 0, None, None, 0.0, None, "touch"),
}


def fill_model(choice: str | FillModel) -> FillModel:
    """A FillModel as it is, or the profile of that name. Raises ConfigError naming the nearest profile."""
    if isinstance(choice, FillModel):
        return choice
    if choice in PROFILES:
        return replace(PROFILES[choice])
    known, near = ", ".join(PROFILES), did_you_mean(str(choice), PROFILES)
    raise ConfigError(f"fill={choice!r} is not a fill model; the profiles are {known}.{near}")
