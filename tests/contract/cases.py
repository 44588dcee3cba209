"""What any exchange must do, as numbered cases: test_contract.py runs them, docs/contract.md lists them.

A case gets a `Place`: an exchange with at least 5,000 of quote currency and, on spot, some base, where orders may be
placed. Some cases are of spot, or of perpetuals, alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from planar.exchange.interface import Exchange
from planar.exchange.model import Balance, Market, Order, OrderRequest, Wallet
from planar.model.order import Side

SPOT, PERPETUALS = "spot", "perpetuals"


@dataclass(frozen=True)
class Place:
    """Where a case is tried. sent: counts the orders that reached the exchange."""

    exchange: Exchange
    symbol: str
    sent: Callable[[], int]
    kind: str = SPOT

    @property
    def trail(self) -> Decimal:
        """A trailing stop's distance, as fine as there is: of futures in tenths of a per cent."""
        return Decimal("0.0123" if self.kind == SPOT else "0.012")

    async def balance(self) -> Balance:
        return await self.exchange.balance(Wallet.SPOT if self.kind == SPOT else Wallet.FUTURES)

    async def market(self) -> Market:
        return (await self.exchange.markets())[self.symbol]

    async def last(self) -> Decimal:
        price = (await self.exchange.ticker(self.symbol)).last
        assert price is not None
        return price

    async def far(self, side: Side = Side.BUY, share: str = "0.1") -> Decimal:
        """A limit that rests: a tenth away from the market."""
        market, last = await self.market(), await self.last()
        price = last * (1 - side * Decimal(share))
        return price // market.price_step * market.price_step

    async def buy(self, amount: str | None = "0.01", **terms) -> Order:
        return await self.order(Side.BUY, amount, **terms)

    async def sell(self, amount: str | None = "0.01", **terms) -> Order:
        return await self.order(Side.SELL, amount, **terms)

    async def order(self, side: Side, amount: str | None, **terms) -> Order:
        exact = None if amount is None else Decimal(amount)
        return await self.exchange.place(OrderRequest(self.symbol, side, exact, **terms))

    async def owned(self, currency: str) -> Decimal:
        return (await self.balance()).total.get(currency, Decimal(0))


@dataclass(frozen=True)
class Case:
    """One promise. number: "C01"; promise: what the exchange does, in one line; kinds: of markets that it is about."""

    number: str
    promise: str
    check: Callable[[Place], Awaitable[None]]
    kinds: tuple[str, ...]


CASES: list[Case] = []

Check = Callable[[Place], Awaitable[None]]


def case(promise: str, *kinds: str) -> Callable[[Check], Check]:
    """Adds a case under the next number, of these kinds of markets, of all without any."""

    def added(check: Check) -> Check:
        CASES.append(Case(f"C{len(CASES) + 1:02d}", promise, check, kinds or (SPOT, PERPETUALS)))
        return check

    return added


def markdown() -> str:
    """The list as docs/contract.md has it."""
    marks = [["✓" if kind in each.kinds else "–" for kind in (SPOT, PERPETUALS)] for each in CASES]
    rows = [" | ".join((each.number, each.promise, *mark)) for each, mark in zip(CASES, marks, strict=True)]
    head = [f"case | an exchange … | {SPOT} | {PERPETUALS}", " | ".join(["---"] * 4)]
    return "\n".join(f"| {row} |" for row in head + rows)
