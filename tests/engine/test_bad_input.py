"""Bad input gives one clear paragraph that names thing, place and remedy; the same one compiled and interpreted."""

import ill_strategies as ill
import polars as pl
import pytest

import planar
from planar import ConfigError, DataError, Reason, Side, StrategyError
from planar.store.store import Store
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
        (ill.Raises, ["candle 1,234", "the author's own words", "line 18", "ill_strategies.py"]),
        (ill.DividesByZero, ["candle 1,234", "ZeroDivisionError", "line 25"]),
        (ill.LeavesTheData, ["candle 1,234", "candle.back(5000)", "line 32"]),
        (ill.AsksForNan, ["candle 1,234", "not finite", "line 39"]),
        (ill.Misspells, ["'clsoe'", "Did you mean 'close'?", "line 44"]),
        (ill.MisspellsBroker, ["'is_flatt'", "Did you mean 'is_flat'?", "line 50"]),
        (ill.TwoSizes, ["exactly one of amount, cost, fraction and risk", "line 64"]),
        (ill.MisspellsMemory, ["'sene'", "Did you mean 'seen'? In", "line 69"]),
        (ill.AssignsUndeclared, ["line 77", "count_it assigns self.sene", "Did you mean 'seen'?", "Declare it"]),
        (ill.SmallTif, ["tif='gtc'", "'GTC', 'IOC', 'FOK', 'GTD'", "Did you mean 'GTC'?", "line 82"]),
        (ill.UnknownSide, ["side='by'", "'buy', 'sell'", "Did you mean 'buy'?", "line 87"]),
        (ill.ByPosition, ["positional arguments", "line 92"]),
        (ill.SellsAtLeverage, ["unexpected keyword argument 'leverage'", "line 97"]),
        (ill.TooManyMarks, ["positional arguments", "line 102"]),
        (ill.AssignsAnArray, ["self.window is an array", "self.window[0] = ", "line 109"]),
        (ill.AssignsASlice, ["one place at a time", "line 116"]),
        (ill.ChangesAParameter, ["line 123", "ChangesAParameter.on_candle assigns self.days", "Declare memory"]),
        (ill.MeanOfNothing, ["at least one value", "line 128"]),
        (ill.MisspellsFill, ["a fill has no 'prise'", "Did you mean 'price'?", "line 136"]),
        (ill.MisspellsOrder, ["an order has no 'prise'", "Did you mean 'price'?", "line 141"]),
        (ill.LogsNone, ["broker.log keeps numbers, and None is none", "line 146"]),
        (ill.LogsTooFew, ["line 152", "LogsTooFew.on_candle", "'{} and {}'", "places for numbers 2, numbers given 1"]),
        (ill.LogsTooManyElsewhere, ["places for numbers 1, numbers given 2", "line 156"]),
        (ill.LogsANumberAlone, ["broker.log takes a text first", "line 166"]),
        (ill.MeanByNumpy, ["write view.mean()", "line 171", "ill_strategies.py"]),
        (ill.LeavesTheView, ["close[5] is outside", "0 to 0, or -1 to -1", "line 176"]),
        (ill.LeavesTheArray, ["self.window[-4] is outside", "0 to 2, or -3 to -1", "line 183"]),
        (ill.AsksForNoValues, ["candle.last('close', 0)", "1 or more", "line 188"]),
        (ill.LooksAhead, ["candle.back(-1)", "0 or more", "line 193"]),
        (ill.AsksForPartOfAValue, ["candle.last('close', 1.5)", "a whole number", "line 198"]),
        (ill.SizesByText, ["must be real number, not str", "line 213"]),
        (ill.PricesByText, ["must be real number, not str", "line 218"]),
        (ill.TargetsByText, ["must be real number, not str", "line 223"]),
        (ill.AsksForARefusedOrder, ["broker.order(-9)", "Reason.INSUFFICIENT_FUNDS", "made no order", "line 228"]),
        (ill.UndeclaredTimeframe, ["'d1'", "timeframes = ['1d']", "line 233"]),
        (ill.TwoTriggers, ["one of stop, take, trail and trail_by; stop, take were given", "line 270"]),
        (ill.TwoDistances, ["trail, trail_by were given", "line 275"]),
        (ill.ActivatesATake, ["activation is where a trailing stop begins", "trail or trail_by with it", "line 280"]),
        (ill.ActivatesNothing, ["activation is where a trailing stop begins", "line 285"]),
        (ill.TrailsNowhere, ["not finite", "line 290"]),
        (ill.ClosesAPartLater, ["close whatever is held by then: leave fraction out", "line 295"]),
        (ill.TakesPricesAlone, ["a list of (price, share)", "line 300"]),
        (ill.TakesTooMuch, ["shares of takes are above 0, and together at most 1", "line 305"]),
        (ill.WaitsForTheMarket, ["trigger='mrak' is not one of 'last', 'mark'", "Did you mean 'mark'?", "line 310"]),
    ],
)
def test_a_strategy_that_goes_wrong_is_told_with_candle_and_line(strategy, words, compiled):
    with pytest.raises(StrategyError) as raised:
        planar.backtest(strategy, FRAME, compiled=compiled)
    assert [w for w in words if w not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (ill.MisspellsMemory, ["line 69", "declares no 'sene'", "Did you mean 'seen'?"]),
        (ill.SmallTif, ["line 82", "tif='gtc'", "Did you mean 'GTC'?"]),
        (ill.UnknownSide, ["line 87", "side='by'", "Did you mean 'buy'?"]),
        (ill.ByPosition, ["line 92", "broker.buy", "positional"]),
        (ill.SellsAtLeverage, ["line 97", "broker.sell", "'leverage'"]),
        (ill.AssignsAnArray, ["line 109", "self.window is an array"]),
        (ill.Misspells, ["line 44", "candle has no 'clsoe'", "Did you mean 'close'?"]),
        (ill.MisspellsBroker, ["line 50", "broker has no 'is_flatt'", "Did you mean 'is_flat'?"]),
        (ill.MisspellsFill, ["line 136", "a fill has no 'prise'; it has order_id", "Did you mean 'price'?"]),
        (ill.MisspellsOrder, ["line 141", "an order has no 'prise'; it has id", "Did you mean 'price'?"]),
        (ill.LogsNone, ["line 146", "broker.log keeps numbers, and None is none"]),
        (ill.LogsTooManyElsewhere, ["line 156", "places for numbers 1, numbers given 2"]),
        (ill.MeanByNumpy, ["line 171", "a row of values has .mean()"]),
        (ill.AsksForPartOfAValue, ["line 198", "candle.last(name, n) takes a whole number"]),
        (ill.TwoTriggers, ["line 270", "one of stop, take, trail and trail_by; stop, take were given"]),
        (ill.TwoDistances, ["line 275", "trail, trail_by were given"]),
        (ill.ActivatesATake, ["line 280", "activation is where a trailing stop begins", "trail or trail_by with it"]),
        (ill.ActivatesNothing, ["line 285", "activation is where a trailing stop begins"]),
    ],
)
def test_what_may_not_be_compiled_says_where_and_why_and_shows_no_type_of_numba(strategy, words):
    with pytest.raises(StrategyError, match="cannot be compiled") as raised:
        planar.backtest(strategy, FRAME, compiled=True)
    text = str(raised.value)
    assert [w for w in words if w not in text] == []
    assert "Self(" not in text


