"""A real ``ccxt.pro.binance`` places, queries and cancels over REST."""

import ccxt
import pytest


@pytest.fixture
def call(runner, exchange):
    """Runs one call of ccxt."""
    return lambda name, *arguments, **options: runner.run(getattr(exchange, name)(*arguments, **options))


def test_ccxt_reads_the_rules_of_a_market(exchange):
    market = exchange.market("BTC/USDT")
    assert market["precision"] == {"amount": 1e-5, "price": 0.01, "base": 1e-8, "quote": 1e-8}
    assert market["limits"]["cost"]["min"] == 5
    assert market["active"]


def test_a_market_buy_is_filled_and_pays_its_fee_in_base(call, exchange):
    before = call("fetch_balance")
    order = call("create_order", "BTC/USDT", "market", "buy", 0.01)
    after = call("fetch_balance")
    assert (order["status"], order["filled"]) == ("closed", 0.01)
    assert order["fee"] == {"cost": pytest.approx(0.00001), "currency": "BTC"}
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.00999)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(order["cost"])


def test_a_market_buy_by_cost_spends_it(call):
    order = call("create_order", "BTC/USDT", "market", "buy", None, None, {"cost": 100})
    assert order["status"] == "closed"
    assert 99 < order["cost"] <= 100


def test_a_limit_is_open_until_it_is_cancelled(call):
    last = call("fetch_ticker", "BTC/USDT")["last"]
    order = call("create_order", "BTC/USDT", "limit", "buy", 0.01, round(last * 0.9, 2))
    assert order["status"] == "open"
    assert [o["id"] for o in call("fetch_open_orders", "BTC/USDT")] == [order["id"]]
    assert call("fetch_balance")["USDT"]["used"] == pytest.approx(0.01 * order["price"])
    assert call("cancel_order", order["id"], "BTC/USDT")["status"] == "canceled"
    assert call("fetch_order", order["id"], "BTC/USDT")["status"] == "canceled"
    assert call("fetch_open_orders") == []
    assert call("fetch_balance")["USDT"]["used"] == 0


def test_a_resting_limit_fills_when_the_market_moves(call, venue):
    market = venue.floor.market("BTCUSDT")
    book = call("fetch_order_book", "BTC/USDT")
    price = round(book["bids"][0][0] - 1, 2)
    order = call("create_order", "BTC/USDT", "limit", "buy", 0.001, price)
    for _ in range(600):
        venue.floor.advance(venue.clock.step(60_000))
        if market.listing.price(market.last) < price - 1:
            break
    found = call("fetch_order", order["id"], "BTC/USDT")
    assert (found["status"], found["average"]) == ("closed", price)
    fills = call("fetch_my_trades", "BTC/USDT")
    assert [f["takerOrMaker"] for f in fills if f["order"] == order["id"]] == ["maker"]


def test_an_order_is_found_by_its_client_id(call):
    order = call("create_order", "ETH/USDT", "limit", "buy", 0.1, 1000, {"clientOrderId": "mine-1"})
    found = call("fetch_order", None, "ETH/USDT", {"origClientOrderId": "mine-1"})
    assert found["id"] == order["id"]
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        call("create_order", "ETH/USDT", "limit", "buy", 0.1, 1000, {"clientOrderId": "mine-1"})
    call("cancel_order", order["id"], "ETH/USDT")
    again = call("create_order", "ETH/USDT", "limit", "buy", 0.1, 1000, {"clientOrderId": "mine-1"})
    assert again["id"] != order["id"]
    call("cancel_order", None, "ETH/USDT", {"origClientOrderId": "mine-1"})


def test_an_edited_order_is_cancelled_and_replaced(call):
    order = call("create_order", "ETH/USDT", "limit", "buy", 0.1, 1000)
    edited = call("edit_order", order["id"], "ETH/USDT", "limit", "buy", 0.2, 1001)
    assert (edited["amount"], edited["price"], edited["status"]) == (0.2, 1001, "open")
    assert call("fetch_order", order["id"], "ETH/USDT")["status"] == "canceled"
    call("cancel_all_orders", "ETH/USDT")
    assert call("fetch_open_orders", "ETH/USDT") == []


def test_a_stop_is_told_apart_from_what_rests(call):
    last = call("fetch_ticker", "BTC/USDT")["last"]
    order = call("create_order", "BTC/USDT", "market", "sell", 0.01, None, {"stopLossPrice": round(last * 0.95, 2)})
    found = call("fetch_order", order["id"], "BTC/USDT")
    assert (found["type"], found["status"], found["stopPrice"]) == ("market", "open", round(last * 0.95, 2))
    assert found["info"]["isWorking"] is False
    call("cancel_order", order["id"], "BTC/USDT")


