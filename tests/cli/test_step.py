"""``planar replay --step``: shown without a terminal, stepped through with the debugger at one."""

import io
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from engine.session.retold import retold

from planar.cli import app
from planar.cli.step import Debugger
from planar.engine.session.archive import journal
from planar.engine.session.stepping import Call


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("step")
    retold(place / "data" / "sessions" / "grid", "grid_maker")
    return place


@pytest.fixture(scope="module")
def asking(folder):
    """A decision that places an order: its time, and the order's number."""
    steps = [e.body for e in journal(folder / "data" / "sessions" / "grid") if e.kind == "step"]
    return next((one["time"], ask[1]) for one in steps[9:] for ask in one["asks"] if ask[0] == "place")


def test_without_a_terminal_what_went_in_and_what_came_out_is_printed(folder, asking, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    time, id = asking
    moment = datetime.fromtimestamp(time / 1000, UTC).isoformat()
    for where in (str(id), moment):
        app(["replay", "grid", "--step", where], exit_on_error=False, result_action="return_value")
        told = capsys.readouterr().out
        assert "interpreted, lines 8" in told
        assert "\non_candle of ETH/USDT\n  candle    time " in told
        assert "\n  self      top " in told
        assert "\n  broker    cash " in told
        assert f"ETH/USDT: order {id}: " in told
        assert told.endswith("That is what it asked for in the session.\n")
    app(["replay", "grid", "--step", str(id), "--json"], exit_on_error=False, result_action="return_value")
    document = json.loads(capsys.readouterr().out)
    assert (document["time"], document["is_as_it_was"]) == (time, True)
    assert id in [ask["id"] for ask in document["asks"]]
    assert document["hooks"][0]["saw"]["ETH/USDT"]["candle"]["close"] > 0


def stepped(folder, id, *commands):
    """What a terminal shows that is told these commands."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "planar", "replay", "grid", "--step", str(id)]
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
    running = subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    told, left = b"", list(commands)
    while True:
        try:
            told += os.read(ours, 4096)
        except OSError:  # its end
            break
        if told.endswith(b"(Pdb) "):
            os.write(ours, left.pop(0).encode() + b"\n")
            told += b"\n"
    os.close(ours)
    return running.wait(10), told.decode().replace("\r\n", "\n")


def test_at_a_terminal_the_debugger_stands_at_the_first_line_of_the_hook_in_the_authors_file(folder, asking):
    code, told = stepped(folder, asking[1], "p candle.close > 0", "n", "c")
    assert code == 0
    assert "strategies/grid_maker.py(" in told.partition("(Pdb)")[0].splitlines()[-2]
    assert told.partition("(Pdb)")[0].splitlines()[-2].endswith(")on_candle()")
    assert "\nTrue\n" in told
    assert "That is what it asked for in the session." in told


def test_q_ends_all_of_it(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    done = []

    def hook(price):
        doubled = 2 * price
        done.append(doubled)

    with pytest.raises(SystemExit) as ended:
        Debugger().stand_in(Call("on_candle", "ETH/USDT", {}, hook, (1.0,), dict))
    assert (ended.value.code, done) == (0, [])
    assert "-> doubled = 2 * price" in capsys.readouterr().out
