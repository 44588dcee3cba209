"""What no order may cost is not spent, whoever places it."""

from decimal import Decimal

import pytest
from exchange.recorded import run

from planar.config.settings import Risk
from planar.errors import Rejected
from planar.exchange import registry
from planar.exchange.model import OrderRequest
from planar.exchange.risk import check_cost
from planar.model.order import Side

TICKER = {"symbol": "BTCUSDT", "lastPrice": "100.00", "bidPrice": "99.99", "askPrice": "100.01", "closeTime": 1}


def D(text):
    return Decimal(text)


def placed(request, most, ticker=TICKER):
    """How many orders were sent."""

    async def test(server, exchange):
        server.answers["GET /api/v3/ticker/24hr"] = lambda asked: ticker
        exchange.risk = Risk(max_order_cost=most)
        try:
            await exchange.place(request)
        finally:
            sent.append(server.count("POST /api/v3/order"))

    sent = []
    run(test)
    return sent[0]


ONE = {"symbol": "BTC/USDT", "amount": Decimal(1)}


@pytest.mark.parametrize(
    ("request_", "cost"),
    [
        (OrderRequest(side=Side.BUY, price=D("90"), **ONE), 90.0),
        (OrderRequest(side=Side.SELL, price=D("90"), **ONE), 100.0),
        (OrderRequest(side=Side.SELL, price=D("110"), **ONE), 110.0),
        (OrderRequest(side=Side.BUY, **ONE), 101.0),
        (OrderRequest(side=Side.SELL, **ONE), 100.0),
        (OrderRequest(side=Side.BUY, stop=D("120"), **ONE), 121.2),
        (OrderRequest("BTC/USDT", Side.BUY, cost=D("70")), 70.0),
    ],
    ids=["limit buy", "limit sale below the market", "limit sale", "market buy", "market sale", "stop", "by its cost"],
)
def test_an_order_is_sent_up_to_the_users_limit_and_not_beyond_it(request_, cost):
    assert placed(request_, cost) == 1
    with pytest.raises(Rejected, match=r"was not sent: it may cost .* risk.max_order_cost = .* ask for less") as error:
        placed(request_, cost - 0.01)
    assert error.value.code == "RISK_LIMIT"


def test_an_order_of_which_nobody_knows_the_cost_is_not_sent():
    with pytest.raises(Rejected, match="it may cost nobody knows how much"):
        placed(OrderRequest(side=Side.SELL, **ONE), 1e9, {**TICKER, "lastPrice": None, "closeTime": 1})


def test_what_can_only_close_a_position_may_cost_what_it_will():
    closing = OrderRequest("BTC/USDT", Side.SELL, amount=D("5"), reduce_only=True)
    check_cost(closing, None, None, Risk(max_order_cost=1.0), "binance")


def test_without_a_limit_nothing_is_judged():
    assert placed(OrderRequest(side=Side.BUY, **ONE), 0.0) == 1


def test_every_exchange_that_is_got_has_the_users_limit(tmp_path):
    (tmp_path / "planar.toml").write_text("[risk]\nmax_order_cost = 50\n")
    assert registry.get("binance", folder=tmp_path).risk.max_order_cost == 50
