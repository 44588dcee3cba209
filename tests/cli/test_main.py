"""The command line: exit codes, one paragraph per mistake, one JSON document."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import planar
from planar.cli import DONE, INPUT, INTERRUPTED, USAGE, main
from planar.store.store import Store
from planar.store.synthetic import synthetic

ILL = "tests/engine/ill_strategies.py"


def run(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_backtest_prints_the_result_and_says_that_the_market_is_synthetic(somewhere, capsys):
    code, out, _ = run(["backtest"], capsys)
    assert code == DONE
    assert "synthetic market, seed 0" in out
    assert "Believe this?" in out


def test_json_is_one_document_with_stats_counts_and_hash(somewhere, capsys):
    code, out, _ = run(["backtest", "sma_cross", "--json", "--seed", "3", "--param", "fast=20"], capsys)
    document = json.loads(out)
    assert code == DONE
    assert document["parameters"] == {"fast": 20, "slow": 50}
    assert document["counts"]["fills"] == document["stats"]["trades"] * 2 + document["counts"]["fills"] % 2
    assert len(document["data_hash"]) == 16
    assert (document["why_interpreted"], document["notes"]) == (None, [])


TICKER = """from planar import Strategy


class Ticker(Strategy):
    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]
    timeframe = "1m"
    heard = 0

    def on_tick(self, tick, broker):
        self.heard += 1
        if self.heard == 2:
            broker.buy(cost=100.0)
