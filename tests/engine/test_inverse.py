"""Strategies that trade inverse perpetuals: amounts in contracts, everything that is paid in the base."""

import polars as pl
import pytest

import planar
from planar import Instrument, Strategy, Tiers, indicator

BTC, ETH = "binance:BTC/USD:BTC", "binance:ETH/USD:ETH"
ROWS = [(0, 0.004, 125), (5, 0.005, 100), (10, 0.01, 50)]
HOUR = 3_600_000
NOTHING = planar.FillModel(path="ohlc", latency_ms=0, spread=None, impact=None, stop_slippage=0.0, participation=None)


def inverse(name: str = BTC, **terms) -> Instrument:
    usual = {"price_step": 0.1, "amount_step": 1, "maker": 0.0, "taker": 0.0, "leverage": 10, "contract_size": 100}
    return Instrument(name, **{**usual, "tiers": Tiers.of(name, ROWS), **terms})


def candles_of(*closes: float) -> pl.DataFrame:
    opens = [closes[0], *closes[:-1]]
    return pl.DataFrame(
        {
            "time": [i * HOUR for i in range(len(closes))],
            "open": [float(x) for x in opens],
            "high": [float(max(pair)) for pair in zip(opens, closes, strict=True)],
            "low": [float(min(pair)) for pair in zip(opens, closes, strict=True)],
            "close": [float(x) for x in closes],
            "volume": [1e6] * len(closes),
        }
    )


class Holds(Strategy):
    """Buys once, adds once at another price, sells half, and tells what it sees."""

    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        broker.plot("entry", broker.entry_price)
        broker.plot("gain", broker.unrealised_pnl)
        broker.plot("cash", broker.cash)
        broker.plot("gone", broker.liquidation_price)
        if candle.time <= HOUR:
            broker.buy(50)
        elif candle.time == 3 * HOUR:
            broker.close(0.5)


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


def seen(run, name: str) -> list[float]:
    return [value and round(value, 6) for value in run.notes.filter(pl.col("text") == name)["value"]]


def test_what_a_strategy_sees_is_in_coins():
    """Bybit's example: 50 at 10,000 and 50 at 15,000, of 100 USD here, are 0.833333 BTC, at 12,000.

    At 18,000 they have won 10,000 / 12,000 - 10,000 / 18,000; half of that is realised.
    """
    candles = candles_of(10_000, 10_000, 15_000, 18_000, 18_000, 18_000)
    candles = candles.with_columns(open=pl.Series([1e4, 1e4, 1.5e4, 1.8e4, 1.8e4, 1.8e4]), low=pl.col("close"))
    terms = {"instruments": [inverse(leverage=2)], "cash": {"BTC": 2.0}, "fill": NOTHING, "funding": "none"}
    run = planar.backtest(Holds, candles, **terms)
    assert seen(run, "entry")[-4:] == pytest.approx([12_000, 12_000, 12_000, 12_000], abs=0.1)
    assert seen(run, "gain")[-3:] == pytest.approx([0.277778, 0.138889, 0.138889], abs=1e-6)
    assert seen(run, "cash")[-3:] == pytest.approx([2.0, 2.138889, 2.138889], abs=1e-6)
    assert run.equity["equity"][-1] == pytest.approx(2.277778, abs=1e-6)
    assert run.fills["fee_currency"].to_list() == ["BTC"] * 3
    assert run.fills["cost"].to_list() == pytest.approx([0.5, 0.333333, 0.277778], abs=1e-6)
    assert run.orders["average_price"].to_list() == pytest.approx([10_000, 15_000, 18_000], rel=1e-6)


def synthetic(**terms):
    return planar.backtest(Turns, instruments=[inverse(taker=0.0005)], cash=10.0, **terms)


def test_the_trades_of_a_run_make_its_wallet():
    """What they won, less funding and the fees of what is still open, is by how much the wallet changed."""
    run = synthetic()
    assert len(run.trades) > 20
    open_fees = float(run.fills["fee"].sum()) - float(run.trades["fees"].sum())
    made = float(run.trades["pnl"].sum()) - float(run.fundings["paid"].sum()) - open_fees
    assert made == pytest.approx(float(run.equity["cash"][-1]) - 10.0, abs=1e-6)
    for row in run.trades.head(5).to_dicts():
        sign = 1 if row["side"] == "long" else -1
        gain = sign * row["amount"] * 100 * (1 / row["entry_price"] - 1 / row["exit_price"])
        assert row["pnl"] == pytest.approx(gain - row["fees"], abs=1e-6)


def test_a_run_tells_its_money_in_coins_with_digits_enough():
    run = synthetic()
    assert run.summary().currency == "BTC"
    told = run.stats["believe"]
    assert told["Funding paid"].split()[1] == "BTC"
    assert len(told["Funding paid"].split()[0].partition(".")[2]) == 3
    assert "BTC" in told["Spread and impact paid"]


def test_compiled_and_interpreted_runs_are_the_same():
    ours, theirs = synthetic(compiled=True), synthetic(compiled=False)
    assert ours.fills.equals(theirs.fills)
    assert ours.equity.equals(theirs.equity)


def test_the_books_of_a_portfolio_share_an_account_of_coins():
    half = planar.portfolio([planar.Book(Turns), planar.Book(Turns)], instruments=[inverse()], cash=10.0)
    assert half.equity["equity"][0] == 10.0
    assert half.equity["equity"][-1] == pytest.approx(sum(run.equity["equity"][-1] for run in half.runs.values()))


# What is refused.


def test_an_inverse_contract_needs_its_size():
    with pytest.raises(planar.ConfigError, match="contract_size=None must be what one contract is worth in USD"):
        inverse(contract_size=None)
    with pytest.raises(planar.ConfigError, match="contract_size=100 must be left out"):
        Instrument("binance:BTC/USDT:USDT", tiers=Tiers.of("x", ROWS), contract_size=100)
    with pytest.raises(planar.ConfigError, match="is no perpetual; simulated are spot and perpetuals"):
        Instrument("binance:BTC/USD:ETH")
    with pytest.raises(planar.ConfigError, match="contract_size=100"):
        planar.backtest(Turns, candles_of(*[100.0] * 30), funding="none")


def test_one_run_is_paid_in_one_currency():
    class Both(Turns):
        instruments = (BTC, ETH)

    with pytest.raises(planar.ConfigError, match="the instruments are paid in BTC and ETH"):
        planar.backtest(Both, instruments=[inverse(), inverse(ETH)], funding="none")
    with pytest.raises(planar.ConfigError, match="the instruments are paid in BTC; give cash"):
        planar.backtest(Turns, instruments=[inverse()], cash={"USD": 100.0}, funding="none")


def test_spot_that_is_paid_in_the_coin_goes_with_it():
    class Both(Turns):
        instruments = (BTC, "binance:ETH/BTC")

    instruments = [inverse(), Instrument("binance:ETH/BTC")]
    run = planar.backtest(Both, instruments=instruments, cash={"BTC": 1.0}, funding="none")
    assert run.summary().currency == "BTC"
