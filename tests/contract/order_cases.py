"""What an exchange does with an account's orders."""

from decimal import Decimal

import pytest
from contract.cases import SPOT, Place, case

from planar.errors import Rejected
from planar.exchange.model import Liquidity, OrderRequest
from planar.model.order import Kind, Side, Status, Tif

HUNDREDTH = Decimal("0.01")


def refusal(code: str):
    return pytest.raises(Rejected, check=lambda error: error.code == code)


@case("tells what is owned: free and used add up to total")
async def balance(at: Place) -> None:
    told, market = await at.balance(), await at.market()
    assert told.total[market.quote] >= 5_000
    for currency, total in told.total.items():
        assert told.free[currency] + told.used[currency] == total


@case("fills a market buy by amount at once; what is bought arrives less the fee, what it cost is gone", SPOT)
async def market_buy(at: Place) -> None:
    market = await at.market()
    base, quote = await at.owned(market.base), await at.owned(market.quote)
    order = await at.buy("0.01")
    assert (order.status, order.kind, order.filled) == (Status.FILLED, Kind.MARKET, HUNDREDTH)
    fee = HUNDREDTH * market.taker
    assert await at.owned(market.base) == base + HUNDREDTH - fee
    assert await at.owned(market.quote) == quote - order.cost
    assert order.average * HUNDREDTH == order.cost


@case("fills a market sale by amount at once; the fee is taken from the proceeds", SPOT)
async def market_sale(at: Place) -> None:
    market = await at.market()
    await at.buy("0.02")
    base, quote = await at.owned(market.base), await at.owned(market.quote)
    order = await at.sell("0.01")
    assert (order.status, order.filled) == (Status.FILLED, HUNDREDTH)
    assert await at.owned(market.base) == base - HUNDREDTH
    assert abs(await at.owned(market.quote) - (quote + order.cost * (1 - market.taker))) <= Decimal("1e-7")


@case("spends no more than the cost of a market buy by cost, and less than one step less", SPOT)
async def buy_by_cost(at: Place) -> None:
    market = await at.market()
    order = await at.buy(None, cost=Decimal(100))
    assert order.status is Status.FILLED
    assert Decimal(100) - market.amount_step * order.average * 2 < order.cost <= 100


@case("lets a limit away from the market rest, holds its cost, and gives it back when it is cancelled", SPOT)
async def limit_rests(at: Place) -> None:
    market, price = await at.market(), await at.far()
    used = (await at.balance()).used.get(market.quote, Decimal(0))
    order = await at.buy("0.01", price=price)
    assert (order.status, order.filled, order.price) == (Status.OPEN, Decimal(0), price)
    assert (await at.balance()).used[market.quote] == used + price * HUNDREDTH
    ended = await at.exchange.cancel(order.id, at.symbol)
    assert (ended.id, ended.status, ended.filled) == (order.id, Status.CANCELLED, Decimal(0))
    assert (await at.balance()).used.get(market.quote, Decimal(0)) == used


@case("fills a limit beyond the best price at once, at no worse than its price")
async def limit_takes(at: Place) -> None:
    order = await at.buy("0.01", price=await at.far(Side.SELL, "0.02"))
    assert (order.status, order.filled) == (Status.FILLED, HUNDREDTH)
    assert order.average <= order.price


@case("puts prices on the passive tick and amounts down to the step, and never more")
async def on_the_steps(at: Place) -> None:
    market, price = await at.market(), await at.far()
    order = await at.buy("0.0100099", price=price + market.price_step * Decimal("0.9"))
    assert (order.price, order.amount) == (price, Decimal("0.01"))
    await at.exchange.cancel(order.id, at.symbol)


@case("refuses a post-only order that would take, and takes one that rests")
async def post_only(at: Place) -> None:
    with refusal("POST_ONLY_WOULD_TAKE"):
        await at.buy("0.01", price=await at.far(Side.SELL, "0.02"), post_only=True)
    order = await at.buy("0.01", price=await at.far(), post_only=True)
    assert (order.status, order.post_only) == (Status.OPEN, True)
    await at.exchange.cancel(order.id, at.symbol)


@case("ends an immediate-or-cancel order that finds nothing, and fills one that finds enough")
async def immediate_or_cancel(at: Place) -> None:
    order = await at.buy("0.01", price=await at.far(), tif=Tif.IOC)
    assert (order.status, order.filled) == (Status.EXPIRED, Decimal(0))
    order = await at.buy("0.01", price=await at.far(Side.SELL, "0.02"), tif=Tif.IOC)
    assert (order.status, order.filled) == (Status.FILLED, HUNDREDTH)


@case("fills a fill-or-kill order whole or not at all")
async def fill_or_kill(at: Place) -> None:
    order = await at.buy("0.01", price=await at.far(), tif=Tif.FOK)
    assert (order.status, order.filled) == (Status.EXPIRED, Decimal(0))
    order = await at.buy("0.01", price=await at.far(Side.SELL, "0.02"), tif=Tif.FOK)
    assert (order.status, order.filled) == (Status.FILLED, HUNDREDTH)


