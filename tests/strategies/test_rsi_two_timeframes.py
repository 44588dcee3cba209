"""Dips are bought only while the last day that has ended closed above its average."""

import numpy as np

from planar import indicator

HOUR, DAY = 3_600_000, 86_400_000
NAME = "binance:BTC/USDT"


def test_every_order_fits_the_hour_and_the_last_day_that_had_ended(run_of, market):
    frame = market("rsi_two_timeframes")[NAME]
    time, close = frame["time"].to_numpy(), frame["close"].to_numpy()
    rsi = indicator.rsi(close, 14)
    days = close[23::24]  # the market begins at midnight
    trend = indicator.sma(days, 20)
    orders = run_of("rsi_two_timeframes").orders
    assert set(orders["tag"]) == {"dip", "recovered", "trend broken"}
    for order in orders.iter_rows(named=True):
        i = np.searchsorted(time, order["time"]) - 1  # the candle that closed at the decision
        day = (order["time"] - time[0]) // DAY - 1
        is_rising = days[day] > trend[day]
        if order["tag"] == "dip":
            assert order["side"] == "buy"
            assert is_rising
            assert rsi[i] < 35.0
        else:
            assert order["side"] == "sell"
            assert rsi[i] > 60.0 if order["tag"] == "recovered" else not is_rising
