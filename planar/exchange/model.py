"""What exchanges answer, as frozen values: prices, amounts and money are `Decimal`, times UTC milliseconds.

What an exchange does not say is None; nothing is made up. Symbols are CCXT's: ``"BTC/USDT"``, and
``"BTC/USDT:USDT"`` for a perpetual settled in USDT.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from planar.errors import ConfigError
from planar.model.order import Kind, Side, Status, Tif
from planar.model.tiers import Tier

__all__ = [
    "Balance", "Book", "Candle", "Fees", "Fill", "FundingPayment", "FundingRate", "Level", "Liquidity", "MarginMode",
    "Market", "MarketKind", "MarketTrade", "Order", "OrderRequest", "Position", "Rights", "ServiceStatus", "Ticker",
    "Tier", "Wallet",
]  # fmt: skip


class MarketKind(StrEnum):
    """What is traded."""

    SPOT = "spot"
    SWAP = "swap"
    FUTURE = "future"
    OPTION = "option"


class Wallet(StrEnum):
    """Where an exchange keeps money."""

    SPOT = "spot"
    FUTURES = "futures"
    MARGIN = "margin"
    FUNDING = "funding"


class MarginMode(StrEnum):
    """Whether a position has collateral of its own."""

    ISOLATED = "isolated"
    CROSS = "cross"


class Liquidity(StrEnum):
    """Who rested in the book, who crossed it."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument at an exchange, with its rules. Steps and minimums are 0 where there is no such rule.

    Amounts are in base, also where the exchange counts contracts of ``contract_size`` base units; inverse contracts
    alone are counted in contracts, of ``contract_size`` quote units. maker, taker: as listed, whatever an account pays.
    fee_side: "base" where a buy pays its fee from what it receives, "quote" where all pay in quote.
    """

    symbol: str
    id: str  # the exchange's own name, "BTCUSDT"
    kind: MarketKind
    base: str
    quote: str
    settle: str | None
    is_active: bool
    price_step: Decimal
    amount_step: Decimal
    min_amount: Decimal
    max_amount: Decimal | None
    min_cost: Decimal
    max_cost: Decimal | None
    maker: Decimal | None
    taker: Decimal | None
    contract_size: Decimal = Decimal(1)
    max_market_amount: Decimal | None = None
    min_price: Decimal = Decimal(0)
    max_price: Decimal | None = None
    fee_side: str | None = None

    @property
    def is_inverse(self) -> bool:
        """Whether it is settled in its base."""
        return self.settle is not None and self.settle == self.base

    @property
    def lot(self) -> Decimal:
        """How much is one unit of the exchange's own amounts."""
        return Decimal(1) if self.kind is MarketKind.SPOT or self.is_inverse else self.contract_size


