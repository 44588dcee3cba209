"""Latency and slippage that are fixed, sampled by seed, or recorded: docs/simulation.md, section 15."""

from dataclasses import replace

import numpy as np
import pytest

import planar
from planar import FillModel, Instrument, Recorded, Sampled, Strategy
from planar.errors import ConfigError
from planar.store.synthetic import synthetic

A, B = (Instrument(f"test:{name}/USD", 0.01, 1e-4, maker=0.001, taker=0.001) for name in ("A", "B"))
NAMES = [A.name, B.name]
CANDLES = synthetic(NAMES, "1m", candles=600, seed=3)
IDEAL = FillModel("ohlc", 0, None, None, 0.0, None, "touch")
MINUTE = 60_000


class Churning(Strategy):
    """Buys and sells in turn, each a little, and moves a resting order around."""

    instruments = NAMES
    timeframe = "1m"
    n = 0

    def on_candle(self, candle, broker):
        self.n += 1
        if self.n % 3 == 0:
            broker.close()
        elif self.n % 3 == 1:
            broker.buy(cost=50.0)
        broker.quote(0, "buy", candle.close * 0.999, cost=50.0)


def played(fill, cls=Churning, instruments=(A, B), **options):
    return planar.backtest(
        cls, {i.name: CANDLES[i.name] for i in instruments}, instruments=list(instruments), fill=fill, **options
    )


def fills(run, name=None) -> list[tuple]:
    rows = run.fills.select("time", "instrument", "side", "price", "amount", "liquidity").rows()
    return [row for row in rows if name in (None, row[1])]


def test_a_sampled_latency_has_the_median_and_the_tail_that_it_says():
    table = Sampled(250, 0.5).table()
    assert np.median(table) == pytest.approx(250, rel=1e-3)
    assert np.mean(np.array(table) > 250 * 2.3) == pytest.approx(0.05, abs=0.003)
    assert np.std(np.log(table)) == pytest.approx(0.5, rel=0.01)


def test_an_order_travels_as_long_as_one_that_was_recorded():
    times = {
        row[0] % MINUTE
        for row in fills(played(replace(IDEAL, latency_ms=Recorded([7_000, 20_000]))))
        if row[5] == "taker"
    }
    assert times == {7_000, 20_000}


def test_news_travel_too():
    times = {
        row[0] % MINUTE for row in fills(played(replace(IDEAL, latency_ms=3_000, news_ms=4_000))) if row[5] == "taker"
    }
    assert times == {7_000}
    drawn = replace(IDEAL, latency_ms=Recorded([3_000]), news_ms=Recorded([4_000]))
    assert fills(played(drawn)) == fills(played(replace(IDEAL, latency_ms=7_000)))


def test_the_same_seed_gives_the_same_run_and_another_another():
    model = FillModel(latency_ms=Sampled(9_000, 1.0), slippage=Sampled(0.001, 1.0))
    first, again, other = (played(m) for m in (model, model, replace(model, seed=1)))
    assert fills(first) == fills(again) != fills(other)
    assert fills(first) == fills(played(model, compiled=False))


def test_what_an_instrument_draws_does_not_depend_on_the_others():
    """Alone, after, and before another."""
    model = FillModel(
        latency_ms=Sampled(9_000, 1.0), news_ms=Recorded([5, 9_000]), slippage=Recorded([-0.001, 0.0, 0.02])
    )
    runs = [played(model, instruments=those) for those in ((A,), (A, B), (B, A))]
    assert fills(runs[0]) == fills(runs[1], A.name) == fills(runs[2], A.name)
    assert fills(runs[1], B.name) == fills(runs[2], B.name)


def test_a_cancel_does_not_overtake_its_order():
    """Each order is asked to be cancelled as soon as it is asked for; whichever draws longer, both arrive in order."""

    class Hasty(Strategy):
        timeframe = "1m"

        def on_candle(self, candle, broker):
            broker.cancel(broker.buy(cost=50.0, price=candle.close * 0.5))

    run = played(replace(IDEAL, latency_ms=Recorded([0, 50_000])), Hasty, (A,))
    events = run._simulation.log("events")
    kinds = {order: [int(e["kind"]) for e in events if e["order"] == order] for order in range(len(run.orders) - 1)}
    assert {tuple(k) for k in kinds.values()} == {tuple(kinds[0])}
    assert set(run.orders["status"][:-1]) == {"CANCELLED"}


def test_a_fixed_slippage_is_a_share_of_the_price():
    plain, paid = (played(replace(IDEAL, slippage=share), instruments=(A,)) for share in (0.0, 0.01))
    takers = [[row for row in fills(run) if row[5] == "taker"] for run in (plain, paid)]
    (_, _, side, price, *_), (_, _, _, worse, *_) = takers[0][0], takers[1][0]
    assert side == "buy"
    assert worse == pytest.approx(price * 1.01, abs=0.01)
    assert paid.costs()["slip"] > 0.0 == plain.costs()["slip"]


def test_a_class_chooses_its_fill_model_and_the_call_goes_before_it(tmp_path):
    class Slow(Churning):
        fill = replace(IDEAL, latency_ms=Recorded([30_000]))

    file = tmp_path / "fast.toml"
    file.write_text('path = "ohlc"\nlatency_ms = { median = 5, sigma = 0.0 }\nspread = "none"\n')
    for fill, late in ((None, 30_000), (str(file), 5), ("ideal", 0)):
        run = played(fill, Slow)
        assert {row[0] % MINUTE for row in fills(run) if row[5] == "taker"} == {late}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Sampled(0, 1.0), "the median must be above 0"),
        (lambda: Recorded([]), "Recorded takes at least one number"),
        (lambda: Recorded([1.0, float("nan")]), "Recorded takes at least one number"),
        (
            lambda: FillModel(latency_ms=Recorded([-1])),
            r"latency_ms=.* must be whole milliseconds, 0 or more, or Sampled",
        ),
        (lambda: FillModel(slippage=-0.1), r"slippage=-0.1 must be a share of the price"),
        (lambda: FillModel(seed=1.5), r"seed=1.5 must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_from_says_why(make, told):
    with pytest.raises(ConfigError, match=told):
        make()
