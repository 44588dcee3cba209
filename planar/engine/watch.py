"""What ``planar watch`` hears: several feeds of one exchange, and what it asks for before they begin."""

import asyncio
from collections.abc import Callable, Sequence

from planar.engine.picture import FILLS, Picture, Seen
from planar.errors import ConfigError, Rejected, did_you_mean
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.model import MarketKind, Wallet
from planar.exchange.streams import Streams
from planar.exchange.subscription import Event, Subscription
from planar.exchange.tap import Kind

PUBLIC = (Kind.TICKER, Kind.TRADES, Kind.BOOK)
OWN = (Kind.ORDERS, Kind.FILLS, Kind.BALANCE)
"""What can be watched, of markets and of the account."""


async def watch(
    exchange: Exchange,
    symbols: Sequence[str],
    hear: Callable[[Event], None],
    *,
    kinds: Sequence[Kind] = (),
    usual: Sequence[Kind] = (*PUBLIC, *OWN),
) -> None:
    """Calls with every event until it is cancelled.

    kinds: they must be streamed; without any, as many of the usual ones as the exchange streams and the keys allow.
    """
    found = await _subscribed(exchange, symbols, kinds, usual)
    try:
        await asyncio.gather(*(_read(each, hear) for each in found))
    finally:
        for each in found:
            each.close()


async def pictured(exchange: Exchange, symbols: Sequence[str]) -> Picture:
    """What is known before the first event. Raises Rejected for a symbol that there is not."""
    tickers, markets = await exchange.tickers(symbols), [await exchange.market(symbol) for symbol in symbols]
    seen = {market.symbol: Seen(market.symbol, market.price_step, tickers.get(market.symbol)) for market in markets}
    picture = Picture(exchange.name, seen)
    if exchange.has_keys:
        is_spot = any(market.kind is MarketKind.SPOT for market in markets)
        picture.balance = await exchange.balance(Wallet.SPOT if is_spot else Wallet.FUTURES)
        for symbol in symbols:
            picture.add_orders(await exchange.open_orders(symbol))
            picture.add_fills(await exchange.fills(symbol, limit=FILLS))
    return picture


async def full_symbols(exchange: Exchange, symbols: Sequence[str]) -> list[str]:
    """Symbols as the exchange has them, each once: BTC/USDT may mean the perpetual."""
    return list(dict.fromkeys([(await exchange.market(symbol)).symbol for symbol in symbols]))


def streams_of(exchange: Exchange) -> Streams:
    """Its streams. Raises Rejected where it has none."""
    if not isinstance(exchange, CcxtExchange):
        raise Rejected(f"{exchange.name} does not stream.", exchange=exchange.id, code="NOT_SUPPORTED")
    return exchange.streams


def kind_of(name: str) -> Kind:
    """A kind that can be watched. Raises ConfigError for others."""
    known = [kind.value for kind in (*PUBLIC, *OWN)]
    if name not in known:
        raise ConfigError(f"--kind {name!r} is not watched; there are {', '.join(known)}.{did_you_mean(name, known)}")
    return Kind(name)


async def _subscribed(
    exchange: Exchange, symbols: Sequence[str], kinds: Sequence[Kind], usual: Sequence[Kind]
) -> list[Subscription]:
    streams, found = streams_of(exchange), []
    for kind in kinds or [each for each in usual if exchange.has_keys or each not in OWN]:
        try:
            for symbol in ("",) if kind in OWN else symbols:
                found.append(await streams.subscribe(kind, symbol))
        except Rejected as error:
            if kinds or error.code != "NOT_SUPPORTED":
                raise
    return found


async def _read(subscription: Subscription, hear: Callable[[Event], None]) -> None:
    async for event in subscription:
        hear(event)
