"""Candles from an exchange into the store: what is missing and no more, page by page, several at a time.

Every page is stored when it comes, so whatever ends a fetch leaves what it had, and the next one goes on from there.
What the exchange was asked for is noted up to the last candle that came, and its gaps are not asked for again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import polars as pl

from planar.config.load import load
from planar.config.names import exchange_id
from planar.errors import ConfigError, PlanarError, Unreachable
from planar.exchange.interface import Exchange
from planar.exchange.retries import Backoff
from planar.model import timeframe as timeframes
from planar.store.asked import Span
from planar.store.candles import LATEST, gaps, utc
from planar.store.store import Store

PIECE = 20_000
"""Candles that one worker asks for, page by page, before the next piece is taken."""
WORKERS = 4
OUTAGES = 5
"""How often a page is asked for again, on top of the exchange's own retries, before the fetch ends."""


@dataclass(frozen=True)
class Fetched:
    """What became of one instrument. first, last: opens stored between the ends, None for none.

    gaps: spans without candles from first to last, which lack so many candles in all; error: what ended it early.
    """

    instrument: str
    timeframe: str
    start: int
    added: int
    first: int | None
    last: int | None
    gaps: int
    missing: int
    error: PlanarError | None = None


@dataclass(frozen=True)
class _Task:
    """One instrument: its market at the exchange, its name in the store, what is missing."""

    symbol: str
    name: str
    start: int
    end: int
    spans: list[Span]


async def fetch(
    exchange: Exchange,
    symbols: Sequence[str],
    timeframe: str,
    *,
    store: Store,
    now: int,
    start: int | None = None,
    end: int | None = None,
    again: bool = False,
    progress: Callable[[float], None] | None = None,
    backoff: Backoff | None = None,
    piece: int = PIECE,
) -> list[Fetched]:
    """Stores the candles with ``start <= time < end`` that are missing there, of each symbol.

    start: the first stored candle when left out; end: ``now``. again: asks also for what the exchange had no candles of
    before. progress: told a share between 0 and 1. piece: candles that one worker asks for at a time.
    Where an exchange fails for good in the middle, the instrument's ``error`` says so, and the others go on.
    Raises ConfigError for times that make no span, and Rejected for an unknown symbol, before anything is fetched.
    """
    length = timeframes.milliseconds(timeframe)
    if start is not None and start >= min(now if end is None else end, now):
        reason = f"--to {utc(end)} is not" if end is not None and end <= now else "that is not over: no candle closed"
        raise ConfigError(f"--from {utc(start)}: {reason} after it. Give an earlier --from.")
    fetcher = _Fetcher(exchange, timeframe, store, progress or (lambda _: None), backoff or Backoff(1.0, 30.0), piece)
    markets = [(await exchange.market(_bare(symbol, exchange))).symbol for symbol in symbols]
    closed = timeframes.bucket_open(now, length)
    grid_end = closed if end is None else min(closed, timeframes.bucket_open(end + length - 1, length))
    tasks = [fetcher.task(symbol, start, grid_end, again=again) for symbol in dict.fromkeys(markets)]
    fetcher.total = sum(stop - first for task in tasks for first, stop in task.spans)
    return await asyncio.gather(*(fetcher.run(task) for task in tasks))


def stored_name(exchange: Exchange, symbol: str) -> str:
    """The instrument of a symbol; a test environment is an exchange of its own, since its prices are."""
    return f"{exchange.id}{'_sandbox' if exchange.sandbox else ''}:{symbol}"


def fetch_command(instrument: str, timeframe: str) -> str:
    """The command that fetches an instrument's candles; empty when its exchange is none that is known."""
    name, _, symbol = instrument.partition(":")
    try:
        id = exchange_id(name, load().custom)
    except ConfigError:
        return ""
    return f"planar data fetch {id} {symbol} --timeframe {timeframe} --from 2024-01-01"


