"""Several sessions on one account trade while everything that can go wrong does: the books stay the exchange's.

PLANAR_CHAOS_MINUTES of ours (3 unless said otherwise), the market's time PLANAR_CHAOS_SPEED times as fast (20).
Every PERIOD seconds the lies end, the sessions come to rest, and each order, each fill and the balances are compared
with the venue's; then one session is stopped and goes on, and the lies begin anew.
"""

import asyncio
import inspect
import os
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import linear_regression

import pytest
from engine.session import crowd, perpetuals
from exchange.test_chaos_run import MOST_STANDING, resident, unlogged
from exchange.venue_process import KEY, SECRET, venue_process

from planar.broker.gate import State
from planar.broker.journal import read
from planar.engine.session.accounting import held, held_as
from planar.engine.session.archive import replayed
from planar.engine.session.folder import JOURNAL
from planar.engine.session.live import LiveSession, Wish
from planar.exchange.model import Wallet
from planar.model.instrument import exact
from planar.venue.chaos import REQUEST_FAULTS, Rule
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits

MINUTES = float(os.environ.get("PLANAR_CHAOS_MINUTES", "3"))
SPEED = float(os.environ.get("PLANAR_CHAOS_SPEED", "20"))
SEED = int(os.environ.get("PLANAR_CHAOS_SEED", "11"))
PERIOD = 30.0
SETTLING = 90.0
"""Seconds after the lies have ended within which the books must be the venue's."""

CASH = Decimal(100_000)


@dataclass(frozen=True)
class Scene:
    """What is traded. sessions: strategies and their symbols; start: what the account has, money and positions."""

    sessions: tuple
    start: dict[str, Decimal]
    where: tuple[str, ...]
    settings: dict
    funding: dict | None = None


SPOT = Scene(
    tuple((cls, ("BTC/USDT", "ETH/USDT")) for cls in (crowd.Takes, crowd.Rests, crowd.Guards, crowd.Quotes)),
    {"USDT": Decimal(1_000_000), "BTC": Decimal(0), "ETH": Decimal(0)},
    ("POST /api/v3/order", "POST /api/v3/order", "DELETE /api/v3/order", "POST *Replace", "GET *"),
    {},
)
PERPETUALS = Scene(
    tuple(zip((perpetuals.LongShort, perpetuals.Shifting), ((each,) for each in perpetuals.SYMBOLS), strict=True)),
    {"USDT": Decimal(1_000_000), **dict.fromkeys(perpetuals.SYMBOLS, Decimal(0))},
    ("POST /fapi/v1/order", "POST /fapi/v1/order", "DELETE /fapi/v1/order", "PUT *order", "POST *leverage", "GET *"),
    {"futures": True},
    perpetuals.funding(0.0005),
)
"""A position of a contract is one: each session has a contract of its own."""

STREAM_FAULTS = ("lose", "duplicate", "reorder", "unclosed_as_closed", "freeze")
RARE = {"hang": 1, "418": 1, "maintenance": 1, "accept_then_hang": 2}
SECONDS = {"hang": 4.0, "accept_then_hang": 4.0, "delay": 0.5, "418": 1.0, "429": 1.0}


def lie(dice, scene):
    """One fault at random."""
    if dice.random() < 0.5:
        what = dice.choices(STREAM_FAULTS, (6, 6, 6, 2, 1))[0]
        where = dice.choice(("user", "btcusdt@*", "ethusdt@*"))
        return Rule(what, f"stream {where}", count=1 if what == "freeze" else dice.randint(1, 4))
    what = dice.choices([*REQUEST_FAULTS], [RARE.get(name, 4) for name in REQUEST_FAULTS])[0]
    where = dice.choice(scene.where)
    code = {"status": 400, "code": -2010, "text": "Account has insufficient balance for requested action."}
    return Rule(what, where, seconds=SECONDS.get(what, 0.0), **(code if what == "answer" else {}))


