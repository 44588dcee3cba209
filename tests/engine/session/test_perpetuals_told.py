"""Funding, liquidations and deleveraging are heard and booked once each, also those from when the program was away."""

import asyncio
import time
from decimal import Decimal

import polars as pl
import pytest
from engine.session.perpetuals import (
    SYMBOLS,
    Holds,
    HoldsShort,
    check_books,
    exchange_at,
    funding,
    session_at,
    venue,
)
from engine.session.test_live_perpetuals import listed, run_again
from engine.session.trading import running, until

from planar.broker.gate import State
from planar.broker.journal import read
from planar.exchange.model import OrderRequest
from planar.model.order import Forced, Side

pytestmark = pytest.mark.usefixtures("patient")

NAME = f"binance:{SYMBOLS[0]}"
MINUTE = 60_000


def falling(share, at):
    """A market that stands, and falls once by that share: in the candle that is so many after the history."""
    prices = [60_000.0] * (300 + at) + [60_000.0 * (1 - share)] * 2_000
    opens = [prices[0], *prices[:-1]]
    start = time.time_ns() // 1_000_000 // MINUTE * MINUTE - 300 * MINUTE
    times = [start + n * MINUTE for n in range(len(prices))]
    frame = pl.DataFrame({"time": times, "open": opens, "close": prices, "volume": [1e6] * len(prices)})
    return {
        NAME: frame.with_columns(
            high=pl.max_horizontal("open", "close") + 5, low=pl.min_horizontal("open", "close") - 5
        )
    }


def told(folder, what):
    return [entry.body for entry in read(folder / "journal.sqlite", "told") if entry.body["what"] == what]


def payments(there):
    return [one for one in there.account.income if one.what == "FUNDING_FEE"]


async def at_rest(there, session):
    """Waits for a moment at which the books have all that the venue told."""
    await until(lambda: len(session.recorder.trader.log("fundings", 0)) == len(payments(there)))
    session.recorder.commit()
    check_books(there, session)


@pytest.mark.parametrize(
    ("cls", "rate", "mode"),
    [
        (Holds, 0.001, "isolated"),
        (HoldsShort, 0.001, "cross"),
        pytest.param(Holds, -0.0005, "cross", marks=pytest.mark.slow),
        pytest.param(HoldsShort, -0.0005, "isolated", marks=pytest.mark.slow),
    ],
)
def test_funding_is_booked_once_each(tmp_path, cls, rate, mode):
    folder = tmp_path / "one"

    async def scene():
        config = {"instruments": listed(mode, 5)[:1], "funding": funding(rate)}
        async with venue(**config) as there, exchange_at(there.port) as exchange:
            session = session_at(folder, exchange, cls, symbols=SYMBOLS[:1])
            async with running(session):
                await until(lambda: len(payments(there)) >= 2)
                await at_rest(there, session)
                return [(one.time, -one.units) for one in payments(there)]

    paid = asyncio.run(scene())
    assert all((units > 0) == ((rate > 0) == (cls is Holds)) for _, units in paid)
    assert [tuple(body["numbers"][1:]) for body in told(folder, "funded")][: len(paid)] == paid
    for trader in run_again(folder):
        assert [(int(f["time"]), int(f["units"])) for f in trader.log("fundings", 0)][: len(paid)] == paid


def test_funding_of_the_time_away_is_booked_when_the_session_goes_on(tmp_path):
    folder = tmp_path / "one"

    async def scene():
        config = {"instruments": listed("isolated", 5)[:1], "funding": funding(0.001)}
        async with venue(**config) as there, exchange_at(there.port) as exchange:
            first = session_at(folder, exchange, Holds, symbols=SYMBOLS[:1])
            async with running(first):
                await until(lambda: first.recorder.trader.base(0)[0] > 0)
            count = len(payments(there))
            await until(lambda: len(payments(there)) >= count + 2)
            session = session_at(folder, exchange, Holds, symbols=SYMBOLS[:1])
            async with running(session):
                await at_rest(there, session)
                assert session.broker.gate.state is State.ACTIVE
                return len(payments(there))

    assert asyncio.run(scene()) <= len(told(folder, "funded"))


