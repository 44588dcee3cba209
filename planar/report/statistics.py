"""Statistics of a run: what it earned, what it risked, how it traded.

A curve is two arrays, ``times`` (ms, rising) and ``equity`` (quote), and begins with the start cash at the start of the
run. Shares are fractions (0.01 is 1 %). What is not defined is None, never NaN or infinite, so a summary is valid JSON.

A year is 365.25 days everywhere, because these markets never close; and the risk-free rate is zero.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from planar.errors import DataError
from planar.model.timeframe import MILLISECONDS
from planar.report.trades import total_fees

Array = np.ndarray

DAY = MILLISECONDS["d"]
YEAR = 365.25 * DAY
LEAST_DAYS = 30

# Returns are ratios of floats near one, which err by 2e-16: a deviation below this is round-off.
NO_DEVIATION = 1e-14


def summary(
    equity: pl.DataFrame,
    trades: pl.DataFrame,
    fills: pl.DataFrame,
    *,
    start_time: int,
    start_cash: float,
    buy_and_hold: float | None,
    exposure: float | None,
    rejected: Mapping[str, int] | None = None,
    rates: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Every statistic of a run by name, in the order of the printout, as plain Python numbers.

    equity: columns ``time`` (ms, the moment of the mark, rising), ``equity`` (quote); no rows is a run without candles.
    trades, fills: as in planar.report.trades; ``fees`` counts the fills of open trades too.
    start_time, start_cash: ms and quote, before the first row; the first row may already be at start_time.
    buy_and_hold: return of buying at the start and holding. exposure: fraction of the time with a position.
    rejected: reason -> refused orders. rates: quote per unit of each third currency that fees were paid in.

    Raises DataError when the start cash is not above zero, or the equity is unsorted or not finite.
    """
    times, curve = _curve(equity, start_time, start_cash)
    steps, per_year = returns(times, curve)
    depth, duration = drawdown(times, curve)
    pnl = trades["pnl"].to_numpy()
    values = {
        "final_equity": curve[-1],
        "total_return": total_return(curve[0], curve[-1]),
        "buy_and_hold_return": buy_and_hold,
        "cagr": cagr(curve[0], curve[-1], times[-1] - times[0]),
        "volatility": volatility(steps, per_year),
        "sharpe": sharpe(steps, per_year),
        "sortino": sortino(steps, per_year),
        "max_drawdown": depth,
        "max_drawdown_duration_ms": duration,
        "trades": len(pnl),
        "win_rate": win_rate(pnl),
        "profit_factor": profit_factor(pnl),
        "exposure": exposure,
        "fees": total_fees(fills, rates=rates),
    }
    counts = {reason: int(count) for reason, count in (rejected or {}).items()}
    return {name: _plain(value) for name, value in values.items()} | {"rejected": counts}


def total_return(start: float, final: float) -> float:
    """Gain over the start, as a fraction of it; -1.0 when all is lost. start > 0."""
    return final / start - 1.0


def cagr(start: float, final: float, span_ms: float) -> float | None:
    """Compound annual growth rate: the yearly return that turns start into final within the span.

    -1.0 when final is zero or below. None for no span, or when a short one makes the number larger than floats go.
    Short spans give large numbers; under a year it says what would be, not what was.
    """
    if span_ms <= 0:
        return None
    if final <= 0.0:
        return -1.0
    growth = (math.log(final) - math.log(start)) * YEAR / span_ms
    return math.expm1(growth) if growth < math.log(np.finfo(float).max) else None


