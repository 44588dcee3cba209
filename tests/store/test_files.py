"""Candle files as the world writes them, and what is said of those that are none."""

import re
from pathlib import Path

import polars as pl
import pytest

from planar.errors import DataError
from planar.store.candles import checked, gaps, infer_timeframe
from planar.store.files import import_file, read_file
from planar.store.store import Store
from planar.store.synthetic import synthetic

BTC = "binance:BTC/USDT"
JANUARY = 1_609_459_200  # 2021-01-01 00:00 UTC, in seconds
HOUR = 3_600
HEADER = "time,open,high,low,close,volume"

SHARED = Path(__file__).parents[2].parent / "shared/data"
REAL = sorted(SHARED.glob("ohlcv/*/*/*.parquet"))
needs_data = pytest.mark.skipif(not REAL, reason="no real candles in ../shared/data")


def csv(folder: Path, *lines: str, name: str = "candles.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(*times: object) -> list[str]:
    return [f"{time},1,2,0.5,1.5,10" for time in times]


def opens(path: Path) -> list[int]:
    """Opens in hours since 2021-01-01."""
    return [(time // 1_000 - JANUARY) // HOUR for time in checked(read_file(path), name="x")["time"]]


@pytest.mark.parametrize(
    "times",
    [
        (JANUARY, JANUARY + HOUR, JANUARY + 2 * HOUR),
        (f"{JANUARY}.0", f"{JANUARY + HOUR}.0", f"{JANUARY + 2 * HOUR}.0"),
        (f'"{JANUARY}"', f'"{JANUARY + HOUR}"', f'"{JANUARY + 2 * HOUR}"'),
        *((JANUARY * k, (JANUARY + HOUR) * k, (JANUARY + 2 * HOUR) * k) for k in (10**3, 10**6, 10**9)),
        ("2021-01-01 00:00:00", "2021-01-01 01:00:00", "2021-01-01 02:00:00"),
        ("2021-01-01 00:00", "2021-01-01 01:00", "2021-01-01 02:00"),
        ("2021-01-01", "2021-01-01 01:00:00", "2021-01-01 02:00:00"),
        ("2021-01-01T00:00:00Z", "2021-01-01T01:00:00Z", "2021-01-01T02:00:00Z"),
        ("2021-01-01T00:00:00.000Z", "2021-01-01T01:00:00.000Z", "2021-01-01T02:00:00.000Z"),
        ("2021-01-01 00:00:00+00:00", "2021-01-01 01:00:00+00:00", "2021-01-01 02:00:00+00:00"),
        ("2021-01-01 02:00:00+02:00", "2021-01-01 03:00:00+02:00", "2021-01-01 04:00:00+02:00"),
        ("2021-01-01 00:00 UTC", "2021-01-01 01:00 UTC", "2021-01-01 02:00 UTC"),
    ],
    ids=lambda times: str(times[0]),
)
def test_times_are_understood_in_every_usual_form(tmp_path, times):
    assert opens(csv(tmp_path, HEADER, *rows(*times))) == [0, 1, 2]


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.upper(),
        "timestamp,open,high,low,close,volume",
        "Open time,Open,High,Low,Close,Volume",
        "open_time,open,high,low,close,vol",
        "Date,o,h,l,c,v",
        "unix,open,high,low,close,volume",
    ],
)
def test_headers_are_understood_under_their_usual_names(tmp_path, header):
    assert opens(csv(tmp_path, header, *rows(JANUARY, JANUARY + HOUR))) == [0, 1]


def test_binance_files_without_a_header_in_microseconds_are_read(tmp_path):
    lines = [
        f"{(JANUARY + k * HOUR) * 10**6},1,2,0.5,1.5,10,{(JANUARY + k * HOUR + 3599) * 10**6},7,8,9,9,0" for k in (0, 1)
    ]
    path = csv(tmp_path, *lines)
    assert opens(path) == [0, 1]
    assert checked(read_file(path), name="x").row(0)[1:] == (1, 2, 0.5, 1.5, 10)


def test_kraken_files_without_a_header_in_seconds_are_read(tmp_path):
    assert opens(csv(tmp_path, *(f"{line},3" for line in rows(JANUARY, JANUARY + HOUR)))) == [0, 1]


def test_a_banner_above_the_header_and_an_order_from_new_to_old_are_read(tmp_path):
    lines = rows(JANUARY + 2 * HOUR, JANUARY + HOUR, JANUARY)
    assert opens(csv(tmp_path, "https://www.CryptoDataDownload.com", HEADER.replace("time", "unix"), *lines)) == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_read(tmp_path, separator):
    lines = [HEADER, *rows(JANUARY, JANUARY + HOUR)]
    assert opens(csv(tmp_path, *(line.replace(",", separator) for line in lines))) == [0, 1]


def test_blank_lines_and_a_byte_order_mark_are_no_trouble(tmp_path):
    assert opens(csv(tmp_path, "\ufeff" + HEADER, *rows(JANUARY, JANUARY + HOUR), "", "")) == [0, 1]


def test_a_name_with_a_pattern_in_it_is_one_file(tmp_path):
    assert opens(csv(tmp_path, HEADER, *rows(JANUARY, JANUARY + HOUR), name="BTC[1]*.csv")) == [0, 1]


def test_integers_that_turn_into_fractions_late_are_read(tmp_path):
    lines = rows(*(JANUARY + k * HOUR for k in range(2_000)))
    lines[-1] = lines[-1].replace(",2,", ",2.25,")
    assert read_file(csv(tmp_path, HEADER, *lines))["high"][-1] == 2.25


def test_parquet_and_csv_give_what_was_written(tmp_path):
    frame = synthetic([BTC], candles=500)[BTC]
    frame.write_parquet(tmp_path / "a.parquet")
    frame.with_columns(pl.from_epoch("time", "ms").alias("timestamp")).drop("time").write_csv(tmp_path / "a.csv")
    assert checked(read_file(tmp_path / "a.parquet"), name="x").equals(frame)
    assert checked(read_file(tmp_path / "a.csv"), name="x").equals(frame)


@pytest.mark.parametrize("bad", ["01/02/2021", "00:00", "yesterday", "2021-13-01"])
def test_a_time_that_is_not_understood_is_refused_with_its_row(tmp_path, bad):
    path = csv(tmp_path, HEADER, *rows("2021-01-01", bad))
    with pytest.raises(
        DataError, match=rf"candles\.csv: the time of row 1, '{bad}', is not understood\. Write it as 2021"
    ):
        read_file(path)


def test_a_word_among_counts_is_refused_with_its_row(tmp_path):
    with pytest.raises(DataError, match="the time of row 2, 'n/a'"):
        read_file(csv(tmp_path, HEADER, *rows(JANUARY, JANUARY + HOUR, "n/a")))


def test_a_missing_file_a_folder_and_another_kind_of_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
        read_file(tmp_path / "none.csv")
    with pytest.raises(DataError, match="a folder is imported file by file"):
        read_file(tmp_path)
    with pytest.raises(DataError, match=r"candles\.xlsx: Planar reads \.parquet and \.csv"):
        read_file(csv(tmp_path, HEADER, name="candles.xlsx"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x81" * 100, b"PAR1 and nothing more"])
def test_damaged_files_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.(csv|parquet): "):
        checked(read_file(path), name=str(path))


def test_an_import_infers_the_timeframe_and_counts_the_gaps(tmp_path):
    path = csv(tmp_path, HEADER, *rows(*(JANUARY + k * HOUR for k in (0, 1, 2, 3, 6, 7, 10))))
    store = Store(tmp_path / "s.duckdb")
    done = import_file(store, path, BTC)
    assert (done.instrument, done.timeframe, done.inferred) == (BTC, "1h", True)
    assert (done.written.added, done.gaps, done.missing) == (7, 2, 4)
    assert store.read_candles(BTC, "1h").height == 7
    assert store.imports(BTC, "1h")["source"].to_list() == [str(path)]


def test_an_import_with_another_timeframe_is_refused_and_stores_nothing(tmp_path):
    path = csv(tmp_path, HEADER, *rows(JANUARY, JANUARY + HOUR))
    for timeframe, message in (("4h", "not the open of a 4h candle"), ("1m", "the nearest are 1h")):
        with pytest.raises(DataError, match=message):
            import_file(Store(tmp_path / "s.duckdb"), path, BTC, timeframe)
    assert not (tmp_path / "s.duckdb").exists()


def test_a_single_candle_is_imported_when_its_timeframe_is_named(tmp_path):
    path = csv(tmp_path, HEADER, *rows(JANUARY))
    assert import_file(Store(tmp_path / "s.duckdb"), path, BTC, "1d").written.added == 1
    with pytest.raises(DataError, match="do not tell their timeframe"):
        import_file(Store(tmp_path / "s.duckdb"), path, BTC)


def ledger() -> dict[str, tuple[int, int, int]]:
    """Rows, gaps and missing candles of each file, as ../shared/data/README.md lists them."""
    line = re.compile(r"\| (ohlcv/\S+) \| (\d+) \|[^|]*\|[^|]*\| (?:(\d+) gaps/(\d+) missing|-) \|")
    text = (SHARED / "README.md").read_text(encoding="utf-8")
    return {name: (int(rows), int(found or 0), int(lost or 0)) for name, rows, found, lost in line.findall(text)}


@needs_data
@pytest.mark.data
def test_every_real_file_passes_with_the_gaps_that_its_ledger_names():
    for path in REAL:
        time = checked(read_file(path), name=str(path))["time"].to_numpy()
        missing = gaps(time, infer_timeframe(time))["missing"]
        assert (len(time), len(missing), missing.sum()) == ledger()[path.relative_to(SHARED).as_posix()], path


@needs_data
@pytest.mark.data
def test_a_real_file_is_imported_whole_twice_and_changes_nothing_the_second_time(tmp_path):
    store, path = Store(tmp_path / "s.duckdb"), SHARED / "ohlcv/binance/BTC-USDT/1h.parquet"
    first, second = (import_file(store, path, BTC) for _ in range(2))
    assert (first.timeframe, first.gaps, first.missing) == ("1h", 27, 127)
    assert (first.written.added, second.written.added, second.written.replaced) == (45_024, 0, 0)
    assert store.gaps(BTC, "1h")["missing"].sum() == 127
    assert store.read_candles(BTC, "1h").equals(checked(read_file(path), name="x"))
