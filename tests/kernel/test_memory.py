"""Room of logs goes from a run that is gone to the next, never from one that is still looked at."""

import gc
import os
import weakref
from pathlib import Path

import numpy as np
import pytest

from planar.kernel.state import SPARE_BYTES, Memory
from planar.model.order import LIVE, ORDER


def resident() -> float:
    """Megabytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


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


@pytest.mark.parametrize("capacity", [1_000, 100_000, 1_000_000])
def test_the_room_of_a_run_that_is_gone_is_used_again(capacity):
    memory, log = written(capacity)
    room = weakref.ref(log.base)
    del log, memory
    assert room() is not None
    assert written(capacity // 2)[1].base is room()


def test_logs_that_are_gone_leave_no_holes_in_the_heap():
    """Else a program in which sessions come and go grows by what lies between."""
    np.ones(2**23, "u1")  # from now on the heap takes what is smaller than this
    memories, between, was = [], [], resident()
    for _ in range(20):
        memory = Memory(1, 1)
        memory.grow("fills", np.int64, 2**18)
        memory.logs["fills"][:] = 7
        memories.append(memory)
        between.append(np.ones(2**13, "u1"))
    assert resident() - was > 40.0
    del memory, memories
    assert resident() - was < 3.0


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