class _Fetcher:
    """One fetch: its exchange and store, and how far it is."""

    def __init__(
        self,
        exchange: Exchange,
        timeframe: str,
        store: Store,
        progress: Callable[[float], None],
        backoff: Backoff,
        piece: int,
    ) -> None:
        self.exchange, self.timeframe, self.store = exchange, timeframe, store
        self.length = timeframes.milliseconds(timeframe)
        self.source = f"fetched from {exchange.name}"
        self.progress, self.backoff = progress, backoff
        self.piece = piece * self.length
        self.total = self.done = 0
        self.has_answered = False
        self.workers = asyncio.Semaphore(WORKERS)

    def task(self, symbol: str, start: int | None, end: int, *, again: bool) -> _Task:
        """What is to be asked for."""
        name = stored_name(self.exchange, symbol)
        if start is None:
            start = self._first_stored(name)
        start = timeframes.bucket_open(start + self.length - 1, self.length)
        if again and self.store.path.exists():
            self.store.forget_asked(name, self.timeframe)
        return _Task(symbol, name, start, end, self.store.missing(name, self.timeframe, start, end))

    def _first_stored(self, name: str) -> int:
        if self.store.path.exists():
            for row in self.store.series().iter_rows(named=True):
                if (row["instrument"], row["timeframe"]) == (name, timeframes.name(self.length)):
                    return row["first"]
        raise ConfigError(f"{name} has no {self.timeframe} candles yet: say from when, such as --from 2024-01-01.")

    async def run(self, task: _Task) -> Fetched:
        """Fetches one instrument; its error is told, not raised, as others may go on."""
        added, error = [0], None
        try:
            async with asyncio.TaskGroup() as group:
                for span in task.spans:
                    group.create_task(self._span(group, task, span, added))
        except* PlanarError as failed:
            error = next(_leaves(failed))
        if error is None:
            await asyncio.to_thread(self._note_asked, task)
        return await asyncio.to_thread(self._told, task, added[0], error)

    async def _span(self, group: asyncio.TaskGroup, task: _Task, span: Span, added: list[int]) -> None:
        """A span's first page, which tells where the exchange's candles begin; then the rest in pieces."""
        first, stop = span
        async with self.workers:
            cursor = await self._store_pages(task, first, stop, added, pages=1)
        for at in range(cursor, stop, self.piece):
            group.create_task(self._piece(task, at, min(at + self.piece, stop), added))

    async def _piece(self, task: _Task, first: int, stop: int, added: list[int]) -> None:
        async with self.workers:
            await self._store_pages(task, first, stop, added)

    async def _store_pages(
        self, task: _Task, first: int, stop: int, added: list[int], *, pages: int | None = None
    ) -> int:
        """Stores pages as they come, so many at most; gives where the next begins."""
        cursor = first
        async with aclosing(self._pages(task.symbol, first, stop)) as found:
            async for page in found:
                upto = int(page["time"][-1]) + self.length
                write, asked = self.store.write_candles, (cursor, upto)
                written = await asyncio.to_thread(write, task.name, self.timeframe, page, self.source, asked=asked)
                added[0] += written.added
                self._advance(upto - cursor)
                cursor = upto
                if pages is not None and (pages := pages - 1) == 0:
                    return cursor
        self._advance(stop - cursor)
        return stop

    async def _pages(self, symbol: str, first: int, stop: int) -> AsyncGenerator[pl.DataFrame]:
        """The exchange's pages, asked for again from the last one on when an outage outlasts its retries.

        An exchange that never answered is not waited for: nothing says that it would.
        """
        cursor, attempt = first, 0
        while True:
            try:
                async for page in self.exchange.candles(symbol, self.timeframe, cursor, stop):
                    self.has_answered = True
                    yield page
                    cursor, attempt = int(page["time"][-1]) + self.length, 0
                return
            except Unreachable as error:
                pause = self.backoff.pause(attempt, error.retry_after)
                if pause is None or attempt >= OUTAGES or not self.has_answered:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    def _advance(self, by: int) -> None:
        self.done += by
        self.progress(self.done / self.total if self.total else 1.0)

    def _note_asked(self, task: _Task) -> None:
        """Notes what was asked for, up to the last stored candle: those after it may only be late."""
        stored = self.store.times(task.name, self.timeframe, task.start, LATEST)
        if task.spans and len(stored):
            stop = min(task.end, int(stored[-1]) + self.length)
            self.store.note_asked(task.name, self.timeframe, (task.start, stop), self.source)

    def _told(self, task: _Task, added: int, error: PlanarError | None) -> Fetched:
        times = self.store.times(task.name, self.timeframe, task.start, task.end)
        first, last = (int(times[0]), int(times[-1])) if len(times) else (None, None)
        missing = gaps(times, self.length)["missing"]
        return Fetched(
            task.name, self.timeframe, task.start, added, first, last, len(missing), int(missing.sum()), error
        )


def _leaves(failed: BaseExceptionGroup[PlanarError]) -> Iterator[PlanarError]:
    for error in failed.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _bare(symbol: str, exchange: Exchange) -> str:
    """The symbol of what may be written with its exchange, ``binance:BTC/USDT``."""
    before, colon, after = symbol.partition(":")
    return (
        after if colon and "/" not in before and before.lower() in (exchange.id, f"{exchange.id}_sandbox") else symbol
    )
