"""A journal is run again with columns that are computed once, and that comes to what was seen then, bit by bit."""

import numpy as np
import pytest

from planar import Strategy
from planar.broker.journal import Entry
from planar.engine.session import trader as module
from planar.engine.session.recorder import rerun, told_asks
from planar.engine.session.trader import Trader
from planar.errors import DataError
from planar.model.ask import Row
from planar.model.instrument import Instrument
from planar.strategy.candles import Candles

MINUTE, START, KNOWN, COUNT = 60_000, 1_704_067_200_000, 30, 200
A = Instrument("test:A/USD", price_step=0.01, amount_step=0.001, min_cost=1.0)


class Crossing(Strategy):
    """Its columns are those of its own timeframe and of a longer one."""

    instruments = ["test:A/USD"]  # noqa: RUF012
    timeframe = "1m"
    timeframes = ["5m"]  # noqa: RUF012

    weight = 0.0

    def indicators(self, candles):
        mean = np.convolve(candles.close, np.ones(5) / 5)[: len(candles)]
        mean[:4] = np.nan
        return {"mean": mean}

    def on_candle(self, candle, broker):
        self.weight = self.weight * 0.5 + candle.mean - candle.m5.close
        if self.weight > 0.0:
            broker.buy(0.01, price=candle.close * 0.5)


class Ahead(Crossing):
    """Looks at the next close where there is one, which there never is while it trades."""

    def indicators(self, candles):
        return {"mean": np.append(candles.close[1:], candles.close[-1:])}


def market():
    close = 100.0 + np.cumsum(np.random.default_rng(3).normal(size=KNOWN + COUNT)).round(2)
    time = START + MINUTE * np.arange(KNOWN + COUNT)
    return Candles(time, close, close + 1.0, close - 1.0, close, np.full(len(close), 10.0), timeframe=MINUTE)


def made(cls, compiled):
    return Trader([cls()], [A], [market().at(slice(KNOWN))], cash=10**13, base=[0], compiled=compiled)


def journal(cls, compiled):
    """What a session writes that was told one candle after the other."""
    one, candles, entries = made(cls, compiled), market(), []

    def write(kind, body):
        entries.append(Entry(len(entries) + 1, 0, kind, body))

    write("begin", {"asks": told_asks(one.begin())})
    for row in range(KNOWN, KNOWN + COUNT):
        told = Row(*(getattr(candles, name)[row].item() for name in Row._fields))
        one.take(0, told)
        write("candle", [0, *told])
        asks = one.step(candles.close_at(row))
        write("step", {"time": candles.close_at(row), "asks": told_asks(asks), "seen": one.seen})
    return one, entries


def again(cls, compiled, entries):
    candles = (entry for entry in entries if entry.kind == "candle")
    return rerun(lambda: made(cls, compiled), candles, entries, None)


@pytest.fixture
def computed(monkeypatch):
    """How often columns were computed."""
    times, compute = [], module.series_of

    def counted(*arguments):
        times.append(1)
        return compute(*arguments)

    monkeypatch.setattr(module, "series_of", counted)
    return times


@pytest.mark.parametrize("compiled", [True, False])
def test_columns_are_computed_once_and_all_is_as_it_was(computed, compiled):
    one, entries = journal(Crossing, compiled)
    computed.clear()
    other = again(Crossing, compiled, entries)
    assert len(computed) == 2
    assert one.record["orders_n"] > 10
    for log in ("orders", "events"):
        assert np.array_equal(one.log(log, 0), other.log(log, 0))
    assert [each.tobytes() for each in one._memories] == [each.tobytes() for each in other._memories]
    assert one.series[0].row(KNOWN + COUNT - 1) == other.series[0].row(KNOWN + COUNT - 1)
    assert len(other.tapes[0]) == len(other.tapes[0].copied()) == KNOWN + COUNT


def test_what_looks_ahead_saw_nothing_then_and_sees_nothing_now(computed):
    one, entries = journal(Ahead, True)
    computed.clear()
    other = again(Ahead, True, entries)
    assert len(computed) > COUNT
    assert [each.tobytes() for each in one._memories] == [each.tobytes() for each in other._memories]


def test_an_indicator_that_is_another_by_one_bit_is_told(computed):
    _, entries = journal(Crossing, True)

    class Other(Crossing):
        def indicators(self, candles):
            mean = super().indicators(candles)["mean"]
            if len(mean) > KNOWN + 50:
                mean[KNOWN + 50] = np.nextafter(mean[KNOWN + 50], 0.0)
            return {"mean": mean}

    with pytest.raises(DataError, match="entry 103 of the journal: the indicators were others then"):
        again(Other, True, entries)


def test_a_journal_of_before_says_nothing_of_indicators(computed):
    _, entries = journal(Crossing, True)
    for entry in entries:
        entry.body.pop("seen", None) if entry.kind == "step" else None
    assert again(Crossing, True, entries).record["orders_n"] > 10
