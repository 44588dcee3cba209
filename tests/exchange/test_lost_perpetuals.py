"""Orders of perpetuals, conditional ones too, whose answers the venue loses: each is done once, and found."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import Unknown
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import MarginMode, OrderRequest
from planar.model.order import Side, Status, Tif
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
SYMBOL = "BTC/USDT:USDT"
LOST = ("accept_then_hang", "accept_then_5xx", "accept_then_drop", "truncate")
ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
LIMIT = OrderRequest(SYMBOL, Side.BUY, Decimal("0.01"), price=Decimal(20_000))
MARKET = OrderRequest(SYMBOL, Side.BUY, Decimal("0.01"))
STOP = replace(MARKET, stop=Decimal(90_000))
ORDERS = {
    "limit": (LIMIT, ORDER, Status.OPEN),
    "post-only": (replace(LIMIT, post_only=True), ORDER, Status.OPEN),
    "IOC that finds nothing": (replace(LIMIT, tif=Tif.IOC), ORDER, Status.EXPIRED),
    "market": (MARKET, ORDER, Status.FILLED),
    "stop": (STOP, ALGO, Status.OPEN),
    "stop-limit": (replace(STOP, price=Decimal(91_000)), ALGO, Status.OPEN),
}


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def at(runner):
    """Runs ``scene(venue, exchange)`` at a venue that plays a year long gone, so that no clock tells anything."""

    async def play(scene):
        config = VenueConfig((SYMBOL,), speed=0, history=30, points=4, api_key=KEY, secret=SECRET)
        async with Venue(config) as venue:
            address = f"http://127.0.0.1:{venue.port}"
            settings = ExchangeSettings(base_url=address, futures=True, timeout=1_000, enable_rate_limit=False)
            keys = Credentials(Secret(KEY), Secret(SECRET))
            async with CcxtExchange("binanceusdm", settings=settings, credentials=keys) as exchange:
                await exchange.markets()
                await scene(venue, exchange)

    return lambda scene: runner.run(play(scene))


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_whose_answer_is_lost_is_there_once_and_found(at, kind, how):
    request, path, status = ORDERS[kind]

    async def scene(venue, exchange):
        venue.add_chaos([Rule(how, f"POST {path}", seconds=2)])
        found = await exchange.place(request)
        (order,) = venue.account.orders.values()
        assert (found.id, found.client_id) == (str(order.id), order.ticket.client_id)
        assert (found.status, found.side, found.symbol) == (status, request.side, request.symbol)

    at(scene)


@pytest.mark.parametrize("how", LOST)
def test_an_amend_whose_answer_is_lost_leaves_the_order_with_its_new_terms(at, how):
    async def scene(venue, exchange):
        order = await exchange.place(LIMIT)
        venue.add_chaos([Rule(how, f"PUT {ORDER}", seconds=2)])
        found = await exchange.amend(order.id, SYMBOL, price=Decimal(21_000))
        (kept,) = venue.account.open.values()
        assert (found.id, found.price) == (str(kept.id), Decimal(21_000)) == (order.id, Decimal(21_000))

    at(scene)


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize(("request_", "path"), [(LIMIT, ORDER), (STOP, ALGO)])
def test_a_cancel_whose_answer_is_lost_is_done(at, request_, path, how):
    async def scene(venue, exchange):
        order = await exchange.place(request_)
        venue.add_chaos([Rule(how, f"DELETE {path}", seconds=2)])
        assert (await exchange.cancel(order.id, SYMBOL)).status is Status.CANCELLED
        assert not venue.account.open

    at(scene)


def test_a_setting_whose_answer_is_lost_is_unknown_and_may_be_sent_again(at):
    async def scene(venue, exchange):
        venue.add_chaos([Rule("accept_then_drop", f"POST /fapi/v1/{path}") for path in ("leverage", "marginType")])
        for call in (
            lambda: exchange.set_leverage(SYMBOL, Decimal(7)),
            lambda: exchange.set_margin_mode(SYMBOL, MarginMode.ISOLATED),
        ):
            with pytest.raises(Unknown):
                await call()
            await call()
        position = venue.account.position(venue.floor.listings[0])
        assert (position.leverage, position.is_isolated) == (7.0, True)

    at(scene)
