"""Paper: play money at a market that goes on by itself; the books are those of the paper account."""

import asyncio
import contextlib
from decimal import ROUND_DOWN, ROUND_UP, Decimal

import pytest
from engine.session.trading import (
    SLOW,
    SYMBOLS,
    Busy,
    Guard,
    StopBuyer,
    exchange_at,
    session_at,
    settled,
    until,
    venue,
)  # fmt: skip

from planar.broker.gate import State
from planar.engine.session.paper import PaperAccount
from planar.errors import ConfigError, Rejected, Unreachable
from planar.exchange.model import OrderRequest
from planar.model.order import Side
from planar.venue.chaos import Rule


@contextlib.asynccontextmanager
async def paper_session(folder, there, cls):
    """An account at the venue's market, and a session that trades with it."""
    async with (
        exchange_at(there.port) as market,
        PaperAccount(market, SYMBOLS, {"USDT": 10_000}) as paper,
        session_at(folder, paper.exchange, cls, market=market, paper=paper, mode="paper") as session,
    ):
        yield paper, session


async def traded(folder, there, seconds=2.0, cls=Busy):
    """A paper session at the venue's market; gives the trader, and the paper account's executions and orders."""
    async with paper_session(folder, there, cls) as (paper, session):
        await asyncio.wait([running := asyncio.ensure_future(session.run())], timeout=seconds)
        if running.done():
            running.result()
        running.cancel()
        session.quiet()
        await settled(session)
        account, trader = paper._venue.account, session.recorder.trader
        assert trader.cash()[0] == account.kernel.cash()[0]
        assert [trader.base(k)[0] for k in (0, 1)] == [account.kernel.base(k)[0] for k in (0, 1)]
        assert len(account.open) == sum(int(record["active_n"]) for record in trader.memory.instruments)
        return trader, account


@pytest.mark.slow
def test_a_paper_session_trades_at_the_market_without_an_account_there(tmp_path):
    async def scene():
        async with venue() as there:
            trader, account = await traded(tmp_path / "one", there)
            assert len(account.executions) >= 4
            assert there.account.orders == {}
            assert trader.record["fills_n"] == len(account.executions)

    asyncio.run(scene())


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL], ids=["buys", "sells"])
def test_takers_pay_the_levels_of_the_markets_book(side):
    async def scene():
        async with venue(speed=0, points=1) as there, exchange_at(there.port) as market:
            book = await market.book("BTC/USDT", 10)
            levels = (book.asks if side is Side.BUY else book.bids)[:3]
            amount = levels[0].amount + levels[1].amount + levels[2].amount - Decimal("0.00010")
            cost = sum((each.price * each.amount for each in levels), Decimal(0)) - levels[2].price * Decimal("0.00010")
            owned = {"USDT": 2 * cost, "BTC": amount}
            async with PaperAccount(market, SYMBOLS, owned) as paper:
                order = await paper.exchange.place(OrderRequest("BTC/USDT", side, amount))
                [fill] = await paper.exchange.fills("BTC/USDT")
            assert (order.filled, fill.amount) == (amount, amount)
            adverse = ROUND_UP if side is Side.BUY else ROUND_DOWN
            assert fill.price == (cost / amount).quantize(Decimal("0.01"), adverse)
            assert fill.price != levels[0].price

    asyncio.run(scene())


@pytest.mark.usefixtures("patient")
def test_a_stop_for_an_amount_of_money_is_there_again_after_a_restart(tmp_path):
    async def scene():
        async with venue(speed=SLOW) as there:
            before, account = await traded(tmp_path / "one", there, 3.0, StopBuyer)
            [was] = account.open.values()
            after, account = await traded(tmp_path / "one", there, 0.5, StopBuyer)
            [order] = account.open.values()
            assert (order.ticket.stop, order.ticket.units) == (was.ticket.stop, was.ticket.units)
            assert order.ticket.client_id == was.ticket.client_id
            assert after.cash() == before.cash()

    asyncio.run(scene())


