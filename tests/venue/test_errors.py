"""Each way the venue says no, as the real ccxt maps it."""

import ccxt
import pytest
from venue.conftest import binance


@pytest.fixture
def call(runner, exchange):
    return lambda name, *arguments: runner.run(getattr(exchange, name)(*arguments))


@pytest.fixture
def stranger(runner, venue, exchange):
    """Another ccxt of the same venue, whose keys a test may spoil."""

    async def make():
        made = binance(venue)
        made.set_markets(exchange.markets)
        return made

    made = runner.run(make())
    session = made.session
    yield made

    async def close():
        await made.close()
        await session.close()

    runner.run(close())


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("market", "buy", 1000), ccxt.InsufficientFunds),
        (("limit", "buy", 0.0001, 20_000), ccxt.BadRequest),  # NOTIONAL
        (("limit", "buy", 0.01, 1), ccxt.InvalidOrder),  # PERCENT_PRICE_BY_SIDE
        (("limit", "buy", 0.01, 90_000, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
        (("market", "sell", 0.01, None, {"stopLossPrice": 90_000}), ccxt.OrderImmediatelyFillable),
    ],
)
def test_ccxt_tells_why_an_order_was_refused(call, order, error):
    with pytest.raises(error) as raised:
        call("create_order", "BTC/USDT", *order)
    assert type(raised.value) is error


def test_what_ccxt_would_round_is_refused_when_it_comes_unrounded(runner, exchange):
    raw = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "20000"}
    with pytest.raises(ccxt.InvalidOrder, match="lot size"):
        runner.run(exchange.private_post_order({**raw, "quantity": "0.010001"}))
    with pytest.raises(ccxt.InvalidOrder, match="price is invalid"):
        runner.run(exchange.private_post_order({**raw, "quantity": "0.01", "price": "20000.001"}))


def test_orders_that_are_not_there_are_not_found(call):
    for name in ("fetch_order", "cancel_order"):
        with pytest.raises(ccxt.OrderNotFound):
            call(name, "999999", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        call("cancel_all_orders", "BTC/USDT")


def test_wrong_keys_are_an_authentication_error(runner, stranger):
    stranger.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        runner.run(stranger.fetch_balance())
    stranger.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        runner.run(stranger.fetch_balance())


def test_a_clock_that_is_off_is_an_invalid_nonce_until_it_is_synchronised(runner, stranger, venue):
    venue.api.desk.skew = 20_000
    try:
        with pytest.raises(ccxt.InvalidNonce):
            runner.run(stranger.fetch_balance())
        runner.run(stranger.load_time_difference())
        stranger.options["adjustForTimeDifference"] = True
        assert runner.run(stranger.fetch_balance())
    finally:
        venue.api.desk.skew = 0


def test_a_delisted_market_is_closed(call, venue):
    listing = venue.floor.market("ETHUSDT").listing
    order = call("create_order", "ETH/USDT", "limit", "buy", 0.1, 1000)
    venue.floor.delist(listing)
    try:
        assert call("fetch_order", order["id"], "ETH/USDT")["status"] == "canceled"
        with pytest.raises(ccxt.MarketClosed):
            call("create_order", "ETH/USDT", "market", "buy", 0.1)
    finally:
        venue.floor.set_status(listing, "TRADING")
