"""It holds the one that has become cheap against the other, and changes only for a large distance."""

from statistics import fmean, pstdev

import planar

FOUR_HOURS = 4 * 3_600_000
BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"


def test_a_change_is_sold_when_the_other_one_is_far_below_its_usual_ratio(run_of, market):
    frames = market("relative_value")
    time = frames[BTC]["time"].to_list()
    ratios = [a / b for a, b in zip(frames[BTC]["close"], frames[ETH]["close"], strict=True)]
    sales = run_of("relative_value").orders.filter(side="sell")
    assert len(sales) > 5
    for order in sales.iter_rows(named=True):
        i = time.index(order["time"] - FOUR_HOURS)
        window = ratios[i - 119 : i + 1]
        score = (window[-1] - fmean(window)) / pstdev(window)
        assert score > 1.5 if order["instrument"] == BTC else score < -1.5


def test_one_of_the_two_is_held_and_never_both(market, watched_step):
    held = []

    def see(self, universe):
        held.append([m.broker.position * m.broker.mark_price / universe.equity for m in universe])

    planar.backtest(watched_step("relative_value", see), candles=market("relative_value"))
    assert all(min(both) < 0.02 for both in held)
    assert sum(max(both) > 0.95 for both in held) > 0.9 * len(held)


def test_two_that_move_together_are_left_alone(bars):
    rows = [(100.0, 101.0, 99.0, 100.0 + i % 2) for i in range(200)]
    assert len(planar.backtest("relative_value", candles={BTC: bars("4h", rows), ETH: bars("4h", rows)}).orders) == 0
