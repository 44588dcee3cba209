"""Whether a book or ticker that says nothing is one of a quiet market, or of a stream that has gone deaf."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from planar.exchange.feed import Feed
from planar.exchange.model import Book, Ticker

SILENT, LONGEST_SILENCE = 3.0, 15.0
"""Seconds without a word after which a request looks; longer each time that it finds the market as it was told."""


async def silence(feed: Feed, ask: Callable[[], Awaitable[bool]]) -> float:
    """Waits until a request tells of a market that has moved on while the stream said nothing; gives for how long.

    ask: tells the feed what requests give, after some patience with the stream.
    """
    loop = asyncio.get_running_loop()
    pause, heard, since = SILENT, feed.heard, loop.time()
    while True:
        await asyncio.sleep(pause)
        if feed.heard == heard:
            told = feed.last
            if await ask() and feed.heard == heard and _has_moved(told, feed.last):
                return loop.time() - since
            pause = min(2 * pause, LONGEST_SILENCE)
        if feed.heard != heard:
            pause, heard, since = SILENT, feed.heard, loop.time()


def _has_moved(before: Any, after: Any) -> bool:
    """By what both tell; of tickers that is the last price first, since a stream may tell quotes with trades only."""
    if isinstance(before, Book) and isinstance(after, Book):
        return (before.bids[:1], before.asks[:1]) != (after.bids[:1], after.asks[:1])
    if not isinstance(before, Ticker) or not isinstance(after, Ticker):
        return False
    pairs = [(before.last, after.last), (before.bid, after.bid), (before.ask, after.ask)]
    known = [(old, new) for old, new in pairs if old is not None and new is not None]
    return bool(known) and known[0][0] != known[0][1]
