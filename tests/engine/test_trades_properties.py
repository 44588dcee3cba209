"""What holds over any market trades."""

from dataclasses import replace

import polars as pl
from engine.traded import COIN, random_trades
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planar
from planar import Side, Strategy

SETTLED = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


class Maker(Strategy):
    """Quotes around the last trade, wider after a candle that fell; sells at market what it cannot get rid of."""

    timeframe = "1m"
    width = 2.0
    fills = 0
    stopped = 0

    def on_candle(self, candle, broker):
        self.width = 3.0 if candle.close < candle.open else 1.0

    def on_tick(self, tick, broker):
        if tick.side == Side.SELL and broker.balance > 20:
            broker.close(0.5)
        elif tick.price >= self.width + 1.0:
            broker.quote(0, "buy", tick.price - self.width, amount=5.0)
        if broker.position > 0:
            broker.quote(1, "sell", tick.price + self.width, amount=broker.position)

    def on_fill(self, fill, broker):
        self.fills += 1
        if fill.is_buy and fill.price > 2.0:
            broker.sell(1.0, stop=fill.price - 2.0)


SEEDS = st.integers(0, 2**32 - 1)


def logs_before(run, time) -> list[tuple]:
    """What was asked for, changed and filled before a time."""
    orders, amends = run.orders, run.logs.amends
    asked = orders.filter(pl.col("time") < time).select("id", "time", "side", "stop", "requested").rows()
    changes = [tuple(a)[:6] for a in amends if a["time"] < time]
    return [*asked, *changes, *run.fills.filter(pl.col("time") < time).rows()]


@SETTLED
@given(SEEDS, st.floats(0.1, 0.9), st.booleans())
def test_what_comes_later_changes_nothing(seed, share, is_cut):
    """Later trades are others, or there are none."""
    frame = random_trades(seed)
    row = int(len(frame) * share)
    time = int(frame["time"][row])
    before = frame.filter(pl.col("time") < time)
    if before.is_empty():
        return
    later = random_trades(seed + 1).with_columns(pl.col("time") + time)
    other = before if is_cut else pl.concat([before, later])
    first, second = (planar.backtest(Maker, trades=t, instruments=COIN) for t in (frame, other))
    known = min(time, int(other["time"][-1]))
    assert logs_before(first, known) == logs_before(second, known)


@SETTLED
@given(SEEDS)
def test_compiled_and_interpreted_do_the_same_over_trades(seed):
    frame = random_trades(seed)
    runs = [planar.backtest(Maker, trades=frame, instruments=COIN, compiled=c) for c in (True, False)]
    for name in ("orders", "fills", "equity"):
        assert getattr(runs[0], name).equals(getattr(runs[1], name))
    assert runs[0].memory == runs[1].memory


@SETTLED
@given(SEEDS)
def test_what_an_account_has_at_the_end_is_what_the_curve_says(seed):
    run = planar.backtest(Maker, trades=random_trades(seed), instruments=replace(COIN, maker=0.001, taker=0.002))
    last = run.equity.row(-1, named=True)
    assert (last["cash"], last["equity"]) == (run._simulation.state["money"], sum_of(run))


def sum_of(run) -> float:
    (record,) = run._simulation.memory.instruments
    return float(run._simulation.state["money"]) + (float(record["amount"] * record["last"]) if record["base"] else 0.0)
