"""Strategies that trade perpetuals: longs and shorts, margin, funding, liquidation, and what is refused."""

import json
from pathlib import Path

import polars as pl
import pytest

import planar
from planar import Instrument, Strategy, Tiers, indicator

DATA = Path(__file__).parents[3] / "shared" / "data"
BTC = "binance:BTC/USDT:USDT"
ROWS = [(0, 0.004, 125), (50_000, 0.005, 100), (600_000, 0.0065, 75)]
HOUR = 3_600_000
real = [pytest.mark.data, pytest.mark.skipif(not DATA.exists(), reason="no real candles beside the project")]


def perpetual(**terms) -> Instrument:
    usual = {"price_step": 0.1, "amount_step": 0.001, "maker": 0.0002, "taker": 0.0005, "leverage": 10}
    return Instrument(BTC, **{**usual, "tiers": Tiers.of(BTC, ROWS), **terms})


def candles_of(closes, width=0.5) -> pl.DataFrame:
    opens = [closes[0], *closes[:-1]]
    return pl.DataFrame(
        {
            "time": [i * HOUR for i in range(len(closes))],
            "open": [float(x) for x in opens],
            "high": [max(a, b) + width for a, b in zip(opens, closes, strict=True)],
            "low": [min(a, b) - width for a, b in zip(opens, closes, strict=True)],
            "close": [float(x) for x in closes],
            "volume": [1e6] * len(closes),
        }
    )


class Turns(Strategy):
    """Long above its mean, short below it."""

    instruments = (BTC,)
    timeframe = "1h"

    def indicators(self, candles):
        return {"mean": indicator.sma(candles.close, 5)}

    def on_candle(self, candle, broker):
        if candle.close > candle.mean and not broker.is_long:
            broker.target(1.0)
        elif candle.close < candle.mean and not broker.is_short:
            broker.target(-1.0)


class Shorts(Strategy):
    """Sells once, with all there is, and holds."""

    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat and broker.open_orders == 0:
            broker.sell(fraction=0.5)
        broker.plot("liquidation", broker.liquidation_price)


class Geared(Strategy):
    """Chooses its leverage, in and out of bounds."""

    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat and broker.open_orders == 0:
            broker.set_leverage(5.0)
            broker.buy(fraction=1.0)
        broker.plot("lower", broker.set_leverage(2.0))
        broker.plot("leverage", broker.leverage)


def wavy(count=400):
    return [100 + 10 * ((i % 40) / 20 if i % 40 < 20 else 2 - (i % 40) / 20) + 0.01 * i for i in range(count)]


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_compiled_and_interpreted_trade_perpetuals_alike(mode):
    runs = [
        planar.backtest(
            Turns, candles_of(wavy()), instruments=[perpetual(margin_mode=mode)], funding="none", compiled=c
        )
        for c in (True, False)
    ]
    assert runs[0].orders.equals(runs[1].orders)
    assert runs[0].equity.equals(runs[1].equity)
    assert {"long", "short"} == set(runs[0].trades["side"])
    assert runs[0].fills.height > 10


def test_what_a_run_gains_is_what_its_trades_gain_less_fees_and_funding():
    rates = pl.DataFrame({"time": [i * 8 * HOUR + 7 for i in range(60)], "rate": [0.0001, -0.0003, 0.0002] * 20})
    run = planar.backtest(Turns, candles_of(wavy()), instruments=[perpetual()], funding={BTC: rates})
    fills = run.fills.with_columns(sign=pl.when(pl.col("side") == "buy").then(-1.0).otherwise(1.0))
    spent = fills.select((pl.col("sign") * pl.col("cost") - pl.col("fee")).sum()).item()
    held = -fills.select((pl.col("sign") * pl.col("amount")).sum()).item()
    paid = run.fundings["paid"].sum()
    assert run.fundings.height > 40
    assert set(run.fundings["rate"]) == {0.0001, -0.0003, 0.0002}
    expected = 10_000 + spent + held * candles_of(wavy())["close"][-1] - paid
    assert run.equity["equity"][-1] == pytest.approx(expected, abs=1e-6)
    assert run.stats["believe"]["Funding paid"].startswith(f"{paid:,.2f} USDT in {run.fundings.height} payments")


def test_a_short_is_liquidated_where_it_was_told_it_would_be():
    """Half of 10,000 at 10x, sold near 100: about 9 % up there is nothing left, and no more than that half is lost."""
    closes = [100.0] * 5 + [100 + i for i in range(1, 16)]
    run = planar.backtest(Shorts, candles_of(closes), instruments=[perpetual(taker=0.0)], funding="none")
    (first,) = run.fills.filter(pl.col("tag") == "liquidation").head(1).to_dicts()
    told = run.notes.filter(pl.col("text") == "liquidation")["value"].drop_nulls().drop_nans()
    assert told[0] == pytest.approx(109.5, abs=0.3)
    assert first["side"] == "buy"
    assert told[0] <= first["price"] <= told[0] + 2.0
    after = run.equity.filter(pl.col("time") > first["time"])["equity"]
    assert after[0] >= 5_000 - 1e-6
    assert run.stats["believe"]["Liquidations"].startswith("1, in 2 fills")  # down a tier, then all


def test_a_gap_takes_no_more_than_the_margin():
    closes = [100.0] * 4 + [150.0] * 3
    frame = candles_of(closes).with_columns(
        pl.when(pl.col("time") == 4 * HOUR).then(150.0).otherwise("open").alias("open")
    )
    frame = frame.with_columns(low=pl.min_horizontal("low", "open", "close"), high=pl.max_horizontal("high", "open"))
    frame = frame.with_columns(low=pl.when(pl.col("time") == 4 * HOUR).then(149.5).otherwise("low"))
    run = planar.backtest(Shorts, frame, instruments=[perpetual(taker=0.0)], funding="none", end=5 * HOUR)
    assert run.fills["tag"].to_list()[-1] == "liquidation"
    assert 5_000 <= run.equity["equity"][-1] <= 5_050


