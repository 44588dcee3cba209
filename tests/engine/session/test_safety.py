"""What keeps a session from doing harm, at the venue through CCXT: limits, the day's loss, kill switch, preflight."""

import asyncio
import re
from decimal import Decimal

import pytest
from engine.session.trading import KEY, check_books, exchange_at, session_at, settled, venue
from engine.session.watched import Holds, running, told, until

from planar import Strategy
from planar.broker.gate import State
from planar.broker.switch import KillSwitch
from planar.config.settings import ExchangeSettings, Risk
from planar.engine.session.archive import journal, origin_of, replayed
from planar.engine.session.day import LENGTH
from planar.engine.session.words import sentences
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange


def test_an_order_beyond_a_limit_is_refused_when_it_is_asked_for_and_the_journal_says_why(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, Holds, risk=Risk(max_position_cost=150.0)) as one:
            record = one.recorder.trader.record
            await until(lambda: record["refusals_n"] >= 4 and record["fills_n"] >= 2)
            one.quiet()
            await settled(one)
            check_books(there, one)
            assert len(there.account.orders) == 2

    asyncio.run(scene())
    refused = told(tmp_path / "one", "refused")
    assert {(body["limit"], body["most"]) for body in refused} == {("max_position_cost", 150.0)}
    intents = {body["order"] for body in told(tmp_path / "one", "intent")}
    assert intents.isdisjoint(body["order"] for body in refused)
    entries = journal(tmp_path / "one")
    (sentence,) = sentences(origin_of(entries), "refused", refused[0])
    assert re.fullmatch(
        r"BTC/USDT: order \d+ is refused \(RISK_LIMIT\): the position could be worth [12]\d\d(\.\d+)? USDT with all "
        r"that may still be filled, and risk.max_position_cost = 150 is the most that is allowed: ask for less, or "
        r"raise that\.",
        sentence,
    )
    replayed(entries)


def test_the_users_limit_for_orders_by_hand_does_not_hold_an_exit_back(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there, risk=Risk(max_order_cost=160.0)) as one:
            one.exchange.risk = Risk(max_order_cost=1.0)
            await until(lambda: sales_of(there))

    asyncio.run(scene())


def sales_of(there):
    return [order for order, _ in there.account.executions if order.ticket.side < 0]


def test_after_the_days_loss_only_exits_pass_for_the_rest_of_the_day_whatever_is_started_again(tmp_path):
    limits = Risk(daily_loss=0.05)  # the fees of an order or two

    async def scene():
        async with venue() as there:
            async with running(tmp_path / "one", there, risk=limits) as one:
                await until(lambda: one.broker.gate.state is State.REDUCING)
                lost_on = one.clock() // LENGTH
                bought = len(there.account.executions) - len(sales_of(there))
                await until(lambda: sales_of(there))
                if one.clock() // LENGTH == lost_on:
                    assert len(there.account.executions) - len(sales_of(there)) == bought
                # What was never compared with the account takes its time when it is opened again.
                await until(lambda: told(tmp_path / "one", "reconciled"))
            async with running(tmp_path / "one", there, risk=limits) as one:
                if one.clock() // LENGTH == lost_on:
                    assert one.broker.gate.state is State.REDUCING
                assert one.safety.day.most == Decimal("0.05")

    asyncio.run(scene())
    why = told(tmp_path / "one", "state")[0]["why"]
    assert why.endswith("risk.daily_loss = 0.05 is the most that is allowed: no new positions until 00:00 UTC.")


def test_a_file_halts_a_session_and_lets_it_go_on_when_it_is_removed(tmp_path):
    async def scene():
        switch = KillSwitch([tmp_path], folder=tmp_path)
        async with venue() as there, running(tmp_path / "one", there, switch=switch) as one:
            await until(lambda: there.account.orders)
            (tmp_path / "HALT").write_text("the market is mad\n")
            await until(lambda: one.broker.gate.state is State.HALTED)
            await settled(one)
            sent = len(there.account.orders)
            await asyncio.sleep(1.0)
            assert len(there.account.orders) == sent
            (tmp_path / "HALT").unlink()
            await until(lambda: len(there.account.orders) > sent)

    asyncio.run(scene())
    halted, active = told(tmp_path / "one", "state")[:2]
    assert (halted["state"], active["state"]) == ("HALTED", "ACTIVE")
    assert halted["why"] == (
        f'The kill switch is thrown: there is a file {tmp_path / "HALT"} ("the market is mad"). Remove it to go on.'
    )


