"""The kernel and the plain-Python reference, both written from docs/simulation.md, agree to the last bit on random
scenarios."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parity.play import Coverage, disagreement
from reference.scenarios import random_scenario

from planar.model.order import Event, Reason

SCENARIOS = st.randoms(use_true_random=False).map(random_scenario)
"""Hypothesis plays the random numbers, so that a failure shrinks to few orders on few candles."""

LOUD = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@settings(LOUD, max_examples=300)
@given(SCENARIOS)
def test_kernel_and_reference_agree_on_everything(scenario):
    """Orders, fills, events, equity, what is told and seen, every answer."""
    found, _ = disagreement(scenario)
    assert not found, found


@pytest.mark.slow
def test_kernel_and_reference_agree_on_ten_thousand_scenarios():
    """Most of them with fills, and all together with everything that can happen to an order on spot."""
    coverage = Coverage()

    @settings(LOUD, max_examples=10_000, database=None)
    @given(SCENARIOS)
    def agree(scenario):
        found, result = disagreement(scenario)
        coverage.add(result)
        assert not found, found

    agree()
    print("\n" + coverage.table())
    assert coverage.scenarios >= 10_000
    assert coverage.with_fills >= coverage.scenarios / 2
    seen = {name for (kind, name), count in coverage.seen.items() if count}
    assert {event.name for event in Event} <= seen
    assert {reason.name for reason in Reason if reason} <= seen
    assert {"maker", "taker", "delisted", "decided by the path", "touched"} <= seen
