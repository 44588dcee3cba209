"""``planar check`` catches a look-ahead wherever it shows: a column, an order, one price, an amend, a cancel."""

import numpy as np
import pytest

from planar import Strategy, indicator
from planar.engine.check import check
from planar.engine.lookahead.after import POISONS, Future
from planar.store.synthetic import synthetic
from planar.strategy.candles import Candles

NAMES = ["test:A/USD", "test:B/USD"]
FRAMES = synthetic(NAMES, "1h", candles=500, seed=4)


class Quiet(Strategy):
    """Orders of every kind, none of which knows the future."""

    instruments = NAMES[:1]
    timeframe = "1h"
    id = 0

    def indicators(self, candles):
        return {"average": indicator.sma(candles.close, 10), "ahead": np.zeros(len(candles))}

    def on_candle(self, candle, broker):
        if candle.hour % 6 == 0:
            broker.cancel_all()
            self.id = broker.buy(cost=100.0, price=candle.close * 0.995, tag="rest")
        elif self.id > 0 and broker.order(self.id).is_open:
            broker.amend(self.id, price=candle.average * 0.99)
        elif broker.is_long and candle.hour % 6 == 3:
            broker.close()


def tomorrow(candles):
    """By how much the next close is above this one, a fraction; 0 where there is none."""
    return np.append(candles.close[1:] / candles.close[:-1] - 1.0, 0.0)


class Leaking(Quiet):
    """The future hides in a place that columns are not compared by: an attribute."""

    def indicators(self, candles):
        self.future = tomorrow(candles)
        self.start = int(candles.time[0])
        return super().indicators(candles)

    def ahead(self, candle):
        return self.future[(candle.time - self.start) // 3_600_000]


class LeaksInThePrice(Leaking):
    def on_candle(self, candle, broker):
        if candle.hour % 6 == 0:
            broker.cancel_all()
            broker.buy(cost=100.0, price=candle.close * (0.9 if self.ahead(candle) > 0.0 else 0.89))


class LeaksInTheTrigger(Leaking):
    def on_candle(self, candle, broker):
        if candle.hour % 6 == 0:
            broker.cancel_all()
            broker.buy(cost=100.0, stop=candle.close * (1.3 if self.ahead(candle) > 0.0 else 1.31))


class LeaksInAnAmend(Leaking):
    def on_candle(self, candle, broker):
        if self.id <= 0:
            self.id = broker.buy(cost=100.0, price=candle.close * 0.5)
        else:
            broker.amend(self.id, price=candle.close * (0.5 if self.ahead(candle) > 0.0 else 0.49))


class LeaksInACancel(Leaking):
    def on_candle(self, candle, broker):
        if broker.open_orders == 0:
            self.id = broker.buy(cost=100.0, price=candle.close * 0.5)
        elif self.ahead(candle) > 0.0:
            broker.cancel(self.id)


class LeaksInASize(Leaking):
    def on_candle(self, candle, broker):
        broker.buy(cost=10.0 if self.ahead(candle) > 0.0 else 11.0, price=candle.close * 0.5)


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_a_strategy_that_sees_no_future_is_found_clean(names):
    found = check(Quiet(), candles=FRAMES, instruments=names)
    assert found.leaks == []
    assert (found.prefixes, found.sampled) == (500 - 9, 491 * (len(names) - 1))
    assert (found.truncations, found.poisonings) == (64, 64)
    assert found.asked > 100


@pytest.mark.parametrize("after", POISONS)
@pytest.mark.parametrize("count", [0, 1, 250, 499, 500])
def test_another_future_has_the_same_past_the_same_times_and_candles_that_could_be(after, count):
    frame = FRAMES[NAMES[0]]
    columns = (frame[name].to_numpy() for name in ("time", "open", "high", "low", "close", "volume"))
    candles = Candles(*columns, timeframe=3_600_000)
    made = Future(int(candles.time[0]) + count * 3_600_000, after, seed=7).of(candles)
    assert np.array_equal(made.time, candles.time)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(made, name)[:count], getattr(candles, name)[:count])
        if count < 499:
            assert (getattr(made, name)[count:] != getattr(candles, name)[count:]).mean() > 0.9
    assert (made.high >= np.maximum(made.open, made.close)).all()
    assert (made.low <= np.minimum(made.open, made.close)).all()
    assert (made.low > 0.0).all()


