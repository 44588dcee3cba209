"""Timeframes: ``"1m"``, ``"4h"``, ``"1d"``, ``"1w"`` and their length in milliseconds."""

import re

from planar.errors import ConfigError

MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def milliseconds(timeframe: str) -> int:
    """Length of a timeframe. Raises ConfigError when it is not a count and one of s, m, h, d, w."""
    found = re.fullmatch(r"([1-9]\d*)([smhdw])", timeframe) if isinstance(timeframe, str) else None
    if found is None:
        raise ConfigError(f"timeframe {timeframe!r} is not a count and a unit: write '1m', '15m', '4h', '1d' or '1w'.")
    return int(found[1]) * MILLISECONDS[found[2]]


def name(length: int) -> str:
    """The shortest name of a length in milliseconds: ``3_600_000`` gives ``"1h"``."""
    for unit in ("w", "d", "h", "m", "s"):
        if length > 0 and length % MILLISECONDS[unit] == 0:
            return f"{length // MILLISECONDS[unit]}{unit}"
    raise ConfigError(f"a timeframe of {length} ms is not a whole number of seconds.")


def bucket_open(time: int, length: int) -> int:
    """Open of the candle of that length that holds ``time``. Weeks start on Monday, all else at the epoch."""
    # The epoch was a Thursday, so Monday-based weeks are shifted by four days.
    shift = 4 * MILLISECONDS["d"] if length % MILLISECONDS["w"] == 0 else 0
    return (time - shift) // length * length + shift
