"""`Reconciler`: compares a session's books with its account: at the start, after each reconnect, and each minute.

What it finds is explained in the journal and not touched. What the session owns and the account does not have lets it
only make positions smaller, until the books agree again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from planar.broker.gate import State
from planar.broker.journal import Entry
from planar.broker.live import Broker, Sent
from planar.broker.terms import symbol_of
from planar.engine.session.accounting import (
    Money,
    alike,
    explained,
    held,
    is_position,
    lacking,
    owned,
    slack,
    surplus,
    trades,
)
from planar.engine.session.contracts import wallet_of
from planar.engine.session.markets import Markets
from planar.engine.session.recorder import Recorder
from planar.errors import ExchangeError, Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Fill
from planar.exchange.precision import short
from planar.exchange.tap import Kind
from planar.model.order import Forced, Reason, Status, Tif
from planar.model.order import Kind as OrderKind

LOG = logging.getLogger("planar.session")

PERIOD = 60.0
"""Seconds between two comparisons."""

PAUSE = 1.0
"""Seconds between two looks of one: a fill may be in the balance before it is told."""

LOOKS = 3
"""How often a difference has to be seen, always the same, before it is one."""

OVERLAP = 60_000
"""Milliseconds before the last comparison from which on fills are asked for again; those that are known count once."""

PATIENCE = 20
"""Looks after which a comparison is given up until the next: orders are on their way all the time."""

CAUSE = "books"


class Reconciler:
    """The books of one session and its account.

    market: tells prices. cancelled: ids of the orders that the session wanted cancelled.
    """

    def __init__(
        self,
        recorder: Recorder,
        broker: Broker,
        exchange: CcxtExchange,
        market: CcxtExchange,
        clock: Callable[[], int],
        cancelled: set[int],
    ) -> None:
        self._recorder, self._broker, self._exchange, self._clock = recorder, broker, exchange, clock
        self.markets = Markets(recorder.trader, broker, market, clock)
        self._trader = recorder.trader
        self._cancelled = cancelled
        self._known: Money | None = None
        self._first = self._since = self._now = clock()
        self._others: dict[tuple[str, str], Fill] = {}
        self._reported: set[tuple[str, str]] = set()
        self._news: list[dict[str, Any]] = []
        self._old: set[int] = set()
        self._reconnects = 0
        self._wake = asyncio.Event()
        self.turn = asyncio.Lock()
        self.period, self.pause = PERIOD, PAUSE

    def restore(self, entries: Iterable[Entry]) -> None:
        """What was known when the journal ended; what is told from now on until `check` happened meanwhile."""
        for entry in entries:
            if entry.kind == "origin":
                self._first = self._since = entry.body["started"]
            if entry.kind == "reconciled":
                self._known = {currency: Decimal(amount) for currency, amount in entry.body["beside"].items()}
                self._since = max(self._first, entry.body["time"] - OVERLAP)
                found = entry.body["differences"]
                self._reported |= {(one["symbol"], one["id"]) for one in found if one["what"] == "traded by others"}
        self._old = set(self._broker.orders)

    # What others tell.

    def heard(self, kind: str, body: Any) -> None:
        """Hears each entry of the journal: orders that ended otherwise than the session asked for."""
        if kind == "candle":
            self.markets.heard(body[0])
        if kind != "told":
            return
        what, k, id = body["what"], body["k"], body["numbers"][0]
        symbol = symbol_of(self._broker.instruments[k])
        if what == "filled" and id in self._old:
            self._news.append({"what": "filled while away", "symbol": symbol, "order": id})
        is_cancelled = what == "ended" and body["numbers"][2:4] == [Status.CANCELLED, Reason.NONE]
        if is_cancelled and self._rested(id):
            self._news.append({"what": "cancelled by others", "symbol": symbol, "order": id})
            self._wake.set()
        if what == "ended" and body["numbers"][3] == Reason.VENUE_REFUSED:
            self.markets.is_in_doubt = True
            self._wake.set()

    def _rested(self, id: int) -> bool:
        """Whether an order was to stay at the exchange, and nobody here wanted it cancelled."""
        order = self._trader.order(id)
        is_resting = order["kind"] != OrderKind.MARKET and order["tif"] in (Tif.GTC, Tif.GTD)
        return bool(is_resting) and id not in self._cancelled

    def look_at_streams(self) -> None:
        """Compares at once when the streams of one's own were dialled again."""
        count = sum(self._exchange.streams.reconnects(kind) for kind in (Kind.ORDERS, Kind.FILLS))
        if count > self._reconnects:
            self._wake.set()
        self._reconnects = count

    # Comparing.

    async def run(self) -> None:
        """Compares again and again, until it is cancelled."""
        while True:
            try:
                await self.check()
            except ExchangeError as error:
                LOG.warning("the books could not be compared with the account: %s", error)
            self._wake.clear()
            try:
                async with asyncio.timeout(self.period):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def check(self) -> None:
        """Compares once. Says nothing where orders are on their way all the time.

        Raises ExchangeError when the exchange cannot be asked.
        """
        async with self.turn:
            await self.beside()

    async def beside(self) -> Money | None:
        """As `check`, for who has the turn; gives what the account has beside the books, None where it never stands."""
        await self.markets.look()
        self._now = self._clock()
        found = await self._looked(is_deep=False)
        if found is not None and self._is_settled(found):
            self._report(found)
            return found
        seen: Money | None = None
        count = 0
        for _ in range(PATIENCE):
            found = await self._looked(is_deep=True)
            if found is not None:
                is_same = seen is not None and alike(found, seen, self._trader)
                count, seen = (count + 1 if is_same else 1), found
                if count >= LOOKS or self._is_settled(found):
                    self._report(found)
                    return found
            await asyncio.sleep(self.pause)
        return None

    def follow(self, currency: str, amount: Decimal) -> None:
        """So much of what is beside has become the books' own; amount: negative where it was missing."""
        found = {**(self._known or {}), currency: (self._known or {}).get(currency, Decimal(0)) - amount}
        self._known = found
        missing = lacking(found, slack(self._trader))
        self._note([], missing)
        self._judge(missing)

    async def _looked(self, *, is_deep: bool) -> Money | None:
        """What the account has beside the books; None while something moves.

        is_deep: all is asked for that may have been told to nobody; else only what is open of the session.
        """
        before = self._mark()
        balance = await self._exchange.balance(wallet_of(self._broker.instruments))
        contracts = [symbol_of(self._broker.instruments[k]) for k in self._broker.contracts.traded]
        positions = await self._exchange.positions(contracts) if contracts else []
        await self._ask(is_deep)
        self._recorder.commit()
        if self._broker.busy or self._mark() != before:
            return None
        return surplus(held(balance, positions), owned(self._trader))

    def _mark(self) -> tuple[int, ...]:
        """Another one whenever something became of an order, here or there."""
        record = self._trader.record
        return int(record["events_n"]), int(record["fills_n"]), int(record["cash"]), len(self._others)

    async def _ask(self, is_deep: bool) -> None:
        """Asks for open orders and for fills: what no stream told is told now."""
        for k, instrument in enumerate(self._broker.instruments):
            mine = [one for one in self._broker.orders.values() if one.k == k]
            if mine or is_deep:
                await self._ask_for_orders(symbol_of(instrument), mine)
            for fill in await self._exchange.fills(symbol_of(instrument), self._since) if is_deep else ():
                if instrument.is_contract:
                    await self._look_up(fill)
                self._hear_fill(fill)
            if is_deep and self._was_liquidated_free(k):
                await self._broker.contracts.ask_for_clearance(k, self._since)
        if is_deep:
            await self._broker.contracts.ask_for_payments()

    def _was_liquidated_free(self, k: int) -> bool:
        """Whether a liquidation of a contract had no fee in its fill: exchanges tell what it cost apart then."""
        fills = self._trader.log("fills", 0)
        is_free = (fills["forced"] == Forced.LIQUIDATION) & (fills["fee"] == 0)
        return bool((is_free & (fills["instrument"] == k)).any())

    async def _look_up(self, fill: Fill) -> None:
        """Asks for the order of a fill that is nobody's: the exchange may have closed the position."""
        key = (fill.symbol, fill.id)
        if not self._broker.is_own(fill) and key not in self._reported and key not in self._others:
            try:
                self._broker.hear_order(await self._exchange.order(fill.order_id, fill.symbol))
            except Rejected as error:  # orders are forgotten sooner than fills
                LOG.warning("the order of fill %s of %s is taken for a stranger's: %s", fill.id, fill.symbol, error)

    async def _ask_for_orders(self, symbol: str, mine: list[Sent]) -> None:
        there = await self._exchange.open_orders(symbol)
        for order in there:
            self._broker.hear_order(order)
        ids = {order.id for order in there}
        for sent in mine:
            if sent.exchange_id and sent.exchange_id not in ids and not self._broker.busy:
                await self._broker.look_for(sent, is_last=False)

    def _hear_fill(self, fill: Fill) -> None:
        key = (fill.symbol, fill.id)
        self._broker.hear_fill(fill)
        if self._broker.is_own(fill):
            self._others.pop(key, None)
        elif key not in self._reported:
            self._others[key] = fill

    # Saying.

    def _is_settled(self, found: Money) -> bool:
        """Whether it is what was known, and all is there."""
        if self._known is None or self._others:
            return False
        return alike(found, self._known, self._trader) and not lacking(found, slack(self._trader))

    def _report(self, found: Money) -> None:
        fills = list(self._others.values())
        differences = [*self._news, *self._adopted(), *trades(fills)]
        if self._known is not None:
            differences += explained(self._known, found, fills, self._trader)
        missing = lacking(found, slack(self._trader))
        if self._known is None or differences:
            self._known = found
            self._reported |= self._others.keys()
            self._note(differences, missing)
        self._others, self._news, self._old = {}, [], set()
        self._since = max(self._since, self._now - OVERLAP)
        self._judge(missing)
        self._recorder.commit()

    def _adopted(self) -> list[dict[str, Any]]:
        """Orders that were open before the session went away, and are."""
        found = [sent for sent in self._broker.orders.values() if sent.id in self._old and sent.exchange_id]
        instruments = self._broker.instruments
        return [{"what": "adopted", "symbol": symbol_of(instruments[sent.k]), "order": sent.id} for sent in found]

    def _note(self, differences: list[dict[str, Any]], missing: Money) -> None:
        beside = {currency: short(amount) for currency, amount in (self._known or {}).items()}
        lack = {currency: short(amount) for currency, amount in missing.items()}
        body = {"time": self._now, "beside": beside, "lacking": lack, "differences": differences}
        self._recorder.write("reconciled", body)

    def _judge(self, missing: Money) -> None:
        if not missing:
            self._broker.gate.lift(CAUSE)
            return
        mine = owned(self._trader)
        told = " and ".join(self._words(name, mine[name], missing[name]) for name in missing)
        why = (
            f"The books do not balance: {told}, so somebody took that out or traded it. Put that back, or let the "
            "books follow with `planar adopt`; until then no new positions."
        )
        self._broker.gate.restrict(CAUSE, State.REDUCING, why)

    def _words(self, name: str, mine: Decimal, missing: Decimal) -> str:
        if is_position(name):
            there = short(mine - missing)
            return f"the position of {name} is {short(mine)} here, and {there} in the account {self._exchange.name}"
        return f"{short(missing)} of the session's {short(mine)} {name} are not in the account {self._exchange.name}"
