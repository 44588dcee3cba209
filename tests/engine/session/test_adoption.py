"""What an account has beside a session's books is theirs once its operator adopts it, and never before."""

import asyncio
import contextlib
from decimal import Decimal

import pytest
from engine.session.trading import exchange_at, settled, venue
from engine.session.watched import running, told, until

from planar import Strategy
from planar.broker.gate import State
from planar.broker.journal import read
from planar.config.settings import Risk
from planar.engine.session.archive import replayed
from planar.engine.session.operator import Operator
from planar.engine.session.status import read as status_of
from planar.errors import ConfigError
from planar.exchange.model import OrderRequest
from planar.model.order import Side


class Waits(Strategy):
    """Buys a little of bitcoin once, and logs what its hook sees of the position."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    has_bought = False

    def on_candle(self, candle, broker):
        if broker.is_long:
            self.has_bought = True
        elif not self.has_bought and broker.open_orders == 0 and candle.close > 10_000:
            broker.buy(cost=100.0)

    def on_position(self, broker):
        broker.log("position {} at {}", broker.position, broker.entry_price)


BOTH = {"USDT": Decimal(10_000), "BTC": Decimal("0.5"), "ETH": Decimal(1)}


@contextlib.asynccontextmanager
async def waiting(folder, there, *, until_held=True, **more):
    """A session that holds its little of bitcoin, and its operator."""
    async with running(folder, there, Waits, **more) as one:
        operator = Operator(one)
        if until_held:
            await until(lambda: one.recorder.trader.base(0)[0])
            await settled(one)
        yield one, operator
        await operator.leave()


def scene(play, folder, *, balances=BOTH, **more):
    async def played():
        async with venue(balances=balances) as there, waiting(folder, there, **more) as (one, operator):
            await play(there, one, operator)

    asyncio.run(played())


def held(session, k=0):
    return Decimal(session.recorder.trader.base(k)[0]) / 10**8


def test_what_is_beside_is_shown_and_what_is_named_becomes_the_sessions_and_is_sold_as_its_own(tmp_path):
    async def play(there, one, operator):
        async with exchange_at(there.port) as hand:
            order = await hand.place(OrderRequest("ETH/USDT", Side.BUY, amount=Decimal("0.1"), price=Decimal(500)))
        before, gain = held(one), one.safety.equity() - one.safety.day._start
        assert await operator.adopt() == {
            "session": "one", "beside": {"BTC": "0.5", "ETH": "1"}, "orders": [order.id],
        }  # fmt: skip
        changes = len(one.recorder.trader.log("notes", 0))
        answer = await operator.adopt("0.3btc")
        assert (answer["amount"], answer["owned"]) == ("0.3", f"{before + Decimal('0.3'):f}".rstrip("0"))
        assert held(one) == before + Decimal("0.3")
        assert one.safety.equity() > 15_000
        assert abs(one.safety.equity() - one.safety.day._start - gain) < 50, "it is no gain of the day"
        assert (await operator.adopt())["beside"] == {"BTC": "0.2", "ETH": "1"}
        await until(lambda: len(one.recorder.trader.log("notes", 0)) > changes)
        [left] = await operator.close("BTC/USDT")
        assert left["held"] == 0
        balance = (await one.exchange.balance()).total
        assert Decimal("0.2") <= balance["BTC"] < Decimal("0.20001")
        assert [each.id for each in await one.exchange.open_orders("ETH/USDT")] == [order.id]

    scene(play, tmp_path / "one", risk=Risk(daily_loss=100.0))
    entries = read(tmp_path / "one" / "journal.sqlite")
    assert told(tmp_path / "one", "state")[0]["state"] == "REDUCING", "while it is closed"
    for compiled in (True, False):
        assert replayed(entries, compiled=compiled).put_in == told(tmp_path / "one", "adopted")[0]["worth"]
    assert abs(status_of(tmp_path / "one")["gain"]) < 0.01


@pytest.mark.slow
def test_what_was_adopted_is_the_sessions_after_a_restart_and_nothing_is_missed_in_the_account(tmp_path):
    async def played():
        async with venue(balances=BOTH) as there:
            async with waiting(tmp_path / "one", there) as (one, operator):
                await operator.adopt("0.3BTC")
                owned = held(one)
            async with waiting(tmp_path / "one", there, until_held=False) as (one, _):
                await asyncio.sleep(1.0)
                assert held(one) == owned
                assert one.broker.gate.state is State.ACTIVE

    asyncio.run(played())
    assert all(body["differences"] == [] for body in told(tmp_path / "one", "reconciled"))


def test_a_deposit_becomes_cash_of_the_session(tmp_path):
    async def play(there, one, operator):
        there.floor.deposit(there.account, "USDT", Decimal(50))
        await operator.adopt("50USDT")
        assert one.recorder.trader.cash()[0] == there.account.kernel.cash()[0]

    scene(play, tmp_path / "one", balances={"USDT": Decimal(10_000)})


def test_what_somebody_sold_is_written_off_and_the_session_goes_on(tmp_path):
    async def play(there, one, operator):
        there.floor.deposit(there.account, "BTC", Decimal("-0.001"))
        await until(lambda: one.broker.gate.state is State.REDUCING)
        assert "or let the books follow with `planar adopt`" in one.broker.gate.why
        with pytest.raises(ConfigError, match=r"0.001 BTC of session one are not in the account. .*adopt one BTC`"):
            await operator.adopt("0.001BTC")
        assert (await operator.adopt("BTC"))["amount"] == "-0.001"
        assert one.broker.gate.state is State.ACTIVE
        assert held(one) == Decimal((await one.exchange.balance()).total["BTC"])

    scene(play, tmp_path / "one", balances={"USDT": Decimal(10_000)})
    replayed(read(tmp_path / "one" / "journal.sqlite"))


def test_what_is_not_there_is_not_adopted(tmp_path):
    async def play(there, one, operator):
        for what, why in {
            "0.6BTC": r"the account has 0.5 BTC beside the books of session one, and 0.6 is asked for",
            "BTC": r"the account has 0.5 BTC beside .*Say how much of it, .*: planar adopt one 0.5BTC",
            "5USDT": r"books and account of session one have the same USDT: there is none to adopt",
            "1XRP": r"'1XRP' is of no currency of the session: it has USDT, BTC, ETH",
            "xBTC": r"'xBTC' is no amount: write 0.5BTC",
            "-1BTC": r"'-1BTC' is no amount",
            "0.000000001BTC": r"less than one unit of the books",
        }.items():
            with pytest.raises(ConfigError, match=why):
                await operator.adopt(what)

    scene(play, tmp_path / "one")
    assert told(tmp_path / "one", "adopted") == []
