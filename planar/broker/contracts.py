"""`Contracts`: what only perpetuals have: leverage and margin that are asked for, funding, and forced closes."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from planar.broker.hearing import LOG, SOON, TRIES
from planar.broker.sent import Heard
from planar.broker.terms import decimal, symbol_of, units_of
from planar.errors import ExchangeError, Rejected, Unreachable
from planar.exchange.model import Balance, FundingPayment
from planar.model.ask import Leverage, Margin
from planar.model.instrument import exact

if TYPE_CHECKING:
    from planar.broker.live import Broker

KEPT = 10_000
ASKED = 3
"""How often a change of leverage is sent where nobody says what became of it: it does no harm twice."""


class Contracts:
    """Of one session. leverages: of each instrument at the exchange, as far as is known, in hundredths. since: of each,
    from when on funding is the session's and not booked yet, UTC ms.
    """

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.leverages = [round(100 * each.leverage) for each in broker.instruments]
        self.since = [0] * len(broker.instruments)
        self._paid = Heard(KEPT)
        self._due, self._is_asking = 0, False

    @property
    def traded(self) -> Sequence[int]:
        """Which of the instruments are contracts."""
        return [k for k, each in enumerate(self._broker.instruments) if each.is_contract]

    def restore(self, body: Mapping[str, Any]) -> None:
        """Something that was told before the journal ended."""
        k = body["k"]
        if body["what"] == "leveraged":
            self.leverages[k] = body["numbers"][2]
        elif body["what"] == "funded":
            self._paid.add((k, body["payment"]))
            if not body.get("is_clearance"):
                self.since[k] = max(self.since[k], body["numbers"][1])

    # What is asked for.

    async def change(self, ask: Leverage | Margin) -> None:
        """Has the exchange do it; where it does not, the books follow."""
        if isinstance(ask, Margin):
            await self._move(ask)
            return
        try:
            await self.set_leverage(ask.k, ask.hundredths)
        except ExchangeError as error:
            LOG.warning("%s", error)
            self.refuse(ask, str(error))
            if not isinstance(error, Rejected):
                self._broker.watch(self._look(partial(self._agree_on_leverage, ask.k)))

    async def _look(self, ask: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        """Nobody says whether something was done: the exchange is asked what it has, until books and it are at one."""
        for attempt in range(1, TRIES + 1):
            try:
                if await ask():
                    break
            except ExchangeError as error:
                LOG.warning("%s", error)
            await asyncio.sleep(SOON * attempt)
        self._broker.books.commit()

    async def _agree_on_leverage(self, k: int) -> bool:
        """Has the books have the leverage that the exchange has; False where something is on its way."""
        before, is_still = self.leverages[k], not self._broker.busy
        found = await self._broker.exchange.contract_terms(self._symbol(k))
        if not is_still or self._broker.busy or self.leverages[k] != before:
            return False
        if found.leverage is not None and round(100 * found.leverage) != before:
            self.leverages[k] = round(100 * found.leverage)
            self._broker.books.tell("leveraged", k, 0, self._broker.now(), self.leverages[k])
        return True

    async def set_leverage(self, k: int, hundredths: int) -> None:
        """Sets it at the exchange, and tells the books so. Raises ExchangeError where that cannot be done."""
        symbol, wanted = self._symbol(k), Decimal(hundredths) / 100
        for attempt in range(1, ASKED + 1):
            try:
                await self._broker.exchange.set_leverage(symbol, wanted)
                break
            except Rejected:
                raise
            except ExchangeError:
                if attempt == ASKED:
                    raise
                await asyncio.sleep(SOON * attempt)
        self.leverages[k] = hundredths
        self._broker.books.tell("leveraged", k, 0, self._broker.now(), hundredths)

    async def _move(self, ask: Margin) -> None:
        instrument = self._broker.instruments[ask.k]
        amount = decimal(ask.units, exact(instrument.quote_unit))
        try:
            await self._broker.exchange.add_margin(symbol_of(instrument), amount)
        except (Rejected, Unreachable) as error:
            LOG.warning("%s", error)
            self.refuse(ask, str(error))
        except ExchangeError as error:
            LOG.warning("%s", error)
            self.follow_margin(ask.k)

    def follow_margin(self, k: int) -> None:
        """Has the books put up for an isolated position what the exchange has, once nothing is on its way."""
        self._broker.watch(self._look(partial(self._agree_on_margin, k)))

    async def _agree_on_margin(self, k: int) -> bool:
        """As `follow_margin`; False where something is on its way, or the position is another here than there."""
        instrument, books = self._broker.instruments[k], self._broker.books
        before, is_still = books.position(k), not self._broker.busy
        found = await self._broker.exchange.positions([self._symbol(k)])
        held = next((one for one in found if one.symbol == self._symbol(k)), None)
        base, kept = books.position(k)
        there = 0 if held is None else held.side * units_of(held.amount, instrument.unit)
        if not is_still or self._broker.busy or (base, kept) != before or base != there:
            return False
        if held is not None and held.kept is not None:
            more = round(Fraction(held.kept) / exact(instrument.quote_unit)) - kept
            if more:
                why = f"{held.kept} {instrument.quote} are behind it at the exchange"
                books.tell("margined", k, 0, self._broker.now(), more, why=why)
        return True

    def _symbol(self, k: int) -> str:
        return symbol_of(self._broker.instruments[k])

    def refuse(self, ask: Leverage | Margin, why: str) -> None:
        """It was not done: the books have it as it was."""
        now, tell = self._broker.now(), self._broker.books.tell
        if isinstance(ask, Margin):
            tell("margined", ask.k, 0, now, -ask.units, error=why)
        else:
            tell("leveraged", ask.k, 0, now, self.leverages[ask.k], error=why)

    # Funding.

    def hear_balance(self, balance: Balance) -> None:
        """The wallet has changed: where funding was paid, it is asked how much, and for what."""
        if balance.is_funding:
            self._due += 1
            if not self._is_asking:
                self._is_asking = True
                self._broker.watch(self._funded())

    async def _funded(self) -> None:
        """Asks until as many payments are listed as were heard of; whoever compares the books asks again."""
        attempt = 0
        try:
            while self._due and attempt < TRIES:
                try:
                    await self.ask_for_payments()
                except ExchangeError as error:
                    LOG.warning("%s", error)
                attempt += 1
                if self._due:
                    await asyncio.sleep(SOON * attempt)
        finally:
            self._is_asking, self._due = False, 0
        self._broker.books.commit()

    async def ask_for_payments(self) -> int:
        """Tells the books of funding that was paid and received; gives how many payments were news."""
        count = 0
        for k in self.traded:
            symbol = symbol_of(self._broker.instruments[k])
            for payment in await self._broker.exchange.funding_payments(symbol, self.since[k]):
                count += self._book(k, payment)
        return count

    async def ask_for_clearance(self, k: int, since: int) -> None:
        """Tells the books what liquidations cost since a time, where their fills do not say it."""
        for fee in await self._broker.exchange.clearance_fees(self._symbol(k), since):
            self._tell(k, fee, is_clearance=True)

    def _book(self, k: int, payment: FundingPayment) -> bool:
        is_news = self._tell(k, payment)
        if is_news:
            self.since[k], self._due = max(self.since[k], payment.time), max(self._due - 1, 0)
        return is_news

    def _tell(self, k: int, payment: FundingPayment, **more: Any) -> bool:
        """Tells of a payment once."""
        instrument = self._broker.instruments[k]
        if payment.currency != instrument.quote or not self._paid.add((k, payment.id or payment.time)):
            return False
        units = -math.floor(Fraction(payment.amount) / exact(instrument.quote_unit))
        told = {"payment": payment.id or payment.time, "amount": str(payment.amount), **more}
        return self._broker.books.tell("funded", k, 0, payment.time, units, **told)
