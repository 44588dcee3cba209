"""Positions, leverage, margin and funding through the real CCXT class, against recorded answers."""

from decimal import Decimal

import pytest
from exchange.recorded import START, answers, code, drops, run

from planar.errors import Rejected, Unknown
from planar.exchange.model import MarginMode, OrderRequest, Wallet
from planar.model.order import Side, Tif

FUTURES = {"futures": True}
BTC = "BTC/USDT:USDT"
HOUR = 3_600_000


def test_a_symbol_without_settlement_is_the_perpetual_when_futures_are_configured():
    async def test(server, exchange):
        assert (await exchange._market("BTC/USDT")).symbol == BTC
        assert {path for _, path, _ in server.requests} >= {"/fapi/v1/exchangeInfo"}

    run(test, **FUTURES)


def test_an_order_on_the_perpetual_goes_to_futures_with_its_flags():
    async def test(server, exchange):
        request = OrderRequest("BTC/USDT", Side.SELL, Decimal("0.0109"), price=Decimal("30000.04"))
        order = await exchange.place(request)
        asked = server.requests[-1]
        assert asked[:2] == ("POST", "/fapi/v1/order")
        assert (asked[2]["quantity"], asked[2]["price"]) == ("0.01", "30000.1")
        assert (order.symbol, order.amount) == (BTC, Decimal("0.010"))
        await exchange.place(OrderRequest(BTC, Side.BUY, Decimal("0.01"), price=Decimal(30000), reduce_only=True))
        assert server.requests[-1][2]["reduceOnly"] == "true"
        late = OrderRequest(BTC, Side.BUY, Decimal("0.01"), price=Decimal(30000), tif=Tif.GTD, expire=START + HOUR)
        await exchange.place(late)
        assert (server.requests[-1][2]["timeInForce"], server.requests[-1][2]["goodTillDate"]) == (
            "GTD",
            str(START + HOUR),
        )

    run(test, **FUTURES)


def test_spot_has_no_leverage_and_is_told_so():
    async def test(server, exchange):
        with pytest.raises(Rejected, match=r"its perpetual is written BTC/USDT:USDT"):
            await exchange.set_leverage("BTC/USDT", Decimal(3))
        with pytest.raises(Rejected, match=r"BTC/USDT is a spot market and has no .* mark price"):
            await anext(exchange.candles("BTC/USDT", "1h", START, kind="mark"))
        with pytest.raises(Rejected, match=r"BTC/USDT is a spot market and has no .* funding"):
            await anext(exchange.funding_history("BTC/USDT", START))
        assert not any("/fapi" in path for _, path, _ in server.requests)

    run(test)


def test_positions_are_in_base_with_a_side():
    position = {
        "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.001", "entryPrice": "50000.0",
        "breakEvenPrice": "50100.0", "markPrice": "51000.0", "unRealizedProfit": "-1.0", "liquidationPrice": "65000.0",
        "isolatedMargin": "0", "notional": "-51.0", "marginAsset": "USDT", "isolatedWallet": "0",
        "initialMargin": "2.55", "maintMargin": "0.2", "updateTime": START,
    }  # fmt: skip
    bracket = {"bracket": 1, "initialLeverage": 20, "notionalCap": 50000, "notionalFloor": 0, "maintMarginRatio": 0.004,
               "cum": 0.0}  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /fapi/v3/positionRisk"] = lambda asked: [position]
        server.answers["GET /fapi/v1/leverageBracket"] = lambda asked: [{"symbol": "BTCUSDT", "brackets": [bracket]}]
        [found] = await exchange.positions()
        assert (found.symbol, found.side, found.amount) == (BTC, Side.SELL, Decimal("0.001"))
        assert (found.entry_price, found.unrealised_pnl) == (Decimal("50000"), Decimal("-1"))
        [tier] = await exchange.tiers(BTC)
        assert (tier.floor, tier.cap, tier.max_leverage) == (Decimal(0), Decimal(50000), Decimal(20))
        assert (tier.maintenance_rate, tier.maintenance_amount) == (Decimal("0.004"), Decimal("0.0"))

    run(test, **FUTURES)


