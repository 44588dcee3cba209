"""Backtests on real candles: gaps, many instruments, minutes under hours. Skipped where the data is missing."""

from pathlib import Path

import polars as pl
import pytest

import planar
from planar.store.candles import checked
from planar.store.store import Store

DATA = Path(__file__).parents[3] / "shared" / "data" / "ohlcv" / "binance"
FUNDING = DATA.parents[1] / "funding" / "binance" / "BTC-USDT-USDT.2023-2024.parquet"
COINS = ("ADA", "AVAX", "BCH", "BTC", "CHZ", "DOT")

pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.exists(), reason="no real candles beside the project")]


def real(name: str) -> pl.DataFrame:
    return pl.read_parquet(DATA / name)


def results(run: planar.Run) -> tuple:
    return run.orders, run.fills, run.equity


def assert_is_sound(run: planar.Run) -> None:
    """No fill outside the candles, no cash below zero, and the books add up."""
    fills, cash = run.fills, run.equity["cash"]
    assert len(fills) > 20
    assert cash.min() >= 0.0
    spent = fills.select(
        pl.when(pl.col("side") == "buy").then(-pl.col("cost")).otherwise("cost").sum() - pl.col("fee").sum()
    ).item()
    assert cash[-1] == pytest.approx(10_000.0 + spent, abs=1e-6)


def test_five_years_of_hours_with_27_gaps():
    run = planar.backtest("sma_cross", real("BTC-USDT/1h.parquet"))
    assert_is_sound(run)
    assert run.stats["believe"]["Data gaps"] == "binance:BTC/USDT 127 candles"
    assert len(run.equity) == 45_024
    again = planar.backtest("sma_cross", real("BTC-USDT/1h.parquet"), compiled=False)
    for compiled, interpreted in zip(results(run), results(again), strict=True):
        assert compiled.equals(interpreted)


def test_hours_settled_on_minutes_of_five():
    """The same decisions' moments as on hours alone, finer fills."""
    fine = planar.backtest("rsi_two_timeframes", real("BTC-USDT/5m.parquet"))
    assert fine.stats["believe"]["Execution timeframe"] == "5m"
    assert len(fine.equity) == 48_491
    assert set(fine.orders["time"].unique() % 3_600_000) <= {0}


@pytest.mark.parametrize("fee_side", ["quote", "base"])
def test_a_grid_on_real_minutes_never_owes_anything(fee_side):
    name = "binance:BTC/USDT"
    rules = {name: planar.Instrument(name, price_step=0.01, amount_step=1e-5, min_cost=5.0, fee_side=fee_side)}
    frame = real("BTC-USDT-USDT/1m.parquet")
    params = {"lot": 0.01, "spacing": 0.003}
    run = planar.backtest("grid_maker", frame, instruments=rules, params=params, fees=(0.0002, 0.0005))
    assert len(run.fills) > 20
    assert run.equity["cash"].min() >= 0.0
    candles = frame.with_columns(pl.col("timestamp").dt.epoch("ms").alias("time"))
    inside = run.fills.with_columns(pl.col("time") // 60_000 * 60_000).join(candles, on="time", how="left")
    makers = inside.filter(pl.col("liquidity") == "maker")
    assert len(makers) > 10
    # A gapped limit fills at its price, which the candle has left behind.
    reached = (
        pl.when(pl.col("side") == "buy")
        .then(pl.col("price") > pl.col("low"))
        .otherwise(pl.col("price") < pl.col("high"))
    )
    assert makers.select(reached).to_series().all()


def test_a_universe_with_gaps_is_rotated():
    frames = {f"binance:{coin}/USDT": real(f"{coin}-USDT/1h.2021h1.parquet") for coin in COINS}

    class Rotation(planar.Strategy):
        instruments = list(frames)  # noqa: RUF012
        timeframe = "1h"

        def indicators(self, candles):
            return {"momentum": planar.indicator.roc(candles.close, 48)}

        def on_step(self, universe):
            if universe.now // 3_600_000 % 24 == 0:
                best = sorted(universe, key=lambda m: m.candle.momentum, reverse=True)[:2]
                universe.rebalance(dict.fromkeys(best, 0.5))

    run = planar.backtest(Rotation, frames)
    assert_is_sound(run)
    assert run.trades["instrument"].n_unique() == len(COINS)


class SeesFunding(planar.Strategy):
    """Notes the rate that it sees each hour."""

    instruments = ["binance:BTC/USDT"]  # noqa: RUF012
    timeframe = "1h"
    data = {"funding": planar.series.funding("binance:BTC/USDT:USDT")}  # noqa: RUF012

    def on_candle(self, candle, broker):
        broker.log("{}", candle.funding.rate)


def test_recorded_funding_rates_are_known_at_the_full_hour_although_recorded_late(tmp_path):
    """1,498 of them, up to 29 ms late: the decision of each funding hour sees its rate, and none sees a later one."""
    funding = pl.read_parquet(FUNDING).select(pl.col("timestamp").dt.epoch("ms").alias("time"), rate="funding_rate")
    assert (funding["time"] % 3_600_000).max() == 29
    store = Store(tmp_path / "s.duckdb")
    store.write_candles(
        "binance:BTC/USDT", "1h", checked(real("BTC-USDT-USDT/1h.2023-2024.parquet"), name="BTC"), "a test"
    )
    store.write_funding("binance:BTC/USDT:USDT", funding, "a test")
    seen = planar.backtest(SeesFunding, store=store).notes
    rates = {time // 3_600_000: rate for time, rate in funding.iter_rows()}
    expected = [rates[hour - hour % 8] for hour in (seen["time"] // 3_600_000).to_list() if hour - hour % 8 in rates]
    assert [float(text) for text in seen["text"].to_list()[: len(expected)]] == expected
    assert len(expected) > 1_497 * 8
