"""What a strategy reads beside its candles, declared as ``data = {name: series.…}`` and read as ``candle.name``.

    data = {
        "btc": series.candles("binance:BTC/USDT"),
        "funding": series.funding("binance:BTC/USDT:USDT"),
        "fear": series.frame("fear_greed.csv"),
    }

Each is joined as of what was known at the close of the strategy's candle.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from planar.errors import StrategyError

__all__ = ["candles", "frame", "funding"]

NAME = re.compile(r"[^\s:/]+:[^\s:/]+/[^\s:/]+(:[^\s:/]+)?")


@dataclass(frozen=True)
class Declared:
    """One entry of ``data``. kind: "candles", "funding" or "frame". source: an instrument, or a file; may be None."""

    kind: str
    source: str | None = None


def candles(instrument: str) -> Declared:
    """Candles of another instrument, of the strategy's timeframe: ``candle.btc.close``, as of its last closed one."""
    return Declared("candles", _named("candles", instrument))


def funding(instrument: str | None = None) -> Declared:
    """Funding rates of a perpetual, ``candle.funding.rate``, known at their funding time; else the instrument's own."""
    return Declared("funding", None if instrument is None else _named("funding", instrument))


def frame(file: str | Path | None = None) -> Declared:
    """Rows of one's own: a .parquet or .csv file, else a frame given as ``planar.backtest(…, data={name: frame})``.

    Column ``known_at`` (dates, or UTC ms) tells from when on a row may be seen; every other one is a number,
    ``candle.fear.value``. A column ``instrument`` says whose row it is; without it, rows are everybody's.
    """
    if file is not None and not isinstance(file, str | Path):
        remedy = "name a file, or write series.frame() and give it as planar.backtest(…, data={name: frame})"
        raise StrategyError(f"series.frame({type(file).__name__}): {remedy}.")
    return Declared("frame", None if file is None else str(file))


def _named(function: str, instrument: object) -> str:
    if not isinstance(instrument, str) or not NAME.fullmatch(instrument):
        wanted = "write 'exchange:BASE/QUOTE', as in 'binance:BTC/USDT'"
        raise StrategyError(f"series.{function}({instrument!r}): {wanted}.")
    return instrument
