"""The grid keeps an order on every line but one, and moves only what filled."""

import math

import planar

HOUR = 3_600_000
NAME = "binance:ETH/USDT"
RULES = planar.Instrument(NAME, price_step=0.01, amount_step=1e-4)
LINES = 8


def test_what_is_bought_at_a_line_is_sold_a_line_higher(bars):
    still, fall, rise = (100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 98.5, 98.5), (98.5, 100.5, 98.5, 100.5)
    candles = bars("1h", [still, still, fall, still, rise, still])
    run = planar.backtest("grid_maker", candles=candles, instruments=[RULES], fill="ideal")
    # Lines: 100, 99.01, 98.03, … A buy rounds down to the tick.
    assert run.fills.select("side", "price", "amount").rows()[:2] == [("buy", 99.0, 0.3), ("sell", 100.0, 0.3)]


def test_every_fill_is_a_makers(run_of):
    assert set(run_of("grid_maker").fills["liquidity"]) == {"maker"}


def test_every_line_but_one_has_its_order_at_every_decision(market, watched):
    open_orders = []
    planar.backtest(
        watched("grid_maker", lambda self, candle, broker: open_orders.append(broker.open_orders)),
        candles=market("grid_maker"),
    )
    assert open_orders.count(LINES) > 0.99 * len(open_orders)
    assert max(open_orders) <= LINES + 1  # a part filled on the empty line


def test_orders_rest_on_the_lines(run_of, market):
    """Sells asked for below the close rest at the close instead; all others are on lines."""
    tops = []
    close = dict(zip(market("grid_maker")[NAME]["time"] + HOUR, market("grid_maker")[NAME]["close"], strict=True))
    for order in run_of("grid_maker").orders.iter_rows(named=True):
        if order["id"] == 1:
            tops.append(order["price"] * 1.01)
        line = math.log(tops[-1] / order["price"]) / math.log(1.01)
        if abs(line - round(line)) > 0.01 and order["price"] != close[order["time"]]:
            tops.append(order["price"])  # the grid moved up
    assert len(tops) < 0.2 * len(run_of("grid_maker").orders)


def test_a_candle_without_a_fill_asks_for_nothing(run_of):
    run = run_of("grid_maker")
    told = {-(-time // HOUR) * HOUR for time in run.fills["time"]}
    refused = {time + HOUR for time in run.orders.filter(status="REJECTED")["time"]}
    asked = set(run.orders["time"][LINES:])
    assert asked <= told | refused
