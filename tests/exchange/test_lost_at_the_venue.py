"""Orders, amends and cancels whose answers the venue loses, in every way it can: each is done once, and found."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.model.order import Side, Status, Tif
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
LOST = ("accept_then_hang", "accept_then_5xx", "accept_then_drop", "truncate")
LIMIT = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(20_000))
ORDERS = {
    "limit": (LIMIT, Status.OPEN),
    "post-only": (replace(LIMIT, post_only=True), Status.OPEN),
    "IOC that finds nothing": (replace(LIMIT, tif=Tif.IOC), Status.EXPIRED),
    "FOK that finds nothing": (replace(LIMIT, tif=Tif.FOK), Status.EXPIRED),
    "IOC that fills": (replace(LIMIT, price=Decimal(70_000), tif=Tif.IOC), Status.FILLED),
    "market": (OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01")), Status.FILLED),
    "market by cost": (OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(100)), Status.FILLED),
    "stop": (OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), stop=Decimal(90_000)), Status.OPEN),
}


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def at(runner):
    """Runs ``scene(venue, exchange)`` at a venue that plays a year long gone, so that no clock tells anything."""

    async def play(scene):
        async with Venue(VenueConfig(speed=0, history=30, points=4, api_key=KEY, secret=SECRET)) as venue:
            address = f"http://127.0.0.1:{venue.port}"
            settings = ExchangeSettings(base_url=address, timeout=1_000, enable_rate_limit=False)
            keys = Credentials(Secret(KEY), Secret(SECRET))
            async with CcxtExchange("binance", settings=settings, credentials=keys) as exchange:
                await exchange.markets()
                await scene(venue, exchange)

    return lambda scene: runner.run(play(scene))


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_whose_answer_is_lost_is_there_once_and_found(at, kind, how):
    request, status = ORDERS[kind]

    async def scene(venue, exchange):
        venue.add_chaos([Rule(how, "POST /api/v3/order", seconds=2)])
        found = await exchange.place(request)
        (order,) = venue.account.orders.values()
        assert (found.id, found.client_id) == (str(order.id), order.ticket.client_id)
        assert (found.status, found.side, found.symbol) == (status, request.side, request.symbol)

    at(scene)


@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_of_a_name_is_found_though_the_venue_stamps_it_with_a_time_long_gone(at, kind):
    request, status = ORDERS[kind]

    async def scene(venue, exchange):
        for name in ("grid-1", "grid-2"):
            venue.add_chaos([Rule("accept_then_drop", "POST /api/v3/order")])
            found = await exchange.place(replace(request, client_id=name))
            assert (found.client_id, found.status) == (name, status)
        assert len(venue.account.orders) == 2

    at(scene)


@pytest.mark.parametrize("how", LOST)
def test_an_amend_whose_answer_is_lost_leaves_one_order_and_finds_it(at, how):
    async def scene(venue, exchange):
        order = await exchange.place(LIMIT)
        venue.add_chaos([Rule(how, "POST /api/v3/order/cancelReplace", seconds=2)])
        found = await exchange.amend(order.id, "BTC/USDT", price=Decimal(21_000))
        assert [str(one.id) for one in venue.account.open.values()] == [found.id]
        assert (found.price, len(venue.account.orders)) == (Decimal(21_000), 2)

    at(scene)


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("call", ["cancel", "cancel_all"])
def test_a_cancel_whose_answer_is_lost_is_found_done(at, call, how):
    async def scene(venue, exchange):
        order = await exchange.place(LIMIT)
        venue.add_chaos([Rule(how, "DELETE *", seconds=2)])
        names = ("BTC/USDT",) if call == "cancel_all" else (order.id, "BTC/USDT")
        found = await getattr(exchange, call)(*names)
        (ended,) = found if isinstance(found, list) else [found]
        assert (ended.id, ended.status, dict(venue.account.open)) == (order.id, Status.CANCELLED, {})

    at(scene)
