"""Whatever is asked for, in whatever order: money is conserved, and nothing stays held."""

import random
from decimal import Decimal

import pytest
from venue.conftest import BALANCES, KEY, SECRET, config
from venue.test_refusals import ask

from planar.venue.api import Api
from planar.venue.config import built
from planar.venue.limits import Limits
from planar.venue.protocols import SPOT

FREE = Limits(10**9, 10**9, 10**9)
TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")


def play(seed, steps=400):
    """A random session; gives what the account told and the account itself."""
    draw = random.Random(seed)
    floor, _ = built(config(seed=seed, history=60))
    account = floor.open_account(KEY, SECRET, dict(BALANCES))
    api, told = Api(floor, FREE, SPOT.endpoints), []
    floor.on_reports.append(lambda _, reports: told.extend(reports))
    for _ in range(steps):
        if account.open and draw.random() < 0.3:
            order = draw.choice(list(account.open.values()))
            status, _ = ask(api, "DELETE", "/api/v3/order", symbol=order.ticket.listing.id, orderId=str(order.id))
            assert status == 200
        elif draw.random() < 0.3:
            floor.advance(floor.now + draw.randrange(300_000))
        else:
            status, answer = ask(api, "POST", "/api/v3/order", **order_of(draw, floor))
            assert status in (200, 400), answer
    for market in floor.markets:
        ask(api, "DELETE", "/api/v3/openOrders", symbol=market)
    return account, told


def order_of(draw, floor):
    """A random order near the market; some of them must be refused."""
    market = draw.choice(list(floor.markets.values()))
    listing, type = market.listing, draw.choice(TYPES)

    def price():
        return listing.price_text(max(int(market.last * draw.uniform(0.997, 1.003)), 1))

    amount = listing.amount_text(draw.randrange(1, 10 ** draw.randrange(2, 6)) * listing.step_units)
    asked = {"symbol": listing.id, "side": draw.choice(("BUY", "SELL")), "type": type, "quantity": amount}
    if "LIMIT" in type:
        asked["price"] = price()
    if type in ("STOP_LOSS", "TAKE_PROFIT") and draw.random() < 0.5:
        asked["trailingDelta"] = str(draw.choice((10, 15, 30, 5)))
    if type.startswith("TAKE_PROFIT") or (type.startswith("STOP_LOSS") and "trailingDelta" not in asked):
        asked["stopPrice"] = price()
    if "LIMIT" in type and type != "LIMIT_MAKER":
        asked["timeInForce"] = draw.choice(("GTC", "IOC", "FOK")) if type == "LIMIT" else "GTC"
    if type == "MARKET" and draw.random() < 0.4:
        asked["quoteOrderQty"] = f"{draw.uniform(1, 50_000):.2f}"
        del asked["quantity"]
    return asked


@pytest.mark.parametrize("seed", range(6))
def test_balances_are_deposits_and_fills_and_fees(seed):
    account, _ = play(seed)
    assert len(account.executions) > 50
    assert not account.open
    expected = dict(BALANCES) | {"ETH": Decimal(0)}
    for order, e in account.executions:
        listing, sign = order.ticket.listing, int(order.ticket.side)
        fee_asset = listing.base if e.fee_in_base else listing.quote
        expected[listing.base] += sign * Decimal(listing.amount_text(e.units))
        expected[listing.quote] -= sign * Decimal(listing.money_text(e.money))
        fee = listing.amount_text(e.fee) if e.fee_in_base else listing.money_text(e.fee)
        expected[fee_asset] -= Decimal(fee)
    for asset, amount in expected.items():
        assert account.balance(asset) == (f"{amount:.8f}", "0.00000000")


@pytest.mark.parametrize("seed", range(3))
def test_every_order_is_told_from_its_beginning_to_its_end(seed):
    account, told = play(seed)
    for order in account.orders.values():
        reports = [r for r in told if r.order is order]
        assert reports[0].what == "NEW"
        assert reports[-1].status == order.status in ("FILLED", "CANCELED", "EXPIRED")
        assert sum(r.execution.units for r in reports if r.execution) == order.filled
        assert all(not r.execution or r.what == "TRADE" for r in reports)
        assert [r.filled for r in reports] == sorted(r.filled for r in reports)


def test_no_limit_is_ever_filled_worse_than_its_price():
    for seed in range(3):
        account, _ = play(seed, 300)
        for order, e in account.executions:
            if order.ticket.ticks:
                assert (order.ticket.ticks - e.ticks) * order.ticket.side >= 0
