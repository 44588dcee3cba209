"""Binance's own SDK of USDⓈ-M futures agrees with what the venue serves.

It needs an environment of its own, as its packages are not Planar's: install
``binance-sdk-derivatives-trading-usds-futures==18.1.0`` into one and say where its interpreter is:
``PLANAR_USDM_SDK_PYTHON=…/bin/python uv run pytest -m slow tests/venue/test_official_usdm_sdk.py``.
"""

import asyncio
import json
import os
from pathlib import Path

import pytest
from venue.conftest import config

from planar.venue.server import Venue

PYTHON = os.environ.get("PLANAR_USDM_SDK_PYTHON", "")
CLIENT = Path(__file__).with_name("usdm_sdk_client.py")


async def played():
    async with Venue(config(instruments=("BTC/USDT:USDT",), speed=60, points=60, history=600)) as venue:
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(PYTHON, str(CLIENT), stdin=pipe, stdout=pipe, stderr=pipe)
        out, errors = await asyncio.wait_for(client.communicate(json.dumps(venue.addresses()).encode()), 60)
        assert client.returncode == 0, errors.decode()
        return json.loads(out.decode().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="PLANAR_USDM_SDK_PYTHON names no interpreter that has the SDK of USDⓈ-M futures")
def test_the_official_sdk_reads_trades_and_listens():
    seen = asyncio.run(played())
    assert seen["reads"] == 18
    assert seen["trades"] == {
        "leverage": 10, "taken": "FILLED", "placed": "NEW", "amended": "0.02000000", "algo": "NEW",
        "held": "0.01000000", "open": 1, "open_algo": 1, "queried": "NEW", "cancelled": "CANCELED",
        "algo_cancelled": "200",
    }  # fmt: skip
    assert seen["account"] == {
        "assets": ["USDT", "BTC", "BNB"], "one_way": True,
        "income": ["COMMISSION", "REALIZED_PNL", "TRANSFER"],
        "fills": 2, "orders": 3, "margins": 1, "settings": "ISOLATED", "taker": "0.000500",
        "refusal": "(-4084, 'Method is not allowed currently. Coming soon.')",
    }  # fmt: skip
    assert seen["messages"] == {"amended": "0.02000000", "cancelled": "CANCELED", "book": True}
    assert seen["streams"] == [
        "AccountUpdate", "OrderTradeUpdate", "aggTrade", "bookTicker", "depthUpdate", "kline", "markPriceUpdate",
    ]  # fmt: skip
