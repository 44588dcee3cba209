"""Several strategies trade while everything fails that the venue can make fail; whenever it is calm, books agree.

PLANAR_CHAOS_MINUTES of the market (60), which runs 60 times as fast as ours. In rounds: sessions go on from their
journals, trade under faults, come to rest in peace, are compared with the venue, and stop.
"""

import asyncio
import os
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from types import SimpleNamespace

import pytest
from engine.session.trading import KEY, SECRET, Busy, Grid, check_books, exchange_at, session_at, settled, venue
from exchange.test_chaos_run import lie, resident

from planar.engine.session.archive import journal, replayed
from planar.model.order import Reason
from planar.venue.chaos import Rule

MINUTES = float(os.environ.get("PLANAR_CHAOS_MINUTES", "60"))
SEED = int(os.environ.get("PLANAR_CHAOS_SEED", "7"))
SPEED, ROUND = 60.0, 15.0
PATIENCE = 60.0
LOST = ("accept_then_hang", "accept_then_drop", "accept_then_5xx", "drop", "503", "hang")
TRADERS = {"busy": (Busy, None), "interpreted": (Busy, False), "grid": (Grid, None)}


def one_lie(dice):
    """A fault at random; of those of amends, the ones that leave them unknown."""
    if dice.random() < 0.15:
        return Rule(dice.choice(LOST), "POST /api/v3/order/cancelReplace", seconds=0.5)
    return lie(dice)


async def disturb(there, dice, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.1, 0.4))
        there.add_chaos([one_lie(dice)])


async def round_of(folder, there, accounts, dice, tally):
    """One round of trading; raises where a session ended, or where its books are not those of its account."""
    async with AsyncExitStack() as stack:
        sessions = {}
        for name, (cls, compiled) in TRADERS.items():
            exchange = await stack.enter_async_context(exchange_at(there.port, accounts[name].key, timeout=3_000))
            made = session_at(folder / name, exchange, cls, compiled=compiled)
            sessions[name] = await stack.enter_async_context(made)
        runs = [asyncio.ensure_future(each.run()) for each in sessions.values()]
        await asyncio.wait([*runs, asyncio.ensure_future(disturb(there, dice, ROUND))], timeout=ROUND + 1)
        for rule in there.described_chaos():
            tally[rule["what"]] += rule["happened"]
        there.chaos.clear()
        for name, session in sessions.items():
            session.quiet()
            await agreed(SimpleNamespace(account=accounts[name]), session)
        for run in runs:
            if run.done():
                run.result()
            run.cancel()
        kept = {n: (len(s.broker.orders._by_name), len(s.broker.fills)) for n, s in sessions.items()}
    print(f"{resident():.0f} MB; names and fills kept: {kept}")


async def agreed(account, session):
    """Waits until the books are the account's: what the streams lost is asked for once it is calm."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            await settled(session, PATIENCE)
            return check_books(account, session)
        except (AssertionError, KeyError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


def refused(entries):
    """How often what was asked for came to nothing, by reason."""
    told = [e.body for e in entries if e.kind == "told" and e.body["what"] in ("ended", "not_amended")]
    return Counter(Reason(body["numbers"][-1]).name for body in told if body["numbers"][-1])


@pytest.mark.slow
def test_under_every_fault_no_order_is_lost_or_doubled_and_journals_replay(tmp_path, capsys):
    async def scene():
        dice, tally, start = random.Random(SEED), Counter(), time.monotonic()
        async with venue(speed=SPEED) as there:
            accounts = {"busy": there.account}
            for name in list(TRADERS)[1:]:
                key = name[0] * len(KEY)
                accounts[name] = there.floor.open_account(key, SECRET, {"USDT": Decimal(10_000)})
            while time.monotonic() - start < MINUTES * 60 / SPEED:
                await round_of(tmp_path, there, accounts, dice, tally)
            return tally, {name: len(account.orders) for name, account in accounts.items()}

    with capsys.disabled():
        tally, orders = asyncio.run(scene())
        print(f"seed {SEED}, {MINUTES:g} minutes of the market; faults: {dict(tally)}; orders: {orders}")
        for name in TRADERS:
            entries = journal(tmp_path / name)
            kinds = Counter(entry.kind for entry in entries)
            print(f"{name}: {dict(kinds)}; {dict(refused(entries))}")
            for compiled in (True, False):
                assert replayed(entries, compiled=compiled).record["steps"] == kinds["step"]
    assert min(orders.values()) > 10
