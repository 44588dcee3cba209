"""One venue a module, and real ccxt classes that trade there."""

import asyncio
from decimal import Decimal

import pytest
from venue.loopback import Loopback

from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
BALANCES = {"USDT": Decimal(1_000_000), "BTC": Decimal(10), "BNB": Decimal(1)}


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


def config(**changes) -> VenueConfig:
    usual = {
        "instruments": ("BTC/USDT", "ETH/USDT"), "speed": 0, "history": 180, "api_key": KEY, "secret": SECRET,
        "points": 7,
        "balances": BALANCES,
    }  # fmt: skip
    return VenueConfig(**{**usual, **changes})


def binance(venue: Venue, **options):
    """A real ``ccxt.pro.binance`` on loopback, without waits between requests."""
    import ccxt.pro

    return ccxt.pro.binance(
        {
            "apiKey": venue.account.key,
            "secret": venue.account.secret,
            "session": Loopback(venue.port),
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "fetchOpenOrders": {"warnWithoutSymbol": False},
                "warnOnFetchOpenOrdersWithoutSymbol": False,
                **options,
            },
        }
    )


async def until(is_so) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def venue(runner):
    made = runner.run(_open())
    yield made
    runner.run(made.__aexit__(None, None, None))


async def _open():
    return await Venue(config()).__aenter__()


@pytest.fixture(scope="module")
def exchange(runner, venue):
    async def open_one():
        made = binance(venue)
        await made.load_markets()
        return made

    made = runner.run(open_one())
    session = made.session
    yield made

    async def close():
        await made.close()
        await session.close()

    runner.run(close())
