"""Binance's own SDK agrees with what the venue serves.

It needs an environment of its own, as its packages are not Planar's: install ``binance-sdk-spot==13.2.0`` into one and
say where its interpreter is: ``PLANAR_SDK_PYTHON=…/bin/python uv run pytest -m slow tests/venue/test_official_sdk.py``.
"""

import asyncio
import json
import os
from pathlib import Path

import pytest
from venue.conftest import config

from planar.venue.server import Venue

PYTHON = os.environ.get("PLANAR_SDK_PYTHON", "")
CLIENT = Path(__file__).with_name("sdk_client.py")


async def played():
    async with Venue(config(speed=60, points=60)) as venue:
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(PYTHON, str(CLIENT), stdin=pipe, stdout=pipe, stderr=pipe)
        out, errors = await asyncio.wait_for(client.communicate(json.dumps(venue.addresses()).encode()), 60)
        assert client.returncode == 0, errors.decode()
        return json.loads(out.decode().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="PLANAR_SDK_PYTHON names no interpreter that has binance-sdk-spot")
def test_the_official_sdk_reads_trades_and_listens():
    seen = asyncio.run(played())
    assert seen["rest"] == {
        "placed": "NEW", "taken": "FILLED", "replaced": "SUCCESS", "queried": "CANCELED", "open": 1, "cancelled": 1,
        "orders": 3, "fills": 1, "assets": ["BNB", "BTC", "ETH", "USDT"], "limits": 2,
        "refusal": "(-2010, 'Account has insufficient balance for requested action.')",
    }  # fmt: skip
    assert seen["messages"] == {"status": "NEW", "cancelled": 1, "can_trade": True}
    assert seen["streams"] == ["depthUpdate", "kline", "trade"]