def test_leverage_and_margin_mode_are_set_and_no_change_is_no_error():
    async def test(server, exchange):
        server.answers["POST /fapi/v1/leverage"] = lambda asked: {"leverage": 5, "symbol": "BTCUSDT"}
        await exchange.set_leverage("BTC/USDT", Decimal(5))
        assert server.requests[-1][2]["leverage"] == "5"

        def unchanged(asked):
            raise code(-4046, "No need to change margin type.")

        server.answers["POST /fapi/v1/marginType"] = unchanged
        await exchange.set_margin_mode("BTC/USDT", MarginMode.CROSS)
        assert server.requests[-1][2]["marginType"] == "CROSSED"
        server.fail("POST /fapi/v1/leverage", drops(is_after=True))
        with pytest.raises(Unknown):
            await exchange.set_leverage("BTC/USDT", Decimal(5))

    run(test, **FUTURES)


@pytest.mark.parametrize("amount", ["12.99", "0.75", "-12.3456789", "100"])
def test_margin_is_sent_as_it_was_asked_for_whatever_the_step_of_the_base(amount):
    """CCXT takes margin for an amount of the base, of which there are whole ones only."""

    async def test(server, exchange):
        done = {"code": 200, "msg": "Successfully modify position margin.", "amount": 1.0, "type": 1}
        server.answers["POST /fapi/v1/positionMargin"] = lambda asked: done
        await exchange.add_margin("DOGE/USDT:USDT", Decimal(amount))
        sent = server.requests[-1][2]
        assert (sent["amount"], sent["type"]) == (amount.lstrip("-"), "2" if amount[0] == "-" else "1")

    run(test, **FUTURES)


def test_funding_comes_in_pages_each_time_once():
    times = [START + i * 8 * HOUR for i in range(250)]

    def rates(asked):
        found = [time for time in times if time >= int(asked["startTime"])][: min(int(asked["limit"]), 100)]
        return [{"symbol": "BTCUSDT", "fundingTime": time, "fundingRate": "0.00010000"} for time in found]

    async def test(server, exchange):
        server.answers["GET /fapi/v1/fundingRate"] = rates
        pages = [page async for page in exchange.funding_history("BTC/USDT", START + 1, times[240])]
        assert [one.time for page in pages for one in page] == times[1:240]
        assert pages[0][0].rate == Decimal("0.0001")

    run(test, **FUTURES)


def test_funding_goes_on_after_a_stretch_of_which_the_exchange_gives_none():
    times = [START, START + 200 * 24 * HOUR]

    def rates(asked):
        found = [time for time in times if int(asked["startTime"]) <= time <= int(asked["endTime"])]
        return [{"symbol": "BTCUSDT", "fundingTime": time, "fundingRate": "0.00010000"} for time in found]

    async def test(server, exchange):
        server.answers["GET /fapi/v1/fundingRate"] = rates
        pages = [page async for page in exchange.funding_history("BTC/USDT", START, times[-1] + 1)]
        assert [one.time for page in pages for one in page] == times

    run(test, **FUTURES)


def test_the_next_funding_rate_and_its_time():
    premium = {
        "symbol": "BTCUSDT", "markPrice": "11793.63104562", "indexPrice": "11781.80495970", "time": 1597370495002,
        "estimatedSettlePrice": "11781.16", "lastFundingRate": "0.00038246", "nextFundingTime": 1597392000000,
        "interestRate": "0.0001",
    }  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /fapi/v1/premiumIndex"] = lambda asked: premium
        found = await exchange.funding_rate("BTC/USDT")
        assert (found.rate, found.time) == (Decimal("0.00038246"), 1597392000000)
        assert found.mark_price == Decimal("11793.63104562")

    run(test, **FUTURES)


def test_what_was_paid_for_funding():
    def income(asked):
        return [
            {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": amount, "asset": "USDT", "time": START + i,
             "tranId": 9689322392 + i, "tradeId": ""}
            for i, amount in enumerate(("-0.5", "0.25"))
        ]  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /fapi/v1/income"] = income
        found = await exchange.funding_payments("BTC/USDT", START)
        assert [(one.time, one.amount, one.currency) for one in found] == [
            (START, Decimal("-0.5"), "USDT"),
            (START + 1, Decimal("0.25"), "USDT"),
        ]

    run(test, **FUTURES)


