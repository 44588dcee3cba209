"""Profiles of peers, row by row of section 17 of docs/simulation.md: by hand, from what they publish."""

import polars as pl
import pytest

import planar
from planar import Instrument, Strategy

COIN = Instrument("test:COIN/USD", 1.0, 1.0, maker=0.0, taker=0.0)
MINUTE = 60_000
FLAT = (100, 100, 100, 100)


def played(profile, rows, at):
    """Fills of orders asked for at the closes of candles: (candle, side, price, amount)."""

    class Scripted(Strategy):
        timeframe = "1m"

        def on_candle(self, candle, broker):
            for side, amount, terms in at.get(candle.time // MINUTE, ()):
                getattr(broker, side)(amount, **terms)

    columns = dict(zip(("open", "high", "low", "close"), zip(*rows, strict=True), strict=True))
    frame = pl.DataFrame({"time": [i * MINUTE for i in range(len(rows))], **columns, "volume": [1.0] * len(rows)})
    frame = frame.cast(dict.fromkeys(columns, pl.Float64))
    run = planar.backtest(Scripted, frame, instruments=COIN, fill=profile)
    return [
        (t // MINUTE, side, price, n)
        for t, side, price, n in run.fills.select("time", "side", "price", "amount").rows()
    ]


BUY = [("buy", 50.0, {})]
ROWS = {
    "a market order trades at the next open": (
        [FLAT, (103, 110, 90, 105)], {0: BUY}, [(1, "buy", 103.0, 50.0)],
    ),
    "an exit trades at the next open": (
        [FLAT, FLAT, (97, 110, 90, 105)], {0: BUY, 1: [("sell", 50.0, {})]},
        [(1, "buy", 100.0, 50.0), (2, "sell", 97.0, 50.0)],
    ),
    "a limit fills whole at its price where the candle only touches it": (
        [FLAT, (100, 101, 95, 99)], {0: [("buy", 50.0, {"price": 95.0})]}, [(1, "buy", 95.0, 50.0)],
    ),
    "a limit out of the candle does not": (
        [FLAT, (100, 101, 95, 99)], {0: [("buy", 50.0, {"price": 94.0})]}, [],
    ),
    "a new limit that the open is beyond trades at the open": (
        [FLAT, (97, 101, 95, 99)], {0: [("buy", 50.0, {"price": 99.0})]}, [(1, "buy", 97.0, 50.0)],
    ),
    "a stop trades exactly at its price, even if low was lower": (
        [FLAT, FLAT, (100, 101, 80, 85)], {0: BUY, 1: [("sell", 50.0, {"stop": 90.0})]},
        [(1, "buy", 100.0, 50.0), (2, "sell", 90.0, 50.0)],
    ),
    "of a stop and a take in one candle the stop comes first": (
        [FLAT, FLAT, (100, 120, 80, 110)],
        {0: BUY, 1: [("sell", 25.0, {"stop": 90.0}), ("sell", 25.0, {"price": 110.0})]},
        [(1, "buy", 100.0, 50.0), (2, "sell", 90.0, 25.0), (2, "sell", 110.0, 25.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("profile", ["freqtrade", "backtesting.py"])
@pytest.mark.parametrize("row", ROWS)
def test_a_convention(profile, row):
    rows, at, expected = ROWS[row]
    assert played(profile, rows, at) == expected


def test_what_is_not_expressed_is_as_the_law_says():
    """A stop that the open has gapped through trades at the open, which freqtrade's users do not see."""
    rows = [FLAT, FLAT, (70, 75, 65, 72)]
    at = {0: BUY, 1: [("sell", 50.0, {"stop": 90.0})]}
    assert played("freqtrade", [*rows[:2], FLAT, rows[2]], at)[-1] == (3, "sell", 70.0, 50.0)
