"""Whether the trigger of an open order was reached: the stream says so at once, and so does an answer."""

import asyncio
import contextlib
from decimal import Decimal

import polars as pl
import pytest

from planar import Instrument
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.exchange.tap import Kind as Heard
from planar.model.order import Kind, Side, Status
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
MINUTE, START = 60_000, 1_704_067_200_000
BTC = Instrument("binance:BTC/USDT", price_step=0.01, amount_step=0.00001, min_cost=5.0)
CANDLES = pl.DataFrame(
    [(START, 100.0, 101.0, 99.0, 100.0, 50.0), (START + MINUTE, 100.0, 104.0, 100.0, 102.0, 50.0)],
    schema=["time", "open", "high", "low", "close", "volume"],
    orient="row",
)


@contextlib.asynccontextmanager
async def triggered():
    """A take whose trigger the second candle reaches, and whose limit it does not; the exchange, and what it told."""
    config = VenueConfig(
        (BTC,), candles={BTC.name: CANDLES}, timeframe="1m", points=4, speed=0, start=START + MINUTE - 1,
        history=1, api_key=KEY, secret=SECRET, balances={"BTC": Decimal(1), "USDT": Decimal(1000)},
    )  # fmt: skip
    keys = Credentials(Secret(KEY), Secret(SECRET))
    async with Venue(config) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
        async with (
            asyncio.timeout(20),
            CcxtExchange("binance", settings=settings, credentials=keys) as exchange,
            await exchange.streams.subscribe(Heard.ORDERS) as orders,
        ):
            asked = OrderRequest("BTC/USDT", Side.SELL, Decimal("0.1"), price=Decimal("110"), take=Decimal("103"))
            placed = await exchange.place(asked)
            venue.step(1)
            venue.step(MINUTE)
            told = []
            while not (told and told[-1].is_triggered):
                told.append((await anext(orders)).data)
            yield exchange, placed, told


def test_the_stream_and_the_answers_say_that_a_trigger_was_reached():
    async def scene():
        async with triggered() as (exchange, placed, told):
            assert not placed.is_triggered
            assert [each.is_triggered for each in told] == [*[False] * (len(told) - 1), True]
            [standing] = await exchange.open_orders("BTC/USDT")
            for order in (told[-1], await exchange.order(placed.id, "BTC/USDT"), standing):
                assert order.is_triggered
                assert (order.status, order.filled, order.stop, order.price) == (Status.OPEN, 0, 103, 110)

    asyncio.run(scene())


def test_what_was_triggered_is_amended_as_the_limit_that_it_is_and_waits_for_nothing_anew():
    """The market is back below the trigger: another take would wait for it."""

    async def scene():
        async with triggered() as (exchange, placed, _):
            with pytest.raises(Rejected, match="was reached at 103"):
                await exchange.amend(placed.id, "BTC/USDT", stop=Decimal("103.5"))
            await exchange.amend(placed.id, "BTC/USDT", price=Decimal(109), stop=Decimal(103))
            [standing] = await exchange.open_orders("BTC/USDT")
            assert (standing.kind, standing.price, standing.stop) == (Kind.LIMIT, 109, None)
            assert (standing.amount, standing.status) == (Decimal("0.1"), Status.OPEN)

    asyncio.run(scene())
