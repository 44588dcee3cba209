"""The grid keeps an order on every line but one, and moves only what filled."""

import planar

HOUR = 3_600_000
RULES = planar.Instrument("binance:ETH/USDT", price_step=0.01, amount_step=1e-4)
LINES = 8
STILL = (100.0, 100.0, 100.0, 100.0)


def run(bars, *rows):
    return planar.backtest("grid_maker", candles=bars("1h", rows), instruments=[RULES], fill="ideal")


def resting(result) -> list[tuple[str, float]]:
    return result.orders.filter(status="OPEN").sort("price", descending=True).select("side", "price").rows()


def test_buys_rest_one_per_cent_apart_below_the_first_close(bars):
    prices = [99.0, 98.02, 97.05, 96.09, 95.14, 94.2, 93.27, 92.34]  # 100 / 1.01 ** line, rounded down to the tick
    assert resting(run(bars, STILL, STILL)) == [("buy", price) for price in prices]


def test_a_fall_through_three_lines_leaves_the_third_empty_and_sells_above_it(bars):
    result = run(bars, STILL, (100.0, 100.0, 96.5, 96.5), (96.5, 96.5, 96.5, 96.5))
    assert result.fills["price"].to_list() == [99.0, 98.02, 97.05]
    assert resting(result)[:5] == [("sell", 100.0), ("sell", 99.01), ("sell", 98.03), ("buy", 96.09), ("buy", 95.14)]


def test_what_is_bought_at_a_line_is_sold_a_line_higher(bars):
    result = run(bars, STILL, (100.0, 100.0, 98.5, 98.5), (98.5, 98.5, 98.5, 98.5), (98.5, 100.5, 98.5, 100.5))
    assert result.fills.select("side", "price", "amount").rows() == [("buy", 99.0, 0.3), ("sell", 100.0, 0.3)]


def test_with_nothing_left_to_sell_the_grid_moves_up_with_the_price(bars):
    result = run(bars, STILL, (100.0, 105.0, 100.0, 105.0), (105.0, 105.0, 105.0, 105.0))
    assert resting(result)[0] == ("buy", 103.96)
    assert len(result.orders) == LINES  # the same orders, amended


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


def test_a_candle_without_a_fill_asks_for_nothing(run_of):
    run = run_of("grid_maker")
    told = {-(-time // HOUR) * HOUR for time in run.fills["time"]}
    refused = {time + HOUR for time in run.orders.filter(status="REJECTED")["time"]}
    asked = set(run.orders["time"][LINES:])
    assert asked <= told | refused


def test_orders_that_fill_in_parts_never_sell_more_than_is_held(market):
    """Lots so large that the market takes them in parts."""
    large = planar.backtest("grid_maker", candles=market("grid_maker"), params={"lot": 2_000.0}, cash=1e8)
    assert large.fills.filter(side="sell")["order_id"].is_duplicated().any()
    assert len(large.orders.filter(reason="INSUFFICIENT_FUNDS")) == 0
    assert len(large.trades) > 0