def test_a_market_that_is_delisted_is_not_traded_on_paper_either(tmp_path):
    async def scene():
        async with venue() as there, paper_session(tmp_path / "one", there, Busy) as (paper, session):
            session.safety.reconciler.period = 0.3
            running = asyncio.ensure_future(session.run())
            await until(lambda: paper._venue.account.orders)
            there.floor.delist(there.floor.market("ETHUSDT").listing)
            await until(lambda: session.broker.gate.state is State.REDUCING)
            assert session.broker.gate.why == "ETH/USDT is not traded at binance now: no new positions until it is."
            with pytest.raises(Rejected, match="Market is closed"):
                await paper.exchange.place(OrderRequest("ETH/USDT", Side.BUY, cost=Decimal(100)))
            there.floor.set_status(there.floor.market("ETHUSDT").listing, "TRADING")
            await until(lambda: session.broker.gate.state is State.ACTIVE)
            await paper.exchange.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(100)))
            running.cancel()

    asyncio.run(scene())


def test_on_paper_a_market_that_is_not_traded_begins_nothing(tmp_path):
    async def scene():
        async with venue() as there:
            there.floor.set_status(there.floor.market("ETHUSDT").listing, "BREAK")
            async with exchange_at(there.port) as market:
                await market.markets(reload=True)
            async with paper_session(tmp_path / "one", there, Busy):
                pass

    with pytest.raises(ConfigError, match="ETH/USDT is not traded at binance now"):
        asyncio.run(scene())


@pytest.mark.usefixtures("patient")
def test_takes_and_trailing_stops_are_there_again_after_a_restart(tmp_path):
    """Each waits for what it waited for."""

    async def waiting(there):
        async with paper_session(tmp_path / "one", there, Guard) as (paper, session):
            account = paper._venue.account
            await until(lambda: len(account.open) == 4)
            session.quiet()
            await settled(session)
            terms = ("client_id", "type", "stop", "ticks", "delta", "units")
            return sorted(tuple(getattr(order.ticket, name) for name in terms) for order in account.open.values())

    async def scene():
        async with venue(speed=SLOW) as there:
            was = await waiting(there)
            assert sorted(type for _, type, *_ in was) == [
                "STOP_LOSS", "TAKE_PROFIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
            ]  # fmt: skip
            assert await waiting(there) == was

    asyncio.run(scene())


@pytest.mark.slow
def test_a_session_whose_market_is_not_heard_any_more_ends_with_the_reason(tmp_path):
    gone = Rejected("binance: the key was taken back.", exchange="binance", code="PERMISSION_DENIED")

    async def scene():
        async with venue() as there, paper_session(tmp_path / "one", there, Busy) as (paper, session):
            paper._subscriptions[0].fail(gone)
            async with asyncio.timeout(20):
                await session.run()

    with pytest.raises(Rejected, match="the key was taken back"):
        asyncio.run(scene())


@pytest.mark.slow
def test_a_market_that_was_not_read_in_time_is_read_on(tmp_path):
    lost = Unreachable("100,000 events were not read in time.", exchange="binance", code="LAGGED")

    async def scene():
        async with venue() as there, paper_session(tmp_path / "one", there, Busy) as (paper, session):
            for subscription in list(paper._subscriptions):
                subscription.fail(lost)
            fills = int(session.recorder.trader.record["fills_n"])
            await until(lambda: session.recorder.trader.record["fills_n"] > fills + 4)

    asyncio.run(scene())


@pytest.mark.slow
def test_an_account_that_cannot_be_opened_leaves_nothing_behind():
    async def scene():
        async with venue() as there, exchange_at(there.port) as market:
            await market.markets()
            there.add_chaos([Rule("answer", "GET /api/v3/depth", count=0, status=400, code=-1121, text="No such.")])
            before = asyncio.all_tasks()
            paper = PaperAccount(market, SYMBOLS, {"USDT": 10_000})
            with pytest.raises(Rejected):
                await paper.__aenter__()
            assert asyncio.all_tasks() == before
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", paper._venue.port)

    asyncio.run(scene())


@pytest.mark.slow
def test_a_paper_session_goes_on_with_its_orders_and_balances(tmp_path):
    async def scene():
        async with venue() as there:
            before, _ = await traded(tmp_path / "one", there, 1.2)
            after, _ = await traded(tmp_path / "one", there, 1.2)
            assert after.record["fills_n"] >= before.record["fills_n"] > 0
            assert after.record["orders_n"] > before.record["orders_n"]

    asyncio.run(scene())
