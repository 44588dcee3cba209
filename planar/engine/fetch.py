"""What an exchange has into the store: what is missing and no more, page by page, several at a time."""

import asyncio
from collections.abc import Callable

from planar.engine.fetcher import Fetched, Fetcher, Pace, Wanted
from planar.errors import ConfigError, Rejected
from planar.exchange.interface import Exchange
from planar.store.candles import utc
from planar.store.catalog import series
from planar.store.store import Store

__all__ = ["Fetched", "Pace", "Wanted", "fetch"]


async def fetch(
    exchange: Exchange,
    store: Store,
    wanted: Wanted,
    *,
    now: int,
    progress: Callable[[float], None] | None = None,
    pace: Pace | None = None,
) -> list[Fetched]:
    """Stores what is missing there, and the rules of each market as they are now.

    now: by this machine's clock; where the exchange's is behind it, that is what counts: nothing is noted as asked for
    that has not happened yet. progress: told a share between 0 and 1.
    Where an exchange fails for good in the middle, the series' ``error`` says so, and the others go on.
    Raises ConfigError for times that make no span, and Rejected for an unknown symbol, before anything is fetched.
    """
    _check(wanted, now)
    now = await _now(exchange, now)
    _check(wanted, now)
    fetcher = Fetcher(exchange, store, wanted, now, progress or (lambda _: None), pace or Pace())
    found = [await exchange.market(_bare(symbol, exchange)) for symbol in wanted.symbols]
    markets = {market.symbol: market for market in found}.values()
    tasks = [fetcher.task(market, kind) for market in markets for kind in dict.fromkeys(wanted.kinds)]
    fetcher.total = sum(stop - first for task in tasks for first, stop in task.spans)
    return await asyncio.gather(*(fetcher.run(task) for task in tasks))


async def _now(exchange: Exchange, now: int) -> int:
    try:
        return min(now, await exchange.server_time())
    except Rejected as error:
        if error.code != "NOT_SUPPORTED":
            raise
        return now


def _check(wanted: Wanted, now: int) -> None:
    start, end = wanted.start, wanted.end
    for kind in wanted.kinds:
        series("", wanted.timeframe, kind)
    if start is not None and start >= min(now if end is None else end, now):
        reason = f"--to {utc(end)} is not" if end is not None and end <= now else "that is not over: no candle closed"
        raise ConfigError(f"--from {utc(start)}: {reason} after it. Give an earlier --from.")


def _bare(symbol: str, exchange: Exchange) -> str:
    """The symbol of what may be written with its exchange, ``binance:BTC/USDT``."""
    before, colon, after = symbol.partition(":")
    return (
        after if colon and "/" not in before and before.lower() in (exchange.id, f"{exchange.id}_sandbox") else symbol
    )
