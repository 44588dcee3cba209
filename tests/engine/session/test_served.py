"""What a paper or live session cannot serve is refused before it begins, never skipped."""

import asyncio

import pytest

from planar.engine.session.build import Choice, opened
from planar.errors import ConfigError

DATA = """
from planar import Strategy, series

class Made(Strategy):
    instruments = ["demo:BTC/USDT"]
    data = {"other": series.candles("demo:ETH/USDT"), "fear": series.frame("fear.csv")}
"""
RULE = """
from planar import Strategy, universe

class Made(Strategy):
    instruments = universe.top(2, over="1d", every="1h")
"""


@pytest.mark.parametrize("mode", ["live", "paper"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (DATA, r"Made reads data beside its candles \(other, fear\).* no session has a live source"),
        (RULE, r"Made chooses its instruments by rule.* no session follows one"),
    ],
)
def test_what_no_session_serves_yet_is_refused(tmp_path, mode, body, words):
    file = tmp_path / "made.py"
    file.write_text(body)

    async def begin():
        async with opened(Choice(str(file), mode, instruments=("BTC/USDT",)), None, None):
            pass

    with pytest.raises(ConfigError, match=words):
        asyncio.run(begin())
