"""What the most used indicators are, for their docstrings in `talib_signatures`.

Each says what it is, its unit or range, its warm-up (the count of leading NaN) as a formula of its parameters, and
where it comes from.
"""

DOCS = {
    "sma": """
        Simple moving average: the mean of the last `period` values.

        Warm-up: period - 1.
    """,
    "ema": """
        Exponential moving average: each new value weighs 2 / (period + 1), all earlier ones together the rest.

        Starts as the mean of the first `period` values, which counts ever less but never stops counting.
        Warm-up: period - 1.
    """,
    "wma": """
        Weighted moving average: the newest of the last `period` values weighs `period`, the oldest 1.

        Warm-up: period - 1.
    """,
    "kama": """
        Kaufman's adaptive moving average: an EMA of 2 in a straight move, of 30 in pure noise.

        period: the length over which net move is compared with path, not the smoothing.
        Warm-up: period.
        Source: Kaufman 1995, "Smarter Trading".
    """,
    "bbands": """
        Bollinger bands: a moving average, and `up` and `down` standard deviations above and below it.

        The deviation is that of the whole window (divided by period, not period - 1).
        Warm-up: period - 1, for average "sma", "ema", "wma", "trima" and "rma"; longer for the others.
        Source: Bollinger 2001, "Bollinger on Bollinger Bands".
    """,
    "donchian": """
        Donchian channel: the highest high and the lowest low of the last `period` candles, and the middle of the two.

        Reads high, low. The newest candle is inside the channel: compare a price with the channel one candle back.
        Warm-up: period - 1.
    """,
    "kc": """
        Keltner channel: an EMA of (high + low + close) / 3, and `multiplier` average true ranges above and below it.

        Reads high, low, close.
        Warm-up: max(period - 1, atr).
        Source: Keltner 1960, "How to Make Money in Commodities"; with the true range after Raschke.
    """,
    "supertrend": """
        Supertrend: a stop line `multiplier` average true ranges from (high + low) / 2 that only moves with the trend.

        Reads high, low, close. `supertrend` is the line, a price; `trend` is 1 while the close is above it, else -1.
        Depends on every row since the first one.
        Warm-up: period.
        Source: Seban, who never published a paper on it.
    """,
    "sar": """
        Parabolic stop and reverse: a trailing stop that speeds up by `acceleration` at each new extreme.

        Reads high, low. A price: below the candle while long, above it while short.
        Depends on every row since the first one.
        Warm-up: 1.
        Source: Wilder 1978, "New Concepts in Technical Trading Systems".
    """,
    "rsi": """
        Relative strength index: the share of gains in all moves, smoothed by Wilder's average, 0 to 100.

        A series that never moved gives 0, not 50. Depends on every row since the first one, with fading weight.
        Warm-up: period.
        Source: Wilder 1978, "New Concepts in Technical Trading Systems".
    """,
    "macd": """
        Moving average convergence/divergence: fast EMA less slow EMA, an EMA of that, and the difference of the two.

        In the unit of `values`. TA-Lib swaps `fast` and `slow` when fast > slow. Both EMAs start at row slow - 1, so
        `macd` differs from ema(fast) - ema(slow) until that start has faded.
        Warm-up: max(fast, slow) - 1 + signal - 1, for all three.
        Source: Appel 2005, "Technical Analysis: Power Tools for Active Investors".
    """,
    "adx": """
        Average directional index: how one-sided the moves are, whichever side, 0 to 100.

        Reads high, low, close. Depends on every row since the first one, with fading weight.
        Warm-up: 2 * period - 1.
        Source: Wilder 1978, "New Concepts in Technical Trading Systems".
    """,
    "stoch": """
        Slow stochastic: where the close lies between the lowest low and the highest high, 0 to 100.

        Reads high, low, close. `k` is the place in the last `fast_k` candles averaged over `slow_k`, `d` is `k`
        averaged over `slow_d`. A range without height gives 0.
        Warm-up: fast_k - 1 + slow_k - 1 + slow_d - 1, for both and for averages "sma", "ema", "wma", "trima", "rma".
        Source: Lane 1984, "Lane's Stochastics", Technical Analysis of Stocks & Commodities 2(3).
    """,
    "willr": """
        Williams %R: where the close lies between the lowest low (-100) and the highest high (0) of `period` candles.

        Reads high, low, close. A range without height gives 0.
        Warm-up: period - 1.
        Source: Williams 1979, "How I Made One Million Dollars Last Year Trading Commodities".
    """,
    "cci": """
        Commodity channel index: (high + low + close) / 3 less its mean, in units of 0.015 mean deviations.

        Reads high, low, close. Has no bounds; most values lie within 100 of zero.
        Warm-up: period - 1.
        Source: Lambert 1980, "Commodity Channel Index", Commodities, October.
    """,
    "mfi": """
        Money flow index: the share of turnover on rising typical prices in `period` candles, 0 to 100.

        Reads high, low, close, volume. No turnover at all gives 0.
        Warm-up: period.
        Source: Quong and Soudack 1989, "Volume-Weighted RSI", Technical Analysis of Stocks & Commodities 7(3).
    """,
    "roc": """
        Rate of change: the move since `period` rows ago in percent (1.0 = 1 %).

        Warm-up: period.
    """,
    "mom": """
        Momentum: the move since `period` rows ago, in the unit of `values`.

        Warm-up: period.
    """,
    "atr": """
        Average true range: Wilder's average of the true range, which counts a gap from the last close; a price.

        Reads high, low, close. Depends on every row since the first one, with fading weight.
        Warm-up: period.
        Source: Wilder 1978, "New Concepts in Technical Trading Systems".
    """,
    "stddev": """
        Standard deviation of the last `period` values, times `multiplier`.

        That of the whole window: divided by period, not period - 1.
        Warm-up: period - 1.
    """,
    "linearreg": """
        End point of the least-squares line through the last `period` values.

        Warm-up: period - 1.
    """,
    "obv": """
        On-balance volume: volume added when the close rises and taken off when it falls.

        Reads close, volume. Starts at the first candle's volume: its level means nothing, its moves do.
        Warm-up: 0.
        Source: Granville 1963, "Granville's New Key to Stock Market Profits".
    """,
    "vwap": """
        Volume-weighted average of (high + low + close) / 3 since the first candle; it is never reset.

        Reads high, low, close, volume. 0.0 until the first candle that has volume.
        Warm-up: 0.
    """,
}

