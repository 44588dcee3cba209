"""`Fetcher`: one fetch on its way.

Every page is stored when it comes, so whatever ends a fetch leaves what it had, and the next one goes on from there.
What the exchange was asked for is noted, and what it does not have is not asked for again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import polars as pl

from planar.engine.listed_rules import listed_rules
from planar.engine.sources import SOURCES, Source
from planar.engine.suggest import since
from planar.errors import ConfigError, PlanarError, Unreachable
from planar.exchange.interface import Exchange
from planar.exchange.model import Market
from planar.exchange.retries import Backoff
from planar.store.asked import Span
from planar.store.candles import EARLIEST, LATEST
from planar.store.catalog import Series, series
from planar.store.faults import Fault
from planar.store.store import Store

WORKERS = 4
OUTAGES = 5
"""How often a page is asked for again, on top of the exchange's own retries, before the fetch ends."""


@dataclass(frozen=True)
class Wanted:
    """What to fetch: ``start <= time < end`` of each kind for each symbol.

    timeframe: of candles and mark candles. start: the first that is stored when left out; end: now.
    again: asks also for what the exchange did not have before.
    """

    symbols: Sequence[str]
    timeframe: str | None = None
    kinds: Sequence[str] = ("candles",)
    start: int | None = None
    end: int | None = None
    again: bool = False


@dataclass(frozen=True)
class Pace:
    """How fast: rows that one worker asks for before the next piece is taken, about; the pauses in an outage."""

    rows: int = 20_000
    backoff: Backoff = field(default_factory=lambda: Backoff(1.0, 30.0))


@dataclass(frozen=True)
class Fetched:
    """What became of one series. first, last: times stored between the ends, None for none.

    gaps: spans without candles from first to last, missing: candles that they lack; None where nothing can tell.
    left_out: what the exchange told and cannot be true; error: what ended it early.
    """

    series: Series
    start: int
    added: int
    first: int | None
    last: int | None
    gaps: int | None
    missing: int | None
    left_out: list[Fault] = field(default_factory=list)
    error: PlanarError | None = None