def on_candle(self, candle):
    pass


def on_fill(self, order, fill, broker):
    pass


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (on_candle, ["defines on_candle(self, candle)", "write: def on_candle(self, candle, broker)."]),
        (on_fill, ["defines on_fill(self, order, fill, broker)", "write: def on_fill(self, fill, broker)."]),
    ],
)
def test_a_hook_with_other_arguments_is_told_with_its_line_when_the_class_is_made(hook, words):
    with pytest.raises(StrategyError) as raised:
        type("Wrong", (planar.Strategy,), {hook.__name__: hook})
    place = f"test_bad_input.py, line {hook.__code__.co_firstlineno}: Wrong "
    assert [w for w in (place, *words) if w not in str(raised.value)] == []


def test_a_parameter_is_not_assigned_by_other_ways_either():
    class ByName(ill.One):
        days = planar.param(3)

        def on_candle(self, candle, broker):
            setattr(self, "days", 4)  # noqa: B010

    with pytest.raises(StrategyError, match=r"self\.days, a parameter.*Declare memory"):
        planar.backtest(ByName, FRAME)


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
        (lambda: planar.backtest(ill.WarmsUpTooLong, FRAME), DataError, ["'ma'", "1,500", "shorter parameter"]),
        (lambda: planar.backtest(ill.NeverHasANumber, FRAME), DataError, [NAME, "column 'w1.trend' is nan in all"]),
        (lambda: planar.backtest(Idle, FRAME, seed="x"), ConfigError, ["seed='x'", "whole number"]),
        (lambda: planar.backtest(Idle, FRAME, seed=-1), ConfigError, ["seed=-1", "0 or more"]),
        (
            lambda: planar.backtest(Idle, FRAME, start=1_704_067_200),
            ConfigError,
            ["start=1704067200", "seconds", "1704067200000"],
        ),
        (lambda: planar.backtest(Idle, FRAME, end=1_767_225_600), ConfigError, ["end=1767225600", "seconds"]),
        (lambda: planar.backtest(Idle, FRAME, store="x.duckdb"), ConfigError, ["'x.duckdb'", "one of the two"]),
        (lambda: planar.backtest(ill.NumberedColumn, FRAME), StrategyError, ["named 5", "names are texts"]),
        (lambda: planar.backtest(ill.PartOfACandle, FRAME), ConfigError, ["whole number", "2.5", "line 246"]),
        (lambda: planar.backtest(ill.MisspellsIndicator, FRAME), StrategyError, ["Did you mean 'sma'? In", "line 254"]),
        (
            lambda: planar.backtest(ill.ReadsClosingTimes, FRAME),
            StrategyError,
            ["'closes'", "Did you mean 'close'?", "line 262"],
        ),
        (lambda: planar.backtest(planar.Strategy, FRAME), ConfigError, ["class of your own"]),
        (lambda: planar.backtest(Idle, FRAME, params=["fast=20"]), ConfigError, ["['fast=20']", "must be a dict"]),
        (lambda: planar.backtest("sma_cross", params={"fast": "200"}), ConfigError, ["fast=200 is outside 5 to 60"]),
        (lambda: planar.backtest(Idle, FRAME, fees=-0.1), ConfigError, ["maker=-0.1", "a rebate to -0.01"]),
        (lambda: planar.backtest(Idle, FRAME, cash=1e-9), ConfigError, ["cash=1e-09", "1e-08", "USD", "give more"]),
    ],
)
def test_bad_arguments_are_told_in_one_paragraph(call, kind, words):
    with pytest.raises(kind) as raised:
        call()
    text = str(raised.value)
    assert [w for w in words if w not in text] == []
    assert "\n" not in text


