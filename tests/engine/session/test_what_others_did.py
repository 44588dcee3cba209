"""Perpetuals of a session whose position, margin or leverage somebody else changed: books and account come together."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from engine.session.perpetuals import SYMBOLS, exchange_at, session_at, venue
from engine.session.test_live_perpetuals import listed
from engine.session.trading import running, settled, until

from planar import Strategy
from planar.broker.gate import State
from planar.broker.journal import read
from planar.engine.session.adoption import Adoption
from planar.engine.session.archive import replayed
from planar.errors import ConfigError
from planar.exchange.model import OrderRequest
from planar.model.order import Forced, Side
from planar.venue.chaos import Rule

pytestmark = pytest.mark.usefixtures("patient")

SYMBOL, UNIT = SYMBOLS[0], 10**8


class BuysOnce(Strategy):
    """Buys once, and waits."""

    instruments = [f"binanceusdm:{SYMBOL}"]  # noqa: RUF012
    timeframe = "1m"

    has_asked = False

    def on_candle(self, candle, broker):
        if not self.has_asked:
            self.has_asked = True
            broker.buy(0.1)


class SellsOnce(BuysOnce):
    """Sells once, and waits."""

    def on_candle(self, candle, broker):
        if not self.has_asked:
            self.has_asked = True
            broker.sell(0.1)


class PutsUpMore(BuysOnce):
    """Buys once, and puts 100 more behind it."""

    has_put_up = False

    def on_candle(self, candle, broker):
        if not self.has_asked:
            self.has_asked = True
            broker.buy(0.1)
        elif broker.is_long and not self.has_put_up:
            self.has_put_up = True
            broker.add_margin(100.0)


class Gears(BuysOnce):
    """Wants another leverage than there is."""

    def on_start(self, broker):
        broker.set_leverage(7.0)


@asynccontextmanager
async def holding(folder, cls=BuysOnce, mode="isolated", rules=(), **terms):
    """A venue, a session that holds its position there and compares its books when it is asked to, and another user."""
    contract = replace(listed(mode, 5)[0], **terms)
    async with venue(instruments=(contract,)) as there, exchange_at(there.port) as exchange:
        there.add_chaos(list(rules))
        session = session_at(folder, exchange, cls, symbols=SYMBOLS[:1])
        async with exchange_at(there.port) as other, running(session):
            session.safety.reconciler.period, session.safety.reconciler.pause = 10**6, 0.05
            await until(lambda: session.recorder.trader.base(0)[0], 60.0)
            await settled(session, 60.0)
            yield there, session, other


def kept(books):
    """Quote units behind the position alone."""
    return int(books.memory.instruments[0]["kept"])


def same(there, session):
    """Position, its margin and the wallet are the venue's."""
    mine, theirs = session.recorder.trader.memory.instruments[0], there.account.kernel.memory.instruments[0]
    assert [int(mine[name]) for name in ("base", "kept")] == [int(theirs[name]) for name in ("base", "kept")]
    assert session.recorder.trader.wallet_units() == there.account.kernel.wallet()[0]
    # The entry price that an exchange tells is rounded.
    assert int(mine["entry"]) == pytest.approx(int(theirs["entry"]), rel=1e-6)


def test_a_liquidation_is_in_the_books_before_anything_compares_them(tmp_path):
    """The stream tells the order alone."""

    async def scene():
        async with holding(tmp_path / "one") as (there, session, _):
            memory = there.account.kernel.memory
            memory.instruments[0]["kept"] = 1  # nothing is behind it any more
            memory.state[0]["booked"] += 1
            await until(lambda: there.account.forced, 60.0)
            await until(lambda: session.recorder.trader.base(0)[0] == 0, 20.0)

    asyncio.run(scene())
    told = [e.body for e in read(tmp_path / "one" / "journal.sqlite", "told") if e.body["what"] == "forced"]
    assert [body["numbers"][7] for body in told] == [Forced.LIQUIDATION]


def test_what_a_liquidation_cost_beside_its_fill_is_booked_once(tmp_path):
    """Binance tells it as income of its own."""

    async def scene():
        async with holding(tmp_path / "one", liquidation_fee=0.0) as (there, session, _):
            account, books = there.account, session.recorder.trader
            account.kernel.memory.instruments[0]["kept"] = 1
            account.kernel.memory.state[0]["booked"] += 1
            await until(lambda: account.forced, 60.0)
            await until(lambda: books.base(0)[0] == 0, 20.0)
            assert books.wallet_units() == account.kernel.wallet()[0]
            account.kernel.add_cash(-7 * UNIT)
            account._earn("INSURANCE_CLEAR", account.listings[0], -7 * UNIT, there.floor.now)
            for _ in range(2):
                await session.safety.reconciler.check()
                assert books.wallet_units() == account.kernel.wallet()[0]
            assert session.broker.gate.state is State.ACTIVE

    asyncio.run(scene())


