"""What to type next: commands for messages."""

from datetime import UTC, datetime

from planar.config.load import load
from planar.config.names import exchange_id
from planar.errors import ConfigError
from planar.model import timeframe as timeframes
from planar.model.timeframe import MILLISECONDS

ENOUGH = 5_000
"""Candles that make a first backtest worth its while: a half year of hours, half a month of 5 minutes."""
SHORTEST, LONGEST = MILLISECONDS["w"], 8 * 365 * MILLISECONDS["d"]


def since(now: int, length: int) -> str:
    """The day to fetch from when nothing else is known, by the length of a candle; a week where there are none."""
    back = min(max(ENOUGH * length, SHORTEST), LONGEST)
    return _day(now - back)


def fetch_command(instrument: str, timeframe: str, now: int, start: int | None = None) -> str:
    """The command that fetches an instrument's candles; empty when its exchange is none that is known.

    start: of the run that lacks them, where it has one.
    """
    name, _, symbol = instrument.partition(":")
    try:
        id = exchange_id(name, load().custom)
    except ConfigError:
        return ""
    first = since(now, timeframes.milliseconds(timeframe)) if start is None else _day(start)
    return f"planar data fetch {id} {symbol} --timeframe {timeframe} --from {first}"


def _day(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d}"
