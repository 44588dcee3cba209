"""Two processes that ask as fast as they may, of a venue that keeps its limits: nothing is refused. What it costs."""

import asyncio
import multiprocessing
import statistics
import time

import pytest
from exchange.test_reconnects import config
from exchange.venue_process import exchange_at, start, venue_process

from planar.exchange.budget import Budget
from planar.exchange.limits import Limits as OurLimits
from planar.venue.limits import Limits

CALLS, WORKERS = 5_000, 8
WEIGHT = 16_000
"""Of a minute, at the venue and as configured; the 10,000 calls weigh 20,000, so that some must wait for the next."""


def load(port, counts):
    """What one process does: so many calls, several at once."""

    async def work():
        left = iter(range(CALLS))
        async with exchange_at(port, weight=WEIGHT, is_limited=True, retries=0) as exchange:
            await exchange.markets()

            async def ask():
                for _ in left:
                    await exchange.ticker("BTC/USDT")

            await asyncio.gather(*(ask() for _ in range(WORKERS)))
            return exchange.health().errors

    began = time.monotonic()
    errors = asyncio.run(work())
    counts.append((CALLS, errors, time.monotonic() - began))


@pytest.mark.slow
def test_of_ten_thousand_calls_of_two_processes_none_is_refused():
    context = multiprocessing.get_context("spawn")
    with venue_process(config(limits=Limits(weight=WEIGHT))) as far, context.Manager() as manager:
        counts = manager.list()
        processes = [context.Process(target=load, args=(far.port, counts)) for _ in range(2)]
        for process in processes:
            start(process)
        for process in processes:
            process.join(240)
        refused, done = far.ask("refused"), list(counts)
    seconds = max(took for *_, took in done)
    print(f"{sum(n for n, *_ in done):,} calls in {seconds:.0f} s, refused with 429 or 418: {len(refused)}; {done}")
    assert len(done) == 2
    assert refused == []
    assert [errors for _, errors, _ in done] == [{}, {}]
    assert seconds > 30  # they did have to wait


def hammer(folder, started, ended, count):
    limits = limits_of(folder)

    async def spend():
        while not ended.is_set():
            limits.answered(await limits.take({"cost": 1, "orders": 1, "day": 1}))
            count.value += 1
            started.set()

    asyncio.run(spend())


def limits_of(folder):
    """Room enough that nobody waits: what is measured is the counting."""
    budgets = {"cost": 60_000, "orders": 10_000, "day": 86_400_000}
    return OurLimits({name: Budget(folder, name, 10**12, window) for name, window in budgets.items()})


def measured(folder, count=10_000):
    limits, took = limits_of(folder), []

    async def spend():
        for _ in range(count):
            before = time.perf_counter()
            limits.answered(await limits.take({"cost": 1, "orders": 1, "day": 1}))
            took.append((time.perf_counter() - before) * 1e6)

    asyncio.run(spend())
    limits.close()
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


@pytest.mark.slow
def test_two_processes_count_every_request_and_what_that_costs(tmp_path):
    alone = measured(tmp_path)
    context = multiprocessing.get_context("spawn")
    started, ended, count = context.Event(), context.Event(), context.Value("q", 0)
    other = context.Process(target=hammer, args=(tmp_path, started, ended, count))
    start(other)
    assert started.wait(120)
    contended = measured(tmp_path)
    ended.set()
    other.join(20)
    for name, (p50, p99) in (("alone", alone), ("beside a process that does nothing else", contended)):
        print(f"limits, three budgets, {name}: p50 {p50:.0f} µs, p99 {p99:.0f} µs")
    assert {each.name: each.used for each in limits_of(tmp_path).usage()}["day"] == 20_000 + count.value
