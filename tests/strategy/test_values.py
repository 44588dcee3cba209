"""Values in a row: what ``candle.last`` and ``array`` show is the same compiled and interpreted, to the last bit."""

import numpy as np
import pytest

import planar
from planar import Strategy, array
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
CANDLES = synthetic([NAME], "1h", candles=60, seed=2)[NAME]


class Reads(Strategy):
    """Every read, of a view and of an array, one line each."""

    instruments = [NAME]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    warmup = 9
    ring = array(7, default=2.5)
    count = 0

    def on_start(self, broker):
        self.ring[1] = 0.25

    def on_candle(self, candle, broker):
        view = candle.last("close", 8)
        self.ring[self.count % 5 - 2] = candle.close
        self.count += 1
        broker.log("{} {} {} {}", len(view), view[0], view[-1], view[-8])
        broker.log("{} {} {} {}", view.sum(), view.mean(), view.std(), view.max() - view.min())
        broker.log("{} {} {} {}", len(view[1:]), view[1:].sum(), view[:-3].std(), view[2:5].mean())
        broker.log("{} {} {} {}", view[-4:][0], view[3:100].min(), view[:2].max(), len(view[9:]))
        broker.log("{} {} {} {}", len(view[5:2]), view[1:][1:][-1], len(view[:]), view[-100:3].sum())
        ring = self.ring
        broker.log("{} {} {} {}", len(ring), ring[0], ring[-1], ring[-7])
        broker.log("{} {} {} {}", ring.sum(), ring.mean(), ring.std(), ring.max() - ring.min())
        part = ring[1:4]
        ring[2] = candle.open
        broker.log("{} {} {} {}", part[1], part.mean(), len(part), ring[-2:].sum())


def test_every_read_is_the_same_compiled_and_interpreted():
    compiled = planar.backtest(Reads, CANDLES, compiled=True)
    interpreted = planar.backtest(Reads, CANDLES, compiled=False)
    assert len(compiled.notes) == 8 * (60 - 9)
    assert compiled.notes.equals(interpreted.notes, null_equal=True)


def test_what_a_view_and_a_part_of_it_show():
    """By hand: the last note of the first and third line of each candle."""
    run = planar.backtest(Reads, CANDLES, compiled=False)
    close = CANDLES["close"].to_numpy()[-8:]
    texts = run.notes["text"].to_list()[-8:]
    assert texts[0] == f"8 {close[0]} {close[-1]} {close[0]}"
    length, total, _, mean = map(float, texts[2].split())
    assert (length, total, mean) == (7.0, pytest.approx(close[1:].sum()), pytest.approx(close[2:5].mean()))


class Loops(Strategy):
    instruments = [NAME]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    warmup = 9
    ring = array(3)
    total = 0.0

    def on_candle(self, candle, broker):
        self.ring[0] = candle.close
        for value in candle.last("close", 5)[1:]:
            self.total += value
        for value in self.ring:
            self.total += value


def test_a_loop_over_values_runs_interpreted_and_says_so():
    run = planar.backtest(Loops, CANDLES)
    close = CANDLES["close"].to_numpy()
    assert "a loop over values is not compiled" in (run.why_interpreted or "")
    expected = sum(close[row - 3 : row + 1].sum() + close[row] for row in range(9, 60))
    assert run.memory[NAME]["total"] == pytest.approx(expected)


def test_numpy_takes_a_view_and_an_array():
    seen = []

    class Numpy(Reads):
        def on_candle(self, candle, broker):
            seen.append(np.median(candle.last("close", 3)[1:]) + np.asarray(self.ring).sum())

    planar.backtest(Numpy, CANDLES)
    assert len(seen) == 60 - 9
    assert seen[0] == np.median(CANDLES["close"].to_numpy()[8:10]) + 6 * 2.5 + 0.25
