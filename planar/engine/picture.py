"""`Picture`: what is known of the markets that are watched and of one's account, as events come."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from planar.exchange.model import Balance, Book, Fill, Level, MarketTrade, Order, Ticker
from planar.exchange.subscription import Event
from planar.exchange.watcher import State
from planar.model.order import Status

TRADES, FILLS = 50, 20
"""How many are kept, of each market and of the account."""

WORST = (State.ENDED, State.POLLING, State.STARTING, State.LIVE)


@dataclass
class Seen:
    """One market. step: of its prices. heard: when something was heard of it last, UTC nanoseconds."""

    symbol: str
    step: Decimal = Decimal(0)
    ticker: Ticker | None = None
    bid: Level | None = None
    ask: Level | None = None
    trades: deque[MarketTrade] = field(default_factory=lambda: deque(maxlen=TRADES))
    heard: int | None = None

    @property
    def last(self) -> Decimal | None:
        """The price of the last trade, as far as any was told."""
        told = self.ticker.last if self.ticker else None
        if not self.trades:
            return told
        trade = self.trades[-1]
        is_newer = told is not None and self.ticker is not None and (self.ticker.time or 0) > trade.time
        return told if is_newer else trade.price

    @property
    def change(self) -> Decimal | None:
        """Since 24 hours ago, a fraction."""
        if self.ticker is None or self.last is None or not self.ticker.open:
            return self.ticker.change if self.ticker else None
        return self.last / self.ticker.open - 1

    @property
    def spread(self) -> Decimal | None:
        """Between the best bid and the best ask."""
        return self.ask.price - self.bid.price if self.ask and self.bid else None

    def take(self, data: Ticker | Book | MarketTrade) -> None:
        """Something was told of it."""
        if isinstance(data, Book):
            self.bid, self.ask = next(iter(data.bids), None), next(iter(data.asks), None)
        elif isinstance(data, MarketTrade):
            self.trades.append(data)
        else:
            self.ticker = data


@dataclass
class Picture:
    """name: of the exchange. balance: of the wallet that was asked for first. orders: the open ones.

    states: how each feed is heard, and why it is not live.
    """

    name: str
    markets: dict[str, Seen]
    balance: Balance | None = None
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    fills: dict[tuple[str, str], Fill] = field(default_factory=dict)
    states: dict[str, tuple[State, str]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Something was told."""
        data = event.data
        if isinstance(data, Order):
            self.add_orders([data])
        elif isinstance(data, Fill):
            self.add_fills([data])
        elif isinstance(data, Balance):
            if self.balance is None or self.balance.wallet == data.wallet:
                self.balance = data
        elif event.symbol in self.markets:
            self.markets[event.symbol].take(data)
            self.markets[event.symbol].heard = event.received

    def add_orders(self, orders: Iterable[Order]) -> None:
        """Orders as they are now; those that ended are let go."""
        for order in orders:
            if order.status > Status.PARTIAL:
                self.orders.pop((order.symbol, order.id), None)
            else:
                self.orders[order.symbol, order.id] = order

    def add_fills(self, fills: Iterable[Fill]) -> None:
        """The last ones are kept."""
        self.fills.update({(fill.symbol, fill.id): fill for fill in fills})
        for key in list(self.fills)[:-FILLS]:
            del self.fills[key]

    def state(self, symbol: str) -> State | None:
        """How a market is heard: as its worst feed; None before anything is subscribed."""
        found = {state for name, (state, _) in self.states.items() if name.partition(" ")[2] == symbol}
        return next((state for state in WORST if state in found), None)

    def troubles(self) -> dict[str, list[str]]:
        """Which feeds are not live, by the reason."""
        found: dict[str, list[str]] = {}
        for name, (_, reason) in self.states.items():
            if reason:
                found.setdefault(reason, []).append(name)
        return found
