"""The log of a session: lines of JSON, rotated, without secrets, followed while it grows."""

import json
import logging
import threading

import pytest

from planar.config.secrets import Secret
from planar.engine.session import log as module
from planar.engine.session.log import entries, logged, shown
from planar.errors import ConfigError
from planar.exchange.scrub import Scrubber

LOG = logging.getLogger("planar.session")


def test_what_is_logged_is_read_by_level_and_time_with_its_traceback(tmp_path):
    with logged(tmp_path, str):
        LOG.info("one")
        LOG.warning("two")
        try:
            raise ValueError("bad")
        except ValueError:
            LOG.exception("three")
    LOG.warning("not any more")
    told = list(entries(tmp_path))
    assert [(each["level"], each["text"]) for each in told] == [("info", "one"), ("warning", "two"), ("error", "three")]
    assert "ValueError: bad" in shown(told[2])
    assert [each["text"] for each in entries(tmp_path, level="warning")] == ["two", "three"]
    assert list(entries(tmp_path, since=told[-1]["time"] + 1)) == []


def test_what_ends_a_session_is_the_last_line_of_its_log(tmp_path):
    with pytest.raises(ConfigError), logged(tmp_path, str):
        raise ConfigError("nothing is configured")
    assert list(entries(tmp_path))[-1]["text"] == "nothing is configured"


def test_no_secret_reaches_the_file(tmp_path):
    with logged(tmp_path, Scrubber([Secret("my-very-secret")]).text):
        LOG.warning("refused: %s", "key my-very-secret at https://user:pass@host/?signature=abc")
    text = (tmp_path / "session.log").read_text()
    assert not any(word in text for word in ("my-very-secret", "pass@", "abc"))


def test_older_lines_move_to_other_files_and_are_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SIZE", 2_000)
    with logged(tmp_path, str):
        for i in range(160):
            LOG.info("line %d", i)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == module.FILES
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    numbers = [int(each["text"].split()[1]) for each in entries(tmp_path)]
    assert numbers == list(range(160 - len(numbers), 160))
    assert 80 < len(numbers) < 160


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path):
    (tmp_path / "session.log").write_text('{"time": 1, "level": "info", "from": "x", "text": "whole"}\n{"time": 2, "le')
    assert [each["text"] for each in entries(tmp_path)] == ["whole"]


def test_following_hears_all_lines_once_while_files_change(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SIZE", 2_000)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    heard, done = [], threading.Event()

    def follow():
        for each in entries(tmp_path, follow=True):
            heard.append(each["text"])
            if each["text"] == "line 59":
                done.set()
                return

    with logged(tmp_path, str):
        LOG.info("line 0")
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        for i in range(1, 60):
            LOG.info("line %d", i)
            done.wait(0.02)
        assert done.wait(20)
    assert heard == [f"line {i}" for i in range(60)]
    assert json.loads((tmp_path / "session.log").read_text().splitlines()[-1])["text"] == "line 59"
