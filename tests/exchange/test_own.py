"""What an account has and did, through the real CCXT class."""

from decimal import Decimal

import pytest
from exchange.elsewhere import bybit, kraken
from exchange.recorded import START, answers, drops, run

from planar.config.secrets import Credentials, Secret
from planar.errors import Rejected
from planar.exchange.model import Liquidity, OrderRequest, Wallet
from planar.model.order import Side, Status, Tif

HOUR, DAY = 3_600_000, 86_400_000


def fill(number, time):
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 1, "orderListId": -1, "price": "100.5", "qty": "0.1",
        "quoteQty": "10.05", "commission": "0.0001", "commissionAsset": "BTC", "time": time, "isBuyer": True,
        "isMaker": number % 2 == 0, "isBestMatch": True,
    }  # fmt: skip


def test_balances_are_exact_and_leave_out_what_there_is_none_of():
    account = {
        "accountType": "SPOT", "updateTime": START,
        "balances": [
            {"asset": "BTC", "free": "0.12345678", "locked": "0.00000001"},
            {"asset": "USDT", "free": "0.00000000", "locked": "0.00000000"},
        ],
    }  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /api/v3/account"] = lambda asked: account
        found = await exchange.balance()
        assert found.total == {"BTC": Decimal("0.12345679")}
        assert (found.free, found.used) == ({"BTC": Decimal("0.12345678")}, {"BTC": Decimal("0.00000001")})
        assert found.wallet is Wallet.SPOT

    run(test)


def test_fills_of_days_come_in_pages_of_a_day_each_once():
    now = START + 10 * DAY
    stored = [fill(i, START + i * HOUR) for i in range(200)]

    def trades(asked):
        since, until = int(asked["startTime"]), int(asked["endTime"])
        assert until - since < DAY
        return [one for one in stored if since <= one["time"] <= until][: int(asked["limit"])]

    async def test(server, exchange):
        server.answers["GET /api/v3/time"] = lambda asked: {"serverTime": now}
        server.answers["GET /api/v3/myTrades"] = trades
        found = await exchange.fills("BTC/USDT", START)
        assert [one.id for one in found] == [str(i) for i in range(200)]
        assert (found[0].price, found[0].fee, found[0].fee_currency) == (Decimal("100.5"), Decimal("0.0001"), "BTC")
        assert [one.liquidity for one in found[:2]] == [Liquidity.MAKER, Liquidity.TAKER]
        assert len(await exchange.fills("BTC/USDT", START, limit=30)) == 30

    run(test)


def test_the_history_of_orders_keeps_what_became_of_each():
    async def test(server, exchange):
        start = server.now() - 5
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal(1), price=Decimal(99)))
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal(1)))
        await exchange.cancel("1", "BTC/USDT")
        server.orders[1]["time"] -= 3 * DAY
        found = await exchange.orders("BTC/USDT", start - 3 * DAY)
        spans = [
            (int(one["startTime"]), int(one["endTime"])) for _, path, one in server.requests if "allOrders" in path
        ]
        assert all(end - since < DAY for since, end in spans)
        assert [(one.id, one.status) for one in found] == [("1", Status.CANCELLED), ("2", Status.FILLED)]
        assert [one.id for one in await exchange.orders("BTC/USDT")] == ["1", "2"]

    run(test)


def test_open_orders_of_all_markets():
    async def test(server, exchange):
        await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal(1), price=Decimal(99)))
        await exchange.place(OrderRequest("ETH/USDT", Side.SELL, Decimal(1), price=Decimal(99)))
        assert [one.symbol for one in await exchange.open_orders()] == ["BTC/USDT", "ETH/USDT"]

    run(test)


def test_fees():
    async def test(server, exchange):
        row = {"symbol": "BTCUSDT", "makerCommission": "0.0009", "takerCommission": "0.001"}
        server.answers["GET /sapi/v1/asset/tradeFee"] = lambda asked: [row]
        found = await exchange.fees("BTC/USDT")
        assert (found.maker, found.taker) == (Decimal("0.0009"), Decimal("0.001"))

    run(test)


def test_prints_come_in_pages_each_once_and_the_last_ones_on_their_own():
    stored = [
        {"a": i, "p": f"{100 + i}.5", "q": "0.1", "f": i, "l": i, "T": START + i * 1000, "m": i % 2 == 0}
        for i in range(2500)
    ]
    for late in stored[1500:]:
        late["T"] += 3 * HOUR  # nothing traded for hours

    def prints(asked):
        since, until = int(asked.get("startTime", 0)), int(asked.get("endTime", 10**15))
        return [one for one in stored if since <= one["T"] <= until][: int(asked.get("limit", 500))]

    def hours(asked):
        """Binance's candles go on where nothing is traded, with a volume of zero."""
        first = int(asked["startTime"]) // HOUR * HOUR
        opens = range(first, first + int(asked["limit"]) * HOUR, HOUR)
        volumes = [sum(1 for one in stored if t <= one["T"] < t + HOUR) for t in opens]
        return [[t, "1", "1", "1", "1", f"{v}", t, "1", v, "1", "1", "0"] for t, v in zip(opens, volumes, strict=True)]

    async def test(server, exchange):
        server.answers["GET /api/v3/aggTrades"] = prints
        server.answers["GET /api/v3/klines"] = hours
        end = START + 2400 * 1000 + 3 * HOUR
        found = [one async for page in exchange.market_trades("BTC/USDT", START, end) for one in page]
        assert [int(one.id) for one in found] == list(range(2400))
        assert found[0].side is Side.SELL  # the buyer rested
        assert (server.count("GET /api/v3/klines"), server.count("GET /api/v3/aggTrades")) == (1, 5)
        assert len(await exchange.recent_trades("BTC/USDT", 10)) == 10

    run(test)


