"""What compiled code keeps of the author's Python, and what it leaves to the interpreted form."""

import numpy as np
import pytest

import planar
from planar import Strategy
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
CANDLES = synthetic([NAME], "1h", candles=60, seed=2)[NAME]


LEVELS = [1.0, 2.0]
WEIGHTS = {"a": 1.0}


def scaled(x, by=3.0, plus=0.5):
    return x * by + plus


def enter(venue, price):
    return venue.buy(1.0, None, None, None, price)


class One(Strategy):
    instruments = [NAME]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    seen = 0
    total = 0.0


class UsesDefaults(One):
    def on_candle(self, candle, broker):
        self.total = scaled(candle.close) + scaled(candle.open, 2.0) + scaled(candle.low, plus=1.0) + self.more()

    def more(self, by=7.0):
        return by


def test_default_values_of_functions_and_methods_hold_when_compiled():
    compiled = planar.backtest(UsesDefaults, CANDLES, compiled=True)
    assert compiled.memory == planar.backtest(UsesDefaults, CANDLES, compiled=False).memory
    last = CANDLES.row(-1, named=True)
    expected = last["close"] * 3.0 + 0.5 + last["open"] * 2.0 + 0.5 + last["low"] * 3.0 + 1.0 + 7.0
    assert compiled.memory[NAME]["total"] == pytest.approx(expected)


class AsksInAFunction(One):
    def on_candle(self, candle, broker):
        enter(broker, candle.close)


class AsksWithAStar(One):
    def on_candle(self, candle, broker):
        pair = (1.0, 2.0)
        broker.buy(*pair)


@pytest.mark.parametrize("strategy", [AsksInAFunction, AsksWithAStar])
@pytest.mark.parametrize("compiled", [None, False])
def test_what_a_broker_takes_by_name_only_is_refused_by_position_in_both_forms(strategy, compiled):
    with pytest.raises(planar.StrategyError, match=r"positional arguments but .* In .*test_compiled\.py, line"):
        planar.backtest(strategy, CANDLES, compiled=compiled)


class Prepares(One):
    """What is assigned while a run is prepared need not be declared; it keeps the class interpreted."""

    def on_start(self, broker):
        self.learn()

    def learn(self):
        self.model = {"weight": 2.0}

    def on_candle(self, candle, broker):
        self.total = self.model["weight"] * candle.close


def test_what_is_assigned_while_a_run_is_prepared_counts_as_declared():
    run = planar.backtest(Prepares, CANDLES)
    assert run.why_interpreted is not None
    assert "declares no 'model'" in run.why_interpreted
    assert run.memory[NAME]["total"] == 2.0 * CANDLES["close"][-1]


class Abstract(One):
    def on_candle(self, candle, broker):
        self.rounds += 1


class Concrete(Abstract):
    rounds = 0


def test_a_base_may_leave_its_memory_to_the_class_that_runs():
    assert planar.backtest(Concrete, CANDLES).memory[NAME]["rounds"] == 60
    with pytest.raises(planar.StrategyError, match=r"Abstract\.on_candle assigns self\.rounds"):
        planar.backtest(Abstract, CANDLES)


class Says(One):
    def on_candle(self, candle, broker):
        self.seen += 1
        broker.log("{} {:.2f} {} {:>4}", 3, 3, 2.5, self.seen)
        broker.log("{} {:d} {:.3} {}", 1e15, 7, 2.0, -0.25)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_whole_number_in_a_log_line_is_shown_as_whole(compiled):
    texts = planar.backtest(Says, CANDLES, compiled=compiled).notes["text"].to_list()
    assert texts[:2] == ["3 3.00 2.5    1", "1000000000000000 7 2.0 -0.25"]


class SaysBools(One):
    def on_candle(self, candle, broker):
        broker.log("{} {} {}", candle.close > 0.0, broker.is_long, True)
        broker.log("{0} {1} {0} {{}}", 3, 2.5)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_bool_in_a_log_line_is_shown_as_1_or_0(compiled):
    texts = planar.backtest(SaysBools, CANDLES, compiled=compiled).notes["text"].to_list()
    assert texts[:2] == ["1 0 1", "3 2.5 3 {}"]


class SaysAnFString(One):
    def on_candle(self, candle, broker):
        broker.log(f"{candle.hour}")


class SaysAText(One):
    def on_candle(self, candle, broker):
        broker.log(str(candle.hour))


class SaysTwoTexts(One):
    def on_candle(self, candle, broker):
        broker.log("at " + "once")


class AssignsInside(One):
    def on_candle(self, candle, broker):
        if (close := candle.close) > 0.0:
            self.total = close


class ReadsAList(One):
    def on_candle(self, candle, broker):
        self.total = LEVELS[0]


class ReadsADict(One):
    def on_candle(self, candle, broker):
        self.total = WEIGHTS["a"]


class Catches(One):
    def on_candle(self, candle, broker):
        try:
            self.total = 1.0 / self.seen
        except ZeroDivisionError:
            self.total = 0.0


class CallsByName(One):
    def on_candle(self, candle, broker):
        self.total = self.twice(x=candle.close)

    def twice(self, x):
        return 2.0 * x


class TakesTheLargest(One):
    def on_candle(self, candle, broker):
        self.total = max(candle.last("close", 1)) + sum(candle.last("close", 1))


class Imports(One):
    def on_candle(self, candle, broker):
        import math

        self.total = math.pi


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (SaysAnFString, ["f'{candle.hour}' is not compiled", "broker.log('close {}', candle.close)"]),
        (SaysAText, ["str(candle.hour) is not compiled", "texts are constants"]),
        (SaysTwoTexts, ["broker.log must be a constant text"]),
        (AssignsInside, ["(close := candle.close)", "give close its value in a line before"]),
        (ReadsAList, ["'LEVELS' is a list of the module"]),
        (ReadsADict, ["'WEIGHTS' is a dict"]),
        (Catches, ["'except ZeroDivisionError' is not compiled"]),
        (CallsByName, ["x= is given by name", "by position"]),
        (TakesTheLargest, ["view.max()"]),
        (Imports, ["an import inside a function"]),
    ],
)
def test_why_a_class_runs_interpreted_is_told_in_plain_words_with_the_line(strategy, words):
    run = planar.backtest(strategy, CANDLES)
    assert run.why_interpreted is not None
    assert [w for w in ("line ", *words) if w not in run.why_interpreted] == []
    assert run.notes.equals(planar.backtest(strategy, CANDLES, compiled=False).notes)


def test_a_text_made_by_the_strategy_may_have_braces_of_its_own():
    class Shows(One):
        def on_candle(self, candle, broker):
            broker.log(repr({}) + repr({"a": 1}))

    assert planar.backtest(Shows, CANDLES).notes["text"][0] == "{}{'a': 1}"


LONG = np.zeros(5_000)


class ReadsALongArray(One):
    def on_candle(self, candle, broker):
        self.total = LONG[2_500]


def test_another_array_of_the_module_is_another_strategy_however_long_it_is(monkeypatch):
    """Python shows a long array by its ends, and these are alike."""
    assert planar.backtest(ReadsALongArray, CANDLES, compiled=True).memory[NAME]["total"] == 0.0
    monkeypatch.setitem(globals(), "LONG", np.where(np.arange(5_000) == 2_500, 1.0, 0.0))
    assert planar.backtest(ReadsALongArray, CANDLES, compiled=True).memory[NAME]["total"] == 1.0
