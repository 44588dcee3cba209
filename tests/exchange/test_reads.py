"""Reads: asked again when that may help, never believed when they are no answer, no secrets in their errors."""

import asyncio
import logging
import traceback
from decimal import Decimal

import pytest
from exchange.elsewhere import Kucoin
from exchange.recorded import HURRIED, KEY, SECRET, against, answers, drops, hangs, recorded, run

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import ConfigError, PlanarError, Rejected, Unreachable
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Level, Wallet

PAGE = "<html><body>Just a moment...</body></html>"


def test_a_book_is_exact_and_of_the_asked_depth():
    async def test(server, exchange):
        book = await exchange.book("BTC/USDT", 1)
        assert book.bids == (Level(Decimal("100"), Decimal("2.5")),)
        assert book.asks == (Level(Decimal("100.01"), Decimal("3")),)
        assert book.sequence == 7

    run(test)


@pytest.mark.parametrize(("futures", "path", "limit"), [(False, "/api/v3/depth", "7"), (True, "/fapi/v1/depth", "10")])
def test_a_book_is_asked_for_in_a_depth_that_the_exchange_has_and_cut(futures, path, limit):
    async def test(server, exchange):
        server.answers[f"GET {path}"] = lambda asked: {
            "lastUpdateId": 7, "E": 1, "T": 1,
            "bids": [[f"{99 - i}.0", "1"] for i in range(int(asked["limit"]))], "asks": [["100.0", "1"]],
        }  # fmt: skip
        assert len((await exchange.book("BTC/USDT", 7)).bids) == 7
        assert server.requests[-1][2]["limit"] == limit

    run(test, futures=futures)


@pytest.mark.parametrize("depth", [5, 10, 20])
def test_a_book_of_any_depth_is_had_where_ccxt_takes_but_two(depth):
    async def test(server, exchange):
        Kucoin(server)
        assert len((await exchange.book("BTC/USDT", depth)).bids) == depth

    run(test, id="kucoin", credentials=None)


@pytest.mark.parametrize(
    "fault",
    [
        answers(200, PAGE, content_type="text/html"),
        answers(200, '{"bids":[["100.0'),
        answers(200, ""),
        answers(200, "{}"),
        answers(200, '{"lastUpdateId":1,"bids":[["101","1"]],"asks":[["100","1"]]}'),
    ],
    ids=["page", "cut short", "empty", "no book", "crossed"],
)
def test_what_is_no_book_is_never_an_empty_book(fault):
    async def test(server, exchange):
        server.fail("GET /api/v3/depth", fault)
        with pytest.raises(Unreachable) as caught:
            await exchange.book("BTC/USDT")
        assert caught.value.code == "BAD_RESPONSE"

    run(test, retries=0)


@pytest.mark.parametrize("fault", [answers(200, PAGE, content_type="text/html"), answers(200, '[[1,"2"')])
def test_what_are_no_candles_trades_or_balances_is_an_error_too(fault):
    async def test(server, exchange):
        for path in ("GET /api/v3/klines", "GET /api/v3/aggTrades", "GET /api/v3/account", "GET /api/v3/openOrders"):
            server.fail(path, fault)
        asked = [
            anext(exchange.candles("BTC/USDT", "1m", 0)),
            exchange.recent_trades("BTC/USDT"),
            exchange.balance(),
            exchange.open_orders("BTC/USDT"),
        ]
        for one in asked:
            with pytest.raises(Unreachable, match="other than JSON"):
                await one

    run(test, retries=0)


def test_an_empty_object_is_no_balance():
    async def test(server, exchange):
        server.fail("GET /api/v3/account", answers(200, "{}"))
        with pytest.raises(Unreachable):
            await exchange.balance()

    run(test, retries=0)


def test_an_order_of_a_market_that_is_not_listed_is_an_error_and_not_left_out():
    async def test(server, exchange):
        server.answers["GET /api/v3/openOrders"] = lambda asked: [
            {"symbol": "NEWUSDT", "orderId": 1, "side": "BUY", "type": "LIMIT", "status": "NEW", "time": 1}
        ]
        with pytest.raises(Unreachable, match="which is not among the markets"):
            await exchange.open_orders()

    run(test, retries=0)


