"""A session's books beside its account: what the account has more or less, and what explains it. Pure.

A position of a perpetual is something that one has, too, by its symbol; its gain is not, before it is realised.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from planar.broker.terms import decimal, symbol_of
from planar.exchange.model import Balance, Fill, Position
from planar.exchange.precision import short
from planar.model.instrument import Instrument, exact
from planar.model.order import Side
from planar.simulator.books import Books

Money = dict[str, Decimal]
"""Amounts by currency, and positions by symbol, below 0 for a short."""

NOTHING = Decimal(0)


def owned(books: Books) -> Money:
    """What the session counts as its own."""
    first = books.instruments[0]
    found = {first.quote: decimal(books.wallet_units(), exact(first.quote_unit))}
    for k, instrument in enumerate(books.instruments):
        name = held_as(instrument)
        found[name] = found.get(name, NOTHING) + decimal(books.base(k)[0], exact(instrument.unit))
    return found


def held_as(instrument: Instrument) -> str:
    """The name under which what is held of an instrument is counted."""
    return symbol_of(instrument) if instrument.is_contract else instrument.base


def held(balance: Balance, positions: Iterable[Position]) -> Money:
    """What an account has."""
    return {**balance.total, **balance.settled} | {one.symbol: one.side * one.amount for one in positions}


def slack(books: Books) -> Money:
    """What rounding may explain: each fill is booked in whole units, against the session."""
    count = int(books.record["fills_n"]) + 2
    found = {books.instruments[0].quote: decimal(count, exact(books.instruments[0].quote_unit))}
    return found | {
        held_as(each): NOTHING if each.is_contract else decimal(count, exact(each.unit)) for each in books.instruments
    }


def surplus(total: Mapping[str, Decimal], mine: Money) -> Money:
    """What the account has beside what is the session's; negative where that is missing."""
    return {currency: total.get(currency, NOTHING) - amount for currency, amount in mine.items()}


def lacking(extra: Money, allowed: Money) -> Money:
    """What the session owns and the account does not have; of a position, which is one, also what it has beside."""
    found = {name: -amount for name, amount in extra.items()}
    return {name: x for name, x in found.items() if (abs(x) if is_position(name) else x) > allowed[name]}


def is_position(name: str) -> bool:
    """Whether it is a perpetual's symbol, and no currency."""
    return ":" in name


def moved(fills: Sequence[Fill], instruments: Sequence[Instrument]) -> Money:
    """What trades of others did to the account."""
    found: Money = {}
    by_symbol = {symbol_of(each): each for each in instruments}

    def add(currency: str | None, amount: Decimal) -> None:
        if currency:
            found[currency] = found.get(currency, NOTHING) + amount

    for fill in fills:
        instrument, sign = by_symbol[fill.symbol], 1 if fill.side is Side.BUY else -1
        add(held_as(instrument), sign * fill.amount)
        if not instrument.is_contract:  # of which nobody says what it has realised
            add(instrument.quote, -sign * fill.cost)
        add(fill.fee_currency, -(fill.fee or NOTHING))
    return found


def alike(one: Money, other: Money, books: Books) -> bool:
    """Whether two surpluses differ by no more than rounding."""
    allowed = slack(books)
    return all(abs(amount - other.get(currency, NOTHING)) <= allowed[currency] for currency, amount in one.items())


def trades(fills: Sequence[Fill]) -> list[dict[str, Any]]:
    """Trades of others, as the journal has them."""
    return [
        {
            "what": "traded by others",
            "symbol": fill.symbol,
            "side": fill.side.name.lower(),
            "amount": short(fill.amount),
            "price": short(fill.price),
            "id": fill.id,
        }
        for fill in fills
    ]


def explained(before: Money, now: Money, fills: Sequence[Fill], books: Books) -> list[dict[str, Any]]:
    """Why the account has more or less beside the session than before, where no trade of others says so."""
    by_others, allowed = moved(fills, books.instruments), slack(books)
    found = []
    for currency, amount in now.items():
        rest = amount - before.get(currency, NOTHING) - by_others.get(currency, NOTHING)
        if abs(rest) > allowed[currency]:
            what = "came in" if rest > 0 else "went out"
            found.append({"what": what, "currency": currency, "amount": short(abs(rest))})
    return found
