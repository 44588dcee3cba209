"""`Recovery`: what a session was, from its journal; and what became of its orders meanwhile, from the exchange."""

import asyncio
import logging
from typing import TYPE_CHECKING

from planar.broker.journal import Entry
from planar.broker.sent import Sent
from planar.broker.terms import symbol_of
from planar.engine.session.origin import history_of
from planar.engine.session.paper import PaperAccount
from planar.engine.session.recorder import DECIDING, read_asks, replay
from planar.engine.session.trader import Trader
from planar.errors import ExchangeError, Rejected
from planar.model.ask import Amend, Cancel, Place
from planar.model.order import NEVER, Reason

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

LOG = logging.getLogger("planar.session")

PAUSE = 0.5
"""Seconds between looking for an order that may still arrive."""


class Recovery:
    """Of one session. entries: its journal as it was found."""

    def __init__(self, session: "LiveSession") -> None:
        self._session = session
        self.entries: list[Entry] = []

    def trader(self) -> tuple[Trader, int]:
        """The trader as it was when the journal ended, and the last moment that it decided on."""
        origin = self._session.origin
        pasts = [history_of(e.body, origin.timeframe) for e in self.entries if e.kind == "history"]
        wish = self._session.wish
        trader = origin.trader(pasts, compiled=wish.compiled if wish else None)
        replay(trader, (e for e in self.entries if e.kind in DECIDING))
        begun = max(int(past.time[-1]) + past.timeframe for past in pasts)
        return trader, max((e.body["time"] for e in self.entries if e.kind == "step"), default=begun)

    def restore_orders(self) -> None:
        """What the broker knew: its orders, their ids, and which fills were told."""
        trader, broker = self._session.recorder.trader, self._session.broker
        asking = (e.body["asks"] for e in self.entries if e.kind in DECIDING and "asks" in e.body)
        asked = [ask for asks in asking for ask in read_asks(asks)]
        amends = {ask.id: ask for ask in asked if isinstance(ask, Amend)}
        names: dict[int, list[str]] = {}
        for entry in self.entries:
            if entry.kind == "intent":
                names.setdefault(entry.body["order"], []).append(entry.body["client_id"])
        sent: dict[int, Sent] = {}
        for ask in asked:
            if isinstance(ask, Place):
                is_open = trader.is_open(ask.id)
                wanted = amends.get(ask.id) if is_open else None
                sent[ask.id] = broker.restore(ask, wanted, names.get(ask.id, []), is_over=not is_open)
        for entry in self.entries:
            if entry.kind == "told":
                told = sent.get(entry.body.get("order", entry.body["numbers"][0]))
                if told is not None:
                    broker.restore_told(told, entry.body)
        broker.check_balances("as the journal has it")

    def restore_paper(self, paper: PaperAccount) -> None:
        """A paper account ends with its program: it is made again of what the journal says."""
        session = self._session
        trader, count = session.recorder.trader, len(session.origin.instruments)
        paper.restore(trader.cash()[0], [trader.base(k)[0] for k in range(count)])
        for k in range(count):
            for record in trader.open_records(k):
                sent = session.broker.orders[int(record["id"]) + 1]
                if sent.exchange_id:  # the others never arrived
                    paper.rest(k, record, sent.request, sent.names[-1])

    async def settle(self) -> None:
        """Asks what became of each order that was not over; one that never arrived is not sent late."""
        session, broker = self._session, self._session.broker
        for sent in list(broker.orders.values()):
            if not sent.names:
                broker.drop(sent, Reason.STALE_DECISION, "it was asked for, and not sent before the stop")
            elif not await self.look(sent):
                broker.drop(sent, Reason.STALE_DECISION, "the exchange does not have it")
        trader = session.recorder.trader
        open_ = [(k, one) for k in range(len(session.origin.instruments)) for one in trader.open_records(k)]
        # A cancel that may not have arrived does no harm twice.
        broker.send([Cancel(int(one["id"]) + 1, k) for k, one in open_ if one["cancel_at"] != NEVER])
        await self._look_for_ghosts()

    async def _look_for_ghosts(self) -> None:
        """What was taken for lost before the stop may have turned up since."""
        for instrument in self._session.origin.instruments:
            try:
                found = await self._session.exchange.open_orders(symbol_of(instrument))
            except ExchangeError as error:
                LOG.warning("%s", error)  # the stream of orders asks for them too
                continue
            for order in found:
                self._session.broker.hear_order(order)

    async def look(self, sent: Sent) -> bool:
        """Whether the exchange has the order, or may still get it. Raises what another try would not mend."""
        loop, session = asyncio.get_running_loop(), self._session
        window = session.exchange.quirk.receive_window_ms / 1000
        until = loop.time() + window
        while True:
            is_last = loop.time() >= until
            try:
                if await session.broker.look_for(sent, is_last=is_last):
                    return True
            except Rejected:
                raise
            except ExchangeError as error:
                LOG.warning("%s", error)
                until = loop.time() + window
            else:
                if is_last:
                    return False
            await asyncio.sleep(min(PAUSE, max(until - loop.time(), 0.0)))