SWAP = "TA-Lib swaps `fast` and `slow` when fast > slow."
ROW = "A row number, counted from the first row given."
CONFIRMED = "200 and -200 mark the candle that confirms the pattern."
EDGE = "80 and -80 when one end of the two bodies is the same price."

# One fact more for a generated docstring.
NOTES = {
    "apo": SWAP,
    "aroon": "Gives `down` before `up`.",
    "beta": "Slope of the asset's returns over the market's: the market comes first.",
    "cdlengulfing": EDGE,
    "cdlharami": EDGE,
    "cdlharamicross": EDGE,
    "cdlhikkake": CONFIRMED,
    "cdlhikkakemod": CONFIRMED,
    "cmf": "A window without any volume gives round-off noise (measured: -0.17), not 0: look at the volume first.",
    "dpo": "The value period // 2 + 1 rows ago less the average now: never ahead, but about that earlier row.",
    "fractal": "100 stands on the candle that confirms the swing, `right` candles after the swing itself.",
    "macdext": "TA-Lib swaps `fast` and `slow`, with their averages, when fast > slow.",
    "mavp": "periods: the period of each row, rounded down and kept within `shortest` and `longest`.",
    "maxindex": ROW,
    "minindex": ROW,
    "minmaxindex": ROW,
    "percentile": "percentile: 0 to 100.",
    "ppo": SWAP,
    "pvo": SWAP,
    "rvol": "A window without any volume gives NaN or infinity.",
    "sarext": "Negative while short. start: above 0 begins long at it, below 0 short at it, 0 as sar does.",
    "vwma": "A window without any volume gives NaN, infinity or round-off noise (measured: -36 for prices near 100).",
}
