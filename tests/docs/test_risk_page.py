"""The page about limits is true: its settings are read, and it names every limit, state and difference."""

import re
from pathlib import Path

import pytest

import planar
from planar.broker.gate import State
from planar.broker.switch import FILE
from planar.cli.exchanges import KNOWN
from planar.config.load import load
from planar.engine.session.words import DIFFERENCES
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.order import Limit

TEXT = (Path(planar.__file__).parents[1] / "docs" / "risk.md").read_text()


def test_its_settings_are_read(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "planar.toml").write_text(block)
    settings = load(tmp_path, {}).settings
    usual = {"daily_loss": 200, "max_position_cost": 2000, "orders_per_minute": 30}
    assert settings.risk_of("sma_cross").limits == usual
    assert settings.risk_of("grid_maker").limits == {**usual, "orders_per_minute": 300, "price_collar": 0.1}


LIMITS = [limit.name.lower() for limit in Limit if limit]


@pytest.mark.parametrize("name", [*LIMITS, *(state.name for state in State)])
def test_it_names_every_limit_and_state(name):
    assert f"| `{name}` |" in TEXT


@pytest.mark.parametrize("name", DIFFERENCES)
def test_it_names_every_difference(name):
    assert re.search(rf"\| .*`{name}`.* \|", TEXT)


def test_it_names_the_file():
    assert f"touch data/sessions/{FILE} " in TEXT


def test_it_names_every_dead_mans_switch_and_what_it_can_be_set_to():
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) to ([\d,]+) \|", TEXT, re.MULTILINE)
    told = {name: tuple(int(each.replace(",", "")) for each in seconds) for name, *seconds in rows}
    switches = {name: CcxtExchange(name).dead_man for name in KNOWN}
    assert told == {name: (each.least, each.most) for name, each in switches.items() if each is not None}
