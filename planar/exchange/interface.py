"""`Exchange`: what every exchange answers. `CcxtExchange` does so over CCXT; a custom one implements what it can."""

from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn, Self
from uuid import uuid4

from planar.config.secrets import Credentials
from planar.config.settings import ExchangeSettings, Risk
from planar.errors import Rejected, did_you_mean
from planar.exchange.model import (
    Balance,
    Book,
    ContractTerms,
    Fees,
    Fill,
    FundingPayment,
    FundingRate,
    MarginMode,
    Market,
    MarketTrade,
    Order,
    OrderRequest,
    Position,
    Rights,
    ServiceStatus,
    Ticker,
    Tier,
    Wallet,
)
from planar.model.order import Forced

if TYPE_CHECKING:
    import polars as pl


class Exchange(ABC):
    """One account at one exchange, or at its test environment.

    Every method raises a `planar.errors.ExchangeError`: Unreachable (ask again later), Rejected (do not), and for
    writes Unknown (look first). What an exchange cannot do is Rejected with the code ``NOT_SUPPORTED``.
    """

    id: str
    sandbox: bool
    account: str
    is_closed: bool
    loop: AbstractEventLoop | None
    """The event loop that it is used in; None before that."""

    risk: Risk
    """What no order may do, as the user has it."""

    def __init__(self, id: str, *, sandbox: bool = False, account: str = "") -> None:
        self.id, self.sandbox, self.account = id, sandbox, account
        self.is_closed, self.loop, self._users = False, None, 0
        self.risk = Risk()

    @classmethod
    def create(
        cls, id: str, *, sandbox: bool, account: str, settings: ExchangeSettings, credentials: Credentials | None
    ) -> Self:
        """One for `planar.exchange.get`, with what the user configured; override it to take settings and keys."""
        return cls(id, sandbox=sandbox, account=account)

    @property
    def name(self) -> str:
        """``"binance"``, ``"binance (sandbox)"``, ``"binance/hedge"``: for messages."""
        return self.id + (f"/{self.account}" if self.account else "") + (" (sandbox)" if self.sandbox else "")

    @property
    def owner(self) -> str:
        """What the account is told by among all of this machine, whatever it is called; no key can be read off it."""
        return f"{self.id} {self.sandbox} {self.account}"

    @property
    def is_real(self) -> bool:
        """Whether orders there move real money."""
        return not self.sandbox

    @property
    def has_keys(self) -> bool:
        """Whether it can be asked for what is of an account."""
        return True

    def by_hand(self, words: str) -> str:
        """A command of the command line that asks this account there: for messages."""
        account = f" --account {self.account}" if self.account else ""
        return f"`{words} --exchange {self.id}{account}{' --sandbox' if self.sandbox else ''}`"

    def new_client_id(self) -> str:
        """A client order id that the exchange accepts; every one is different."""
        return uuid4().hex

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            await self.close()

    async def close(self) -> None:
        """Closes all connections, once; every ``async with`` does when the last of them ends."""
        if not self.is_closed:
            self.is_closed = True
            await self.disconnect()

    def abandon(self) -> None:
        """Lets go of what can no longer be closed, its event loop being gone."""
        self.is_closed = True

    # What every exchange has.

    @abstractmethod
    async def markets(self, *, reload: bool = False) -> Mapping[str, Market]:
        """All markets by symbol. reload: asks the exchange even when they are known."""

    @abstractmethod
    async def ticker(self, symbol: str) -> Ticker:
        """The market of the last 24 hours, and now."""

    @abstractmethod
    async def book(self, symbol: str, depth: int = 20) -> Book:
        """The order book, ``depth`` levels a side at most."""

    @abstractmethod
    async def balance(self, wallet: Wallet = Wallet.SPOT) -> Balance:
        """What is owned."""

    @abstractmethod
    async def place(self, request: OrderRequest) -> Order:
        """Places one order. Amount and price are rounded to the market's steps, never enlarged.

        Raises Rejected when it was refused, here or there; Unknown when nobody can say whether it was taken.
        """

    @abstractmethod
    async def cancel(self, id: str, symbol: str) -> Order:
        """Cancels one order; gives it as it ended."""

    @abstractmethod
    async def order(self, id: str, symbol: str, *, client_id: str = "") -> Order:
        """One order, by the exchange's id or (``id`` empty) by one's own."""

    @abstractmethod
    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Open orders, of all markets when none is named."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Gives up all connections; `close` calls it once."""

    async def market(self, symbol: str) -> Market:
        """The market of a symbol. Raises Rejected where there is none, with what was probably meant."""
        known = await self.markets()
        if symbol not in known:
            near = did_you_mean(symbol, known) or " Symbols are written BTC/USDT."
            raise Rejected(f"{self.name} has no market {symbol!r}.{near}", exchange=self.id, code="UNKNOWN_SYMBOL")
        return known[symbol]

    # What some do in one request, and the rest in several.

    async def tickers(self, symbols: Sequence[str]) -> dict[str, Ticker]:
        """Several tickers."""
        return {symbol: await self.ticker(symbol) for symbol in symbols}

    async def place_all(self, requests: Sequence[OrderRequest]) -> list[Order | Exception]:
        """Places several orders; where one fails its error stands in its place."""
        answers: list[Order | Exception] = []
        for request in requests:
            try:
                answers.append(await self.place(request))
            except Exception as error:
                answers.append(error)
        return answers

    async def cancel_all(self, symbol: str) -> list[Order]:
        """Cancels all open orders of a market; gives them as they ended."""
        return [await self.cancel(order.id, symbol) for order in await self.open_orders(symbol)]

    # What not every exchange has.

    def candles(
        self, symbol: str, timeframe: str, start: int, end: int | None = None, *, kind: str = "trade"
    ) -> "AsyncIterator[pl.DataFrame]":
        """Closed candles with ``start <= time < end``, page by page.

        Columns: time (Int64), open, high, low, close, volume (Float64).
        kind: ``"trade"``, or ``"mark"`` for mark prices.
        """
        self._refuse("candles")

    def market_trades(self, symbol: str, start: int, end: int | None = None) -> AsyncIterator[list[MarketTrade]]:
        """Public prints with ``start <= time < end``, page by page, each once."""
        self._refuse("market trades")

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[MarketTrade]:
        """The last public prints, oldest first."""
        self._refuse("market trades")

    async def amend(
        self,
        id: str,
        symbol: str,
        *,
        price: Decimal | None = None,
        stop: Decimal | None = None,
        amount: Decimal | None = None,
        new_id: Callable[[], str] | None = None,
    ) -> Order:
        """Changes an open order; the answer may have a new id, and a client id that ``new_id`` gave."""
        self._refuse("amending orders")

    async def orders(self, symbol: str, start: int | None = None, limit: int | None = None) -> list[Order]:
        """Orders of a market since a time, whatever became of them, oldest first."""
        self._refuse("order history")

    async def fills(self, symbol: str, start: int | None = None, limit: int | None = None) -> list[Fill]:
        """Own executions in a market since a time, oldest first."""
        self._refuse("fills")

    async def fees(self, symbol: str) -> Fees:
        """What this account pays."""
        self._refuse("fees")

    async def positions(self, symbols: Sequence[str] | None = None) -> list[Position]:
        """Open positions in derivatives."""
        self._refuse("positions")

    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Sets the leverage of a market."""
        self._refuse("leverage")

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Sets isolated or cross margin for a market; what it is already is no error."""
        self._refuse("margin modes")

    async def add_margin(self, symbol: str, amount: Decimal) -> None:
        """Puts so much more behind an isolated position; below 0 takes it back."""
        self._refuse("margin of positions")

    async def contract_terms(self, symbol: str) -> ContractTerms:
        """How the account has a derivative set."""
        self._refuse("how contracts are set")

    async def tiers(self, symbol: str) -> list[Tier]:
        """Brackets of leverage, from the smallest notional up."""
        self._refuse("leverage tiers")

    async def funding_rate(self, symbol: str) -> FundingRate:
        """What the perpetual pays next."""
        self._refuse("funding rates")

    def funding_history(self, symbol: str, start: int, end: int | None = None) -> AsyncIterator[list[FundingRate]]:
        """What the perpetual paid, page by page."""
        self._refuse("funding history")

    async def funding_payments(self, symbol: str, start: int | None = None) -> list[FundingPayment]:
        """What this account received and paid."""
        self._refuse("funding payments")

    async def clearance_fees(self, symbol: str, start: int | None = None) -> list[FundingPayment]:
        """What liquidations cost beside their fills, below 0, oldest first; none where the exchange tells none."""
        return []

    def forced(self, client_id: str) -> Forced:
        """What an order is that the exchange itself placed to close a position; NONE for all others."""
        return Forced.NONE

    async def rights(self) -> Rights | None:
        """What the key may do; None where the exchange does not say."""
        return None

    async def status(self) -> ServiceStatus:
        """Whether the exchange works."""
        self._refuse("its status")

    async def server_time(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        self._refuse("its time")

    async def sync_clock(self) -> int:
        """Measures how far the exchange's clock is ahead of ours, in ms; requests carry its time from then on."""
        self._refuse("its time")

    def capabilities(self) -> Mapping[str, Any]:
        """What this exchange can do, by name."""
        return {}

    def _refuse(self, what: str) -> NoReturn:
        raise Rejected(f"{self.name} does not offer {what}.", exchange=self.id, code="NOT_SUPPORTED")
