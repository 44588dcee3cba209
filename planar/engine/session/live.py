"""`LiveSession`: one strategy at one exchange. Start and recovery are one path.

What it was is read from its journal, what became of its orders is asked of the exchange; then it goes on. A new
session is one whose journal is empty.
"""

import asyncio
import fcntl
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, Any

from planar.broker.journal import Entry, Journal
from planar.broker.live import Broker, Sent
from planar.broker.terms import symbol_of, units_of
from planar.engine.session.archive import replayed
from planar.engine.session.feed import Moments, history, missed, row_of
from planar.engine.session.folder import JOURNAL, LOCK
from planar.engine.session.operator import restrict
from planar.engine.session.origin import Origin, code_of, history_document, history_of, instrument_of
from planar.engine.session.paper import PaperAccount
from planar.engine.session.recorder import DECIDING, Recorder, read_asks, replay
from planar.engine.session.trader import Trader
from planar.errors import ConfigError, ExchangeError, PlanarError, StrategyError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.tap import Kind
from planar.model.ask import Amend, Ask, Cancel, Place
from planar.model.instrument import Instrument
from planar.model.order import NEVER, Reason, Status
from planar.model.timeframe import milliseconds
from planar.store.candles import utc
from planar.strategy.base import Strategy

LOG = logging.getLogger("planar.session")

HISTORY = 1_000
"""Candles before the first decision, where the strategy does not need more."""

DAY = 86_400_000
PATIENCE = 10.0
"""Seconds that the streams have to connect; the session begins without them then, and they come when they come."""

STALE_SHARE, STALE_MS = 0.05, 30_000
"""A decision is stale when it is older than this share of its timeframe, or than this."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to run.

    strategy: its class, and where it is loaded from. cash: in quote; None is all that is free.
    """

    strategy: Strategy
    place: str
    symbols: tuple[str, ...]
    mode: str = "live"
    cash: Decimal | None = None
    history: int = HISTORY
    compiled: bool | None = None


