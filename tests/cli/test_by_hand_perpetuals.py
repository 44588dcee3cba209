"""Perpetuals by hand: what ``planar positions`` and its like print, at a venue that lists them."""

import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest

from planar.cli import app

SYMBOL = "BTC/USDT:USDT"


def told(capsys, *words: str):
    app([*words, "--json"], exit_on_error=False, print_error=False, result_action="return_value")
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def addresses():
    """A running ``planar venue``, as a program of its own."""
    command = [sys.executable, "-m", "planar", "venue", "--symbols", SYMBOL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        yield json.loads(venue.stdout.readline())
        venue.terminate()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, addresses):
    """The demo at that venue, with futures."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text(f'[demo]\nbase_url = "{addresses["rest"]}"\nfutures = true\n')
    secrets = tmp_path / "user" / "secrets.toml"
    secrets.write_text(f'[exchanges.demo]\napiKey = "{addresses["api_key"]}"\nsecret = "{addresses["secret"]}"\n')
    os.chmod(secrets, 0o600)


def test_a_position_is_opened_shown_and_closed_by_several_commands(capsys):
    assert told(capsys, "positions") == []
    told(capsys, "buy", SYMBOL, "0.01BTC")
    (held,) = told(capsys, "positions")
    assert (held["symbol"], Decimal(held["amount"])) == (SYMBOL, Decimal("0.01"))
    told(capsys, "sell", SYMBOL, "0.01BTC", "--reduce-only")
    assert told(capsys, "positions") == []
    wallet = told(capsys, "balance", "demo", "--type", "futures")["balances"]["demo"]
    assert wallet["wallet"] == "futures"
    assert 9_990 < Decimal(wallet["total"]["USDT"]) < 10_000
