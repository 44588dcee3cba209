"""docs/operations.md is true: its commands exist, its settings are read, its topics are all there are."""

import re
from pathlib import Path

import pytest

import planar
from planar.cli import COMMANDS, app
from planar.config.load import load
from planar.config.secrets import load_secrets
from planar.config.settings import TOPICS

TEXT = (Path(planar.__file__).parents[1] / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS_TOLD = sorted(set(re.findall(r"(?:`|^)planar ([a-z]+[^`#\n]*?)(?:\s*#.*)?(?:`|$)", TEXT, re.MULTILINE)))


@pytest.mark.parametrize("words", COMMANDS_TOLD)
def test_every_command_of_the_page_is_one(words):
    assert words.split()[0] in COMMANDS
    if " " in words and ">" not in words:
        app.parse_args(words.split(), exit_on_error=False, print_error=False)


def test_the_examples_of_alerts_are_read(tmp_path):
    secrets = tmp_path / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(BLOCKS[0])
    (tmp_path / "planar.toml").write_text(BLOCKS[1])
    settings, keys = load(tmp_path, {}).settings.alerts, load_secrets(tmp_path, {}).alerts
    assert keys.names() == ["webhook", "telegram_token"]
    assert set(settings.on) < set(TOPICS)
    assert settings.heartbeat.startswith("https://")


def test_the_topics_are_all_there_are():
    table = TEXT.partition("| topic |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == TOPICS
