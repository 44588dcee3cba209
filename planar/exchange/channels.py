"""What CCXT calls each kind of stream, and whether it has it."""

from collections.abc import Mapping
from typing import Any

from planar.errors import ConfigError, did_you_mean
from planar.exchange.tap import Kind

WATCH = {
    Kind.TICKER: "watch_ticker",
    Kind.TRADES: "watch_trades",
    Kind.BOOK: "watch_order_book",
    Kind.CANDLES: "watch_ohlcv",
    Kind.ORDERS: "watch_orders",
    Kind.FILLS: "watch_my_trades",
    Kind.BALANCE: "watch_balance",
    Kind.POSITIONS: "watch_positions",
}

OWN = (Kind.ORDERS, Kind.FILLS, Kind.BALANCE, Kind.POSITIONS)
"""What is of the whole account, and not of a market."""


def kind_of(name: Kind | str) -> Kind:
    """The kind of that name. Raises ConfigError where there is none."""
    try:
        return Kind(name)
    except ValueError:
        known = [kind.value for kind in Kind]
        raise ConfigError(
            f"{name!r} is not streamed; there are {', '.join(known)}.{did_you_mean(name, known)}"
        ) from None


def has(instance: Any, method: str) -> bool:
    """Whether CCXT says that it has a method."""
    first, *words = method.replace("ohlcv", "OHLCV").split("_")
    return bool(instance.has.get(first + "".join(word[0].upper() + word[1:] for word in words)))


def is_connected(instance: Any) -> bool:
    """Whether all connections that CCXT keeps stand. Among them it has one that is none, by which logins wait."""
    clients = [client for url, client in (instance.clients or {}).items() if "://" in url]
    return bool(clients) and all(client.isConnected and client.error is None for client in clients)


def cut(instance: Any, lines: Mapping[str, Any], error: Exception) -> None:
    """Ends connections that CCXT keeps, all of them when none of these is there: who watches over them dials anew."""
    there = list((instance.clients or {}).values())
    for client in [each for each in there if each in lines.values()] or there:
        client.on_error(error)
