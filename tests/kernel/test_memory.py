"""Room of logs goes from a run that is gone to the next, never from one that is still looked at."""

import gc
import weakref

import numpy as np
import pytest

from planar.kernel.state import SPARE_BYTES, Memory
from planar.model.order import LIVE, ORDER


@pytest.fixture(autouse=True)
def nothing_else_goes():
    """Runs of other tests that wait to be collected would leave their room here."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def written(capacity: int = 1_000) -> tuple[Memory, np.ndarray]:
    memory = Memory(1, 1)
    memory.grow("fills", np.int64, capacity)
    log = memory.logs["fills"]
    log[:] = 7
    memory.state[0]["fills_n"] = capacity
    return memory, log


def test_the_room_of_a_run_that_is_gone_is_used_again():
    memory, log = written()
    room = weakref.ref(log.base)
    del log, memory
    assert room() is not None
    assert written(500)[1].base is room()


def test_a_log_that_is_looked_at_stays_as_it_is():
    memory, log = written()
    part = log[10:20]
    del log, memory
    next_memory, _ = written()
    next_memory.logs["fills"][:] = 9
    assert (part == 7).all()


def test_growing_keeps_what_is_there():
    memory, _ = written(10)
    memory.grow("fills", np.int64, 40, used=10)
    assert (memory.logs["fills"][:10] == 7).all()
    assert len(memory.logs["fills"]) == 40


def test_very_large_logs_are_given_back_to_the_system():
    memory, log = written(SPARE_BYTES // 8 + 1)
    room = weakref.ref(log.base)
    del log, memory
    assert room() is None


def test_logs_that_nothing_was_written_to_are_given_back():
    memory, log = written()
    memory.state[0]["fills_n"] = 0
    room = weakref.ref(log.base)
    del log, memory
    assert room() is None


def test_what_is_kept_of_an_order_is_how_its_live_record_begins():
    """`ledger.keep` copies those bytes."""
    for name in ORDER.names:
        assert LIVE.fields[name][:2] == ORDER.fields[name][:2]