def test_the_same_seed_finds_the_same():
    assert check(LeaksInASize(), candles=FRAMES, seed=5) == check(LeaksInASize(), candles=FRAMES, seed=5)


def test_candles_with_a_gap_and_another_beginning_are_no_leak():
    frames = {NAMES[0]: FRAMES[NAMES[0]].slice(200), NAMES[1]: FRAMES[NAMES[1]].filter(FRAMES[NAMES[1]]["volume"] > 0)}
    holes = frames[NAMES[1]].with_row_index("row")
    frames[NAMES[1]] = holes.filter(holes["row"] % 7 > 0).drop("row")
    assert check(Quiet(), candles=frames, instruments=NAMES).leaks == []


def test_an_instrument_that_is_listed_later_is_no_leak():
    """Nothing is cut off before both are listed and one of them decides; replaced it may be."""
    frames = {NAMES[0]: FRAMES[NAMES[0]].head(350), NAMES[1]: FRAMES[NAMES[1]].slice(200)}
    found = check(Quiet(), candles=frames, instruments=NAMES)
    assert (found.leaks, found.truncations, found.poisonings) == ([], 64, 64)
    frames[NAMES[1]] = FRAMES[NAMES[1]].slice(480)
    found = check(Quiet(), candles=frames, instruments=NAMES)
    assert (found.leaks, found.truncations, found.poisonings) == ([], 10, 64)


def test_candles_without_volume_are_checked_too():
    frame = FRAMES[NAMES[0]].with_columns(volume=float("nan"))
    assert check(Quiet(), candles={NAMES[0]: frame}).poisonings == 64


def test_the_look_is_at_decisions_between_start_and_end():
    day = 86_400_000
    first = int(FRAMES[NAMES[0]]["time"][0])
    found = check(Quiet(), candles=FRAMES, start=first + 5 * day, end=first + 15 * day)
    assert (found.candles, found.start, found.end) == (360, first, first + 15 * day)
    assert found.prefixes == 240
    late = check(LeaksInASize(), candles=FRAMES, start=first + 5 * day, end=first + 15 * day).leaks
    assert 120 <= late[0].candle < 360


@pytest.mark.parametrize(
    ("strategy", "change", "line"),
    [
        (LeaksInThePrice, "buy(cost=100.0, price=", "broker.buy(cost=100.0, price=candle.close * (0.9"),
        (LeaksInTheTrigger, "buy(cost=100.0, stop=", "broker.buy(cost=100.0, stop="),
        (LeaksInAnAmend, "amend(1, price=", "broker.amend(self.id, price="),
        (LeaksInACancel, "cancel(", "broker.cancel(self.id)"),
        (LeaksInASize, "buy(cost=1", "broker.buy(cost=10.0 if self.ahead(candle) > 0.0 else 11.0"),
    ],
)
def test_a_look_ahead_is_caught_where_it_hides_with_the_line_that_asks(strategy, change, line):
    (leak,) = check(strategy(), candles=FRAMES, instruments=strategy.instruments).leaks
    assert leak.what == "what is asked for"
    assert leak.change.startswith(change)
    assert leak.lines[0].text.startswith(line)
    assert leak.lines[0].file == __file__
    assert leak.time == FRAMES[leak.instrument]["time"][leak.candle] + 3_600_000


def test_a_look_ahead_of_an_interpreted_strategy_is_caught_in_any_stretch():
    """Its runs begin near where they are cut: it is seen late in the data, too."""

    class Late(LeaksInASize):
        def on_candle(self, candle, broker):
            if candle.time > self.start + 700 * 3_600_000:
                super().on_candle(candle, broker)

    (leak,) = check(Late(), candles=synthetic(NAMES[:1], "1h", candles=1_200, seed=4)).leaks
    assert leak.candle > 700