@dataclass(frozen=True, slots=True)
class Ticker:
    """The market of the last 24 hours, and now. change: since 24 hours ago, a fraction."""

    symbol: str
    time: int | None
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    bid_amount: Decimal | None
    ask_amount: Decimal | None
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: Decimal | None
    quote_volume: Decimal | None
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class Level:
    """Amount offered at a price."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Bids from the highest down, asks from the lowest up. sequence: the exchange's number of this state."""

    symbol: str
    time: int | None
    sequence: int | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """One public print. side: the taker's."""

    id: str
    symbol: str
    time: int
    side: Side | None
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owned in one wallet, by currency; free and used add up to total. Currencies without any are left out.

    is_funding: told since funding was paid or received. settled: of the total, without what open positions have won,
    where that is told.
    """

    wallet: Wallet
    time: int | None
    total: Mapping[str, Decimal]
    free: Mapping[str, Decimal]
    used: Mapping[str, Decimal]
    is_funding: bool = False
    settled: Mapping[str, Decimal] = field(default_factory=dict)

    def changed(self, news: "Balance") -> "Balance":
        """This one with what is new of some currencies; those that are empty now are left out."""
        kept = {currency: each for currency, each in {**self.total, **news.total}.items() if each}
        free, used = {**self.free, **news.free}, {**self.used, **news.used}
        told = {currency: free[currency] for currency in kept if currency in free}
        held = {currency: used[currency] for currency in told}
        return Balance(self.wallet, news.time, kept, told, held, news.is_funding, {**self.settled, **news.settled})


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is asked for. Exactly one of amount (base) and cost (quote, market buys) is given.

    price: the limit. At most one of stop and take, the trigger, trail (a fraction) and trail_by (quote), how far a
    trailing stop follows, from ``activation`` on where that is given. expire: UTC milliseconds, with GTD.
    """

    symbol: str
    side: Side
    amount: Decimal | None = None
    cost: Decimal | None = None
    price: Decimal | None = None
    stop: Decimal | None = None
    take: Decimal | None = None
    trail: Decimal | None = None
    trail_by: Decimal | None = None
    activation: Decimal | None = None
    tif: Tif = Tif.GTC
    expire: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    client_id: str = ""

    def __post_init__(self) -> None:
        for name in NUMBERS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, Decimal):
                raise ConfigError(f"{name} = {value!r} of an order must be exact: write Decimal('{value}').")
        for name, kind in (("side", Side), ("tif", Tif)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                known = ", ".join(f"{kind.__name__}.{each.name}" for each in kind)
                raise ConfigError(f"{name} = {value!r} of an order must be one of {known}, of planar.model.order.")

    @property
    def trigger(self) -> Decimal | None:
        """The price that a stop or a take waits for."""
        return self.take if self.stop is None else self.stop

    @property
    def is_trailing(self) -> bool:
        """Whether it is a trailing stop."""
        return self.trail is not None or self.trail_by is not None

    @property
    def kind(self) -> Kind:
        """What it is: of a limit, a trigger and how that moves."""
        if self.is_trailing:
            return Kind.TRAIL
        if self.take is not None:
            return Kind.TAKE if self.price is None else Kind.TAKE_LIMIT
        if self.stop is not None:
            return Kind.STOP if self.price is None else Kind.STOP_LIMIT
        return Kind.MARKET if self.price is None else Kind.LIMIT

    def valued_at(self, last: Decimal | None) -> Decimal | None:
        """The price that it is valued at before it trades: its limit, else its trigger, else the market's last."""
        price = self.price or self.trigger
        if price is not None or not self.is_trailing:
            return price or last
        price = last if self.activation is None else self.activation
        away = self.trail_by if price is None or self.trail is None else price * self.trail
        return None if price is None or away is None else price + (away if self.side is Side.BUY else -away)


NUMBERS = ("amount", "cost", "price", "stop", "take", "trail", "trail_by", "activation")
"""What an `OrderRequest` has that is a number."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the exchange knows it. fees: by currency; empty where the exchange does not say.

    stop: the trigger of a stop or a take, as its kind says; a trailing stop has how far it follows instead.
    is_triggered: whether the exchange says that its trigger was reached; few say that it was not.
    """

    id: str
    client_id: str
    symbol: str
    side: Side
    kind: Kind
    status: Status
    amount: Decimal | None
    filled: Decimal
    price: Decimal | None
    stop: Decimal | None
    cost: Decimal | None
    average: Decimal | None
    tif: Tif | None
    post_only: bool
    reduce_only: bool
    time: int | None
    updated: int | None
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    trail: Decimal | None = None
    trail_by: Decimal | None = None
    activation: Decimal | None = None
    is_triggered: bool = False

    @property
    def remaining(self) -> Decimal | None:
        """What is not filled, whatever becomes of it."""
        return None if self.amount is None else self.amount - self.filled


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an own order."""

    id: str
    order_id: str
    client_id: str
    symbol: str
    side: Side
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal | None
    fee_currency: str | None
    liquidity: Liquidity | None
    time: int


@dataclass(frozen=True, slots=True)
class Position:
    """Exposure in one derivative. amount: in base, positive, 0 in a stream that tells its end; side: BUY is long.

    kept: what is put up for it and nothing else, without its gain; None of one in cross margin, and where not told.
    """

    symbol: str
    side: Side
    amount: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    liquidation_price: Decimal | None
    leverage: Decimal | None
    margin_mode: MarginMode | None
    margin: Decimal | None
    unrealised_pnl: Decimal | None
    time: int | None
    kept: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Fees:
    """What the account pays, as fractions."""

    symbol: str
    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """How an account has one derivative set. is_hedged: longs and shorts are positions of their own. None: not told."""

    symbol: str
    leverage: Decimal | None
    margin_mode: MarginMode | None
    is_hedged: bool | None


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What a perpetual pays at ``time``, as a fraction of the position. mark_price: at that time, where it is told."""

    symbol: str
    time: int
    rate: Decimal
    mark_price: Decimal | None = None
    interval: int | None = None  # milliseconds

    @property
    def id(self) -> str:
        """One is paid at a time."""
        return str(self.time)


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """What was received (negative: paid) at one funding time."""

    id: str
    symbol: str
    time: int
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key may do. is_ip_bound: from the addresses of its allow-list only."""

    can_read: bool | None
    can_trade_spot: bool | None
    can_trade_futures: bool | None
    can_withdraw: bool | None
    is_ip_bound: bool | None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Whether the exchange works, in its own words."""

    is_ok: bool
    message: str
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Candle:
    """A candle as a stream tells it. is_closed: no more trades can change it."""

    symbol: str
    timeframe: str
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool = False
