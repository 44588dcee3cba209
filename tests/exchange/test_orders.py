"""Placing, amending and cancelling through the real CCXT class: what goes over the wire, and what comes back."""

from decimal import Decimal

import pytest
from exchange.elsewhere import kraken
from exchange.recorded import answers, code, run

from planar.config.secrets import Credentials, Secret
from planar.errors import ConfigError, Rejected
from planar.exchange.model import OrderRequest
from planar.model.order import Kind, Side, Status, Tif


def buy(amount="0.1", price="100", **more):
    price = None if price is None else Decimal(price)
    return OrderRequest("BTC/USDT", Side.BUY, None if amount is None else Decimal(amount), price=price, **more)


def sent(server, path="/api/v3/order", method="POST"):
    """What the last request to a path carried."""
    return [asked for how, where, asked in server.requests if (how, where) == (method, path)][-1]


def refused(request, *, symbol_code, **options):
    async def test(server, exchange):
        with pytest.raises(Rejected) as caught:
            await exchange.place(request)
        assert caught.value.code == symbol_code
        assert server.count("POST /api/v3/order") == 0
        return str(caught.value)

    return run(test, **options)


def test_a_limit_goes_out_on_the_steps_with_an_id_of_ours():
    async def test(server, exchange):
        order = await exchange.place(buy("0.123456", "100.019"))
        asked = sent(server)
        assert (asked["quantity"], asked["price"], asked["type"]) == ("0.12345", "100.01", "LIMIT")
        assert asked["newClientOrderId"] == order.client_id
        assert len(order.client_id) == 32
        assert (order.amount, order.price, order.status) == (Decimal("0.12345"), Decimal("100.01"), Status.OPEN)

    run(test)


def test_an_amount_of_many_digits_arrives_to_the_last_of_them():
    async def test(server, exchange):
        await exchange.place(buy("8765.43212", "100"))
        assert sent(server)["quantity"] == "8765.43212"

    run(test)


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (buy(None, None, cost=Decimal("50.5")), {"type": "MARKET", "quoteOrderQty": "50.5"}),
        (buy(price=None), {"type": "MARKET", "quantity": "0.1"}),
        (buy(post_only=True), {"type": "LIMIT_MAKER"}),
        (buy(tif=Tif.IOC), {"type": "LIMIT", "timeInForce": "IOC"}),
        (buy(tif=Tif.FOK), {"type": "LIMIT", "timeInForce": "FOK"}),
        (buy(stop=Decimal("99")), {"type": "STOP_LOSS_LIMIT", "stopPrice": "99"}),
        (buy(price=None, stop=Decimal("99")), {"type": "STOP_LOSS", "stopPrice": "99"}),
        (buy(take=Decimal("99")), {"type": "TAKE_PROFIT_LIMIT", "stopPrice": "99"}),
        (buy(price=None, take=Decimal("99")), {"type": "TAKE_PROFIT", "stopPrice": "99"}),
        (buy(price=None, trail=Decimal("0.0150")), {"type": "STOP_LOSS", "trailingDelta": "150"}),
        (
            buy(price=None, trail=Decimal("0.02"), activation=Decimal("98.996")),
            {"type": "TAKE_PROFIT", "trailingDelta": "200", "stopPrice": "99"},
        ),
    ],
)
def test_every_kind_of_order_is_said_in_the_exchanges_words(request_, wire):
    async def test(server, exchange):
        order = await exchange.place(request_)
        assert wire.items() <= sent(server).items()
        assert order.kind is request_.kind
        assert order.post_only == request_.post_only

    run(test)


