"""docs/margin.md is true: its code gives what it says, and every function that it could name is in it."""

import re
from pathlib import Path

import pytest

import planar
from planar.kernel import margin, margin_units
from planar.kernel.face import Face

TEXT = (Path(planar.__file__).parents[1] / "docs" / "margin.md").read_text()
[BLOCK] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
FUNCTIONS = [name for name, value in vars(margin).items() if isinstance(value, Face)]
UNITS = [name for name in vars(margin_units) if name.endswith("_units") and not name.startswith("_")]


def test_its_code_gives_what_it_says():
    names = {}
    for line in BLOCK.splitlines():
        code, _, told = line.partition("  # ")
        if told:
            assert repr(eval(code, names)) == told
        else:
            exec(line, names)


@pytest.mark.parametrize("name", [*FUNCTIONS, *UNITS, "cross_liquidation_prices"])
def test_it_names_every_function(name):
    assert name == "tier_of" or re.search(rf"`{name}\b", TEXT)


def test_there_are_functions_to_name():
    assert {"maintenance_margin", "liquidation_price", "funding_fee", "bankruptcy_price"} <= set(FUNCTIONS)
    assert {"funding_units", "maintenance_units", "pnl_units", "reduction_units"} <= set(UNITS)
