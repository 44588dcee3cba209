"""It acts only on what it has noted often enough, and only where that was worth the fees."""

from itertools import pairwise

import planar


def steady(gain: float) -> list[tuple[float, float, float, float]]:
    """A thousand candles that each gain as much."""
    closes = [100.0 * (1.0 + gain) ** i for i in range(1_001)]
    return [(a, max(a, b) + 0.1, min(a, b) - 0.1, b) for a, b in pairwise(closes)]


def test_a_market_that_always_rose_is_bought_when_that_was_noted_a_hundred_times(bars):
    run = planar.backtest("regime_notebook", candles=bars("1h", steady(0.0005)))
    first = run.orders.row(0, named=True)
    row = (first["time"] - bars("1h", steady(0.0005))["time"][0]) // 3_600_000 - 1
    # A third of the day is one kind: after 224 candles of warm-up, 100 notes need 12 and a half days.
    assert row == 224 + 12 * 24 + 4 - 1 - 224 % 8
    assert len(run.orders) == 1


def test_a_market_that_always_fell_is_never_bought(bars):
    assert len(planar.backtest("regime_notebook", candles=bars("1h", steady(-0.0005))).orders) == 0


def test_a_rise_that_does_not_pay_the_fees_is_left_alone(bars):
    assert len(planar.backtest("regime_notebook", candles=bars("1h", steady(0.0001))).orders) == 0


def test_every_run_begins_with_an_empty_notebook(market):
    candles = market("regime_notebook", 2_000)
    runs = [planar.backtest("regime_notebook", candles=candles) for _ in range(2)]
    assert runs[0].orders.equals(runs[1].orders, null_equal=True)
