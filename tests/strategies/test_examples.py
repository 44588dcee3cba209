"""What every example promises: it loads, runs, trades, and means the same compiled and interpreted."""

from pathlib import Path

import pytest

import planar
from planar.engine.check import check
from planar.strategy.load import load

INTERPRETED = {"momentum_rotation": "on_step", "relative_value": "on_step", "regime_notebook": "notebook"}
COMPILED = ["bollinger_reversion", "breakout", "grid_maker", "rsi_two_timeframes", "sma_cross"]
EXAMPLES = sorted([*COMPILED, *INTERPRETED])

LOOKED_AT = 700  # candles for what sees no future
SMALL = 3_000  # candles: the longest warm-up is 100 days of hours


def bounds() -> list[tuple[str, str, float]]:
    """Every parameter of every example, at its lowest and at its highest."""
    declared = [(name, key, p) for name in EXAMPLES for key, p in load(name).layout.parameters.items()]
    return [(name, key, value) for name, key, p in declared for value in (p.low, p.high) if value is not None]


def test_every_example_is_tested_here():
    folder = Path(planar.__file__).parents[1] / "strategies"
    assert sorted(f.stem for f in folder.glob("*.py")) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_by_the_name_of_its_file_and_of_its_class(name):
    cls = load(name)
    assert load(cls.__name__).__name__ == cls.__name__


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_its_idea_and_names_its_market(name):
    cls = load(name)
    assert cls.instruments
    assert all(i.startswith("binance:") and i.endswith("/USDT") for i in cls.instruments)
    source = (Path(planar.__file__).parents[1] / "strategies" / f"{name}.py").read_text()
    assert source.startswith('"""')


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_trades_on_the_synthetic_market(name, run_of):
    run = run_of(name)
    assert len(run.trades) > 0
    assert run.stats["final_equity"] > 0.0


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_and_interpreted_runs_are_equal_to_the_last_bit(name, run_of):
    compiled, interpreted = run_of(name, True), run_of(name, False)
    assert compiled.why_interpreted is None
    assert compiled.orders.equals(interpreted.orders, null_equal=True)
    assert compiled.fills.equals(interpreted.fills, null_equal=True)
    assert compiled.equity.equals(interpreted.equity, null_equal=True)
    assert compiled.memory == interpreted.memory


@pytest.mark.parametrize(("name", "why"), INTERPRETED.items())
def test_an_example_that_cannot_be_compiled_says_why(name, why, run_of, market):
    assert why in run_of(name).why_interpreted
    with pytest.raises(planar.StrategyError, match=why):
        planar.backtest(name, candles=market(name, SMALL), compiled=True)


@pytest.mark.parametrize(("name", "key", "value"), bounds())
def test_an_example_runs_at_the_bounds_of_its_parameters(name, key, value, market):
    run = planar.backtest(name, candles=market(name, SMALL), params={key: value}, compiled=False)
    assert run.stats["final_equity"] > 0.0


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_copes_with_a_venue_that_takes_fees_in_base_and_refuses_small_orders(name, market):
    candles = market(name, SMALL)
    rules = {
        n: planar.Instrument(n, price_step=1e-4, amount_step=1e-3, min_cost=10.0, fee_side="base") for n in candles
    }
    run = planar.backtest(name, candles=candles, instruments=rules, cash=1_000.0, compiled=False)
    assert len(run.fills) > 0
    refused = set(run.orders.filter(status="REJECTED")["reason"])
    assert refused <= {
        "BELOW_MIN_AMOUNT",
        "BELOW_MIN_COST",
        "POST_ONLY_WOULD_TAKE",
        "STOP_WOULD_TRIGGER",
        "INSUFFICIENT_FUNDS",
    }


@pytest.mark.parametrize("name", [n if n in COMPILED else pytest.param(n, marks=pytest.mark.slow) for n in EXAMPLES])
def test_an_example_is_not_said_to_see_the_future(name, market):
    found = check(load(name)(), candles=market(name, LOOKED_AT))
    assert (found.leaks, found.not_cut) == ([], [])
    assert (found.truncations, found.poisonings) == (64, 64)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_accused_on_no_market(name, seed):
    assert check(load(name)(), seed=seed).leaks == []