class LiveSession:
    """One strategy at one exchange, with a folder of its own.

    exchange: takes the orders. market: tells prices; the same where None. paper: the account's owner, where it is of
    play money. wish: what to begin with where the folder is empty. wall: UTC ms of this machine.
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
    ) -> None:
        self.folder, self.exchange, self._wish, self._wall = folder, exchange, wish, wall
        self.market, self._paper = market or exchange, paper
        self.origin: Origin
        self.recorder: Recorder
        self.broker: Broker
        self.is_resumed = False
        self.on_entry: list[Callable[[str, Any], None]] = []
        self._heard = 0
        self._length = 0
        self._is_quiet = False
        self._lock: IO[str] | None = None
        self._journal: Journal | None = None
        self._moments: Moments
        self._readers: list[asyncio.Task[None]] = []
        self._subscriptions: list[Any] = []
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
        self._failure = asyncio.get_running_loop().create_future()
        self._take_lock()
        self._journal = journal = Journal(self.folder / JOURNAL)
        entries = list(journal.entries())
        self.is_resumed = bool(entries)
        # Listen before anything is asked: what happens meanwhile is heard.
        orders = await self.exchange.streams.subscribe(Kind.ORDERS)
        fills = await self.exchange.streams.subscribe(Kind.FILLS)
        if self.is_resumed:
            await self._resume(journal, entries)
        else:
            await self._begin(journal)
        self._read(orders, self.broker.hear_order)
        self._read(fills, self.broker.hear_fill)
        await self._follow()

    def _take_lock(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / LOCK).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock = lock
        except OSError:
            lock.close()
            raise ConfigError(f"session {self.folder.name} is running already, in another program.") from None

    async def _begin(self, journal: Journal) -> None:
        wish = self._wish
        if wish is None:
            raise ConfigError(f"there is no session {self.folder.name}.")
        timeframe = type(wish.strategy).timeframe
        self._length = milliseconds(timeframe)
        instruments = [await self._instrument(symbol) for symbol in wish.symbols]
        await self._hear_market(wish.symbols[0])
        now = self.clock()
        pasts = [await history(self.market, s, timeframe, wish.history, now) for s in wish.symbols]
        self.origin = Origin(
            strategy=wish.place,
            code=code_of(type(wish.strategy)),
            parameters=wish.strategy.parameters,
            mode=wish.mode,
            exchange=self.market.id,
            sandbox=self.market.sandbox,
            account=self.market.account,
            timeframe=timeframe,
            instruments=tuple(instruments),
            cash=await self._cash(instruments[0], wish.cash),
            base=(0,) * len(instruments),
            started=now,
            compiled=wish.compiled,
        )
        trader = self.origin.trader(pasts)
        self._open(journal, trader, max(tape.end for tape in trader.tapes))
        for past in pasts:
            self.recorder.write("history", history_document(past))
        self.recorder.write("origin", self.origin.document())
        try:
            asks = self.recorder.begin()
        except BaseException:
            journal.undo()  # what never began is not gone on with
            raise
        self.broker.send(asks)
        self.recorder.commit()

    async def _hear_market(self, symbol: str) -> None:
        """Where the market stands: a venue may play another time than the clock's."""
        await self.market.server_time()
        for trade in await self.market.recent_trades(symbol, 1):
            self._heard = max(self._heard, trade.time)

    def _open(self, journal: Journal, trader: Trader, decided: int) -> None:
        self.recorder = Recorder(trader, journal, self._wall, self._entered)
        self.broker = Broker(self.exchange, self.origin.instruments, self.recorder, self.clock, self._fail)
        ends = [tape.end for tape in trader.tapes]
        self._moments = Moments(ends, decided, self._length, self.recorder.take, self._decide)

    async def _instrument(self, symbol: str) -> Instrument:
        """The rules of a market, with what this account pays there."""
        market = await self.market.market(symbol)
        try:
            fees = await self.exchange.fees(market.symbol)
        except ExchangeError as error:
            LOG.warning("the fees of this account are not known, those that the exchange lists count: %s", error)
            return instrument_of(self.market.id, market)
        return instrument_of(self.market.id, market, float(fees.maker), float(fees.taker))

    async def _cash(self, instrument: Instrument, wanted: Decimal | None) -> int:
        free = (await self.exchange.balance()).free.get(instrument.quote, Decimal(0))
        if wanted is not None and wanted > free:
            raise ConfigError(
                f"--cash {wanted:f}: {self.exchange.name} has {free:f} {instrument.quote} free. Ask for less."
            )
        cash = free if wanted is None else wanted
        if cash <= 0:
            raise ConfigError(f"{self.exchange.name} has no {instrument.quote} free: deposit some, or free it.")
        return units_of(cash, instrument.quote_unit)

    # Going on after a stop or a crash.

    async def _resume(self, journal: Journal, entries: list[Entry]) -> None:
        self.origin = Origin.read(next(e.body for e in entries if e.kind == "origin"))
        self._length = milliseconds(self.origin.timeframe)
        await self._hear_market(symbol_of(self.origin.instruments[0]))
        edited = self.origin.check_code()
        if edited:
            raise ConfigError(f"session {self.folder.name}: {edited}. Undo that, or begin another session.")
        pasts = [history_of(e.body, self.origin.timeframe) for e in entries if e.kind == "history"]
        trader = self.origin.trader(pasts)
        replay(trader, (e for e in entries if e.kind in DECIDING))
        begun = max(int(past.time[-1]) + past.timeframe for past in pasts)
        self._open(journal, trader, max((e.body["time"] for e in entries if e.kind == "step"), default=begun))
        self.recorder.write("resumed", {})
        restrict(self.broker.gate, entries)
        self._restore_orders(entries)
        if self._paper is not None:
            self._restore_paper(self._paper)
        await self._settle_open_orders()
        self.recorder.commit()

    def _restore_orders(self, entries: list[Entry]) -> None:
        """What the broker knew: the orders that are not over, their ids, and which fills were told."""
        trader, broker = self.recorder.trader, self.broker
        asked = [a for e in entries if e.kind in ("begin", "step", "ordered") for a in read_asks(e.body["asks"])]
        places = {ask.id: ask for ask in asked if isinstance(ask, Place) and trader.is_open(ask.id)}
        amends = {ask.id: ask for ask in asked if isinstance(ask, Amend)}
        names: dict[int, list[str]] = {}
        for entry in entries:
            if entry.kind == "intent":
                names.setdefault(entry.body["order"], []).append(entry.body["client_id"])
        for id, place in places.items():
            broker.restore(place, amends.get(id), names.get(id, []))
        for entry in entries:
            if entry.kind == "told":
                broker.restore_told(entry.body)

    def _restore_paper(self, paper: PaperAccount) -> None:
        """A paper account ends with its program: it is made again of what the journal says."""
        trader, count = self.recorder.trader, len(self.origin.instruments)
        paper.restore(trader.cash()[0], [trader.base(k)[0] for k in range(count)])
        for k in range(count):
            for record in trader.open_records(k):
                sent = self.broker.orders[int(record["id"]) + 1]
                if sent.exchange_id:  # the others never arrived
                    paper.rest(k, record, sent.names[-1])

    async def _settle_open_orders(self) -> None:
        """Asks what became of each order that was not over; one that never arrived is not sent late."""
        for sent in list(self.broker.orders.values()):
            if not sent.names:
                self.broker.drop(sent, Reason.STALE_DECISION, "it was asked for, and not sent before the stop")
            elif not await self._look(sent):
                self.broker.drop(sent, Reason.STALE_DECISION, "the exchange does not have it")
        trader = self.recorder.trader
        open_ = [(k, one) for k in range(len(self.origin.instruments)) for one in trader.open_records(k)]
        # A cancel that may not have arrived does no harm twice.
        self.broker.send([Cancel(int(one["id"]) + 1, k) for k, one in open_ if one["cancel_at"] != NEVER])

    async def _look(self, sent: Sent) -> bool:
        """Whether the exchange has the order, or may still get it."""
        window = self.exchange.quirk.receive_window_ms / 1000
        until = asyncio.get_running_loop().time() + window
        while True:
            is_last = asyncio.get_running_loop().time() >= until
            try:
                if await self.broker.look_for(sent, is_last=is_last):
                    return True
            except ExchangeError as error:
                LOG.warning("%s", error)
                until = asyncio.get_running_loop().time() + window
            else:
                if is_last:
                    return False
            await asyncio.sleep(min(0.5, max(until - asyncio.get_running_loop().time(), 0.0)))

    # Going on.

    async def _follow(self) -> None:
        """Hears closed candles; those between the history and the stream are asked for."""
        for k, instrument in enumerate(self.origin.instruments):
            symbol = symbol_of(instrument)
            candles = await self.market.streams.subscribe(Kind.CANDLES, symbol, self.origin.timeframe)
            self._subscriptions.append(candles)
            self._readers.append(asyncio.create_task(self._guarded(partial(self._hear_candles, k, symbol, candles))))
        await self.exchange.streams.ready(PATIENCE)
        await self.market.streams.ready(PATIENCE)

    async def _hear_candles(self, k: int, symbol: str, candles: Any) -> None:
        is_whole = False
        async for event in candles:
            candle = event.data
            self._heard = max(self._heard, candle.time)
            if not is_whole:
                # From its first word on the stream is without holes; what came before that is asked for.
                end = self.recorder.trader.tapes[k].end
                async for row in missed(self.market, symbol, self.origin.timeframe, end, candle.time):
                    self._moments.hear(k, row)
                is_whole = True
            if candle.is_closed:
                self._moments.hear(k, row_of(candle))

    def _read(self, subscription: Any, hear: Callable[[Any], None]) -> None:
        async def read() -> None:
            async for event in subscription:
                hear(event.data)
                self.recorder.commit()

        self._subscriptions.append(subscription)
        self._readers.append(asyncio.create_task(self._guarded(read)))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What a reader raises ends the session, with what it raised."""
        try:
            await work()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    def _decide(self, time: int) -> None:
        """A moment has come; what the strategy raises ends the session, whoever called."""
        try:
            if not self._is_quiet and not self._failure.done():
                self._decide_now(time)
        except PlanarError as error:
            self._fail(error)
        except Exception as error:
            self._fail(self._explained(error, time))

    def _explained(self, error: Exception, time: int) -> Exception:
        """What compiled code raised, with the author's line: the same decision is made again interpreted."""
        if self._journal is None or self.recorder.trader.hooks is None:
            return error
        try:
            replayed(list(self._journal.entries()), compiled=False).step(time)
        except PlanarError as told:
            return told
        return StrategyError(f"{type(error).__name__} at {utc(time)}, of compiled code alone: {error}")

    def _decide_now(self, time: int) -> None:
        asks = self.recorder.step(time)
        late = self.clock() - time
        if late > min(STALE_SHARE * self._length, STALE_MS):
            self._refuse(asks, late)
        else:
            self.broker.send(asks)
        self.recorder.commit()

    def _refuse(self, asks: Sequence[Ask], late: int) -> None:
        """Decisions that come too late are not sent, but for cancels."""
        tell, now, why = self.recorder.tell, self.clock(), f"decided {late / 1000:.1f} s late"
        for ask in asks:
            if isinstance(ask, Place):
                tell("ended", ask.k, ask.id, now, int(Status.REJECTED), int(Reason.STALE_DECISION), error=why)
            elif isinstance(ask, Amend):
                tell("not_amended", ask.k, ask.id, now, int(Reason.STALE_DECISION), error=why)
        self.broker.send([ask for ask in asks if isinstance(ask, Cancel)])

    def clock(self) -> int:
        """The session's time, UTC ms: the exchange's clock, or of a venue that runs faster or replays, its market's."""
        now, heard = self.market.clock(), max(self.market.market_time, self._heard)
        is_other = heard > now + self._length or heard < now - DAY
        return heard if heard and is_other else now

    def _entered(self, kind: str, body: Any) -> None:
        for call in self.on_entry:
            call(kind, body)

    def quiet(self) -> None:
        """No more decisions; what is on its way comes to its end."""
        self._is_quiet = True

    def stop(self) -> None:
        """Lets `run` come to its end."""
        if not self._failure.done():
            self._failure.set_result(None)

    async def run(self) -> None:
        """Goes on until it is cancelled or stopped; raises what ends it."""
        await asyncio.shield(self._failure)

    async def __aexit__(self, *_: object) -> None:
        self.quiet()
        try:
            await self.broker.close()
            self.recorder.write("stopped", {"time": self.clock()})
        finally:
            await self._close()

    async def _close(self) -> None:
        """Lets go of what was opened, however far that came."""
        for subscription in self._subscriptions:
            subscription.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            self._lock.close()
