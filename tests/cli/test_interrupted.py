"""Ctrl-C while an exchange is asked: what is told depends on what was on its way."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from planar.cli import DOUBT

PLANAR = [sys.executable, "-m", "planar"]
HUNG = "accept_then_hang"


@pytest.fixture
def venue(tmp_path):
    """A running ``planar venue``, and the demo at it."""
    with subprocess.Popen([*PLANAR, "venue", "--symbols", "BTC/USDT"], stdout=subprocess.PIPE, text=True) as venue:
        addresses = json.loads(venue.stdout.readline())
        (tmp_path / "user").mkdir()
        (tmp_path / "user" / "planar.toml").write_text(f'[demo]\nbase_url = "{addresses["rest"]}"\n')
        secrets = tmp_path / "user" / "secrets.toml"
        secrets.touch(mode=0o600)
        secrets.write_text(f'[exchanges.demo]\napiKey = "{addresses["api_key"]}"\nsecret = "{addresses["secret"]}"\n')
        yield addresses
        venue.terminate()


def chaos(venue, rules=None):
    body = None if rules is None else json.dumps(rules).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{venue['admin']}/chaos", body), timeout=10) as answer:
        return json.load(answer)


def told_at_the_end(asking: subprocess.Popen):
    """What a command still says when it is interrupted; one that goes on is killed."""
    asking.send_signal(signal.SIGINT)
    try:
        return asking.communicate(timeout=30)[1]
    finally:
        asking.kill()


def interrupted(tmp_path, venue, on: str, *words: str) -> tuple[int, str]:
    """Exit code and what is said, when a command is interrupted while that request hangs."""
    before = len(chaos(venue, [{"on": on, "what": HUNG, "count": 1, "seconds": 60}])) - 1
    with subprocess.Popen([*PLANAR, *words], stderr=subprocess.PIPE, text=True, cwd=tmp_path) as asking:
        end = time.monotonic() + 60
        while not chaos(venue)[before]["happened"] and time.monotonic() < end:
            time.sleep(0.05)
        said = told_at_the_end(asking)
    return asking.returncode, " ".join(said.split())


@pytest.mark.slow
def test_whoever_interrupts_is_told_what_was_on_its_way(tmp_path, venue):
    """One venue for all: an order that may have been taken, its cancel, and a question that changes nothing."""
    code, said = interrupted(
        tmp_path, venue, "POST /api/v3/order", "buy", "BTC/USDT", "0.01BTC", "--price", "20000", "--post-only"
    )
    assert code == DOUBT
    assert re.search(
        r"interrupted while the order \(Buy BTC/USDT: 0.01 BTC at 20,000 USDT, client id \S+\) was on its way. "
        r"It may have been carried out; look before you ask again: planar orders BTC/USDT --client-id \w+$",
        said,
    )
    code, said = interrupted(tmp_path, venue, "DELETE /api/v3/order", "cancel", "1", "--exchange", "demo")
    assert code == DOUBT
    assert "interrupted while the cancel of order 1 was on its way. It may have been carried out" in said
    assert said.endswith("look before you ask again: planar orders BTC/USDT --history --exchange demo")
    code, said = interrupted(tmp_path, venue, "GET /api/v3/account", "balance")
    assert (code, said) == (130, "Interrupted; nothing was changed.")
    code, said = interrupted(tmp_path, venue, "GET /api/v3/ticker/24hr", "buy", "BTC/USDT", "0.01BTC")
    assert (code, said) == (130, "Interrupted; nothing was sent.")


REAL = """
from planar.venue.demo import Demo


class Real(Demo):
    is_real = True

    def _check_settings(self):
        pass
"""


def test_ctrl_c_at_the_question_before_real_money_sends_nothing(tmp_path):
    (tmp_path / "mine.py").write_text(REAL)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text('[real]\nconnector = "mine:Real"\n')
    here, there = pty.openpty()
    words = [*PLANAR, "buy", "BTC/USDT", "0.01BTC", "--exchange", "real"]
    with subprocess.Popen(words, stdin=there, stderr=subprocess.PIPE, cwd=tmp_path) as asking:
        said = b""
        while not said.endswith(b"[y/N] "):
            said += asking.stderr.read1()
        rest = told_at_the_end(asking).decode()
    os.close(here), os.close(there)
    assert "Buy BTC/USDT: 0.01 BTC at real, with real money. Send it?" in said.decode()
    assert (asking.returncode, " ".join(rest.split())) == (130, "Interrupted; nothing was sent.")