def test_candles_agree_with_the_trades_they_are_made_of(call, venue):
    venue.floor.advance(venue.clock.step(180_000))
    candles = call("fetch_ohlcv", "BTC/USDT", "1m", limit=5)
    time, opens, high, low, close, volume = candles[-2]
    trades = [t for t in call("fetch_trades", "BTC/USDT", limit=500) if time <= t["timestamp"] < time + 60_000]
    prices = [t["price"] for t in trades]
    assert (opens, high, low, close) == (prices[0], max(prices), min(prices), prices[-1])
    assert volume == pytest.approx(sum(t["amount"] for t in trades))


def test_longer_candles_are_made_of_the_shorter(call):
    minutes, hours = call("fetch_ohlcv", "BTC/USDT", "1m", limit=1000), call("fetch_ohlcv", "BTC/USDT", "1h", limit=10)
    hour = hours[-2]
    inside = [m for m in minutes if hour[0] <= m[0] < hour[0] + 3_600_000]
    assert len(inside) == 60
    assert hour[2] == max(m[2] for m in inside)
    assert hour[5] == pytest.approx(sum(m[5] for m in inside))


def test_the_book_is_ordered_and_the_ticker_agrees_with_it(call):
    book, ticker = call("fetch_order_book", "BTC/USDT", 50), call("fetch_ticker", "BTC/USDT")
    bids, asks = [b[0] for b in book["bids"]], [a[0] for a in book["asks"]]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < ticker["last"] < asks[0]
    assert (ticker["bid"], ticker["ask"]) == (bids[0], asks[0])


def test_a_taker_pays_what_the_book_shows(call):
    book = call("fetch_order_book", "BTC/USDT", 100)
    amount, cost = 0.0, 0.0
    for price, size in book["asks"][:10]:
        amount, cost = amount + size, cost + price * size
    order = call("create_order", "BTC/USDT", "market", "buy", round(amount, 5))
    assert order["average"] == pytest.approx(cost / amount, abs=0.02)


def test_the_rest_of_the_protocol_answers(call, exchange):
    assert call("fetch_status")["status"] == "ok"
    assert abs(call("fetch_time") - call("fetch_time")) < 1000
    exchange.options["fetchCurrencies"] = True
    assert {"BTC", "ETH", "USDT"} <= set(call("fetch_currencies"))
    assert call("sapi_get_account_apirestrictions")["enableWithdrawals"] is False
    assert call("fetch_trading_fee", "BTC/USDT")["taker"] == 0.001
    assert set(call("fetch_tickers", ["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}
    assert set(call("fetch_bids_asks", ["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}
    assert call("fetch_orders", "BTC/USDT")
    test = call("create_order", "BTC/USDT", "market", "buy", 0.01, None, {"test": True})
    assert test["id"] is None


def test_the_fees_of_a_market_are_told_and_nothing_is_deducted_in_another_currency(call):
    told = call("private_get_account_commission", {"symbol": "BTCUSDT"})
    assert told["standardCommission"] == {
        "maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000",
    }  # fmt: skip
    assert told["discount"]["enabledForAccount"] is False


def test_candles_for_charts_are_the_candles(call):
    asked = {"symbol": "BTCUSDT", "interval": "5m", "limit": 3}
    assert call("public_get_uiklines", asked) == call("public_get_klines", asked)


def test_tickers_of_other_spans_than_a_day_are_told_of_their_minutes(call):
    """By hand, of the minutes that the candles tell: the open of the first, the highest, the sum of the volumes."""
    (told,) = call("public_get_ticker", {"symbols": '["BTCUSDT"]', "windowSize": "5m"})
    minutes = [row for row in call("public_get_klines", {"symbol": "BTCUSDT", "interval": "1m"}) if
               int(row[0]) >= int(told["openTime"])]  # fmt: skip
    assert (told["openPrice"], told["lastPrice"]) == (minutes[0][1], minutes[-1][4])
    assert float(told["highPrice"]) == max(float(row[2]) for row in minutes)
    assert float(told["volume"]) == pytest.approx(sum(float(row[5]) for row in minutes))
    assert int(told["openTime"]) % 60_000 == 0
    day = call("public_get_ticker_tradingday", {"symbol": "BTCUSDT"})
    assert int(day["openTime"]) % 86_400_000 == 0


@pytest.mark.parametrize("asked", [{"symbol": "BTCUSDT", "windowSize": "60m"}, {"windowSize": "1h"}])
def test_a_span_that_there_is_not_and_no_symbol_are_refused(call, asked):
    with pytest.raises(ccxt.ExchangeError):
        call("public_get_ticker", asked)
