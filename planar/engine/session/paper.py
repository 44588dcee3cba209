"""Paper: an account at a local venue whose market is a real exchange's, as it happens.

So paper is live with another account: the same broker, the same journal, CCXT and all. Orders walk the exchange's book,
resting ones fill behind the trades that print through them, capped by their volume; the account pays listed fees.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from planar.broker.terms import symbol_of, units_of
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.feed import reading
from planar.engine.session.origin import instrument_of
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Book, Level, MarketTrade, OrderRequest
from planar.exchange.subscription import Subscription
from planar.exchange.tap import Kind
from planar.model.order import TAKES, Side, Tif
from planar.model.order import Kind as OrderKind
from planar.simulator.fill_model import FillModel
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.listing import BREAK, TRADING, Listing
from planar.venue.order import (
    BIPS,
    LIMIT,
    LIMIT_MAKER,
    STOP_LOSS,
    STOP_LOSS_LIMIT,
    TAKE_PROFIT,
    TAKE_PROFIT_LIMIT,
    Ticket,
)
from planar.venue.prints import Print
from planar.venue.refusal import Refusal
from planar.venue.replay import Change
from planar.venue.server import Venue

LOG = logging.getLogger("planar.session")

MODEL = FillModel("ohlc", 0)
"""What the book does not say: what triggered stops pay, and a resting order's share of a trade behind its price."""

NO_LIMITS = Limits(weight=10**9, orders_10s=10**9, orders_day=10**9)
DEPTH, TRADES = 50, 500
WINDOW_MS = 200
"""How long an order that nobody heard of may still arrive, here on one machine."""


