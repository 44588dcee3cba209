"""Whether a book or ticker that says nothing is one of a quiet market, or of a stream that has gone deaf."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from planar.exchange.feed import Feed
from planar.exchange.model import Book, Ticker

SILENT, SPACING = 1.0, 0.5
"""Seconds without a word after which a request looks, and between such requests to one exchange: up to four silent
feeds are looked at each within two and a half seconds, more of them in turn.
"""


async def silence(feed: Feed, ask: Callable[[], Awaitable[bool]], turn: asyncio.Lock) -> float:
    """Waits until a request tells of a market that has moved on while the stream said nothing; gives for how long.

    ask: tells the feed what requests give, after some patience with the stream. turn: of the exchange.
    """
    since = time.monotonic()
    while True:
        since = max(since, feed.heard_at)
        await asyncio.sleep(max(since + SILENT - time.monotonic(), 0.0))
        while feed.heard_at <= since:
            async with turn:
                await asyncio.sleep(SPACING)
            told = feed.last
            if feed.heard_at <= since and await ask() and feed.heard_at <= since and _has_moved(told, feed.last):
                return time.monotonic() - since
            await asyncio.sleep(SILENT)


def _has_moved(before: Any, after: Any) -> bool:
    """By what both tell; of tickers that is the last price first, since a stream may tell quotes with trades only."""
    if isinstance(before, Book) and isinstance(after, Book):
        return (before.bids[:1], before.asks[:1]) != (after.bids[:1], after.asks[:1])
    if not isinstance(before, Ticker) or not isinstance(after, Ticker):
        return False
    pairs = [(before.last, after.last), (before.bid, after.bid), (before.ask, after.ask)]
    known = [(old, new) for old, new in pairs if old is not None and new is not None]
    return bool(known) and known[0][0] != known[0][1]
