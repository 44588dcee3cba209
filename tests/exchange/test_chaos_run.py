"""An hour of market with streams and requests that fail at random: nothing is missing or doubled, memory stays flat.

The market's time runs PLANAR_CHAOS_SPEED times as fast as ours (20; 1 is real time), for PLANAR_CHAOS_MINUTES of its
own (60): its prints and candles come as fast. Orders, faults, pings and pauses keep to our time. The venue is another
process, and what is heard goes into files: the memory that is measured is what streams need. PLANAR_CHAOS_SEED makes
it another run.
"""

import asyncio
import gc
import logging
import os
import random
import sys
import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from statistics import fmean, linear_regression

import pytest
from exchange.test_reconnects import config
from exchange.venue_process import venue_process

from planar.errors import ExchangeError
from planar.exchange.model import OrderRequest
from planar.exchange.streams import Streams
from planar.model.order import Side
from planar.venue.chaos import Rule

MINUTES = float(os.environ.get("PLANAR_CHAOS_MINUTES", "60"))
SPEED = float(os.environ.get("PLANAR_CHAOS_SPEED", "20"))
SEED = int(os.environ.get("PLANAR_CHAOS_SEED", "7"))
SECONDS = MINUTES * 60 / SPEED
AUDIT = 5.0
SETTLING = 40.0
SAMPLES = 60
MOST_GROWTH = 8.0
"""Megabytes between the second quarter of the run and the last."""

MOST_LEFT = 0.01
"""The same of what Python has allocated and not freed, a fraction of its number: a leak shows there, whatever the
allocator keeps of what was freed.
"""

SYMBOLS = ("BTC/USDT", "ETH/USDT")
BOOKS = 50
"""How many of the last books that a stream told are kept, to find one that a request gave too."""
ENDS = {"CANCELED": "CANCELLED"}
STREAM_FAULTS = ("lose", "duplicate", "reorder", "unclosed_as_closed", "freeze")
REQUEST_FAULTS = ("503", "429", "418", "drop", "delay", "accept_then_drop", "accept_then_5xx", "truncate", "html")


MOST_STANDING = 4
"""Faults of requests that wait for one."""

MOST_RESTING = 20
"""Orders that each trader leaves open: four stay below what the venue allows in one market (200)."""


def resident():
    """Megabytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def lie(dice):
    """One fault at random: three of four in a stream."""
    if dice.random() < 0.75:
        what = dice.choices(STREAM_FAULTS, (6, 6, 6, 2, 1))[0]
        where = dice.choice(("user", "btcusdt@*", "ethusdt@*"))
        return Rule(what, f"stream {where}", count=1 if what == "freeze" else dice.randint(1, 4))
    where = dice.choice(("POST /api/v3/order", "DELETE /api/v3/order", "GET *"))
    return Rule(dice.choices(REQUEST_FAULTS, (4, 4, 1, 4, 4, 4, 4, 4, 4))[0], where, seconds=0.5)


class Listener:
    """Writes all that a subscription tells to a file."""

    def __init__(self, subscription, path):
        self.path, self.count, self._subscription = path, 0, subscription
        self.books, self.crossed = {}, 0

    async def read(self):
        with self.path.open("w", buffering=1) as file:
            async for event in self._subscription:
                self.count += 1
                if event.kind == "book":
                    self.books[event.data.sequence] = event.data
                    self.crossed += event.data.bids[0].price >= event.data.asks[0].price
                    while len(self.books) > BOOKS:
                        del self.books[next(iter(self.books))]
                assert event.sequence == self.count
                if row := row_of(event):
                    file.write(" ".join(row) + "\n")

    def rows(self):
        return [tuple(line.split()) for line in self.path.read_text().splitlines()]


def row_of(event):
    """What is compared: the id first."""
    data = event.data
    if event.kind == "book":
        return None
    if event.kind == "orders":
        return data.id, data.status.name, f"{data.filled:f}", f"{data.price}"
    if event.kind == "fills":
        return data.id, data.order_id, f"{data.price:f}", f"{data.amount:f}"
    if event.kind == "trades":
        return data.id, f"{data.price:f}", f"{data.amount:f}"
    prices = (data.open, data.high, data.low, data.close, data.volume)
    return (str(data.time), *(f"{each:f}" for each in prices)) if data.is_closed else None


async def book_differences(exchange, listeners):
    """Books that were told with as much as a level other than the venue's of the same sequence, or crossed."""
    for symbol in SYMBOLS:
        told = listeners[f"book {symbol}"]
        if told.crossed:
            yield "crossed", symbol, told.crossed
        for _ in range(200):
            await asyncio.sleep(0.3)
            try:
                asked = await exchange.book(symbol)
            except ExchangeError:  # the lies have just ended, and a breaker may still be open
                continue
            await asyncio.sleep(0.3)
            heard = told.books.get(asked.sequence)
            if heard is not None:
                if (heard.bids[:20], heard.asks[:20]) != (asked.bids[:20], asked.asks[:20]):
                    yield "book", symbol, heard, asked
                break
        else:
            yield "no book told is one of the venue's", symbol


