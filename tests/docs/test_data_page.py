"""docs/data.md is true: its code runs on such a store, and its table has every kind there is, with its columns."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl

import planar
from planar.store.rows import KINDS
from planar.store.rules import Rules
from planar.store.store import Store
from planar.store.synthetic import START, synthetic

TEXT = (Path(planar.__file__).parents[1] / "docs" / "data.md").read_text()
[BLOCK] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
BTC, PERPETUAL = "binance:BTC/USDT", "binance:BTC/USDT:USDT"


def test_its_code_runs_on_a_store_that_has_all_of_it(tmp_path):
    store = Store(tmp_path / "data" / "planar.duckdb")
    frame = synthetic([BTC], candles=5)[BTC]
    trades = {"time": [START], "id": ["1"], "price": [1.0], "amount": [2.0], "side": ["buy"]}
    store.write_candles(BTC, "1h", frame, "a test")
    store.write_candles(PERPETUAL, "1h", frame, "a test", kind="mark")
    store.write_funding(PERPETUAL, pl.DataFrame({"time": [START], "rate": [0.0001]}), "a test")
    store.write_trades(BTC, pl.DataFrame(trades), "a test")
    store.note_rules(BTC, Rules(price_step=Decimal("0.01")), "of binance")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "0.01 True"


def test_every_kind_and_its_columns_are_named():
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", TEXT, re.MULTILINE))
    assert list(table) == list(KINDS)
    for kind, columns in table.items():
        if kind != "mark":
            assert re.findall(r"\w+", re.sub(r"\(.*?\)", "", columns)) == list(KINDS[kind].schema)
