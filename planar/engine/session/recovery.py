"""`Recovery`: what a session was, from its journal; and what became of its orders meanwhile, from the exchange."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planar.broker.journal import Entries, Entry
from planar.broker.protector import protects
from planar.broker.sent import Sent
from planar.broker.terms import symbol_of
from planar.engine.session.contracts import check_one_way
from planar.engine.session.edit import first_code
from planar.engine.session.origin import history_of
from planar.engine.session.paper import PaperAccount
from planar.engine.session.recorder import DECIDING, read_asks, rerun
from planar.engine.session.trader import OF_NO_ORDER, Trader
from planar.errors import ConfigError, ExchangeError, Rejected
from planar.model.ask import Amend, Cancel, Leverage, Place
from planar.model.order import NEVER, STOPS, Reason

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

LOG = logging.getLogger("planar.session")

NEVER_SENT = "it was asked for, and not sent before the stop"
PAUSE = 0.5
"""Seconds between looking for an order that may still arrive."""


@dataclass
class _Names:
    """Client ids of an order. wanted: the amend on its way; offered: the name that it gave."""

    all: list[str] = field(default_factory=list)
    wanted: Amend | None = None
    offered: str = ""


def _names(entries: Iterable[Entry]) -> dict[int, _Names]:
    """By order, without those of amends that were refused: nothing was ever sent under these."""
    found: dict[int, _Names] = {}
    for entry in entries:
        if entry.kind in DECIDING and "asks" in entry.body:
            for ask in read_asks(entry.body["asks"]):
                of = found.setdefault(ask.id, _Names())
                of.wanted = ask if isinstance(ask, Amend) else of.wanted
        elif entry.kind == "intent":
            of = found[entry.body["order"]]
            of.all.append(entry.body["client_id"])
            if of.wanted is not None and len(of.all) > 1:
                of.offered = of.all[-1]
        elif entry.kind == "told" and entry.body["what"] in ("amended", "not_amended"):
            of = found[entry.body["numbers"][0]]
            if of.offered and entry.body["what"] == "not_amended":
                of.all.remove(of.offered)
            of.wanted, of.offered = None, ""
    return found


class Recovery:
    """Of one session."""

    def __init__(self, session: "LiveSession") -> None:
        self._session = session
        self._until = 0.0

    def trader(self, entries: Entries) -> tuple[Trader, int]:
        """The trader as it was when the journal ended, and the last moment that it decided on."""
        origin = self._session.origin
        pasts = [history_of(e.body, origin.timeframe) for e in entries.of("history")]
        wish = self._session.wish
        code, compiled = first_code(entries.of("code")), wish.compiled if wish else None
        deciding, candles = entries.of(*DECIDING), entries.of("candle")
        trader = rerun(lambda: origin.trader(pasts, code, compiled=compiled), candles, deciding, origin)
        begun = max(int(past.time[-1]) + past.timeframe for past in pasts)
        return trader, max((e.body["time"] for e in entries.of("step")), default=begun)

    def restore_orders(self, entries: Entries) -> None:
        """What the broker knew: its orders, their ids, and which fills were told."""
        trader, broker = self._session.recorder.trader, self._session.broker
        asking = (e.body["asks"] for e in entries.of(*DECIDING) if "asks" in e.body)
        names = _names(entries.of(*DECIDING, "intent"))
        sent: dict[int, Sent] = {}
        for ask in (ask for asks in asking for ask in read_asks(asks)):
            if isinstance(ask, Place):
                of, is_over = names[ask.id], not trader.is_open(ask.id)
                wanted = None if is_over else of.wanted
                sent[ask.id] = broker.restore(ask, wanted, of.all, of.offered, is_over=is_over)
        for entry in entries.of("told"):
            if entry.body["what"] in OF_NO_ORDER:
                broker.restore_contract(entry.body)
                continue
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
            paper.hold(k, trader.memory.instruments[k])
            for record in trader.open_records(k):
                sent = session.broker.orders[int(record["id"]) + 1]
                if sent.exchange_id:  # the others never arrived
                    paper.rest(k, record, sent.request, sent.names[-1])

    async def set_contracts(self) -> None:
        """Has the leverage at the exchange that the strategy asked for last: nobody may have said whether that arrived.

        Raises ConfigError where the margin is of another mode, and in hedge mode.
        """
        session, books = self._session, self._session.recorder.trader
        for k in session.broker.contracts.traded:
            instrument, wanted = session.origin.instruments[k], int(books.memory.instruments[k]["leverage"])
            found = await session.exchange.contract_terms(symbol_of(instrument))
            check_one_way(session.exchange, found)
            if found.margin_mode and found.margin_mode != instrument.margin_mode:
                raise ConfigError(
                    f"session {session.folder.name} began with {instrument.margin_mode} margin of {instrument.name}, "
                    f"and the account has {found.margin_mode} margin there now. Set it back at the exchange."
                )
            if found.leverage is None or round(100 * found.leverage) == wanted:
                continue
            session.broker.contracts.leverages[k] = round(100 * found.leverage)
            await session.broker.contracts.change(Leverage(0, k, wanted))

    def set_margins(self) -> None:
        """Has the books put up for each isolated position what the exchange has: margin may have moved, or not."""
        for k in self._session.broker.contracts.traded:
            self._session.broker.contracts.follow_margin(k)

    async def settle(self) -> None:
        """Asks what became of each order that was not over; one that never arrived is not sent late.

        But for a stop that protects what is held: it is brought to the exchange at once, behind the cancels.
        """
        broker, trader = self._session.broker, self._session.recorder.trader
        self._until = asyncio.get_running_loop().time() + self._window
        missing = [sent for sent in list(broker.orders.values()) if not sent.names or not await self.look(sent)]
        open_ = [(k, one) for k in range(len(trader.instruments)) for one in trader.open_records(k)]
        cancels = [(k, one) for k, one in open_ if one["cancel_at"] != NEVER]
        # Where a stop was to make room for an exit that is not sent any more, it stays.
        exits = {sent.k for sent in missing if self._is_exit(sent)}
        kept = {(k, int(one["id"]) + 1) for k, one in cancels if k in exits and protects(one, trader.base(k)[0])}
        stays = {k for k, _ in kept}
        for sent in missing:
            if sent.k in stays or broker.protector is None or not broker.protector.is_needed(sent.k, sent.id):
                why = "the exchange does not have it" if sent.names else NEVER_SENT
                broker.drop(sent, Reason.STALE_DECISION, why)
        for k, id in kept:
            why = "the exit that it made room for was not sent"
            broker.books.tell("not_cancelled", k, id, error=why, is_withheld=True)
        # A cancel that may not have arrived does no harm twice.
        asked = [Cancel(int(one["id"]) + 1, k) for k, one in cancels]
        broker.send([each for each in asked if (each.k, each.id) not in kept and trader.is_open(each.id)])
        for sent in missing:
            if not sent.is_over:
                broker.brings_back(sent)
        await self._look_for_ghosts()

    def _is_exit(self, sent: Sent) -> bool:
        """Whether an order was to make a position smaller at once, or at a limit."""
        return sent.request.kind not in STOPS and sent.request.side * self._session.recorder.trader.base(sent.k)[0] < 0

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

    @property
    def _window(self) -> float:
        return self._session.exchange.quirk.receive_window_ms / 1000

    async def look(self, sent: Sent) -> bool:
        """Whether the exchange has the order, or may still get it. Raises what another try would not mend."""
        loop, session = asyncio.get_running_loop(), self._session
        while True:
            is_last = loop.time() >= self._until  # of all: what was sent was sent before any is looked for
            try:
                if await session.broker.look_for(sent, is_last=is_last):
                    return True
            except Rejected:
                raise
            except ExchangeError as error:
                LOG.warning("%s", error)
                self._until = max(self._until, loop.time() + self._window)
            else:
                if is_last:
                    return False
            await asyncio.sleep(min(PAUSE, max(self._until - loop.time(), 0.0)))