@pytest.mark.parametrize(
    ("mode", "is_away"),
    [
        ("isolated", False),
        ("cross", True),
        pytest.param("isolated", True, marks=pytest.mark.slow),
        pytest.param("cross", False, marks=pytest.mark.slow),
    ],
)
def test_a_liquidation_is_booked_and_told(tmp_path, mode, is_away):
    folder = tmp_path / "one"

    async def scene():
        config = {"instruments": listed(mode, 20)[:1], "candles": falling(0.2, at=80), "points": 4}
        async with venue(**config) as there, exchange_at(there.port) as exchange:
            session = session_at(folder, exchange, Holds, symbols=SYMBOLS[:1])
            async with running(session):
                await until(lambda: session.recorder.trader.base(0)[0] > 0)
                if not is_away:
                    await until(lambda: there.account.forced)
                    await until(lambda: session.recorder.trader.base(0)[0] == 0)
                    check_books(there, session)
            if is_away:
                await until(lambda: there.account.forced)
                session = session_at(folder, exchange, Holds, symbols=SYMBOLS[:1])
                async with running(session):
                    await until(lambda: session.recorder.trader.base(0)[0] == 0)
                    check_books(there, session)
            assert session.broker.gate.state is State.ACTIVE
            return len(there.account.forced)

    count = asyncio.run(scene())
    forced = told(folder, "forced")
    assert [body["numbers"][7] for body in forced] == [Forced.LIQUIDATION] * count
    for trader in run_again(folder):
        assert (trader.log("fills", 0)["forced"] == Forced.LIQUIDATION).sum() == count


def test_a_part_that_is_deleveraged_is_booked_as_what_it_is(tmp_path):
    """The venue deleverages nobody: an order under Binance's name of it stands for one."""
    folder = tmp_path / "one"

    async def scene():
        config = {"instruments": listed("isolated", 5)[:1]}
        async with venue(**config) as there, exchange_at(there.port) as exchange, exchange_at(there.port) as other:
            session = session_at(folder, exchange, Holds, symbols=SYMBOLS[:1])
            async with running(session):
                books = session.recorder.trader
                await until(lambda: books.base(0)[0] > 0)
                held = books.base(0)[0]
                request = OrderRequest(SYMBOLS[0], Side.SELL, Decimal("0.01"), client_id="adl_autoclose")
                await other.place(request)
                await until(lambda: books.base(0)[0] < held)
                session.recorder.commit()
                return there.account.kernel.wallet()[0], books.wallet_units()

    wallet, mine = asyncio.run(scene())
    assert wallet == mine
    (body,) = told(folder, "forced")
    assert body["numbers"][7] == Forced.DELEVERAGED


def test_a_position_that_somebody_else_traded_lets_it_only_become_smaller(tmp_path):
    async def scene():
        config = {"instruments": listed("cross", 5)[:1]}
        async with venue(**config) as there, exchange_at(there.port) as exchange, exchange_at(there.port) as other:
            session = session_at(tmp_path / "one", exchange, Holds, symbols=SYMBOLS[:1], cash=9_000.0)
            async with running(session):
                await until(lambda: session.recorder.trader.base(0)[0] > 0)
                await session.safety.reconciler.check()
                await other.place(OrderRequest(SYMBOLS[0], Side.BUY, Decimal("0.01")))
                session.safety.reconciler.pause = 0.05
                await session.safety.reconciler.check()
                gate = session.broker.gate
                assert gate.state is State.REDUCING
                assert "the position of BTC/USDT:USDT is " in gate.why
                await other.place(OrderRequest(SYMBOLS[0], Side.SELL, Decimal("0.01")))
                await session.safety.reconciler.check()
                assert gate.state is State.ACTIVE

    asyncio.run(scene())
