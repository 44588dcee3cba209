"""Each way the venue says no of perpetuals, as the real ccxt maps it."""

from decimal import Decimal

import ccxt
import pytest
from venue.conftest import KEY, SECRET, config
from venue.loopback import Loopback

from planar.venue.server import Venue

SYMBOL = "BTC/USDT:USDT"
RAW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "20000", "quantity": "0.01"}


@pytest.fixture(scope="module")
def venue(runner):
    async def opened():
        return await Venue(config(instruments=(SYMBOL,), balances={"USDT": Decimal(1_000)})).__aenter__()

    made = runner.run(opened())
    yield made
    runner.run(made.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def exchange(runner, venue):
    import ccxt.pro

    async def opened():
        made = ccxt.pro.binanceusdm({
            "apiKey": KEY, "secret": SECRET, "session": Loopback(venue.port), "enableRateLimit": False,
            "options": {"fetchCurrencies": False, "fetchMargins": False},
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


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("market", "buy", 5), ccxt.InsufficientFunds),  # -2019
        (("limit", "buy", 0.0001, 20_000), ccxt.InvalidOrder),  # -4164
        (("limit", "buy", 0.01, 30_500, {"postOnly": True}), ccxt.OrderNotFillable),  # -5022
        (("market", "sell", 0.01, None, {"reduceOnly": True}), ccxt.InvalidOrder),  # -2022
        (("market", "sell", 0.01, None, {"stopLossPrice": 90_000}), ccxt.OrderImmediatelyFillable),  # -2021
        (("market", "buy", 4_000), ccxt.OperationRejected),  # -2027
    ],
)
def test_ccxt_tells_why_an_order_was_refused(runner, exchange, order, error):
    with pytest.raises(error) as raised:
        runner.run(exchange.create_order(SYMBOL, *order))
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"quantity": "0.010001"}, ccxt.BadRequest),  # -1111
        ({"positionSide": "LONG"}, ccxt.OperationRejected),  # -4061
        ({"type": "STOP_MARKET", "stopPrice": "20000"}, ccxt.InvalidOrder),  # -4120
        ({"symbol": "NOPE"}, ccxt.BadSymbol),  # -1121
    ],
)
def test_what_ccxt_would_not_send_is_refused_when_it_comes(runner, exchange, changes, error):
    with pytest.raises(error):
        runner.run(exchange.fapiprivate_post_order({**RAW, **changes}))


def test_a_client_id_is_good_for_one_open_order(runner, exchange):
    runner.run(exchange.fapiprivate_post_order({**RAW, "newClientOrderId": "same"}))
    with pytest.raises(ccxt.InvalidOrder, match="-4116"):
        runner.run(exchange.fapiprivate_post_order({**RAW, "newClientOrderId": "same"}))
    runner.run(exchange.cancel_all_orders(SYMBOL))


def test_orders_that_are_not_there_are_not_found(runner, exchange):
    for params in ({}, {"trigger": True}):
        for name in ("fetch_order", "cancel_order"):
            with pytest.raises(ccxt.OrderNotFound):
                runner.run(getattr(exchange, name)("999999", SYMBOL, params))


def test_hedge_mode_and_what_is_so_already_are_told_apart(runner, exchange):
    with pytest.raises(ccxt.OperationRejected):
        runner.run(exchange.set_position_mode(False))
    with pytest.raises(ccxt.ExchangeError, match="-4084"):
        runner.run(exchange.set_position_mode(True))
    assert runner.run(exchange.fetch_position_mode())["hedged"] is False


def test_a_delisted_contract_is_closed(runner, exchange, venue):
    listing = venue.floor.listings[0]
    venue.floor.delist(listing)
    try:
        with pytest.raises(ccxt.ExchangeError, match="-4141"):
            runner.run(exchange.create_order(SYMBOL, "market", "buy", 0.01))
    finally:
        venue.floor.set_status(listing, "TRADING")
