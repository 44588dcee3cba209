"""Execution candles finer than the strategy's: what decides, what fills, and which are chosen."""

import numpy as np
import polars as pl
import pytest

import planar
from planar import FillModel, Instrument, Strategy
from planar.errors import ConfigError, DataError
from planar.store.store import Store
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
MINUTE, HOUR = 60_000, 3_600_000
RULES = {NAME: Instrument(NAME, price_step=0.01, amount_step=0.01)}
EXACT = FillModel(path="ohlc", latency_ms=0, spread=None, impact=None, stop_slippage=0.0, participation=None)


class Hourly(Strategy):
    """Buys at the first close and protects itself 1 % below; keeps what it saw."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"

    seen = 0
    last_close = 0.0
    told_at = 0

    def on_candle(self, candle, broker):
        self.seen += 1
        self.last_close = candle.close
        if self.seen == 1:
            broker.buy(fraction=0.5)
            broker.sell(amount=10.0, stop=0.99 * candle.close)

    def on_fill(self, fill, broker):
        self.told_at = broker.now
        if fill.is_buy:
            broker.sell(fraction=1.0, stop=99.0)


def minutes(prices):
    """One flat-to-close candle a minute."""
    opens = [prices[0], *prices[:-1]]
    rows = [(i * MINUTE, o, max(o, c), min(o, c), c, 1e6) for i, (o, c) in enumerate(zip(opens, prices, strict=True))]
    return pl.DataFrame(rows, schema=["time", "open", "high", "low", "close", "volume"], orient="row")


def fall(at):
    """100 for five hours, but 98.5 in one minute."""
    return minutes([98.5 if i == at else 100.0 for i in range(300)])


@pytest.mark.parametrize("compiled", [True, False])
def test_hourly_decisions_are_settled_minute_by_minute(compiled):
    """The stop sent when the first fill was told, at 61 minutes, trades in minute 97, not at the end of the hour."""
    run = planar.backtest(
        Hourly, fall(97), instruments=RULES, fill=EXACT, fees=0.0, cash=1000.0, compiled=compiled
    )  # fmt: skip
    assert run.stats["believe"]["Execution timeframe"] == "1m"
    assert len(run.equity) == 300
    buy, sell = run.fills.rows(named=True)
    assert (buy["time"], buy["price"], buy["amount"]) == (HOUR, 100.0, 5.0)
    assert 97 * MINUTE <= sell["time"] < 98 * MINUTE
    assert (sell["price"], sell["amount"]) == (99.0, 5.0)
    memory = run.memory[NAME]
    assert (memory["seen"], memory["last_close"]) == (5, 100.0)
    assert memory["told_at"] == 98 * MINUTE  # the close of the minute that filled it


def test_a_coarser_execution_timeframe_is_made_of_the_candles_given():
    run = planar.backtest(
        Hourly, fall(97), instruments=RULES, fill=EXACT, fees=0.0, cash=1000.0, execution_timeframe="15m"
    )
    assert run.stats["believe"]["Execution timeframe"] == "15m"
    assert len(run.equity) == 20
    assert run.equity["time"].to_list() == [(i + 1) * 15 * MINUTE for i in range(20)]
    assert run.fills["price"].to_list() == [100.0, 99.0]


def test_both_execution_timeframes_make_the_same_decisions():
    """Candles of the strategy are the same whatever they are settled on."""
    frame = synthetic([NAME], "1m", candles=6_000, seed=3)[NAME]
    closes = [
        planar.backtest(Hourly, frame, instruments=RULES, execution_timeframe=t).memory[NAME]["last_close"]
        for t in ("1m", "5m", "1h")
    ]
    assert len(set(closes)) == 1


def test_candles_that_do_not_make_the_strategys_are_refused():
    class Odd(Hourly):
        timeframe = "7m"

    with pytest.raises(DataError, match="7m"):
        planar.backtest(Odd, synthetic([NAME], "5m", candles=100)[NAME], instruments=RULES)


@pytest.mark.parametrize(("count", "chosen"), [(3_000, "1m"), (600, "1h")])
def test_a_store_gives_the_finest_timeframe_that_covers_the_others(tmp_path, count, chosen):
    """Fifty hours, of which all are there in minutes, or ten."""
    store = Store(tmp_path / "candles.duckdb")
    for timeframe, candles in (("1m", count), ("1h", 50)):
        store.write_candles(NAME, timeframe, synthetic([NAME], timeframe, candles=candles)[NAME], "test")
    run = planar.backtest(Hourly, instruments=[NAME], store=store)
    assert run.stats["believe"]["Execution timeframe"] == chosen


def test_equity_is_cash_and_what_is_held_at_each_close():
    """Recomputed from the fills, row by row."""
    frames = {f"test:{n}/USD": synthetic([f"test:{n}/USD"], "1h", candles=500, seed=i)[f"test:{n}/USD"]
              for i, n in enumerate("AB")}  # fmt: skip
    frames["test:B/USD"] = frames["test:B/USD"].filter(pl.int_range(500) % 7 != 3).slice(40)

    class Two(Strategy):
        instruments = list(frames)  # noqa: RUF012
        timeframe = "1h"
        n = 0

        def on_candle(self, candle, broker):
            self.n += 1
            if self.n % 9 == 1:
                broker.buy(cost=500.0)
            elif self.n % 9 == 6:
                broker.close(0.5)

    run = planar.backtest(Two, frames, cash=10_000.0, fill="ideal", compiled=False)
    cash, held, closes = 10_000.0, dict.fromkeys(frames, 0.0), dict.fromkeys(frames, 0.0)
    fills, rows = run.fills.rows(named=True), {n: {r[0]: r[4] for r in f.rows()} for n, f in frames.items()}
    assert len(fills) > 50
    for time, equity, cash_there in run.equity.rows():
        while fills and fills[0]["time"] < time:
            fill = fills.pop(0)
            sign = 1 if fill["side"] == "buy" else -1
            cash -= sign * fill["cost"] + fill["fee"]
            held[fill["instrument"]] += sign * fill["amount"]
        for name in frames:
            closes[name] = rows[name].get(time - HOUR, closes[name])
        assert np.isclose(cash_there, cash, rtol=0, atol=1e-6)
        assert np.isclose(equity, cash + sum(held[n] * closes[n] for n in frames), rtol=0, atol=1e-5)


def test_gaps_are_counted_from_the_start_of_the_run():
    frame = synthetic([NAME], "1h", candles=300, seed=2)[NAME].filter(~pl.int_range(300).is_in([20, 21, 250]))

    def missing(**span):
        return planar.backtest(Hourly, frame, instruments=RULES, **span).stats["believe"]["Data gaps"]

    time = frame["time"]
    assert missing() == f"{NAME} 3 candles"
    assert missing(start=int(time[100])) == f"{NAME} 1 candles"
    assert missing(start=int(time[100]), end=int(time[200])) == "none"


@pytest.mark.parametrize("end", ["2024-05-01", "2024-06-01"])
def test_a_start_that_is_not_before_the_end_is_refused_as_such(end):
    with pytest.raises(ConfigError, match=r"start .* is not before end"):
        planar.backtest(Hourly, fall(97), instruments=RULES, start="2024-06-01", end=end)


class Eager(Strategy):
    """Buys a unit at each close; keeps when."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"

    seen = 0

    def on_candle(self, candle, broker):
        self.seen += 1
        broker.buy(amount=0.01)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("late", [0, 1, MINUTE - 1])
