"""How fast perpetuals are settled: a year of minutes with tiers and funding, `python tests/benchmarks/futures.py`.

Prints candles a second of processor time inside `Simulation.run`, the best of four, beside the same rules on spot.
"""

import time

import numpy as np
import polars as pl

import planar
from planar.engine.simulation import Simulation

NAME, SPOT, COIN, MINUTES = "binance:BTC/USDT:USDT", "binance:BTC/USDT", "binance:BTC/USD:BTC", 525_600
ROWS = [(0, 0.004, 125), (50_000, 0.005, 100), (600_000, 0.0065, 75)]


class Cross(planar.Strategy):
    """Long above a slower mean; below it short, on spot flat."""

    instruments = (NAME,)
    timeframe = "1m"
    below = planar.param(-0.5, low=-1.0, high=0.0)

    def indicators(self, candles):
        return {"fast": planar.indicator.sma(candles.close, 200), "slow": planar.indicator.sma(candles.close, 1_000)}

    def on_candle(self, candle, broker):
        if candle.fast > candle.slow and not broker.is_long:
            broker.target(0.5)
        elif candle.fast < candle.slow and (broker.is_long or (broker.is_flat and self.below < 0.0)):
            broker.target(self.below)


class CrossOfCoins(Cross):
    """The same on an inverse contract."""

    instruments = (COIN,)


def market() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Minutes from a seed, and a funding rate every eight hours."""
    dice = np.random.default_rng(1)
    close = np.round(100 * np.exp(np.cumsum(dice.normal(0, 0.0004, MINUTES))), 2)
    opens, time_ = np.r_[100.0, close[:-1]], np.arange(MINUTES) * 60_000
    columns = {"time": time_, "open": opens, "high": np.maximum(opens, close) + 0.02}
    columns |= {"low": np.minimum(opens, close) - 0.02, "close": close, "volume": np.full(MINUTES, 1e5)}
    return pl.DataFrame(columns), pl.DataFrame({"time": time_[::480], "rate": np.full(len(time_[::480]), 1e-4)})


def best(strategy: type[planar.Strategy] = Cross, **terms) -> tuple[float, planar.Run]:
    """Millions of candles a second, and the run."""
    took, run = [], Simulation.run

    def timed(self, *args, **kwargs):
        start = time.process_time()
        run(self, *args, **kwargs)
        took.append(time.process_time() - start)

    Simulation.run = timed
    try:
        for _ in range(4):
            result = planar.backtest(strategy, **terms)
    finally:
        Simulation.run = run
    return MINUTES / min(took) / 1e6, result


def main() -> None:
    frame, rates = market()
    speed, run = best(candles=frame, instruments=[planar.Instrument(SPOT)], params={"below": 0.0})
    print(f"spot                    {speed:6.1f} M candles/s, {len(run.fills)} fills")
    for mode in ("isolated", "cross"):
        tiers = planar.Tiers.of(NAME, ROWS)
        one = planar.Instrument(NAME, tiers=tiers, leverage=3, margin_mode=mode, taker=0.0005, maker=0.0002)
        for what, marks in (("last price", None), ("mark candles", {NAME: frame.drop("volume")})):
            speed, run = best(candles=frame, instruments=[one], funding={NAME: rates}, marks=marks)
            told = f"{len(run.fills)} fills, {len(run.fundings)} payments"
            print(f"{mode:9s}{what:14s} {speed:6.1f} M candles/s, {told}")
    terms = {"leverage": 3, "contract_size": 100, "amount_step": 1, "taker": 0.0005, "maker": 0.0002}
    one = planar.Instrument(COIN, tiers=planar.Tiers.of(COIN, ROWS), **terms)
    speed, run = best(strategy=CrossOfCoins, candles=frame, instruments=[one], funding={COIN: rates})
    print(f"inverse, isolated       {speed:6.1f} M candles/s, {len(run.fills)} fills, {len(run.fundings)} payments")


if __name__ == "__main__":
    main()
