"""Disks that are full, journals that others hold, clocks that are set, names that nobody knows: nothing is lost."""

import asyncio
import sqlite3
import time

import pytest
from engine.session.trading import check_books, exchange_at, session_at, settled, venue, venue_config
from exchange.venue_process import venue_process

from planar.errors import DataError


async def running(session, seconds):
    """Lets a session go on for so long; raises what ends it."""
    task = asyncio.ensure_future(session.run())
    await asyncio.wait([task], timeout=seconds)
    if task.done():
        task.result()
    task.cancel()


async def until_it_cannot_write(folder, there, spoil):
    """The session trades, and then what it writes is refused; raises what ends it."""
    async with exchange_at(there.port) as exchange, session_at(folder, exchange) as session:
        await running(session, 1.0)
        kept = spoil(session._journal._connection)
        try:
            await running(session, 20.0)
        finally:
            kept.close()


async def trades_on(folder, there):
    """The session goes on, and its books are the venue's."""
    async with exchange_at(there.port) as exchange, session_at(folder, exchange) as session:
        await running(session, 1.0)
        session.quiet()
        await settled(session)
        check_books(there, session)
        return session.recorder.trader.record["orders_n"]


def test_a_full_disk_ends_the_session_before_anything_is_sent_and_it_goes_on_when_there_is_room(tmp_path):
    def fill(connection):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        return connection.execute(f"PRAGMA max_page_count = {pages + 1}")

    async def scene():
        async with venue() as there:
            with pytest.raises(DataError, match=r"cannot be written: database or disk is full\. .*Make room"):
                await until_it_cannot_write(tmp_path / "one", there, fill)
            assert await trades_on(tmp_path / "one", there)

    asyncio.run(scene())


@pytest.mark.slow
def test_a_journal_that_another_program_holds_ends_the_session_and_it_goes_on_later(tmp_path):
    def hold(connection):
        connection.execute("PRAGMA busy_timeout = 100")
        other = sqlite3.connect(tmp_path / "one" / "journal.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        return other

    async def scene():
        async with venue() as there:
            with pytest.raises(DataError, match="end the program that holds it"):
                await until_it_cannot_write(tmp_path / "one", there, hold)
            assert await trades_on(tmp_path / "one", there)

    asyncio.run(scene())


@pytest.mark.parametrize("step", [3_600, pytest.param(-3_600, marks=pytest.mark.slow)])
def test_setting_this_machines_clock_costs_no_order(tmp_path, monkeypatch, step):
    """The venue is another program, and keeps the time."""

    async def scene(far):
        async with exchange_at(far.port) as exchange, session_at(tmp_path / "one", exchange) as session:
            await running(session, 1.0)
            before, real, real_ns = session.recorder.trader.record["orders_n"], time.time, time.time_ns
            monkeypatch.setattr(time, "time", lambda: real() + step)
            monkeypatch.setattr(time, "time_ns", lambda: real_ns() + step * 1_000_000_000)
            await running(session, 2.0)
            session.quiet()
            await settled(session)
            monkeypatch.undo()
            trader = session.recorder.trader
            assert trader.record["orders_n"] > before
            told = [entry.body for entry in session._journal.entries("told")]
            assert not [
                body for body in told if "late" not in body.get("error", "late")
            ]  # late it is on a busy machine
            names = {e.body["client_id"] for e in session._journal.entries("intent")}
            assert names == {name for _, _, name in far.ask("truth")["orders"].values()}
            free = (await exchange.balance()).total["USDT"]
            assert trader.cash()[0] == free * 10**8

    with venue_process(venue_config()) as far:
        asyncio.run(scene(far))


@pytest.mark.slow
def test_while_no_name_can_be_resolved_nothing_is_lost(tmp_path, monkeypatch):
    """Every new connection fails for a while; orders that did not leave are told so, all others are the venue's."""
    from aiohttp import TCPConnector
    from aiohttp.client_exceptions import ClientConnectorDNSError

    async def scene():
        async with (
            venue() as there,
            exchange_at(there.port) as exchange,
            session_at(tmp_path / "one", exchange) as session,
        ):
            await running(session, 1.0)
            real = TCPConnector._create_direct_connection

            async def nobody(self, request, *_, **__):
                raise ClientConnectorDNSError(request.connection_key, OSError("Name or service not known"))

            monkeypatch.setattr(TCPConnector, "_create_direct_connection", nobody)
            await there.sockets.close(abruptly=True)
            for pooled in exchange._ccxt().session.connector._conns.values():
                for connection, _ in pooled:
                    connection.close()
            await running(session, 2.0)
            monkeypatch.setattr(TCPConnector, "_create_direct_connection", real)
            await running(session, 4.0)
            session.quiet()
            await settled(session, 30.0)
            assert any(e.body.get("what") == "ended" and "error" in e.body for e in session._journal.entries("told"))
            check_books(there, session)

    asyncio.run(scene())
