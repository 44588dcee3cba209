"""Bad input gives one clear paragraph that names thing, place and remedy; the same one compiled and interpreted."""

import ill_strategies as ill
import polars as pl
import pytest

import planar
from planar import ConfigError, DataError, StrategyError
from planar.store.synthetic import synthetic

NAME = "test:GOOG/USD"
FRAME = synthetic([NAME], "1d", candles=1500)[NAME]


class Idle(ill.One):
    def on_candle(self, candle, broker):
        pass


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (ill.Raises, ["candle 1,234", "the author's own words", "line 16", "ill_strategies.py"]),
        (ill.DividesByZero, ["candle 1,234", "ZeroDivisionError", "line 23"]),
        (ill.LeavesTheData, ["candle 1,234", "candle.back(5000)", "line 30"]),
        (ill.AsksForNan, ["candle 1,234", "not finite", "line 37"]),
        (ill.Misspells, ["'clsoe'", "Did you mean 'close'?", "line 42"]),
        (ill.MisspellsBroker, ["'is_flatt'", "Did you mean 'is_flat'?", "line 48"]),
        (ill.TwoSizes, ["exactly one of amount, cost, fraction and risk", "line 62"]),
        (ill.MisspellsMemory, ["'sene'", "Did you mean 'seen'? In", "line 67"]),
        (ill.AssignsUndeclared, ["line 75", "count_it assigns self.sene", "Did you mean 'seen'?", "Declare it"]),
        (ill.SmallTif, ["tif='gtc'", "'GTC', 'IOC', 'FOK', 'GTD'", "Did you mean 'GTC'?", "line 80"]),
        (ill.UnknownSide, ["side='by'", "'buy', 'sell'", "Did you mean 'buy'?", "line 85"]),
        (ill.ByPosition, ["positional arguments", "line 90"]),
        (ill.SellsByRisk, ["unexpected keyword argument 'risk'", "line 95"]),
        (ill.TooManyMarks, ["positional arguments", "line 100"]),
        (ill.AssignsAnArray, ["self.window is an array", "self.window[0] = ", "line 107"]),
        (ill.AssignsASlice, ["one place at a time", "line 114"]),
        (ill.ChangesAParameter, ["self.days was declared as int", "2.5", "line 121"]),
        (ill.MeanOfNothing, ["at least one value", "line 126"]),
    ],
)
def test_a_strategy_that_goes_wrong_is_told_with_candle_and_line(strategy, words, compiled):
    with pytest.raises(StrategyError) as raised:
        planar.backtest(strategy, FRAME, compiled=compiled)
    assert [w for w in words if w not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (ill.MisspellsMemory, ["line 67", "declares no 'sene'", "Did you mean 'seen'?"]),
        (ill.SmallTif, ["line 80", "tif='gtc'", "Did you mean 'GTC'?"]),
        (ill.UnknownSide, ["line 85", "side='by'", "Did you mean 'buy'?"]),
        (ill.ByPosition, ["line 90", "broker.buy", "positional"]),
        (ill.SellsByRisk, ["line 95", "broker.sell", "'risk'"]),
        (ill.AssignsAnArray, ["line 107", "self.window is an array"]),
    ],
)
def test_what_may_not_be_compiled_says_where_and_why_and_shows_no_type_of_numba(strategy, words):
    with pytest.raises(StrategyError, match="cannot be compiled") as raised:
        planar.backtest(strategy, FRAME, compiled=True)
    text = str(raised.value)
    assert [w for w in words if w not in text] == []
    assert "Self(" not in text


@pytest.mark.parametrize("wrong", [[3], 3, None, {NAME}, [NAME, None]])
def test_a_class_whose_instruments_are_no_names_is_refused_when_it_is_made(wrong):
    with pytest.raises(StrategyError, match=r"instruments is .*; write a list of names such as"):
        type("Wrong", (planar.Strategy,), {"instruments": wrong})


def test_instruments_may_come_from_the_keys_of_a_dict():
    assert planar.backtest(Idle, {NAME: FRAME}, instruments={NAME: FRAME}.keys()).instruments == [NAME]


def with_nan(frame):
    close = pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise("close")
    return frame.with_columns(close.alias("close"))


def with_row_4_twice(frame):
    return pl.concat([frame.head(5), frame.slice(4)])


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: planar.backtest(Idle, FRAME.drop("close")), DataError, ["'close' is missing", NAME]),
        (lambda: planar.backtest(Idle, with_nan(FRAME)), DataError, ["'close'", "row 7", "2024-01-08"]),
        (lambda: planar.backtest(Idle, FRAME.reverse()), DataError, ["row 1", "Sort"]),
        (lambda: planar.backtest(Idle, with_row_4_twice(FRAME)), DataError, ["twice", "rows 4 and 5"]),
        (lambda: planar.backtest(Idle, FRAME.head(0)), DataError, ["no candles"]),
        (lambda: planar.backtest(Idle, [1, 2]), DataError, ["list", "polars"]),
        (
            lambda: planar.backtest(Idle, FRAME, start="2050-01-01"),
            ConfigError,
            ["2050-01-01", "2028-02-09", "earlier"],
        ),
        (lambda: planar.backtest(Idle, FRAME, end="1990-01-01"), DataError, ["later end"]),
        (lambda: planar.backtest(Idle, FRAME, start="soon"), ConfigError, ["'soon'", "2024-01-31"]),
        (lambda: planar.backtest(Idle, FRAME, cash=0), ConfigError, ["cash=0", "USD"]),
        (lambda: planar.backtest(Idle, FRAME, cash={"EUR": 5}), ConfigError, ["'USD'"]),
        (lambda: planar.backtest("sma_cross", params={"fst": 3}), ConfigError, ["'fst'", "Did you mean 'fast'?"]),
        (lambda: planar.backtest("sma_cross", params={"fast": 1}), ConfigError, ["fast=1", "5 to 60"]),
        (lambda: planar.backtest("sma_cross", params={"fast": "x"}), ConfigError, ["fast='x'", "whole number"]),
        (lambda: planar.backtest("sma_crss"), StrategyError, ["Did you mean 'sma_cross'?"]),
        (lambda: planar.backtest(Idle, {NAME: FRAME}, instruments=["test:GOGO/USD"]), DataError, ["Did you mean"]),
        (lambda: planar.backtest(Idle, FRAME, instruments=["GOOG"]), ConfigError, ["exchange:BASE/QUOTE"]),
        (lambda: planar.backtest(Idle, FRAME, instruments=[3]), ConfigError, ["instruments=[3]", "list of names"]),
        (lambda: planar.backtest(Idle, FRAME, instruments=3), ConfigError, ["instruments=3", "list of names"]),
        (lambda: planar.backtest(Idle, FRAME, instruments={3: 4}), ConfigError, ["3 must map to Instrument"]),
        (lambda: planar.backtest(Idle, FRAME, fill="pesimistic"), ConfigError, ["Did you mean 'pessimistic'?"]),
        (lambda: planar.backtest(Idle, FRAME, fees="x"), ConfigError, ["fees='x'"]),
        (lambda: planar.backtest("sma_cross", FRAME, instruments=[NAME]), DataError, ["1d", "1h"]),
        (lambda: planar.backtest(ill.WarmsUpTooLong, FRAME), DataError, ["1,500", "shorter parameter"]),
    ],
)
def test_bad_arguments_are_told_in_one_paragraph(call, kind, words):
    with pytest.raises(kind) as raised:
        call()
    text = str(raised.value)
    assert [w for w in words if w not in text] == []
    assert "\n" not in text
