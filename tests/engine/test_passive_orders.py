"""Whether a passive order fills over trades lies between its answers over candles under cross and under touch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine.traded import COIN, PLAIN, random_trades
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planar
from planar import Instrument, Strategy
from planar.engine.recorded_trades import checked_prints
from planar.model.timeframe import milliseconds

DATA = Path(__file__).parents[3] / "shared" / "data" / "trades"
SEEDS = st.integers(0, 2**32 - 1)
SETTLED = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


class Passive(Strategy):
    """Rests a buy below and a sell above the market, post-only, for some candles, then others: one each at a time."""

    timeframe = "1m"
    hold = planar.param(2, low=1, high=100)
    away = planar.param(0.01, low=0.0, high=0.1)
    n = 0

    def on_candle(self, candle, broker):
        self.n += 1
        if self.n == 1:
            broker.buy(fraction=0.5)
        if self.n % self.hold:
            return
        amount, away = 2.0 * broker.min_amount, candle.close * self.away * (self.n // self.hold % 4) + broker.price_step
        end = candle.now + self.hold * (candle.now - candle.time)
        broker.buy(amount, price=candle.close - away, post_only=True, tif="GTD", expire=end, tag="passive")
        if self.n > 2:
            broker.sell(amount, price=candle.close + away, post_only=True, tif="GTD", expire=end, tag="passive")


def answers(frame, instrument, timeframe="1m", **params) -> dict[str, list[str]]:
    """What became of the passive orders over trades and over the candles made of them, by "cross" and by "touch"."""
    cls = type("Timed", (Passive,), {"timeframe": timeframe})
    prints = checked_prints(frame, "frame")
    length = milliseconds(timeframe)
    candles = prints.whole_candles(length, int(prints.time[-1]) // length * length)
    if len(candles) < 3:
        return {}
    last = pl.col("time") < candles.close_at(-1)  # candles tell of whole ones alone
    found = {}
    for fill in ("cross", "touch"):
        model = replace(PLAIN, limit_fill=fill)
        options = {"instruments": instrument, "params": params, "fill": model, "cash": 1e9}
        runs = {"candles": planar.backtest(cls, candles.frame, **options)}
        runs["trades"] = planar.backtest(cls, trades=frame.filter(last), **options)
        for over, run in runs.items():
            # The last candle of all is not over when the last trade comes; nothing asked then could fill.
            found[f"{over} {fill}"] = run.orders.filter(pl.col("tag") == "passive")["status"].to_list()
    shared = min(map(len, found.values()))
    return {name: statuses[:shared] for name, statuses in found.items()}


def assert_between(found: dict[str, list[str]]) -> tuple[int, int, int]:
    """Of the orders that are passive at the open they arrive at. Gives how many, how many cross, and how many touch."""
    passive = [i for i, status in enumerate(found["candles cross"]) if status != "REJECTED"]
    cross, touch = ({i for i in passive if found[f"candles {fill}"][i] == "FILLED"} for fill in ("cross", "touch"))
    for fill in ("cross", "touch"):
        over_trades = {i for i in passive if found[f"trades {fill}"][i] == "FILLED"}
        assert cross <= over_trades <= touch
    return len(passive), len(cross), len(touch)


@SETTLED
@given(SEEDS, st.integers(1, 5), st.sampled_from([0.0, 0.005, 0.02]))
def test_whether_a_passive_order_fills_lies_between_its_answers_over_candles(seed, hold, away):
    found = answers(random_trades(seed), replace(COIN, min_amount=1.0), hold=hold, away=away)
    if found:
        assert_between(found)


RECORDED = [
    ("binance/BTC-USDT.2024-08-08", "5s", 0.01, 1e-5, 0.0001),
    ("binance/BTC-USDT-USDT.2024-08-08", "5s", 0.1, 1e-3, 0.0001),
    ("binance/XRP-ETH.2019-10", "5m", 1e-8, 1.0, 0.001),
    ("kraken/BTC-USDT.2025-11-10", "1m", 0.1, 1e-5, 0.0005),
]


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")
@pytest.mark.parametrize(("name", "timeframe", "price_step", "amount_step", "away"), RECORDED)
def test_whether_a_passive_order_fills_on_recorded_trades_lies_between_its_answers_over_candles(
    name, timeframe, price_step, amount_step, away
):
    frame = pl.read_parquet(DATA / f"{name}.parquet").with_columns(time=pl.col("timestamp").dt.epoch("ms"))
    instrument = Instrument("test:COIN/USD", price_step, amount_step, amount_step)
    total = np.zeros(3, int)
    for hold in (1, 5):
        total += assert_between(answers(frame, instrument, timeframe, hold=hold, away=away))
    passive, cross, touch = total
    print(f"{name}: {passive} passive orders, {cross} cross, {touch} touch")
    assert passive > 50
    assert 0 < cross <= touch