"""


def test_a_backtest_runs_over_the_trades_of_files(somewhere, capsys):
    times = [1_700_000_000_000 + 1_000 * i for i in range(4)]
    frame = pl.DataFrame({"time": times, "price": [10.0, 10.0, 11.0, 11.0], "amount": [5.0] * 4})
    Path("ticker.py").write_text(TICKER)
    frame.write_parquet("btc.parquet")
    frame.write_csv("eth.csv")
    code, out, _ = run(["backtest", "ticker.py", "--trades", "btc.parquet", "eth.csv", "--json"], capsys)
    assert code == 0
    assert json.loads(out)["counts"] == {"orders": 2, "fills": 2, "trades": 0}
    code, _, told = run(["backtest", "ticker.py", "--trades", "btc.parquet", "eth.csv", "btc.parquet"], capsys)
    assert code != 0
    assert "--trades names 3 files" in told


def test_several_strategies_are_run_in_one_account(somewhere, capsys):
    code, out, _ = run(["backtest", "sma_cross", "breakout", "--share", "0.5", "0.25", "--json"], capsys)
    assert code == 0
    document = json.loads(out)
    books = document["books"]
    assert document["idle"] == 2_500.0
    assert len(books) == 2
    assert document["stats"]["trades"] == sum(book["stats"]["trades"] for book in books.values())
    code, out, _ = run(["backtest", "sma_cross", "breakout"], capsys)
    assert " + ".join(books) in out
    assert run(["backtest", "sma_cross", "breakout", "--bounds"], capsys)[0] != 0


def test_json_tells_when_the_run_began_and_ended_and_what_the_printout_notes(somewhere, capsys):
    """A synthetic year of hours, from the start asked for to the last close."""
    words = ["backtest", "relative_value", "--json", "--from", "2024-02-01"]
    document = json.loads(run(words, capsys)[1])
    assert document["start"] == 1_706_745_600_000
    assert document["end"] == 1_704_067_200_000 + 365 * 86_400_000
    assert "on_step" in document["why_interpreted"]
    assert document["notes"] == [f"Ran interpreted: {document['why_interpreted']}"]


def test_same_seed_gives_the_same_document(somewhere, capsys):
    first = run(["backtest", "--json", "--seed", "5"], capsys)
    assert run(["backtest", "--json", "--seed", "5"], capsys) == first
    assert run(["backtest", "--json", "--seed", "6"], capsys) != first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["backtest", "sma_crss"], "Did you mean 'sma_cross'?"),
        (["backtest", "--param", "fst=3"], "Did you mean 'fast'?"),
        (["backtest", "--param", "fast"], "name=value"),
        (["backtest", "--cash", "-5"], "positive amount"),
        (["backtest", "--from", "2050-01-01"], "earlier start"),
        (["backtest", "--fill", "ideel"], "Did you mean 'ideal'?"),
        (["backtest", "--instrument", "BTC"], "exchange:BASE/QUOTE"),
        (["backtest", "nowhere.py"], "there is no file nowhere.py"),
        (["data", "import", "no.csv", "--instrument", "a:B/C"], "no.csv"),
    ],
)
def test_mistakes_of_the_user_exit_with_1_and_a_remedy(words, told, somewhere, capsys):
    code, out, err = run(words, capsys)
    assert (code, out) == (INPUT, "")
    assert told in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["backtets"], ["backtest", "--nosuch"], ["backtest", "--seed", "x"]])
def test_wrong_usage_exits_with_2(words, somewhere, capsys):
    assert run(words, capsys)[0] == USAGE


def test_imported_candles_are_what_a_backtest_runs_on(somewhere, capsys):
    from planar.store.synthetic import synthetic

    synthetic(["binance:BTC/USDT"], "1h", candles=500, seed=9)["binance:BTC/USDT"].write_csv("btc.csv")
    words = ["data", "import", "btc.csv", "--instrument", "binance:BTC/USDT", "--timeframe", "1h"]
    assert run(words, capsys)[0] == DONE
    code, out, _ = run(["backtest"], capsys)
    assert code == DONE
    assert "synthetic" not in out
    assert "planar.duckdb" in out
    code, _, err = run(["backtest", "--instrument", "binance:BTX/USDT"], capsys)
    assert code == INPUT
    assert "Did you mean 'binance:BTC/USDT'?" in " ".join(err.split())


def test_a_store_without_the_class_s_own_instrument_is_passed_over_and_one_that_was_named_is_not(somewhere, capsys):
    from planar.store.synthetic import synthetic

    synthetic(["binance:ETH/USDT"], "1h", candles=500, seed=9)["binance:ETH/USDT"].write_csv("eth.csv")
    words = ["data", "import", "eth.csv", "--instrument", "binance:ETH/USDT", "--timeframe", "1h"]
    assert run(words, capsys)[0] == DONE
    code, out, _ = run(["backtest"], capsys)
    assert code == DONE
    assert "synthetic market, seed 0; data/planar.duckdb does not hold binance:BTC/USDT" in " ".join(out.split())
    for named in (["--store", "data/planar.duckdb"], ["--instrument", "binance:BTC/USDT"]):
        for command in (["backtest"], ["check", "sma_cross"]):
            code, _, err = run([*command, *named], capsys)
            assert code == INPUT
            assert "planar data import" in " ".join(err.split())


def test_check_gives_what_it_found_as_a_document(somewhere, capsys):
    code, out, _ = run(["check", "sma_cross", "--json"], capsys)
    found = json.loads(out)
    assert (code, found["strategy"], found["leaks"], found["why_interpreted"]) == (DONE, "SmaCross", [], None)
    assert (found["truncations"], found["poisonings"], found["not_cut"]) == (64, 64, [])
    assert [(each["column"], each["settled"], each["is_late"]) for each in found["warm_ups"]] == [
        ("fast_ma", 9, False),
        ("slow_ma", 49, False),
    ]


def test_check_says_what_it_looked_at_and_how_long_each_column_warms_up(somewhere, capsys):
    code, out, _ = run(["check", "breakout", "--timeframe", "1d", "--from", "2024-03-01", "--to", "2024-12-01"], capsys)
    said = " ".join(out.split())
    assert code == DONE
    assert "Breakout binance:BTC/USDT 1d 2024-01-01 to 2024-12-01 UTC, 335 candles" in said
    assert "Look-ahead none found columns: on 275 prefixes" in said
    assert "with 64 futures cut off and 64 replaced" in said
    assert "candles atr may differ with where the history begins" in said
    assert "column first number settled" in said


LEAKY = """
from planar import Strategy


