"""Whatever is asked of perpetuals, in whatever order: money is conserved, and nothing stays held."""

import random
from decimal import Decimal

import pytest
from venue.conftest import KEY, SECRET, config
from venue.test_refusals import ask

from planar.venue.api import Api
from planar.venue.config import built
from planar.venue.limits import Limits
from planar.venue.protocols import USDM

FREE = Limits(10**9, 10**9, 10**9)
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
CONDITIONAL = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
CASH = Decimal(20_000)


def play(seed, steps=300, cash=CASH):
    """A random session; gives the account, what it was told, and how to ask."""
    draw = random.Random(seed)
    floor, _ = built(config(instruments=SYMBOLS, seed=seed, history=60))
    account = floor.open_account(KEY, SECRET, {"USDT": cash})
    api, told = Api(floor, FREE, USDM.endpoints), []
    floor.on_reports.append(lambda _, reports: told.extend(reports))
    for _ in range(steps):
        chance = draw.random()
        if account.open and chance < 0.15:
            order = draw.choice(list(account.open.values()))
            waits = order.ticket.waits and not order.trigger_id
            named = {"algoId": str(order.id)} if waits else {"orderId": str(order.trigger_id or order.id)}
            answer = ask(api, "DELETE", ALGO if waits else ORDER, symbol=order.ticket.listing.id, **named)
            assert answer[0] == 200, answer
        elif chance < 0.4:
            floor.advance(floor.now + draw.randrange(1_000_000))
        elif chance < 0.5:
            set_up(api, draw)
        else:
            asked = order_of(draw, floor)
            status, answer = ask(api, "POST", ALGO if asked["type"] in CONDITIONAL else ORDER, **asked)
            assert status in (200, 400), answer
        check(account, api)
    for market in floor.markets:
        for path in ("allOpenOrders", "algoOpenOrders"):
            ask(api, "DELETE", f"/fapi/v1/{path}", symbol=market)
    return account, told, api


def set_up(api, draw):
    """Leverage, margin type or margin of a contract; what cannot be is refused."""
    symbol = draw.choice(("BTCUSDT", "ETHUSDT"))
    path, terms = draw.choice((
        ("leverage", {"leverage": str(draw.choice((1, 5, 20, 75)))}),
        ("marginType", {"marginType": draw.choice(("ISOLATED", "CROSSED"))}),
        ("positionMargin", {"amount": str(draw.randrange(1, 500)), "type": draw.choice(("1", "2"))}),
    ))  # fmt: skip
    status, answer = ask(api, "POST", f"/fapi/v1/{path}", symbol=symbol, **terms)
    assert status in (200, 400), answer


def order_of(draw, floor):
    """A random order near the market; some of them must be refused."""
    market = draw.choice(list(floor.markets.values()))
    listing, type = market.listing, draw.choice(("MARKET", "LIMIT", "LIMIT", *CONDITIONAL))

    def price():
        return listing.price_text(max(int(market.last * draw.uniform(0.99, 1.01)), 1))

    worth = draw.choice((100, 5_000, 50_000, 200_000))
    units = max(int(worth / listing.price(market.last) / float(listing.step)), 1) * listing.step_units
    asked = {"symbol": listing.id, "side": draw.choice(("BUY", "SELL")), "type": type}
    asked |= {"quantity": listing.amount_text(units)}
    if draw.random() < 0.3:
        asked["reduceOnly"] = "true"
    if type in ("LIMIT", "STOP", "TAKE_PROFIT"):
        asked |= {"price": price(), "timeInForce": "GTC"}
    if type == "LIMIT":
        asked["timeInForce"] = draw.choice(("GTC", "IOC", "FOK", "GTX"))
    if type in CONDITIONAL:
        asked |= {"algoType": "CONDITIONAL"}
        asked |= {"callbackRate": "0.5"} if type == "TRAILING_STOP_MARKET" else {"triggerPrice": price()}
    return asked


def check(account, api):
    """What holds at any time: the wallet is what came in, and all that is told adds up."""
    assert sum(one.units for one in account.income) == account.kernel.wallet()[0]
    told = ask(api, "GET", "/fapi/v3/account")[1]
    (asset,) = told["assets"]
    kept = sum(Decimal(p["isolatedWallet"]) for p in told["positions"])
    assert Decimal(asset["walletBalance"]) - kept == Decimal(asset["crossWalletBalance"])
    assert Decimal(asset["walletBalance"]) + Decimal(asset["unrealizedProfit"]) == Decimal(asset["marginBalance"])
    if not any(account.position(listing).is_isolated for listing in account.listings):
        free = Decimal(asset["marginBalance"]) - Decimal(asset["initialMargin"])
        assert Decimal(asset["availableBalance"]) == max(free, Decimal(0))


@pytest.mark.parametrize("seed", range(6))
def test_the_wallet_is_deposits_and_what_was_won_fees_and_funding(seed):
    account, _, _ = play(seed)
    assert len(account.executions) > 15
    assert not account.open
    for listing in account.listings:
        fills = [(o.ticket.side, e) for o, e in account.executions if o.ticket.listing is listing]
        held = account.position(listing)
        assert sum(side * e.units for side, e in fills) == held.units
        assert held.orders == 0
    expected = CASH
    for order, e in account.executions:
        listing = order.ticket.listing
        expected += Decimal(listing.money_text(e.realised)) - Decimal(listing.money_text(e.fee))
    funding = [one for one in account.income if one.what == "FUNDING_FEE"]
    expected += sum(Decimal(one.listing.money_text(one.units)) for one in funding)
    assert Decimal(account.listings[0].money_text(account.kernel.wallet()[0])) == expected


@pytest.mark.parametrize("seed", range(3))
def test_every_order_is_told_from_its_beginning_to_its_end(seed):
    account, told, _ = play(seed)
    for order in account.orders.values():
        reports = [r for r in told if r.order is order]
        assert reports[0].what in ("NEW", "CALCULATED")
        assert reports[-1].status == order.status in ("FILLED", "CANCELED", "EXPIRED")
        assert sum(r.execution.units for r in reports if r.execution) == order.filled
        assert [r.what for r in reports].count("TRIGGERED") == (order.trigger_id > 0)


def test_what_may_only_reduce_never_opens_or_turns_a_position():
    for seed in range(3):
        account, _, _ = play(seed)
        held = dict.fromkeys((listing.id for listing in account.listings), 0)
        for order, e in account.executions:
            id, side = order.ticket.listing.id, int(order.ticket.side)
            if order.ticket.reduce_only and held[id]:
                assert held[id] * side < 0
                assert e.units <= abs(held[id])
            held[id] += side * e.units


def test_accounts_are_liquidated_and_never_owe_more_than_they_had():
    liquidations = 0
    for seed in range(6):
        account, _, _ = play(seed, cash=Decimal(2_000))
        liquidations += len(account.forced)
        assert account.kernel.wallet()[0] >= 0
    assert liquidations
