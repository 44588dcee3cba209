"""The contract, kept by the demo exchange and by Binance, spot and perpetuals, as the local venue plays it."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path

import contract.market_cases
import contract.order_cases
import contract.perpetual_cases
import contract.shutdown_case  # noqa: F401 - each adds its cases behind those before
import pytest
from contract.cases import CASES, PERPETUALS, Place, markdown

import planar
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.venue.config import VenueConfig
from planar.venue.demo import Demo
from planar.venue.limits import Limits
from planar.venue.server import Venue

PAGE = Path(planar.__file__).parents[1] / "docs" / "contract.md"
KEY, SECRET = "k" * 64, "s" * 64
SYMBOL, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"


def sent(venue):
    """Orders that an account was given a number for, taken or not."""
    return lambda: venue.api.desk.counter.used(venue.account.key, venue.floor.now)[1]


async def demo(stack):
    exchange = Demo("demo")
    stack.push_async_callback(exchange.close)
    await exchange.markets()
    return Place(exchange, SYMBOL, sent(exchange._venue))


async def demo_futures(stack):
    exchange = Demo("demo", settings=ExchangeSettings(futures=True))
    stack.push_async_callback(exchange.close)
    exchange.plays(VenueConfig((PERPETUAL,), limits=Limits(orders_10s=10_000)))
    await exchange.markets()
    return Place(exchange, PERPETUAL, sent(exchange._venue), PERPETUALS)


async def binance(stack):
    balances = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
    config = VenueConfig(api_key=KEY, secret=SECRET, balances=balances, limits=Limits(orders_10s=10_000))
    venue = await stack.enter_async_context(Venue(config))
    settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}")
    exchange = CcxtExchange("binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
    stack.push_async_callback(exchange.close)
    return Place(exchange, SYMBOL, sent(venue))


async def futures(stack, id):
    balances = {"USDT": Decimal(1_000_000)}
    config = VenueConfig((PERPETUAL,), api_key=KEY, secret=SECRET, balances=balances, limits=Limits(orders_10s=10_000))
    venue = await stack.enter_async_context(Venue(config))
    settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", futures=True)
    exchange = CcxtExchange(id, settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
    stack.push_async_callback(exchange.close)
    return Place(exchange, PERPETUAL, sent(venue), PERPETUALS)


EXCHANGES = {
    "demo": demo,
    "demo-futures": demo_futures,
    "binance": binance,
    "binance-futures": partial(futures, id="binance"),
    "binanceusdm": partial(futures, id="binanceusdm"),
}


@pytest.fixture(scope="module", params=EXCHANGES)
def place(request, tmp_path_factory):
    """One exchange for all cases, in the order of their numbers, the last of which closes it."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        stack = AsyncExitStack()
        made = runner.run(EXCHANGES[request.param](stack))
        yield runner, made
        runner.run(stack.aclose())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.number}-{case.check.__name__}" for case in CASES])
def test_the_exchange_keeps_the_contract(place, case):
    runner, at = place
    if at.kind not in case.kinds:
        pytest.skip(f"{case.number} is about {' and '.join(case.kinds)}")

    async def within():
        async with asyncio.timeout(30):
            await case.check(at)

    runner.run(within())


def test_the_contract_is_published_as_it_is_tested():
    assert markdown() in PAGE.read_text(), "print the list with `python -m contract` in tests/"
