"""The page about the venue is true: its code runs, its rules are rules, and it names all there is."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import planar
from planar.venue import chaos
from planar.venue.protocols import SPOT, USDM

TEXT = (Path(planar.__file__).parents[1] / "docs" / "venue.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def ran(code: str, folder: Path) -> list[str]:
    """What a program prints that stands on the page."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_its_bot_of_perpetuals_opens_a_position_and_closes_it(tmp_path):
    assert ran(blocks("python")[2], tmp_path) == ["long 0.01 cross", "closed []"]


def test_its_code_prints_a_price(capsys):
    code, _, _ = blocks("python")
    exec(compile(code, "venue.md", "exec"), {"asyncio": asyncio})
    assert float(capsys.readouterr().out) > 0


def test_its_bot_trades_and_hears_of_it_with_nothing_else_than_what_is_written(tmp_path):
    balance, prices, order = ran(blocks("python")[1], tmp_path)
    assert "'total': 10000.0" in balance
    bid, ask = (float(price) for price in prices.split())
    assert 0 < bid < ask
    assert order == "closed ['1']"


def test_its_rules_are_rules():
    (rules,) = blocks("json")
    assert len(chaos.rules_of(json.loads(rules))) == 4


@pytest.mark.parametrize("fault", chaos.FAULTS)
def test_it_names_every_fault(fault):
    assert f"`{fault}`" in TEXT


@pytest.mark.parametrize("path", sorted({path for spoken in (SPOT, USDM) for _, path in spoken.endpoints}))
def test_it_names_every_endpoint(path):
    name = re.sub(r"^/(api/v3|[sfd]api/v[123])/", "", path)
    assert re.search(rf"[`\s]{re.escape(name)}[`\s]", TEXT)
