"""docs/parity.md is true: it names every cause and measured assumption, and its commands are commands."""

import re
from pathlib import Path

import pytest

import planar
from planar.cli import app
from planar.engine.session.attribution import Cause

TEXT = (Path(planar.__file__).parents[1] / "docs" / "parity.md").read_text()
COMMANDS = [line.partition("#")[0].split() for line in re.findall(r"^planar .*$", TEXT, re.MULTILINE)]


def test_its_table_has_every_cause_and_no_other():
    named = re.findall(r"^\| `([a-z ]+)` \|", TEXT.partition("## The causes")[2].partition("\n## ")[0], re.MULTILINE)
    assert named == [str(cause) for cause in Cause]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_its_commands_are_taken(words):
    command, _, _ = app.parse_args(words[1:], exit_on_error=False, print_error=False)
    assert callable(command)