@pytest.mark.parametrize(
    ("terms", "price"), [({"trail": Decimal("0.0150")}, "+1.5%"), ({"trail_by": Decimal("250.04")}, "+250.0")]
)
def test_kraken_trails_by_a_share_or_a_distance_and_is_understood(terms, price):
    async def test(server, exchange):
        taken, _ = kraken(server)
        placed = await exchange.place(OrderRequest("BTC/USDT", Side.SELL, Decimal("0.01"), **terms))
        found = await exchange.order(placed.id, "BTC/USDT")
        assert (taken["OABC"]["descr"]["ordertype"], taken["OABC"]["descr"]["price"]) == ("trailing-stop", price)
        for told in (placed, found):
            assert (told.kind, told.price, told.stop) == (Kind.TRAIL, None, None)
            by = None if told.trail_by is None else f"{told.trail_by:f}"
            assert (told.trail, by) == (terms.get("trail"), "250.0" if "trail_by" in terms else None)
        later = OrderRequest("BTC/USDT", Side.SELL, Decimal("0.01"), activation=Decimal(31000), **terms)
        with pytest.raises(Rejected, match="does not offer trailing stops with an activation"):
            await exchange.place(later)

    run(test, id="kraken", credentials=Credentials(Secret("key-of-kraken"), Secret("c2VjcmV0LW9mLWtyYWtlbg==")))


def test_what_the_exchange_does_not_offer_is_refused_and_not_left_out():
    assert "does not offer GTD orders" in refused(buy(tif=Tif.GTD, expire=1), symbol_code="NOT_SUPPORTED")
    assert "reduce-only orders on spot" in refused(buy(reduce_only=True), symbol_code="NOT_SUPPORTED")
    fine = refused(buy(price=None, trail=Decimal("0.01005")), symbol_code="NOT_SUPPORTED")
    assert "does not offer trailing stops of 1.005 %, only of whole hundredths of a per cent" in fine
    by = refused(buy(price=None, trail_by=Decimal(5)), symbol_code="NOT_SUPPORTED")
    assert "trailing stops by a distance in quote (trail_by), only by a fraction (trail)" in by


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"stop": Decimal(99), "take": Decimal(101)}, "stop and take are one trigger too many"),
        ({"activation": Decimal(99)}, "an activation belongs to a trailing stop"),
        ({"trail": Decimal("0.01")}, "a trailing stop has no limit"),
        ({"price": None, "trail": Decimal(2)}, "trail = 2 is a fraction: 0.02 is 2 %"),
        ({"price": None, "trail": Decimal(0)}, "trail = 0 must be a number above 0"),
    ],
)
def test_triggers_that_no_order_has_are_refused_with_why(terms, told):
    assert told in refused(buy(**{"price": "100", **terms}), symbol_code="INVALID_ORDER")


def test_a_market_that_is_not_traded_is_named_as_such():
    request = OrderRequest("DOGE/USDT", Side.BUY, Decimal(100), price=Decimal(1))
    assert "DOGE/USDT is not traded now" in refused(request, symbol_code="MARKET_CLOSED")


def test_a_symbol_spelled_without_a_slash_is_answered_with_the_right_one():
    request = OrderRequest("BTCUSDT", Side.BUY, Decimal(1))
    assert "Did you mean 'BTC/USDT'?" in refused(request, symbol_code="UNKNOWN_SYMBOL")
    request = OrderRequest("btc-usdt", Side.BUY, Decimal(1))
    assert "Did you mean 'BTC/USDT'?" in refused(request, symbol_code="UNKNOWN_SYMBOL")


def test_a_private_request_without_keys_says_where_they_belong():
    text = refused(buy(), symbol_code="AUTHENTICATION", credentials=None)
    assert "fill in user/secrets.toml, section [exchanges.binance]" in text


@pytest.mark.parametrize(
    ("leveraged", "side", "path"),
    [
        ("", Side.BUY, "/api/v3/order"),
        ("from", Side.BUY, "/sapi/v1/margin/order"),
        ("from", Side.SELL, "/api/v3/order"),
        ("to", Side.BUY, "/api/v3/order"),
        ("to", Side.SELL, "/sapi/v1/margin/order"),
        ("both", Side.SELL, "/sapi/v1/margin/order"),
    ],
)
def test_leveraged_spot_orders_go_to_the_margin_account(leveraged, side, path):
    async def test(server, exchange):
        order = await exchange.place(OrderRequest("BTC/USDT", side, Decimal("0.1"), price=Decimal(100)))
        assert [where for how, where, _ in server.requests if how == "POST"] == [path]
        # It is found again, whichever account it went to.
        server.answers["GET /api/v3/order"] = server.answers["GET /sapi/v1/margin/order"] = nowhere
        server.answers[f"GET {path}"] = lambda asked: server.find(asked, -2013)
        assert (await exchange.order(order.id, "BTC/USDT")).id == order.id

    def nowhere(asked):
        raise code(-2013, "Order does not exist.")

    run(test, leveraged=leveraged)


