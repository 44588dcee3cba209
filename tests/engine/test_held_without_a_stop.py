"""How long positions were held without a stop is counted from the fill to the stop's acceptance, to the millisecond."""

import polars as pl
import pytest

import planar
from planar import Instrument, Strategy

NAME = "test:COIN/USD"
RULES = Instrument(NAME, price_step=1.0, amount_step=1.0, maker=0.0, taker=0.0)
HOUR = 3_600_000


def candles(*closes):
    """Each opens where the one before closed."""
    opens = [closes[0], *closes[:-1]]
    rows = list(zip(opens, closes, strict=True))
    return pl.DataFrame(
        {
            "time": [1_700_000_400_000 // HOUR * HOUR + i * HOUR for i in range(len(rows))],
            "open": [float(o) for o, _ in rows],
            "high": [float(max(row)) for row in rows],
            "low": [float(min(row)) for row in rows],
            "close": [float(c) for _, c in rows],
            "volume": [1e6] * len(rows),
        }
    )


class Bracket(Strategy):
    """Its stop is armed when it fills."""

    bought = 0

    def on_candle(self, candle, broker):
        if self.bought == 0:
            self.bought = broker.buy(5.0, stop_loss=90.0)


class StopInOnFill(Strategy):
    """Its stop is sent at the close of the candle in which it fills."""

    bought = 0

    def on_candle(self, candle, broker):
        if self.bought == 0:
            self.bought = broker.buy(5.0)

    def on_fill(self, fill, broker):
        if fill.is_buy:
            broker.sell(5.0, stop=90.0)


class NoStop(Strategy):
    """It asks for none."""

    bought = 0

    def on_candle(self, candle, broker):
        if self.bought == 0:
            self.bought = broker.buy(5.0)


class Lets(StopInOnFill):
    """It takes its stop away again."""

    def on_candle(self, candle, broker):
        if self.bought == 0:
            self.bought = broker.buy(5.0)
        elif broker.is_long and broker.held == 3:
            broker.cancel_all()


def told(cls, frame):
    run = planar.backtest(cls, frame, instruments=[RULES], fill=planar.FillModel(path="ohlc", latency_ms=250))
    return run.stats["believe"].get("Held without a stop")


def test_a_bracket_is_never_naked():
    assert told(Bracket, candles(*[100] * 10)) == "never"


def test_a_stop_that_is_sent_after_the_fill_is_late_by_a_candle_and_its_way():
    """Filled at 0.25 s of a candle, there 0.25 s after its close: 3,600 s of the 32,399.75 s until the end."""
    assert told(StopInOnFill, candles(*[100] * 10)) == "once, 3,600.000 s at most, 11 % of the time held"


def test_what_is_sold_is_not_naked_any_more():
    """The stop sells in the third candle after the entry's."""
    text = told(StopInOnFill, candles(100, 100, 100, 80, 80, 80))
    assert text.startswith("once, 3,600.000 s at most")


def test_a_stop_that_is_taken_away_counts():
    assert told(Lets, candles(*[100] * 10)).startswith("2 times, ")


@pytest.mark.parametrize("compiled", [True, False])
def test_who_never_asks_for_a_stop_is_told_nothing(compiled):
    run = planar.backtest(NoStop, candles(*[100] * 10), instruments=[RULES], compiled=compiled)
    assert "Held without a stop" not in run.stats["believe"]
