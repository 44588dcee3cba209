"""What compiled code would compute otherwise than Python is computed alike, or runs interpreted and says why."""

import math

import numpy as np
import pytest

import planar
from planar import Strategy
from planar.errors import StrategyError
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
FRAME = synthetic([NAME], "1h", candles=120, seed=5)[NAME]


class Base(Strategy):
    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"
    n = 1
    x = 0.0


class RoundsToDigits(Base):
    def on_candle(self, candle, broker):
        self.x = round(candle.close * 0.5, 2)
        broker.log("{:.20g}", self.x)


class Rounds(Base):
    def on_candle(self, candle, broker):
        self.n = round(candle.close * 0.5) + int(candle.open) + math.floor(candle.low) + math.ceil(candle.high)
        broker.log("{}", self.n)


class Roots(Base):
    def on_candle(self, candle, broker):
        self.x = math.sqrt(candle.close) + math.log(candle.close) + math.exp(candle.close / 1e5) + np.sqrt(candle.low)
        broker.log("{:.20g}", self.x)


class Tanh(Base):
    def on_candle(self, candle, broker):
        broker.log("{:.20g}", np.tanh(candle.close / 1e5))


class RandomHook(Base):
    def on_candle(self, candle, broker):
        broker.log("{:.20g}", np.random.rand() * 0.0)


class Wraps(Base):
    def on_candle(self, candle, broker):
        product = self.n * 6364136223846793005
        self.n = product % 1000003
        broker.log("{}", self.n)


class WrapsInPlace(Base):
    def on_candle(self, candle, broker):
        big = candle.now
        big *= candle.now
        broker.log("{}", big % 1000003)


class Unassigned(Base):
    def on_candle(self, candle, broker):
        if candle.close > candle.open:
            price = candle.close
        broker.log("{}", price)


class AssignedEitherWay(Base):
    def on_candle(self, candle, broker):
        if candle.close > candle.open:
            price = candle.close
        else:
            price = candle.open
            broker.mark("fell")
        for _ in range(3):
            price += 1.0
        broker.log("{:.20g}", price)


class RootOfNegative(Base):
    def on_candle(self, candle, broker):
        self.x = math.sqrt(candle.open - candle.close)


class Asserts(Base):
    def on_candle(self, candle, broker):
        assert candle.close < 1.0, "too high"


class Recurses(Base):
    def on_candle(self, candle, broker):
        broker.log("{}", self.factorial(5))

    def factorial(self, n):
        return 1 if n < 2 else n * self.factorial(n - 1)


class Assigns(Base):
    def on_candle(self, candle, broker):
        candle.close = 3.0


def both(cls):
    """Notes of a run as it is, and interpreted."""
    run = planar.backtest(cls, FRAME)
    return run.why_interpreted, run.notes, planar.backtest(cls, FRAME, compiled=False).notes


@pytest.mark.parametrize("cls", [Rounds, Roots, AssignedEitherWay])
def test_what_is_computed_alike_is_compiled(cls):
    why, here, there = both(cls)
    assert why is None
    assert here.equals(there)


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (RoundsToDigits, "round(candle.close * 0.5, 2)"),
        (Tanh, "np.tanh"),
        (RandomHook, "np.random.rand()"),
        (Recurses, ""),
    ],
)
def test_what_would_differ_runs_interpreted_and_says_why(cls, reason):
    why, here, there = both(cls)
    assert reason in why
    assert here.equals(there)


@pytest.mark.parametrize("cls", [Wraps, WrapsInPlace])
def test_whole_numbers_beyond_64_bits_go_on_interpreted(cls):
    why, here, there = both(cls)
    assert "OverflowError" in why
    assert here.equals(there)


@pytest.mark.parametrize(
    ("cls", "what"),
    [
        (Unassigned, "price"),
        (RootOfNegative, "ValueError: math domain error"),
        (Asserts, "AssertionError: too high"),
        (Assigns, "close"),
    ],
)
def test_what_python_refuses_is_refused_at_the_line(cls, what):
    with pytest.raises(StrategyError, match=r"test_exact\.py, line") as raised:
        planar.backtest(cls, FRAME)
    assert what in str(raised.value)


def test_an_error_in_indicators_is_told_with_its_line():
    class Typo(Base):
        def indicators(self, candles):
            return {"fast": planar.indicator.smaa(candles.close, 5)}

        def on_candle(self, candle, broker):
            pass

    with pytest.raises(StrategyError, match=r"Did you mean 'sma'\?.*test_exact.py, line"):
        planar.backtest(Typo, FRAME)
