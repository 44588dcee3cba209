"""Assumptions that are drawn anew each time, and their tables, written into the kernel's records.

docs/simulation.md, section 15.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from planar.errors import ConfigError
from planar.kernel.state import Memory

QUANTILES = 1024


@dataclass(frozen=True)
class Sampled:
    """Drawn from a lognormal distribution: half of the draws are below the median.

    sigma: the standard deviation of their logarithms; with 0.5 one in twenty is above 2.3 times the median.
    Raises ConfigError for a median that is not above 0, or a sigma below 0.
    """

    median: float
    sigma: float

    def __post_init__(self) -> None:
        if not (_is_finite(self.median) and _is_finite(self.sigma) and self.median > 0 and self.sigma >= 0):
            raise ConfigError(f"{self}: the median must be above 0, and sigma 0 or more.")

    def table(self) -> list[float]:
        """Values that are as likely as each other."""
        normal = NormalDist()
        return [self.median * math.exp(self.sigma * normal.inv_cdf((i + 0.5) / QUANTILES)) for i in range(QUANTILES)]

    @property
    def middle(self) -> float:
        """The median."""
        return self.median


@dataclass(frozen=True)
class Recorded:
    """Drawn from what was recorded, each value as likely as another.

    Raises ConfigError where there is none, or one is no number.
    """

    values: Sequence[float]

    def __post_init__(self) -> None:
        values = self.values if isinstance(self.values, Sequence) and not isinstance(self.values, str) else ()
        if not values or not all(_is_finite(value) for value in values):
            raise ConfigError("Recorded takes at least one number, and nothing else: Recorded([120, 250, 900]).")
        object.__setattr__(self, "values", tuple(values))

    def table(self) -> list[float]:
        """The values in order of size."""
        return sorted(self.values)

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)


Drawn = Sampled | Recorded


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def table_of(value: float | Drawn) -> list[float]:
    """Values that are as likely as each other; of a number that alone."""
    return value.table() if isinstance(value, Drawn) else [value]


def middle_of(value: float | Drawn) -> float:
    """The number, or the median of what is drawn."""
    return value.middle if isinstance(value, Drawn) else value


def set_draws(
    memory: Memory,
    names: Sequence[str],
    latency: float | Drawn,
    news: float | Drawn,
    slippage: float | Drawn,
    seed: int,
) -> None:
    """Writes what is drawn, and where each instrument's draws begin. names: of the instruments."""
    state = memory.state[0]
    is_fixed = not isinstance(latency, Drawn) and not isinstance(news, Drawn)
    state["latency"] = latency + news if is_fixed else 0
    if not is_fixed:
        for field, value in (("outs", latency), ("news", news)):
            _put(memory, field, np.array([round(ms) for ms in table_of(value)], np.int64))
    if slippage != 0.0:
        _put(memory, "slips", np.array(table_of(slippage), np.float64))
    for name, record in zip(names, memory.instruments, strict=True):
        for field, sequence in (("out_seed", "out"), ("news_seed", "news"), ("slips_seed", "slippage")):
            digest = hashlib.sha256(f"{seed} {name} {sequence}".encode()).digest()
            record[field] = int.from_bytes(digest[:8], "little", signed=True)


def _put(memory: Memory, field: str, table: np.ndarray) -> None:
    memory.state[0][field] = memory.keep(table).ctypes.data
    memory.state[0][f"{field}_size"] = len(table)
