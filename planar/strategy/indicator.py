"""Indicators: all 201 functions of TA-Lib under one naming scheme.

    indicator.sma(candles.close, 10)
    indicator.atr(candles, period=14)
    upper, middle, lower = indicator.bbands(candles.close, period=20, up=2.0, down=2.0, average="ema")

* A function has TA-Lib's name in lower case. One that reads one series takes it first: numpy array, polars Series or
  list. One that reads several columns takes the candles: anything with open, high, low, close, volume.
* Parameters are plain words, and one word everywhere: period, fast, slow, signal, up, down, multiplier, and `average`
  for a kind of moving average by name (AVERAGES). Defaults are TA-Lib's.
* A result is a float64 array as long as its input, NaN while warming up; several results come as a named tuple. Too few
  rows give all NaN. Leading NaN in an input are fine (`sma` of an `rsi`), a gap later is a DataError.
* A result depends on where its series starts, in the last bits even for `sma`. So Planar computes indicators from the
  origin of the session, and the same origin gives the same bits.
* None looks ahead. Rows added later change no earlier row, to the bit: a test proves it for every function, and
  NOT_CAUSAL would hold those for which it is untrue. TA-Lib 0.8 has none.
"""

from planar.errors import did_you_mean
from planar.strategy import talib_signatures
from planar.strategy.talib_call import AVERAGES
from planar.strategy.talib_signatures import *  # noqa: F403

__all__ = ["AVERAGES", "NOT_CAUSAL"]
__all__ += talib_signatures.__all__

NOT_CAUSAL: frozenset[str] = frozenset()


def __getattr__(name: str) -> object:
    """Refuses a name that is no indicator, with the nearest one that is."""
    hint = did_you_mean(name.lower(), talib_signatures.__all__)
    raise AttributeError(f"There is no indicator {name!r}.{hint}")


def __dir__() -> list[str]:
    """The public names only."""
    return __all__
