"""Whether a book or ticker that says nothing is one of a quiet market, or of a stream that has gone deaf."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from planar.exchange.feed import Feed
from planar.exchange.model import Book, Ticker

SILENT, SPACING = 1.5, 0.5
"""Seconds without a word after which a request looks, and between such requests to one exchange: up to four silent
feeds are each looked at within two seconds, more of them in turn.
"""


async def silence(feed: Feed, ask: Callable[[], Awaitable[bool]], turn: asyncio.Lock) -> float:
    """Waits until a request tells of a market that has moved on while the stream said nothing; gives for how long.

    ask: tells the feed what requests give, after some patience with the stream. turn: of the exchange.
    """
    loop = asyncio.get_running_loop()
    heard, since = feed.heard, loop.time()
    while True:
        await asyncio.sleep(SILENT)
        if feed.heard == heard:
            async with turn:
                await asyncio.sleep(SPACING)
            told = feed.last
            if feed.heard == heard and await ask() and feed.heard == heard and _has_moved(told, feed.last):
                return loop.time() - since
        if feed.heard != heard:
            heard, since = feed.heard, loop.time()


def _has_moved(before: Any, after: Any) -> bool:
    """By what both tell; of tickers that is the last price first, since a stream may tell quotes with trades only."""
    if isinstance(before, Book) and isinstance(after, Book):
        return (before.bids[:1], before.asks[:1]) != (after.bids[:1], after.asks[:1])
    if not isinstance(before, Ticker) or not isinstance(after, Ticker):
        return False
    pairs = [(before.last, after.last), (before.bid, after.bid), (before.ask, after.ask)]
    known = [(old, new) for old, new in pairs if old is not None and new is not None]
    return bool(known) and known[0][0] != known[0][1]
