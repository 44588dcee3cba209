"""A new high is bought by a stop order, and what was bought has its stop at once."""

import pytest

import planar

NAME = "binance:BTC/USDT"
RULES = planar.Instrument(NAME, price_step=0.01, amount_step=1e-5)
# Every true range is 2, so the stop is 5 below the one high of 101.
HIGH, QUIET = (100.0, 101.0, 99.0, 100.0), (100.0, 100.9, 98.9, 100.0)
BREAKOUT = (100.0, 101.5, 99.5, 101.0)


def run(bars, *rows):
    candles = bars("4h", [HIGH] + [QUIET] * 29 + list(rows))
    return planar.backtest("breakout", candles=candles, instruments=[RULES], fill="ideal")


def test_a_new_high_is_bought_at_the_channel_with_a_stop_below_for_all_of_it(bars):
    orders = run(bars, BREAKOUT, (101.0, 101.5, 100.0, 101.0)).orders
    entry, stop = orders.row(-2, named=True), orders.row(-1, named=True)
    assert (entry["side"], entry["kind"], entry["stop"], entry["average_price"]) == ("buy", "stop", 101.0, 101.0)
    assert (stop["side"], stop["kind"], stop["stop"], stop["status"]) == ("sell", "stop", 96.0, "OPEN")
    assert stop["amount"] == entry["filled"]
    assert stop["time"] - entry["time"] == 4 * 3_600_000  # asked for as soon as the fill was told


def test_a_stop_that_is_hit_at_once_loses_one_per_cent_of_equity(bars):
    result = run(bars, BREAKOUT, (101.0, 101.0, 95.0, 95.0))
    assert result.fills["price"].to_list() == [101.0, 96.0]
    assert result.stats["final_equity"] == pytest.approx(9_900.0, abs=0.1)


def test_the_stop_follows_the_price_up(bars):
    orders = run(bars, (100.0, 110.0, 100.0, 110.0), (110.0, 111.0, 109.0, 110.0)).orders
    assert orders["stop"][-1] > 101.0


def test_a_price_that_fell_through_before_the_stop_arrived_is_sold_at_market(bars):
    result = run(bars, BREAKOUT, (90.0, 90.5, 89.5, 90.0), (88.0, 88.5, 87.5, 88.0))
    refused = result.orders.filter(reason="STOP_WOULD_TRIGGER").row(0, named=True)
    assert (refused["side"], refused["stop"]) == ("sell", 96.0)
    assert result.fills.select("side", "price").rows() == [("buy", 101.0), ("sell", 88.0)]


def test_a_position_has_its_stop_at_every_decision_and_the_stop_never_falls(market, watched):
    protected, stops = [], {}

    def see(self, candle, broker):
        if broker.is_long:
            stop = broker.order(self.stop_id)
            was_refused = stop.reason == planar.Reason.STOP_WOULD_TRIGGER  # then a market order is on its way
            protected.append(was_refused or (stop.is_open and stop.amount - stop.filled == broker.position))
            protected.append(broker.open_orders == 1)
            stops.setdefault(self.stop_id, []).append(self.stop)

    planar.backtest(watched("breakout", see), candles=market("breakout"))
    assert len(protected) > 1_000
    assert all(protected)
    assert all(trail == sorted(trail) for trail in stops.values())
    assert any(trail[0] < trail[-1] for trail in stops.values())
