"""Which candles a session's market lists now: those of the store, where it has final ones, else of its exchange."""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
import polars as pl

from planar.broker.terms import symbol_of
from planar.engine.session.feed import listed_candles
from planar.engine.session.market_candles import Listed, MarketCandles, compared, merged
from planar.engine.session.origin import Origin
from planar.engine.session.story import Story
from planar.errors import ConfigError, DataError, PlanarError
from planar.exchange import get
from planar.exchange.interface import Exchange
from planar.store.candles import checked_columns
from planar.store.store import Store
from planar.strategy.candles import Candles
from planar.venue.demo import Demo

PATIENCE = 20.0
"""Seconds that an exchange has for its first answer."""

THE_STORE = "the store"

Span = tuple[int, int]


async def market_of(story: Story, store: Store, stack: AsyncExitStack) -> MarketCandles:
    """The session's candles beside those of its market. stack: closes what is opened."""
    held = of_store(story, store)
    spans = [_lacking(story, k, store, each) for k, each in enumerate(held)]
    if not any(spans):
        return compared(story, held)
    try:
        exchange = await _opened(story.origin, stack)
        found = [await _asked(story, k, exchange, *each) for k, each in enumerate(zip(held, spans, strict=True))]
    except (PlanarError, TimeoutError) as error:
        return compared(story, held, str(error) or f"{story.origin.exchange} does not answer")
    bare = [symbol_of(story.origin.instruments[k]) for k, each in enumerate(found) if each.candles is None]
    why = f"{story.origin.exchange} lists no candles of {', '.join(bare)} of that time" if bare else ""
    return compared(story, found, why)


def of_store(story: Story, store: Store) -> list[Listed]:
    """What the store has of the session's instruments since it began."""
    instruments, timeframe = story.origin.instruments, story.origin.timeframe
    return [_stored(story, store, each.name, timeframe) for each in instruments]


def _stored(story: Story, store: Store, name: str, timeframe: str) -> Listed:
    if not store.path.exists() or story.end == story.begun:
        return Listed()
    try:
        frame = store.read_candles(name, timeframe, story.begun, story.end)
        doubtful = _doubtful(store.imports(name, timeframe))
    except DataError:
        return Listed()
    frame = frame.filter(~pl.col("time").is_in(doubtful))
    if frame.is_empty():
        return Listed()
    columns, _ = checked_columns(frame, name=name, timeframe=story.length)
    return Listed(Candles(*columns.values(), timeframe=story.length), THE_STORE)


def _doubtful(imports: pl.DataFrame) -> list[int]:
    """Times of candles that had not closed when they were stored, and were not stored again since."""
    rows = imports.sort("fetched_at").to_dicts()
    return [
        row["last"]
        for at, row in enumerate(rows)
        if not row["final"] and not any(later["first"] <= row["last"] <= later["last"] for later in rows[at + 1 :])
    ]


def _lacking(story: Story, k: int, store: Store, held: Listed) -> Span | None:
    """The span within which the store does not say everywhere what candles there are."""
    if story.end == story.begun:
        return None
    where = story.origin.instruments[k].name, story.origin.timeframe, story.begun, story.end
    spans, stored = store.missing(*where), store.times(*where)
    sure = stored[:0] if held.candles is None else held.candles.time
    spans += [(int(time), int(time) + story.length) for time in np.setdiff1d(stored, sure)]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


async def _opened(origin: Origin, stack: AsyncExitStack) -> Exchange:
    """The exchange whose market it was; no keys are needed for what it lists."""
    exchange = get(origin.exchange, sandbox=origin.sandbox)
    if exchange.sandbox is not origin.sandbox:
        raise ConfigError(f"the session was at the real {origin.exchange}, and the settings allow its sandbox alone")
    if isinstance(exchange, Demo) and exchange.has_own_venue:
        raise ConfigError("it was a demo, whose market has ended with it")
    await stack.enter_async_context(exchange)
    async with asyncio.timeout(PATIENCE):
        await exchange.market(symbol_of(origin.instruments[0]))
    return exchange


async def _asked(story: Story, k: int, exchange: Exchange, held: Listed, span: Span | None) -> Listed:
    """What the store has, with what the exchange lists where it has nothing."""
    if span is None:
        return held
    found = await listed_candles(exchange, symbol_of(story.origin.instruments[k]), story.origin.timeframe, *span)
    if not len(found):
        return held
    if held.candles is None:
        return Listed(found, exchange.name)
    return Listed(merged(found, held.candles), f"{held.source} and {exchange.name}")
