"""A strategy that hangs is told of with its line, and ends its session within a stated time; real programs."""

import asyncio
import gc
import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from engine.session import hanging
from engine.session.hanging import HURRIED, Minds, Sleeps, Spins
from engine.session.trading import Busy, exchange_at, session_at, venue
from engine.session.watched import until

from planar.broker.journal import read
from planar.engine.session import watchdog
from planar.errors import StrategyError


@contextmanager
def webhook():
    """A server for messages; gives its address and what it hears."""
    heard = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    for name, value in HURRIED.items():
        monkeypatch.setattr(watchdog, name, value)


async def hung(folder, cls, **wish):
    """What ends a session of that strategy."""
    async with (
        venue() as there,
        exchange_at(there.port) as exchange,
        session_at(folder, exchange, cls, **wish) as session,
        asyncio.timeout(30),
    ):
        await session.run()


@pytest.mark.parametrize(
    ("cls", "hook", "line"),
    [
        (Spins, "on_candle", r"(self.waste|while)"),
        pytest.param(Sleeps, "on_candle", r"time.sleep\(1000\)", marks=pytest.mark.slow),
        pytest.param(Minds, "indicators", r"time.sleep\(1000\)", marks=pytest.mark.slow),
    ],
)
def test_a_hook_that_does_not_end_is_interrupted_and_told_with_its_line(tmp_path, caplog, cls, hook, line):
    before = signal.getsignal(watchdog.SIGNAL)
    with caplog.at_level(logging.WARNING, "planar.session"), pytest.raises(StrategyError) as error:
        asyncio.run(hung(tmp_path / "one", cls, compiled=False))
    told = rf"{cls.__name__}.{hook} has not come to its end for 2 s, at .*hanging.py, line \d+: '({line}.*)'\. What the"
    assert re.match(told, str(error.value)), error.value
    assert str(error.value).endswith("stays at the exchange: mend the strategy, and start it again.")
    assert re.search(r"has not come to its end for 1 s, at .*It is ended after 2 s", caplog.text)
    assert signal.getsignal(watchdog.SIGNAL) == before
    assert [e.kind for e in read(tmp_path / "one" / "journal.sqlite")][-1] == "stopped"


@pytest.mark.slow
def test_a_session_that_decides_in_time_is_left_alone(tmp_path, caplog):
    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as exchange,
            session_at(tmp_path / "one", exchange, Busy) as session,
        ):
            work = asyncio.ensure_future(session.run())
            await until(lambda: session.recorder.trader.record["steps"] > 16)
            assert not work.done()
            work.cancel()

    asyncio.run(scene())
    assert "has not come to its end" not in caplog.text


@pytest.mark.parametrize(
    ("name", "how", "where"),
    [
        ("Spins", "compiled", r"in compiled code; --interpreted tells the line"),
        pytest.param("Clings", "interpreted", r"at .*, line \d+: 'time.sleep\(1000\)'", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_interrupted_ends_its_program_with_an_alert(tmp_path, name, how, where):
    with webhook() as (address, heard):
        command = [sys.executable, hanging.__file__, str(tmp_path / "one"), name, how, address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    why = rf"{name}.on_candle has not come to its end for 2 s, {where}. It cannot be interrupted, so the program ends"
    assert re.search(why, done.stderr), done.stderr
    [message] = heard
    assert re.match(f"mine: {why}", message)


@pytest.mark.slow
def test_the_time_that_a_program_was_stopped_as_a_whole_does_not_count(tmp_path):
    command = [sys.executable, hanging.__file__, str(tmp_path / "one"), "Naps", "interpreted", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "naps\n"
        program.send_signal(signal.SIGSTOP)
        time.sleep(5)
        program.send_signal(signal.SIGCONT)
        out, err = program.communicate(timeout=60)
    assert "went on" in out, err


def test_watchdogs_that_end_in_any_order_leave_nothing_behind():
    """The signal means what it meant before, and no trader of an ended session is kept by one that goes on."""
    before = signal.getsignal(watchdog.SIGNAL)
    traders = [Busy() for _ in range(3)]  # whose they are does not matter: none of them hangs
    pack = [watchdog.Watchdog(trader) for trader in traders]
    for one in pack:
        one.start()
    kept = weakref.ref(traders[0])
    pack[0].close()
    pack[2].close()
    del traders[0], pack[0], one
    gc.collect()
    assert kept() is None
    assert signal.getsignal(watchdog.SIGNAL) != before
    pack[0].close()
    assert signal.getsignal(watchdog.SIGNAL) == before