@dataclass
class Task:
    """One series to fetch: its market at the exchange, what is missing, and what came of it so far."""

    source: Source
    market: Market
    series: Series
    start: int
    end: int
    spans: list[Span]
    added: int = 0
    left_out: list[Fault] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The instrument in the store."""
        return self.series.instrument


def stored_name(exchange: Exchange, symbol: str) -> str:
    """The instrument of a symbol; a test environment is an exchange of its own, since its prices are."""
    return f"{exchange.id}{'_sandbox' if exchange.sandbox else ''}:{symbol}"


class Fetcher:
    """One fetch: its exchange and store, and how far it is."""

    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        wanted: Wanted,
        now: int,
        progress: Callable[[float], None],
        pace: Pace,
    ) -> None:
        self.exchange, self.store, self.wanted, self.now = exchange, store, wanted, now
        self.progress, self.pace = progress, pace
        self.source = f"fetched from {exchange.name}"
        self.total = self.done = 0
        self.has_answered = False
        self.workers = asyncio.Semaphore(WORKERS)
        self.noted: set[str] = set()

    def task(self, market: Market, kind: str) -> Task:
        """What is to be asked for of one series."""
        which = series(stored_name(self.exchange, market.symbol), self.wanted.timeframe, kind)
        timeframe = self.wanted.timeframe if which.has_grid else None
        source = SOURCES[kind](self.exchange, self.store, kind, timeframe, self.now, self.pace.rows)
        start = self.wanted.start
        if start is None:
            start = self._first_stored(source, which)
        start, end = source.begin(start), source.end(self.wanted.end)
        if self.wanted.again and self.store.path.exists():
            self.store.forget_asked(which.instrument, timeframe, kind=kind)
        spans = self.store.missing(which.instrument, timeframe, start, end, kind=kind)
        return Task(source, market, which, start, end, spans)

    def _first_stored(self, source: Source, which: Series) -> int:
        ends = source.ends(which.instrument, EARLIEST, LATEST)
        if ends is None:
            told = f"say from when, such as --from {since(self.now, which.length)}"
            raise ConfigError(f"{which.name}: nothing of it is stored yet: {told}.")
        return ends[0]

    async def run(self, task: Task) -> Fetched:
        """Fetches one series; its error is told, not raised, as others may go on."""
        error = None
        try:
            async with asyncio.TaskGroup() as group:
                for span in task.spans:
                    group.create_task(self._span(group, task, span))
            await self._note_rules(task)
        except* PlanarError as failed:
            error = next(_leaves(failed))
        if error is None and task.spans:
            await asyncio.to_thread(self._note_asked, task)
        return await asyncio.to_thread(self._told, task, error)

    async def _span(self, group: asyncio.TaskGroup, task: Task, span: Span) -> None:
        """A span's first page, which tells where the exchange's history begins; then the rest in pieces."""
        first, stop = span
        async with self.workers:
            cursor = await self._store_pages(task, first, stop, pages=1)
        piece = task.source.piece
        for at in range(cursor, stop, piece):
            group.create_task(self._piece(task, at, min(at + piece, stop)))

    async def _piece(self, task: Task, first: int, stop: int) -> None:
        async with self.workers:
            await self._store_pages(task, first, stop)

    async def _store_pages(self, task: Task, first: int, stop: int, *, pages: int | None = None) -> int:
        """Stores pages as they come, so many at most; gives where the next begins."""
        cursor = first
        async with aclosing(self._pages(task, first, stop)) as found:
            async for page in found:
                upto = task.source.after(int(page["time"][-1]))
                added, left_out = await asyncio.to_thread(self._store, task, page, (cursor, upto))
                task.added += added
                task.left_out += left_out
                await self._note_rules(task)
                self._advance(upto - cursor)
                cursor = upto
                if pages is not None and (pages := pages - 1) == 0:
                    return cursor
        await asyncio.to_thread(self._note, task, (cursor, task.source.sure(stop)))
        self._advance(stop - cursor)
        return stop

    async def _pages(self, task: Task, first: int, stop: int) -> AsyncGenerator[pl.DataFrame]:
        """The exchange's pages, asked for again from the last one on when an outage outlasts its retries.

        An exchange that never answered is not waited for: nothing says that it would.
        """
        cursor, attempt = first, 0
        while True:
            try:
                async for page in task.source.pages(task.market.symbol, cursor, stop):
                    self.has_answered = True
                    yield page
                    cursor, attempt = task.source.after(int(page["time"][-1])), 0
                return
            except Unreachable as error:
                pause = self.pace.backoff.pause(attempt, error.retry_after)
                if pause is None or attempt >= OUTAGES or not self.has_answered:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    def _store(self, task: Task, page: pl.DataFrame, asked: Span) -> tuple[int, list[Fault]]:
        """Stores what of a page can be true; the rest is a gap that was asked for."""
        page, left_out = task.source.sound(page)
        if page.is_empty():
            self._note(task, asked)
            return 0, left_out
        is_span = asked[0] < asked[1]
        return task.source.write(task.name, page, self.source, asked if is_span else None).added, left_out

    def _note(self, task: Task, asked: Span) -> None:
        if asked[0] < asked[1]:
            self.store.note_asked(task.name, task.source.timeframe, asked, self.source, kind=task.source.kind)

    def _note_asked(self, task: Task) -> None:
        self._note(task, (task.start, task.source.asked_until(task.name, task.start, task.end)))

    async def _note_rules(self, task: Task) -> None:
        """Keeps the market's rules, once."""
        if task.name not in self.noted:
            self.noted.add(task.name)
            rules = await listed_rules(self.exchange, task.market)
            await asyncio.to_thread(self.store.note_rules, task.name, rules, f"of {self.exchange.name}")

    def _advance(self, by: int) -> None:
        self.done += by
        self.progress(self.done / self.total if self.total else 1.0)

    def _told(self, task: Task, error: PlanarError | None) -> Fetched:
        span = (task.name, task.start, task.end)
        first, last = task.source.ends(*span) or (None, None)
        gaps, missing = task.source.lacking(*span) or (None, None)
        left_out = sorted(task.left_out, key=lambda fault: fault.time)
        return Fetched(task.series, task.start, task.added, first, last, gaps, missing, left_out, error)


def _leaves(failed: BaseExceptionGroup[PlanarError]) -> Iterator[PlanarError]:
    for error in failed.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