def test_the_futures_wallet():
    account = {
        "totalWalletBalance": "100", "updateTime": 0,
        "assets": [
            {"asset": "USDT", "walletBalance": "100.0", "marginBalance": "100.0", "initialMargin": "10.0",
             "availableBalance": "90.0", "unrealizedProfit": "0", "maintMargin": "0", "updateTime": START}
        ],
        "positions": [],
    }  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /fapi/v3/account"] = lambda asked: account
        found = await exchange.balance(Wallet.FUTURES)
        assert (found.total, found.free, found.used) == ({"USDT": 100}, {"USDT": 90}, {"USDT": 10})

    run(test, **FUTURES)


def test_a_stop_on_the_perpetual_goes_to_the_algo_orders_and_is_found_there_when_its_answer_is_lost():
    stored = {}

    def place(asked):
        stored.update(
            algoId=7, clientAlgoId=asked["clientAlgoId"], algoType="CONDITIONAL", orderType=asked["type"],
            symbol="BTCUSDT", side=asked["side"], timeInForce="GTC", quantity=asked["quantity"], algoStatus="NEW",
            triggerPrice=asked["triggerPrice"], price="0.00", createTime=START * 2, updateTime=START * 2,
        )  # fmt: skip
        return stored

    def find(asked):
        if asked.get("clientAlgoId") != stored["clientAlgoId"]:
            raise code(-2013, "Order does not exist.")
        return stored

    def missing(asked):
        raise code(-2013, "Order does not exist.")

    async def test(server, exchange):
        server.answers["POST /fapi/v1/algoOrder"] = place
        server.answers["GET /fapi/v1/algoOrder"] = find
        server.answers["GET /fapi/v1/order"] = missing
        server.fail("POST /fapi/v1/algoOrder", answers(503, "busy", is_after=True))
        order = await exchange.place(OrderRequest(BTC, Side.SELL, Decimal("0.01"), stop=Decimal("29000.04")))
        assert (order.id, order.stop) == ("7", Decimal("29000.0"))
        assert server.count("POST /fapi/v1/algoOrder") == 1

    run(test, **FUTURES)


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_order_on_the_perpetual_is_amended_in_place_and_keeps_its_id(is_lost):
    async def test(server, exchange):
        def modify(asked):
            order = server.find(asked, -2013)
            order.update(price=asked["price"], origQty=asked["quantity"])
            return order

        server.answers["PUT /fapi/v1/order"] = modify
        before = await exchange.place(OrderRequest(BTC, Side.BUY, Decimal("0.01"), price=Decimal(30000)))
        server.orders[1].update(executedQty="0.004", cumQuote="120", status="PARTIALLY_FILLED")
        if is_lost:
            server.fail("PUT /fapi/v1/order", answers(503, "busy", is_after=True))
        after = await exchange.amend(before.id, BTC, price=Decimal(30010), amount=Decimal("0.02"))
        assert (after.id, after.client_id) == (before.id, before.client_id)
        # What is filled is part of the amount here, since it is the same order.
        assert (after.price, after.amount, after.filled) == (Decimal(30010), Decimal("0.02"), Decimal("0.004"))
        assert server.count("PUT /fapi/v1/order") == 1

    run(test, **FUTURES)


@pytest.mark.parametrize(
    ("id", "path"), [("binanceusdm", "/fapi/v1/exchangeInfo"), ("binancecoinm", "/dapi/v1/exchangeInfo")]
)
def test_an_exchange_that_is_futures_only_lists_its_own_markets(id, path):
    async def test(server, exchange):
        server.answers["GET /dapi/v1/exchangeInfo"] = lambda asked: {"symbols": []}
        await exchange.server_time()
        await exchange._request("load_markets", True, asked=exchange._asked("its markets"))
        assert [where for _, where, _ in server.requests if "exchangeInfo" in where] == [path]

    run(test, id=id, credentials=None)
