"""Compiled code on disk: found by the next process, thrown away when a source changes, and not growing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import planar
from planar.kernel import machine
from planar.kernel.machine import CACHE, fingerprint

STRATEGY = """
from helper import is_wanted
from planar import Strategy


class Cached(Strategy):
    instruments = ["test:A/USD"]
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat and is_wanted(candle.close):
            broker.buy(fraction=0.5)
        elif broker.is_long and not is_wanted(candle.close):
            broker.close()
"""
HELPER = "def is_wanted(price):\n    return price {} 100.0\n"
RUN = """
import sys
from numba.core import event


class Listener(event.Listener):
    def on_start(self, event):
        found.append(event)

    def on_end(self, event):
        pass


found = []
event.register("numba:compile", Listener())
import planar
import polars as pl

prices = [99.0 if i % 7 < 3 else 101.0 for i in range(200)]
frame = pl.DataFrame({"time": [i * 3_600_000 for i in range(200)], "volume": [1e6] * 200}).with_columns(
    pl.Series(name, prices) for name in ("open", "high", "low", "close"))
run = planar.backtest("strategy.py", frame, fees=0.0, fill="ideal", compiled=True)
print(len(found), run.fills["price"].to_list()[0])
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "strategy.py").write_text(STRATEGY)
    (tmp_path / "helper.py").write_text(HELPER.format(">"))
    return tmp_path


def run(folder: Path) -> tuple[int, float]:
    """A process of its own: how many functions it compiled, and the price of its first fill."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    compiled, price = done.stdout.split()
    return int(compiled), float(price)


def files(of: str = "") -> set[tuple[str, int]]:
    """What compiled code there is, names and sizes; of one folder where other tests compile beside."""
    return {(str(p), p.stat().st_size) for p in CACHE.rglob("*") if p.is_file() and of in str(p)}


def test_the_second_process_compiles_nothing_and_adds_nothing(folder):
    first, price = run(folder)
    assert first > 0
    kept = files(folder.name)
    assert kept
    assert run(folder) == (0, price)
    assert files(folder.name) == kept


def test_an_edited_helper_of_a_strategy_is_compiled_anew(folder):
    """It stands in another file than the hook: numba's own cache would not see it."""
    assert run(folder)[1] == 101.0  # bought when the price is above 100
    (folder / "helper.py").write_text(HELPER.format("<"))
    compiled, price = run(folder)
    assert compiled > 0
    assert price == 99.0
    assert run(folder) == (0, 99.0)


@pytest.mark.parametrize("edited", ["kernel/numbers.py", "model/order.py", "strategy/typed.py"])
def test_an_edited_source_of_planar_makes_another_folder(tmp_path, edited):
    package = tmp_path / "planar"
    shutil.copytree(Path(planar.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert fingerprint(package) == fingerprint()
    with (package / edited).open("a") as file:
        file.write("\n# another thought\n")
    assert fingerprint(package) != fingerprint()


def test_what_is_prepared_is_so_for_these_sources_at_this_place_alone(tmp_path):
    """Numba finds what it compiled by where a source is and when it was written, though its text be the same."""
    here, there = tmp_path / "here", tmp_path / "there"
    for package in (here, there):
        (package / "kernel").mkdir(parents=True)
        (package / "kernel" / "one.py").write_text("x = 1")
        os.utime(package / "kernel" / "one.py", (1, 1))
    assert fingerprint(here) == fingerprint(there)
    before = machine.written(here)
    assert before == machine.written(here)
    assert before != machine.written(there)
    os.utime(here / "kernel" / "one.py", (2, 2))
    assert before != machine.written(here)
    assert machine.written() in machine._mark(is_demo=False).name


@pytest.mark.slow
def test_twenty_processes_add_nothing(folder):
    run(folder)
    kept = files()
    for _ in range(20):
        assert run(folder)[0] == 0
    assert files() == kept


def test_only_kernels_of_before_are_swept(tmp_path, monkeypatch):
    """The folder is everybody's: what exchanges listed and what strategies were compiled to stays."""
    monkeypatch.setattr(machine, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(machine, "set_cache_folder", lambda folder: None)
    others = [tmp_path / name for name in ("markets", "code", "bytecode")]
    kernels = [tmp_path / f"{number:016x}" for number in range(8)]
    for age, folder in enumerate([*others, *kernels]):
        folder.mkdir()
        os.utime(folder, (age, age))
    mine = machine.use_cache()
    assert {*tmp_path.iterdir()} == {mine, *others, *kernels[-machine.KEPT_FOLDERS + 1 :]}
