"""Both orders rest at the bands and are renewed each candle."""

import numpy as np

from planar import indicator

HOUR = 3_600_000
NAME = "binance:BTC/USDT"


def test_every_fill_is_a_makers(run_of):
    assert set(run_of("bollinger_reversion").fills["liquidity"]) == {"maker"}


def test_a_buy_rests_at_the_lower_band_and_a_sell_at_the_middle_one_never_beyond_the_close(run_of, market):
    frame = market("bollinger_reversion")[NAME]
    close = frame["close"].to_numpy()
    bands = indicator.bbands(close, period=20, up=2.0, down=2.0)
    rows = {int(t) + HOUR: i for i, t in enumerate(frame["time"])}
    for order in run_of("bollinger_reversion").orders.iter_rows(named=True):
        i = rows[order["time"]]
        buy = np.floor(min(bands.lower[i], close[i]) * 100 + 1e-6) / 100
        sell = np.ceil(max(bands.middle[i], close[i]) * 100 - 1e-6) / 100
        assert order["price"] == (buy if order["side"] == "buy" else sell)


def test_an_order_lives_until_the_next_candles_order_is_sent(run_of):
    orders = run_of("bollinger_reversion").orders
    assert orders["time"].is_unique().all()
    assert (orders["done"][:-1] - orders["time"][:-1]).max() <= HOUR + 250