def test_an_order_that_filled_before_it_could_be_cancelled_is_given_as_it_ended():
    async def test(server, exchange):
        order = await exchange.place(buy())
        server.orders[1].update(status="FILLED", executedQty="0.1", cummulativeQuoteQty="10")
        ended = await exchange.cancel(order.id, "BTC/USDT")
        assert (ended.status, ended.filled) == (Status.FILLED, Decimal("0.1"))

    run(test)


def test_an_order_that_never_was_cannot_be_cancelled():
    async def test(server, exchange):
        with pytest.raises(Rejected) as caught:
            await exchange.cancel("99", "BTC/USDT")
        assert caught.value.code == "ORDER_NOT_FOUND"

    run(test)


def test_a_cancelled_order_keeps_its_own_client_id():
    async def test(server, exchange):
        order = await exchange.place(buy(client_id="mine"))
        assert (await exchange.cancel(order.id, "BTC/USDT")).client_id == "mine"

    run(test)


def test_cancelling_all_gives_each_order_as_it_ended_and_none_is_no_error():
    async def test(server, exchange):
        assert await exchange.cancel_all("BTC/USDT") == []
        for price in ("90", "91"):
            await exchange.place(buy(price=price))
        await exchange.place(buy(price=None))
        ended = await exchange.cancel_all("BTC/USDT")
        assert [(order.id, order.status) for order in ended] == [("1", Status.CANCELLED), ("2", Status.CANCELLED)]
        assert await exchange.open_orders("BTC/USDT") == []

    run(test)


def test_an_amend_replaces_the_order_and_keeps_what_was_not_named():
    async def test(server, exchange):
        before = await exchange.place(buy("0.2", "100", stop=Decimal("99")))
        after = await exchange.amend(before.id, "BTC/USDT", price=Decimal("101.119"))
        assert (after.price, after.amount, after.stop, after.kind) == (
            Decimal("101.11"),
            Decimal("0.2"),
            Decimal("99"),
            Kind.STOP_LIMIT,
        )
        assert after.id != before.id
        assert after.client_id != before.client_id
        # An order that fills meanwhile must not be replaced as a whole.
        assert sent(server, "/api/v3/order/cancelReplace")["cancelRestrictions"] == "ONLY_NEW"

    run(test)


def test_an_amend_of_a_take_stays_a_take():
    async def test(server, exchange):
        before = await exchange.place(buy("0.2", "98", take=Decimal("99")))
        after = await exchange.amend(before.id, "BTC/USDT", stop=Decimal("97"))
        assert (after.kind, after.stop, after.price) == (Kind.TAKE_LIMIT, Decimal("97"), Decimal("98"))
        asked = sent(server, "/api/v3/order/cancelReplace")
        assert (asked["type"], asked["stopPrice"]) == ("TAKE_PROFIT_LIMIT", "97")

    run(test)


def test_a_trailing_stop_is_not_amended_since_another_would_begin_anew():
    async def test(server, exchange):
        before = await exchange.place(buy("0.2", None, trail=Decimal("0.02")))
        with pytest.raises(Rejected, match="another would begin to follow anew"):
            await exchange.amend(before.id, "BTC/USDT", amount=Decimal("0.3"))
        assert server.count("POST /api/v3/order/cancelReplace") == 0

    run(test)


def test_an_amend_of_a_part_filled_order_asks_for_what_is_left():
    async def test(server, exchange):
        await exchange.place(buy("0.5"))
        server.orders[1].update(executedQty="0.2", cummulativeQuoteQty="20")
        await exchange.amend("1", "BTC/USDT", amount=Decimal("0.6"))
        assert sent(server, "/api/v3/order/cancelReplace")["quantity"] == "0.4"

    run(test)


