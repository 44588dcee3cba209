"""Perpetuals traded at the venue by the real ccxt `binanceusdm` and `binance`, behind our own exchange interface."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Liquidity, MarginMode, OrderRequest, Wallet
from planar.model.order import Kind, Side, Status, Tif
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
SYMBOL = "BTC/USDT:USDT"
HOUR = 3_600_000
TENTH = Decimal("0.1")


@asynccontextmanager
async def opened(id="binanceusdm", **changes):
    """A stepped venue of one perpetual, and the exchange that trades there."""
    config = VenueConfig((SYMBOL,), speed=0, history=180, points=7, api_key=KEY, secret=SECRET, **changes)
    async with Venue(config) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", futures=True)
        exchange = CcxtExchange(id, settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
        try:
            yield venue, exchange
        finally:
            await exchange.close()


def buy(amount=TENTH, **terms):
    return OrderRequest(SYMBOL, Side.BUY, amount, **terms)


def sell(amount=TENTH, **terms):
    return OrderRequest(SYMBOL, Side.SELL, amount, **terms)


def refusal(code):
    return pytest.raises(Rejected, check=lambda error: error.code == code)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("id", ["binanceusdm", "binance"])
def test_a_position_is_opened_told_paid_for_and_closed(id):
    async def scene():
        async with opened(id) as (venue, exchange):
            market = (await exchange.markets())[SYMBOL]
            assert (market.kind, market.settle, market.maker, market.taker) == (
                "swap", "USDT", Decimal("0.0002"), Decimal("0.0005"),
            )  # fmt: skip
            last = (await exchange.ticker(SYMBOL)).last
            rate = await exchange.funding_rate(SYMBOL)
            assert (rate.rate, rate.mark_price) == (Decimal("0.0001"), last)
            await exchange.set_leverage(SYMBOL, Decimal(10))

            bought = await exchange.place(buy())
            assert (bought.status, bought.filled) == (Status.FILLED, TENTH)
            (held,) = await exchange.positions()
            assert (held.side, held.amount, held.entry_price) == (Side.BUY, TENTH, bought.average)
            assert (held.mark_price, held.margin_mode) == (last, MarginMode.CROSS)
            assert held.unrealised_pnl == (last - bought.average) * TENTH
            wallet = await exchange.balance(Wallet.FUTURES)
            fee = bought.cost * market.taker
            assert wallet.total["USDT"] == 10_000 - fee + held.unrealised_pnl
            assert wallet.used["USDT"] == last * TENTH / 10  # the margin at tenfold leverage

            venue.step(8 * HOUR)  # a funding passes
            sold = await exchange.place(sell(reduce_only=True))
            assert await exchange.positions() == []
            (paid,) = await exchange.funding_payments(SYMBOL)
            assert paid.time == rate.time
            assert paid.amount < 0
            won = sold.cost - bought.cost
            left = (await exchange.balance(Wallet.FUTURES)).total["USDT"]
            assert left == 10_000 + won - fee - sold.cost * market.taker + paid.amount
            fills = await exchange.fills(SYMBOL)
            assert [(fill.side, fill.fee_currency, fill.liquidity) for fill in fills] == [
                (Side.BUY, "USDT", Liquidity.TAKER), (Side.SELL, "USDT", Liquidity.TAKER),
            ]  # fmt: skip
            assert fills[1].cost - fills[0].cost == won

    asyncio.run(scene())


def test_tiers_fees_and_funding_history_are_told():
    async def scene():
        async with opened() as (venue, exchange):
            tiers = await exchange.tiers(SYMBOL)
            asked = venue.floor.listings[0].instrument.tiers.tiers
            assert [(t.floor, t.maintenance_rate, t.max_leverage) for t in tiers] == [
                (t.floor, t.maintenance_rate, t.max_leverage) for t in asked
            ]
            assert [t.maintenance_amount for t in tiers] == [t.maintenance_amount for t in asked]
            fees = await exchange.fees(SYMBOL)
            assert (fees.maker, fees.taker) == (Decimal("0.0002"), Decimal("0.0005"))
            start = venue.floor.now
            venue.step(25 * HOUR)
            pages = [page async for page in exchange.funding_history(SYMBOL, start)]
            told = [one for page in pages for one in page]
            assert [one.time % (8 * HOUR) for one in told] == [0, 0, 0]
            assert {one.rate for one in told} == {Decimal("0.0001")}

    asyncio.run(scene())


def test_margin_mode_and_leverage_are_set_and_what_is_so_already_is_no_error():
    async def scene():
        async with opened() as (venue, exchange):
            await exchange.set_margin_mode(SYMBOL, MarginMode.ISOLATED)
            await exchange.set_margin_mode(SYMBOL, MarginMode.ISOLATED)
            await exchange.set_leverage(SYMBOL, Decimal(5))
            await exchange.place(buy())
            (held,) = await exchange.positions()
            assert held.margin_mode is MarginMode.ISOLATED
            account = venue.account.position(venue.floor.listings[0])
            assert (account.is_isolated, account.leverage) == (True, 5.0)
            assert 0 < held.liquidation_price < held.entry_price
            with refusal("INVALID_LEVERAGE"):
                await exchange.set_leverage(SYMBOL, Decimal(2))  # not of an isolated position

    asyncio.run(scene())


def test_limits_rest_are_amended_in_place_and_fill():
    async def scene():
        async with opened() as (venue, exchange):
            last = (await exchange.ticker(SYMBOL)).last
            away = (last * Decimal("0.9")).quantize(Decimal("0.01"))
            order = await exchange.place(buy(price=away))
            changed = await exchange.amend(order.id, SYMBOL, price=away + 1, amount=2 * TENTH)
            assert (changed.id, changed.price, changed.amount) == (order.id, away + 1, 2 * TENTH)
            assert (await exchange.cancel(order.id, SYMBOL)).status is Status.CANCELLED
            near = (last * Decimal("0.9999")).quantize(Decimal("0.01"))
            rested = await exchange.place(buy(price=near, post_only=True))
            assert rested.post_only
            for _ in range(600):
                venue.step(60_000)
                found = await exchange.order(rested.id, SYMBOL)
                if found.status is Status.FILLED:
                    break
            assert (found.status, found.average) == (Status.FILLED, near)
            assert [fill.liquidity for fill in await exchange.fills(SYMBOL)] == [Liquidity.MAKER]

    asyncio.run(scene())


def test_stops_and_takes_are_conditional_orders_that_are_found_cancelled_and_listed():
    async def scene():
        async with opened() as (_, exchange):
            last = (await exchange.ticker(SYMBOL)).last
            below, above = (last * Decimal(share) // 1 for share in ("0.9", "1.1"))
            await exchange.place(buy())
            stop = await exchange.place(sell(stop=below, reduce_only=True))
            take = await exchange.place(sell(take=above, price=above, reduce_only=True))
            trail = await exchange.place(sell(trail=Decimal("0.01"), activation=above, reduce_only=True))
            assert [o.kind for o in (stop, take, trail)] == [Kind.STOP, Kind.TAKE_LIMIT, Kind.TRAIL]
            assert {o.id for o in await exchange.open_orders(SYMBOL)} == {stop.id, take.id, trail.id}
            found = await exchange.order(trail.id, SYMBOL)
            assert (found.trail, found.activation) == (Decimal("0.01"), above)
            assert (await exchange.order("", SYMBOL, client_id=stop.client_id)).id == stop.id
            assert (await exchange.cancel(stop.id, SYMBOL)).status is Status.CANCELLED
            ended = await exchange.cancel_all(SYMBOL)
            assert {(o.id, o.status) for o in ended} == {(o.id, Status.CANCELLED) for o in (take, trail)}
            with refusal("STOP_WOULD_TRIGGER"):
                await exchange.place(sell(stop=above, reduce_only=True))

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("INSUFFICIENT_FUNDS", {"amount": Decimal(100)}),
        ("REDUCE_ONLY_WOULD_INCREASE", {"amount": TENTH, "reduce_only": True}),
        ("POST_ONLY_WOULD_TAKE", {"amount": TENTH, "price": "1.01", "post_only": True}),
        ("INVALID_PRICE", {"amount": TENTH, "price": "1.2"}),
    ],
)
def test_what_is_refused_has_the_reason(code, terms):
    async def scene():
        async with opened() as (_, exchange):
            last = (await exchange.ticker(SYMBOL)).last
            asked = {**terms, "price": last * Decimal(terms["price"]) // 1} if "price" in terms else terms
            with refusal(code):
                await exchange.place(buy(**asked))
            assert await exchange.open_orders() == []
            assert (await exchange.balance(Wallet.FUTURES)).free["USDT"] == 10_000

    asyncio.run(scene())


def test_several_orders_are_sent_at_once_and_what_cannot_be_had_at_once_expires():
    async def scene():
        async with opened() as (_, exchange):
            last = (await exchange.ticker(SYMBOL)).last
            away = last * Decimal("0.9") // 1
            first, second = await exchange.place_all([buy(price=away), buy(price=away - 1)])
            assert [first.status, second.status] == [Status.OPEN, Status.OPEN]
            await exchange.cancel_all(SYMBOL)
            for tif in (Tif.IOC, Tif.FOK):
                order = await exchange.place(buy(price=away, tif=tif))
                assert (order.status, order.filled) == (Status.EXPIRED, 0)

    asyncio.run(scene())


async def stopped(venue, exchange, **terms):
    """A stop that protects a position, and the market until it was triggered."""
    last = (await exchange.ticker(SYMBOL)).last
    await exchange.place(buy())
    stop = await exchange.place(sell(stop=(last * Decimal("0.999")) // 1, reduce_only=True, **terms))
    (order,) = [order for order in venue.account.open.values() if order.ticket.waits]
    while not order.trigger_id:
        venue.step(60_000)
    return stop, order


def test_a_stop_that_was_triggered_is_found_as_the_order_that_it_became():
    async def scene():
        async with opened() as (venue, exchange):
            stop, order = await stopped(venue, exchange)
            for found in (await exchange.order(stop.id, SYMBOL), await exchange.cancel(stop.id, SYMBOL)):
                assert (found.status, found.filled, found.client_id) == (Status.FILLED, TENTH, stop.client_id)
                assert found.id == str(order.trigger_id)
            told = await exchange.orders(SYMBOL)
            assert [(one.id, one.status) for one in told] == [("1", Status.FILLED), (found.id, Status.FILLED)]
            assert (await exchange.fills(SYMBOL))[-1].order_id == found.id

    asyncio.run(scene())


def test_a_stop_whose_limit_rests_once_it_was_triggered_is_cancelled_under_either_id():
    async def scene():
        async with opened() as (venue, exchange):
            last = (await exchange.ticker(SYMBOL)).last
            stop, _ = await stopped(venue, exchange, price=last * Decimal("1.04") // 1)
            assert [one.id for one in await exchange.open_orders(SYMBOL)] != [stop.id]
            ended = await exchange.cancel(stop.id, SYMBOL)
            assert (ended.status, ended.client_id) == (Status.CANCELLED, stop.client_id)
            assert await exchange.open_orders(SYMBOL) == []

    asyncio.run(scene())


def test_the_stream_tells_a_triggered_stop_once_and_never_as_cancelled():
    async def scene():
        async with opened() as (venue, exchange):
            async with await exchange.streams.subscribe("orders") as orders, await exchange.streams.subscribe("fills"):
                assert await exchange.streams.ready()
                stop, order = await stopped(venue, exchange)
                told = []
                async with asyncio.timeout(10):
                    while not any(one.id == str(order.trigger_id) and one.status is Status.FILLED for one in told):
                        told.append((await anext(orders)).data)
            own = [one for one in told if one.client_id == stop.client_id]
            assert {one.status for one in own} == {Status.OPEN, Status.FILLED}
            assert {one.id for one in own} == {stop.id, str(order.trigger_id)}

    asyncio.run(scene())
