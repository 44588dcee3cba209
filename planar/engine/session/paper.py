"""Paper: an account at a local venue whose market is a real exchange's, as it happens.

So paper is live with another account: the same broker, the same journal, CCXT and all. Orders walk the exchange's book,
resting ones fill behind the trades that print through them, capped by their volume; the account pays listed fees. The
mark and the funding of perpetuals are the exchange's, asked for again and again.
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
from planar.engine.session.contracts import check_one_kind, listed_terms
from planar.engine.session.feed import reading
from planar.engine.session.origin import instrument_of
from planar.errors import ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import Book, Level, Market, MarketTrade, OrderRequest
from planar.exchange.subscription import Subscription
from planar.exchange.tap import Kind
from planar.model.instrument import Instrument
from planar.model.order import TAKES, Side, Tif
from planar.model.order import Kind as OrderKind
from planar.simulator.fill_model import FillModel
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.listing import BREAK, TRADING, Listing
from planar.venue.order import (
    BIPS,
    GTX,
    LIMIT,
    LIMIT_MAKER,
    STOP,
    STOP_LOSS,
    STOP_LOSS_LIMIT,
    STOP_MARKET,
    TAKE_PROFIT,
    TAKE_PROFIT_LIMIT,
    TAKE_PROFIT_MARKET,
    TRAILING_STOP_MARKET,
    Ticket,
)
from planar.venue.prints import Print
from planar.venue.refusal import Refusal
from planar.venue.replay import Change
from planar.venue.server import Venue
from planar.venue.usdm.account import ContractAccount

LOG = logging.getLogger("planar.session")

MODEL = FillModel("ohlc", 0)
"""What the book does not say: what triggered stops pay, and a resting order's share of a trade behind its price."""

NO_LIMITS = Limits(weight=10**9, orders_10s=10**9, orders_day=10**9)
DEPTH, TRADES = 50, 500
MARKS_EVERY = 3.0
"""Seconds between asking for the mark of a perpetual and its next funding."""

SPOT_TYPES = {
    "limit": LIMIT, "post_only": LIMIT_MAKER, "stop": STOP_LOSS, "stop_limit": STOP_LOSS_LIMIT, "take": TAKE_PROFIT,
    "take_limit": TAKE_PROFIT_LIMIT, "trail": STOP_LOSS, "trail_take": TAKE_PROFIT,
}  # fmt: skip
CONTRACT_TYPES = {
    "limit": LIMIT, "post_only": LIMIT, "stop": STOP_MARKET, "stop_limit": STOP, "take": TAKE_PROFIT_MARKET,
    "take_limit": TAKE_PROFIT, "trail": TRAILING_STOP_MARKET, "trail_take": TRAILING_STOP_MARKET,
}  # fmt: skip
TYPES = {False: SPOT_TYPES, True: CONTRACT_TYPES}
"""What the venue calls an order that is to rest again: of spot, of perpetuals."""
WINDOW_MS = 200
"""How long an order that nobody heard of may still arrive, here on one machine."""


class PaperAccount:
    """An account of play money at an exchange's market. balances: by currency. leverage, margin_mode: of perpetuals, 0
    and empty for what a new account would have.
    """

    def __init__(
        self,
        market: CcxtExchange,
        symbols: Sequence[str],
        balances: Mapping[str, Decimal],
        *,
        leverage: float = 0.0,
        margin_mode: str = "",
    ) -> None:
        self.market, self.symbols, self._balances = market, list(symbols), dict(balances)
        self._wanted = leverage, margin_mode
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
        instruments = [await self._instrument(await self.market.market(symbol)) for symbol in self.symbols]
        check_one_kind(instruments, self.market)
        config = VenueConfig(
            tuple(instruments), is_fed=True, speed=1.0, model=MODEL, balances=self._balances, limits=NO_LIMITS
        )
        self._venue = await opening.enter_async_context(Venue(config))
        account, floor = self._venue.account, self._venue.floor
        # An account that is made again must not give numbers that it gave before.
        floor.count_from(floor.now)
        self.exchange = CcxtExchange(
            "binance",
            settings=ExchangeSettings(
                base_url=f"http://127.0.0.1:{self._venue.port}",
                enable_rate_limit=False,
                futures=instruments[0].is_contract,
            ),
            credentials=Credentials(Secret(account.key), Secret(account.secret), source="the paper account"),
        )
        opening.push_async_callback(self.exchange.close)
        opening.push_async_callback(self._leave)
        vars(self.exchange.quirk)["receive_window_ms"] = WINDOW_MS
        for listing, symbol in zip(self._venue.floor.listings, self.symbols, strict=True):
            await self._follow(listing, symbol)

    async def _instrument(self, market: Market) -> Instrument:
        terms = await listed_terms(self.market, f"{self.market.id}:{market.symbol}", market, *self._wanted)
        return instrument_of(self.market.id, market, **terms)

    async def _follow(self, listing: Listing, symbol: str) -> None:
        """The market as it is, then as it goes on."""
        for trade in await self.market.recent_trades(symbol, TRADES):
            self._traded(listing, trade)
        self._stands(listing, await self.market.book(symbol, DEPTH))
        for kind, hear in ((Kind.TRADES, self._traded), (Kind.BOOK, self._stands)):
            subscribe = partial(self._subscribed, kind, symbol)
            self._readers.append(asyncio.create_task(_read(subscribe, await subscribe(), listing, hear)))
        if listing.is_contract:
            await self._hear_mark(listing)
            self._readers.append(asyncio.create_task(self._ask_for_marks(listing)))

    async def _ask_for_marks(self, listing: Listing) -> None:
        """Asks for mark and funding again and again; while nobody answers, they stay as they were."""
        while True:
            await asyncio.sleep(MARKS_EVERY)
            try:
                await self._hear_mark(listing)
            except ExchangeError as error:
                LOG.warning("%s", error)

    async def _hear_mark(self, listing: Listing) -> None:
        told = await self.market.funding_rate(symbol_of(listing.instrument))
        floor = self._venue.floor
        if told.mark_price:
            floor.mark(listing, float(told.mark_price), floor.now)
        floor.expect_funding(listing, told.time, float(told.rate))

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
        if self._venue.floor.listings[0].is_contract:
            return
        for k, units in enumerate(bases):
            kernel.add_base(k, units - kernel.base(k)[0])

    def hold(self, k: int, record: np.void) -> None:
        """A position of a perpetual as it was, and how the contract was set. record: of the kernel, INSTRUMENT."""
        account = self._venue.account
        if isinstance(account, ContractAccount):
            numbers = (int(record[name]) for name in ("base", "entry", "kept", "leverage"))
            account.hold(k, *numbers, is_isolated=bool(record["is_isolated"]))

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
        types, tif, delta = TYPES[listing.is_contract], "GTC", 0
        kind = types["post_only" if record["post_only"] else "limit"]
        if kind == LIMIT and record["post_only"]:
            tif = GTX
        if record["form"] == OrderKind.TRAIL:  # it begins to follow anew
            stop, delta = int(record["activation"]), int((request.trail or 0) * BIPS)
            kind = types["trail_take" if stop else "trail"]
        elif stop:
            kind = types[("take" if record["form"] in TAKES else "stop") + ("_limit" if limit else "")]
        side, reduces = Side(int(record["side"])), request.reduce_only and listing.is_contract
        ticket = Ticket(listing, side, kind, tif, units, 0, limit, stop, name, delta, reduce_only=reduces)
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
