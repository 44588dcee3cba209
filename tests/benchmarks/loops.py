"""The workloads as hand-written numba loops over arrays: no framework, no orders, no checks. What to compare with.

Each decides at close[i] and fills in candle i + 1, writes equity by candle and fills as (instrument, signed price), and
gives how many fills there were. A buy's price is positive, a sell's negative.
"""

import time

import numba
import numpy as np
from candles import FIRST_PRICES, amount_of

FAST, SLOW = 10, 50
TIE = 1e-6
FEE = 0.001
NEAR = 0.002


@numba.njit
def sma_cross(opens, closes, cash, equity, whose, prices):
    """W1: one unit of one instrument."""
    fast = slow = position = 0.0
    wanted = fills = 0
    for i in range(closes.size):
        if wanted != 0:
            cash -= wanted * opens[i] * (1.0 + wanted * FEE)
            position += wanted
            whose[fills], prices[fills] = 0, wanted * opens[i]
            fills += 1
            wanted = 0
        close = closes[i]
        fast += close
        slow += close
        if i >= FAST:
            fast -= closes[i - FAST]
        if i >= SLOW:
            slow -= closes[i - SLOW]
        if i >= SLOW - 1:
            lead = fast / FAST - slow / SLOW
            if lead > TIE and position == 0.0:
                wanted = 1
            elif lead < -TIE and position != 0.0:
                wanted = -1
        equity[i] = cash + position * close
    return fills


@numba.njit
def basket(opens, closes, amounts, cash, equity, whose, prices):
    """W2: many instruments, shape (candles, instruments), one cash."""
    candles, count = closes.shape
    fast, slow, position = np.zeros(count), np.zeros(count), np.zeros(count)
    wanted = np.zeros(count, np.int8)
    fills = 0
    for i in range(candles):
        held = 0.0
        for k in range(count):
            if wanted[k] != 0:
                cost = opens[i, k] * amounts[k] * (1.0 + wanted[k] * FEE)
                if wanted[k] < 0 or cash >= cost:
                    cash -= wanted[k] * cost
                    position[k] += wanted[k] * amounts[k]
                    whose[fills], prices[fills] = k, wanted[k] * opens[i, k]
                    fills += 1
                wanted[k] = 0
            close = closes[i, k]
            fast[k] += close
            slow[k] += close
            if i >= FAST:
                fast[k] -= closes[i - FAST, k]
            if i >= SLOW:
                slow[k] -= closes[i - SLOW, k]
            if i >= SLOW - 1:
                lead = fast[k] / FAST - slow[k] / SLOW
                if lead > TIE and position[k] == 0.0:
                    wanted[k] = 1
                elif lead < -TIE and position[k] != 0.0:
                    wanted[k] = -1
            held += position[k] * close
        equity[i] = cash + held
    return fills


@numba.njit
def requote(highs, lows, closes, cash, equity, whose, prices):
    """W3: a fresh limit order every candle, filled at its price when the next candle touches it."""
    position = limit = 0.0
    side = fills = 0
    for i in range(closes.size):
        if (side == 1 and lows[i] <= limit) or (side == -1 and highs[i] >= limit):
            cash -= side * limit * (1.0 + side * FEE)
            position += side
            whose[fills], prices[fills] = 0, side * limit
            fills += 1
        close = closes[i]
        side = 1 if position == 0.0 else -1
        limit = np.floor(close * (1.0 - side * NEAR) * 100 + 0.5) / 100
        equity[i] = cash + position * close
    return fills


def measure(workload: str, candles: dict[str, np.ndarray], cash: float, patience: float) -> dict:
    """Runs a loop over and over for ``patience`` seconds; gives all seconds and what came out."""
    count, rows = candles["close"].shape
    equity, whose, prices = np.empty(rows), np.empty(count * rows, np.int32), np.empty(count * rows)
    out = (cash, equity, whose, prices)
    if workload == "W1":
        arguments = (candles["open"][0], candles["close"][0], *out)
    elif workload == "W2":
        opens, closes = (np.ascontiguousarray(candles[field].T) for field in ("open", "close"))
        arguments = (opens, closes, np.array([amount_of(k) for k in range(len(FIRST_PRICES))]), *out)
    else:
        arguments = (candles["high"][0], candles["low"][0], candles["close"][0], *out)
    function = {"W1": sma_cross, "W2": basket, "W3": requote}[workload]
    function(*arguments)
    seconds = []
    until = time.perf_counter() + patience
    while len(seconds) < 3 or time.perf_counter() < until:
        begun = time.perf_counter()
        fills = function(*arguments)
        seconds.append(time.perf_counter() - begun)
    prices = prices[:fills]
    result = {"fills": fills, "trades": int((prices < 0).sum()), "equity": float(equity[-1])}
    return {"seconds": seconds, **result, "whose": whose[:fills], "prices": prices}
