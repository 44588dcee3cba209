"""A venue in a process of its own: what it has is its own word, and its memory is not ours."""

import asyncio
import multiprocessing
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pytest

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.config.settings import Limits as LimitSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue
from planar.venue.wire_market import kline_row

KEY, SECRET = "k" * 64, "s" * 64
CACHE = os.environ.get("XDG_CACHE_HOME", "")
"""Where compiled kernels are; the tests' own caches are empty."""


class Far:
    """The venue seen from here; what is asked of it is done when it answers."""

    def __init__(self, pipe: Connection, port: int) -> None:
        self._pipe, self.port = pipe, port

    def ask(self, *what):
        self._pipe.send(what)
        return self._pipe.recv()

    def exchange(self, **settings) -> CcxtExchange:
        return exchange_at(self.port, **settings)


def exchange_at(port: int, *, weight: int = 0, is_limited: bool = False, **more) -> CcxtExchange:
    """Binance as the venue at a port plays it."""
    settings = ExchangeSettings(
        base_url=f"http://127.0.0.1:{port}", enable_rate_limit=is_limited, limits=LimitSettings(weight=weight), **more
    )
    return CcxtExchange("binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))


@contextmanager
def venue_process(config: VenueConfig) -> Iterator[Far]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, config), daemon=True)
    start(process)
    try:
        yield Far(here, here.recv())
        here.send(("end",))
    finally:
        process.join(10)
        if process.is_alive():
            process.terminate()
            process.join()


def start(process: BaseProcess) -> None:
    """Starts a program that finds the compiled kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", CACHE)
        process.start()


def _serve(pipe: Connection, config: VenueConfig) -> None:
    asyncio.run(_live(pipe, config))


async def _live(pipe: Connection, config: VenueConfig) -> None:
    async with Venue(config) as venue:
        refused: list[int] = []
        _count_refusals(venue, refused)
        traded: dict[str, list[tuple[str, ...]]] = {}

        def note(market, trades, closed) -> None:
            listing = market.listing
            name = f"{listing.base}/{listing.quote}"
            rows = ((str(t.id), listing.price_text(t.ticks), listing.amount_text(t.units)) for t in trades)
            traded.setdefault(f"trades {name}", []).extend(rows)
            rows = (tuple(map(str, kline_row(listing, kline)[:6])) for length, kline in closed if length == "1m")
            traded.setdefault(f"candles {name}", []).extend(rows)

        venue.floor.on_trades.append(note)
        pipe.send(venue.port)
        while True:
            while not pipe.poll():
                await asyncio.sleep(0.005)
            what, *rest = pipe.recv()
            if what == "end":
                return
            pipe.send(await _do(venue, what, rest, traded, refused))


async def _do(venue: Venue, what: str, rest: list, traded: dict, refused: list[int]):
    if what == "cut":
        await _cut(venue, rest[0])
    elif what == "chaos":
        venue.chaos.add([rule for rule in rest if isinstance(rule, Rule)])
    elif what == "standing":
        return len(venue.chaos._of_requests), len(venue.chaos._of_streams)
    elif what == "calm":
        done = venue.chaos.described()
        venue.chaos.clear()
        return done
    elif what == "refused":
        return list(refused)
    elif what == "truth":
        return {**_truth(venue), **{name: list(rows) for name, rows in traded.items()}}
    elif what == "judge":
        judge, *known = rest
        return judge(_truth(venue), *known)
    return None


def _truth(venue: Venue) -> dict:
    """Orders and fills of the account, as the venue has them."""
    orders = {
        str(order.id): (order.status, order.ticket.listing.amount_text(order.filled), order.ticket.client_id)
        for order in venue.account.orders.values()
    }
    fills = [
        (str(done.id), str(order.id), order.ticket.listing.price_text(done.ticks),
         order.ticket.listing.amount_text(done.units))
        for order, done in venue.account.executions
    ]  # fmt: skip
    return {"orders": orders, "fills": fills}


async def _cut(venue: Venue, how: str) -> None:
    """Ends the connections there are, as exchanges do: with 1001, with RST, or by silence."""
    for connection in list(venue.sockets.open):
        if how == "freeze":
            connection.freeze(0)
        elif how == "reset":
            transport = connection.socket._req.transport
            # Without lingering, what is closed is reset.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            with suppress(ConnectionError):
                await connection.socket.close(code=1001)


def _count_refusals(venue: Venue, refused: list[int]) -> None:
    """Notes every answer of 429 and 418 that the venue gives by itself."""
    answer = venue.api.answer

    def counted(request):
        given = answer(request)
        if given.status in (418, 429):
            refused.append(given.status)
        return given

    venue.api.answer = counted