class Leaky(Strategy):
    instruments = ['a:B/C']

    def indicators(self, candles):
        return {"next": candles.frame["close"].shift(-1)}

    def on_candle(self, candle, broker):
        broker.buy(cost=100.0)
"""


def test_check_shows_what_sees_the_future_with_its_line_and_exits_with_1(somewhere, capsys):
    (somewhere / "leaky.py").write_text(LEAKY)
    code, out, err = run(["check", "leaky.py"], capsys)
    assert code == INPUT
    assert "column 'next' at candle 0 of a:B/C, closed 2024-01-01 01:00 UTC" in out
    assert "becomes nan when the candles after it are cut off" in out
    assert 'leaky.py, line 9, in indicators\n      return {"next": candles.frame["close"].shift(-1)}' in out
    assert "Leaky sees the future: column 'next' at candle 0" in " ".join(err.split())
    code, out, _ = run(["check", "leaky.py", "--json"], capsys)
    (leak,) = json.loads(out)["leaks"]
    assert (code, leak["what"], leak["candle"], leak["lines"][0]["number"]) == (INPUT, "column 'next'", 0, 9)


ENDLESS = """
import os, signal
from planar import Strategy


class Endless(Strategy):
    instruments = ['a:B/C']
    seen = 0

    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 100:
            os.kill(os.getpid(), signal.SIGINT)
"""


def test_ctrl_c_in_a_long_run_says_so_and_exits_with_130(tmp_path):
    strategy = tmp_path / "endless.py"
    strategy.write_text(ENDLESS)
    done = subprocess.run(
        [sys.executable, "-c", "from planar.cli import main; main()", "backtest", str(strategy)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == INTERRUPTED
    assert "Interrupted" in done.stderr
    assert "Traceback" not in done.stderr


PLANAR_TOML = """
[store]
path = "elsewhere.duckdb"

[strategies.sma_cross]
cash = 5000
instruments = ["demo:ETH/USDT"]
params = {fast = 12, slow = 60}
"""


def test_a_strategy_s_section_holds_where_the_command_line_says_nothing(somewhere, capsys):
    (somewhere / "user").mkdir()
    (somewhere / "user/planar.toml").write_text(PLANAR_TOML)
    candles = synthetic(["demo:ETH/USDT", "demo:BTC/USDT"], "1h", candles=500, seed=1)
    for name, frame in candles.items():
        Store("elsewhere.duckdb").write_candles(name, "1h", frame, source="a test")
    document = json.loads(run(["backtest", "sma_cross", "--json", "--param", "fast=20"], capsys)[1])
    assert document["parameters"] == {"fast": 20, "slow": 60}
    assert document["instruments"] == ["demo:ETH/USDT"]
    assert document["data_hash"] == planar.backtest("sma_cross", candles, instruments="demo:ETH/USDT").data_hash
    assert 4_000 < document["stats"]["final_equity"] < 6_500
    words = ["backtest", "sma_cross", "--json", "--cash", "100000", "--instrument", "demo:BTC/USDT"]
    document = json.loads(run(words, capsys)[1])
    assert document["instruments"] == ["demo:BTC/USDT"]
    assert document["stats"]["final_equity"] > 50_000
    code, out, _ = run(["check", "sma_cross"], capsys)
    assert (code, "elsewhere.duckdb" in out) == (DONE, True)


def test_a_section_of_a_strategy_with_a_parameter_it_has_not_is_refused(somewhere, capsys):
    (somewhere / "user").mkdir()
    (somewhere / "user/planar.toml").write_text("[strategies.sma_cross]\nparams = {fats = 12}")
    code, _, err = run(["backtest", "sma_cross"], capsys)
    assert code == INPUT
    assert "SmaCross has no parameter 'fats'" in err
    assert "Did you mean 'fast'?" in " ".join(err.split())
