"""Market and user streams, watched by a real ``ccxt.pro.binance``; time is stepped by the test."""

import asyncio

import pytest
from venue.conftest import until

MINUTE = 60_000


@pytest.fixture
def watch(runner, exchange, venue):
    """Starts to watch, steps the market until there is news, gives what came."""

    async def watched(name, *arguments, step=MINUTE, **options):
        task = asyncio.create_task(getattr(exchange, name)(*arguments, **options))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if task.done():
                break
            venue.step(step)
        return await asyncio.wait_for(task, 5)

    return lambda *arguments, **options: runner.run(watched(*arguments, **options))


def test_trades_come_as_they_happen(watch, venue):
    trades = watch("watch_trades", "BTC/USDT", step=10_000)
    known = {str(t.id): t for t in venue.floor.market("BTCUSDT").trades}
    listing = venue.floor.market("BTCUSDT").listing
    assert trades
    for trade in trades:
        assert trade["price"] == listing.price(known[trade["id"]].ticks)
        assert trade["side"] == ("sell" if known[trade["id"]].taker_sells else "buy")


def test_a_watched_book_stays_equal_to_the_snapshot(watch, runner, exchange, venue):
    for _ in range(4):
        book = watch("watch_order_book", "BTC/USDT", step=9_000)
    fresh = runner.run(exchange.fetch_order_book("BTC/USDT", 100))
    assert book["bids"][:50] == fresh["bids"][:50]
    assert book["asks"][:50] == fresh["asks"][:50]


def test_candles_are_told_while_they_are_open_and_when_they_close(watch, runner, exchange):
    candles = watch("watch_ohlcv", "BTC/USDT", "1m", step=20_000)
    candles = watch("watch_ohlcv", "BTC/USDT", "1m", step=70_000)
    candles = watch("watch_ohlcv", "BTC/USDT", "1m", step=70_000)
    fetched = {c[0]: c for c in runner.run(exchange.fetch_ohlcv("BTC/USDT", "1m", limit=20))}
    closed = [c for c in candles if c[0] < max(fetched)]
    assert closed
    assert all(c == fetched[c[0]] for c in closed)


def test_tickers_and_best_prices_come(watch, runner, exchange):
    assert watch("watch_ticker", "BTC/USDT")["last"] > 0
    assert watch("watch_ticker", "ETH/USDT", {"name": "ticker"})["open"] > 0
    best = watch("watch_bids_asks", ["BTC/USDT"])["BTC/USDT"]
    assert best["bid"] < best["ask"]


def test_orders_fills_and_balances_are_told(runner, exchange, venue):
    async def play():
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        fills = asyncio.create_task(exchange.watch_my_trades("BTC/USDT"))
        balance = asyncio.create_task(exchange.watch_balance())
        await until(lambda: venue.users.has(venue.account))
        await asyncio.sleep(0.3)  # until ccxt has taken its snapshot of the balance
        made = await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
        told = (await asyncio.wait_for(orders, 5))[-1]
        filled = (await asyncio.wait_for(fills, 5))[-1]
        return made, told, filled, await asyncio.wait_for(balance, 5)

    made, told, filled, balance = runner.run(play())
    assert (told["id"], told["status"], told["filled"]) == (made["id"], "closed", 0.01)
    assert (filled["order"], filled["amount"], filled["fee"]["currency"]) == (made["id"], 0.01, "BTC")
    fetched = runner.run(exchange.fetch_balance())
    assert balance["BTC"] == fetched["BTC"]


def test_a_fill_of_a_resting_order_is_told_when_the_market_comes(runner, exchange, venue):
    async def play():
        market = venue.floor.market("BTCUSDT")
        made = await exchange.create_order(
            "BTC/USDT", "limit", "sell", 0.001, round(market.listing.price(market.last) + 40, 2)
        )
        orders = []
        while not any(o["id"] == made["id"] and o["status"] == "closed" for o in orders):
            task = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
            while not task.done():
                venue.step(MINUTE)
                await asyncio.sleep(0.005)
            orders = task.result()
        return made, next(o for o in orders if o["id"] == made["id"])

    made, told = runner.run(asyncio.wait_for(play(), 30))
    assert told["average"] == made["price"]


def test_orders_can_be_placed_over_the_websocket_api(runner, exchange):
    async def play():
        made = await exchange.create_order_ws("ETH/USDT", "limit", "buy", 0.1, 1000)
        open_now = await exchange.fetch_open_orders("ETH/USDT")
        cancelled = await exchange.cancel_order_ws(made["id"], "ETH/USDT")
        return made, open_now, cancelled

    made, open_now, cancelled = runner.run(play())
    assert [o["id"] for o in open_now] == [made["id"]]
    assert cancelled["status"] == "canceled"


def test_the_websocket_api_refuses_as_rest_does(runner, exchange):
    import ccxt

    with pytest.raises(ccxt.InsufficientFunds):
        runner.run(exchange.create_order_ws("BTC/USDT", "market", "buy", 1000))
