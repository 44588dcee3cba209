"""A strategy's file is loaded anew whenever a session goes on: what it was before goes."""

import gc
import weakref

from planar.strategy.load import load

MINE = """
from planar import Strategy

class Mine(Strategy):
    instruments = ["binance:BTC/USDT"]
    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
"""


def test_a_class_that_was_loaded_anew_is_kept_by_nothing(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    before = weakref.ref(type(load(path)()))
    now = load(path)
    gc.collect()
    assert now().count == 0
    assert before() is None