def test_tickers_come_in_one_request():
    def ticker(symbol):
        return {"symbol": symbol, "lastPrice": "100", "bidPrice": "99", "askPrice": "101", "closeTime": START}

    async def test(server, exchange):
        server.answers["GET /api/v3/ticker/24hr"] = lambda asked: (
            ticker("BTCUSDT") if "symbol" in asked else [ticker("BTCUSDT"), ticker("ETHUSDT")]
        )
        found = await exchange.tickers(["BTC/USDT", "ETH/USDT"])
        assert {symbol: one.last for symbol, one in found.items()} == {"BTC/USDT": 100, "ETH/USDT": 100}
        assert server.count("GET /api/v3/ticker/24hr") == 1
        assert (await exchange.ticker("BTC/USDT")).bid == 99
        assert await exchange.tickers([]) == {}

    run(test)


def test_the_state_of_the_exchange():
    async def test(server, exchange):
        server.answers["GET /sapi/v1/system/status"] = lambda asked: {"status": 1, "msg": "system maintenance"}
        assert not (await exchange.status()).is_ok
        assert (await exchange.server_time()) > START

    run(test)


def test_kraken_orders_are_looked_through_for_ours_since_it_finds_none_by_client_id():
    async def test(server, exchange):
        taken, _ = kraken(server)
        server.fail("POST /0/private/AddOrder", answers(502, "bad gateway", is_after=True))
        order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal("29500.04")))
        assert (order.id, order.price, order.client_id) == ("OABC", Decimal("29500.0"), taken["OABC"]["cl_ord_id"])
        assert server.count("POST /0/private/AddOrder") == 1

        server.fail("POST /0/private/AddOrder", answers(200, '{"error":["EOrder:Insufficient funds"]}'))
        with pytest.raises(Rejected) as caught:
            await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(29500)))
        assert caught.value.code == "INSUFFICIENT_FUNDS"

    run(test, id="kraken", credentials=Credentials(Secret("key-of-kraken"), Secret("c2VjcmV0LW9mLWtyYWtlbg==")))


def test_an_order_that_ended_cancelled_is_found_where_filled_and_cancelled_ones_are_listed_apart():
    async def test(server, exchange):
        placed = bybit(server)
        server.fail("POST /v5/order/create", drops(is_after=True))
        order = await exchange.place(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.1"), price=Decimal(90), tif=Tif.IOC))
        assert (order.status, order.client_id) == (Status.CANCELLED, placed[-1]["orderLinkId"])
        told = await exchange.orders("BTC/USDT")
        assert [(one.id, one.status) for one in told] == [("0", Status.FILLED), ("1", Status.CANCELLED)]

    run(test, id="bybit")


def test_fills_without_an_id_get_one_that_tells_them_apart_and_is_the_same_each_time():
    row = {key: value for key, value in fill(0, START).items() if key != "id"}
    rows = [row, row, {**row, "price": "100.6"}, {**row, "time": START + 1}, {**row, "orderId": 2}]

    async def test(server, exchange):
        server.answers["GET /api/v3/myTrades"] = lambda asked: rows
        found = [one.id for one in await exchange.fills("BTC/USDT")]
        assert len(set(found)) == len(rows)
        assert [one.id for one in await exchange.fills("BTC/USDT")] == found
        # Longer amounts and prices of the same value are the same fill.
        rows[2] = {**rows[2], "price": "100.60", "qty": "0.10"}
        assert [one.id for one in await exchange.fills("BTC/USDT")] == found

    run(test)


def test_a_secret_that_the_exchange_cannot_have_given_out_is_a_wrong_key_and_not_repeated():
    async def test(server, exchange):
        server.answers |= {
            "GET /0/public/Assets": lambda asked: {"error": [], "result": {}},
            "GET /0/public/AssetPairs": lambda asked: {"error": [], "result": {}},
            "GET /0/public/Time": lambda asked: {"error": [], "result": {"unixtime": 1}},
        }
        with pytest.raises(Rejected, match="not as kraken gives them out") as caught:
            await exchange.balance()
        assert caught.value.code == "AUTHENTICATION"

    run(test, id="kraken")
