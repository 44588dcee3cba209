"""Functions behind slots: compiled when they are reached, and not before."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from planar.kernel.linked import LINKED, F, I, linked
from planar.kernel.machine import compiled
from planar.model.order import Side


@linked(I(I))
def half(n):
    if n % 2:
        raise ValueError("an odd number")
    return n // 2


@linked(I(I))
def broken(n):
    return n.nothing


@linked(F(F))
def doubled(x):
    return 2.0 * x


@compiled
def of_even(n):
    return half(n) + 1 if n >= 0 else -1


@compiled
def of_broken(n):
    return broken(n) if n else 0


OWN = {ctypes.addressof(f.slot): f for f in (half, broken, doubled)}
for _place in OWN:
    del LINKED[_place]


@pytest.fixture(autouse=True)
def own():
    """They are there for these tests only: sessions in the same process compile all there is."""
    LINKED.update(OWN)
    yield
    for place in OWN:
        del LINKED[place]


def test_a_function_that_nothing_comes_to_is_not_compiled():
    assert (of_even(-4), half.slot.value) == (-1, 0)
    assert of_even(4) == 3
    assert half.slot.value


def test_what_it_raises_goes_on_through_its_caller():
    with pytest.raises(ValueError, match="an odd number"):
        of_even(3)
    assert of_even(4) == 3


def test_what_cannot_be_compiled_is_told_by_an_error_and_not_by_a_crash():
    assert of_broken(0) == 0
    with pytest.raises(RuntimeError, match="the engine could not be compiled"):
        of_broken(1)


def test_python_calls_it_with_what_the_signature_says():
    assert doubled(3) == 6.0
    assert isinstance(doubled(True), float)


SPOT = """
import planar
from planar.kernel.linked import LINKED

assert planar.backtest("sma_cross", compiled=True).fills.height
print(*(f.symbol for f in LINKED.values() if f.slot.value))
"""


def test_a_backtest_of_spot_compiles_nothing_of_contracts():
    """Nor of limits and linked orders: a new machine waits for that."""
    done = subprocess.run([sys.executable, "-c", SPOT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reached = done.stdout.split()
    assert "planar.kernel.loop.run" in reached
    assert not [
        s for s in reached if s.split(".")[2] in ("contracts", "liquidation", "limits", "links", "told", "ticks")
    ]


@compiled
def _signed(n):
    return -n


@compiled
def of_many(n):
    return _signed(n) + _signed(7) + _signed(Side.SELL) + _signed(np.int8(3))


def test_a_function_is_compiled_once_for_all_integers_and_constants():
    assert of_many(1) == -1 - 7 + 1 - 3
    assert len(_signed.signatures) == 1


def test_what_only_compiled_code_calls_cannot_be_called_from_python():
    with pytest.raises(TypeError, match="_signed"):
        _signed(1)
