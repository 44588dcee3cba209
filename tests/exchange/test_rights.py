"""What a key may do, as each exchange that says so says it."""

import asyncio

import pytest

from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Rights
from planar.exchange.quirks import quirk_of

BYBIT = {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"], "Options": []}


def bybit(read_only=0, ips=("*",), wallet=("AccountTransfer",)):
    """As its documentation of /v5/user/query-api shows it."""
    permissions = {**BYBIT, "Wallet": list(wallet)}
    return {"retCode": 0, "result": {"readOnly": read_only, "permissions": permissions, "ips": list(ips)}}


def okx(perm, ip=""):
    """As its documentation of /api/v5/account/config shows it."""
    return {"code": "0", "data": [{"acctLv": "2", "perm": perm, "ip": ip}]}


@pytest.mark.parametrize(
    ("exchange", "told", "rights"),
    [
        ("binance", {"ipRestrict": False, "enableReading": True}, Rights(True, None, None, None, False)),
        ("bybit", bybit(), Rights(True, True, True, False, False)),
        ("bybit", bybit(1, ["10.0.0.1"], ["Withdraw"]), Rights(True, False, False, False, True)),
        ("bybit", bybit(0, [], ["Withdraw"]), Rights(True, True, True, True, False)),
        ("okx", okx("read_only,withdraw,trade"), Rights(True, True, True, True, False)),
        ("okx", okx("read_only", "10.0.0.1,10.0.0.2"), Rights(True, False, False, False, True)),
    ],
)
def test_the_exchanges_own_words_are_understood(exchange, told, rights):
    assert quirk_of(exchange)().rights(told) == rights


@pytest.mark.parametrize("exchange", ["binance", "binanceusdm", "binancecoinm", "bybit", "okx"])
def test_ccxt_has_the_method_that_tells(exchange):
    import ccxt.async_support

    assert hasattr(getattr(ccxt.async_support, exchange), quirk_of(exchange).rights_method)


def test_where_nothing_is_known_nothing_is_asked():
    async def scene():
        exchange = CcxtExchange("kraken")
        rights = await exchange.rights()
        await exchange.close()
        return rights

    assert asyncio.run(scene()) is None
