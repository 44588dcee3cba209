"""Planted leaks are all found by ``planar check``: the column or the call, its candle and its line."""

import numpy as np
import polars as pl
import pytest
from engine import leaks
from engine.leaks import FRAMES, NAMES, WARM_UP

from planar.engine.check import check
from planar.errors import StrategyError

COLUMNS = [
    # strategy, first candle, what the line says
    (leaks.Shifted, WARM_UP - 1, 'return candles.frame["close"].shift(-1)'),
    (leaks.Centred, WARM_UP - 2, 'return candles.frame["close"].rolling_mean(5, center=True)'),
    (leaks.Normalised, 0, "return (candles.close - candles.close.mean()) / candles.close.std()"),
    (leaks.OneCandle, None, "following = np.append(candles.high[1:], candles.high[-1])"),
    (leaks.AtOnePlace, 321, "made[row] = candles.close[row + 1]"),
    (leaks.InTheSecondInstrument, None, "return np.append(candles.close[1:], 0.0)"),
    (leaks.BehindALengthCheck, None, "return np.append(candles.close[1:], candles.close[-1])"),
    (leaks.OfAValueThatNeverWas, None, "following = np.append(candles.close[1:], candles.close[-1])"),
    (leaks.OfTheLength, 1, "return np.arange(len(candles)) / len(candles)"),
    (leaks.Caught, None, "made[i] = candles.close[i + 1] - candles.close[i]"),
    (leaks.ThroughAHelper, None, "return np.append(values[1:] / values[:-1] - 1.0, 0.0)"),
]


def found(strategy):
    return check(strategy(), candles=FRAMES, instruments=strategy.instruments)


@pytest.mark.parametrize(("strategy", "candle", "line"), COLUMNS, ids=[row[0].__name__ for row in COLUMNS])
def test_a_column_that_knows_the_future_is_found(strategy, candle, line):
    (leak,) = found(strategy).leaks
    assert leak.what == "column 'signal'"
    assert leak.instrument == strategy.instruments[-1]
    frame = FRAMES[leak.instrument]
    assert leak.time == frame["time"][leak.candle] + 3_600_000
    assert leak.candle == candle or candle is None
    assert "signal" in leak.lines[0].text
    assert leak.lines[-1].text == line


def test_honest_columns_and_orders_are_not_accused():
    honest = found(leaks.Honest)
    assert (honest.leaks, honest.not_cut) == ([], [])
    assert (honest.prefixes, honest.truncations, honest.poisonings) == (len(FRAMES[NAMES[0]]) - WARM_UP, 64, 64)


def test_what_differs_by_rounding_alone_is_told_as_that():
    """A transform of all candles at once is not the same to the last bit when they are more."""

    class Transforms(leaks.Honest):
        def signal(self, candles):
            size = 2 * leaks.CANDLES
            kernel = np.fft.rfft(np.full(20, 0.05), size)
            return np.fft.irfft(np.fft.rfft(candles.close, size) * kernel, size)[: len(candles)]

    (leak,) = found(Transforms).leaks
    assert "as little as rounding does" in leak.change


@pytest.mark.parametrize(
    ("strategy", "futures"),
    [(leaks.OfAValueThatNeverWas, "made a million times as large"), (leaks.OfTheLength, "cut off")],
)
def test_truncations_and_poisonings_each_find_what_the_other_cannot(strategy, futures):
    (leak,) = found(strategy).leaks
    assert leak.change.endswith(futures)


def test_a_column_of_a_longer_timeframe_that_knows_the_future_is_found_in_candles_of_the_strategy():
    (leak,) = found(leaks.InALongerTimeframe).leaks
    assert leak.what == "column 'h4.rising'"
    assert leak.candle == 7  # the second candle of 4h closes with it
    assert leak.lines[0].text == 'made["h4"] = {"rising": np.append(np.diff(candles.h4.close), 0.0)[: len(candles.h4)]}'


def test_a_leak_through_a_longer_timeframe_that_is_joined_by_its_open_is_found_with_its_line():
    (leak,) = found(leaks.JoinedByOpenTime).leaks
    assert leak.what == "column 'signal'"
    assert leak.lines[-1].text == 'row = np.searchsorted(candles.h4.time, candles.time, side="right") - 1'


