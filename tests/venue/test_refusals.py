"""What the venue refuses, in Binance's codes and words; without network."""

import hashlib
import hmac
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from venue.conftest import BALANCES, KEY, SECRET, config

from planar.venue import clock
from planar.venue.api import Api, Request
from planar.venue.config import built
from planar.venue.limits import Limits
from planar.venue.protocols import SPOT


@pytest.fixture(scope="module")
def floor():
    made = built(config())[0]
    made.open_account(KEY, SECRET, dict(BALANCES))
    made.open_account("poor", SECRET, {"USDT": Decimal(1)})
    return made


@pytest.fixture
def api(floor):
    return Api(floor, Limits(), SPOT.endpoints)


def signed(parameters, *, secret=SECRET, age=0):
    text = urlencode({**parameters, "timestamp": clock.wall() - age})
    return f"{text}&signature={hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def ask(api, method, path, key=KEY, secret=SECRET, age=0, **parameters):
    answer = api.answer(Request(method, path, signed(parameters, secret=secret, age=age), "", key))
    return answer.status, answer.document


ORDER = "/api/v3/order"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "20000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01"}
TAKE = {**STOP, "type": "TAKE_PROFIT"}

FUNDS = "Account has insufficient balance for requested action."
QUANTITY = r"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."


@pytest.mark.parametrize(
    ("base", "changes", "code", "text"),
    [
        (LIMIT, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (LIMIT, {"symbol": "BTC/USDT"}, -1100, "Illegal characters found in parameter 'symbol'; "
         r"legal range is '^[\w\-._&&[^a-z]]{1,50}$'."),
        (LIMIT, {"symbol": "btcusdt"}, -1100, "Illegal characters found in parameter 'symbol'; "
         r"legal range is '^[\w\-._&&[^a-z]]{1,50}$'."),
        (LIMIT, {"symbol": ""}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        (LIMIT, {"price": ""}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        (LIMIT, {"quantity": "-1"}, -1100, QUANTITY),
        (LIMIT, {"quantity": "1e-2"}, -1100, QUANTITY),
        (LIMIT, {"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (LIMIT, {"quantity": "0"}, -1013, "Invalid quantity."),
        (LIMIT, {"quantity": "0.010001"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"price": "20000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"price": "1"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (LIMIT, {"quantity": "0.0001"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"side": "UP"}, -1117, "Invalid side."),
        (LIMIT, {"type": "TAKE_PROFIT_MARKET"}, -1116, "Invalid orderType."),
        (LIMIT, {"trailingDelta": "100"}, -1106, "Parameter 'trailingDelta' sent when not required."),
        (LIMIT, {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"quantity": "100"}, -2010, FUNDS),
        (LIMIT, {"other": "1"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
        (LIMIT, {"icebergQty": "1"}, -2010, "Iceberg orders are not supported for this symbol."),
        (LIMIT, {"newClientOrderId": "a b"}, -1100, "Illegal characters found in parameter 'newClientOrderId'; "
         r"legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'."),
        (MARKET, {"price": "1"}, -1106, "Parameter 'price' sent when not required."),
        (MARKET, {"quantity": "2000000"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        (MARKET, {"quoteOrderQty": "1"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        (MARKET, {"side": "SELL", "quantity": "1000000"}, -2010, FUNDS),
        ({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}, {"quoteOrderQty": "99999999999999999999"}, -2010,
         FUNDS),
        (STOP, {"stopPrice": "60000"}, -2010, "Stop price would trigger immediately."),
        (STOP, {}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"),
        (STOP, {"timeInForce": "GTC", "stopPrice": "20000"}, -1106,
         "Parameter 'timeInForce' sent when not required."),
        (TAKE, {"stopPrice": "20000"}, -2010, "Stop price would trigger immediately."),
        (TAKE, {"type": "TAKE_PROFIT_LIMIT", "stopPrice": "60000", "price": "60000", "timeInForce": "IOC"}, -2010,
         "Unsupported order combination"),
        (STOP, {"trailingDelta": "9"}, -1013, "Filter failure: TRAILING_DELTA"),
        (STOP, {"trailingDelta": "0"}, -1013, "Filter failure: TRAILING_DELTA"),
        (TAKE, {"trailingDelta": "2001"}, -1013, "Filter failure: TRAILING_DELTA"),
        (STOP, {"trailingDelta": "1.5"}, -1100, "Illegal characters found in parameter 'trailingDelta'; "
         "legal range is '^[0-9]{1,20}$'."),
        (STOP, {"trailingDelta": "100", "stopPrice": "20000"}, -2010, "Unsupported order combination"),
        (STOP, {"type": "STOP_LOSS_LIMIT", "trailingDelta": "100", "price": "20000", "timeInForce": "GTC"}, -2010,
         "Unsupported order combination"),
        ({**LIMIT, "type": "LIMIT_MAKER", "timeInForce": "", "price": "60000"}, {}, -2010,
         "Order would immediately match and take."),
    ],
)  # fmt: skip
def test_an_order_is_refused_in_binances_words(api, base, changes, code, text):
    status, document = ask(api, "POST", ORDER, **{k: v for k, v in {**base, **changes}.items() if v != ""})
    assert (document.get("code"), document.get("msg"), status) == (code, text, 400)


def test_a_stop_too_many_is_refused(api):
    for i in range(5):
        assert ask(api, "POST", ORDER, **STOP, stopPrice="20000", newClientOrderId=f"stop-{i}")[0] == 200
    answer = ask(api, "POST", ORDER, **STOP, stopPrice="20000")
    assert answer == (400, {"code": -1013, "msg": "Filter failure: MAX_NUM_ALGO_ORDERS"})
    assert ask(api, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")[0] == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key": ""}, 401, -2014),
        ({"key": "nobody"}, 401, -2015),
        ({"secret": "wrong"}, 400, -1022),
        ({"age": 6_000}, 400, -1021),
        ({"age": -2_000}, 400, -1021),
        ({"recvWindow": "70000"}, 400, -1131),
    ],
)
def test_who_is_not_who_they_say_or_late_is_refused(api, changes, status, code):
    answer = ask(api, "GET", "/api/v3/account", **changes)
    assert (answer[0], answer[1]["code"]) == (status, code)


def test_parameters_may_stand_in_the_address_the_body_or_both(api):
    first, second = urlencode({"symbol": "BTCUSDT", "side": "BUY"}), urlencode({"type": "MARKET", "quantity": "0.01"})
    second += f"&timestamp={clock.wall()}"
    signature = hmac.new(SECRET.encode(), (first + second).encode(), hashlib.sha256).hexdigest()
    assert api.answer(Request("POST", ORDER, first, f"{second}&signature={signature}", KEY)).status == 200
    twice = api.answer(Request("POST", ORDER, first, f"{first}&signature={signature}", KEY))
    assert twice.document == {"code": -1101, "msg": "Duplicate values for a parameter detected."}


def test_unknown_orders_are_not_found(api):
    named = {"symbol": "BTCUSDT", "orderId": "999999"}
    assert ask(api, "GET", ORDER, **named) == (400, {"code": -2013, "msg": "Order does not exist."})
    assert ask(api, "DELETE", ORDER, **named) == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert ask(api, "GET", ORDER, symbol="BTCUSDT")[1]["code"] == -1102
    assert ask(api, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")[1]["code"] == -2011


def test_a_closed_market_takes_no_orders(api, floor):
    listing = floor.market("ETHUSDT").listing
    floor.delist(listing)
    answer = ask(api, "POST", ORDER, **{**MARKET, "symbol": "ETHUSDT", "quantity": "0.1"})
    assert answer == (400, {"code": -1013, "msg": "Market is closed."})
    floor.set_status(listing, "TRADING")


def test_a_failed_replacement_says_which_half_failed(api):
    replace = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": "999999"}
    status, document = ask(api, "POST", "/api/v3/order/cancelReplace", **replace)
    assert (status, document["code"], document["data"]["newOrderResult"]) == (400, -2022, "NOT_ATTEMPTED")
    replace["cancelReplaceMode"] = "ALLOW_FAILURE"
    status, document = ask(api, "POST", "/api/v3/order/cancelReplace", **replace)
    assert (status, document["code"], document["data"]["newOrderResult"]) == (409, -2021, "SUCCESS")
    ask(api, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


def test_a_replacement_may_have_the_id_of_what_it_replaces(api):
    assert ask(api, "POST", ORDER, **LIMIT, newClientOrderId="same")[0] == 200
    assert ask(api, "POST", ORDER, **LIMIT, newClientOrderId="same")[1]["msg"] == "Duplicate order sent."
    replace = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "same"}
    status, document = ask(api, "POST", "/api/v3/order/cancelReplace", **replace, newClientOrderId="same")
    assert (status, document["newOrderResponse"]["clientOrderId"]) == (200, "same")
    ask(api, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


def test_weight_is_counted_then_refused_then_banned(floor):
    api = Api(floor, Limits(weight=50, patience=2, ban_seconds=7), SPOT.endpoints)
    request = Request("GET", "/api/v3/exchangeInfo", "")
    answers = [api.answer(request) for _ in range(6)]
    assert [a.status for a in answers] == [200, 200, 429, 429, 418, 418]
    assert [a.headers.get("X-MBX-USED-WEIGHT-1M") for a in answers[:2]] == ["20", "40"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert answers[4].headers["Retry-After"] == "7"
    assert answers[4].document["code"] == -1003


def test_orders_are_counted_by_key(floor):
    api = Api(floor, Limits(orders_10s=2), SPOT.endpoints)
    test = [api.answer(Request("POST", ORDER, signed(MARKET), "", KEY)) for _ in range(3)]
    while [a.status for a in test] == [200, 200, 200]:  # ten seconds were over in between
        test = [*test[1:], api.answer(Request("POST", ORDER, signed(MARKET), "", KEY))]
    assert test[-1].status == 429
    assert test[-1].document == {"code": -1015, "msg": "Too many new orders; current limit is 2 orders per 10 SECOND."}
    assert api.answer(Request("POST", ORDER, signed(MARKET), "", "poor")).document["code"] == -2010
