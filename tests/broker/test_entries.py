"""A journal is gone through again and again, and is never in memory as a whole."""

import tracemalloc

import pytest

from planar.broker.journal import Journal


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def test_what_is_written_later_is_not_of_what_stood_in_it(journal):
    assert not journal.so_far()
    for number, kind in enumerate(("candle", "step", "candle", "told")):
        journal.write(number, kind, {"n": number})
    found = journal.so_far()
    for entry in found:
        journal.write(9, "candle", {"n": entry.body["n"] + 10})
    assert found
    assert [entry.number for entry in found] == [1, 2, 3, 4]
    assert [entry.body["n"] for entry in found] == [0, 1, 2, 3]
    assert [entry.body["n"] for entry in found.of("told", "step")] == [1, 3]
    assert not found.of("order")
    assert len(list(journal.so_far())) == 8


def test_a_long_journal_takes_no_more_memory_than_an_entry(journal):
    text = "x" * 1_000
    for number in range(4_000):
        journal.write(number, "told", {"n": number, "text": text})
    found = journal.so_far()
    tracemalloc.start()
    try:
        assert sum(entry.body["n"] for entry in found) == 4_000 * 3_999 // 2
        assert tracemalloc.get_traced_memory()[1] < 100_000  # the whole of it is some four million
    finally:
        tracemalloc.stop()