class PaperAccount:
    """An account of play money at an exchange's market. balances: by currency."""

    def __init__(self, market: CcxtExchange, symbols: Sequence[str], balances: Mapping[str, Decimal]) -> None:
        self.market, self.symbols, self._balances = market, list(symbols), dict(balances)
        self.exchange: CcxtExchange
        self._venue: Venue
        self._opened: AsyncExitStack
        self._subscriptions: list[Subscription] = []
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "PaperAccount":
        async with AsyncExitStack() as opening:
            await self._open(opening)
            self._opened = opening.pop_all()
        return self

    async def _open(self, opening: AsyncExitStack) -> None:
        instruments = [instrument_of(self.market.id, await self.market.market(symbol)) for symbol in self.symbols]
        config = VenueConfig(
            tuple(instruments), is_fed=True, speed=1.0, model=MODEL, balances=self._balances, limits=NO_LIMITS
        )
        self._venue = await opening.enter_async_context(Venue(config))
        account, floor = self._venue.account, self._venue.floor
        # An account that is made again must not give numbers that it gave before.
        floor.count_from(floor.now)
        self.exchange = CcxtExchange(
            "binance",
            settings=ExchangeSettings(base_url=f"http://127.0.0.1:{self._venue.port}", enable_rate_limit=False),
            credentials=Credentials(Secret(account.key), Secret(account.secret), source="the paper account"),
        )
        opening.push_async_callback(self.exchange.close)
        opening.push_async_callback(self._leave)
        vars(self.exchange.quirk)["receive_window_ms"] = WINDOW_MS
        for listing, symbol in zip(self._venue.floor.listings, self.symbols, strict=True):
            await self._follow(listing, symbol)

    async def _follow(self, listing: Listing, symbol: str) -> None:
        """The market as it is, then as it goes on."""
        for trade in await self.market.recent_trades(symbol, TRADES):
            self._traded(listing, trade)
        self._stands(listing, await self.market.book(symbol, DEPTH))
        for kind, hear in ((Kind.TRADES, self._traded), (Kind.BOOK, self._stands)):
            subscribe = partial(self._subscribed, kind, symbol)
            self._readers.append(asyncio.create_task(_read(subscribe, await subscribe(), listing, hear)))

    async def _subscribed(self, kind: Kind, symbol: str) -> Subscription:
        made = await self.market.streams.subscribe(kind, symbol)
        self._subscriptions.append(made)
        return made

    def watch(self, fail: Callable[[Exception], None]) -> None:
        """Has somebody hear, once, what ended the hearing of the market: an account without one trades no more."""

        def ended(reader: asyncio.Task[None]) -> None:
            error = None if reader.cancelled() else reader.exception()
            if isinstance(error, Exception):
                fail(error)

        for reader in self._readers:
            reader.add_done_callback(ended)

    def _traded(self, listing: Listing, trade: MarketTrade) -> None:
        ticks = listing.ticks(float(trade.price))
        units = listing.units(float(trade.amount))
        sells = trade.side is Side.SELL
        self._venue.floor.happen(Print(trade.time, listing.index, ticks, ticks, ticks, ticks, units, sells))

    def _stands(self, listing: Listing, book: Book) -> None:
        sides = [_levels(listing, levels) for levels in (book.bids, book.asks)]
        self._venue.floor.happen(Change(book.time or self._venue.floor.now, listing.index, True, *sides))

    def set_traded(self, symbol: str, is_traded: bool) -> None:
        """The market is traded or not, and so is the account's: what rests waits until it is."""
        [listing] = [each for each in self._venue.floor.listings if symbol_of(each.instrument) == symbol]
        self._venue.floor.set_status(listing, TRADING if is_traded else BREAK)

    def restore(self, cash: int, bases: Sequence[int]) -> None:
        """Balances as they were. cash: quote units; bases: base units."""
        kernel = self._venue.account.kernel
        kernel.add_cash(cash - kernel.cash()[0])
        for k, units in enumerate(bases):
            kernel.add_base(k, units - kernel.base(k)[0])

    def rest(self, k: int, record: np.void, request: OrderRequest, name: str) -> None:
        """Rests an order again that was open when the session ended, as far as it was not filled.

        record: of the kernel, LIVE; request: as it was sent; name: its client id. What today's market refuses is not
        there any more.
        """
        floor, listing = self._venue.floor, self._venue.floor.listings[k]
        amount, limit, stop = int(record["amount"]), int(record["price"]), int(record["stop"])
        if record["by_cost"]:  # the books count money, the account what that was to buy
            amount = units_of(request.amount or Decimal(0), listing.instrument.unit)
        units = amount - int(record["filled"])
        if record["form"] == OrderKind.LIMIT:
            stop = 0  # it was triggered
        if units <= 0 or not (limit or stop) or record["tif"] in (Tif.IOC, Tif.FOK):
            return
        kind, delta = LIMIT_MAKER if record["post_only"] else LIMIT, 0
        if record["form"] == OrderKind.TRAIL:  # it begins to follow anew
            stop, delta = int(record["activation"]), int((request.trail or 0) * BIPS)
            kind = TAKE_PROFIT if stop else STOP_LOSS
        elif stop and record["form"] in TAKES:
            kind = TAKE_PROFIT_LIMIT if limit else TAKE_PROFIT
        elif stop:
            kind = STOP_LOSS_LIMIT if limit else STOP_LOSS
        ticket = Ticket(listing, Side(int(record["side"])), kind, "GTC", units, 0, limit, stop, name, delta)
        try:
            floor.place(self._venue.account, ticket)
        except Refusal as refusal:
            LOG.warning("%s: an order that was open is not taken again: %s", listing.instrument.name, refusal)

    async def __aexit__(self, *error: Any) -> None:
        await self._opened.aclose()

    async def _leave(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


async def _read(
    subscribe: Callable[[], Coroutine[Any, Any, Subscription]], first: Subscription, listing: Listing, hear: Any
) -> None:
    async def again() -> None:
        """A book is told whole; trades that were lost filled nothing."""

    async for data in reading(subscribe, again, first):
        try:
            hear(listing, data)
        except (ArithmeticError, ValueError) as error:
            LOG.warning("%s: what the market told cannot be used: %s", symbol_of(listing.instrument), error)


def _levels(listing: Listing, levels: Sequence[Level]) -> list[tuple[int, int]]:
    made = [(listing.ticks(float(each.price)), listing.units(float(each.amount))) for each in levels]
    return [(ticks, units) for ticks, units in made if units]
