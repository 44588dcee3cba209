"""Numbers, times and sides out of CCXT's unified structures.

CCXT is told to keep numbers as texts (``exchange.number = str``), so every `Decimal` is what the exchange wrote, to the
last digit; in books alone CCXT has made floats of it, good for 15 digits. What is missing stays None; what cannot be
missing and is raises `MalformedError`.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from planar.model.order import Side

Raw = Mapping[str, Any]

NONE = Decimal(0)
SIDES = {"buy": Side.BUY, "sell": Side.SELL, "long": Side.BUY, "short": Side.SELL}


class MalformedError(Exception):
    """An answer that lacks what it must have."""


def decimal(value: Any) -> Decimal | None:
    """The number, or None where there is none; NaN and infinity are none."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise MalformedError(f"{value!r} is no number") from None
    return number if number.is_finite() else None


def needed(raw: Raw, key: str) -> Decimal:
    """The number of that key, which must be there."""
    number = decimal(raw.get(key))
    if number is None:
        raise MalformedError(f"{key} is missing")
    return number


def positive(value: Any) -> Decimal | None:
    """Exchanges write 0 for a price there is none of, or -1."""
    number = decimal(value)
    return number if number is not None and number > 0 else None


def scaled(value: Decimal | None, lot: Decimal) -> Decimal | None:
    """The value times the lot; None stays None."""
    return None if value is None else value * lot


def time_of(raw: Raw) -> int:
    """When it was, UTC milliseconds, which must be there."""
    if raw.get("timestamp") is None:
        raise MalformedError("the time is missing")
    return int(raw["timestamp"])
