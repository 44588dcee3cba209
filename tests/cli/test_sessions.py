"""``planar live``, and what is left of it: sessions, journal, replay, as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

PLANAR = [sys.executable, "-m", "planar"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a demo session has traded until Ctrl-C; what it printed is in ``told.txt``."""
    place = tmp_path_factory.mktemp("sessions")
    with (place / "told.txt").open("w") as told:
        command = [*PLANAR, "live", "sma_cross", "--exchange", "demo", "--param", "fast=5", "--param", "slow=20"]
        running = subprocess.Popen(command, cwd=place, stdout=told, stderr=subprocess.STDOUT, env=dict(os.environ))
        until = time.monotonic() + 90
        while " filled " not in (place / "told.txt").read_text() and time.monotonic() < until:
            time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    return place


def planar(folder, *words):
    done = subprocess.run([*PLANAR, *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_it_says_what_it_is_and_what_it_does(folder):
    told = (folder / "told.txt").read_text()
    assert (
        "This is a demo: a synthetic market on this machine, 3,600 times faster than real time, no real money." in told
    )
    assert "order 1: buy 10,000.00 USDT worth at market" in told
    assert "order 1 filled" in told
    assert "Equity " in told


def test_its_journal_is_listed_read_and_run_again(folder):
    code, out, _ = planar(folder, "sessions", "--json")
    [found] = json.loads(out)
    assert (code, found["state"], found["mode"], found["fills"] >= 1) == (0, "not running", "live", True)
    code, out, _ = planar(folder, "journal", found["session"])
    assert code == 0
    assert "order 1 filled" in out
    for words in ([], ["--interpreted"]):
        code, out, err = planar(folder, "replay", found["session"], *words, "--json")
        assert code == 0, err
        assert json.loads(out)["decisions"] == found["decisions"]


def test_mistakes_are_told_with_their_remedy(folder):
    [name] = [each.name for each in (folder / "data" / "sessions").iterdir()]
    code, _, err = planar(folder, "replay", name[:-1])
    assert code == 1
    assert f"Did you mean '{name}'?" in " ".join(err.split())
    code, _, err = planar(folder, "live", "sma_cross", "--exchange", "kraken")
    assert code == 1
    assert "real money" in " ".join(err.split())
    code, _, err = planar(folder, "live", "sma_cross", "--exchange", "demo", "--cash", "20000")
    assert code == 1
    assert "demo has 10000.00000000 USDT free" in " ".join(err.split())
