"""Markets that change while a process lives: they are asked for again before anything is refused because of them."""

import asyncio
import json
import time
from decimal import Decimal

import pytest
from exchange.recorded import against, answers, recorded, run, symbol_info

from planar.errors import Rejected, Unreachable
from planar.exchange.metadata import MAX_AGE
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status

INFO = "GET /api/v3/exchangeInfo"
ORDER = OrderRequest("BTC/USDT", Side.BUY, Decimal(1), price=Decimal("100.05"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def listing(server, *symbols):
    server.answers[INFO] = lambda asked: {"symbols": list(symbols)}


def test_a_market_that_has_opened_since_it_was_asked_for_is_traded():
    async def test(server, exchange):
        listing(server, symbol_info(status="BREAK"))
        await exchange.markets()
        listing(server, symbol_info())
        assert (await exchange.place(ORDER)).status is Status.OPEN

    run(test)


def test_a_market_that_was_listed_since_is_found_and_kept_for_the_next_process():
    async def test(server, exchange):
        listing(server, symbol_info())
        await exchange.markets()
        listing(server, symbol_info(), symbol_info("SOL"))
        assert (await exchange.market("SOL/USDT")).base == "SOL"
        async with against(server) as another:
            assert (await another.market("SOL/USDT")).base == "SOL"
        assert server.count(INFO) == 2

    run(test)


def test_a_market_that_stays_closed_or_unknown_is_not_asked_about_at_every_order():
    async def test(server, exchange):
        listing(server, symbol_info(status="BREAK"))
        for symbol, code in (("BTC/USDT", "MARKET_CLOSED"), ("SOL/USDT", "UNKNOWN_SYMBOL")) * 3:
            with pytest.raises(Rejected) as caught:
                await exchange.place(OrderRequest(symbol, Side.BUY, Decimal(1)))
            assert caught.value.code == code
        assert server.count(INFO) == 2

    run(test)


def test_a_symbol_that_is_only_misspelled_is_answered_without_asking():
    async def test(server, exchange):
        await exchange.markets()
        with pytest.raises(Rejected, match="Did you mean 'BTC/USDT'"):
            await exchange.market("BTCUSDT")
        assert server.count(INFO) == 1

    run(test)


@pytest.mark.parametrize("step", ["PRICE_FILTER", "LOT_SIZE"])
def test_steps_that_have_changed_are_known_to_the_next_order_and_to_the_next_process(step):
    async def test(server, exchange):
        info = symbol_info()
        listing(server, info)
        await exchange.markets()
        info["filters"][0]["tickSize"] = "0.100000"
        server.fail("POST /api/v3/order", answers(400, f'{{"code":-1013,"msg":"Filter failure: {step}"}}'))
        with pytest.raises(Rejected, match="are asked for again before the next order, so try"):
            await exchange.place(ORDER)
        async with against(server) as another:
            assert (await another.market("BTC/USDT")).price_step == Decimal("0.1")
        assert (await exchange.place(ORDER)).price == Decimal("100.0")
        assert server.count(INFO) == 3

    run(test)


def test_a_living_process_asks_again_for_markets_that_are_old_and_goes_on_meanwhile(own_cache):
    async def test():
        async with recorded() as server:
            listing(server, symbol_info())
            async with against(server) as first:
                await first.markets()
            [path] = own_cache.rglob("binance*.json")
            path.write_text(json.dumps(json.loads(path.read_text()) | {"saved": time.time() - MAX_AGE + 0.5}))
            async with asyncio.timeout(60), against(server, retries=0) as exchange:
                await exchange.markets()
                server.fail(INFO, answers(503, "busy"))
                listing(server, symbol_info(), symbol_info("SOL"))
                await asyncio.sleep(0.6)
                assert (await exchange.place(ORDER)).status is Status.OPEN  # that fails, and nobody minds
                while server.count(INFO) < 2:
                    await asyncio.sleep(0.01)
                exchange._due = 0  # as when a minute is over
                while "SOL/USDT" not in await exchange.markets():
                    await asyncio.sleep(0.01)
                assert server.count(INFO) == 3

    asyncio.run(test())


def test_what_cannot_be_asked_for_again_is_said_so():
    async def test(server, exchange):
        listing(server, symbol_info(status="BREAK"))
        await exchange.markets()
        server.fail(INFO, answers(503, "busy"))
        with pytest.raises(Unreachable, match="loading its markets failed"):
            await exchange.place(ORDER)

    run(test, retries=0)
