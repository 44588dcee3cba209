"""A session goes on as it began: what is asked for otherwise is refused, with what to do about it."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from engine.session.trading import SYMBOLS, Busy, Once, exchange_at, session_at, venue

from planar.engine.session.archive import journal, origin_of
from planar.engine.session.beginning import beginning
from planar.engine.session.build import Choice, session_name
from planar.engine.session.origin import Origin
from planar.engine.session.wish import Wish, check_wish
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange

PARAMETERS = """
from planar import Strategy, param

class Slow(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1m"
    slow = param(5, low=1, high=9)

    def on_candle(self, candle, broker):
        pass
"""


@pytest.fixture(scope="module")
def began(tmp_path_factory):
    """What a session at the venue began with: all of its cash."""
    folder = tmp_path_factory.mktemp("sessions") / "one"

    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange, session_at(folder, exchange):
            pass

    asyncio.run(scene())
    return origin_of(journal(folder))


def wish(origin: Origin, **changes) -> Wish:
    return replace(Wish(Busy(), origin.strategy, SYMBOLS), **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mode": "paper"}, "began with the mode live, and paper is asked for now"),
        ({"symbols": ("ETH/USDT",)}, "began with --instruments BTC/USDT ETH/USDT, and ETH/USDT is asked for now"),
        ({"cash": Decimal(500)}, "began with --cash 10000, and 500 is asked for now"),
    ],
)
def test_what_is_wished_otherwise_is_refused(began, changes, told):
    with pytest.raises(ConfigError, match=f"session one {told}.*begin another session with --name"):
        check_wish("one", began, wish(began, **changes), CcxtExchange("binance"))


@pytest.mark.parametrize(
    ("elsewhere", "told"),
    [
        (CcxtExchange("kraken"), "--exchange binance, and kraken is asked for"),
        (CcxtExchange("binance", sandbox=True), "--sandbox off, and on is asked for"),
        (CcxtExchange("binance", account="second"), r"--account \(none\), and second is asked for"),
    ],
)
def test_another_exchange_environment_or_account_is_refused(began, elsewhere, told):
    with pytest.raises(ConfigError, match=told):
        check_wish("one", began, wish(began), elsewhere)


def test_cash_that_is_not_named_or_as_it_was_is_fine(began):
    for cash in (None, Decimal(10_000), Decimal("10000.00")):
        check_wish("one", began, wish(began, cash=cash), CcxtExchange("binance"))


def test_what_nobody_names_is_as_it_was(began):
    """A session that began with another parameter and instrument goes on when neither is named again."""
    other = replace(began, parameters={**began.parameters, "fast": 5}, instruments=began.instruments[:1])
    exchange = CcxtExchange("binance")
    check_wish("one", other, wish(other, given=frozenset()), exchange)
    for given in ({"fast"}, {"--instruments"}):
        with pytest.raises(ConfigError, match="A session goes on as it began"):
            check_wish("one", other, wish(other, given=frozenset(given)), exchange)


def test_sessions_of_an_exchange_and_of_its_test_environment_have_names_of_their_own():
    choice = Choice("strategies/sma_cross.py:SmaCross")
    real, test = (CcxtExchange("binance", sandbox=sandbox, account="two") for sandbox in (False, True))
    assert session_name(choice, real) == "sma_cross-binance-two-live"
    assert session_name(choice, test) == "sma_cross-binance-sandbox-two-live"
    assert session_name(replace(choice, name="mine"), test) == "mine"


def test_another_parameter_is_refused(tmp_path):
    (tmp_path / "slow.py").write_text(PARAMETERS)
    place = f"{tmp_path / 'slow.py'}:Slow"

    async def scene(slow):
        from planar.strategy.load import load

        async with exchange_at(there.port) as exchange:
            session = session_at(tmp_path / "one", exchange)
            session.wish = Wish(load(place)(slow=slow), place, ("BTC/USDT",), history=100)
            async with session:
                pass

    async def both():
        nonlocal there
        async with venue() as there:
            await scene(5)
            await scene(5)
            with pytest.raises(ConfigError, match="began with --param slow=5, and slow=7 is asked for now"):
                await scene(7)
            (tmp_path / "slow.py").write_text(PARAMETERS + "# edited\n")
            with pytest.raises(ConfigError, match=r"has been edited since.*undo the edit.*--name"):
                await scene(5)

    there = None
    asyncio.run(both())


def test_a_session_begins_with_as_many_candles_as_its_strategy_declares_for_its_warm_up(tmp_path):
    class Patient(Busy):
        warmup = 150  # more than the 100 of these tests

    async def scene():
        async with venue() as there, exchange_at(there.port) as exchange:
            wish = Wish(Patient(), "", ("BTC/USDT",), history=100)
            _, (past,) = await beginning(exchange, exchange, wish, there.clock.now())
            return past

    assert 150 <= len(asyncio.run(scene())) < 200  # the venue goes on while it is asked


def test_another_strategy_is_refused(tmp_path):
    async def scene():
        async with venue() as there:
            async with exchange_at(there.port) as exchange, session_at(tmp_path / "one", exchange):
                pass
            async with exchange_at(there.port) as exchange:
                with pytest.raises(ConfigError, match=r"began with the strategy .*Busy, and .*Once is asked for now"):
                    await session_at(tmp_path / "one", exchange, Once).__aenter__()

    asyncio.run(scene())