async def disturb(far, dice, until, tally, scene):
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.05, 0.4))
        rule = lie(dice, scene)
        if rule.is_of_streams or (await asyncio.to_thread(far.ask, "standing"))[0] < MOST_STANDING:
            await asyncio.to_thread(far.ask, "chaos", rule)
        if dice.random() < 0.03:
            how = dice.choice(("close", "reset", "freeze"))
            tally[f"all connections: {how}"] += 1
            await asyncio.to_thread(far.ask, "cut", how)
        if dice.random() < 0.02:
            tally["skew"] += 1
            await asyncio.to_thread(far.ask, "chaos", Rule("skew", seconds=dice.choice((-2.0, 0.0, 1.5))))


async def calm(far, tally):
    for rule in await asyncio.to_thread(far.ask, "calm"):
        tally[rule["what"]] += rule["happened"]
    await asyncio.to_thread(far.ask, "chaos", Rule("skew", seconds=0.0))


def opened(far, folder, cls, symbols, scene):
    """A session of its own, with an exchange of its own."""
    exchange = far.exchange(timeout=3_000, **scene.settings)
    exchange.quirk.receive_window_ms = 1_000
    wish = Wish(cls(), f"{inspect.getsourcefile(cls)}:{cls.__name__}", symbols, cash=CASH, history=100)
    return exchange, LiveSession(folder / cls.__name__, exchange, wish, lambda: time.time_ns() // 1_000_000)


class Running:
    """One session, and the exchange that it trades at."""

    def __init__(self, far, folder, cls, symbols, scene):
        self.far, self.folder, self.cls, self.symbols, self.scene = far, folder, cls, symbols, scene

    async def begin(self):
        self.exchange, self.session = opened(self.far, self.folder, self.cls, self.symbols, self.scene)
        await self.exchange.__aenter__()
        await self.session.__aenter__()
        self._task = asyncio.ensure_future(self.session.run())

    def check(self):
        if self._task.done():
            self._task.result()

    async def end(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.session.__aexit__(None, None, None)
        await self.exchange.__aexit__(None, None, None)

    async def rest(self, seconds=60.0):
        """Waits until nothing is on its way; what is decided meanwhile is refused."""
        self.session.broker.gate.restrict("compared", State.HALTED, "The books are compared.")
        async with asyncio.timeout(seconds):
            while self.session.broker.busy:
                self.check()
                await asyncio.sleep(0.1)

    def go_on(self):
        self.session.broker.gate.lift("compared")

    def desk(self):
        """What it has, for whoever compares it in another process."""
        self.session.recorder.commit()
        origin, trader = self.session.origin, self.session.recorder.trader
        unit = exact(origin.instruments[0].quote_unit)
        changes = {"USDT": _decimal((trader.wallet_units() - origin.cash) * unit)}
        for k, instrument in enumerate(origin.instruments):
            changes[held_as(instrument)] = _decimal(trader.base(k)[0] * exact(instrument.unit))
        there = {sent.exchange_id for sent in self.session.broker.orders.values()}
        return Desk(self.folder / self.cls.__name__ / JOURNAL, there, changes)


@dataclass(frozen=True)
class Desk:
    """A session's journal, the orders that it takes for open, and by how much it changed the account."""

    journal: Path
    open: set[str]
    changes: dict[str, Decimal]


def differences(truth, desks, start, total):
    """What a journal has and the venue has not, or otherwise, or the other way round.

    start, total: of the account, at first and now.
    """
    fills_there = {(order, id): Decimal(amount) for id, order, _, amount in truth["fills"]}
    owned, found, told = set(), [], {}
    for desk in desks:
        for entry in read(desk.journal, "intent", "told"):
            body = entry.body
            if entry.kind == "intent":
                if body["client_id"] in owned:
                    found.append(("client id twice", body["client_id"]))
                owned.add(body["client_id"])
            elif body["what"] == "filled":
                key = body["exchange_id"], body["trade"]
                if key in told:
                    found.append(("fill twice", key))
                told[key] = Decimal(body["amount"])
    names = Counter(name for _, _, name in truth["orders"].values())
    found += [("order twice", name) for name, times in names.items() if times > 1]
    found += [("an order of nobody", name) for name in names if name not in owned]
    found += [("fill missing", key) for key in fills_there.keys() - told.keys()]
    found += [("fill made up", key) for key in told.keys() - fills_there.keys()]
    found += [("fill of another amount", key) for key in told.keys() & fills_there if told[key] != fills_there[key]]
    open_there = {id for id, (status, *_) in truth["orders"].items() if status in ("NEW", "PARTIALLY_FILLED")}
    open_here = set().union(*(desk.open for desk in desks))
    found += [("open there alone", name) for name in open_there - open_here]
    found += [("open here alone", name) for name in open_here - open_there]
    for currency, first in start.items():
        wanted = first + sum((desk.changes.get(currency, Decimal(0)) for desk in desks), Decimal(0))
        if total.get(currency, Decimal(0)) != wanted:
            found.append(("balance", currency, total.get(currency), wanted))
    return found


def _decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


async def account(exchange, scene):
    """Its balances, and its positions."""
    if scene is SPOT:
        return held(await exchange.balance(), [])
    return held(await exchange.balance(Wallet.FUTURES), await exchange.positions())


async def compare(far, crowd_, scene):
    """The differences that stay: what a stream lost last is found by the next audit, within a minute.

    The venue's process looks for them.
    """
    until = time.monotonic() + SETTLING
    while time.monotonic() < until:
        total = await account(crowd_[0].exchange, scene)
        known = [one.desk() for one in crowd_], scene.start, total
        found = await asyncio.to_thread(far.ask, "judge", differences, *known)
        if not found:
            break
        await asyncio.sleep(1.0)
    return found


async def trade(far, folder, tally, scene):
    dice, memory, looks = random.Random(SEED), [], 0
    crowd_ = [Running(far, folder, cls, symbols, scene) for cls, symbols in scene.sessions]
    async with AsyncExitStack() as stack:
        for one in crowd_:
            await one.begin()
            stack.push_async_callback(one.end)
        start = time.monotonic()
        while time.monotonic() - start < MINUTES * 60:
            await disturb(far, dice, time.monotonic() + PERIOD, tally, scene)
            await calm(far, tally)
            for one in crowd_:
                one.check()
                await one.rest()
            differ = await compare(far, crowd_, scene)
            looks += 1
            memory.append(((time.monotonic() - start) / 3600, resident()))
            print(f"{memory[-1][0] * 60:6.1f} min  {memory[-1][1]:.1f} MB  {len(differ)} differences", flush=True)
            assert not differ, differ[:10]
            again = dice.choice(crowd_)
            await again.end()
            await again.begin()
            for one in crowd_:
                one.go_on()
        return memory, looks


@pytest.mark.slow
@pytest.mark.parametrize("scene", [SPOT, PERPETUALS], ids=["spot", "perpetuals"])
def test_sessions_keep_the_exchanges_books_whatever_happens(tmp_path, scene):
    tally = Counter()
    limits = Limits(weight=10**9, orders_10s=10**6, orders_day=10**6)
    config = VenueConfig(
        instruments=tuple(dict.fromkeys(symbol for _, symbols in scene.sessions for symbol in symbols)),
        timeframe="1m", points=60, history=300, speed=SPEED, api_key=KEY, secret=SECRET, funding=scene.funding,
        balances={"USDT": scene.start["USDT"]}, limits=limits,
    )  # fmt: skip
    with unlogged(), venue_process(config) as far:
        memory, looks = asyncio.run(trade(far, tmp_path, tally, scene))
    print(f"{MINUTES:g} minutes at {SPEED:g} times real time, compared {looks} times; faults: {dict(tally)}")
    for cls, _ in scene.sessions:
        entries = read(Path(tmp_path) / cls.__name__ / JOURNAL)
        steps = sum(entry.kind == "step" for entry in entries)
        for compiled in (True, False):
            assert replayed(entries, compiled=compiled).record["steps"] == steps
        told = Counter(e.body["what"] for e in entries if e.kind == "told")
        print(f"{cls.__name__}: {len(entries)} entries, {dict(told)}")
    print(f"memory: {memory[0][1]:.0f} MB, then {memory[-1][1]:.0f} MB", end="")
    if looks > 4:
        half = memory[looks // 2 :]
        print(f", {linear_regression(*zip(*half, strict=True)).slope:+.1f} MB an hour in the second half", end="")
    print()
