"""The venue's own interface, and its command line."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError

import pytest

from planar.cli import main

PLANAR = [sys.executable, "-c", "from planar.cli import main; main()"]

DEPOSIT = {"asset": "BTC", "amount": "much"}


def ask(address, method, path, document=None):
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"{address}/{path}", body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except HTTPError as error:
        return json.load(error)


def test_planar_venue_serves_until_it_is_told_to_stop():
    command = [*PLANAR, "venue", "--stepped", "--symbols", "BTC/USDT", "--cash", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}) as process:
        try:
            addresses = json.loads(process.stdout.readline())
            admin, key = addresses["admin"], addresses["api_key"]
            state = ask(admin, "GET", "state")
            assert state["accounts"][key]["USDT"] == {"free": "500.00000000", "locked": "0.00000000"}
            stepped = ask(admin, "POST", "advance", {"ms": 60_000})
            assert (stepped["now"], stepped["prints"]) == (state["now"] + 60_000, 60)
            assert ask(admin, "POST", "advance", {})["prints"] == 1
            assert ask(admin, "POST", "deposit", {"asset": "BTC", "amount": "0.1"})["free"] == "0.10000000"
            other = ask(admin, "POST", "accounts", {"balances": {"USDT": "7"}})
            assert ask(admin, "GET", "state")["accounts"][other["api_key"]]["USDT"]["free"] == "7.00000000"
            assert ask(admin, "POST", "symbols", {"symbol": "BTCUSDT", "status": "BREAK"})["status"] == "BREAK"
            assert ask(admin, "POST", "rights", {"enableWithdrawals": True})["enableWithdrawals"] is True
            assert "Did you mean 'enableWithdrawals'" in ask(admin, "POST", "rights", {"enableWithdrawal": 1})["error"]
            assert "ipRestrict=1 must be true or false" in ask(admin, "POST", "rights", {"ipRestrict": 1})["error"]
            assert "no account" in ask(admin, "POST", "rights", {"api_key": "none"})["error"]
            assert ask(admin, "POST", "chaos", [{"on": "GET *", "what": "503"}])[0]["happened"] == 0
            skewed = ask(admin, "POST", "chaos", [{"what": "skew", "seconds": 2}])
            assert skewed[0] == {"what": "skew", "seconds": 2.0}
            assert ask(admin, "GET", "chaos") == skewed
            assert ask(admin, "DELETE", "chaos") == []
            assert "send a JSON object" in ask(admin, "POST", "deposit", [1])["error"]
            assert "must be amounts by asset" in ask(admin, "POST", "accounts", {"balances": 5})["error"]
            assert "amount='much' must be a number" in ask(admin, "POST", "deposit", DEPOSIT)["error"]
            assert ask(admin, "POST", "disconnect", {"abruptly": True}) == {}
            assert "Did you mean" in ask(admin, "GET", "stat")["error"]
            assert "does not go back" in ask(admin, "POST", "advance", {"until": 0})["error"]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--symbols", "BTCUSDT"], "is not BASE/QUOTE"),
        (["--symbols", "BTC/USDT", "--symbols", "ETH/EUR"], "one venue has one quote currency"),
        (["--chaos", "no-such-file.json"], "cannot be read"),
        (["--candles", "no-such-file.csv", "--symbols", "BTC/USDT"], "there is no such file"),
        (["--trades", "no-such-file.parquet"], "one file moves one symbol"),
        (["--books", "no-such-file.parquet"], "give the --trades that were recorded beside them"),
        (["--speed", "-1"], "must be from 0"),
    ],
)
def test_what_cannot_run_says_why(capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(["venue", *arguments])
    assert ended.value.code == 1
    assert says in " ".join(capsys.readouterr().err.split())
