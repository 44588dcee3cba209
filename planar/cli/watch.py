"""``planar watch``: markets and one's account as they change, on the terminal or as JSON lines."""

import asyncio
import json as json_
import logging
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from planar.cli.answer import plain
from planar.cli.ask import Flag
from planar.cli.options import MAIN, Environment, Named, check_symbol, is_exchange
from planar.errors import ConfigError
from planar.exchange.interface import Exchange
from planar.exchange.model import Book
from planar.exchange.subscription import Event
from planar.exchange.tap import Kind

REFRESH = 0.25
"""Seconds between two drawings."""

LEVELS = 10
"""Of a book, in a line."""

LINES = (Kind.TICKER, Kind.TRADES, Kind.ORDERS, Kind.FILLS, Kind.BALANCE)
"""What lines tell unless it is said: a book changes ten times a second."""


def watch(
    *words: Annotated[str, Parameter(name="[EXCHANGE] SYMBOL", negative=())],
    kind: Annotated[list[str] | None, Parameter(negative=())] = None,
    exchange: Named = None,
    at: Environment = MAIN,
    json: Flag = False,
) -> None:
    """Watch markets live, and with keys one's own orders, fills and balance, until Ctrl-C.

    Where standard output is no terminal, every event is one line of JSON.

    Parameters
    ----------
    words
        The exchange, the configured default when left out; then symbols, such as BTC/USDT.
    kind
        Only ticker, trades, book, orders, fills or balance; may be repeated.
    json
        One line of JSON for each event.
    """
    from planar.engine.watch import full_symbols, kind_of

    exchange, symbols = _named(words, exchange)
    kinds = [kind_of(name) for name in kind or ()]
    is_screen = sys.stdout.isatty() and not json

    async def work(found: Exchange) -> None:
        # Whoever ends it with SIGTERM finds the terminal as it was, too.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
        full = await full_symbols(found, symbols)
        if is_screen:
            await _draw(found, full, kinds)
        else:
            await _print(found, full, kinds)

    try:
        at.ask(work, exchange)
    except KeyboardInterrupt:
        return  # which is how it is meant to end


def _named(words: Sequence[str], exchange: str | None) -> tuple[str | None, list[str]]:
    """The exchange and the symbols. exchange: of the option, so that all words are symbols."""
    # A word before symbols is meant for an exchange, even if there is none of that name.
    is_first = bool(words) and "/" not in words[0] and (is_exchange(words[0]) or any("/" in word for word in words[1:]))
    if exchange is not None and is_first:
        check_symbol(None, words[0])
    has_exchange = exchange is None and is_first
    symbols = list(words[has_exchange:])
    if not symbols:
        raise ConfigError(f"name a symbol, as in: planar watch {words[0] if words else 'demo'} BTC/USDT")
    return words[0] if has_exchange else exchange, symbols


async def _draw(exchange: Exchange, symbols: Sequence[str], kinds: Sequence[Kind]) -> None:
    from rich.console import Console
    from rich.live import Live

    from planar.cli.screen import drawn
    from planar.engine.watch import pictured, streams_of
    from planar.engine.watch import watch as hear

    # What they warn of is shown as the state of the feed.
    logging.getLogger("planar.exchange").addHandler(logging.NullHandler())
    picture, console = await pictured(exchange, symbols), Console(highlight=False)
    hearing = asyncio.ensure_future(hear(exchange, symbols, picture.take, kinds=kinds))
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not hearing.done():
            picture.states = streams_of(exchange).states()
            live.update(drawn(picture, time.time_ns(), console.height), refresh=True)
            await asyncio.wait([hearing], timeout=REFRESH)
    hearing.result()


async def _print(exchange: Exchange, symbols: Sequence[str], kinds: Sequence[Kind]) -> None:
    from planar.engine.watch import watch as hear

    await hear(exchange, symbols, _print_line, kinds=kinds, usual=LINES)


def _print_line(event: Event) -> None:
    if isinstance(event.data, Book):
        book = event.data
        event = replace(event, data=replace(book, bids=book.bids[:LEVELS], asks=book.asks[:LEVELS]))
    print(json_.dumps(plain(event), ensure_ascii=False), flush=True)  # noqa: T201 - what was asked for
