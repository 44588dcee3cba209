"""The strategy guide is true: its code runs, and it names everything that a strategy can declare, call and read."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import planar
from planar.kernel import reads, views
from planar.store.synthetic import synthetic
from planar.strategy.base import HOOKS, SETTINGS
from planar.strategy.interpreted import Broker, Candle
from planar.strategy.universe import Member, Universe

GUIDE = Path(planar.__file__).parents[1] / "docs" / "strategies.md"
TEXT = GUIDE.read_text()
BLOCKS = [(TEXT[: m.start()].count("\n") + 1, m[1]) for m in re.finditer(r"```python\n(.*?)```", TEXT, re.DOTALL)]
CANDLES = {"1h": 3_000, "1d": 400}


def public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


def words() -> dict[str, list[str]]:
    """Everything an author can write, by where it belongs."""
    return {
        "settings": list(SETTINGS),
        "hooks": ["indicators", *HOOKS],
        "broker": public(Broker),
        "candle": [n for n in ("open", "high", "low", "close", "volume", *public(Candle)) if hasattr(Candle, n)],
        "views": list(views.REDUCTIONS),
        "orders": list(reads.ORDER_READS),
        "fills": list(reads.FILL_READS),
        "universe": [n for n in public(Universe) if n not in ("arrive", "fund")],
        "member": [*public(Member), "name", "instrument", "broker", "is_fresh"],
        "reasons": [r.name for r in planar.Reason],
        "statuses": [s.name for s in planar.Status if s.name != "UNKNOWN"],
    }


INTERNAL = {"row", "columns", "addresses", "times", "higher", "offset", "timeframe", "zone"}
NAMES = [(where, name) for where, names in words().items() for name in names if (where, name) != ("candle", "row")]


@pytest.mark.parametrize(("where", "name"), [(w, n) for w, n in NAMES if not (w == "candle" and n in INTERNAL)])
def test_the_guide_names_everything_an_author_can_write(where, name):
    assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", TEXT), f"{where}: {name}"


@pytest.mark.parametrize("file", sorted((GUIDE.parents[1] / "strategies").glob("*.py")), ids=lambda f: f.stem)
def test_the_guide_lists_every_example(file):
    assert f"(../strategies/{file.name})" in TEXT


@pytest.mark.parametrize(("line", "code"), BLOCKS, ids=[f"line {line}" for line, _ in BLOCKS])
def test_a_block_of_the_guide_runs(line, code, tmp_path, monkeypatch):
    """In a module of its own and an empty folder; its strategy trades, compiled unless the block says otherwise."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"guide_line_{line}.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
    for cls in [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == file.stem]:
        candles = synthetic(cls.instruments, cls.timeframe, candles=CANDLES[cls.timeframe])
        run = planar.backtest(cls, candles=candles)
        assert len(run.fills) > 0
        assert (run.why_interpreted is None) == ("interpreted" not in code)
        assert run.orders.equals(planar.backtest(cls, candles=candles, compiled=False).orders, null_equal=True)


def test_the_guide_has_blocks():
    assert len(BLOCKS) >= 8
