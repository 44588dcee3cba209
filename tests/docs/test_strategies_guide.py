"""The strategy guide is true: its code runs, and it names everything that a strategy can declare, call and read."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import planar
from planar.kernel import reads, views
from planar.store.synthetic import START, coins, synthetic, synthetic_funding
from planar.strategy import series
from planar.strategy.base import HOOKS, SETTINGS
from planar.strategy.candle import Candle, Reading, Row
from planar.strategy.interpreted import Broker
from planar.strategy.selection import Top
from planar.strategy.tick import READS as TICK_READS
from planar.strategy.universe import Member, Universe

GUIDE = Path(planar.__file__).parents[1] / "docs" / "strategies.md"
TEXT = GUIDE.read_text()
FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)
BLOCKS = [(TEXT[: block.start()].count("\n") + 1, block[1]) for block in FENCED.finditer(TEXT)]
SPANS = "\n".join(re.findall(r"`([^`\n]+)`", FENCED.sub("", TEXT)))
CANDLES = {"1m": 3_000, "1h": 3_000, "1d": 400}


def public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


# What the engine uses of these classes and an author does not.
INTERNAL = {
    Reading: {"row", "columns", "addresses", "times", "timeframe", "higher", "word", "TIMES"},
    Candle: {"zone", "offset", "offsets", "word", "TIMES"},
    Row: {"TIMES"},
    Universe: {"arrive", "fund", "is_stepping", "see"},
}

WORDS = {
    "setting": SETTINGS,
    "hook": ["indicators", *HOOKS],
    "candle": ["open", "high", "low", "close", "volume"],
    "reading": [name for cls in (Reading, Candle, Row) for name in public(cls) if name not in INTERNAL[cls]],
    "view": list(views.REDUCTIONS),
    "broker": public(Broker),
    "order": list(reads.ORDER_READS),
    "fill": list(reads.FILL_READS),
    "tick": [f"tick.{name}" for name in TICK_READS],
    "universe": [n for n in public(Universe) if n not in INTERNAL[Universe]],
    "member": ["name", "instrument", "broker", "is_fresh", *public(Member)],
    "reason": [r.name for r in planar.Reason],
    "status": [s.name for s in planar.Status if s.name != "UNKNOWN"],
    "planar": [
        "param",
        "shared",
        "array",
        "override",
        "indicator",
        *(f"series.{name}" for name in series.__all__),
        *(f"universe.{name}" for name in planar.universe.__all__),
    ],
}


FEAR = "known_at,value\n" + "".join(f"2024-01-{day:02} 00:05:00,{day * 37 % 100}\n" for day in range(1, 32))


def rates_for(cls):
    """What given candles do not have."""
    wanted = [name for name, each in cls.data.items() if each.kind == "funding"]
    return {name: synthetic_funding("test:A/USD:USD", START + 125 * 86_400_000) for name in wanted}


@pytest.mark.parametrize(("where", "name"), [(where, name) for where, names in WORDS.items() for name in names])
def test_the_guide_names_everything_an_author_can_write(where, name):
    assert re.search(rf"\b{name}\b", SPANS), f"{where}: {name}"


@pytest.mark.parametrize("file", sorted((GUIDE.parents[1] / "strategies").glob("*.py")), ids=lambda file: file.stem)
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
    (tmp_path / "fear_greed.csv").write_text(FEAR)
    for cls in [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == file.stem]:
        others = [each.source for each in cls.data.values() if each.kind == "candles"]
        names = coins() if isinstance(cls.instruments, Top) else cls.instruments
        candles = synthetic([*names, *others], cls.timeframe, candles=CANDLES[cls.timeframe])
        made = {"candles": candles, "instruments": names, "data": rates_for(cls)}
        if contracts := [each for each in vars(module).values() if isinstance(each, planar.Instrument)]:
            made |= {"instruments": contracts, "funding": "none"}
        if hasattr(cls, "on_tick"):
            made = {"trades": module.trades}
        run = planar.backtest(cls, **made)
        assert len(run.fills) > 0
        assert (run.why_interpreted is not None) == ("interpreted" in code)
        assert run.orders.equals(planar.backtest(cls, **made, compiled=False).orders, null_equal=True)


def test_the_guide_has_blocks():
    assert len(BLOCKS) >= 8
