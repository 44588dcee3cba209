"""What importing Planar costs: nothing heavy until it is used."""

import subprocess
import sys

import planar

HEAVY = ("numba", "llvmlite", "duckdb", "polars", "talib", "ccxt", "fastapi")


def modules_after(code):
    listed = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()


def test_importing_planar_loads_nothing_heavy():
    assert modules_after("import planar") == []


def test_help_loads_neither_numba_nor_duckdb():
    loaded = modules_after("from planar.cli import app\napp(['--help'], result_action='return_value')")
    assert not {"numba", "duckdb", "talib"} & set(loaded)


def test_the_help_of_commands_by_hand_loads_nothing_heavy():
    assert modules_after("from planar.cli import doctor, exchanges, look, trade, watch") == []


def test_every_public_name_is_there():
    for name in planar.__all__:
        assert getattr(planar, name) is not None
    assert sorted(planar.__all__) == sorted(planar._HOMES)