@case("keeps a stop until its trigger, with the trigger, and cancels it like any other")
async def stop(at: Place) -> None:
    await at.buy("0.02")
    trigger = await at.far()
    order = await at.sell("0.01", stop=trigger)
    assert (order.status, order.kind, order.stop) == (Status.OPEN, Kind.STOP, trigger)
    assert (await at.exchange.cancel(order.id, at.symbol)).status is Status.CANCELLED


@case("keeps a stop-limit with both its prices")
async def stop_limit(at: Place) -> None:
    await at.buy("0.02")
    trigger, price = await at.far(), await at.far(share="0.11")
    order = await at.sell("0.01", stop=trigger, price=price)
    found = await at.exchange.order(order.id, at.symbol)
    assert (found.kind, found.stop, found.price) == (Kind.STOP_LIMIT, trigger, price)
    await at.exchange.cancel(order.id, at.symbol)


@case("keeps a take until its trigger, on the other side of the market, with and without a limit")
async def take(at: Place) -> None:
    await at.buy("0.02")
    trigger, price = await at.far(Side.SELL), await at.far(Side.SELL, share="0.11")
    for kind, limit in ((Kind.TAKE, None), (Kind.TAKE_LIMIT, price)):
        order = await at.sell("0.01", take=trigger, price=limit)
        found = await at.exchange.order(order.id, at.symbol)
        for told in (order, found):
            assert (told.status, told.kind, told.stop, told.price) == (Status.OPEN, kind, trigger, limit)
        assert (await at.exchange.cancel(order.id, at.symbol)).status is Status.CANCELLED
    with refusal("STOP_WOULD_TRIGGER"):
        await at.sell("0.01", take=await at.far())


@case("keeps a trailing stop with how far it follows and from where on; what it cannot say exactly it refuses, unsent")
async def trailing_stop(at: Place) -> None:
    await at.buy("0.02")
    share, start = at.trail, await at.far(Side.SELL)
    for activation in (None, start):
        order = await at.sell("0.01", trail=share, activation=activation)
        found = await at.exchange.order(order.id, at.symbol)
        for told in (order, found):
            assert (told.status, told.kind, told.trail) == (Status.OPEN, Kind.TRAIL, share)
            assert (told.activation, told.stop, told.price) == (activation, None, None)
        with refusal("NOT_SUPPORTED"):
            await at.exchange.amend(order.id, at.symbol, amount=Decimal("0.02"))
        assert (await at.exchange.cancel(order.id, at.symbol)).status is Status.CANCELLED
    before = at.sent()
    for terms in ({"trail": Decimal("0.01234")}, {"trail_by": Decimal(100)}):
        with refusal("NOT_SUPPORTED"):
            await at.sell("0.01", **terms)
    with refusal("INVALID_ORDER"):
        await at.sell("0.01", trail=share, price=start)
    assert at.sent() == before


@case("amends price and amount of an order that rests, all triggers too, and leaves no more than one order")
async def amend(at: Place) -> None:
    order = await at.buy("0.01", price=await at.far())
    price = await at.far(share="0.12")
    changed = await at.exchange.amend(order.id, at.symbol, price=price, amount=Decimal("0.02"))
    assert (changed.price, changed.amount, changed.status) == (price, Decimal("0.02"), Status.OPEN)
    assert [one.id for one in await at.exchange.open_orders(at.symbol)] == [changed.id]
    await at.exchange.cancel(changed.id, at.symbol)
    with refusal("ORDER_DONE"):
        await at.exchange.amend(changed.id, at.symbol, price=price)
    # Of perpetuals, exits alone: where a stop is replaced, both could open a position.
    is_exit = at.kind != SPOT
    await at.buy("0.01")
    for kind, name, has_limit in (
        (Kind.STOP, "stop", False), (Kind.STOP_LIMIT, "stop", True), (Kind.TAKE, "take", False),
        (Kind.TAKE_LIMIT, "take", True),
    ):  # fmt: skip
        is_above = name == "take" or not is_exit
        side = Side.SELL if is_above else Side.BUY
        first, then, beyond = [await at.far(side, share) for share in ("0.1", "0.12", "0.13")]
        limit = beyond if has_limit else None
        ask = at.sell if name == "take" or is_exit else at.buy
        order = await ask("0.01", **{name: first}, price=limit, reduce_only=is_exit)
        changed = await at.exchange.amend(order.id, at.symbol, stop=then)
        assert (changed.kind, changed.stop, changed.price) == (kind, then, limit)
        assert [one.id for one in await at.exchange.open_orders(at.symbol)] == [changed.id]
        await at.exchange.cancel(changed.id, at.symbol)


