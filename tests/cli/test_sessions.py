"""``planar live``, and what is left of it: sessions, journal, replay, as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from planar.cli import app
from planar.errors import ConfigError
from planar.exchange import registry

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


@pytest.fixture
def planar(folder, monkeypatch, capsys):
    """Runs a command in that folder; gives what it prints."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(registry, "_living", {})

    def run(*words):
        capsys.readouterr()
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def test_it_says_what_it_is_and_what_it_does(folder):
    told = (folder / "told.txt").read_text()
    assert (
        "This is a demo: a synthetic market on this machine, 3,600 times faster than real time, no real money." in told
    )
    assert "order 1: buy 10,000.00 USDT worth at market" in told
    assert "Risk limits: max_position_cost 20,000 USDT, daily_loss 1,000 USDT." in told
    assert "order 1 filled" in told
    assert "Equity " in told


def test_its_journal_is_listed_read_and_run_again(planar):
    [found] = json.loads(planar("sessions", "--json"))
    assert (found["state"], found["mode"], found["fills"] >= 1) == ("not running", "live", True)
    assert "order 1 filled" in planar("journal", found["session"])
    for words in ([], ["--interpreted"]):
        assert json.loads(planar("replay", found["session"], *words, "--json"))["decisions"] == found["decisions"]


def test_its_journal_is_filtered_and_leaves_as_a_file(folder, planar):
    [found] = json.loads(planar("sessions", "--json"))
    name = found["session"]
    of_it = planar("journal", name, "--order", "1")
    assert 'intent {"order": 1' in of_it
    assert "order 1 filled" in of_it
    assert "Risk limits" not in of_it
    only = json.loads(planar("journal", name, "--order", "1", "--text", "FILLED", "--json"))
    assert {line["kind"] for line in only} == {"told"}
    last = json.loads(planar("journal", name, "--kind", "step", "--json"))[-1]["time"]
    assert planar("journal", name, "--until", "2000-01-01") == "Nothing of that is in the journal.\n"
    assert "entries written to steps.csv" in planar("journal", name, "--kind", "step", "--export", "steps.csv")
    assert str(last) in (folder / "steps.csv").read_text().splitlines()[-1]


def test_mistakes_are_told_with_their_remedy(folder, planar):
    [name] = [each.name for each in (folder / "data" / "sessions").iterdir()]
    with pytest.raises(ConfigError, match=f"Did you mean '{name}'"):
        planar("replay", name[:-1])
    with pytest.raises(ConfigError, match="real money"):
        planar("live", "sma_cross", "--exchange", "kraken")
    with pytest.raises(ConfigError, match=r"demo has 10000(\.0+)? USDT free"):
        planar("live", "sma_cross", "--exchange", "demo", "--cash", "20000")