def test_the_leverage_of_an_isolated_position_is_not_lowered():
    run = planar.backtest(Geared, candles_of([100.0] * 6), instruments=[perpetual()], funding="none")
    plots = {name: run.notes.filter(pl.col("text") == name)["value"].to_list() for name in ("lower", "leverage")}
    assert set(plots["lower"]) == {-float(planar.Reason.INSUFFICIENT_FUNDS)}  # of its order, then of its position
    assert set(plots["leverage"]) == {5.0}


def test_marks_liquidate_and_not_the_last_price():
    closes = [100.0] * 4 + [101.0] * 6
    marks = candles_of([100.0] * 6 + [112.0] * 4).drop("volume")
    terms = {"instruments": [perpetual(taker=0.0)], "funding": "none"}
    assert "liquidation" not in planar.backtest(Shorts, candles_of(closes), **terms).fills["tag"]
    run = planar.backtest(Shorts, candles_of(closes), marks={BTC: marks}, **terms)
    (forced,) = run.fills.filter(pl.col("tag") == "liquidation").head(1).to_dicts()
    assert forced["price"] < 102.0
    assert run.stats["believe"]["Mark price"] == "mark candles"


# What is refused.


def refusal(**terms) -> str:
    with pytest.raises(planar.PlanarError) as told:
        planar.backtest(Shorts, candles_of([100.0] * 60), **{"instruments": [perpetual()], **terms})
    return str(told.value)


def test_a_contract_needs_its_tiers():
    assert "a contract needs its leverage tiers" in refusal(instruments=[BTC], funding="none")
    with pytest.raises(planar.ConfigError, match="tiers=None must be the instrument's leverage tiers"):
        Instrument(BTC)
    with pytest.raises(planar.ConfigError, match="left out: it belongs to contracts"):
        Instrument("binance:BTC/USDT", leverage=3)


def test_a_missing_funding_history_is_never_zero_silently():
    assert "there is no funding history. Fetch it: planar data fetch binance BTC/USDT:USDT --kind funding" in refusal()
    late = pl.DataFrame({"time": [40 * HOUR, 48 * HOUR], "rate": [0.0001] * 2})
    assert "begins at" in refusal(funding={BTC: late})
    holed = pl.DataFrame({"time": [0, 8 * HOUR, 16 * HOUR, 48 * HOUR, 56 * HOUR], "rate": [0.0001] * 5})
    assert "has a hole from 1970-01-01 16:00" in refusal(funding={BTC: holed})
    run = planar.backtest(Shorts, candles_of([100.0] * 60), instruments=[perpetual()], funding="zero")
    assert "what is missing counts as 0, as asked" in run.stats["believe"]["Funding"]


def test_frames_of_others_and_coarse_marks_are_refused():
    frame = candles_of([100.0] * 60)
    assert "'x:ETH/USDT:USDT' is no contract of this run" in refusal(marks={"x:ETH/USDT:USDT": frame}, funding="none")
    coarse = frame.with_columns(time=pl.col("time") * 4)
    assert "4h candles do not make execution candles of 1h" in refusal(marks={BTC: coarse}, funding="none")
    assert "give {instrument: frame}, 'zero' or 'none'. Did you mean" in refusal(funding="zeros")


class TestOnRecordedData:
    """Binance's perpetual of 2023 and 2024, its marks, its funding and its tiers."""

    pytestmark = real

    def terms(self, **more) -> dict:
        rows = json.loads((DATA / "leverage_tiers" / "binance.json").read_text())["BTC/USDT:USDT"]
        given = [(r["minNotional"], r["maintenanceMarginRate"], r["maxLeverage"], r["info"]["cum"]) for r in rows]
        marks = pl.read_parquet(DATA / "ohlcv/binance/BTC-USDT-USDT/8h.mark.2023-2024.parquet").drop("volume")
        marks = marks.rename({"timestamp": "time"})
        rates = pl.read_parquet(DATA / "funding/binance/BTC-USDT-USDT.2023-2024.parquet")
        rates = rates.rename({"timestamp": "time", "funding_rate": "rate"})
        one = perpetual(tiers=Tiers.of(BTC, given), **more)
        return {"instruments": [one], "marks": {BTC: marks}, "funding": {BTC: rates}}

    def test_five_hundred_days_of_funding(self):
        terms = self.terms(leverage=3)
        frame = terms["marks"][BTC].with_columns(volume=pl.lit(1e6))

        class Eights(Shorts):
            timeframe = "8h"

        run = planar.backtest(Eights, frame, start="2023-03-01", end="2023-06-01", **terms)
        assert run.fundings.height > 200
        assert run.fundings["time"].diff().drop_nulls().unique().to_list() == [8 * HOUR]
        again = planar.backtest(Eights, frame, start="2023-03-01", end="2023-06-01", compiled=False, **terms)
        assert run.equity.equals(again.equity)

    def test_twenty_times_in_a_year_that_doubled(self):
        terms = self.terms(leverage=20)
        frame = terms["marks"][BTC].with_columns(volume=pl.lit(1e6))

        class Eights(Shorts):
            timeframe = "8h"

        run = planar.backtest(Eights, frame, **terms)
        assert run.fills.filter(pl.col("tag") == "liquidation").height > 3
        assert run.equity["equity"].min() >= 0.0
