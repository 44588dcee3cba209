"""An hour of market in a minute, with streams and requests that fail at random: in the end nothing is missing.

The market is that of sixty times real time (candles of a second in sixty trades each); its clock is the wall's, as an
exchange's is. PLANAR_CHAOS_SECONDS makes it longer, PLANAR_CHAOS_SEED another one.
"""

import asyncio
import os
import random
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from exchange.test_reconnects import config
from exchange.venue_process import venue_process

from planar.errors import ExchangeError
from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.exchange.tap import Kind
from planar.model.order import Side, Status
from planar.venue.chaos import Rule

SECONDS = float(os.environ.get("PLANAR_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("PLANAR_CHAOS_SEED", "7"))
AUDIT = 5.0
SYMBOLS = ("BTC/USDT", "ETH/USDT")
ENDS = {"FILLED": Status.FILLED, "CANCELED": Status.CANCELLED, "EXPIRED": Status.EXPIRED}
STREAM_FAULTS = ("lose", "duplicate", "reorder", "freeze")
REQUEST_FAULTS = ("503", "drop", "delay", "accept_then_drop", "accept_then_5xx", "truncate", "html")


def resident():
    """Megabytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def lie(dice):
    """One fault at random: three of four in a stream."""
    if dice.random() < 0.75:
        what = dice.choices(STREAM_FAULTS, (6, 6, 6, 1))[0]
        where = dice.choice(("user", "btcusdt@*", "ethusdt@*"))
        return Rule(what, f"stream {where}", count=1 if what == "freeze" else dice.randint(1, 4))
    where = dice.choice(("POST /api/v3/order", "DELETE /api/v3/order", "GET *"))
    return Rule(dice.choice(REQUEST_FAULTS), where, seconds=0.5)


class Heard:
    """All that a subscription told, by id: the last state, and how often."""

    def __init__(self, subscription):
        self.last, self.times, self.sequences = {}, Counter(), []
        self._subscription = subscription

    async def read(self):
        async for event in self._subscription:
            self.last[event.data.id] = event.data
            self.times[event.data.id] += 1
            self.sequences.append(event.sequence)


async def trade(exchange, dice, until, tally):
    """Orders all along: market orders, and limits that rest and may be cancelled."""
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.02, 0.2))
        symbol, side = dice.choice(SYMBOLS), dice.choice([*Side])
        try:
            price = None
            if dice.random() < 0.6:
                last = (await exchange.ticker(symbol)).last
                price = last * (1 - side * Decimal(dice.choice(("0.0001", "0.0005", "0.05"))))
            placed = await exchange.place(OrderRequest(symbol, side, amount=Decimal("0.01"), price=price))
            tally["placed"] += 1
            if price is not None and dice.random() < 0.5:
                await exchange.cancel(placed.id, symbol)
                tally["cancelled"] += 1
        except ExchangeError as error:
            tally[f"{type(error).__name__} {error.code}"] += 1


async def disturb(far, dice, until):
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.1, 0.5))
        await asyncio.to_thread(far.ask, "chaos", lie(dice))
        if dice.random() < 0.03:
            await asyncio.to_thread(far.ask, "cut", dice.choice(("close", "reset", "freeze")))


def differences(truth, heard):
    """What the venue has and was not heard, or was heard otherwise, or twice."""
    found = []
    known = heard["orders"].last
    for id, (status, filled, _) in truth["orders"].items():
        order = known.get(id)
        is_open = status not in ENDS
        if order is None or order.filled != Decimal(filled) or (not is_open and order.status is not ENDS[status]):
            found.append(("order", id, status, filled, order))
    fills = heard["fills"]
    for id, order_id, price, amount in truth["fills"]:
        fill = fills.last.get(id)
        if fill is None or (fill.order_id, fill.price, fill.amount) != (order_id, Decimal(price), Decimal(amount)):
            found.append(("fill", id, order_id, price, amount, fill))
    for symbol in SYMBOLS:
        trades = heard[symbol]
        first = min(map(int, trades.last))
        rows = [row for row in truth["trades"][symbol] if int(row[0]) >= first]
        for id, price, amount in rows:
            told = trades.last.get(id)
            if told is None or (told.price, told.amount) != (Decimal(price), Decimal(amount)):
                found.append(("trade", symbol, id, told))
    for name in ("fills", *SYMBOLS):
        found += [("doubled", name, id) for id, times in heard[name].times.items() if times > 1]
    return found


async def run_chaos(far):
    dice = random.Random(SEED)
    tally, figures = Counter(), {}
    async with far.exchange(timeout=3_000) as exchange:
        streams = Streams(exchange, audit=AUDIT)
        heard = {"orders": Heard(await streams.subscribe(Kind.ORDERS))}
        heard["fills"] = Heard(await streams.subscribe(Kind.FILLS))
        for symbol in SYMBOLS:
            heard[symbol] = Heard(await streams.subscribe(Kind.TRADES, symbol))
        readers = [asyncio.ensure_future(each.read()) for each in heard.values()]
        await asyncio.sleep(2)
        start = time.monotonic()
        work = [trade(exchange, random.Random(SEED + n), start + SECONDS, tally) for n in range(4)]

        async def half():
            await asyncio.sleep(SECONDS / 2)
            figures["half"] = resident()

        await asyncio.gather(*work, disturb(far, dice, start + SECONDS), half())
        figures["end"] = resident()
        faults = Counter({})
        for rule in await asyncio.to_thread(far.ask, "calm"):
            faults[rule["what"]] += rule["happened"]
        await asyncio.sleep(2)
        for symbol in SYMBOLS:
            await exchange.cancel_all(symbol)
        differ = await settled(far, heard, figures)
        figures["orders held open"] = len(streams._orders)
        await streams.close()
        await asyncio.gather(*readers)
    return tally, faults, figures, heard, differ


async def settled(far, heard, figures):
    """The differences that are left when the streams had time to ask; the market goes on, so what is new may wait."""
    start = time.monotonic()
    truth = await asyncio.to_thread(far.ask, "truth")
    while (differ := differences(truth, heard)) and time.monotonic() - start < 30:
        await asyncio.sleep(0.5)
    figures["settled after"] = time.monotonic() - start
    figures |= {"orders": len(truth["orders"]), "fills": len(truth["fills"])}
    figures["trades"] = sum(len(rows) for rows in truth["trades"].values())
    return differ


@pytest.mark.slow
def test_after_an_hour_of_chaos_in_a_minute_nothing_is_missing_or_doubled():
    with venue_process(config(timeframe="1s", points=60, history=300)) as far:
        tally, faults, figures, heard, differ = asyncio.run(run_chaos(far))
    print(f"seed {SEED}, {SECONDS:g} s: {dict(tally)}")
    print(f"faults: {dict(faults)}")
    print({name: round(value, 1) for name, value in figures.items()})
    print(f"differences: {len(differ)} {differ[:5]}")
    assert not differ
    for each in heard.values():
        assert each.sequences == list(range(1, len(each.sequences) + 1))
