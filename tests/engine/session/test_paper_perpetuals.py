"""Paper on perpetuals: mark and funding are the market's, and the account is there again after a restart."""

import asyncio
import contextlib

import pytest
from engine.session.perpetuals import (
    SYMBOLS,
    Holds,
    HoldsShort,
    LongShort,
    check_books,
    exchange_at,
    funding,
    session_at,
    venue,
)
from engine.session.test_live_perpetuals import run_again
from engine.session.test_perpetuals_told import payments, told
from engine.session.trading import SLOW, running, settled, until

from planar.engine.session import paper as papers
from planar.engine.session.paper import PaperAccount
from planar.model.order import Forced

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Marks are asked for as often as an accelerated market needs."""
    monkeypatch.setattr(papers, "MARKS_EVERY", 0.05)


@contextlib.asynccontextmanager
async def paper_session(folder, there, cls=LongShort, symbols=SYMBOLS, **terms):
    async with (
        exchange_at(there.port) as market,
        PaperAccount(market, symbols, {"USDT": 10_000}, **terms) as paper,
    ):
        session = session_at(folder, paper.exchange, cls, symbols=symbols, market=market, paper=paper, mode="paper")
        async with running(session):
            yield paper, session


async def at_peace(paper, session):
    """The account's books, once nothing is on its way; gives the names of its orders."""
    session.quiet()
    await settled(session)
    session.recorder.commit()
    return check_books(paper._venue, session)


@pytest.mark.parametrize(("mode", "leverage"), [("isolated", 3.0), pytest.param("cross", 0.0, marks=pytest.mark.slow)])
def test_a_paper_account_of_perpetuals_is_there_again_after_a_restart(tmp_path, mode, leverage):
    async def scene():
        terms = {"leverage": leverage, "margin_mode": mode}
        async with venue(speed=SLOW) as there:
            async with paper_session(tmp_path / "one", there, **terms) as (paper, session):
                await until(lambda: session.recorder.trader.record["fills_n"] >= 6)
                assert len(await at_peace(paper, session)) >= 4
                assert session.origin.instruments[0].leverage == (leverage or 20)
            async with paper_session(tmp_path / "one", there, **terms) as (paper, session):
                await at_peace(paper, session)
            async with paper_session(tmp_path / "one", there, **terms) as (paper, session):
                count = session.recorder.trader.record["fills_n"]
                await until(lambda: session.recorder.trader.record["fills_n"] > count)
                await at_peace(paper, session)
            assert not there.account.orders

    asyncio.run(scene())
    run_again(tmp_path / "one")


def test_marks_and_funding_are_those_of_the_market(tmp_path):
    folder = tmp_path / "one"

    async def scene():
        async with (
            venue(funding=funding(0.001)) as there,
            paper_session(folder, there, HoldsShort, SYMBOLS[:1]) as (paper, session),
        ):
            account = paper._venue
            await until(lambda: len(payments(account)) >= 2)
            await until(lambda: session.recorder.trader.record["fundings_n"] >= len(payments(account)))
            record = account.account.kernel.memory.instruments[0]
            assert record["has_mark"] == 1
            assert abs(record["mark"] / there.floor.listings[0].price(there.floor.markets["BTCUSDT"].last) - 1) < 0.02
            return [one.time for one in payments(account)], [one.units for one in payments(account)]

    times, units = asyncio.run(scene())
    assert all(time % (30 * 60_000) < 60_000 for time in times)
    assert len({time // (30 * 60_000) for time in times}) == len(times)
    assert all(each > 0 for each in units), "a short receives what longs pay"


def test_a_position_is_liquidated_by_the_mark_though_nobody_trades_there(tmp_path):
    folder = tmp_path / "one"

    async def scene():
        async with (
            venue(speed=SLOW) as there,
            paper_session(folder, there, Holds, SYMBOLS[:1], margin_mode="isolated") as (paper, session),
        ):
            books = session.recorder.trader
            await until(lambda: books.base(0)[0] > 0)
            floor = paper._venue.floor
            floor.mark(floor.listings[0], float(books.memory.instruments[0]["last"]) * 0.9, floor.now)
            assert paper._venue.account.kernel.held(0) == 0
            await until(lambda: books.base(0)[0] == 0)
            await at_peace(paper, session)

    asyncio.run(scene())
    assert {body["numbers"][7] for body in told(folder, "forced")} == {Forced.LIQUIDATION}
