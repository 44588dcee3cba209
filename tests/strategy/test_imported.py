"""What a strategy does is decided by its file and by its author's modules that it imports, in hooks too."""

import sys

import pytest

from planar.engine.session.origin import code_of
from planar.strategy.imported import files_of
from planar.strategy.load import load

MINE = """
import json
import numpy as np
import talib
from planar import Strategy
import sizing
from signals.trend import rising

class Mine(Strategy):
    instruments = ["binance:BTC/USDT"]

    def on_candle(self, candle, broker):
        import late
        from wsgiref.util import guess_scheme
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "sizing.py").write_text("LOT = 1\n")
    (tmp_path / "late.py").write_text("LATER = 1\n")
    (tmp_path / "signals").mkdir()
    (tmp_path / "signals" / "__init__.py").write_text("")
    (tmp_path / "signals" / "trend.py").write_text("from .basis import BASE\nfrom . import other\ndef rising(): ...\n")
    (tmp_path / "signals" / "basis.py").write_text("BASE = 1\n")
    (tmp_path / "signals" / "other.py").write_text("import sizing\n")
    yield tmp_path
    for name in [each for each in sys.modules if each.partition(".")[0] in ("sizing", "late", "signals")]:
        del sys.modules[name]


def test_the_files_are_its_own_and_its_authors_whatever_imports_them(mine):
    own, *others = files_of(load(mine / "mine.py"))
    assert own == mine / "mine.py"
    names = ["late.py", "signals/__init__.py", "signals/basis.py", "signals/other.py", "signals/trend.py", "sizing.py"]
    assert [str(file.relative_to(mine)) for file in others] == names


@pytest.mark.parametrize("name", ["mine.py", "sizing.py", "signals/basis.py", "late.py"])
def test_an_edit_of_any_of_them_is_another_strategy(mine, name):
    before = code_of(load(mine / "mine.py"))
    assert code_of(load(mine / "mine.py")) == before
    (mine / name).write_text((mine / name).read_text() + "# edited\n")
    assert code_of(load(mine / "mine.py")) != before


def test_an_example_has_its_own_file_alone():
    assert [file.name for file in files_of(load("sma_cross"))] == ["sma_cross.py"]


def test_what_no_hook_has_imported_yet_is_not_imported_for_it(mine, monkeypatch):
    monkeypatch.delitem(sys.modules, "wsgiref", raising=False)
    cls = load(mine / "mine.py")
    files_of(cls)
    assert not {"wsgiref", "late"} & sys.modules.keys()
