"""``planar check`` catches a look-ahead wherever it shows: a column, an order, one price, an amend, a cancel."""

import numpy as np
import pytest

from planar import Strategy, indicator
from planar.engine.check import check
from planar.store.synthetic import synthetic

NAMES = ["test:A/USD", "test:B/USD"]
FRAMES = synthetic(NAMES, "1h", candles=900, seed=4)
IS_SECOND = float(FRAMES[NAMES[1]]["close"][0])


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


class LeaksInTheSecondInstrument(Quiet):
    instruments = NAMES

    def indicators(self, candles):
        made = super().indicators(candles)
        return {**made, "ahead": tomorrow(candles)} if candles.close[0] == IS_SECOND else made


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_a_strategy_that_sees_no_future_is_found_clean(names):
    found = check(Quiet(), candles=FRAMES, instruments=names)
    assert found.leaks == []
    assert (found.prefixes, found.sampled) == (900 - 9, 500 * (len(names) - 1))
    assert found.truncations == 64
    assert found.orders > 100


def test_candles_with_a_gap_and_another_beginning_are_no_leak():
    frames = {NAMES[0]: FRAMES[NAMES[0]].slice(300), NAMES[1]: FRAMES[NAMES[1]].filter(FRAMES[NAMES[1]]["volume"] > 0)}
    holes = frames[NAMES[1]].with_row_index("row")
    frames[NAMES[1]] = holes.filter(holes["row"] % 7 > 0).drop("row")
    assert check(Quiet(), candles=frames, instruments=NAMES).leaks == []


def test_an_instrument_that_is_listed_later_is_no_leak():
    frames = {NAMES[0]: FRAMES[NAMES[0]].head(600), NAMES[1]: FRAMES[NAMES[1]].slice(400)}
    assert check(Quiet(), candles=frames, instruments=NAMES).truncations > 10
    frames[NAMES[1]] = FRAMES[NAMES[1]].slice(700)
    found = check(Quiet(), candles=frames, instruments=NAMES)
    assert (found.leaks, found.truncations) == ([], 0)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (LeaksInThePrice, ["orders up to", "another limit", "buy of test:A/USD"]),
        (LeaksInTheTrigger, ["orders up to", "another trigger"]),
        (LeaksInAnAmend, ["orders up to", "an amend at"]),
        (LeaksInACancel, ["orders up to", "the cancel of"]),
        (LeaksInASize, ["orders up to", "without them buy"]),
        (LeaksInTheSecondInstrument, ["column 'ahead'", "test:B/USD"]),
    ],
)
def test_a_look_ahead_is_caught_where_it_hides(strategy, words):
    found = check(strategy(), candles=FRAMES, instruments=strategy.instruments)
    assert len(found.leaks) == 1
    assert [w for w in words if w not in found.leaks[0]] == []
