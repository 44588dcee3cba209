"""Dead-man's switches, over the real CCXT classes: who has one, and what is asked of the exchange."""

import asyncio

import pytest
from exchange.elsewhere import KEYS, KRAKEN, kraken, okx
from exchange.recorded import drops, run

from planar.config.settings import ExchangeSettings
from planar.errors import Rejected, Unknown
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.connection import unconnected

SWITCHES = {
    "bingx": (10, 120), "htx": (5, 86_400), "kraken": (1, 86_400), "krakenfutures": (1, 86_400), "okx": (10, 120),
    "okxus": (10, 120), "myokx": (10, 120),
}  # fmt: skip
NO_COUNTDOWN = ("bybit", "bybiteu", "bybitid")
WITHOUT = (
    "binance", "binanceusdm", "bitget", "coinbase", "coinbaseexchange", "coinbaseinternational", "gate", "kucoin",
    "kucoinfutures",
)  # fmt: skip


@pytest.mark.parametrize("id", [*SWITCHES, *NO_COUNTDOWN, *WITHOUT])
def test_there_is_one_where_ccxt_has_a_countdown_and_none_is_said_to_spare_stops(id):
    exchange = CcxtExchange(id)
    assert bool(unconnected(id, exchange.quirk).has.get("cancelAllOrdersAfter")) is (id not in WITHOUT)
    found = exchange.dead_man
    assert (found and (found.least, found.most)) == SWITCHES.get(id)
    assert found is None or not found.spares_stops


def test_htx_has_none_for_futures():
    assert CcxtExchange("htx", settings=ExchangeSettings(futures=True)).dead_man is None


def test_it_is_set_renewed_and_ended_in_seconds():
    async def test(server, exchange):
        okx(server)
        asked = []
        server.answers["POST /api/v5/trade/cancel-all-after"] = lambda given: (
            asked.append(given["timeOut"]),
            {"code": "0", "msg": "", "data": [{"triggerTime": "1", "ts": "1"}]},
        )[1]
        for seconds in (60, 60, 0):
            await exchange.cancel_all_after(seconds)
        assert asked == [60, 60, 0]

    run(test, id="okx", credentials=KEYS)


def test_an_answer_that_is_lost_leaves_it_unknown_and_nothing_is_sent_again():
    async def test(server, exchange):
        kraken(server)
        server.answers["POST /0/private/CancelAllOrdersAfter"] = lambda given: {"error": [], "result": {}}
        await exchange.cancel_all_after(60)
        assert server.requests[-1][2]["timeout"] == "60"
        server.fail("POST /0/private/CancelAllOrdersAfter", drops(is_after=True))
        with pytest.raises(Unknown, match="setting the dead-man's switch to 60 s"):
            await exchange.cancel_all_after(60)
        assert server.count("POST /0/private/CancelAllOrdersAfter") == 2

    run(test, id="kraken", credentials=KRAKEN)


def test_where_there_is_none_it_is_refused_and_nothing_sent():
    async def scene():
        exchange = CcxtExchange("binance")
        with pytest.raises(Rejected, match="binance does not offer a dead-man's switch") as caught:
            await exchange.cancel_all_after(60)
        assert caught.value.code == "NOT_SUPPORTED"
        await exchange.close()

    asyncio.run(scene())
