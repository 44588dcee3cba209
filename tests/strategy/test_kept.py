"""The code of a strategy is kept whole, and runs as it was beside what stands on the disk now."""

import json
import sys

import pytest

from planar.errors import StrategyError
from planar.strategy.kept import Code, code_of
from planar.strategy.load import load

MINE = """
import json
from pathlib import Path
import sizing
from signals.trend import rising
from planar import Strategy

class Mine(Strategy):
    instruments = ["binance:BTC/USDT"]
    LOT = sizing.LOT

    def on_candle(self, candle, broker):
        import late
        import signals.basis
        from signals import other
        return [sizing.LOT, rising(), late.LATER, signals.basis.BASE, other.lot(), Path(__file__).name, json.loads("7")]
"""
FILES = {
    "mine.py": MINE,
    "sizing.py": "LOT = 1\n",
    "late.py": "LATER = 2\n",
    "signals/__init__.py": "",
    "signals/trend.py": "from .basis import BASE\nfrom . import other\ndef rising():\n    return BASE + other.lot()\n",
    "signals/basis.py": "BASE = 10\n",
    "signals/other.py": "def lot():\n    import sizing\n    return sizing.LOT\n",
}
THEN = [1, 11, 2, 10, 1, "mine.py", 7]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "signals").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    yield tmp_path
    for name in [each for each in sys.modules if each.partition(".")[0] in ("sizing", "late", "signals")]:
        del sys.modules[name]


def edit_all(mine):
    """Every number is another."""
    for name in ("sizing.py", "late.py", "signals/basis.py"):
        (mine / name).write_text(FILES[name].split("=")[0] + "= 500\n")
    (mine / "mine.py").write_text("from planar import Strategy\n\nclass Mine(Strategy):\n    pass\n")


def decided(cls):
    return cls.on_candle(None, None, None)


def test_what_was_kept_decides_as_it_did_whatever_became_of_its_files(mine):
    """Helpers, packages, what is imported relatively and what in a hook alone."""
    kept = Code.read(json.loads(json.dumps(Code.of(load(mine / "mine.py")).document())))
    edit_all(mine)
    for _ in range(2):
        assert decided(kept.revived()) == THEN
    import sizing

    assert kept.revived().LOT == 1
    assert sizing.LOT in (1, 500), "that of the disk has its own name"
    for file in mine.rglob("*.py"):
        file.unlink()
    assert decided(kept.loaded(str(mine / "mine.py"))) == THEN


def test_two_of_one_name_run_beside_each_other(mine):
    first = Code.of(load(mine / "mine.py"))
    (mine / "sizing.py").write_text("LOT = 3\n")
    second = Code.of(load(mine / "mine.py"))
    one, other = first.revived(), second.revived()
    assert (decided(one)[0], decided(other)[0], decided(one)[4], decided(other)[4]) == (1, 3, 1, 3)
    assert first.hash != second.hash == code_of(load(mine / "mine.py"))


def test_where_its_place_has_it_still_it_is_taken_from_there(mine):
    place = str(mine / "mine.py")
    kept = Code.of(load(place))
    assert kept.loaded(place).__module__ == "planar_strategy_mine"
    (mine / "mine.py").write_text(MINE + "# edited\n")
    assert kept.loaded(place).__module__ == f"planar_code_{kept.hash}.planar_strategy_mine"


def test_what_it_raises_is_told_with_its_line_as_it_was(mine):
    kept = Code.of(load(mine / "mine.py"))
    (mine / "late.py").write_text("raise ValueError('new')\n")
    assert decided(kept.revived()) == THEN
    broken = Code(kept.name, (type(kept.files[0])(kept.files[0].module, "/gone/mine.py", MINE + "\nint('x')\n"),))
    with pytest.raises(StrategyError, match=r"mine.py, line 18: \"int\('x'\)\" raised ValueError"):
        broken.revived()


def test_bytes_that_are_no_text_are_kept(mine):
    (mine / "sizing.py").write_bytes(b"# -*- coding: latin-1 -*-\nLOT = len('\xe4\xf6')\n")
    loaded = load(mine / "mine.py")
    kept = Code.read(json.loads(json.dumps(Code.of(loaded).document())))
    assert (kept.hash, decided(kept.revived())[0]) == (code_of(loaded), 2)
