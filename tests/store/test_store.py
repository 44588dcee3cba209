"""What the candle store keeps, and what it says when it cannot."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planar.errors import ConfigError, DataError
from planar.store.store import Store, Written
from planar.store.synthetic import START, synthetic

BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"
HOUR = 3_600_000
CANDLES = synthetic([BTC], candles=200)[BTC]
OTHERS = synthetic([BTC], candles=200, seed=1)[BTC]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "candles.duckdb", patience_s=0.3)


def test_what_is_written_is_read_to_the_last_bit(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    assert store.read_candles(BTC, "1h").equals(CANDLES)
    assert store.read_candles(BTC, "1h").schema == CANDLES.schema


def test_arrays_of_what_is_read_are_whole_and_without_masks(store):
    store.write_candles(BTC, "1h", CANDLES.with_columns(volume=pl.lit(None, pl.Float64)), "test")
    frame = store.read_candles(BTC, "1h")
    assert all(frame[column].n_chunks() == 1 and frame[column].null_count() == 0 for column in frame.columns)
    assert frame["volume"].is_nan().all()


def test_the_start_is_included_and_the_end_is_not(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    part = store.read_candles(BTC, "1h", START + 3 * HOUR, START + 6 * HOUR)
    assert part.equals(CANDLES.slice(3, 3))
    assert store.read_candles(BTC, "1h", start=START + 198 * HOUR).equals(CANDLES.tail(2))
    assert store.read_candles(BTC, "1h", end=START).is_empty()


def test_writing_again_changes_nothing_and_leaves_no_second_record(store):
    assert store.write_candles(BTC, "1h", CANDLES, "a") == Written(200, 200, 0, START, START + 199 * HOUR)
    assert store.write_candles(BTC, "1h", CANDLES, "b") == Written(200, 0, 0, START, START + 199 * HOUR)
    assert store.read_candles(BTC, "1h").equals(CANDLES)
    assert store.imports(BTC, "1h")["source"].to_list() == ["a"]


def test_candles_of_the_same_time_are_replaced_and_others_kept(store):
    store.write_candles(BTC, "1h", CANDLES.head(100), "a")
    written = store.write_candles(BTC, "1h", OTHERS.slice(90, 20).gather_every(2), "b")
    assert (written.rows, written.added, written.replaced) == (10, 5, 5)
    frame = store.read_candles(BTC, "1h")
    assert frame.head(90).equals(CANDLES.head(90))
    assert frame[90].equals(OTHERS[90])
    assert frame[91].equals(CANDLES[91])
    assert frame.height == 105


def test_volumes_without_data_count_as_the_same(store):
    unknown = CANDLES.with_columns(volume=pl.lit(0.0))
    store.write_candles(BTC, "1h", unknown, "a")
    assert store.write_candles(BTC, "1h", unknown, "a").replaced == 0


ROWS = st.sets(st.integers(0, 199), min_size=1, max_size=30)


@settings(max_examples=15, deadline=None)
@given(writes=st.lists(st.tuples(st.booleans(), ROWS), min_size=1, max_size=4))
def test_any_sequence_of_writes_keeps_one_candle_per_time_and_the_last_word(tmp_path_factory, writes):
    store = Store(tmp_path_factory.mktemp("store") / "s.duckdb")
    expected: dict[int, tuple] = {}
    for is_other, rows in writes:
        candles, before = (OTHERS if is_other else CANDLES)[sorted(rows)], len(expected)
        expected |= {row[0]: row for row in candles.iter_rows()}
        assert store.write_candles(BTC, "1h", candles, "test").added == len(expected) - before
    assert store.read_candles(BTC, "1h").rows() == [expected[time] for time in sorted(expected)]


def test_instruments_and_timeframes_do_not_mix(store):
    days = synthetic([BTC], "1d", candles=3)[BTC]
    store.write_candles(BTC, "1h", CANDLES, "test")
    store.write_candles(ETH, "1h", OTHERS, "test")
    store.write_candles(BTC, "1d", days, "test")
    assert store.read_candles(BTC, "1h").equals(CANDLES)
    assert store.read_candles(ETH, "1h").equals(OTHERS)
    assert store.read_candles(BTC, "1d").equals(days)
    assert store.read_candles(BTC, "60m").equals(CANDLES)


def test_the_list_names_each_series_with_its_span_and_gaps(store):
    gappy = CANDLES.filter(~(pl.col("time") - START).is_in([3 * HOUR, 4 * HOUR, 9 * HOUR]))
    store.write_candles(ETH, "1h", CANDLES, "test")
    store.write_candles(BTC, "1h", gappy, "test")
    end = START + 199 * HOUR
    assert store.series().rows() == [
        (BTC, "candles", "1h", 197, START, end, 2, 3),
        (ETH, "candles", "1h", 200, START, end, 0, 0),
    ]
    assert store.gaps(BTC, "1h").rows() == [
        (START + 3 * HOUR, START + 4 * HOUR, 2),
        (START + 9 * HOUR, START + 9 * HOUR, 1),
    ]
    assert store.gaps(ETH, "1h").is_empty()


def test_provenance_names_source_time_rows_and_whether_the_last_candle_had_closed(tmp_path):
    now = START + 3 * HOUR + 1
    store = Store(tmp_path / "s.duckdb", clock=lambda: now)
    store.write_candles(BTC, "1h", CANDLES.head(3), "a file")
    store.write_candles(BTC, "1h", CANDLES.slice(2, 2), "an exchange")
    assert store.imports(BTC, "1h").rows() == [
        ("a file", now, START, START + 2 * HOUR, 3, True),
        ("an exchange", now, START + 3 * HOUR, START + 3 * HOUR, 1, False),
    ]


def test_bad_candles_are_refused_before_anything_is_stored(store):
    with pytest.raises(DataError, match=r"binance:BTC/USDT 1h: row 1 .* is earlier than row 0"):
        store.write_candles(BTC, "1h", CANDLES.reverse(), "test")
    with pytest.raises(DataError, match="not the open of a 4h candle"):
        store.write_candles(BTC, "4h", CANDLES, "test")
    assert not store.path.exists()


def test_a_write_that_fails_halfway_stores_nothing(store):
    store.write_candles(BTC, "1h", CANDLES.head(10), "test")
    with pytest.raises(duckdb.ConstraintException):
        store.write_candles(BTC, "1h", OTHERS, source=None)
    with pytest.raises(duckdb.ConstraintException):
        store.write_candles(ETH, "1h", OTHERS, source=None)
    assert store.series()["instrument"].to_list() == [BTC]
    assert store.read_candles(BTC, "1h").equals(CANDLES.head(10))


@pytest.mark.parametrize("name", ["BTC/USDT", "binance", "binance:BTCUSDT", "", "binance:BTC/USDT "])
def test_a_name_that_is_no_instrument_is_refused(store, name):
    with pytest.raises(ConfigError, match="is not 'exchange:BASE/QUOTE'"):
        store.write_candles(name, "1h", CANDLES, "test")


def test_a_missing_store_is_refused_with_the_way_to_make_one(store):
    for read in (store.series, lambda: store.read_candles(BTC, "1h"), lambda: store.gaps(BTC, "1h")):
        with pytest.raises(DataError, match=r"candles\.duckdb: there is no candle store yet.*planar data import"):
            read()


def test_an_unknown_instrument_is_refused_with_the_nearest_name(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    with pytest.raises(DataError, match=r"binance:BTC/USDC is not stored\. Did you mean 'binance:BTC/USDT'\?"):
        store.read_candles("binance:BTC/USDC", "1h")
    with pytest.raises(DataError, match=r"binance:BTC/USDT has no 4h candles; stored are 1h\..*--timeframe 4h"):
        store.read_candles(BTC, "4h")


def test_folders_are_made_and_an_impossible_place_is_refused(tmp_path):
    store = Store(tmp_path / "a" / "b" / "s.duckdb")
    store.write_candles(BTC, "1h", CANDLES, "test")
    assert [path.name for path in store.path.parent.iterdir()] == ["s.duckdb"]
    with pytest.raises(DataError, match="cannot be made"):
        Store(store.path / "inside.duckdb").write_candles(BTC, "1h", CANDLES, "test")


@pytest.mark.parametrize("content", [b"", b"no database" * 1_000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(store, content):
    store.path.write_bytes(content)
    for call in (store.series, lambda: store.write_candles(BTC, "1h", CANDLES, "test")):
        with pytest.raises(
            DataError, match=r"candles\.duckdb: it cannot be used as a candle store.*not a valid DuckDB"
        ):
            call()
    assert store.path.read_bytes() == content


@pytest.mark.parametrize("damage", ["cut", "scrambled"])
def test_a_damaged_store_is_refused(store, damage):
    store.write_candles(BTC, "1h", synthetic([BTC], candles=100_000)[BTC], "test")
    content = store.path.read_bytes()
    half = len(content) // 2
    broken = content[:half] if damage == "cut" else content[:16_384] + os.urandom(len(content) - 16_384)
    store.path.write_bytes(broken)
    with pytest.raises(DataError, match="cannot be used as a candle store"):
        store.read_candles(BTC, "1h")


def test_a_folder_and_a_database_of_something_else_are_refused(store, tmp_path):
    with pytest.raises(DataError, match="Is a directory"):
        Store(tmp_path).series()
    with duckdb.connect(store.path) as con:
        con.execute("create table customers (id integer)").complete()
    for call in (store.series, lambda: store.write_candles(BTC, "1h", CANDLES, "test")):
        with pytest.raises(DataError, match="no candle store of Planar"):
            call()


def test_a_store_of_a_later_format_is_refused(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    with duckdb.connect(store.path) as con:
        con.execute("update format set version = 3").complete()
    with pytest.raises(DataError, match="its format is 3, this Planar reads 2"):
        store.series()


def test_nothing_is_left_open_between_calls(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    store.read_candles(BTC, "1h")
    with duckdb.connect(store.path) as con:
        assert con.execute("select count(*) from candles").fetchall() == [(200,)]


def test_a_connection_of_the_same_process_is_named_as_the_holder(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    with duckdb.connect(store.path), pytest.raises(DataError, match="in use by another connection of this process"):
        store.series()


def start(code: str, *args: object) -> subprocess.Popen:
    """A Python process with ``BTC``, ``Store`` and ``synthetic``; its first line of output has been read."""
    head = f"import sys, time, duckdb\nfrom {__name__.rpartition('.')[2]} import *\n"
    command = [sys.executable, "-c", head + code, *map(str, args)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline().strip() == "ready"
    return process


def test_a_store_held_by_another_process_is_refused_with_its_id(store):
    store.write_candles(BTC, "1h", CANDLES, "test")
    holder = start("con = duckdb.connect(sys.argv[1]); print('ready', flush=True); time.sleep(60)", store.path)
    try:
        with pytest.raises(DataError, match=rf"candles\.duckdb: .*in use by process {holder.pid}, .* for 0\.3 s"):
            store.series()
    finally:
        holder.kill()
        holder.communicate()
    assert store.read_candles(BTC, "1h").equals(CANDLES)


def test_two_processes_write_and_one_reads_and_nothing_is_lost_or_doubled(tmp_path):
    code = """
