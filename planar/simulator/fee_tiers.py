"""Fees that go by the volume of 30 days, written into the kernel's records: docs/simulation.md, section 19."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planar.errors import ConfigError
from planar.kernel.fees import DAYS
from planar.kernel.numbers import RATE
from planar.kernel.state import Memory

Tier = tuple[float, float, float]


@dataclass(frozen=True)
class FeeTiers:
    """What an exchange charges by the volume that an account traded in 30 days.

    tiers: (from which volume, maker, taker), the volume in quote and the first 0, rates as fractions; below 0 a rebate.
    volume: what the account traded in the 30 days before the run, quote.
    Raises ConfigError naming the tier that is none.
    """

    tiers: Sequence[Tier]
    volume: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.tiers, Sequence) or isinstance(self.tiers, str) or not self.tiers:
            raise ConfigError("FeeTiers takes a list of (from which volume, maker, taker).")
        before = -1.0
        for i, tier in enumerate(self.tiers):
            is_one = isinstance(tier, Sequence) and len(tier) == len(("from", "maker", "taker"))
            if not is_one or not all(_is_number(value) for value in tier) or max(map(abs, tier[1:])) >= 1:
                raise ConfigError(f"fee tier {i + 1}, {tier!r}, is not (from which volume, maker, taker).")
            if tier[0] <= before or (i == 0 and tier[0] != 0):
                raise ConfigError(f"fee tier {i + 1} begins at {tier[0]:g}: the first begins at 0, and each at more.")
            before = tier[0]
        if not _is_number(self.volume) or self.volume < 0:
            raise ConfigError(f"fee tiers: volume={self.volume!r} must be 0 or more, in quote.")
        object.__setattr__(self, "tiers", tuple(tuple(tier) for tier in self.tiers))

    def __str__(self) -> str:
        first, last = self.tiers[0], self.tiers[-1]
        return f"{_told(first)} to {_told(last)}, {len(self.tiers)} tiers by the volume of 30 days"


def _told(tier: Tier) -> str:
    return f"{tier[1] * 100:g} % maker, {tier[2] * 100:g} % taker"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def set_tiers(memory: Memory, fees: FeeTiers) -> None:
    """Charges by tiers from now on."""
    rows = [(start, round(maker * RATE), round(taker * RATE)) for start, maker, taker in fees.tiers]
    days = [fees.volume / DAYS] * DAYS
    state = memory.state[0]
    state["fees"] = memory.keep(np.array([*days, *(value for row in rows for value in row)], np.float64)).ctypes.data
    state["fees_n"], state["fee_day"] = len(rows), -1
    for record in memory.instruments:
        record["maker"], record["taker"] = rows[0][1:]
        record["dearest"] = max(0, *(rate for row in rows for rate in row[1:]))
