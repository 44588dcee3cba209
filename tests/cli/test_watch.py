"""``planar watch`` as a program: lines of JSON, a screen, and how both end."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from planar.cli import app
from planar.errors import ConfigError, Rejected

PLANAR = [sys.executable, "-m", "planar"]
ENTER, LEAVE, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
PATIENCE = 60


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def started(*words: str, **options) -> Iterator[subprocess.Popen]:
    """The command, which is killed when a test fails over it."""
    with subprocess.Popen([*PLANAR, "watch", *words], stderr=subprocess.PIPE, **options) as watching:
        try:
            yield watching
        finally:
            watching.kill()


def test_where_there_is_no_terminal_every_event_is_a_line_and_ctrl_c_ends_it_in_silence():
    with started("demo", "BTC/USDT", "ETH/USDT", stdout=subprocess.PIPE, text=True) as watching:
        told = [json.loads(watching.stdout.readline()) for _ in range(12)]
        watching.send_signal(signal.SIGINT)
        rest, errors = watching.communicate(timeout=PATIENCE)
    assert (watching.returncode, errors) == (0, "")
    assert all(json.loads(line) for line in rest.splitlines())
    assert {each["kind"] for each in told} <= {"ticker", "trades", "orders", "fills", "balance"}
    assert {each["symbol"] for each in told if each["kind"] == "trades"} == {"BTC/USDT", "ETH/USDT"}
    for symbol in ("BTC/USDT", "ETH/USDT"):
        numbers = [each["sequence"] for each in told if (each["kind"], each["symbol"]) == ("trades", symbol)]
        assert numbers == list(range(1, len(numbers) + 1))
    [trade, *_] = [each["data"] for each in told if each["kind"] == "trades"]
    assert float(trade["price"]) > 0
    assert trade["side"] in ("buy", "sell")


def test_only_the_kinds_that_are_named_are_told_and_a_book_has_ten_levels():
    words = ("demo", "BTC/USDT", "--kind", "book", "--json")
    with started(*words, stdout=subprocess.PIPE, text=True) as watching:
        told = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(PATIENCE) == 0
    assert {each["kind"] for each in told} == {"book"}
    assert {len(each["data"][side]) for each in told for side in ("bids", "asks")} == {10}


def test_a_reader_that_leaves_ends_it_in_silence():
    with started("demo", "BTC/USDT", stdout=subprocess.PIPE) as watching:
        watching.stdout.readline()
        watching.stdout.close()
        assert (watching.wait(PATIENCE), watching.stderr.read()) == (0, b"")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_it_draws_and_leaves_it_as_it_was(how):
    here, there = pty.openpty()
    with started("demo", "BTC/USDT", stdout=there, env=os.environ | {"TERM": "xterm-256color"}) as watching:
        os.close(there)
        shown = _read(here, until=lambda text: b"live" in text and b"29," in text)
        watching.send_signal(how)
        shown += _read(here, until=lambda _: False)
        assert (watching.wait(PATIENCE), watching.stderr.read()) == (0, b"")
    os.close(here)
    assert b"BTC/USDT" in shown
    assert shown.count(ENTER) == shown.count(LEAVE) == 1
    assert shown.rstrip().endswith(LEAVE)
    assert SHOW_CURSOR in shown[-100:]


def _read(terminal: int, until) -> bytes:
    """What is written to a terminal until something stands there, or nobody holds it any more."""
    text, end = b"", time.monotonic() + PATIENCE
    while not until(text) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                text += os.read(terminal, 1 << 16)
            except OSError:  # it was closed at the other end
                break
    return text


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ((), ConfigError, "name a symbol, as in: planar watch demo BTC/USDT"),
        (("binance",), ConfigError, "name a symbol, as in: planar watch binance BTC/USDT"),
        (("demo", "BTCUSDT"), Rejected, "no market 'BTCUSDT'. Did you mean 'BTC/USDT'"),
        (("binanse", "BTC/USDT"), ConfigError, "no exchange 'binanse'. Did you mean 'binance'"),
        (("BTC/USDT", "--kind", "trade"), ConfigError, "'trade' is not watched; there are .*Did you mean 'trades'"),
        (("BTC/USDT", "--account", "hedge"), ConfigError, "demo has no account 'hedge'"),
    ],
)
def test_mistakes_are_told_with_their_remedy(words, kind, message):
    with pytest.raises(kind, match=message):
        app(["watch", *words], exit_on_error=False, print_error=False, result_action="return_value")