def test_a_start_inside_a_candle_is_a_start_at_the_next(compiled, late):
    """What opened before the start is warm-up: the first decision is at the close of the first candle after it."""
    run = planar.backtest(
        Eager, minutes([100.0] * 50), instruments=RULES, fill=EXACT, start=20 * MINUTE + late, compiled=compiled
    )
    first = 21 if late == 0 else 22
    assert run.orders["time"].to_list() == [at * MINUTE for at in range(first, 51)]
    assert len(run.fills) == 50 - first
    assert run.memory[NAME]["seen"] == 51 - first


class Counting(Strategy):
    """Keeps a count in its class, which only interpreted code can, and buys once."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"

    def on_candle(self, candle, broker):
        cls = type(self)
        cls.hits = cls.__dict__.get("hits", 0) + 1
        if cls.hits == 3:
            broker.buy(amount=0.01)


def test_what_a_hook_writes_to_its_class_ends_with_the_run():
    """A result does not depend on what ran before."""
    runs = [planar.backtest(Counting, minutes([100.0] * 9), instruments=RULES, fill=EXACT) for _ in range(3)]
    assert [len(run.orders) for run in runs] == [1, 1, 1]


@pytest.mark.parametrize("compiled", [True, False])
def test_whoever_watches_sees_the_run_go_on(compiled):
    class Idles(Strategy):
        instruments = [NAME]  # noqa: RUF012
        timeframe = "1m"

        def on_candle(self, candle, broker):
            pass

    shares: list[float] = []
    count = 4_100_000 if compiled else 50_000
    time = pl.Series("time", np.arange(count, dtype=np.int64) * MINUTE)
    candles = minutes([100.0]).select(pl.all().repeat_by(count).explode()).with_columns(time)
    planar.backtest(Idles, candles, compiled=compiled, progress=shares.append)
    assert len(shares) == 2
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[1] < 1.0


class RestsBelow(Strategy):
    """A limit below the first close of each instrument, at its own distance; sold at the third close."""

    instruments = [NAME, "test:B/USD"]  # noqa: RUF012
    timeframe = "1h"
    seen = 0

    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 1:
            broker.buy(amount=1.0, price=candle.close - (5.0 if candle.volume > 2e6 else 1.0))
        elif self.seen == 3:
            broker.close()


def test_instruments_that_are_filled_within_one_candle_have_their_trades():
    """The first instrument's limit is reached later on the way down than the second's, and is booked before it."""
    fall = pl.DataFrame(
        {
            "time": [h * HOUR for h in range(5)],
            "open": [100.0] * 5,
            "high": [100.0] * 5,
            "low": [100.0, 90.0, *[100.0] * 3],
            "close": [100.0] * 5,
            "volume": [3e6] * 5,
        }
    )
    frames = {NAME: fall, "test:B/USD": fall.with_columns(volume=1e6)}
    rules = {name: Instrument(name, price_step=0.01, amount_step=0.01) for name in frames}
    run = planar.backtest(RestsBelow, frames, instruments=rules, fill=EXACT, fees=0.0, cash=1000.0)
    first, second = run.fills["time"].to_list()[:2]
    assert first > second
    assert run.trades.select("instrument", "entry_price").sort("instrument").rows() == [
        (NAME, 95.0),
        ("test:B/USD", 99.0),
    ]
    assert run.stats["trades"] == 2
