"""A seeded market for demonstrations and tests: it looks like crypto, and is the same for everyone.

Returns are a market factor shared by all instruments plus each one's own part. Either part is normal noise times a
volatility that clusters at all scales, and drifts for days at a time (regimes). On top come the hours of the day, the
quiet weekend, small gaps at the open, and volume that grows with the size of the move.

Volatility: Calvet and Fisher 2004, "How to Forecast Long-Run Volatility: Regime Switching and the Estimation of
Multifractal Processes", Journal of Financial Econometrics 2(1), with two-valued multipliers.
High and low: the extremes of a Brownian bridge between open and close, Karatzas and Shreve, "Brownian Motion and
Stochastic Calculus", 2nd ed., section 4.3.C.

Every random stream is named and seeded on its own, so one instrument never changes another, and is consumed candle by
candle, so a longer series begins with the shorter one. Arithmetic is limited to what IEEE 754 rounds exactly (add,
multiply, divide, square root), since exp and log of numpy differ in the last bit between processors.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.errors import ConfigError
from planar.model import timeframe as timeframes
from planar.model.timeframe import MILLISECONDS
from planar.store.candles import SCHEMA

START = 1_704_067_200_000  # 2024-01-01, a Monday: on the grid of every timeframe up to a week

PRICE = {
    "BTC": 30_000.0, "ETH": 2_000.0, "BNB": 300.0, "SOL": 100.0, "XRP": 0.5, "ADA": 0.4, "DOGE": 0.08, "AVAX": 30.0,
    "LTC": 80.0, "LINK": 12.0, "DOT": 6.0, "BCH": 250.0, "UNI": 7.0, "EUR": 1.1, "GBP": 1.25,
}  # fmt: skip

# Mean life of the volatility components, and what each multiplies the variance by: 1 + or - this.
LIVES = tuple(hours * MILLISECONDS["h"] for hours in (0.25, 1, 4, 12, 48, 168, 720, 2_160))
MULTIPLIER = 0.45
REGIME_LIFE = 5 * MILLISECONDS["d"]
REGIME_DRIFT = 0.25  # at most, in daily volatilities per day

MARKET_VOLATILITY = 0.022  # of log returns, per square root of a day
# Of log price around the start: further out it is folded back, so that centuries reach neither zero nor infinity.
WIDEST = 4.0

# Activity by hour of the day in UTC (variance goes with its square, volume with it) and on weekends.
HOURS = np.array(
    [0.95, 0.95, 0.90, 0.85, 0.80, 0.78, 0.80, 0.90, 1.00, 1.00, 0.98, 0.98,
     1.05, 1.25, 1.40, 1.40, 1.30, 1.15, 1.10, 1.05, 1.00, 0.95, 0.92, 0.90]
)  # fmt: skip
WEEKEND = 0.75

FUNDING_INTERVAL, PREMIUM_LIFE = 8 * MILLISECONDS["h"], 3 * MILLISECONDS["d"]
INTEREST, DAMPING, WIDEST_PREMIUM = 0.0001, 0.0005, 0.001

GAP_SHARE = 0.02  # of the candles that do not open at the last close
TURNOVER = 1e9  # dollars per day of the busiest instruments


def synthetic(
    instrument_names: Iterable[str],
    timeframe: str = "1h",
    start: int = START,
    candles: int = 8_760,
    seed: int = 0,
) -> dict[str, pl.DataFrame]:
    """Candle frames (columns of ``candles.SCHEMA``) by instrument, without gaps, as ``checked`` would have them.

    start: UTC milliseconds; the first candle is the one that holds it.
    A series depends on its name, the timeframe, the start, the seed and nothing else. Timeframes are not nested.
    Raises ConfigError for a single text instead of names, no candles, or an unknown timeframe.
    """
    if isinstance(instrument_names, str):
        raise ConfigError(f"instruments must be a list of names: write [{instrument_names!r}].")
    if candles < 1:
        raise ConfigError(f"candles={candles} must be at least 1.")
    length = timeframes.milliseconds(timeframe)
    time = timeframes.bucket_open(start, length) + length * np.arange(candles, dtype=np.int64)
    activity = _activity(time, length)
    stream = f"{seed}/{timeframes.name(length)}"
    market = _moves(stream, activity, length)
    return {name: _candles(name, f"{stream}/{name}", market, time, activity, length) for name in instrument_names}


def coins() -> list[str]:
    """Instruments that the synthetic market knows by name."""
    return [f"binance:{base}/USDT" for base in PRICE if base not in ("EUR", "GBP")]


def synthetic_funding(name: str, end: int, start: int = START, seed: int = 0) -> pl.DataFrame:
    """Funding rates of a perpetual, columns ``time`` and ``rate``, every eight hours from the start to the end.

    By Binance's rule (help page "Introduction to Binance Futures Funding Rates"): the premium, drawn towards an
    interest of 0.01 % by at most 0.05 %; so most rates are 0.01 %. The premium holds for days at a time.
    """
    first = -(-start // FUNDING_INTERVAL) * FUNDING_INTERVAL
    time = np.arange(first, end + 1, FUNDING_INTERVAL, dtype=np.int64)
    stream = f"{seed}/{name}/funding"
    levels, lasting = _held(_generator(stream).random(len(time)), FUNDING_INTERVAL / PREMIUM_LIFE)
    noise = 0.3 * _generator(f"{stream}/noise").standard_normal(len(time))
    premium = WIDEST_PREMIUM * (np.repeat(levels, lasting) + noise)
    rate = premium + np.clip(INTEREST - premium, -DAMPING, DAMPING)
    return pl.DataFrame({"time": time, "rate": np.rint(rate * 1e8) / 1e8})


def steps(name: str) -> tuple[float, float]:
    """Price step and amount step that suit an instrument of the synthetic market; neither below 1e-8."""
    character = _character(name)
    return 1 / min(character.inverse_tick, 1e8), 1 / min(character.inverse_step, 1e8)


@dataclass(frozen=True)
class Moves:
    """Log returns and the volatility each was drawn with, in units of the daily volatility."""

    returns: np.ndarray
    volatility: np.ndarray


@dataclass(frozen=True)
class Character:
    """What sets one instrument apart, from its name alone."""

    price: float  # at the start
    beta: float  # part in the market factor
    volatility: float  # of its own returns, per square root of a day
    volume: float  # base per day
    inverse_tick: float  # ticks per unit of quote
    inverse_step: float  # amount steps per unit of base


def _character(name: str) -> Character:
    symbol = name.partition(":")[2] or name
    base, _, quote = symbol.partition(":")[0].partition("/")
    digits, magnitude, beta, volatility, busy = _generator(name).random(5)
    # What one base is worth in dollars, whatever it is quoted in.
    worth = PRICE.get(base, (1 + 9 * digits) * (0.01, 0.1, 1.0, 10.0, 100.0)[int(5 * magnitude)])
    price = worth / PRICE.get(quote, 1.0)
    return Character(
        price=price,
        beta=0.7 + 0.6 * beta,
        volatility=0.006 + 0.014 * volatility,
        volume=TURNOVER * (1.0 if base in PRICE else 0.02 + 0.5 * busy * busy) / worth,
        # A price has at least five digits, and ticks are never coarser than 0.01; a step is worth 10 cents to a dollar.
        inverse_tick=next(ticks for ticks in (10.0**digits for digits in range(2, 16)) if price * ticks >= 1e4),
        inverse_step=10.0 ** len(str(int(worth))),
    )


def _candles(
    name: str, stream: str, market: Moves, time: np.ndarray, activity: np.ndarray, length: int
) -> pl.DataFrame:
    character = _character(name)
    own = _moves(stream, activity, length)
    share, beta = character.volatility, character.beta * MARKET_VOLATILITY
    volatility = np.sqrt((beta * market.volatility) ** 2 + (share * own.volatility) ** 2)
    path = _folded(np.cumsum(beta * market.returns + share * own.returns))
    ticks = _ticks(stream, path, volatility, character.price * character.inverse_tick)
    prices = {column: count / character.inverse_tick for column, count in ticks.items()}
    # How far the candle went, in units of its usual deviation.
    size = np.abs(np.diff(path, prepend=0.0)) / math.sqrt((beta**2 + share**2) * length / MILLISECONDS["d"])
    noise = _exp(0.35 * _generator(f"{stream}/volume").standard_normal(len(time)))
    volume = character.volume * length / MILLISECONDS["d"] * activity * (0.35 + size) * noise
    # The same turnover buys less when the price is higher.
    steps = np.rint(volume * character.price / prices["close"] * character.inverse_step)
    return pl.DataFrame(
        {"time": time, **prices, "volume": np.maximum(steps, 1) / character.inverse_step}, schema=SCHEMA
    )


def _ticks(stream: str, path: np.ndarray, volatility: np.ndarray, first: float) -> dict[str, np.ndarray]:
    """Open, high, low and close as whole numbers of ticks, at least one. ``path``: log close, from 0 at the start."""
    candles = len(path)
    before = np.concatenate(([0.0], path[:-1]))
    close = np.maximum(np.rint(first * _exp(path)), 1)
    opens = np.concatenate(([np.rint(first)], close[:-1]))
    draw = _generator(f"{stream}/gap").random(candles)
    gap = np.where(draw < GAP_SHARE, (draw / GAP_SHARE - 0.5) * volatility * opens, 0.0)
    gap[0] = 0
    opens = np.maximum(opens + np.rint(gap), 1)
    move = path - before
    reach = np.sqrt((move * move)[:, None] + 2 * (volatility * volatility)[:, None] * _exponentials(stream, candles))
    high = np.rint(first * _exp(before + 0.5 * (move + reach[:, 0])))
    low = np.rint(first * _exp(before + 0.5 * (move - reach[:, 1])))
    return {
        "open": opens,
        "high": np.maximum(high, np.maximum(opens, close)),
        "low": np.maximum(np.minimum(low, np.minimum(opens, close)), 1),
        "close": close,
    }


def _exponentials(stream: str, candles: int) -> np.ndarray:
    return _generator(f"{stream}/extremes").standard_exponential((candles, 2))


def _moves(stream: str, activity: np.ndarray, length: int) -> Moves:
    days = length / MILLISECONDS["d"]
    draws = _generator(f"{stream}/regimes").random((len(activity), len(LIVES) + 1))
    variance = np.full(len(activity), days)
    for column, life in enumerate(LIVES):
        levels, lasting = _held(draws[:, column], length / life)
        variance *= np.repeat(np.where(levels < 0, 1 - MULTIPLIER, 1 + MULTIPLIER), lasting)
    volatility = np.sqrt(variance) * activity
    drift = REGIME_DRIFT * days * np.repeat(*_held(draws[:, -1], length / REGIME_LIFE))
    return Moves(volatility * _generator(f"{stream}/returns").standard_normal(len(activity)) + drift, volatility)


def _held(draws: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels between -1 and 1, drawn anew with that chance per candle, and for how many candles each is held."""
    chance = min(chance, 1.0)
    at = np.flatnonzero(draws < chance)
    levels = 2 * draws[at] / chance - 1
    if not len(at) or at[0] > 0:
        at, levels = np.concatenate(([0], at)), np.concatenate(([2 * draws[0] - 1], levels))
    return levels, np.diff(at, append=len(draws))


def _activity(time: np.ndarray, length: int) -> np.ndarray:
    """How busy the market is when each candle opens, about 1 on weekdays."""
    hours = min(max(length // MILLISECONDS["h"], 1), 24)
    by_hour = np.array([sum(HOURS[(hour + ahead) % 24] for ahead in range(hours)) / hours for hour in range(24)])
    weekday = (time // MILLISECONDS["d"] + 3) % 7  # the epoch was a Thursday
    quiet = np.where((weekday >= 5) & (length <= MILLISECONDS["d"]), WEEKEND, 1.0)
    return by_hour[time // MILLISECONDS["h"] % 24] * quiet


def _folded(path: np.ndarray) -> np.ndarray:
    return WIDEST - np.abs((path + WIDEST) % (4 * WIDEST) - 2 * WIDEST)


def _exp(x: np.ndarray) -> np.ndarray:
    """e to the x, to 1e-10 for -8 < x < 8, with the same bits everywhere."""
    part = x / 1024
    result = 1 + part * (1 + part / 2 * (1 + part / 3 * (1 + part / 4 * (1 + part / 5))))
    for _ in range(10):
        result *= result
    return result


def _generator(stream: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(stream.encode()).digest())))
