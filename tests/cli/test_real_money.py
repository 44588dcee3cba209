"""``planar live`` with real money: not without limits, and not without a word of somebody."""

import os
import signal
import subprocess
import sys
import time

import pytest

from planar.cli import app
from planar.errors import ConfigError
from planar.exchange import registry

REAL = """
from planar.venue.demo import Demo


class Real(Demo):
    is_real = True

    def _check_settings(self):
        pass
"""
EXCHANGE = '[real]\nconnector = "mine:Real"\n'
LIMITS = "[risk]\ndaily_loss = 500\n[strategies.sma_cross.risk]\nmax_position_cost = 20000\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder with an exchange that says it is real."""
    (tmp_path / "mine.py").write_text(REAL)
    (tmp_path / "user").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_living", {})
    return tmp_path


def live(folder, settings, *words):
    (folder / "user" / "planar.toml").write_text(EXCHANGE + settings)
    app(["live", "sma_cross", "--exchange", "real", *words], exit_on_error=False, result_action="return_value")


def test_without_limits_it_does_not_begin(folder):
    with pytest.raises(ConfigError) as error:
        live(folder, "", "--armed")
    assert str(error.value) == (
        "real is real money, and risk.daily_loss and risk.max_position_cost are not set: `planar config set "
        "risk.daily_loss 100` sets one for all sessions, strategies.sma_cross.risk.daily_loss for this strategy. Or "
        "use --sandbox, or the demo."
    )
    with pytest.raises(ConfigError, match=r"risk.max_position_cost is not set"):
        live(folder, "[risk]\ndaily_loss = 500\n", "--armed")


def test_with_limits_it_wants_a_word_or_two_arms(folder):
    with pytest.raises(ConfigError, match=r"max_position_cost 20,000, daily_loss 500\) moves real money at real,"):
        live(folder, LIMITS)
    with pytest.raises(ConfigError, match=r"--armed needs risk.armed = true"):
        live(folder, LIMITS, "--armed")
    assert not (folder / "data").exists()


@pytest.mark.slow
def test_with_limits_and_both_arms_it_begins(folder):
    (folder / "user" / "planar.toml").write_text(EXCHANGE + LIMITS.replace("[risk]", "[risk]\narmed = true"))
    command = [sys.executable, "-m", "planar", "live", "sma_cross", "--exchange", "real", "--armed"]
    with (folder / "told.txt").open("w") as told:
        running = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, env=dict(os.environ))
        until = time.monotonic() + 90
        while "Risk limits" not in (folder / "told.txt").read_text() and time.monotonic() < until:
            time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    said = (folder / "told.txt").read_text()
    assert "Risk limits: max_position_cost 20,000 USDT, daily_loss 500 USDT." in said
