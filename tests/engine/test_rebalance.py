"""`universe.rebalance`: what is on its way counts as done, and no increase waits for ever."""

import polars as pl

import planar
from planar import FillModel, Strategy
from planar.model.instrument import Instrument

MINUTE = 60_000


class EveryMinute(Strategy):
    """Asks for the same shares at every step; all in the first until minute 10, then all in the second."""

    instruments = ["test:A/USD", "test:B/USD"]  # noqa: RUF012
    timeframe = "1m"

    def on_step(self, universe):
        universe.rebalance({"A" if universe.now <= 10 * MINUTE else "B": 1.0})


def candles(closes, volume=1e6):
    """Candles that open where the last one closed."""
    opens = [closes[0], *closes[:-1]]
    rows = [
        (i * MINUTE, o, max(o, c), min(o, c), c, volume) for i, (o, c) in enumerate(zip(opens, closes, strict=True))
    ]
    return pl.DataFrame(rows, schema=["time", "open", "high", "low", "close", "volume"], orient="row")


def run(first, second, **model):
    fills = FillModel(**{"latency_ms": 0, "spread": None, "impact": None, **model})
    rules = {name: Instrument(name, price_step=0.01, amount_step=0.01) for name in EveryMinute.instruments}
    return planar.backtest(
        EveryMinute,
        dict(zip(rules, (first, second), strict=True)),
        instruments=rules,
        fill=fills,
        fees=0.0,
        cash=1000.0,
    )


def test_orders_that_take_minutes_to_arrive_are_asked_for_once():
    flat = candles([100.0] * 20)
    orders = run(flat, flat, latency_ms=150_000).orders
    assert orders.select("instrument", "side").rows() == [
        ("test:A/USD", "buy"), ("test:A/USD", "sell"), ("test:B/USD", "buy"),
    ]  # fmt: skip


def test_a_purchase_that_the_sales_do_not_pay_for_makes_do_with_the_cash_there_is():
    """A falls by half on the minute it is sold in: B gets what is left, at once."""
    falling = candles([100.0] * 11 + [50.0] * 9)
    ran = run(falling, candles([100.0] * 20), latency_ms=30_000)
    last = ran.fills.row(-1, named=True)
    assert (last["instrument"], last["side"]) == ("test:B/USD", "buy")
    assert last["time"] <= 13 * MINUTE
    assert ran.equity["cash"][-1] < 1.0


def test_while_a_sale_goes_on_purchases_take_what_it_has_paid_for_at_most_once_each_minute():
    """A sells two coins a minute; the cash is never spent twice, and in the end all is in B."""
    thin = candles([100.0] * 40, volume=2.0)
    ran = run(thin, candles([100.0] * 40))
    assert ran.orders.filter(pl.col("status") == "REJECTED").is_empty()
    assert ran.fills.filter(pl.col("instrument") == "test:A/USD", pl.col("side") == "sell")["amount"].sum() == 10.0
    assert ran.fills.filter(pl.col("instrument") == "test:B/USD", pl.col("side") == "sell").is_empty()
    assert ran.equity["cash"].min() >= 0.0
    assert ran.equity["cash"][-1] < 1.0
