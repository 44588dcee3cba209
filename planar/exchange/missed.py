"""What a stream did not tell while it was down, asked for by requests."""

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

from planar.errors import Rejected
from planar.exchange.interface import Exchange
from planar.exchange.model import MarketTrade, Order, Wallet
from planar.exchange.tap import Kind

LOG = logging.getLogger("planar.exchange.streams")

MARGIN = 5_000
"""Milliseconds of the exchange's time that are asked for once more: what is later in a stream, or listed later, may
be earlier by its time. What was told is not told again.
"""

RECENT = 1_000


async def missed(
    exchange: Exchange,
    kind: Kind,
    symbol: str,
    since: int,
    known: Iterable[Order],
    traded: Iterable[str],
    wallet: Wallet = Wallet.SPOT,
) -> AsyncIterator[Any]:
    """What happened since a time, UTC ms, oldest first.

    known: the orders that were open. traded: symbols in which there may be more. wallet: that a balance is of.
    """
    since -= MARGIN
    if kind is Kind.TRADES:
        async for trade in _trades(exchange, symbol, since):
            yield trade
    elif kind is Kind.TICKER:
        yield await exchange.ticker(symbol)
    elif kind is Kind.BOOK:
        yield await exchange.book(symbol)
    elif kind is Kind.BALANCE:
        yield await exchange.balance(wallet)
    elif kind is Kind.POSITIONS:
        for position in await exchange.positions():
            yield position
    elif kind is Kind.ORDERS:
        for order in await _orders(exchange, since, list(known), set(traded)):
            yield order
    elif kind is Kind.FILLS:
        symbols = set(traded) | {order.symbol for order in known}
        for name in sorted(symbols | {order.symbol for order in await exchange.open_orders()}):
            for fill in await exchange.fills(name, since):
                yield fill


async def _trades(exchange: Exchange, symbol: str, since: int) -> AsyncIterator[MarketTrade]:
    """The last prints; before them, page by page, what these do not reach back to."""
    recent = await exchange.recent_trades(symbol, RECENT)
    first = recent[0].time if recent else since
    if first >= since:
        # Its millisecond is asked for too: it may have begun before.
        async for page in exchange.market_trades(symbol, since, first + 1):
            first = min(first, page[0].time)
            for trade in page:
                yield trade
    if first > since + MARGIN:
        LOG.warning(
            "%s: prints of %s from %d to %d ms are missing: the exchange gives none that old", exchange.name, symbol,
            since + MARGIN, first,
        )  # fmt: skip
    for trade in recent:
        if trade.time >= since:
            yield trade


async def _orders(exchange: Exchange, since: int, known: list[Order], traded: set[str]) -> list[Order]:
    """Orders that are open, and those that were known or that came since, as they are now."""
    found = {(order.symbol, order.id): order for order in await exchange.open_orders()}
    for symbol in sorted(traded | {order.symbol for order in found.values()}):
        for order in await exchange.orders(symbol, since):
            found[symbol, order.id] = order
    for order in known:
        if (order.symbol, order.id) not in found:
            try:
                found[order.symbol, order.id] = await exchange.order(order.id, order.symbol)
            except Rejected as error:
                if error.code != "ORDER_NOT_FOUND":  # it is forgotten there: nothing more can be known of it
                    raise
    return sorted(found.values(), key=lambda order: (order.updated or order.time or 0, order.id))