class Protects(Strategy):
    """Buys once, protects that with a stop, and rests a far entry."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    stop = 0
    entry = 0

    def on_candle(self, candle, broker):
        if broker.is_flat and self.entry == 0:
            broker.buy(cost=500.0)
            self.entry = broker.buy(cost=100.0, price=candle.close * 0.5)
        elif broker.is_long and self.stop == 0:
            self.stop = broker.sell(broker.position, stop=candle.close * 0.5)

    def on_order_error(self, order, broker):
        if broker.is_flat:
            self.entry = 0
        else:
            self.stop = 0


def test_when_no_position_may_grow_resting_entries_are_cancelled_and_stops_stay(tmp_path):
    async def scene():
        switch = KillSwitch([tmp_path], folder=tmp_path)
        async with venue() as there, running(tmp_path / "one", there, Protects, switch=switch) as one:
            sides = lambda: sorted(order.ticket.side for order in there.account.open.values())  # noqa: E731
            await until(lambda: sides() == [-1, -1, 1, 1])
            (tmp_path / "HALT").touch()
            await until(lambda: sides() == [-1, -1])
            await settled(one)
            await asyncio.sleep(1.5)
            assert sides() == [-1, -1]
            check_books(there, one)

    asyncio.run(scene())


def test_the_setting_halts_as_well_while_sessions_run(tmp_path):
    settings = tmp_path / "planar.toml"
    switch = KillSwitch([tmp_path], "sma_cross", tmp_path)
    assert switch.thrown() == ""
    settings.write_text("[strategies.sma_cross.risk]\nhalted = true\n")
    assert switch.thrown() == (
        f"The kill switch is thrown: strategies.sma_cross.risk.halted = true ({settings}). "
        "`planar config set strategies.sma_cross.risk.halted false` lets it go on."
    )
    settings.write_text("[risk]\nhalted = maybe\n")
    assert switch.thrown(), "what cannot be read changes nothing"
    settings.write_text("[risk]\nhalted = false # at last\n")
    assert switch.thrown() == ""


# Before the first order.


async def begun(folder, exchange, **wish):
    async with exchange, session_at(folder, exchange, **wish):
        pass


def test_it_says_what_it_checked(tmp_path):
    async def scene():
        async with venue() as there:
            await begun(tmp_path / "one", exchange_at(there.port))

    asyncio.run(scene())
    [checked] = told(tmp_path / "one", "checked")
    assert checked == {
        "found": [
            "The key of binance may trade.",
            "BTC/USDT: fees 0.1 % as maker and 0.1 % as taker; least order 5 USDT.",
            "ETH/USDT: fees 0.1 % as maker and 0.1 % as taker; least order 5 USDT.",
        ],
    }


def test_without_keys_a_session_says_where_they_belong(tmp_path):
    async def scene():
        async with venue() as there:
            address = ExchangeSettings(base_url=f"http://127.0.0.1:{there.port}")
            await begun(tmp_path / "one", CcxtExchange("binance", settings=address))

    with pytest.raises(ConfigError, match=r"binance has no keys.*\[exchanges.binance\] of user/secrets.toml"):
        asyncio.run(scene())


def test_a_key_that_may_not_trade_begins_nothing(tmp_path):
    async def scene():
        async with venue() as there:
            there.floor.accounts[KEY].rights["enableSpotAndMarginTrading"] = False
            await begun(tmp_path / "one", exchange_at(there.port))

    with pytest.raises(ConfigError, match=r"the key of binance may not trade spot markets. Give it that right"):
        asyncio.run(scene())
    assert told(tmp_path / "one", "begin") == []


def test_cash_that_buys_not_even_the_least_order_begins_nothing(tmp_path):
    async def scene():
        async with venue() as there:
            await begun(tmp_path / "one", exchange_at(there.port), cash=Decimal(3))

    with pytest.raises(
        ConfigError, match=r"the least order is of 5.* USDT, and the session has 3. Give it more --cash"
    ):
        asyncio.run(scene())


def test_an_account_without_any_quote_begins_nothing(tmp_path):
    async def scene():
        async with venue(balances={"BTC": Decimal(1)}) as there:
            await begun(tmp_path / "one", exchange_at(there.port))

    with pytest.raises(ConfigError, match="binance has no USDT free: deposit some, or free it"):
        asyncio.run(scene())


def test_a_market_that_is_not_traded_begins_nothing(tmp_path):
    async def scene():
        async with venue() as there:
            there.floor.set_status(there.floor.market("ETHUSDT").listing, "BREAK")
            exchange = exchange_at(there.port)
            await exchange.markets(reload=True)  # another venue may have been at this port
            await begun(tmp_path / "one", exchange)

    with pytest.raises(ConfigError, match="ETH/USDT is not traded at binance now"):
        asyncio.run(scene())


def test_a_market_that_is_delisted_meanwhile_ends_new_positions_until_it_is_traded(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there) as one:
            await until(lambda: there.account.orders)
            there.floor.delist(there.floor.market("ETHUSDT").listing)
            await until(lambda: one.broker.gate.state is State.REDUCING)
            assert one.broker.gate.why == "ETH/USDT is not traded at binance now: no new positions until it is."
            there.floor.set_status(there.floor.market("ETHUSDT").listing, "TRADING")
            await until(lambda: one.broker.gate.state is State.ACTIVE)
            await settled(one)

    asyncio.run(scene())


@pytest.mark.slow
def test_where_all_markets_are_delisted_and_their_clock_stands_still_that_is_seen_too(tmp_path):
    async def scene():
        async with venue() as there, running(tmp_path / "one", there) as one:
            await until(lambda: there.account.orders)
            for id in ("BTCUSDT", "ETHUSDT"):
                there.floor.delist(there.floor.market(id).listing)
            await until(lambda: len(one.broker.gate.causes) == 2)

    asyncio.run(scene())


def test_a_session_is_of_limits_that_are_new_at_each_start(tmp_path):
    async def scene():
        async with venue() as there:
            async with running(tmp_path / "one", there, Holds):
                pass
            async with running(tmp_path / "one", there, Holds, risk=Risk(max_order_cost=50.0)) as one:
                await until(lambda: one.recorder.trader.record["steps"] >= 2)

    asyncio.run(scene())
    assert told(tmp_path / "one", "limits") == [{}, {"max_order_cost": 50.0}]
