"""The demo's perpetuals: `planar live` and `planar paper` trade them where ``[demo] futures`` says so."""

import asyncio
from pathlib import Path

import pytest
from engine.session.trading import until

from planar.engine.session import paper as papers
from planar.engine.session.build import Choice, opened
from planar.errors import ConfigError
from planar.exchange import get

LONG_SHORT = Path(__file__).parents[2] / "parity" / "long_short.py"
SETTINGS = """
[demo]
futures = true

[strategies.long_short]
leverage = 6
margin_mode = "isolated"
"""


@pytest.fixture
def user(tmp_path, monkeypatch):
    """An empty folder with a user's settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text(SETTINGS)


@pytest.mark.usefixtures("user", "patient")
@pytest.mark.parametrize("mode", ["live", "paper"])
def test_the_demo_trades_perpetuals(mode, monkeypatch):
    monkeypatch.setattr(papers, "MARKS_EVERY", 0.2)

    async def scene():
        async with get("demo") as demo:
            choice = Choice(str(LONG_SHORT), mode, instruments=("BTC/USDT",))
            async with opened(choice, demo, lambda *_: None) as session:
                (instrument,) = session.origin.instruments
                assert instrument.name == "demo:BTC/USDT:USDT"
                assert (instrument.leverage, instrument.margin_mode) == (6, "isolated")
                running = asyncio.ensure_future(session.run())
                await until(lambda: session.recorder.trader.record["fills_n"] > 0, 60.0)
                running.cancel()
                return session.recorder.trader.memory.instruments["leverage"].tolist()

    assert asyncio.run(scene()) == [400], "the strategy asked for its own"


def test_a_perpetual_at_the_spot_demo_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def scene():
        async with get("demo") as demo:
            choice = Choice(str(LONG_SHORT), "live", instruments=("BTC/USDT:USDT",))
            async with opened(choice, demo, lambda *_: None):
                pass

    with pytest.raises(ConfigError, match=r"the demo is set to spot markets: planar config set demo\.futures true"):
        asyncio.run(scene())
