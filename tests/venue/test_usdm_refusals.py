"""What the venue refuses of perpetuals, in Binance's codes and words; without network."""

import json
from decimal import Decimal

import pytest
from venue.conftest import KEY, SECRET, config
from venue.test_refusals import ask

from planar.venue.api import Api
from planar.venue.config import built
from planar.venue.limits import Limits
from planar.venue.protocols import USDM
from planar.venue.usdm.account import FUTURES

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "20000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {**MARKET, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "20000"}
TRAIL = {**STOP, "type": "TRAILING_STOP_MARKET", "callbackRate": "1"}
MAKER = "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be \
recorded in the order history."
SIDE = "Order's position side does not match user's setting."
LATER = "Method is not allowed currently. Coming soon."


@pytest.fixture
def floor():
    made = built(config(instruments=("BTC/USDT:USDT",)))[0]
    made.open_account(KEY, SECRET, {"USDT": Decimal(1_000)})
    return made


@pytest.fixture
def api(floor):
    return Api(floor, Limits(), USDM.endpoints)


@pytest.fixture
def post(api):
    """Asks, and gives code and words."""

    def posted(path, **parameters):
        status, answer = ask(api, "POST", f"/fapi/v1/{path}", **parameters)
        assert status == 200 or set(answer) == {"code", "msg"}, answer
        return (answer.get("code"), answer.get("msg")) if status != 200 else answer

    return posted