async def trade(exchange, dice, until, tally):
    """Orders all along: market orders, and limits that rest and are cancelled at once, later, or not at all."""
    resting: deque[tuple[str, str]] = deque()
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
            if price is not None:
                resting.append((placed.id, symbol))
            if price is not None and dice.random() < 0.5:
                await exchange.cancel(*resting.pop())
                tally["cancelled"] += 1
            while len(resting) > MOST_RESTING:
                await exchange.cancel(*resting.popleft())
                tally["cancelled late"] += 1
        except ExchangeError as error:
            tally[f"{type(error).__name__} {error.code}"] += 1


async def disturb(far, dice, until, tally):
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.1, 0.5))
        rule = lie(dice)
        # Where faults come faster than requests that meet them, in the end nothing else would happen.
        if rule.is_of_streams or (await asyncio.to_thread(far.ask, "standing"))[0] < MOST_STANDING:
            await asyncio.to_thread(far.ask, "chaos", rule)
        if dice.random() < 0.03:
            how = dice.choice(("close", "reset", "freeze"))
            tally[f"all connections: {how}"] += 1
            await asyncio.to_thread(far.ask, "cut", how)


async def sample(until):
    """Memory, evenly spread over the run: minutes of the market, megabytes, blocks that Python has allocated."""
    start, rows = time.monotonic(), []
    for n in range(SAMPLES + 1):
        await asyncio.sleep(max(start + (until - start) * n / SAMPLES - time.monotonic(), 0))
        gc.collect()
        rows.append(((time.monotonic() - start) * SPEED / 60, resident(), sys.getallocatedblocks()))
    return rows


def differences(truth, listeners):
    """What the venue has and was not heard, or was heard otherwise, or twice, or was made up."""
    found = []
    for name, listener in listeners.items():
        if name.startswith("book"):
            continue
        heard = listener.rows()
        found += [("doubled", name, row) for row, times in Counter(heard).items() if times > 1]
        if name == "orders":
            found += order_differences(truth["orders"], heard)
            continue
        told = {row[0]: numbers(row) for row in heard}
        found += [("doubled", name, id) for id, times in Counter(row[0] for row in heard).items() if times > 1]
        # What happened before the first that was heard is not of this run; candles begin with that which was open then.
        first = min(map(int, told), default=0) if name != "fills" else 0
        wanted = {row[0]: numbers(row) for row in truth[name] if int(row[0]) >= first}
        found += [("missing", name, id, told.get(id), row) for id, row in wanted.items() if told.get(id) != row]
        last = max(map(int, wanted), default=0)
        found += [("made up", name, id) for id in told if id not in wanted and int(id) <= last]
    return found


def order_differences(truth, heard):
    last = {id: (status, Decimal(filled)) for id, status, filled, _ in heard}
    for id, (status, filled, _) in truth.items():
        wanted = {"NEW": "OPEN", "PARTIALLY_FILLED": "PARTIAL", **ENDS}.get(status, status), Decimal(filled)
        if last.get(id) != wanted:
            yield "order", id, last.get(id), wanted


def numbers(row):
    return tuple(map(Decimal, row[1:]))