@pytest.mark.parametrize("mode", ["isolated", "cross"])
@pytest.mark.parametrize(("cls", "amount"), [(BuysOnce, "0.05"), (SellsOnce, "0.1"), (BuysOnce, "0.16")])
def test_a_position_that_others_traded_is_adopted_and_the_money_once(tmp_path, mode, cls, amount):
    """They closed a part of it, all of it, or turned it."""

    async def scene():
        async with holding(tmp_path / "one", cls, mode) as (there, session, other):
            books, check = session.recorder.trader, session.safety.reconciler.check
            await check()
            side = Side.SELL if cls is BuysOnce else Side.BUY
            await other.place(OrderRequest(SYMBOL, side, Decimal(amount)))
            await check()
            assert session.broker.gate.state is State.REDUCING
            assert SYMBOL in (await Adoption(session).look())["beside"]
            wallet, put_in = books.wallet_units(), books.put_in
            with pytest.raises(ConfigError, match=f"is one, and adopted as it is in the account: .*one {SYMBOL}"):
                await Adoption(session).adopt(f"0.01{SYMBOL}")
            answer = await Adoption(session).adopt(SYMBOL)
            assert books.base(0)[0] == there.account.kernel.held(0)
            assert Fraction(answer["owned"]) == Fraction(books.base(0)[0], UNIT)
            assert books.wallet_units() == wallet, "what was won or lost by it is told by the wallet alone"
            beside = (await Adoption(session).look())["beside"]
            assert set(beside) == {"USDT"}
            money = beside["USDT"]
            told = await Adoption(session).adopt("USDT" if money[0] == "-" else f"{money}USDT")
            assert Fraction(told["owned"]) == Fraction(books.wallet_units(), UNIT)
            await until(lambda: kept(books) == kept(there.account.kernel), 60.0)
            same(there, session)
            assert session.broker.gate.state is State.ACTIVE
            assert books.put_in != put_in
            return books.put_in

    put_in = asyncio.run(scene())
    for compiled in (True, False):
        assert replayed(read(tmp_path / "one" / "journal.sqlite"), compiled=compiled).put_in == put_in


@pytest.mark.parametrize("how", ["accept_then_drop", "drop"])
def test_margin_of_which_nobody_says_whether_it_was_moved_is_what_the_exchange_has(tmp_path, how):
    async def scene():
        rules = [Rule(how, "POST /fapi/v1/positionMargin")]
        async with holding(tmp_path / "one", PutsUpMore, rules=rules) as (there, session, _):
            await until(lambda: any(ask.body["asks"] for ask in asked(session)), 60.0)
            await until(lambda: not session.broker._tasks, 60.0)
            await until(lambda: not session.broker._doubts, 60.0)
            same(there, session)

    asyncio.run(scene())


def asked(session):
    """Decisions of a session that moved margin."""
    steps = session._journal.entries("step")
    return [step for step in steps if any(ask[0] == "margin" for ask in step.body["asks"])]


@pytest.mark.parametrize("amount", [50, -50])
def test_margin_that_was_moved_or_not_while_no_session_ran_is_the_exchanges_when_it_goes_on(tmp_path, amount):
    """As after a crash between the journal and the exchange."""

    async def scene():
        async with venue(instruments=listed("isolated", 5)[:1]) as there, exchange_at(there.port) as exchange:
            async with running(session_at(tmp_path / "one", exchange, PutsUpMore, symbols=SYMBOLS[:1])):
                await until(lambda: len(there.account.margins) == 1, 60.0)
            await exchange.add_margin(SYMBOL, Decimal(amount))
            session = session_at(tmp_path / "one", exchange, PutsUpMore, symbols=SYMBOLS[:1])
            async with running(session):
                await until(lambda: kept(session.recorder.trader) == kept(there.account.kernel), 60.0)
                same(there, session)

    asyncio.run(scene())


def test_leverage_of_which_nobody_says_whether_it_was_set_is_what_the_exchange_has(tmp_path):
    async def scene():
        rules = [Rule("accept_then_drop", "POST /fapi/v1/leverage", count=3)]
        async with holding(tmp_path / "one", Gears, rules=rules) as (there, session, _):
            await until(lambda: int(session.recorder.trader.memory.instruments[0]["leverage"]) == 700, 60.0)
            assert there.account.kernel.memory.instruments[0]["leverage"] == 700

    asyncio.run(scene())


def test_a_fill_whose_order_cannot_be_looked_up_is_a_strangers_and_books_are_compared_all_the_same(tmp_path):
    async def scene():
        async with holding(tmp_path / "one") as (there, session, other):
            await session.safety.reconciler.check()
            await other.place(OrderRequest(SYMBOL, Side.SELL, Decimal("0.05")))
            gone = {"status": 400, "code": -2013, "text": "Order does not exist."}
            there.add_chaos([Rule("answer", "GET /fapi/v1/order", 0, **gone)])
            await session.safety.reconciler.check()
            assert session.broker.gate.state is State.REDUCING
            assert "the position of BTC/USDT:USDT is " in session.broker.gate.why

    asyncio.run(scene())


def test_a_session_does_not_go_on_in_hedge_mode(tmp_path, monkeypatch):
    async def scene():
        async with venue(instruments=listed("isolated", 5)[:1]) as there, exchange_at(there.port) as exchange:
            async with running(session_at(tmp_path / "one", exchange, symbols=SYMBOLS[:1])):
                pass
            terms = exchange.contract_terms

            async def hedged(symbol):
                return replace(await terms(symbol), is_hedged=True)

            monkeypatch.setattr(exchange, "contract_terms", hedged)
            with pytest.raises(ConfigError, match="is in hedge mode, where BTC/USDT:USDT has two positions"):
                await session_at(tmp_path / "one", exchange, symbols=SYMBOLS[:1]).__aenter__()

    asyncio.run(scene())
