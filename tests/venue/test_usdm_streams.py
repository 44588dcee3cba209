"""Market and user streams of perpetuals, watched by a real ``ccxt.pro.binanceusdm``; time is stepped by the test."""

import asyncio
import json
from decimal import Decimal

import aiohttp
import pytest
from venue.conftest import KEY, SECRET, config, until
from venue.loopback import Loopback

from planar.venue.prints import Print
from planar.venue.server import Venue

SYMBOL = "BTC/USDT:USDT"
MINUTE, HOUR = 60_000, 3_600_000
MAPPED = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["linear"]}}


@pytest.fixture(scope="module")
def venue(runner):
    async def opened():
        return await Venue(config(instruments=(SYMBOL,), balances={"USDT": Decimal(10_000)})).__aenter__()

    made = runner.run(opened())
    yield made
    runner.run(made.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def exchange(runner, venue):
    import ccxt.pro

    async def opened():
        made = ccxt.pro.binanceusdm({
            "apiKey": KEY, "secret": SECRET, "session": Loopback(venue.port), "enableRateLimit": False,
            "options": MAPPED,
        })  # fmt: skip
        await made.load_markets()
        return made

    made = runner.run(opened())
    session = made.session
    yield made

    async def close():
        await made.close()
        await session.close()

    runner.run(close())


@pytest.fixture
def watch(runner, exchange, venue):
    """Starts to watch, steps the market until there is news, gives what came."""

    async def watched(name, *arguments, step=MINUTE):
        task = asyncio.create_task(getattr(exchange, name)(*arguments))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if task.done():
                break
            venue.step(step)
        return await asyncio.wait_for(task, 5)

    return lambda *arguments, **options: runner.run(watched(*arguments, **options))


def test_trades_candles_tickers_and_marks_come(watch, venue):
    listing, market = venue.floor.listings[0], venue.floor.market("BTCUSDT")
    for trade in watch("watch_trades", SYMBOL, step=10_000):
        assert trade["price"] in {listing.price(t.ticks) for t in market.trades}
    assert watch("watch_ohlcv", SYMBOL, "1m", step=20_000)[-1][4] > 0
    assert watch("watch_ticker", SYMBOL)["last"] == listing.price(market.last)
    best = watch("watch_bids_asks", [SYMBOL])[SYMBOL]
    assert best["bid"] < best["ask"]
    mark = watch("watch_mark_price", SYMBOL)
    assert mark["markPrice"] == listing.price(market.last)


def test_a_watched_book_stays_equal_to_the_snapshot(watch, runner, exchange):
    for _ in range(4):
        book = watch("watch_order_book", SYMBOL, step=9_000)
    fresh = runner.run(exchange.fetch_order_book(SYMBOL, 100))
    assert book["bids"][:50] == fresh["bids"][:50]
    assert book["asks"][:50] == fresh["asks"][:50]


def test_orders_positions_and_the_wallet_are_told(runner, exchange, venue):
    async def scene():
        orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
        wallet = asyncio.create_task(exchange.watch_balance())
        assert await exchange.watch_positions([SYMBOL]) == []  # as it stands when one begins to listen
        held = asyncio.create_task(exchange.watch_positions([SYMBOL]))
        await until(lambda: venue.users.has(venue.account))
        await asyncio.sleep(0.1)
        await exchange.create_order(SYMBOL, "market", "buy", 0.1)
        told = await asyncio.wait_for(orders, 5)
        assert told[-1]["status"] in ("open", "closed")
        assert (await asyncio.wait_for(wallet, 5))["USDT"]["total"] > 0
        (position,) = await asyncio.wait_for(held, 5)
        assert (position["side"], position["contracts"]) == ("long", 0.1)
        await exchange.create_order(SYMBOL, "market", "sell", 0.1, None, {"reduceOnly": True})

    runner.run(scene())


class Events:
    """What a user stream tells, in the order in which it does."""

    def __init__(self, venue):
        self.venue, self.told = venue, []
        self.stop = venue.users.listen(venue.account, lambda event: self.told.append(json.loads(json.dumps(event))))

    def kinds(self):
        return [event["e"] for event in self.told]

    def orders(self, name):
        told = [event["o"] for event in self.told if event["e"] == name]
        return [(order.get("x", ""), order["X"]) for order in told]


def test_a_trade_is_told_after_how_the_account_stands(runner, exchange, venue):
    events = Events(venue)
    runner.run(exchange.create_order(SYMBOL, "market", "buy", 0.1))
    events.stop()
    assert events.kinds() == ["ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE"]
    assert events.orders("ORDER_TRADE_UPDATE") == [("NEW", "NEW"), ("TRADE", "FILLED")]
    (position,) = events.told[0]["a"]["P"]
    order = events.told[-1]["o"]
    assert (position["pa"], position["ep"], position["mt"]) == ("0.10000000", order["ap"], "cross")
    assert events.told[0]["a"]["m"] == "ORDER"


def test_a_stop_is_an_algo_order_until_it_is_triggered_and_an_order_from_then_on(runner, exchange, venue):
    market = venue.floor.market("BTCUSDT")
    events, last = Events(venue), venue.floor.listings[0].price(market.last)
    reduces = {"stopLossPrice": round(last * 0.999, 2), "reduceOnly": True}
    stop = runner.run(exchange.create_order(SYMBOL, "market", "sell", 0.1, None, reduces))
    assert events.kinds() == ["ALGO_UPDATE"]
    for _ in range(3_000):
        venue.step(MINUTE)
        if "ORDER_TRADE_UPDATE" in events.kinds():
            break
    events.stop()
    assert [status for _, status in events.orders("ALGO_UPDATE")] == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    assert events.orders("ORDER_TRADE_UPDATE") == [("NEW", "NEW"), ("TRADE", "FILLED")]
    finished = [e["o"] for e in events.told if e["e"] == "ALGO_UPDATE"][-1]
    order = [e["o"] for e in events.told if e["e"] == "ORDER_TRADE_UPDATE"][-1]
    assert (finished["aid"], finished["ai"]) == (int(stop["id"]), str(order["i"]))
    assert (order["o"], order["ot"], finished["ap"]) == ("MARKET", "STOP_MARKET", order["ap"])


def test_funding_and_leverage_and_margin_are_told(runner, exchange, venue):
    events = Events(venue)
    runner.run(exchange.set_leverage(7, SYMBOL))
    runner.run(exchange.set_margin_mode("isolated", SYMBOL))
    runner.run(exchange.create_order(SYMBOL, "market", "sell", 0.1))
    runner.run(exchange.add_margin(SYMBOL, 50))
    while "FUNDING_FEE" not in {e["a"]["m"] for e in events.told if e["e"] == "ACCOUNT_UPDATE"}:
        venue.step(HOUR)
    events.stop()
    assert events.told[0]["ac"] == {"s": "BTCUSDT", "l": 7}
    reasons = [(e["a"]["m"], len(e["a"]["P"])) for e in events.told if e["e"] == "ACCOUNT_UPDATE"]
    assert reasons == [("MARGIN_TYPE_CHANGE", 1), ("ORDER", 1), ("MARGIN_TRANSFER", 1), ("FUNDING_FEE", 1)]
    funding = events.told[-1]["a"]["B"][0]
    assert Decimal(funding["bc"]) > 0  # a short receives


def moved(venue, ticks):
    """The market trades there."""
    listing = venue.floor.listings[0]
    venue.floor.happen(Print(venue.floor.now + 1, 0, ticks, ticks, ticks, ticks, listing.units(5.0), False))


def test_margin_that_is_nearly_used_up_is_told_once_until_it_is_safe_again(venue):
    listing, last = venue.floor.listings[0], venue.floor.market("BTCUSDT").last
    held = venue.account.position(listing)
    near = listing.ticks(held.liquidation * 0.9995)
    assert held.units < 0
    assert last < near < listing.ticks(held.liquidation)
    events = Events(venue)
    for ticks in (near, near - 1, last, near):
        moved(venue, ticks)
    events.stop()
    assert events.kinds() == ["MARGIN_CALL", "MARGIN_CALL"]
    (position,) = events.told[0]["p"]
    assert (position["s"], position["pa"], position["mt"]) == ("BTCUSDT", "-0.10000000", "ISOLATED")
    assert "cw" not in events.told[0]
    moved(venue, last)


def test_a_liquidation_is_told_to_its_account_and_to_everybody(runner, venue):
    async def scene():
        events = Events(venue)
        public = venue.addresses()["ws"]
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{public}/ws/!forceOrder@arr") as socket:
            account, listing = venue.account, venue.floor.listings[0]
            moved(venue, listing.ticks(account.position(listing).liquidation * 1.01))
            told = json.loads((await asyncio.wait_for(socket.receive(), 5)).data)
        events.stop()
        (order,) = [e["o"] for e in events.told if e["e"] == "ORDER_TRADE_UPDATE"]
        assert (order["x"], order["X"], order["c"][:10]) == ("CALCULATED", "FILLED", "autoclose-")
        assert told["e"] == "forceOrder"
        assert (told["o"]["S"], told["o"]["q"]) == (order["S"], order["q"]) == ("BUY", "0.10000000")
        assert account.position(listing).units == 0

    runner.run(scene())


def test_both_ends_of_the_address_are_streams_and_the_private_one_takes_a_listen_key(runner, venue):
    async def scene():
        place = venue.addresses()["ws"]
        key = venue.api.desk.listen_key(venue.account)
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"{place}/market/stream?streams=btcusdt@aggTrade") as socket:
                venue.step(MINUTE)
                told = json.loads((await asyncio.wait_for(socket.receive(), 5)).data)
                assert told["stream"] == "btcusdt@aggTrade"
            async with session.ws_connect(f"{place}/private/ws?listenKey={key}") as socket:
                await until(lambda: venue.users.has(venue.account))
                venue.floor.deposit(venue.account, "USDT", Decimal(5))
                told = json.loads((await asyncio.wait_for(socket.receive(), 5)).data)
                assert (told["e"], told["a"]["m"], told["a"]["B"][0]["bc"]) == (
                    "ACCOUNT_UPDATE",
                    "DEPOSIT",
                    "5.00000000",
                )

    runner.run(scene())


def test_orders_are_placed_and_cancelled_over_the_websocket_api(runner, exchange, venue):
    async def scene():
        price = round(venue.floor.listings[0].price(venue.floor.market("BTCUSDT").last) * 0.9)
        placed = await exchange.create_order_ws(SYMBOL, "limit", "buy", 0.01, price)
        assert placed["status"] == "open"
        stop = await exchange.create_order_ws(SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": price})
        assert (stop["status"], stop["triggerPrice"]) == ("open", price)
        assert len(venue.account.open) == 2
        assert (await exchange.cancel_order_ws(placed["id"], SYMBOL))["status"] == "canceled"
        await exchange.cancel_order_ws(stop["id"], SYMBOL, {"trigger": True})
        assert not venue.account.open
        assert (await exchange.fetch_balance_ws({"type": "future"}))["USDT"]["total"] > 0

    runner.run(scene())