def returns(times: Array, equity: Array) -> tuple[Array, float]:
    """Returns of a curve as fractions, and how many of them make a year.

    From 30 days on, returns are daily, close to close at midnight UTC, as is usual: minutes measure the bounce of
    prices between bid and ask and the autocorrelation of a position more than the strategy. The first and the last
    day may be parts of days, so that the returns compound to the total return; a day without candles returns zero.
    A shorter run, or one with candles of a day or longer, is taken row by row.

    A curve that reaches zero ends there. Fewer than two rows, or no span, gives no returns and a rate of zero.
    """
    span = float(times[-1] - times[0])
    if len(times) < 2 or span <= 0.0:
        return np.empty(0), 0.0
    per_year = (len(times) - 1) / (span / YEAR)
    if span >= LEAST_DAYS * DAY and per_year > YEAR / DAY:
        per_year = YEAR / DAY
        # A mark at midnight belongs to the day that ends then.
        closes = np.arange(times[0] // DAY + 1, -(-times[-1] // DAY) + 1) * DAY
        ends = np.searchsorted(times, closes, side="right") - 1
        equity = np.concatenate((equity[:1], equity[ends]))
    ruined = np.flatnonzero(equity <= 0.0)
    if len(ruined):
        equity = equity[: ruined[0] + 1]
    return equity[1:] / equity[:-1] - 1.0, per_year


def volatility(returns: Array, per_year: float) -> float | None:
    """Yearly standard deviation of returns, as a fraction, with n - 1; None when n < 2."""
    return float(np.std(returns, ddof=1)) * math.sqrt(per_year) if len(returns) > 1 else None


def sharpe(returns: Array, per_year: float) -> float | None:
    """Yearly Sharpe ratio; None when n < 2 or the returns never change.

    Source: Sharpe 1994, "The Sharpe Ratio", J. Portfolio Management 21(1), eq. 7, times the root of periods per year.
    """
    if len(returns) < 2:
        return None
    deviation = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / deviation * math.sqrt(per_year) if deviation > NO_DEVIATION else None


def sortino(returns: Array, per_year: float) -> float | None:
    """Yearly Sortino ratio against a target of zero; None when n < 2 or no period lost anything.

    The downside deviation is the root of the mean square of losses over all n periods, those that gained as zeros.
    Source: Sortino and Price 1994, "Performance Measurement in a Downside Risk Framework", J. Investing 3(3).
    """
    if len(returns) < 2:
        return None
    deviation = math.sqrt(np.mean(np.square(np.minimum(returns, 0.0))))
    return float(np.mean(returns)) / deviation * math.sqrt(per_year) if deviation > NO_DEVIATION else None


def drawdown(times: Array, equity: Array) -> tuple[float, int]:
    """The deepest fall below an earlier peak, as a positive fraction of that peak, and how long it lasted in ms.

    It lasts from the last row at the peak to the first row back at it, or to the end. The earliest of equal ones
    counts. (0.0, 0) when the curve never falls; above 1.0 only when debts take the equity below zero.
    """
    shares = np.maximum.accumulate(equity)
    np.divide(equity, shares, out=shares)  # of the peak so far; in place, since fresh pages are what costs time here
    bottom = int(np.argmin(shares))
    if shares[bottom] >= 1.0:
        return 0.0, 0
    peak = equity[: bottom + 1].max()
    begin = bottom - int(np.argmax(equity[bottom::-1] == peak))
    back = equity[bottom:] >= peak
    end = bottom + int(np.argmax(back)) if back.any() else len(equity) - 1
    return float(1.0 - shares[bottom]), int(times[end] - times[begin])


def win_rate(pnl: Array) -> float | None:
    """Fraction of trades that earned more than nothing after fees; None without trades."""
    return float(np.mean(pnl > 0.0)) if len(pnl) else None


def profit_factor(pnl: Array) -> float | None:
    """What winning trades won per unit that losing trades lost; None when none lost, since it has no bound then."""
    lost = -float(np.sum(pnl[pnl < 0.0]))
    return float(np.sum(pnl[pnl > 0.0])) / lost if lost > 0.0 else None


def _curve(rows: pl.DataFrame, start_time: int, start_cash: float) -> tuple[Array, Array]:
    """Times and equity of a run, beginning with the start cash."""
    if not start_cash > 0.0:
        raise DataError(f"a run needs a start cash above zero to be measured against, not {start_cash}.")
    times = np.concatenate(([start_time], rows["time"].to_numpy().astype(np.int64, copy=False)))
    equity = np.concatenate(([float(start_cash)], rows["equity"].to_numpy()))
    if not np.all(times[1:] >= times[:-1]):
        raise DataError(f"the rows of the equity must rise in time and begin at the run's start, {start_time}.")
    if not np.isfinite(equity).all():
        raise DataError(f"equity row {int(np.argmin(np.isfinite(equity))) - 1} is not a finite number.")
    return times, equity


def _plain(value: Any) -> float | int | None:
    """A number of JSON: Python's own, and None for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)
