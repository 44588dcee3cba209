"""``planar data fetch`` at the demo exchange, and at a venue that stays."""

import json
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from planar.cli import app
from planar.errors import ConfigError, DataError, Rejected, Unreachable
from planar.store.store import Store


def run(*words: str) -> None:
    app(list(words), exit_on_error=False, print_error=False, result_action="return_value")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ago(minutes: int) -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"


def test_the_demo_is_fetched_and_said_in_one_line_for_each_instrument(capsys):
    since, until = ago(120), ago(60)
    run("data", "fetch", "demo", "BTC/USDT", "ETH/USDT", "--timeframe", "1m", "--from", since, "--to", until)
    lines = capsys.readouterr().out.splitlines()
    span = f"{since.replace('T', ' ')} UTC to .* UTC, 60 added; gaps: none."
    for base, line in zip(("BTC", "ETH"), lines, strict=True):
        assert re.fullmatch(f"demo:{base}/USDT 1m: {span}", line)
    run("data", "fetch", "demo", "BTC/USDT", "--timeframe", "1m", "--from", since, "--to", until)
    assert "UTC, 0 added; gaps: none." in capsys.readouterr().out
    assert Store("data/planar.duckdb").series()["rows"].to_list() == [60, 60]


def test_market_trades_are_fetched_beside_candles_and_the_rules_are_shown(capsys):
    words = ("demo", "BTC/USDT", "--timeframe", "1h", "--kind", "candles", "--kind", "trades", "--from", ago(130))
    run("data", "fetch", *words)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"demo:BTC/USDT 1h: .* UTC, \d added; gaps: none\.", lines[0])
    assert re.fullmatch(r"demo:BTC/USDT trades: .* UTC, [\d,]+ added\.", lines[1])
    run("data", "list")
    cells = [line.split() for line in capsys.readouterr().out.splitlines() if "demo:" in line]
    assert [row[:3] for row in cells] == [["demo:BTC/USDT", "candles", "1h"], ["demo:BTC/USDT", "trades", "–"]]
    assert cells[1][-2:] == ["–", "–"]
    run("data", "rules")
    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if "demo:" in line]
    assert row == [
        "demo:BTC/USDT",
        f"{datetime.now(UTC):%Y-%m-%d}",
        *["0.01", "0.00001", "0.00001", "5", "0.001", "0.001", "base", "–"],
    ]
    run("data", "rules", "demo:BTC/USDT", "--json")
    [rules] = json.loads(capsys.readouterr().out)["demo:BTC/USDT"]
    assert (rules["price_step"], rules["source"], rules["tiers"]) == ("0.01000000", "of demo", None)
    with pytest.raises(DataError, match=r"no rules of demo:BTC/USDC are stored\. Did you mean 'demo:BTC/USDT'"):
        run("data", "rules", "demo:BTC/USDC")


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("demo", "BTCUSDT"), Rejected, "no market 'BTCUSDT'. Did you mean 'BTC/USDT'"),
        (("demo",), ConfigError, "name what to fetch: planar data fetch demo BTC/USDT --timeframe 1m"),
        (("binanse", "BTC/USDT"), ConfigError, "no exchange 'binanse'. Did you mean 'binance'"),
        (("demo", "BTC/USDT", "--to", "2023-01-01"), ConfigError, "--to 2023-01-01 00:00 UTC is not after it"),
        (("demo", "BTC/USDT", "--from", "soon"), ConfigError, "--from='soon' is not a date: write 2024-01-31"),
        (("demo", "BTC/USDT", "--timeframe", "7m"), Rejected, "demo does not offer 7m candles, only 1s, 1m"),
        (("demo", "BTC/USDT", "--kind", "fund"), ConfigError, "kind 'fund' is none of candles, mark, funding, trades"),
        (("demo", "BTC/USDT", "--kind", "funding"), Rejected, "BTC/USDT is a spot market and has no .* funding"),
        (("demo", "BTC/USDT", "--timeframe", "1x"), ConfigError, "timeframe '1x' is not a count and a unit"),
    ],
)
def test_mistakes_are_told_with_their_remedy(words, kind, message):
    usual = [] if "--timeframe" in words else ["--timeframe", "1m"]
    usual += [] if "--from" in words else ["--from", "2024-01-01"]
    with pytest.raises(kind, match=message):
        run("data", "fetch", *words, *usual)


def test_an_exchange_out_of_reach_is_told(folder):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[demo]\nbase_url = "http://127.0.0.1:9"\nretries = 0\n')
    with pytest.raises(Unreachable, match="demo"):
        run("data", "fetch", "demo", "BTC/USDT", "--timeframe", "1m", "--from", "2024-01-01")


def test_a_backtest_without_its_candles_names_the_fetch(folder):
    run("data", "fetch", "demo", "BTC/USDT", "--timeframe", "1m", "--from", ago(10))
    told = f"or fetch it: planar data fetch binance SOL/USDT --timeframe 1h --from {ago(5_000 * 60)[:10]}"
    with pytest.raises(DataError, match=told):
        run("backtest", "sma_cross", "--instrument", "binance:SOL/USDT", "--store", "data/planar.duckdb")
    words = ("--store", "data/planar.duckdb", "--from", "2025-03-01")
    with pytest.raises(DataError, match="--from 2025-03-01"):
        run("backtest", "sma_cross", "--instrument", "binance:SOL/USDT", *words)


@pytest.fixture
def slow_venue(folder):
    """A running ``planar venue`` that takes its time for candles, and the demo at it."""
    (folder / "slow.json").write_text('[{"on": "GET /api/v3/klines", "what": "delay", "seconds": 0.5, "count": 0}]')
    command = [sys.executable, "-m", "planar", "venue", "--symbols", "BTC/USDT", "--chaos", "slow.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        rest = re.search(r'"rest": "([^"]*)"', venue.stdout.readline())[1]
        (folder / "user").mkdir()
        (folder / "user" / "planar.toml").write_text(f'[demo]\nbase_url = "{rest}"\n')
        yield
        venue.terminate()


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_fetch_leaves_whole_pages_and_the_same_command_goes_on(slow_venue, how, code):
    words = ("data", "fetch", "demo", "BTC/USDT", "--timeframe", "1m", "--from", ago(2_800), "--to", ago(5))
    store = Store("data/planar.duckdb")
    with subprocess.Popen([sys.executable, "-m", "planar", *words], stdout=subprocess.PIPE, text=True) as fetch:
        while not (store.path.exists() and store.series().height):
            time.sleep(0.05)
        fetch.send_signal(how)
        told = fetch.communicate(timeout=30)[0]
    assert fetch.returncode == code
    assert ("the same command goes on from there" in told) == (how == signal.SIGINT)
    before = store.series()["rows"][0]
    assert before % 1_000 == 0
    run(*words)
    [row] = store.series().iter_rows(named=True)
    assert (row["rows"], row["gaps"]) == (2_795, 0)
    print(f"{how.name}: {before:,} candles kept, {row['rows']:,} in the end")