print("ready", flush=True)
for k in range(20):
    Store(sys.argv[1]).write_candles(BTC, "1h", CANDLES.slice(k * 10, 10), sys.argv[2])
"""
    store = Store(tmp_path / "s.duckdb")
    writers = [start(code, store.path, source) for source in ("a", "b")]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        if store.path.exists():
            count = store.series()["rows"].sum()
            assert count % 10 == 0
            assert count >= seen
            seen = count
    assert [writer.communicate() and writer.returncode for writer in writers] == [0, 0]
    assert store.read_candles(BTC, "1h").equals(CANDLES)
    assert store.imports(BTC, "1h")["rows"].sum() == 200


def test_threads_of_one_process_write_and_read_at_once(tmp_path):
    store = Store(tmp_path / "s.duckdb")

    def write_and_read(k: int) -> int:
        store.write_candles(BTC, "1h", CANDLES.slice(k // 2 * 20, 20), "test")
        return store.read_candles(BTC, "1h").height

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(write_and_read, range(20))) == 200
    assert store.read_candles(BTC, "1h").equals(CANDLES)


def test_a_writer_killed_at_any_moment_leaves_whole_writes_only(tmp_path):
    code = """
print("ready", flush=True)
for k in range(20):
    Store(sys.argv[1]).write_candles(BTC, "1h", CANDLES.slice(k * 10, 10), "test")
    print(k, flush=True)
"""
    store = Store(tmp_path / "s.duckdb")
    writer = start(code, store.path)
    acknowledged = [writer.stdout.readline() for _ in range(5)]
    writer.kill()
    acknowledged += writer.communicate()[0].splitlines()
    count = store.read_candles(BTC, "1h").height
    assert count % 10 == 0
    assert count >= 10 * len(acknowledged)
    assert store.read_candles(BTC, "1h").equals(CANDLES.head(count))