@pytest.mark.parametrize(
    ("body", "expected", "told"),
    [
        (
            '{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS",'
            '"newOrderResult":"FAILURE","newOrderResponse":{"code":-2010,"msg":"Account has insufficient balance."}}}',
            "CANCELLED_NOT_REPLACED",
            "The order is gone",
        ),
        (
            '{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE",'
            '"newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."}}}',
            "AMEND_FAILED",
            "Nothing was changed",
        ),
    ],
)
def test_an_amend_that_half_failed_is_told_from_one_that_failed(body, expected, told):
    async def test(server, exchange):
        await exchange.place(buy())
        server.fail("POST /api/v3/order/cancelReplace", answers(409, body))
        with pytest.raises(Rejected, match=told) as caught:
            await exchange.amend("1", "BTC/USDT", price=Decimal("99"))
        assert caught.value.code == expected

    run(test)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"amount": 0.01}, r"amount = 0.01 of an order must be exact: write Decimal\('0.01'\)"),
        ({"amount": 1}, "must be exact"),
        ({"amount": Decimal(1), "price": "25000"}, r"write Decimal\('25000'\)"),
        ({"amount": Decimal(1), "side": "buy"}, "side = 'buy' of an order must be one of Side.BUY, Side.SELL"),
        ({"amount": Decimal(1), "tif": "GTC"}, "must be one of Tif.GTC"),
    ],
)
def test_terms_of_another_kind_are_refused_with_what_to_write(terms, told):
    with pytest.raises(ConfigError, match=told):
        OrderRequest(**{"symbol": "BTC/USDT", "side": Side.BUY, **terms})


def test_an_amend_that_changes_nothing_is_refused_and_nothing_is_asked():
    async def test(server, exchange):
        with pytest.raises(Rejected, match="changes nothing: give a price, a stop or an amount"):
            await exchange.amend("1", "BTC/USDT")
        assert server.count("GET /api/v3/order") == 0

    run(test)


def test_an_order_that_is_done_cannot_be_amended():
    async def test(server, exchange):
        await exchange.place(buy(price=None))
        with pytest.raises(Rejected) as caught:
            await exchange.amend("1", "BTC/USDT", price=Decimal("99"))
        assert caught.value.code == "ORDER_DONE"
        assert server.count("POST /api/v3/order/cancelReplace") == 0

    run(test)


def test_of_several_orders_each_gets_its_own_answer():
    async def test(server, exchange):
        first, second, third = await exchange.place_all([buy(), buy("0.00000001"), buy(price="90")])
        assert (first.id, second.code, third.id) == ("1", "BELOW_MIN_AMOUNT", "2")

    run(test)


def test_an_order_is_found_by_its_own_id_and_by_ours():
    async def test(server, exchange):
        order = await exchange.place(buy(client_id="mine"))
        assert await exchange.order(order.id, "BTC/USDT") == order
        assert await exchange.order("", "BTC/USDT", client_id="mine") == order
        with pytest.raises(Rejected) as caught:
            await exchange.order("", "BTC/USDT", client_id="theirs")
        assert caught.value.code == "ORDER_NOT_FOUND"

    run(test)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, '{"code":-1013,"msg":"Filter failure: NOTIONAL"}', "BELOW_MIN_COST"),
        (400, '{"code":-1013,"msg":"Filter failure: LOT_SIZE"}', "INVALID_AMOUNT"),
        (400, '{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}', "INVALID_PRICE"),
        (400, '{"code":-2010,"msg":"Account has insufficient balance for requested action."}', "INSUFFICIENT_FUNDS"),
        (400, '{"code":-2010,"msg":"Order would immediately match and take."}', "POST_ONLY_WOULD_TAKE"),
        (400, '{"code":-2010,"msg":"Stop price would trigger immediately."}', "STOP_WOULD_TRIGGER"),
        (400, '{"code":-2010,"msg":"Duplicate order sent."}', "DUPLICATE_ORDER_ID"),
        (400, '{"code":-1022,"msg":"Signature for this request is not valid."}', "AUTHENTICATION"),
        (401, '{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}', "AUTHENTICATION"),
    ],
)
def test_a_refusal_of_the_exchange_is_told_by_its_code(status, body, expected):
    async def test(server, exchange):
        await exchange.place(buy(price="90", client_id="mine"))  # the key has worked, which is what misleads CCXT
        server.fail("POST /api/v3/order", answers(status, body))
        with pytest.raises(Rejected) as caught:
            await exchange.place(buy(client_id="mine"))
        assert caught.value.code == expected

    run(test)
