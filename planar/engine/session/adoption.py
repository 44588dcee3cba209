"""`Adoption`: what an account has beside a session's books, and what of it becomes the session's own."""

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from planar.broker.terms import decimal, symbol_of, units_of
from planar.engine.session.accounting import Money, is_position, slack
from planar.errors import ConfigError
from planar.exchange.precision import short
from planar.model.instrument import exact

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

REMEDY = "Say how much of it, since some may be another session's"


@dataclass(frozen=True)
class Adoption:
    """Of one session."""

    session: "LiveSession"

    async def look(self) -> dict[str, Any]:
        """What the account has beside the books by currency, and the open orders of others in the session's markets."""
        async with self.session.safety.reconciler.turn:
            beside = await self._beside()
        allowed = slack(self.session.recorder.trader)
        found = {currency: short(amount) for currency, amount in beside.items() if abs(amount) > allowed[currency]}
        return {"session": self.session.folder.name, "beside": found, "orders": await self._orders()}

    async def adopt(self, what: str) -> dict[str, Any]:
        """Takes an amount such as ``"0.5BTC"`` into the books; ``"BTC"`` writes off what of it is missing. A position,
        by its symbol ``"BTC/USDT:USDT"``, becomes what it is in the account.

        Raises ConfigError where there is no such thing.
        """
        async with self.session.safety.reconciler.turn:
            beside = await self._beside()
            currency, amount = self._named(what, beside)
            change = self._change(currency, amount, beside[currency])
            if is_position(currency):
                return await self._hold(currency, change)
            return self._move(currency, change)

    async def _beside(self) -> Money:
        found = await self.session.safety.reconciler.beside()
        if found is None:
            raise ConfigError(
                f"session {self.session.folder.name} has orders on their way all the time, so it cannot be compared "
                "with its account: pause it, and try again."
            )
        return found

    async def _orders(self) -> list[str]:
        """Exchange ids of open orders that are not the session's."""
        broker, found = self.session.broker, []
        for instrument in broker.instruments:
            for order in await self.session.exchange.open_orders(symbol_of(instrument)):
                if broker.orders.found(order.symbol, order.id, order.client_id) is None:
                    found.append(order.id)
        return found

    def _named(self, what: str, beside: Money) -> tuple[str, Decimal | None]:
        """The currency of an amount, which may begin with a digit itself; None for no amount."""
        ends = [currency for currency in beside if what.upper().endswith(currency.upper())]
        if not ends:
            raise ConfigError(f"{what!r} is of no currency of the session: it has {', '.join(beside)}.")
        currency = max(ends, key=len)
        number = what[: len(what) - len(currency)].strip().replace("_", "")
        if not number:
            return currency, None
        try:
            amount = Decimal(number)
        except InvalidOperation:
            amount = Decimal(0)
        if not (amount.is_finite() and amount > 0):
            raise ConfigError(f"{what!r} is no amount: write 0.5{currency}.")
        return currency, amount

    def _change(self, currency: str, amount: Decimal | None, extra: Decimal) -> Decimal:
        """By how much the books of a currency change. extra: what the account has more."""
        name, allowed = self.session.folder.name, slack(self.session.recorder.trader)[currency]
        if abs(extra) <= allowed:
            raise ConfigError(f"books and account of session {name} have the same {currency}: there is none to adopt.")
        if is_position(currency):
            if amount is not None:
                raise ConfigError(
                    f"the position of {currency} is one, and adopted as it is in the account: "
                    f"planar adopt {name} {currency}"
                )
            return extra
        if extra < 0:
            if amount is not None:
                raise ConfigError(
                    f"{short(-extra)} {currency} of session {name} are not in the account. `planar adopt {name} "
                    f"{currency}` writes them off."
                )
            return extra
        told = f"the account has {short(extra)} {currency} beside the books of session {name}"
        if amount is None:
            raise ConfigError(f"{told}. {REMEDY}: planar adopt {name} {short(extra)}{currency}")
        if amount > extra:
            raise ConfigError(f"{told}, and {short(amount)} is asked for: ask for less.")
        return amount

    def _move(self, currency: str, change: Decimal) -> dict[str, Any]:
        session, instruments = self.session, self.session.origin.instruments
        recorder, safety = session.recorder, session.safety
        is_cash = currency == instruments[0].quote
        k = 0 if is_cash else next(k for k, each in enumerate(instruments) if each.base == currency)
        unit = exact(instruments[0].quote_unit if is_cash else instruments[k].unit)
        units = math.floor(Fraction(change) / unit)
        owned, held = self._cash() if is_cash else recorder.trader.base(k)
        if not units:
            raise ConfigError(f"{short(change)} {currency} is less than one unit of the books.")
        if units < 0 and owned + units < held:
            raise ConfigError(
                f"open orders of session {session.folder.name} hold {currency} that is missing: cancel them first, as "
                f"`planar close {session.folder.name}` does."
            )
        before = safety.equity()
        recorder.adopt(session.clock(), k, *((units, 0) if is_cash else (0, units)))
        return self._adopted(currency, before, decimal(units, unit), decimal(owned + units, unit))

    def _cash(self) -> tuple[int, int]:
        """Quote units that are the session's, and how many of them must stay: with contracts, the wallet's."""
        books = self.session.recorder.trader
        return (books.wallet_units(), 0) if books.instruments[0].is_contract else books.cash()

    async def _hold(self, symbol: str, change: Decimal) -> dict[str, Any]:
        """The position in the books becomes the account's, with its entry price and its margin; realises nothing.

        What trading it has won or lost is in the wallet, and adopted there.
        """
        session, books = self.session, self.session.recorder.trader
        k = next(k for k, each in enumerate(books.instruments) if symbol_of(each) == symbol)
        instrument = books.instruments[k]
        found = await session.exchange.positions([symbol])
        base = sum(each.side * units_of(each.amount, instrument.unit) for each in found)
        entry = next((each.entry_price for each in found if each.entry_price), None)
        price = Fraction(entry) if entry is not None else exact(float(books.memory.instruments[k]["last"]))
        cost = math.ceil(abs(base) * exact(instrument.unit) * price / exact(instrument.quote_unit))
        before = session.safety.equity()
        session.recorder.hold(session.clock(), k, base, cost)
        session.broker.contracts.follow_margin(k)
        return self._adopted(symbol, before, change, decimal(base, exact(instrument.unit)))

    def _adopted(self, name: str, before: Decimal, change: Decimal, owned: Decimal) -> dict[str, Any]:
        """The books have followed. before: the equity until then."""
        session = self.session
        session.safety.day.shift(session.safety.equity() - before)
        session.safety.reconciler.follow(name, change)
        session.broker.check_balances("after an adoption")
        session.recorder.commit()
        return {"session": session.folder.name, "currency": name, "amount": short(change), "owned": short(owned)}