@pytest.mark.parametrize("fault", [hangs(), drops(), answers(503, "busy"), answers(200, PAGE)])
def test_a_read_is_asked_again(fault):
    async def test(server, exchange):
        server.fail("GET /api/v3/depth", fault, fault)
        assert (await exchange.book("BTC/USDT")).sequence == 7
        assert server.count("GET /api/v3/depth") == 3

    run(test, retries=2, timeout=HURRIED)


def test_a_read_is_asked_again_as_often_as_configured_and_no_more():
    async def test(server, exchange):
        server.fail("GET /api/v3/depth", *[answers(503, "busy")] * 9)
        with pytest.raises(Unreachable) as caught:
            await exchange.book("BTC/USDT")
        assert caught.value.code == "NOT_AVAILABLE"
        assert server.count("GET /api/v3/depth") == 3

    run(test, retries=2)


def test_a_refused_read_is_not_asked_again():
    async def test(server, exchange):
        server.fail("GET /api/v3/depth", answers(400, '{"code":-1121,"msg":"Invalid symbol."}'))
        with pytest.raises(Rejected) as caught:
            await exchange.book("BTC/USDT")
        assert (caught.value.code, server.count("GET /api/v3/depth")) == ("UNKNOWN_SYMBOL", 1)

    run(test)


def test_ccxts_own_limits_are_kept_while_rate_limits_are_on():
    async def test(server, exchange):
        assert (await exchange.book("BTC/USDT")).sequence == 7
        assert exchange._ccxt().enableRateLimit

    run(test, enable_rate_limit=True)


def test_a_long_ban_is_not_waited_for_but_told():
    async def test(server, exchange):
        server.fail("GET /api/v3/depth", answers(418, "banned", {"Retry-After": "7200"}))
        with pytest.raises(Unreachable) as caught:
            await exchange.book("BTC/USDT")
        assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT", 7200.0)
        assert server.count("GET /api/v3/depth") == 1

    run(test)


def test_a_clock_that_is_off_is_measured_and_the_read_asked_again():
    late = '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'

    async def test(server, exchange):
        server.clock_ahead = 2_000
        await exchange.markets()
        assert 1_900 < exchange.clock_offset < 2_100
        server.clock_ahead = -5_000
        server.fail("GET /api/v3/openOrders", answers(400, late))
        await exchange.open_orders("BTC/USDT")
        assert -5_100 < exchange.clock_offset < -4_900
        stamp = int([asked for _, where, asked in server.requests if where == "/api/v3/openOrders"][-1]["timestamp"])
        assert abs(stamp - server.now()) < 1_000

    run(test)


def test_markets_are_fetched_once_and_kept_on_disk():
    async def test(server, exchange):
        await exchange.markets()
        await exchange.markets()
        assert server.count("GET /api/v3/exchangeInfo") == 1
        async with against(server) as another:
            assert (await another.markets()) == (await exchange.markets())
        assert server.count("GET /api/v3/exchangeInfo") == 1
        await exchange.markets(reload=True)
        assert server.count("GET /api/v3/exchangeInfo") == 2

    run(test)


def test_tasks_that_ask_at_once_fetch_the_markets_once():
    async def test(server, exchange):
        books = await asyncio.gather(*[exchange.book("BTC/USDT") for _ in range(5)])
        assert len(books) == 5
        assert server.count("GET /api/v3/exchangeInfo") == 1

    run(test)


def test_markets_that_could_not_be_fetched_are_asked_for_again():
    async def test(server, exchange):
        server.fail("GET /api/v3/exchangeInfo", answers(503, "busy"), answers(200, PAGE))
        assert "BTC/USDT" in await exchange.markets()
        server.fail("GET /api/v3/exchangeInfo", *[answers(503, "busy")] * 3)
        with pytest.raises(Unreachable):
            await exchange.markets(reload=True)
        assert "BTC/USDT" in await exchange.markets()

    run(test, retries=2)


