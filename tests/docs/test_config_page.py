"""docs/config.md is true: it holds the table of settings, and its examples are read."""

import re
from pathlib import Path

import planar
from planar.config.document import BEGIN, END, markdown
from planar.config.load import load
from planar.config.secrets import load_secrets

PAGE = Path(planar.__file__).parents[1] / "docs" / "config.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_every_setting_is_in_the_page_as_the_code_has_it():
    assert TEXT.partition(BEGIN)[2].partition(END)[0].strip() == markdown(), (
        "print the tables with `python -m planar.config.document`"
    )


def test_the_example_of_settings_is_read(tmp_path):
    (tmp_path / "planar.toml").write_text(BLOCKS[0])
    settings = load(tmp_path, {}).settings
    assert settings.exchange("binance").accounts == ("hedge",)
    assert settings.exchange("kraken").priority == 2
    assert settings.strategies["sma_cross"].params == {"fast": 12}


def test_the_example_of_keys_is_read(tmp_path):
    path = tmp_path / "secrets.toml"
    path.write_text(BLOCKS[1])
    path.chmod(0o600)
    assert set(load_secrets(tmp_path, {}).by_key) == {
        ("binance", False, ""),
        ("binance", True, ""),
        ("binance", False, "hedge"),
        ("kucoin", False, ""),
    }