@case("answers the cancel of an order that is done with the order as it ended")
async def cancel_of_a_done_order(at: Place) -> None:
    order = await at.buy("0.01")
    assert (await at.exchange.cancel(order.id, at.symbol)).status is Status.FILLED


@case("does not know an order that never was")
async def no_such_order(at: Place) -> None:
    with refusal("ORDER_NOT_FOUND"):
        await at.exchange.order("999999999", at.symbol)
    with refusal("ORDER_NOT_FOUND"):
        await at.exchange.cancel("999999999", at.symbol)


@case("lists open orders, of a market and of all, and none once all are cancelled")
async def open_orders(at: Place) -> None:
    price = await at.far()
    ids = {(await at.buy("0.01", price=price)).id for _ in range(3)}
    assert {order.id for order in await at.exchange.open_orders(at.symbol)} == ids
    assert {order.id for order in await at.exchange.open_orders()} == ids
    ended = await at.exchange.cancel_all(at.symbol)
    assert {(order.id, order.status) for order in ended} == {(id, Status.CANCELLED) for id in ids}
    assert await at.exchange.open_orders() == []


@case("finds an order by the id of its client")
async def by_client_id(at: Place) -> None:
    order = await at.buy("0.01", price=await at.far(), client_id=f"contract{at.sent()}")
    found = await at.exchange.order("", at.symbol, client_id=order.client_id)
    assert (found.id, found.client_id) == (order.id, order.client_id)
    await at.exchange.cancel(order.id, at.symbol)


@case("keeps the history of orders, whatever became of them, oldest first, and of fills")
async def history(at: Place) -> None:
    start = await at.exchange.server_time()
    bought = await at.buy("0.01")
    rested = await at.buy("0.01", price=await at.far())
    await at.exchange.cancel(rested.id, at.symbol)
    told = await at.exchange.orders(at.symbol, start - 1)
    assert [(one.id, one.status) for one in told if one.id in (bought.id, rested.id)] == [
        (bought.id, Status.FILLED),
        (rested.id, Status.CANCELLED),
    ]
    fills = await at.exchange.fills(at.symbol, start - 1)
    assert {fill.order_id for fill in fills} >= {bought.id}
    assert rested.id not in {fill.order_id for fill in fills}


@case("tells of each fill its price, amount, cost, fee and who took; they add up to the order")
async def fills_and_fees(at: Place) -> None:
    market, order = await at.market(), await at.buy("0.01")
    fills = [fill for fill in await at.exchange.fills(at.symbol) if fill.order_id == order.id]
    assert sum(fill.amount for fill in fills) == HUNDREDTH
    assert sum(fill.cost for fill in fills) == order.cost
    received, paid_in = (HUNDREDTH, market.base) if at.kind == SPOT else (order.cost, market.quote)
    assert {(fill.side, fill.fee_currency, fill.liquidity) for fill in fills} == {(Side.BUY, paid_in, Liquidity.TAKER)}
    assert sum(fill.fee for fill in fills) == received * market.taker
    fees = await at.exchange.fees(at.symbol)
    assert (fees.maker, fees.taker) == (market.maker, market.taker)


@case("refuses what the account cannot pay, and holds nothing for it", SPOT)
async def no_funds(at: Place) -> None:
    market = await at.market()
    before = (await at.balance()).free
    with refusal("INSUFFICIENT_FUNDS"):
        await at.buy(f"{before[market.quote] / await at.last() * 2:.5f}", price=await at.far(share="0.01"))
    assert (await at.balance()).free == before


@case("refuses what is below a minimum, or above the most, before it is sent")
async def minimums(at: Place) -> None:
    market, price, before = await at.market(), await at.far(), at.sent()
    tiny = market.min_amount
    for code, terms in (
        ("BELOW_MIN_AMOUNT", {"amount": tiny / 2, "price": price}),
        ("BELOW_MIN_COST", {"amount": tiny, "price": market.min_cost / tiny / 2}),
        ("ABOVE_MAX_AMOUNT", {"amount": market.max_amount + 1, "price": price}),
        ("INVALID_PRICE", {"amount": Decimal(1), "price": market.price_step / 2}),
        ("INVALID_ORDER", {"amount": Decimal(1), "cost": Decimal(100)}),
    ):
        with refusal(code):
            await at.exchange.place(OrderRequest(at.symbol, Side.BUY, **terms))
    assert at.sent() == before


@case("gives each order of several its own answer, an order or an error")
async def several(at: Place) -> None:
    price = await at.far()
    good = OrderRequest(at.symbol, Side.BUY, HUNDREDTH, price=price)
    bad = OrderRequest(at.symbol, Side.BUY, Decimal("0.000001"), price=price)
    first, second, third = await at.exchange.place_all([good, bad, good])
    assert [first.status, third.status] == [Status.OPEN, Status.OPEN]
    assert second.code == "BELOW_MIN_AMOUNT"
    await at.exchange.cancel_all(at.symbol)
