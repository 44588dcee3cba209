"""`Safety`: what keeps a session from doing harm: limits, kill switch, the day's loss, books that are the account's."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from planar.broker.gate import State
from planar.broker.journal import Entry
from planar.broker.live import Broker
from planar.broker.risk import RiskGate
from planar.broker.switch import KillSwitch
from planar.broker.terms import decimal, symbol_of
from planar.config.settings import Risk
from planar.engine.session.day import Day
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

KILLED = "kill switch"


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
        self.limits = risk.limits
        quote, most = broker.instruments[0].quote, Decimal(str(risk.daily_loss))
        self.day = Day(most, quote, broker.gate, clock, self.equity, recorder.write)
        self.risk = RiskGate(risk, recorder.trader, broker.gate, clock, self.price, self.look)
        self.reconciler = Reconciler(recorder, broker, exchange, market, clock, self.risk.cancelled)
        broker.risk = self.risk

    def restore(self, entries: Iterable[Entry]) -> None:
        """What a session that goes on knew."""
        entries = list(entries)
        self.day.restore(entries)
        asked = (ask for e in entries if e.kind in ("begin", "step", "ordered") for ask in read_asks(e.body["asks"]))
        self.risk.cancelled.update(ask.id for ask in asked if isinstance(ask, Cancel))
        self.reconciler.restore(entries)

    def say(self, checked: list[str]) -> None:
        """Writes down which limits hold, and what was checked before the first order."""
        self._recorder.write("checked", {"limits": self.limits, "found": checked})
        self.look()

    def look(self) -> None:
        """Restricts what may be sent, or lifts that, as the kill switch and the day's loss say."""
        why = self._switch.thrown() if self._switch else ""
        if why:
            self._broker.gate.restrict(KILLED, State.HALTED, why)
        else:
            self._broker.gate.lift(KILLED)
        self.day.look()

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
                self._withdraw()
                self._recorder.commit()
                self.reconciler.look_at_streams()
                await asyncio.wait([comparing], timeout=LOOK)
            comparing.result()
        finally:
            comparing.cancel()

    def heard(self, kind: str, body: Any) -> None:
        """Hears each entry of the journal."""
        self.reconciler.heard(kind, body)
