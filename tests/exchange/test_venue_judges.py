"""Random orders on plausible instruments, judged by the filters of the local venue: none breaks a step or a minimum."""

import asyncio
import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from exchange.venue_process import KEY, SECRET

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.exchange.precision import rounded
from planar.exchange.worth import check_worth, needs_price
from planar.model.instrument import Instrument
from planar.model.order import Side
from planar.model.tiers import Tiers
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.filters import ticket
from planar.venue.query import Query
from planar.venue.refusal import Refusal
from planar.venue.server import Venue
from planar.venue.usdm import filters as usdm

LISTED = Path(__file__).parents[3] / "shared/data/venue_payloads/binance/exchangeInfo.usdm.2025-12.full.json"


def instrument(dice, number):
    """Steps as exchanges have them: powers of ten, at times times 2 or 5."""

    def step(low, high):
        return float(f"{dice.choice((1, 1, 1, 2, 5))}e{dice.randint(low, high)}")

    amount_step = step(-6, 0)
    return Instrument(
        f"binance:T{number}/USDT",
        price_step=step(-5, -1),
        amount_step=amount_step,
        min_amount=amount_step * dice.choice((1, 1, 10, 50)),
        min_cost=dice.choice((1.0, 5.0, 10.0, 100.0)),
    )


def perpetuals(quote):
    """Those of one quote that Binance listed, with its steps and minimums; their prices are the synthetic market's."""
    made = {}
    for raw in json.loads(LISTED.read_text())["symbols"]:
        filters = {one["filterType"]: one for one in raw["filters"]}
        if raw["contractType"] != "PERPETUAL" or raw["quoteAsset"] != quote:
            continue
        if not float(filters["PRICE_FILTER"]["tickSize"]):  # delisted
            continue
        name = f"binance:{raw['baseAsset']}/{quote}:{raw['marginAsset']}"
        made[name] = Instrument(
            name,
            tiers=Tiers.of(name, [(0, "0.05", 20)]),
            price_step=float(filters["PRICE_FILTER"]["tickSize"]),
            amount_step=float(filters["LOT_SIZE"]["stepSize"]),
            min_amount=float(filters["LOT_SIZE"]["minQty"]),
            min_cost=float(filters["MIN_NOTIONAL"]["notional"]),
        )
    return tuple(made.values())


def request(dice, market, last, far):
    """Of any number of digits, around the market, often near a minimum. far: how far a limit may be from it."""
    price = last * Decimal(dice.uniform(1 / far, far)) if dice.random() < 0.8 else None
    least = max(market.min_amount, market.min_cost / (price or last))
    amount = least * Decimal(dice.choice((dice.uniform(0.5, 1.5), dice.uniform(1, 1_000))))
    return OrderRequest(market.symbol, dice.choice([*Side]), +amount, price=None if price is None else +price)


def wire(order, market):
    """What is sent of an order."""
    sent = {"symbol": market.id, "side": order.side.name, "type": "MARKET", "quantity": f"{order.amount:f}"}
    if order.price is not None:
        sent |= {"type": "LIMIT", "timeInForce": "GTC", "price": f"{order.price:f}"}
    return Query(sent)


async def judged(count, seed, made=(), far=2.0, ticket=ticket):
    dice, results = random.Random(seed), Counter()
    made = made or tuple(instrument(dice, number) for number in range(20))
    is_futures = ":" in made[0].name.partition(":")[2]
    config = VenueConfig(made, speed=0, history=30, points=4, api_key=KEY, secret=SECRET)
    async with Venue(config) as venue:
        settings = ExchangeSettings(
            base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False, futures=is_futures
        )
        async with CcxtExchange("binance", settings=settings) as exchange:
            markets = await exchange.markets()
            tickers = await exchange.tickers(list(markets))
            averages = {name: await exchange.judged_price(market) for name, market in markets.items()}
    for _ in range(count):
        market = dice.choice(list(markets.values()))
        asked = request(dice, market, tickers[market.symbol].last, far)
        try:
            order = rounded(asked, market, "binance")
            if needs_price(order, market):
                check_worth(order, market, averages[market.symbol], "binance")
        except Rejected:
            results[f"not sent: {'market' if asked.price is None else 'limit'}"] += 1
            continue
        assert 0 <= asked.amount - order.amount < market.amount_step
        try:
            ticket(wire(order, market), venue.floor.market(market.id), venue.account)
            results[f"taken: {'market' if order.price is None else 'limit'}"] += 1
        except Refusal as refusal:
            results[f"{refusal} {'market' if order.price is None else 'limit'}"] += 1
    return results


def refusals(results):
    return [name for name in results if not name.startswith(("taken", "not sent"))]


def test_no_order_that_we_send_is_refused_by_the_venue_for_step_minimum_or_notional():
    results = asyncio.run(judged(2_000, 7))
    assert min(results[f"taken: {kind}"] for kind in ("limit", "market")) > 200
    assert min(results[f"not sent: {kind}"] for kind in ("limit", "market")) > 30
    assert refusals(results) == []


@pytest.mark.slow
def test_nor_is_one_of_a_hundred_thousand():
    results = asyncio.run(judged(100_000, 8))
    print(dict(results))
    assert refusals(results) == []


@pytest.mark.data
@pytest.mark.skipif(not LISTED.exists(), reason="no ../shared/data")
@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_nor_is_one_of_a_perpetual_with_the_filters_that_binance_lists(count):
    results = Counter()
    for quote, share in (("USDT", 9), ("USDC", 1)):
        made = perpetuals(quote)
        results += asyncio.run(judged(count * share // 10, 9, made, 1.04, usdm.ticket))
        print(f"{len(made)} in {quote}: {dict(results)}")
    assert min(results[f"taken: {kind}"] for kind in ("limit", "market")) > count / 10
    assert min(results[f"not sent: {kind}"] for kind in ("limit", "market")) > 30
    assert refusals(results) == []


def test_a_market_order_below_the_least_cost_is_refused_by_us_and_not_by_the_venue():
    async def scene():
        config = VenueConfig(speed=0, history=30, points=4, api_key=KEY, secret=SECRET)
        async with Venue(config) as venue:
            settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
            keys = Credentials(Secret(KEY), Secret(SECRET))
            async with CcxtExchange("binance", settings=settings, credentials=keys) as exchange:
                market = (await exchange.markets())["BTC/USDT"]
                average = await exchange.judged_price(market)
                least = market.min_cost / average
                asked, answer = [], venue.api.answer
                venue.api.answer = lambda request: (asked.append(request.path), answer(request))[1]
                for share in (Decimal("0.5"), Decimal("0.99")):
                    with pytest.raises(Rejected, match=r"is worth .* USDT at .*, the least is 5.*: ask for") as error:
                        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=least * share))
                    assert error.value.code == "BELOW_MIN_COST"
                assert asked == ["/api/v3/avgPrice"] * 2
                await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=least + market.amount_step))
                assert asked[2:] == ["/api/v3/avgPrice", "/api/v3/order"]
                await exchange.ticker("BTC/USDT")
                await exchange.place(OrderRequest("BTC/USDT", Side.BUY, amount=3 * least))
                assert asked[4:] == ["/api/v3/ticker/24hr", "/api/v3/order"]  # the price is known, and it is enough
                for fault in ("503", "hang"):  # without that price the order goes all the same
                    venue.add_chaos([Rule(fault, "GET /api/v3/avgPrice", count=9, seconds=30)])
                    await exchange.place(OrderRequest("BTC/USDT", Side.SELL, amount=least + market.amount_step))
                    venue.chaos.clear()

    asyncio.run(scene())