def test_every_column_that_leaks_is_told_the_earliest_candle_first():
    class Both(leaks.Honest):
        def indicators(self, candles):
            centred = candles.frame["close"].rolling_mean(7, center=True)
            return {"ahead": leaks.tomorrow(candles.close), "middle": centred, "signal": candles.close}

    ahead, middle = found(Both).leaks
    assert (ahead.what, middle.what) == ("column 'ahead'", "column 'middle'")
    assert (ahead.candle, middle.candle) == (2, 3)  # the first decision needs 3 candles before it
    assert [line.function for line in ahead.lines] == ["indicators", "tomorrow"]
    assert middle.lines[-1].text == 'centred = candles.frame["close"].rolling_mean(7, center=True)'


@pytest.mark.parametrize(
    "strategy", [leaks.ReadsAFrameOfItsModule, leaks.ReadsAnArrayOfItsModule, leaks.KeepsTheCandlesInItsModule]
)
def test_a_hook_that_knows_the_future_from_its_module_is_found_with_the_line_that_asks(strategy):
    result = found(strategy)
    (leak,) = result.leaks
    assert leak.what == "what is asked for"
    assert leak.lines[0].text in ("broker.buy(fraction=0.5)", "broker.close()")
    assert leak.lines[0].function == "on_candle"
    assert leak.lines[0].text.removeprefix("broker.") in leak.change
    assert result.not_cut == []


def test_a_frame_of_the_class_is_cut_off_too():
    class Holds(leaks.Honest):
        table = leaks.FRAME

        def on_candle(self, candle, broker):
            row = self.table.filter(pl.col("time") == candle.now)
            if broker.is_flat and len(row) and row["close"][0] > candle.close:
                broker.buy(fraction=0.5)

    (leak,) = found(Holds).leaks
    assert leak.lines[0].text == "broker.buy(fraction=0.5)"


@pytest.mark.slow
def test_rows_of_a_frame_are_known_when_it_says_so():
    """A signal of the evening, joined to what closes at midnight or later, is no leak; one of the next day is."""
    days = leaks.FRAME.filter(pl.col("time") % 86_400_000 == 0)
    signal = pl.DataFrame({"known_at": days["time"], "signal": days["close"].diff().fill_null(0.0)})

    class Joins(leaks.Honest):
        table = signal
        ahead = 0

        def on_candle(self, candle, broker):
            known = self.table.filter(pl.col("known_at") <= candle.now + self.ahead)
            if broker.is_flat and len(known) and known["signal"][-1] > 0.0:
                broker.buy(fraction=0.5)
            elif broker.is_long and known["signal"][-1] < 0.0:
                broker.close()

    class JoinsTooMuch(Joins):
        ahead = 86_400_000

    assert found(Joins).leaks == []
    assert [leak.what for leak in found(JoinsTooMuch).leaks] == ["what is asked for"]


def test_what_a_module_holds_is_as_it_was_after_a_check():
    frame, closes = leaks.FRAME, leaks.CLOSES
    found(leaks.ReadsAFrameOfItsModule)
    assert leaks.FRAME is frame
    assert leaks.CLOSES is closes


def test_data_of_the_module_that_has_no_times_is_said_not_to_be_looked_at():
    assert found(leaks.ReadsADictOfItsModule).not_cut == [f"BY_TIME (dict of {leaks.CANDLES})"]


@pytest.mark.parametrize(
    ("strategy", "what"),
    [(leaks.DrawsWithoutASeed, "indicators gives other columns"), (leaks.CountsItsRuns, "asks for something else")],
)
def test_a_strategy_that_does_not_do_the_same_twice_is_not_said_to_see_the_future(strategy, what):
    with pytest.raises(StrategyError, match=f"{what}.*each time it is run on the same candles"):
        found(strategy)


def test_indicators_that_raise_on_fewer_candles_are_told_with_their_words():
    class Insists(leaks.Honest):
        def signal(self, candles):
            if len(candles) < leaks.CANDLES:
                raise ValueError("these are too few")
            return candles.close

    (leak,) = found(Insists).leaks
    assert leak.what == "what indicators gives"
    assert "these are too few" in leak.change


def test_indicators_that_refuse_candles_which_no_market_has_are_not_accused():
    class Refuses(leaks.Honest):
        def signal(self, candles):
            if candles.close.max() > 1e6:
                raise ValueError("no price is as high")
            return candles.close

    result = found(Refuses)
    assert result.leaks == []
    assert (result.truncations, result.poisonings) == (64, 48)


def test_no_warning_of_numbers_that_nobody_saw_is_heard():
    class Warns(leaks.Honest):
        def signal(self, candles):
            with np.errstate(all="warn"):
                return np.exp(candles.close / 1_000.0)

    assert float(FRAMES[NAMES[0]]["close"].max()) < 1e5
    assert found(Warns).leaks == []
