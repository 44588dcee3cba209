"""Every event that CCXT's streams parse, in the order they came: its ``watch_*`` methods give only what is latest.

CCXT keeps what it hears in caches and wakes those who wait; between two wakings a burst overwrites an order's states
and drops the older trades. So the caches are tapped: what is put into one is told as well, at once and each time. The
tap knows CCXT's base classes only, and so works for all of its exchanges.
"""

import types
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What is streamed."""

    TICKER = "ticker"
    TRADES = "trades"
    BOOK = "book"
    CANDLES = "candles"
    ORDERS = "orders"
    FILLS = "fills"
    BALANCE = "balance"
    POSITIONS = "positions"


Tell = Callable[[Kind, str, Any], None]
"""Called with the kind, the symbol and the value; candles' symbols have their timeframe, ``"BTC/USDT 1m"``."""

LINES: ContextVar[dict[str, Any] | None] = ContextVar("LINES", default=None)
"""CCXT's connections, by address, that the watch under way in this task is heard over."""

OWN = {"orders": Kind.ORDERS, "triggerOrders": Kind.ORDERS, "myTrades": Kind.FILLS, "positions": Kind.POSITIONS}
"""Caches of all symbols together, by attribute."""

BALANCE = {"free", "used", "total", "info"}


class _BySymbol(dict):
    """A cache by symbol, or by symbol and timeframe: what is put in is tapped."""

    def __init__(self, put: Callable[[str, Any], Any]) -> None:
        super().__init__()
        self._put = put

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, self._put(key, value))


def tapped(cls: Any, tell: Tell) -> Any:
    """A subclass of a CCXT Pro exchange whose instances tell what they hear."""
    body: dict[str, Any] = {name: _own_cache(name, kind, tell) for name, kind in OWN.items()}

    def create(self: Any, config: dict) -> None:
        cls.__init__(self, config)
        self.trades = _BySymbol(lambda symbol, cache: _tap(cache, Kind.TRADES, tell, symbol))
        self.tickers = _BySymbol(lambda symbol, ticker: _told(tell, Kind.TICKER, symbol, ticker))
        self.ohlcvs = _BySymbol(lambda symbol, caches: _timeframes(symbol, caches, tell))

    def client(self: Any, url: str) -> Any:
        found = cls.client(self, url)
        lines = LINES.get()
        if lines is not None:
            lines[url] = found
        if "resolve" not in vars(found):
            found.resolve = _resolving(found.resolve, tell)
        return found

    body |= {"__init__": create, "client": client}
    return types.new_class(cls.__name__, (cls,), exec_body=lambda names: names.update(body))


def _told(tell: Tell, kind: Kind, symbol: str, value: Any) -> Any:
    tell(kind, symbol, value)
    return value


def _timeframes(symbol: str, caches: Mapping[str, Any], tell: Tell) -> _BySymbol:
    if isinstance(caches, _BySymbol):
        return caches
    made = _BySymbol(lambda timeframe, cache: _tap(cache, Kind.CANDLES, tell, f"{symbol} {timeframe}"))
    for timeframe, cache in caches.items():
        made[timeframe] = cache
    return made


def _own_cache(name: str, kind: Kind, tell: Tell) -> property:
    """An attribute that is one cache, or a dict of caches by type of account."""
    place = f"_tapped_{name}"

    def read(self: Any) -> Any:
        return vars(self).get(place)

    def write(self: Any, value: Any) -> None:
        if isinstance(value, dict) and not isinstance(value, _BySymbol):
            caches, value = value, _BySymbol(lambda _, cache: _tap(cache, kind, tell))
            for key, cache in caches.items():
                value[key] = cache
        vars(self)[place] = value if isinstance(value, _BySymbol) else _tap(value, kind, tell)

    return property(read, write)


def _tap(cache: Any, kind: Kind, tell: Tell, symbol: str | None = None) -> Any:
    """A cache that tells what is appended; first what it holds already, which came before it could be tapped."""
    append = getattr(cache, "append", None)
    if append is None or "append" in vars(cache):
        return cache

    def appended(item: Any) -> None:
        append(item)
        tell(kind, item["symbol"] if symbol is None else symbol, item)

    for item in cache:
        tell(kind, item["symbol"] if symbol is None else symbol, item)
    cache.append = appended
    return cache


def _resolving(resolve: Callable[[Any, Any], Any], tell: Tell) -> Callable[[Any, Any], Any]:
    """Books and balances change in place; whoever waits for them is woken at each change, and so are we."""

    def resolving(result: Any, message_hash: Any = None) -> Any:
        if isinstance(result, dict):
            if "bids" in result and "asks" in result and result.get("symbol"):
                tell(Kind.BOOK, result["symbol"], result)
            elif result.keys() >= BALANCE:
                tell(Kind.BALANCE, "", result)
        return resolve(result, message_hash)

    return resolving
