"""What an exchange can do, for the exchanges that are documented; nothing is sent."""

import asyncio

import pytest

from planar.errors import Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.registry import get

EXCHANGES = (
    "binance", "binanceusdm", "bingx", "bitget", "bybit", "coinbase", "coinbaseexchange", "coinbaseinternational",
    "gate", "htx", "kraken", "krakenfutures", "kucoin", "kucoinfutures", "okx",
)  # fmt: skip


@pytest.mark.parametrize("id", EXCHANGES)
def test_every_documented_exchange_says_what_it_can_do(id):
    found = CcxtExchange(id).capabilities()
    assert found["timeframes"]
    assert found["keys"]
    assert found["spot"] or found["futures"]


def test_what_is_known_of_some():
    binance, htx, kraken = (CcxtExchange(id).capabilities() for id in ("binance", "htx", "kraken"))
    assert binance["spot"]["candles_per_page"] == 1000
    assert (binance["spot"]["batch"], binance["futures"]["batch"]) == (0, 5)
    assert binance["stream_orders"]
    # What CCXT calls emulated cancels first and then places: no amend.
    assert (binance["amend"], htx["amend"]) == (True, False)
    assert (binance["sandbox"], kraken["sandbox"]) == (True, False)
    assert kraken["keys"] == ("apiKey", "secret")


def test_the_demo_has_no_futures_and_says_so_from_its_capabilities_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def test():
        async with get("demo") as demo:
            found = demo.capabilities()
            assert found["futures"] is None
            missing = ("positions", "stream_positions", "funding_rate", "margin")
            assert [found[name] for name in missing] == [False] * 4
            assert found["stream_orders"]
            for call in (demo.positions(), demo.streams.subscribe("positions"), demo.tiers("BTC/USDT")):
                with pytest.raises(Rejected) as refused:
                    await call
                assert refused.value.code == "NOT_SUPPORTED"

    asyncio.run(test())
