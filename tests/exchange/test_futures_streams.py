"""With ``futures = true`` one's own orders, fills, positions and balance are those of the futures account.

The exchange's part is recorded from Binance's documents; `venue.test_usdm_exchange` hears the local venue's.
"""

from decimal import Decimal

import pytest
from exchange.recorded import START, run
from exchange.test_streams import heard

from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Wallet
from planar.exchange.subscription import Source
from planar.model.order import Side, Status

ORDER = {
    "s": "BTCUSDT", "c": "TEST", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.010", "p": "6500", "ap": "6500",
    "sp": "0", "x": "TRADE", "X": "FILLED", "i": 8886774, "l": "0.010", "z": "0.010", "L": "6500", "N": "USDT",
    "n": "0.013", "T": START, "t": 77, "b": "0", "a": "0", "m": True, "R": False, "wt": "CONTRACT_PRICE",
    "ot": "LIMIT", "ps": "BOTH", "cp": False, "rp": "0", "pP": False, "si": 0, "ss": 0, "V": "NONE",
}  # fmt: skip
ACCOUNT = {
    "m": "ORDER",
    "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
    "P": [
        {"s": "BTCUSDT", "pa": "0.010", "ep": "6500", "bep": "6500", "cr": "0", "up": "0", "mt": "cross", "iw": "0",
         "ps": "BOTH"},
    ],
}  # fmt: skip
TOLD = [
    {"e": "ORDER_TRADE_UPDATE", "E": START, "T": START, "o": ORDER},
    {"e": "ACCOUNT_UPDATE", "E": START, "T": START, "a": ACCOUNT},
]


def first(kind, *, count=1):
    """What the feed tells first of the stream."""

    async def test(server, exchange):
        server.told = TOLD
        server.answers |= {
            "GET /fapi/v1/time": lambda asked: {"serverTime": START},
            "POST /fapi/v1/listenKey": lambda asked: {"listenKey": "listen"},
            "GET /fapi/v1/openOrders": lambda asked: [],
            "GET /fapi/v1/openAlgoOrders": lambda asked: [],
            "GET /fapi/v3/account": lambda asked: {"assets": [], "positions": []},
            "GET /fapi/v3/positionRisk": lambda asked: [],
            "GET /fapi/v1/leverageBracket": lambda asked: [],
        }
        async with await exchange.streams.subscribe(kind) as events:
            while (event := (await heard(events, 1, within=15.0))[0]).source is not Source.STREAM:
                pass
        spot = [path for _, path, _ in server.requests if not path.startswith("/fapi")]
        return event.data, spot, server.sockets

    return run(test, futures=True)


@pytest.mark.parametrize("kind", ["orders", "fills", "balance", "positions"])
def test_what_is_of_the_account_is_streamed_from_the_futures_account(kind):
    data, spot, sockets = first(kind)
    assert spot == []
    assert sockets
    if kind == "orders":
        assert (data.symbol, data.status, data.filled) == ("BTC/USDT:USDT", Status.FILLED, Decimal("0.010"))
    elif kind == "fills":
        assert (data.symbol, data.id, data.price, data.fee) == ("BTC/USDT:USDT", "77", Decimal(6500), Decimal("0.013"))
    elif kind == "balance":
        assert (data.wallet, data.total["USDT"]) == (Wallet.FUTURES, Decimal("122624.12345678"))
    else:
        assert (data.symbol, data.side, data.amount) == ("BTC/USDT:USDT", Side.BUY, Decimal("0.010"))


@pytest.mark.parametrize("id", ["binance", "binanceusdm", "bybit", "okx", "gate", "kucoin", "bitget", "bingx", "htx"])
def test_ccxt_is_told_that_futures_are_meant_where_no_market_is_named(id):
    settings = ExchangeSettings(futures=True)
    options = CcxtExchange(id, settings=settings).quirk.options(settings, sandbox=False)
    assert (options["defaultType"], options["defaultSubType"]) == ("swap", "linear")
