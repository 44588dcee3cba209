"""One session alone trades a derivative of an account, of all programs of this machine; spot markets are shared."""

import asyncio
import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from engine.session.trading import SECRET, SYMBOLS, exchange_at, session_at, venue

from planar.config.secrets import Credentials, Secret
from planar.engine.session.build import Choice, opened
from planar.engine.session.claims import claimed
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange

PERPETUAL = "BTC/USDT:USDT"
PROGRAM = """
import asyncio, sys
from pathlib import Path
from engine.session.trading import exchange_at
from planar.engine.session.claims import claimed

async def main():
    async with exchange_at(int(sys.argv[1])) as exchange:
        held = await claimed(exchange, ["BTC/USDT:USDT"], Path("other"))
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def scene(play, **changes):
    """Plays at a venue that stands still, with an exchange there."""

    async def played():
        async with venue(speed=0, **changes) as there, exchange_at(there.port) as exchange:
            await play(there, exchange)

    asyncio.run(played())


@contextlib.asynccontextmanager
async def claiming(exchange, session, symbols=(PERPETUAL,)):
    held = await claimed(exchange, symbols, session)
    try:
        yield
    finally:
        for each in held:
            each.close()


def trading_the_perpetual(folder, exchange):
    session = session_at(folder, exchange)
    session.wish = replace(session.wish, symbols=(PERPETUAL,))
    return session


def test_a_session_is_refused_what_another_trades_with_its_name_and_the_remedy(tmp_path):
    async def play(there, exchange):
        async with claiming(exchange, tmp_path / "one"):
            with pytest.raises(ConfigError) as error:
                await trading_the_perpetual(tmp_path / "two", exchange).__aenter__()
        assert str(error.value) == (
            f"BTC/USDT:USDT at binance is traded by session one ({tmp_path / 'one'}, process {os.getpid()}). A "
            "position in a derivative is one, whoever ordered it, so one session of an account trades it: stop that "
            "one (planar stop one), choose another --instrument, or another --account."
        )

    scene(play)


def test_a_session_that_ends_lets_go_of_what_it_claimed(tmp_path):
    async def play(there, exchange):
        session = trading_the_perpetual(tmp_path / "two", exchange)
        with contextlib.suppress(Exception):  # the venue has no such market
            await session.__aenter__()
        assert session._claims
        async with claiming(exchange, tmp_path / "one"):
            pass

    scene(play)


def test_a_claim_is_seen_by_other_programs_and_dies_with_its_own(tmp_path):
    async def play(there, exchange):
        tests = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", PROGRAM, str(there.port)]
        other = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": tests}
        )
        try:
            assert await other.stdout.readline() == b"held\n"
            with pytest.raises(ConfigError, match=rf"traded by session other \(.*process {other.pid}\)"):
                await claimed(exchange, [PERPETUAL], tmp_path / "one")
        finally:
            other.kill()
            await other.communicate()
        async with claiming(exchange, tmp_path / "one"):
            pass

    scene(play)


def test_where_one_of_several_is_taken_none_is_kept(tmp_path):
    other = "ETH/USDT:USDT"

    async def play(there, exchange):
        async with claiming(exchange, tmp_path / "one"):
            with pytest.raises(ConfigError):
                await claimed(exchange, [other, PERPETUAL], tmp_path / "two")
            async with claiming(exchange, tmp_path / "three", [other]):
                pass

    scene(play)


def test_spot_markets_are_shared(tmp_path):
    async def play(there, exchange):
        async with claiming(exchange, tmp_path / "one", SYMBOLS), claiming(exchange, tmp_path / "two", SYMBOLS):
            pass

    scene(play)


def owner(key="k", **more):
    return CcxtExchange("binance", credentials=Credentials(Secret(key * 64), Secret(SECRET)), **more).owner


def test_an_account_is_told_by_its_key_and_no_key_can_be_read_off_it():
    assert owner(account="hedge") == owner()
    assert owner("x") != owner()
    assert owner(sandbox=True) != owner()
    assert "kkkk" not in owner()
    assert CcxtExchange("binance").owner != CcxtExchange("binance", account="hedge").owner


def test_an_instrument_with_a_settlement_currency_is_named_with_its_exchange_or_without(tmp_path, monkeypatch):
    """What is named is what is looked for, whole."""
    monkeypatch.chdir(tmp_path)

    async def begin(exchange, name):
        choice = Choice("sma_cross", instruments=(name,), name="one")
        async with opened(choice, exchange, lambda *_: None):
            pass

    async def play(there, exchange):
        for name in (PERPETUAL, f"binance:{PERPETUAL}"):
            async with claiming(exchange, tmp_path / "other"):
                with pytest.raises(ConfigError, match=f"{PERPETUAL} at binance is traded by session other"):
                    await begin(exchange, name)

    scene(play)
