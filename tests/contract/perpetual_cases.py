"""What an exchange does with perpetuals."""

from decimal import Decimal
from itertools import pairwise

from contract.cases import PERPETUALS, Place, case
from contract.order_cases import HUNDREDTH, refusal

from planar.exchange.model import MarginMode, MarketKind, OrderRequest
from planar.model.order import Side, Status

DAY = 86_400_000


async def flat(at: Place) -> None:
    """Closes what cases before have left open."""
    await at.exchange.cancel_all(at.symbol)
    for held in await at.exchange.positions([at.symbol]):
        await at.exchange.place(OrderRequest(at.symbol, Side(-held.side), held.amount, reduce_only=True))
    assert await at.exchange.positions([at.symbol]) == []


@case("lists perpetuals as such, with what they are settled in", PERPETUALS)
async def perpetual_market(at: Place) -> None:
    market = await at.market()
    assert (market.kind, market.settle, market.contract_size) == (MarketKind.SWAP, market.quote, 1)


@case("tells a position with side, amount, entry and mark, and none once it is closed", PERPETUALS)
async def position(at: Place) -> None:
    for open_, close, side in ((at.buy, at.sell, Side.BUY), (at.sell, at.buy, Side.SELL)):
        await flat(at)
        order = await open_("0.01")
        (held,) = await at.exchange.positions()
        assert (held.symbol, held.side, held.amount, held.entry_price) == (at.symbol, side, HUNDREDTH, order.average)
        assert abs(held.unrealised_pnl - side * (held.mark_price - held.entry_price) * held.amount) < Decimal("1e-6")
        await close("0.01")
        assert await at.exchange.positions() == []


@case("adds what a position has won to the wallet once it is closed, and takes the fees off", PERPETUALS)
async def won(at: Place) -> None:
    await flat(at)
    market, before = await at.market(), await at.owned((await at.market()).quote)
    bought, sold = await at.buy("0.02"), await at.sell("0.02")
    fees = (bought.cost + sold.cost) * market.taker
    assert await at.owned(market.quote) == before + sold.cost - bought.cost - fees


@case("holds the margin of a limit away from the market, and gives it back when it is cancelled", PERPETUALS)
async def margin_held(at: Place) -> None:
    await flat(at)
    await at.exchange.set_leverage(at.symbol, Decimal(10))
    market, price = await at.market(), await at.far()
    before = await at.balance()
    order = await at.buy("0.01", price=price)
    held, cost = (await at.balance()).used[market.quote], price * HUNDREDTH
    assert cost / 10 <= held <= cost / 10 + cost * market.taker
    await at.exchange.cancel(order.id, at.symbol)
    assert await at.balance() == before


@case("sets leverage and margin mode, and takes what is so already", PERPETUALS)
async def settings(at: Place) -> None:
    await flat(at)
    for mode in (MarginMode.ISOLATED, MarginMode.ISOLATED, MarginMode.CROSS):
        await at.exchange.set_margin_mode(at.symbol, mode)
    for leverage in (5, 5, 20):
        await at.exchange.set_leverage(at.symbol, Decimal(leverage))
    await at.buy("0.01")
    (held,) = await at.exchange.positions()
    assert held.margin_mode is MarginMode.CROSS
    assert abs(held.margin - held.mark_price * HUNDREDTH / 20) < Decimal("0.01")
    await flat(at)


@case("tells how a perpetual is set: its leverage, its margin mode, one-way", PERPETUALS)
async def terms(at: Place) -> None:
    await flat(at)
    for mode, leverage in ((MarginMode.ISOLATED, 5), (MarginMode.CROSS, 20)):
        await at.exchange.set_margin_mode(at.symbol, mode)
        await at.exchange.set_leverage(at.symbol, Decimal(leverage))
        told = await at.exchange.contract_terms(at.symbol)
        assert (told.symbol, told.leverage, told.margin_mode, told.is_hedged) == (at.symbol, leverage, mode, False)


@case("puts margin behind an isolated position and takes it back, and the wallet stays", PERPETUALS)
async def added_margin(at: Place) -> None:
    await flat(at)
    quote = (await at.market()).quote
    await at.exchange.set_margin_mode(at.symbol, MarginMode.ISOLATED)
    await at.buy("0.01")
    before, wallet = (await at.exchange.positions())[0].margin, (await at.balance()).settled[quote]
    await at.exchange.add_margin(at.symbol, Decimal(100))
    after = (await at.exchange.positions())[0].margin
    assert abs(after - before - 100) < 10  # the market moves meanwhile
    await at.exchange.add_margin(at.symbol, Decimal(-50))  # what it has lost since needs some
    assert (await at.balance()).settled[quote] == wallet
    await flat(at)
    await at.exchange.set_margin_mode(at.symbol, MarginMode.CROSS)


@case("lets reduce-only orders close a position and no more, and refuses them without one", PERPETUALS)
async def reduce_only(at: Place) -> None:
    await flat(at)
    with refusal("REDUCE_ONLY_WOULD_INCREASE"):
        await at.sell("0.01", reduce_only=True)
    await at.buy("0.01")
    order = await at.sell("0.03", reduce_only=True)
    assert (order.status, order.filled) == (Status.FILLED, HUNDREDTH)
    assert await at.exchange.positions() == []


@case("refuses what the margin does not allow, and holds nothing for it", PERPETUALS)
async def no_margin(at: Place) -> None:
    await flat(at)
    market, before = await at.market(), await at.balance()
    much = before.free[market.quote] / await at.last() * 25  # at twentyfold leverage
    with refusal("INSUFFICIENT_FUNDS"):
        await at.buy(f"{much:.5f}", price=await at.far(share="0.01"))
    assert await at.balance() == before


@case("tells tiers of leverage without a gap, the smallest first", PERPETUALS)
async def tiers(at: Place) -> None:
    told = await at.exchange.tiers(at.symbol)
    assert told[0].floor == 0
    for one, following in pairwise(told):
        assert one.cap == following.floor
        assert one.maintenance_rate <= following.maintenance_rate
        assert one.max_leverage >= following.max_leverage


@case("tells what is paid for funding next and what was paid before, oldest first", PERPETUALS)
async def funding(at: Place) -> None:
    now = await at.exchange.server_time()
    following = await at.exchange.funding_rate(at.symbol)
    assert following.time > now
    pages = [page async for page in at.exchange.funding_history(at.symbol, now - DAY)]
    times = [one.time for page in pages for one in page]
    assert times == sorted(set(times))
    assert all(now - DAY <= time <= now for time in times)
