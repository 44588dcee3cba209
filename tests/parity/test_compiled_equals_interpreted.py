"""Interpreted and compiled strategies ask for the same orders and get the same fills, to the last bit."""

import pytest
from parity import generated

import planar
from planar.store.synthetic import synthetic

CANDLES = synthetic(["test:A/USD"], "1h", candles=2_000, seed=3)["test:A/USD"]
QUICK = 3
MANY = 150


def both(path, **changes):
    compiled = planar.backtest(path, CANDLES, compiled=True, **changes)
    interpreted = planar.backtest(path, CANDLES, compiled=False, **changes)
    return compiled, interpreted


def assert_same(a, b):
    for name in ("orders", "fills", "equity", "notes"):
        assert getattr(a, name).equals(getattr(b, name), null_equal=True), name
    assert repr(a.memory) == repr(b.memory)


def play(seed, folder):
    path = folder / f"generated_{seed}.py"
    path.write_text(generated.source(seed))
    compiled, interpreted = both(path)
    assert_same(compiled, interpreted)
    return compiled


@pytest.mark.parametrize("first", range(0, QUICK, 3))
def test_generated_strategies_decide_alike(first, tmp_path):
    assert sum(len(play(seed, tmp_path).fills) for seed in range(first, first + 3)) > 60


@pytest.mark.slow
def test_many_generated_strategies_decide_alike(tmp_path):
    texts = [generated.source(seed) for seed in range(QUICK, MANY)]
    for piece in (*generated.NUMBERS, *generated.ORDER_READS, *generated.FILL_READS):
        assert any(piece in text for text in texts), piece
    fills = sum(len(play(seed, tmp_path).fills) for seed in range(QUICK, MANY))
    assert fills > 20 * (MANY - QUICK)
