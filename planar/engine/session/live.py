"""`LiveSession`: one strategy at one exchange. Start and recovery are one path.

What it was is read from its journal, what became of its orders is asked of the exchange; then it goes on. A new
session is one whose journal is empty.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from planar.broker.journal import Entries, Journal
from planar.broker.live import Broker
from planar.broker.switch import KillSwitch
from planar.broker.terms import symbol_of
from planar.config.settings import Risk
from planar.engine.session.archive import origin_of
from planar.engine.session.beginning import beginning
from planar.engine.session.claims import claimed, kept
from planar.engine.session.dead_man import DeadManSwitch, check_dead_man
from planar.engine.session.decisions import decided, explained
from planar.engine.session.edit import CODES, edit_of
from planar.engine.session.ended import has_ended, make_way
from planar.engine.session.feed import Feed, reading
from planar.engine.session.folder import JOURNAL, locked
from planar.engine.session.moments import Moments
from planar.engine.session.operator import restrict
from planar.engine.session.origin import Origin, history_document
from planar.engine.session.paper import PaperAccount
from planar.engine.session.preflight import check_keys, preflight
from planar.engine.session.recorder import Recorder
from planar.engine.session.recovery import Recovery
from planar.engine.session.safety import Safety
from planar.engine.session.shadow import prepare
from planar.engine.session.trader import Trader
from planar.engine.session.watchdog import Watchdog
from planar.engine.session.wish import Wish, check_edit, check_wish
from planar.errors import ConfigError, PlanarError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.tap import Kind
from planar.model.ask import Row
from planar.model.timeframe import milliseconds
from planar.strategy.kept import Code
from planar.venue.demo import Demo

__all__ = ["LiveSession", "Wish"]

NO_LIMITS = Risk()

DAY = 86_400_000
PATIENCE = 10.0
"""Seconds that the streams have to connect; the session begins without them then, and they come when they come."""


class LiveSession:
    """One strategy at one exchange, with a folder of its own.

    exchange: takes the orders. market: tells prices; the same where None. paper: the account's owner, where it is of
    play money. wish: what to begin with where the folder is empty. wall: UTC ms of this machine. risk: its limits, new
    at each start. switch: halts it.
    """

    def __init__(
        self,
        folder: Path,
        exchange: CcxtExchange,
        wish: Wish | None,
        wall: Callable[[], int],
        *,
        market: CcxtExchange | None = None,
        paper: PaperAccount | None = None,
        risk: Risk = NO_LIMITS,
        switch: KillSwitch | None = None,
    ) -> None:
        self.folder, self.exchange, self.wish, self._wall = folder, exchange, wish, wall
        self.market, self._paper = market or exchange, paper
        self._risk, self._switch = risk, switch
        self.safety: Safety
        self.origin: Origin
        self.recorder: Recorder
        self.broker: Broker
        self.recovery = Recovery(self)
        self.dead_man: DeadManSwitch | None = None
        self.is_resumed = False
        self.on_entry: list[Callable[[str, Any], None]] = []
        self.last_words: list[Callable[[str], None]] = []
        self._heard = 0
        self._length = 0
        self._lock: IO[str] | None = None
        self._claims: list[IO[str]] = []
        self._journal: Journal | None = None
        self._moments: Moments
        self._feed: Feed
        self.watchdog: Watchdog
        self._readers: list[asyncio.Task[None]] = []
        self._opened: list[Any] = []
        self._failure: asyncio.Future[None]

    # Beginning.

    async def __aenter__(self) -> "LiveSession":
        try:
            await self._open_all()
        except BaseException:
            await self._close()
            raise
        return self

    async def _open_all(self) -> None:
        make_way()
        self._failure = asyncio.get_running_loop().create_future()
        self._lock = locked(self.folder)
        is_demo = isinstance(self.exchange, Demo) and self.exchange.has_own_venue
        await asyncio.to_thread(prepare, is_demo=is_demo)
        self._journal = journal = Journal(self.folder / JOURNAL)
        entries = journal.so_far()
        self.is_resumed = bool(entries)
        check_keys(self.exchange)
        if self._has_dead_man:
            check_dead_man(self.exchange, self._risk.dead_man)
        # Listen before anything is asked: what happens meanwhile is heard.
        orders, fills = await self._subscribed(Kind.ORDERS), await self._subscribed(Kind.FILLS)
        if self._paper is not None:
            self._paper.watch(self._fail)
        if self.is_resumed:
            await self._resume(journal, entries)
        else:
            await self._begin(journal)
        self._read(Kind.ORDERS, orders, self.broker.hear_order)
        self._read(Kind.FILLS, fills, self.broker.hear_fill)
        if self.broker.contracts.traded:
            self._read(Kind.BALANCE, await self._subscribed(Kind.BALANCE), self.broker.contracts.hear_balance)
        if self.is_resumed:
            await self.safety.compare()
            self.recovery.set_margins()
        await self._follow()
        self._spawn(self.safety.run)
        if self.dead_man is not None:
            self._spawn(self.dead_man.run)

    @property
    def _has_dead_man(self) -> bool:
        """A paper account ends with its program."""
        return bool(self._risk.dead_man) and self._paper is None

    async def _subscribed(self, kind: Kind) -> Any:
        made = await self.exchange.streams.subscribe(kind)
        self._opened.append(made)
        return made

    async def _begin(self, journal: Journal) -> None:
        wish = self.wish
        if wish is None:
            raise ConfigError(f"there is no session {self.folder.name}.")
        await self._claim(wish.symbols)
        self._length = milliseconds(type(wish.strategy).timeframe)
        await self._hear_market(wish.symbols[0])
        self.origin, pasts = await beginning(self.exchange, self.market, wish, self.clock())
        trader = self.origin.trader(pasts)
        self._open(journal, trader, max(tape.end for tape in trader.tapes))
        for past in pasts:
            self.recorder.write("history", history_document(past))
        self.recorder.write("origin", self.origin.document())
        self.recorder.write("code", Code.of(type(wish.strategy)).document())
        self.recorder.limit(self._risk.limits)
        try:
            found = await preflight(self.exchange, self.market, self.origin, trader, is_new=True)
            checked = [*wish.said(self.origin), *found]
            self.safety.begin()
            with self.watchdog:
                asks = self.recorder.begin(self.clock())
        except BaseException:
            journal.undo()  # what never began is not gone on with
            raise
        self.safety.say(checked)
        self.broker.send(asks)
        self.recorder.commit()

    async def _resume(self, journal: Journal, entries: Entries) -> None:
        self.origin = origin_of(entries)
        await self._claim([symbol_of(each) for each in self.origin.instruments])
        self._length = milliseconds(self.origin.timeframe)
        if self.wish is not None:
            check_wish(self.folder.name, self.origin, self.wish, self.market)
        edit = edit_of(self.folder.name, self.origin, entries.of(*CODES))
        check_edit(edit, self.wish)
        await self._hear_market(symbol_of(self.origin.instruments[0]))
        self._open(journal, *self.recovery.trader(entries))
        if edit is not None:
            self.recorder.change(self.origin.strategies(edit.now), edit.document(self.clock()))
        self.recorder.write("resumed", {"time": self.clock()})
        self.recorder.limit(self._risk.limits)
        restrict(self.broker.gate, entries)
        self.recovery.restore_orders(entries)
        self.safety.restore(entries)
        self.safety.begin()
        self.safety.say(await preflight(self.exchange, self.market, self.origin, self.recorder.trader, is_new=False))
        if self._paper is not None:
            self.recovery.restore_paper(self._paper)
        await self.recovery.set_contracts()
        await self.recovery.settle()
        self.recorder.commit()

    async def _claim(self, symbols: Sequence[str]) -> None:
        self._claims = await claimed(self.exchange, symbols, self.folder)
        self._spawn(partial(kept, self._claims))

    async def _hear_market(self, symbol: str) -> None:
        """Where the market stands: a venue may play another time than the clock's."""
        await self.market.server_time()
        for trade in await self.market.recent_trades(symbol, 1):
            self._saw(trade.time)

    def _saw(self, time: int) -> None:
        self._heard = max(self._heard, time)

    def _open(self, journal: Journal, trader: Trader, decided: int) -> None:
        self.recorder = Recorder(trader, journal, self._wall, self._entered)
        self.broker = Broker(self.exchange, self.origin.instruments, self.recorder, self.clock, self._fail)
        self.broker.contracts.since = [self.origin.started] * len(self.origin.instruments)
        ends = [tape.end for tape in trader.tapes]
        places = self.exchange, self.market
        self.safety = Safety(self.recorder, self.broker, self.clock, *places, self._risk, self._switch)
        if self._paper is not None:
            self.safety.reconciler.markets.on_market = self._paper.set_traded
        self.on_entry.append(self.safety.heard)
        if self._has_dead_man:
            place = self.exchange, self._risk.dead_man
            self.dead_man = DeadManSwitch(*place, lambda: self.safety.naked.has_stops, self.recorder.write)
            self.recorder.before_commit.append(self.dead_man.look)
        self._moments = Moments(ends, decided, self._length, self._take, self._decide)
        self.watchdog = Watchdog(trader, self.last_words)
        self.watchdog.start()

    # Going on.

    async def _follow(self) -> None:
        """Hears closed candles; those between the history and the stream are asked for, and told by time."""
        symbols = [symbol_of(each) for each in self.origin.instruments]
        self._feed = Feed(self.market, symbols, self.origin.timeframe, self._moments, self._saw)
        self._opened.append(self._feed)
        await self._feed.subscribe()
        await self._feed.catch_up(self.clock())
        self._moments.begin()
        for reader in self._feed.readers():
            self._spawn(reader)
        await self.exchange.streams.ready(PATIENCE)
        await self.market.streams.ready(PATIENCE)

    def _read(self, kind: Kind, subscription: Any, hear: Callable[[Any], None]) -> None:
        async def read() -> None:
            told = reading(partial(self._subscribed, kind), self.broker.look_again, subscription)
            async for data in told:
                hear(data)
                self.recorder.commit()

        self._spawn(read)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._readers.append(asyncio.create_task(self._guarded(work)))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What a reader raises ends the session, with what it raised."""
        try:
            await work()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    def _take(self, k: int, row: Row) -> None:
        """A candle has closed; what the strategy's indicators raise ends the session, whoever called."""
        if self._failure.done():
            return
        try:
            with self.watchdog:
                self.recorder.take(k, row)
        except Exception as error:
            self._fail(error)

    def _decide(self, time: int) -> None:
        """A moment has come; what the strategy raises ends the session, whoever called."""
        if self._failure.done():
            return
        try:
            with self.watchdog:
                asks, is_late = decided(self.recorder, time, self.clock, self._length)
            self.broker.send(asks, is_late=is_late)
            self.recorder.commit()
        except PlanarError as error:
            self._fail(error)
        except Exception as error:
            self._fail(explained(self.recorder, error, time))

    def clock(self) -> int:
        """The session's time, UTC ms: the exchange's clock, but its market's where a venue of this machine differs."""
        now, heard = self.market.clock(), max(self.market.market_time, self._heard)
        # An open candle says when it opened: a market is as far behind the clock as that, and no other for it.
        is_other = heard > now + self._length or heard < now - self._length - DAY
        return heard if heard and self.market.is_local and is_other else now

    def _entered(self, kind: str, body: Any) -> None:
        for call in self.on_entry:
            call(kind, body)

    def quiet(self) -> None:
        """No more candles and decisions: whoever goes on is told of them. What is on its way comes to its end."""
        self._moments.close()

    def stop(self) -> None:
        """Lets `run` come to its end."""
        if not self._failure.done():
            self._failure.set_result(None)

    async def run(self) -> None:
        """Goes on until it is cancelled or stopped; raises what ends it."""
        await asyncio.shield(self._failure)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.quiet()
        try:
            await self.broker.close()
            if self.dead_man is not None and not isinstance(error, Exception):
                await self.dead_man.end()
            self.recorder.write("stopped", {"time": self.clock()})
        finally:
            await self._close()

    async def _close(self) -> None:
        """Lets go of what was opened, however far that came."""
        if "_moments" in vars(self):
            self._moments.close()
        if "watchdog" in vars(self):
            self.watchdog.close()
        if "broker" in vars(self):
            await self.broker.close()
        for each in self._opened:
            each.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._journal is not None:
            self._journal.close()
        for each in (self._lock, *self._claims):
            if each is not None:
                each.close()
        has_ended(self)
