"""A live session at a local venue: from a decision to its orders on the wire, and what fifty instruments cost.

    python tests/benchmarks/session.py                                   # one instrument, a candle a second
    python tests/benchmarks/session.py --instruments 50 --speed 10       # fifty, a candle of each every six seconds
    python tests/benchmarks/session.py --instruments 50 --speed 1 --seconds 600

Every candle of every instrument is answered by a market order. The venue is another process; the exchange is CCXT's
own class. Of each order it is taken apart: the journal's commit, with which an order is on disk before it is sent;
the exchange's limits; CCXT's own time until it hands the request to its HTTP library; and the rest, which is ours. Of
orders that are sent side by side, each also waits there for the work on those before it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path

from planar import Strategy
from planar.broker.journal import Journal
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.build import Choice, opened
from planar.engine.session.recorder import Recorder
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.wire import Wire

ORDER: ContextVar[dict] = ContextVar("order", default={})  # noqa: B039 - nothing is written into this one


class Turns(Strategy):
    """Buys at one candle and sells at the next."""

    instruments = ["binance:BTC/USDT"]  # noqa: RUF012
    timeframe = "1m"

    def on_candle(self, candle, broker):
        if broker.is_flat:
            broker.buy(cost=20.0)
        else:
            broker.close()


class Clock:
    """Takes times where the product says nothing of them; in nanoseconds."""

    def __init__(self) -> None:
        self.decided = self.committed = 0
        self.steps: list[int] = []
        self.orders: list[dict[str, int]] = []

    def install(self) -> None:
        """Puts itself around the functions whose time counts."""
        clock, step, commit = self, Recorder.step, Journal.commit
        place, ask, pay, began = CcxtExchange.place, CcxtExchange._ask, CcxtExchange.pay, Wire.began

        def timed_step(recorder, moment):
            start = time.perf_counter_ns()
            asks = step(recorder, moment)
            clock.decided, clock.committed = time.perf_counter_ns(), 0
            clock.steps.append(clock.decided - start)
            return asks

        def timed_commit(journal):
            start = time.perf_counter_ns()
            commit(journal)
            clock.committed += time.perf_counter_ns() - start

        async def timed_place(exchange, request):
            mark = {"decided": clock.decided, "disk": clock.committed, "paid": 0}
            ORDER.set(mark)
            return await place(exchange, request)

        async def timed_ask(exchange, method, *args, **kwargs):
            if method.startswith("create") and ORDER.get():
                ORDER.get()["asked"] = time.perf_counter_ns()
            return await ask(exchange, method, *args, **kwargs)

        async def timed_pay(exchange, cost, wire):
            start = time.perf_counter_ns()
            await pay(exchange, cost, wire)
            if "paid" in ORDER.get():
                ORDER.get()["paid"] += time.perf_counter_ns() - start

        def timed_began(wire, *, is_write):
            mark = ORDER.get()
            if is_write and "asked" in mark and "wire" not in mark:
                mark["wire"] = time.perf_counter_ns()
                clock.orders.append(mark)
            began(wire, is_write=is_write)

        Recorder.step, Journal.commit, CcxtExchange.place = timed_step, timed_commit, timed_place
        CcxtExchange._ask, CcxtExchange.pay, Wire.began = timed_ask, timed_pay, timed_began

    def lines(self) -> list[tuple[str, list[float]]]:
        """Milliseconds by name."""
        whole = [o["wire"] - o["decided"] for o in self.orders]
        ccxt = [o["wire"] - o["asked"] - o["paid"] for o in self.orders]
        disk = [o["disk"] for o in self.orders]
        paid = [o["paid"] for o in self.orders]
        rest = [a - b - c - d for a, b, c, d in zip(whole, ccxt, disk, paid, strict=True)]
        named = (
            ("decision to wire", whole),
            ("  the journal's commit", disk),
            ("  the limits, waiting included", paid),
            ("  CCXT's own", ccxt),
            ("  ours", rest),
        )
        return [
            (name, [each / 1e6 for each in times])
            for name, times in (("indicators and hooks of a moment", self.steps), *named)
        ]


@contextlib.contextmanager
def venue(symbols: list[str], speed: float):
    """A venue in a process of its own; gives its addresses."""
    words = [word for symbol in symbols for word in ("--symbols", symbol)]
    command = [Path(sys.executable).with_name("planar"), "venue", *words, "--speed", str(speed), "--cash", "1000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


async def measure(addresses: dict, symbols: list[str], seconds: float, clock: Clock) -> None:
    """Runs a session for so long, and prints."""
    exchange = CcxtExchange(
        "binance",
        settings=ExchangeSettings(base_url=addresses["rest"]),
        credentials=Credentials(Secret(addresses["api_key"]), Secret(addresses["secret"]), source="the venue"),
    )
    choice = Choice(f"{Path(__file__).resolve()}:Turns", instruments=tuple(symbols), cash=Decimal(500_000))
    async with exchange, opened(choice, exchange, lambda *_: None) as session:
        await asyncio.sleep(5)
        clock.steps.clear()
        clock.orders.clear()
        cpu, start, first = time.process_time(), time.perf_counter(), resident()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(session.run())), seconds)
        share = (time.process_time() - cpu) / (time.perf_counter() - start)
        print(f"{len(clock.steps)} decisions, {len(clock.orders)} orders sent in {seconds:g} s")
        print(f"{share:.1%} of a core; {first:.0f} MB at the start, {resident():.0f} MB at the end, ", end="")
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")
    print("ms                                    p50      p99      most")
    for name, times in clock.lines():
        ranked = sorted(times)
        print(f"{name:34}{at(ranked, 0.5):8.3f} {at(ranked, 0.99):8.3f}  {at(ranked, 1.0):8.3f}")


def at(ranked: list[float], share: float) -> float:
    """The value below which that share lies."""
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)] if ranked else float("nan")


def resident() -> float:
    """Megabytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instruments", type=int, default=1)
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args()
    symbols = ["BTC/USDT", *(f"C{n:02}/USDT" for n in range(1, chosen.instruments))]
    clock = Clock()
    clock.install()
    print(f"{chosen.instruments} instruments, 1m candles at {chosen.speed:g} times real time")
    with tempfile.TemporaryDirectory() as folder, venue(symbols, chosen.speed) as addresses:
        os.chdir(folder)
        asyncio.run(measure(addresses, symbols, chosen.seconds, clock))


if __name__ == "__main__":
    main()
