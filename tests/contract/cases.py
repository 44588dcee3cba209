"""What any exchange must do, as numbered cases: test_contract.py runs them, docs/contract.md lists them.

A case gets a `Place`: an exchange with at least 5,000 of quote currency and some base, where orders may be placed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from planar.exchange.interface import Exchange
from planar.exchange.model import Market, Order, OrderRequest
from planar.model.order import Side


@dataclass(frozen=True)
class Place:
    """Where a case is tried. sent: counts the orders that reached the exchange."""

    exchange: Exchange
    symbol: str
    sent: Callable[[], int]

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
        return (await self.exchange.balance()).total.get(currency, Decimal(0))


@dataclass(frozen=True)
class Case:
    """One promise. number: "C01"; promise: what the exchange does, in one line."""

    number: str
    promise: str
    check: Callable[[Place], Awaitable[None]]


CASES: list[Case] = []


def case(promise: str) -> Callable[[Callable[[Place], Awaitable[None]]], Callable[[Place], Awaitable[None]]]:
    """Adds a case under the next number."""

    def added(check: Callable[[Place], Awaitable[None]]) -> Callable[[Place], Awaitable[None]]:
        CASES.append(Case(f"C{len(CASES) + 1:02d}", promise, check))
        return check

    return added


def markdown() -> str:
    """The list as docs/contract.md has it."""
    rows = "\n".join(f"| {each.number} | {each.promise} |" for each in CASES)
    return f"| case | an exchange … |\n|---|---|\n{rows}"
