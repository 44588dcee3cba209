"""Paper: play money at a market that goes on by itself; the books are those of the paper account."""

import asyncio

from engine.session.trading import SYMBOLS, Busy, exchange_at, session_at, settled, venue

from planar.engine.session.paper import PaperAccount


async def traded(folder, there, seconds=2.0):
    """A paper session at the venue's market; gives the trader, and the paper account's executions and orders."""
    async with (
        exchange_at(there.port) as market,
        PaperAccount(market, SYMBOLS, {"USDT": 10_000}) as paper,
        session_at(folder, paper.exchange, Busy, market=market, paper=paper, mode="paper") as session,
    ):
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


def test_a_paper_session_trades_at_the_market_without_an_account_there(tmp_path):
    async def scene():
        async with venue() as there:
            trader, account = await traded(tmp_path / "one", there)
            assert len(account.executions) >= 4
            assert there.account.orders == {}
            assert trader.record["fills_n"] == len(account.executions)

    asyncio.run(scene())


def test_takers_pay_the_levels_of_the_markets_book(tmp_path):
    async def scene():
        async with venue() as there:
            _, account = await traded(tmp_path / "one", there)
            taken = [(order, one) for order, one in account.executions if not one.is_maker]
            assert taken
            for order, one in taken:
                market = account.listings[order.ticket.listing.index]
                last = there.floor.markets[market.id].last
                assert abs(one.ticks / last - 1) < 0.05

    asyncio.run(scene())


def test_a_paper_session_goes_on_with_its_orders_and_balances(tmp_path):
    async def scene():
        async with venue() as there:
            before, _ = await traded(tmp_path / "one", there, 1.2)
            after, _ = await traded(tmp_path / "one", there, 1.2)
            assert after.record["fills_n"] >= before.record["fills_n"] > 0
            assert after.record["orders_n"] > before.record["orders_n"]

    asyncio.run(scene())