def test_a_parameter_outside_its_own_bounds_is_told_with_its_line(tmp_path):
    path = tmp_path / "narrow.py"
    path.write_text(
        "from planar import Strategy, param\n\nclass Narrow(Strategy):\n    n = param(100, low=1, high=10)\n"
    )
    with pytest.raises(ConfigError, match=r"param\(100, low=1, high=10\).*outside 1 to 10.*narrow\.py, line 4"):
        planar.backtest(path)


def test_a_start_before_the_first_candle_is_that_candle():
    early = planar.backtest("sma_cross", start="2010-01-01")
    plain = planar.backtest("sma_cross")
    assert early.stats == plain.stats
    assert early.summary().start == plain.summary().start


def test_candles_that_are_stored_only_coarser_are_told_and_not_made_up(tmp_path, monkeypatch):
    class Hourly(Idle):
        instruments = [NAME]  # noqa: RUF012
        timeframe = "1h"

    monkeypatch.chdir(tmp_path)
    Store(tmp_path / "data" / "planar.duckdb").write_candles(NAME, "1d", FRAME, "a test")
    with pytest.raises(DataError, match=rf"{NAME} has 1d, none of which makes 1h candles"):
        planar.backtest(Hourly)


def test_a_side_may_be_the_word_or_the_name():
    class Quotes(ill.One):
        def on_candle(self, candle, broker):
            broker.quote(0, Side.BUY, 0.9 * candle.close, amount=1.0)
            broker.quote(1, "buy", 0.8 * candle.close, amount=1.0)
            if broker.is_long:
                broker.quote(2, Side.SELL, 1.1 * candle.close, amount=1.0)

    runs = [planar.backtest(Quotes, FRAME, compiled=compiled) for compiled in (True, False)]
    assert runs[0].orders.equals(runs[1].orders, null_equal=True)
    assert set(runs[0].orders["side"]) == {"buy", "sell"}


def test_a_bool_given_to_whole_memory_is_a_whole_number():
    class Counts(ill.One):
        def on_candle(self, candle, broker):
            self.seen = candle.close > candle.open

    memories = [planar.backtest(Counts, FRAME, compiled=compiled).memory for compiled in (True, False)]
    assert repr(memories[0]) == repr(memories[1])


def test_reasons_print_as_their_names():
    assert (str(Reason.INSUFFICIENT_FUNDS), f"{Reason(9)}") == ("INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS")


def test_a_run_says_that_it_was_interpreted_because_it_was_asked_to():
    assert planar.backtest(Idle, FRAME, compiled=False).why_interpreted == "asked for"
    assert planar.backtest(Idle, FRAME).why_interpreted is None
