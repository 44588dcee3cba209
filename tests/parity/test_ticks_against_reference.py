"""Over market trades, too, the kernel and the plain-Python reference agree to the last bit."""

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from parity.play import Coverage
from parity.play_ticks import disagreement
from parity.test_kernel_against_reference import LOUD
from reference.tick_scenarios import random_tick_scenario

SCENARIOS = st.randoms(use_true_random=False).map(random_tick_scenario)


@settings(LOUD, max_examples=200)
@given(SCENARIOS)
def test_kernel_and_reference_agree_over_trades(made):
    """Orders, fills, events, equity, what is told and seen, every answer."""
    found, _ = disagreement(made)
    assert not found, found


@pytest.mark.slow
def test_kernel_and_reference_agree_over_trades_in_four_thousand_scenarios():
    """Most of them with fills."""
    coverage = Coverage()

    def agree(made):
        found, result = disagreement(made)
        coverage.add(result)
        assert not found, found

    for number in range(8):
        seed(number)(settings(LOUD, max_examples=500, database=None)(given(SCENARIOS)(agree)))()
    print("\n" + coverage.table())
    assert coverage.with_fills >= coverage.scenarios / 2
    assert {"maker", "taker", "delisted", "touched"} <= {name for (_, name), count in coverage.seen.items() if count}
