"""A longer timeframe is seen as of its last closed candle; before the first it is nothing, not the last of the data."""

import math

import pytest

import planar
from planar import Strategy, StrategyError
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
CANDLES = synthetic([NAME], "1h", candles=80, seed=2)[NAME]


class LooksBack(Strategy):
    """Looks a day back, to before the first day had closed."""

    instruments = [NAME]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    timeframes = ["1d"]  # noqa: RUF012
    warmup = 30

    def on_candle(self, candle, broker):
        day = candle.back(24).d1
        broker.log("{} {}", day.close, day.volume)


class AsksForTheTime(LooksBack):
    def on_candle(self, candle, broker):
        broker.log("{}", candle.back(24).d1.hour)


@pytest.mark.parametrize("compiled", [True, False])
def test_before_the_first_day_had_closed_its_prices_are_nan(compiled):
    """The first decision is on candle number 30, counted from 0; the first day closes with number 23."""
    texts = planar.backtest(LooksBack, CANDLES, compiled=compiled).notes["text"].to_list()
    assert len(texts) == 80 - 30
    unknown = 23 + 24 - 30
    assert texts[:unknown] == ["nan nan"] * unknown
    day = CANDLES["close"][23]
    assert all(float(text.split()[0]) == day for text in texts[unknown : unknown + 24])
    assert not any(math.isnan(float(text.split()[0])) for text in texts[unknown:])


@pytest.mark.parametrize("compiled", [True, False])
def test_a_day_that_was_not_known_has_no_time(compiled):
    with pytest.raises(StrategyError, match="nothing of it was known at this candle"):
        planar.backtest(AsksForTheTime, CANDLES, compiled=compiled)
