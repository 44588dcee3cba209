"""What an exchange can do, for the exchanges that are documented; nothing is sent."""

import pytest

from planar.exchange.ccxt_exchange import CcxtExchange

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
