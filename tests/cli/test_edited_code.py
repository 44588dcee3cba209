"""``planar live | paper`` of a session whose strategy was edited: asked at a terminal, refused without one."""

import io
import os
import pty
import subprocess
import sys

import pytest
from engine.session.retold import retold
from engine.session.test_edited import FIRST, SECOND

from planar.cli import app
from planar.errors import ConfigError, Unreachable
from planar.exchange import registry


class Terminal(io.StringIO):
    """Somebody types what it was made of."""

    def isatty(self):
        return True


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A session at Binance whose strategy was edited since."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_living", {})
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text("[binance]\nbase_url = 'http://127.0.0.1:9'\nretries = 0\n")
    (tmp_path / "mine.py").write_text(FIRST)
    retold(tmp_path / "data" / "sessions" / "one", "mine.py")
    (tmp_path / "mine.py").write_text(SECOND)
    return tmp_path


def start(*words):
    words = ["paper", "mine.py", "--exchange", "binance", "--name", "one", *words]
    app(words, exit_on_error=False, result_action="return_value")


GOES_ON = "127.0.0.1:9"
"""What comes after the question: here, nobody at the exchange's address."""


def test_without_a_terminal_it_is_refused_with_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(
        ConfigError, match=r"its code has been edited since it ran \(mine.py: .*--edited.*undo the edit"
    ):
        start()


def test_at_a_terminal_it_is_asked(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(ConfigError, match="nothing was started: undo the edit"):
        start()
    told = capsys.readouterr().err
    assert told.startswith("The code of session one was edited since it ran. mine.py: ")
    assert "it remembers count, last, total, seen; kind, fresh begins as declared; gone is forgotten." in told
    assert told.endswith("Go on with the new code? [y/N] ")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    with pytest.raises(Unreachable, match=GOES_ON):
        start()


def test_who_says_so_beforehand_is_not_asked(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(Unreachable, match=GOES_ON):
        start("--edited")
    assert "Go on" not in capsys.readouterr().err


def test_what_was_not_edited_is_not_asked_about(folder, monkeypatch):
    (folder / "mine.py").write_text(FIRST)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for words in ((), ("--edited",)):
        with pytest.raises(Unreachable, match=GOES_ON):
            start(*words)


def test_a_real_terminal_hears_the_question_and_is_heard(folder):
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "planar", "paper", "mine.py", "--exchange", "binance", "--name", "one"]
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "300"}
    running = subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    told = b""
    while not told.endswith(b"[y/N] "):
        told += os.read(ours, 10_000)
    os.write(ours, b"no\n")
    assert running.wait(30) == 1
    told += os.read(ours, 10_000)
    os.close(ours)
    assert b"nothing was started" in told
