"""`Safety`: what keeps a session from doing harm: limits, kill switch, the day's loss, books that are the account's."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from planar.broker.gate import State
from planar.broker.journal import Entries
from planar.broker.limits import stop_told
from planar.broker.live import Broker
from planar.broker.naked import KIND, Naked
from planar.broker.protector import Protector
from planar.broker.risk import RiskGate
from planar.broker.switch import KillSwitch
from planar.broker.terms import decimal, symbol_of
from planar.config.settings import Risk
from planar.engine.session.day import Day, equity_at
from planar.engine.session.decisions import patience
from planar.engine.session.reconcile import Reconciler
from planar.engine.session.recorder import Recorder, read_asks
from planar.errors import ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.ask import Cancel
from planar.model.instrument import exact

LOG = logging.getLogger("planar.session")

LOOK = 1.0
"""Seconds between looking at the kill switch, the day's loss and the streams of one's own."""

PATIENCE = 10.0
"""Seconds that a session which goes on waits for that; a stop that has to be moved cannot wait for ever."""

KILLED, STOPPED = "kill switch", "limits"


class Safety:
    """Watches over one session. market: tells prices; exchange: has the account."""

    def __init__(
        self,
        recorder: Recorder,
        broker: Broker,
        clock: Callable[[], int],
        exchange: CcxtExchange,
        market: CcxtExchange,
        risk: Risk,
        switch: KillSwitch | None,
    ) -> None:
        self._recorder, self._broker, self._clock, self._market = recorder, broker, clock, market
        self._trader, self._switch = recorder.trader, switch
        quote, most = broker.instruments[0].quote, Decimal(str(risk.daily_loss))
        known = partial(equity_at, recorder.trader)
        self.day = Day(most, quote, broker.gate, clock, self.equity, known, recorder.write)
        self.risk = RiskGate(recorder.trader, broker.gate, clock, self.look)
        self.reconciler = Reconciler(recorder, broker, exchange, market, clock, self.risk.cancelled)
        broker.risk, broker.protector = self.risk, Protector(broker, recorder.trader, self.price)
        bound = patience(recorder.trader.tapes[0].timeframe)
        cancelled = self.risk.cancelled
        self.naked = Naked(recorder.trader, broker.orders, cancelled, clock, recorder.write, bound)

    def begin(self) -> None:
        """Measures from now on how long positions are without protection."""
        self._recorder.before_commit.insert(0, self.naked.look)

    def restore(self, entries: Entries) -> None:
        """What a session that goes on knew."""
        self.day.restore(entries.of("day"))
        for entry in entries.of("begin", "step", "ordered", "told"):
            if entry.kind != "told":
                asks = read_asks(entry.body["asks"])
                self.risk.cancelled.update(ask.id for ask in asks if isinstance(ask, Cancel))
            self._withheld(entry.kind, entry.body)
        self.reconciler.restore(entries.of("origin", "reconciled"))
        self.naked.restore(entries.of(KIND))

    def say(self, checked: list[str]) -> None:
        """Writes down what was checked before the first order."""
        self._recorder.write("checked", {"found": checked})
        self.look()

    def look(self) -> None:
        """Restricts what may be sent, or lifts that, as the kill switch and the day's loss say."""
        why = self._switch.thrown() if self._switch else ""
        if why:
            self._broker.gate.restrict(KILLED, State.HALTED, why)
        else:
            self._broker.gate.lift(KILLED)
        self.day.look()
        self._look_at_limits()

    def _look_at_limits(self) -> None:
        """While the books let no position grow by themselves, that is the session's state, too."""
        limit, until = self._trader.stopped()
        if max(self._clock(), int(self._trader.record["now"])) < until:
            self._broker.gate.restrict(STOPPED, State.REDUCING, stop_told(limit, self._trader.limits, until))
        else:
            self._broker.gate.lift(STOPPED)

    def _withdraw(self) -> None:
        """Cancels entries that rest while none may be sent; stops and other exits stay."""
        entries = [] if self._broker.busy else self.risk.withdrawn()
        if entries:
            self._broker.send(entries)

    def price(self, k: int) -> Decimal | None:
        """The last price of an instrument: of its streams, else of its last candle."""
        last = float(self._trader.memory.instruments[k]["last"])
        known = self._market.prices.fresh(symbol_of(self._broker.instruments[k]))
        return known or (Decimal(repr(last)) if last > 0 else None)

    def equity(self) -> Decimal:
        """Cash, and what is held at its last price, in quote."""
        instruments = self._broker.instruments
        total = decimal(self._trader.cash()[0], exact(instruments[0].quote_unit))
        for k, instrument in enumerate(instruments):
            held = decimal(self._trader.base(k)[0], exact(instrument.unit))
            total += held * (self.price(k) or 0)
        return total

    async def compare(self) -> None:
        """Compares the books with the account before anything is decided, where the exchange can be asked."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.reconciler.check()
        except (ExchangeError, TimeoutError) as error:
            LOG.warning("the books could not be compared with the account yet: %s", str(error) or "it takes too long")

    async def run(self) -> None:
        """Looks again and again, until it is cancelled; the books are compared beside."""
        comparing = asyncio.ensure_future(self.reconciler.run())
        try:
            while not comparing.done():
                self.look()
                self.naked.watch()
                self._withdraw()
                self._recorder.commit()
                self.reconciler.look_at_streams()
                await asyncio.wait([comparing], timeout=LOOK)
            comparing.result()
        finally:
            comparing.cancel()

    def heard(self, kind: str, body: Any) -> None:
        """Hears each entry of the journal."""
        self._withheld(kind, body)
        self.reconciler.heard(kind, body)

    def _withheld(self, kind: str, body: Any) -> None:
        """A cancel that was asked for and not sent: who cancels the order now is somebody else."""
        if kind == "told" and body.get("is_withheld"):
            self.risk.cancelled.discard(body["numbers"][0])