def test_metadata_of_one_address_is_not_taken_for_that_of_another():
    async def test(server, exchange):
        await exchange.markets()
        async with recorded() as other, against(other) as another:
            await another.markets()
            assert other.count("GET /api/v3/exchangeInfo") == 1

    run(test)


def test_a_wallet_that_the_exchange_does_not_have_is_refused():
    async def test(server, exchange):
        with pytest.raises(Rejected, match="a funding wallet") as caught:
            await exchange.balance(Wallet.FUNDING)
        assert caught.value.code == "NOT_SUPPORTED"

    run(test, id="kraken")


def test_nothing_secret_is_in_an_error_a_traceback_or_a_log(caplog):
    caplog.set_level(logging.DEBUG)

    async def test(server, exchange):
        echo = f'{{"code":-1,"msg":"bad apiKey {KEY} signature=abcdef123 secret {SECRET}"}}'
        faults = [hangs(), drops(), answers(503, echo), answers(400, echo), answers(200, echo + "<")]
        for path, ask in (
            ("GET /api/v3/openOrders", lambda: exchange.open_orders("BTC/USDT")),
            ("DELETE /api/v3/order", lambda: exchange._cancel_once("1", exchange._markets["BTC/USDT"])),
        ):
            await exchange.markets()
            for fault in faults:
                server.fail(path, fault, fault)
                with pytest.raises(PlanarError) as caught:
                    await ask()
                server.faults[path].clear()
                texts = [*traceback.format_exception(caught.value), repr(caught.value), repr(exchange)]
                for text in texts:
                    assert not [word for word in (KEY, SECRET, "abcdef123") if word in text], text

    run(test, retries=0, timeout=HURRIED)
    assert KEY not in caplog.text
    assert SECRET not in caplog.text
    assert "signature" not in caplog.text


def test_a_base_url_beyond_the_exchanges_hosts_reaches_nothing():
    async def test(server, exchange):
        await exchange.markets()
        instance = exchange._ccxt()
        instance.urls["api"]["public"] = "https://elsewhere.example/api/v3"
        with pytest.raises(ConfigError, match=r"elsewhere\.example was refused"):
            await exchange.book("BTC/USDT")

    run(test)


def test_a_proxy_that_is_down_is_named_and_nothing_goes_around_it():
    async def test():
        settings = ExchangeSettings(proxy="http://127.0.0.1:1", retries=0)
        async with CcxtExchange("binance", settings=settings) as exchange:
            with pytest.raises(Unreachable, match=r"the proxy runs and lets you through.*binance.proxy") as caught:
                await exchange.markets()
            assert caught.value.code == "PROXY"

    asyncio.run(test())


def test_the_test_environment_is_reached_at_its_own_address():
    async def test():
        async with recorded() as server:
            settings = ExchangeSettings(base_url=server.address)
            async with CcxtExchange("binance", sandbox=True, settings=settings) as exchange:
                await exchange.book("BTC/USDT")
                assert "testnet.binance.vision" in exchange._ccxt().urls["api"]["public"]
                assert server.count("GET /api/v3/depth") == 1

    asyncio.run(test())


def test_an_exchange_that_is_closed_says_so():
    async def test(server, exchange):
        await exchange.markets()
        await exchange.close()
        await exchange.close()
        with pytest.raises(Rejected) as caught:
            await exchange.book("BTC/USDT")
        assert caught.value.code == "CLOSED"

    run(test)


def test_a_wrong_passphrase_is_told_with_the_place_of_the_keys():
    async def test(server, exchange):
        wrong = answers(400, '{"code":"400004","msg":"Invalid KC-API-PASSPHRASE"}')
        server.fail("GET /api/ua/v1/account/mode", wrong)  # what is asked first with keys
        server.answers["GET /api/v2/symbols"] = lambda asked: {"code": "200000", "data": []}
        with pytest.raises(Rejected, match=r"PASSPHRASE.*passphrase in user/secrets.toml, section \[exchanges.kucoin"):
            await exchange.balance()

    keys = Credentials(Secret(KEY), Secret(SECRET), Secret("wrong"), source="user/secrets.toml")
    run(test, id="kucoin", credentials=keys, retries=0)
