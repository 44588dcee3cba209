"""What ``planar data`` prints."""

import pytest

from planar.cli.data import app
from planar.errors import DataError
from planar.store.synthetic import synthetic

BTC = "binance:BTC/USDT"


def run(*tokens: object) -> None:
    app([str(token) for token in tokens], result_action="return_value")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "candles.parquet"
    frame = synthetic([BTC], candles=1_500)[BTC]
    frame.slice(0, 10).vstack(frame.slice(12)).write_parquet(path)
    return path


def test_an_import_says_in_one_line_what_was_stored(tmp_path, file, capsys):
    run("import", file, "--instrument", BTC, "--store", tmp_path / "s.duckdb")
    assert capsys.readouterr().out == (
        "binance:BTC/USDT 1h (read off the file): 1,498 candles from 2024-01-01 00:00 UTC to 2024-03-03 11:00 UTC, "
        f"1,498 added, 0 replaced; gaps: 1 (2 candles missing). Stored in {tmp_path / 's.duckdb'}.\n"
    )


def test_a_named_timeframe_is_not_called_inferred(tmp_path, file, capsys):
    run("import", file, "--instrument", BTC, "--timeframe", "1h", "--store", tmp_path / "s.duckdb")
    assert capsys.readouterr().out.startswith("binance:BTC/USDT 1h: 1,498 candles")


def test_the_list_shows_every_series_uncut(tmp_path, file, capsys):
    for instrument in (BTC, "binance:BTC/USDT:USDT"):
        run("import", file, "--instrument", instrument, "--store", tmp_path / "s.duckdb")
    capsys.readouterr()
    run("list", "--store", tmp_path / "s.duckdb")
    out = capsys.readouterr().out
    cells = [line.split() for line in out.splitlines() if line.strip().startswith("binance")]
    assert cells == [
        [name, "candles", "1h", "1,498", "2024-01-01", "00:00", "2024-03-03", "11:00", "1", "2"]
        for name in (BTC, "binance:BTC/USDT:USDT")
    ]


def test_errors_are_left_to_the_main_program(tmp_path):
    with pytest.raises(DataError, match="there is no candle store yet"):
        run("list", "--store", tmp_path / "none.duckdb")
