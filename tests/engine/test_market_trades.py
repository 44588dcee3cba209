"""Backtests over recorded trades of the market: docs/simulation.md, section 14."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import planar
from planar import FillModel, Instrument, Side, Strategy
from planar.engine.recorded_trades import checked_prints
from planar.engine.session.build import _served
from planar.errors import ConfigError, DataError, StrategyError
from planar.store.store import Store

COIN = Instrument("test:COIN/USD", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01)
OTHER = replace(COIN, name="test:OTHER/USD")
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "cross")
MINUTE = 60_000


def trades(*rows) -> pl.DataFrame:
    """Of (time, price, amount) or (time, price, amount, side)."""
    columns = {"time": pl.Int64, "price": pl.Float64, "amount": pl.Float64, "side": pl.String}
    return pl.DataFrame([(*row, None)[:4] for row in rows], schema=columns, orient="row")


class Scripted(Strategy):
    """Does at the n-th trade what the script says: a method of the broker, what it is given, and by name."""

    timeframe = "1m"
    script = {}  # noqa: RUF012
    n = 0

    def on_tick(self, tick, broker):
        if self.n in self.script:
            name, arguments, terms = self.script[self.n]
            getattr(broker, name)(*arguments, **terms)
        self.n += 1


def played(frame, at, model=PLAIN, instrument=COIN, **options):
    """A run that does ``at`` on the trades of these numbers."""
    cls = type(
        "Played", (Scripted,), {"script": {n: (do[0], do[1], do[2] if len(do) > 2 else {}) for n, do in at.items()}}
    )
    return planar.backtest(cls, trades=frame, instruments=instrument, fill=model, **options)


def fills(run) -> list[tuple]:
    return run.fills.select("time", "side", "price", "amount", "liquidity").rows()


# What happens between trades.


def test_an_order_that_arrives_between_trades_trades_at_the_last_one():
    """Asked at 1,000, it arrives at 1,250; the market was at 100 then, whatever comes at 2,000."""
    frame = trades((1_000, 100, 5), (2_000, 130, 5))
    run = played(frame, {0: ("buy", [3.0])}, replace(PLAIN, latency_ms=250))
    assert fills(run) == [(1_250, "buy", 100.0, 3.0, "taker")]


def test_without_latency_an_order_is_there_before_the_next_trade_of_the_same_millisecond():
    run = played(trades((1_000, 100, 5), (1_000, 98, 5)), {0: ("buy", [3.0], {"price": 99.0})})
    assert fills(run) == [(1_000, "buy", 99.0, 3.0, "maker")]


def test_a_trade_does_not_meet_what_is_asked_on_it():
    run = played(trades((1_000, 98, 5), (2_000, 100, 5)), {0: ("buy", [3.0], {"price": 97.0})})
    assert fills(run) == []


def test_a_resting_limit_gets_its_share_of_each_trade_that_goes_through_it():
    """A tenth of 50, then of 30."""
    frame = trades((0, 100, 1), (1_000, 98, 50), (2_000, 99, 90), (3_000, 97, 30))
    run = played(frame, {0: ("buy", [9.0], {"price": 99.0})}, replace(PLAIN, participation=0.1))
    assert fills(run) == [(1_000, "buy", 99.0, 5.0, "maker"), (3_000, "buy", 99.0, 3.0, "maker")]


def test_a_stop_trades_from_the_trade_that_reaches_it():
    frame = trades((0, 100, 1), (1_000, 95, 50), (2_000, 91, 50))
    run = played(frame, {0: ("buy", [2.0]), 1: ("sell", [2.0], {"stop": 92.0})})
    assert fills(run) == [(0, "buy", 100.0, 2.0, "taker"), (2_000, "sell", 91.0, 2.0, "taker")]


def test_a_limit_that_takes_finds_what_the_book_holds_up_to_it():
    """Impact of one is 100 * 0.03 / sqrt(w) with w = 60 * 1440: ((104 - 100) / (1.5 * that)) ** 2 are 68,266 coins."""
    frame = trades((0, 100, 60), (1_000, 100, 1))
    model = replace(PLAIN, impact="square_root", participation=1.0)
    run = played(frame, {0: ("buy", [100_000.0], {"price": 104.0, "tif": "IOC"})}, model, cash=1e9)
    assert run.fills["amount"].to_list() == [float(int((4 / (1.5 * 3 / np.sqrt(60 * 1440))) ** 2))]
    assert run.orders["reason"].to_list() == ["IOC_UNFILLED"]


def test_what_is_due_after_the_last_trade_does_not_happen():
    run = played(trades((0, 100, 1), (1_000, 100, 1)), {1: ("buy", [1.0])}, replace(PLAIN, latency_ms=1))
    assert run.orders["status"].to_list() == ["PENDING"]


def test_trades_of_one_time_come_in_the_order_of_the_instruments():
    order = []

    class Watching(Strategy):
        instruments = [OTHER.name, COIN.name]  # noqa: RUF012
        timeframe = "1m"

        def on_tick(self, tick, broker):
            order.append((tick.time, tick.price))

    frames = {COIN.name: trades((5, 1, 1), (5, 2, 1), (7, 3, 1)), OTHER.name: trades((5, 9, 1), (6, 8, 1))}
    planar.backtest(Watching, trades=frames, instruments=[OTHER, COIN], compiled=False)
    assert order == [(5, 9.0), (5, 1.0), (5, 2.0), (6, 8.0), (7, 3.0)]


# Candles of trades.


def heard_by(frame, instruments=COIN, warm_up=0, **options) -> list[tuple]:
    """What a strategy hears of candles and of trades."""
    heard = []

    class Listening(Strategy):
        timeframe = "1m"
        warmup = warm_up

        def on_candle(self, candle, broker):
            prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
            heard.append((candle.now, "candle", *prices))

        def on_tick(self, tick, broker):
            heard.append((tick.time, "tick", tick.price, tick.amount, tick.side, broker.now))

    planar.backtest(Listening, trades=frame, instruments=instruments, compiled=False, **options)
    return heard


THREE_MINUTES = trades((30_000, 1, 1), (60_000, 2, 1), (61_000, 4, 2), (90_000, 3, 3), (120_000, 5, 1), (180_000, 6, 1))


def test_a_candle_is_decided_on_before_the_trades_at_its_close():
    """The candle from 0 began before the first trade, so it is none; that from 180,000 is not over."""
    heard = heard_by(THREE_MINUTES)
    assert [row[:2] for row in heard] == [
        (30_000, "tick"), (60_000, "tick"), (61_000, "tick"), (90_000, "tick"), (120_000, "candle"),
        (120_000, "tick"), (180_000, "candle"), (180_000, "tick"),
    ]  # fmt: skip
    assert heard[4][2:] == (2.0, 4.0, 2.0, 3.0, 6.0)


def test_trades_are_heard_once_indicators_are_ready():
    """After one candle of warm-up the second is decided on, and trades are heard from its close on."""
    assert [row[:2] for row in heard_by(THREE_MINUTES, warm_up=1)] == [(180_000, "candle"), (180_000, "tick")]


def test_trades_before_the_start_are_history():
    heard = heard_by(THREE_MINUTES, start=61_000)
    assert [row[:2] for row in heard][:3] == [(61_000, "tick"), (90_000, "tick"), (120_000, "candle")]


def test_a_tick_tells_its_time_price_amount_and_side():
    frame = trades((5, 9, 2, "buy"), (6, 8, 1, "sell"), (7, 7, 3))
    assert heard_by(frame) == [
        (5, "tick", 9.0, 2.0, Side.BUY, 5), (6, "tick", 8.0, 1.0, Side.SELL, 6), (7, "tick", 7.0, 3.0, 0, 7),
    ]  # fmt: skip


def test_equity_has_a_row_for_each_decision_and_one_for_the_end():
    frame = trades((60_000, 10, 9), (61_000, 12, 9), (130_000, 13, 9), (200_000, 14, 9))
    run = played(frame, {0: ("buy", [100.0])})
    assert run.equity.rows() == [
        (120_000, 10_200.0, 9_000.0),
        (180_000, 10_300.0, 9_000.0),
        (200_001, 10_400.0, 9_000.0),
    ]


# What cannot be served is refused.


def test_trades_are_not_heard_over_candles():
    with pytest.raises(StrategyError, match=r"defines on_tick, and a run over candles has no market trades"):
        planar.backtest(Scripted, checked_prints(THREE_MINUTES, "x").minutes.frame, instruments=COIN)


def test_no_session_hears_trades():
    with pytest.raises(ConfigError, match="no session hears market trades"):
        _served(Scripted)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"price": [1.0, -1.0]}, r"'price' is no positive number in row 1"),
        ({"amount": [0.0, 0.0]}, r"'amount' is no positive number in 2 rows, first in row 0"),
        ({"time": [2, 1]}, r"'time' goes back in row 1\. Sort by time"),
        ({"time": [None, 1]}, r"'time' is null in row 0"),
        ({"side": ["buy", "long"]}, r"'side' is neither 'buy' nor 'sell' in row 1"),
        ({"price": ["x", "y"]}, r"'price': conversion"),
    ],
)
def test_trades_that_are_none_are_refused_with_their_row(change, told):
    frame = pl.DataFrame({"time": [1, 2], "price": [1.0, 1.0], "amount": [1.0, 1.0], **change})
    with pytest.raises(DataError, match=told):
        planar.backtest(Scripted, trades=frame, instruments=COIN)


def test_trades_without_a_price_say_what_there_is():
    frame = pl.DataFrame({"time": [1], "prize": [1.0], "amount": [1.0]})
    with pytest.raises(DataError, match=r"test:COIN/USD: column 'price' is missing; there are time, prize, amount"):
        planar.backtest(Scripted, trades=frame, instruments=COIN)


def test_trades_and_candles_are_not_given_together():
    with pytest.raises(ConfigError, match="trades and candles are both given"):
        planar.backtest(Scripted, THREE_MINUTES, trades=THREE_MINUTES, instruments=COIN)


def test_trades_come_out_of_files_and_out_of_the_store(tmp_path):
    frame = THREE_MINUTES.with_row_index("id").with_columns(
        pl.col("id").cast(pl.String), pl.col("time") + 1_700_000_000_000
    )
    frame.write_parquet(tmp_path / "trades.parquet")
    store = Store(tmp_path / "planar.duckdb")
    store.write_trades(COIN.name, frame, "test")
    runs = [
        planar.backtest(Scripted, trades=tmp_path / "trades.parquet", instruments=COIN),
        planar.backtest(Scripted, trades=True, store=store, instruments=COIN),
        planar.backtest(Scripted, trades={COIN.name: frame.rename({"time": "timestamp"})}, instruments=[COIN]),
    ]
    assert len({run.data_hash for run in runs}) == 1
