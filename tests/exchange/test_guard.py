"""What stands before each request: limits, breaker, health; the real CCXT class at a venue that enforces limits."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import Unreachable
from planar.exchange.calls import NEW_IDS
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.exchange.subscription import Source
from planar.model.order import Side
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits as VenueLimits
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@asynccontextmanager
async def opened(limits=None, **settings):
    config = {"speed": 0, "history": 60, "api_key": KEY, "secret": SECRET, "limits": limits or VenueLimits()}
    async with Venue(VenueConfig(**config)) as venue:
        made = ExchangeSettings(**{"base_url": f"http://127.0.0.1:{venue.port}", "retries": 0, **settings})
        exchange = CcxtExchange("binance", settings=made, credentials=Credentials(Secret(KEY), Secret(SECRET)))
        try:
            yield venue, exchange
        finally:
            await exchange.close()


async def other_use_of(venue, times):
    """Another program at this address asks for something that weighs 250."""
    url = f"http://127.0.0.1:{venue.port}/api/v3/depth?symbol=BTCUSDT&limit=5000"
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            async with session.get(url) as answer:
                assert answer.status == 200


def usage(exchange):
    return {each.name: each for each in exchange.guard.usage()}


def test_what_a_request_weighs_is_spent_and_what_the_exchange_says_is_taken_over():
    async def scene():
        async with opened() as (venue, exchange):
            await exchange.markets()
            before = usage(exchange)["cost"].used
            await exchange.ticker("BTC/USDT")
            after = usage(exchange)["cost"].used
            assert before < after < usage(exchange)["cost"].limit
            await other_use_of(venue, 4)
            await exchange.ticker("BTC/USDT")
            assert usage(exchange)["cost"].used >= 4 * 250 / 5 * 1000

    asyncio.run(scene())


def test_orders_are_counted_by_account_and_reads_are_not():
    async def scene():
        async with opened() as (_, exchange):
            await exchange.ticker("BTC/USDT")
            await exchange.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(100)))
            used = usage(exchange)
            assert (used["orders10000"].used, used["orders86400000"].used) == (1, 1)
            assert (used["orders10000"].limit, used["orders86400000"].limit) == (90, 180_000)

    asyncio.run(scene())


def test_requests_wait_for_what_the_user_allows():
    async def scene():
        async with opened(rate_limit=120) as (_, exchange):
            await exchange.markets()
            loop = asyncio.get_running_loop()
            times = []
            for _ in range(3):
                await exchange.ticker("BTC/USDT")
                times.append(loop.time())
            assert min(b - a for a, b in itertools.pairwise(times)) >= 0.119
            health = exchange.health()
            assert (health.limit_share < 0.1, health.limit_in) == (True, None)  # a pace is no limit that is near

    asyncio.run(scene())


def test_without_the_limiter_nothing_is_counted(own_limits):
    async def scene():
        async with opened(enable_rate_limit=False) as (_, exchange):
            await exchange.ticker("BTC/USDT")
            assert exchange.health().limit_share == 0.0

    asyncio.run(scene())
    assert not own_limits.exists()


def test_an_exchange_that_is_down_is_left_alone_but_cancels_go_on():
    async def scene():
        async with opened() as (venue, exchange):
            limit = Decimal("0.9") * (await exchange.ticker("BTC/USDT")).last
            order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01"), price=limit))
            venue.add_chaos([Rule("503", "GET *", count=5)])
            for _ in range(5):
                with pytest.raises(Unreachable):
                    await exchange.ticker("BTC/USDT")
            with pytest.raises(Unreachable, match="left alone") as error:
                await exchange.ticker("BTC/USDT")
            assert error.value.code == "CIRCUIT_OPEN"
            assert exchange.health().breaker == "open"
            assert (await exchange.cancel(order.id, "BTC/USDT")).id == order.id
            assert exchange.health().breaker == "closed"
            assert (await exchange.ticker("BTC/USDT")).last

    asyncio.run(scene())


def test_health_tells_what_became_of_requests():
    async def scene():
        async with opened() as (_, exchange):
            await exchange.ticker("BTC/USDT")
            with pytest.raises(Exception, match="insufficient"):
                await exchange.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(50_000)))
            health = exchange.health()
            assert health.errors == {"INSUFFICIENT_FUNDS": 1}
            assert health.requests >= 3
            assert health.breaker == "closed"
            assert health.last_success
            assert health.latency_p50 > 0

    asyncio.run(scene())


async def first_book(exchange):
    async with asyncio.timeout(10), await exchange.streams.subscribe("book", "BTC/USDT") as books:
        return (await anext(aiter(books))).data


def test_what_streams_ask_for_by_themselves_is_paid_for_and_in_the_health():
    async def scene():
        async with opened() as (_, exchange):
            await exchange.markets()
            asked, used = exchange.health().requests, usage(exchange)["cost"].used
            assert await first_book(exchange)
            # A snapshot of 1,000 levels weighs 50, of which CCXT makes 10; asked of a venue that counts the same.
            assert usage(exchange)["cost"].used - used >= 10_000
            assert exchange.health().requests > asked

    asyncio.run(scene())


@pytest.mark.parametrize(("stop", "why"), [("ban", "used up"), ("breaker", "left alone")])
def test_what_streams_ask_for_by_themselves_waits_for_a_ban_and_an_open_breaker(stop, why):
    async def scene():
        async with opened() as (venue, exchange):
            await exchange.markets()
            seen, answer = [], venue.api.answer
            venue.api.answer = lambda request: (seen.append(request.path), answer(request))[1]
            if stop == "ban":
                next(iter(exchange.guard._limits.values())).ban(600_000)
            else:
                exchange.guard.breaker.pause = exchange.guard.breaker.longest = 600.0
                for _ in range(5):
                    exchange.guard.breaker.failed(exchange.guard.breaker.passing)
            async with await exchange.streams.subscribe("book", "BTC/USDT"):
                await asyncio.sleep(1.0)
                assert any(why in told for _, told in exchange.streams.states().values())
            assert seen == []

    asyncio.run(scene())


@pytest.mark.parametrize("seconds", [-5, 20])
def test_streams_of_orders_sign_with_the_exchanges_time(seconds):
    async def scene():
        async with opened() as (venue, exchange):
            venue.add_chaos([Rule("skew", seconds=seconds)])
            limit = Decimal("0.9") * (await exchange.ticker("BTC/USDT")).last
            async with asyncio.timeout(20), await exchange.streams.subscribe("orders") as orders:
                await asyncio.sleep(1.5)
                assert [state for state, _ in exchange.streams.states().values()] == ["live"]
                await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01"), price=limit))
                assert (await anext(aiter(orders))).source is Source.STREAM

    asyncio.run(scene())


def test_a_request_that_was_given_up_may_be_counted_yet():
    async def scene():
        async with opened(timeout=300) as (venue, exchange):
            await exchange.ticker("BTC/USDT")
            await asyncio.sleep(0.02)
            start, cost = usage(exchange)["cost"].used, next(iter(exchange.guard._limits.values()))._budgets["cost"]
            venue.add_chaos([Rule("hang", "GET *", count=1, seconds=5)])
            with pytest.raises(Unreachable):
                await exchange.ticker("BTC/USDT")
            now = cost._now()
            settled = sum(cost._spent(now)[: (now // cost._slot) - (now - cost.window) // cost._slot + 1])
            assert (settled, usage(exchange)["cost"].used - settled) == (start, 400)

    asyncio.run(scene())


def test_client_ids_that_are_never_sent_do_not_pile_up():
    """As of orders that are refused before they leave. One that is too old counts as given by whoever sends it."""

    async def scene():
        async with opened() as (_, exchange):
            market = await exchange.market("BTC/USDT")
            old, *_, new = (exchange.new_client_id() for _ in range(NEW_IDS + 1))
            assert len(exchange._new_ids) == NEW_IDS
            for id, is_named in ((old, True), (new, False), (new, True)):
                request = OrderRequest("BTC/USDT", Side.BUY, amount=Decimal("0.01"), client_id=id)
                assert exchange._lost(request, market).is_named is is_named

    asyncio.run(scene())
