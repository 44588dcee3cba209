"""What a paper or live session cannot serve is refused before it begins, never skipped."""

import asyncio

import pytest

from planar.engine.session.build import Choice, opened
from planar.errors import ConfigError

BODY = """
from planar import Strategy, series

class Reads(Strategy):
    instruments = ["demo:BTC/USDT"]
    data = {"other": series.candles("demo:ETH/USDT"), "fear": series.frame("fear.csv")}
"""


@pytest.mark.parametrize("mode", ["live", "paper"])
def test_a_strategy_that_reads_data_beside_its_candles_is_refused(tmp_path, mode):
    file = tmp_path / "reads.py"
    file.write_text(BODY)

    async def begin():
        async with opened(Choice(str(file), mode), None, None):
            pass

    with pytest.raises(
        ConfigError, match=r"Reads reads data beside its candles \(other, fear\).* no session has a live"
    ):
        asyncio.run(begin())
