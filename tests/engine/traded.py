"""Markets of a few hundred trades, for tests."""

import numpy as np
import polars as pl

from planar import FillModel, Instrument

COIN = Instrument("test:COIN/USD", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01)
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "cross")


def random_trades(draw_from) -> pl.DataFrame:
    """A few hundred trades within some minutes, prices of whole ticks around 100, many of one millisecond."""
    rng = np.random.default_rng(draw_from)
    count = int(rng.integers(2, 300))
    time = np.cumsum(rng.choice([0, 0, 1, 300, 4_000, 70_000], count))
    price = np.maximum(100 + np.cumsum(rng.choice([0, 0, 1, -1, 2, -2], count)), 1)
    side = rng.choice(["buy", "sell"], count)
    return pl.DataFrame(
        {"time": time, "price": price.astype(float), "amount": rng.integers(1, 60, count) * 1.0, "side": side}
    )
