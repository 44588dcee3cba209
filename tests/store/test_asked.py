"""What is missing in a store: neither there nor asked for."""

import duckdb
import pytest

from planar.store.asked import missing
from planar.store.store import Store
from planar.store.synthetic import START, synthetic

BTC, HOUR = "binance:BTC/USDT", 3_600_000


@pytest.mark.parametrize(
    ("times", "asked", "found"),
    [
        ([], [], [(0, 10)]),
        (range(10), [], []),
        ([0, 1, 4, 5], [], [(2, 4), (6, 10)]),
        ([5], [], [(0, 5), (6, 10)]),
        ([5], [(0, 5)], [(6, 10)]),
        ([5], [(-3, 2), (8, 20)], [(2, 5), (6, 8)]),
        ([], [(3, 4), (1, 2)], [(0, 1), (2, 3), (4, 10)]),
        ([], [(2, 6), (4, 8)], [(0, 2), (8, 10)]),
        (range(10), [(0, 10)], []),
        ([], [(10, 12), (-5, 0)], [(0, 10)]),
    ],
)
def test_spans_between_what_is_stored_and_what_was_asked_for(times, asked, found):
    assert missing(list(times), asked, 0, 10, 1) == found
    scaled = [(first * HOUR, stop * HOUR) for first, stop in asked]
    wanted = [(first * HOUR, stop * HOUR) for first, stop in found]
    assert missing([time * HOUR for time in times], scaled, 0, 10 * HOUR, HOUR) == wanted


def test_nothing_is_missing_of_no_time():
    assert missing([], [], 5, 5, 1) == missing([], [], 6, 5, 1) == []


def test_asked_spans_are_kept_by_market_and_forgotten_when_asked(tmp_path):
    store, end = Store(tmp_path / "s.duckdb"), START + 10 * HOUR
    assert store.missing(BTC, "1h", START, end) == [(START, end)]
    frame = synthetic([BTC], "1h", START, 10)[BTC]
    store.write_candles(BTC, "1h", frame.slice(0, 4).vstack(frame.slice(6)), "a file")
    hole = (START + 4 * HOUR, START + 6 * HOUR)
    assert store.missing(BTC, "1h", START, end) == [hole]
    store.note_asked(BTC, "1h", hole, "fetched from binance")
    assert store.missing(BTC, "1h", START, end) == []
    assert store.missing("binance:ETH/USDT", "1h", START, end) == [(START, end)]
    store.forget_asked(BTC, "1h")
    assert store.missing(BTC, "1h", START, end) == [hole]


def test_times_are_those_of_the_stored_candles(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    assert list(store.times(BTC, "1h", START, START + HOUR)) == []
    store.write_candles(BTC, "1h", synthetic([BTC], "1h", START, 5)[BTC], "a file")
    assert list(store.times(BTC, "1h", START + HOUR, START + 3 * HOUR)) == [START + HOUR, START + 2 * HOUR]
    assert list(store.times(BTC, "5m", START, START + HOUR)) == []


def test_asked_spans_that_meet_become_one(tmp_path):
    store, end = Store(tmp_path / "s.duckdb"), START + 20 * HOUR
    for first, stop in ((0, 3), (3, 5), (8, 9), (4, 6), (12, 14)):
        store.note_asked(BTC, "1h", (START + first * HOUR, START + stop * HOUR), "fetched from binance")
    spans = [((first - START) // HOUR, (stop - START) // HOUR) for first, stop in store.missing(BTC, "1h", START, end)]
    assert spans == [(6, 8), (9, 12), (14, 20)]
    with duckdb.connect(tmp_path / "s.duckdb") as con:
        assert con.sql("select count(*) from asked").fetchall() == [(3,)]