@pytest.mark.parametrize(
    ("path", "base", "changes", "code", "text"),
    [
        (ORDER, LIMIT, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (ORDER, LIMIT, {"price": ""}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        (ORDER, LIMIT, {"quantity": "0"}, -4003, "Quantity less than or equal to zero."),
        (ORDER, LIMIT, {"quantity": "0.010001"}, -1111, "Precision is over the maximum defined for this asset."),
        (ORDER, LIMIT, {"quantity": "99999999"}, -4005, "Quantity greater than max quantity."),
        (ORDER, LIMIT, {"price": "20000.001"}, -4014, "Price not increased by tick size."),
        (ORDER, LIMIT, {"price": "0"}, -4013, "Price less than min price."),
        (ORDER, LIMIT, {"price": "2000000"}, -4002, "Price greater than max price."),
        (ORDER, LIMIT, {"quantity": "0.0001"}, -4164,
         "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
        (ORDER, LIMIT, {"side": "UP"}, -1117, "Invalid side."),
        (ORDER, LIMIT, {"type": "LIMIT_MAKER"}, -1116, "Invalid orderType."),
        (ORDER, LIMIT, {"timeInForce": "DAY"}, -1115, "Invalid timeInForce."),
        (ORDER, LIMIT, {"positionSide": "LONG"}, -4061, SIDE),
        (ORDER, LIMIT, {"positionSide": "UP"}, -4060, "Invalid position side."),
        (ORDER, LIMIT, {"reduceOnly": "true"}, -2022, "ReduceOnly Order is rejected."),
        (ORDER, LIMIT, {"reduceOnly": "maybe"}, -1130, "Data sent for parameter 'reduceOnly' is not valid."),
        (ORDER, LIMIT, {"newOrderRespType": "FULL"}, -1136, "Invalid newOrderRespType"),
        (ORDER, LIMIT, {"timeInForce": "GTD"}, -1102,
         "Mandatory parameter 'goodTillDate' was not sent, was empty/null, or malformed."),
        (ORDER, LIMIT, {"timeInForce": "GTD", "goodTillDate": "1704078000000"}, -5040,
         "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
         "253402300799000"),
        (ORDER, MARKET, {"quantity": "4000"}, -2027,
         "Exceeded the maximum allowable position at current leverage."),
        (ORDER, MARKET, {"quantity": "5"}, -2019, "Margin is insufficient."),
        (ORDER, MARKET, {"type": "STOP_MARKET", "stopPrice": "20000"}, -4120,
         "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."),
        (ALGO, STOP, {"triggerPrice": ""}, -1102,
         "Mandatory parameter 'triggerPrice' was not sent, was empty/null, or malformed."),
        (ALGO, STOP, {"triggerPrice": "60000"}, -2021, "Order would immediately trigger."),
        (ALGO, STOP, {"type": "TAKE_PROFIT_MARKET"}, -2021, "Order would immediately trigger."),
        (ALGO, STOP, {"type": "LIMIT"}, -1116, "Invalid orderType."),
        (ALGO, STOP, {"algoType": "VP"}, -1130, "Data sent for parameter 'algoType' is not valid."),
        (ALGO, STOP, {"closePosition": "true"}, -4137, "Quantity must be zero with closePosition equals true."),
        (ALGO, STOP, {"closePosition": "true", "quantity": ""}, -2022, "ReduceOnly Order is rejected."),
        (ALGO, TRAIL, {"closePosition": "true", "quantity": ""}, -4136,
         "Target strategy invalid for this order type, closePosition true."),
        (ALGO, STOP, {"timeInForce": "GTD"}, -4084, LATER),
        (ALGO, STOP, {"reduceOnly": "true"}, -2022, "ReduceOnly Order is rejected."),
        (ALGO, TRAIL, {"callbackRate": "11"}, -2007, "Invalid callBack rate"),
        (ALGO, TRAIL, {"callbackRate": "0.05"}, -2007, "Invalid callBack rate"),
    ],
)  # fmt: skip
def test_an_order_is_refused_in_binances_words(api, path, base, changes, code, text):
    status, document = ask(api, "POST", path, **{k: v for k, v in {**base, **changes}.items() if v != ""})
    assert (document.get("code"), document.get("msg"), status) == (code, text, 400)


def test_limits_are_bounded_by_the_mark_price(api, floor):
    market = floor.market("BTCUSDT")
    last = market.last
    for side, share, code, text in (("BUY", 1.06, -4016, "higher"), ("SELL", 0.94, -4024, "lower")):
        price = market.listing.price_text(int(last * share))
        _, answer = ask(api, "POST", ORDER, **{**LIMIT, "side": side, "price": price})
        assert answer["code"] == code
        assert f"Limit price can't be {text} than" in answer["msg"]


def test_post_only_duplicates_and_strangers_are_refused(post, api, floor):
    market = floor.market("BTCUSDT")
    above = market.listing.price_text(int(market.last * 1.01))
    assert post("order", **{**LIMIT, "timeInForce": "GTX", "price": above}) == (-5022, MAKER)
    assert post("order", **LIMIT, newClientOrderId="same")["status"] == "NEW"
    assert post("order", **LIMIT, newClientOrderId="same") == (-4116, "clientOrderId is duplicated.")
    floor.accounts[KEY].rights[FUTURES] = False
    assert ask(api, "POST", ORDER, **LIMIT)[0] == 401


def test_unknown_orders_are_not_found(api):
    for path, name in ((ORDER, "orderId"), (ALGO, "algoId")):
        named = {"symbol": "BTCUSDT", name: "999999"}
        assert ask(api, "GET", path, **named) == (400, {"code": -2013, "msg": "Order does not exist."})
        assert ask(api, "DELETE", path, **named) == (400, {"code": -2011, "msg": "Unknown order sent."})
        assert ask(api, "GET", path, symbol="BTCUSDT")[1]["code"] == -1102


def test_a_conditional_order_is_none_of_the_book_before_it_is_triggered(api, post):
    made = post("algoOrder", **STOP)
    assert ask(api, "GET", ORDER, symbol="BTCUSDT", orderId=str(made["algoId"]))[1]["code"] == -2013
    assert ask(api, "GET", "/fapi/v1/openOrders")[1] == []
    assert [o["algoId"] for o in ask(api, "GET", "/fapi/v1/openAlgoOrders")[1]] == [made["algoId"]]
    limit = post("order", **LIMIT)
    assert ask(api, "GET", ALGO, algoId=str(limit["orderId"]))[1]["code"] == -2013


def test_there_is_one_way_mode_alone(post):
    assert post("positionSide/dual", dualSidePosition="true") == (-4084, LATER)
    assert post("positionSide/dual", dualSidePosition="false") == (-4059, "No need to change position side.")
    assert post("multiAssetsMargin", multiAssetsMargin="true") == (-4084, LATER)


def test_leverage_and_margin_type_are_not_changed_to_what_cannot_be(post, api):
    assert post("leverage", symbol="BTCUSDT", leverage="126") == (-4028, "Leverage 126 is not valid")
    assert post("leverage", symbol="BTCUSDT", leverage="0") == (-4028, "Leverage 0 is not valid")
    margin = {"symbol": "BTCUSDT", "marginType": "CROSSED"}
    assert post("marginType", **margin) == (-4046, "No need to change margin type.")
    margin["marginType"] = "ISOLATED"
    id = str(post("order", **LIMIT)["orderId"])
    assert post("marginType", **margin)[0] == -4047
    ask(api, "DELETE", ORDER, symbol="BTCUSDT", orderId=id)
    post("order", **MARKET)
    assert post("marginType", **margin)[0] == -4048
    post("order", **{**MARKET, "side": "SELL"})
    assert post("marginType", **margin) == {"code": 200, "msg": "success"}
    post("order", **MARKET)
    assert post("leverage", symbol="BTCUSDT", leverage="5")[0] == -4161


def test_margin_is_moved_of_isolated_positions_alone(post, floor):
    moved = {"symbol": "BTCUSDT", "amount": "10", "type": "1"}
    assert post("positionMargin", **moved) == (-4049, "Add margin only support for isolated position.")
    post("marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert post("positionMargin", **moved) == (-4054, "Cannot add position margin: position is 0.")
    post("order", **MARKET)
    before = floor.accounts[KEY].position(floor.listings[0]).kept
    assert post("positionMargin", **moved)["code"] == 200
    assert floor.accounts[KEY].position(floor.listings[0]).kept - before == 10 * 10**8
    assert post("positionMargin", **{**moved, "amount": "10000"}) == (-4050, "Cross balance insufficient.")
    assert post("positionMargin", **{**moved, "type": "2", "amount": "100"}) == (
        -4051,
        "Isolated balance insufficient.",
    )
    assert post("positionMargin", **{**moved, "amount": "0"}) == (-4055, "Amount must be positive.")
    assert post("positionMargin", **{**moved, "type": "2", "amount": "5"})["code"] == 200


def test_each_order_of_a_batch_has_an_answer_of_its_own(post):
    told = post("batchOrders", batchOrders=json.dumps([LIMIT, {**LIMIT, "quantity": "0"}, MARKET]))
    assert [one.get("status") or one["code"] for one in told] == ["NEW", -4003, "NEW"]
    assert post("batchOrders", batchOrders=json.dumps([LIMIT] * 6)) == (-4082, "Invalid number of batch place orders.")
    assert post("batchOrders", batchOrders="{")[0] == -1130


def test_an_amend_that_changes_nothing_or_too_much_is_refused(post, api):
    id = str(post("order", **LIMIT)["orderId"])

    def amend(**changes):
        named = {"symbol": "BTCUSDT", "orderId": id, "side": "BUY", "quantity": "0.01", "price": "20000"}
        return ask(api, "PUT", ORDER, **{**named, **changes})[1]

    assert amend()["code"] == -5027
    assert amend(quantity="5")["code"] == -2019
    assert amend(side="SELL")["code"] == -1117
    assert amend(price="20001")["price"] == "20001.00000000"


def test_who_asks_for_what_is_not_there_is_told_so(api):
    for path in ("/api/v3/account", "/fapi/v1/nothing"):
        assert ask(api, "GET", path)[0] == 404


def test_orders_are_counted_by_ten_seconds_and_minutes(floor):
    api = Api(floor, USDM.limits, USDM.endpoints)
    limits = {(row["interval"], row["limit"]) for row in ask(api, "GET", "/fapi/v1/rateLimit/order")[1]}
    assert limits == {("SECOND", 300), ("MINUTE", 1_200)}


def test_an_order_that_closes_a_position_is_for_all_of_it_whatever_that_comes_to_be(post, api, floor):
    post("order", **MARKET)
    asked = {name: value for name, value in STOP.items() if name != "quantity"}
    made = post("algoOrder", **asked, closePosition="true")
    assert (made["quantity"], made["closePosition"], made["reduceOnly"]) == ("0.00000000", True, True)
    (order,) = floor.accounts[KEY].open.values()
    for side, amount in (("BUY", 2), ("SELL", 1)):
        post("order", **{**MARKET, "side": side})
        assert order.units == amount * floor.listings[0].units(0.01)
    post("order", **{**MARKET, "side": "SELL"})
    assert ask(api, "GET", ALGO, algoId=str(made["algoId"]))[1]["algoStatus"] == "EXPIRED"


def test_an_order_that_is_good_until_a_time_dies_with_the_first_trade_after_it(post, api, floor):
    until = floor.now + 700_000
    made = post("order", **{**LIMIT, "timeInForce": "GTD", "goodTillDate": str(until)})
    assert (made["timeInForce"], made["goodTillDate"]) == ("GTD", until)
    named = {"symbol": "BTCUSDT", "orderId": str(made["orderId"])}
    floor.advance(until - 1)
    assert ask(api, "GET", ORDER, **named)[1]["status"] == "NEW"
    floor.advance(until + 60_000)
    assert ask(api, "GET", ORDER, **named)[1]["status"] == "EXPIRED"


def test_what_reduces_a_position_need_not_reach_the_minimum(post, floor):
    post("order", **MARKET)
    tiny = {**MARKET, "side": "SELL", "quantity": "0.0001"}
    assert post("order", **tiny)[0] == -4164
    assert post("order", **tiny, reduceOnly="true", newOrderRespType="RESULT")["status"] == "FILLED"