async def run_chaos(far, folder):
    dice, tally = random.Random(SEED), Counter()
    async with far.exchange(timeout=3_000) as exchange:
        streams = Streams(exchange, audit=AUDIT)
        wanted = [("orders",), ("fills",)]
        wanted += [
            (kind, symbol, *rest) for symbol in SYMBOLS for kind, *rest in (("trades",), ("candles", "1m"), ("book",))
        ]
        listeners = {}
        for kind, *rest in wanted:
            name = " ".join([kind, *rest[:1]])
            listeners[name] = Listener(await streams.subscribe(kind, *rest), folder / name.replace("/", "-"))
        readers = [asyncio.ensure_future(each.read()) for each in listeners.values()]
        await asyncio.sleep(3)
        until = time.monotonic() + SECONDS
        work = [trade(exchange, random.Random(SEED + n), until, tally) for n in range(4)]
        memory, *_ = await asyncio.gather(sample(until), disturb(far, dice, until, tally), *work)
        faults = Counter({})
        for rule in await asyncio.to_thread(far.ask, "calm"):
            faults[rule["what"]] += rule["happened"]
        await asyncio.sleep(2)
        for symbol in SYMBOLS:
            with suppress(ExchangeError):
                await exchange.cancel_all(symbol)
        truth = await asyncio.to_thread(far.ask, "truth")
        start = time.monotonic()
        while (differ := differences(truth, listeners)) and time.monotonic() - start < SETTLING:
            await asyncio.sleep(1)
        differ += [each async for each in book_differences(exchange, listeners)]
        feeds = streams._feeds.values()
        kept = f"{sum(len(feed.open) for feed in feeds)} open orders, {sum(len(feed.told) for feed in feeds)} ids"
        print(f"settled within {time.monotonic() - start:.1f} s; kept: {kept}")
        await streams.close()
        await asyncio.gather(*readers)
    print(f"seed {SEED}, {MINUTES:g} minutes at {SPEED:g} times real time: {dict(tally)}")
    print(f"faults that happened: {dict(faults)}")
    print(
        {name: (listener.count, len(truth.get(name, ()))) for name, listener in listeners.items()},
        "(heard, of the venue)",
    )
    return memory, differ


def told(memory):
    """Prints memory over time; gives by how much it grew from the second quarter of the run to the last: megabytes, and
    the fraction of blocks.
    """
    print("minute  MB     blocks")
    print("\n".join(f"{minutes:6.1f}  {size:.1f}  {blocks}" for minutes, size, blocks in memory[:: SAMPLES // 20]))
    minutes, sizes, blocks = zip(*memory, strict=True)
    half = len(memory) // 2
    slope = linear_regression(minutes[half:], sizes[half:]).slope * 60
    (early, late), (before, after) = quarters(sizes), quarters(blocks)
    print(f"second half: {slope:+.2f} MB an hour; second quarter {early:.1f} MB, last {late:.1f} MB")
    print(f"blocks: second quarter {before:.0f}, last {after:.0f}")
    return late - early, after / before - 1


def quarters(values):
    """The means of the second quarter and of the last."""
    quarter = len(values) // 4
    return fmean(values[quarter : 2 * quarter]), fmean(values[-quarter:])


@contextmanager
def unlogged():
    """What pytest keeps of each record, errors with all their frames, would be the memory that is measured."""
    loggers = [logging.getLogger(), logging.getLogger("planar")]
    kept = [list(logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.handlers = [logging.NullHandler()]
    try:
        yield
    finally:
        for logger, handlers in zip(loggers, kept, strict=True):
            logger.handlers = handlers


@pytest.mark.slow
def test_after_an_hour_of_chaos_nothing_is_missing_or_doubled_and_memory_is_flat(tmp_path):
    with unlogged(), venue_process(config(timeframe="1m", points=300, history=300, speed=SPEED)) as far:
        memory, differ = asyncio.run(run_chaos(far, tmp_path))
    growth, left = told(memory)
    print(f"differences: {len(differ)} {differ[:5]}")
    assert not differ
    assert growth < MOST_GROWTH
    assert left < MOST_LEFT
