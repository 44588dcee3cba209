"""The kernel and the plain-Python reference agree to the last bit on seeded random scenarios."""

import pytest
from parity.kernel_play import KernelPlay, reference_result
from reference import test_properties as scenarios


def disagreements(seeds):
    found = []
    for seed in seeds:
        scenario = scenarios.random_scenario(seed)
        expected, got = reference_result(scenarios.run(scenario)), KernelPlay(scenario).result()
        found += [(seed, key) for key in expected if expected[key] != got[key]]
    return found


def test_kernel_and_reference_agree_on_300_scenarios():
    assert disagreements(range(300)) == []


@pytest.mark.slow
def test_kernel_and_reference_agree_on_10000_scenarios():
    assert disagreements(range(1_000_000, 1_010_000)) == []
