"""Waiting for an exchange's limits before each request."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from planar.errors import Rejected, Unreachable
from planar.exchange.budget import Budget


@dataclass(frozen=True)
class Usage:
    """How much of a budget may count at the exchange now. recent: of it, in the last eighth of its window.

    window, banned_for: milliseconds.
    """

    name: str
    used: int
    recent: int
    limit: int
    window: int
    banned_for: int


PATIENCE = 130_000
"""Milliseconds that a request waits at most for its turn: longer is told."""

LOOK = 50
"""Milliseconds between two looks whether there is room."""

Receipts = dict[str, tuple[int, int]]
"""What was spent: receipt and cost by budget."""


class Limits:
    """The budgets of one exchange for one account: what a request costs of each is spent before it is sent.

    Requests that must wait go in the order they came, and so do the processes that wait; what is urgent, as a cancel,
    goes before them.
    """

    def __init__(self, budgets: Mapping[str, Budget], exchange: str = "") -> None:
        self._budgets, self._exchange = dict(budgets), exchange
        self._queue = asyncio.Lock()
        self._urgent, self._is_closed = 0, False
        self._claim = secrets.randbits(62) + 1

    @asynccontextmanager
    async def spend(self, costs: Mapping[str, int], *, is_urgent: bool = False) -> AsyncGenerator[None]:
        """Waits until there is room for the costs, by budget; they count until the exchange has forgotten them."""
        receipts = await self.take(costs, is_urgent=is_urgent)
        try:
            yield
        finally:
            self.answered(receipts)

    async def take(self, costs: Mapping[str, int], *, is_urgent: bool = False) -> Receipts:
        """As `spend`; `answered` is to be called with what this gives once the exchange has answered."""
        costs = {name: cost for name, cost in costs.items() if name in self._budgets}
        if is_urgent or not self._queue.locked():
            wait, receipts = self._try(costs, is_urgent=is_urgent)
            if not wait:
                return receipts
            if is_urgent:
                self._urgent += 1
                try:
                    return await self._wait(costs, wait, is_urgent=True)
                finally:
                    self._urgent -= 1
        async with self._queue:
            return await self._wait(costs, 0, is_urgent=False)

    def answered(self, receipts: Receipts) -> None:
        """The exchange has answered what these were spent for."""
        for name, (receipt, cost) in receipts.items():
            self._budgets[name].answered(receipt, cost)

    async def _wait(self, costs: Mapping[str, int], wait: int, *, is_urgent: bool) -> Receipts:
        while True:
            if wait > PATIENCE:
                raise self._used_up(wait)
            if wait:
                # What another request holds may be free earlier than it had to be assumed.
                await asyncio.sleep(min(wait, LOOK) / 1000)
            if self._urgent and not is_urgent:
                wait = LOOK
                continue
            wait, receipts = self._try(costs, is_urgent=is_urgent)
            if not wait:
                return receipts

    def _used_up(self, wait: int) -> Unreachable:
        error = Unreachable(
            f"{self._exchange}: what it allows is used up for {wait / 1000:,.0f} s more; nothing was sent.",
            exchange=self._exchange,
            code="RATE_LIMIT",
        )
        error.retry_after = wait / 1000
        return error

    def _try(self, costs: Mapping[str, int], *, is_urgent: bool) -> tuple[int, Receipts]:
        """Spends of all budgets or of none: (0, receipts) or (milliseconds to wait, nothing)."""
        if self._is_closed:
            told = f"{self._exchange} was closed while this waited for its limits; nothing was sent."
            raise Rejected(told, exchange=self._exchange, code="CLOSED")
        receipts: Receipts = {}
        for name, cost in costs.items():
            wait, receipt = self._budgets[name].take(cost, claim=self._claim, is_urgent=is_urgent)
            if wait:
                for taken, (each, spent) in receipts.items():
                    self._budgets[taken].give_back(each, spent)
                return wait, {}
            receipts[name] = (receipt, cost)
        return 0, receipts

    def observe(self, name: str, used: int) -> None:
        """The exchange says how much of a budget is used."""
        if name in self._budgets:
            self._budgets[name].observe(used)

    def ban(self, milliseconds: int) -> None:
        """The exchange says that nobody may ask for that long."""
        for budget in self._budgets.values():
            budget.ban(milliseconds)

    def usage(self) -> list[Usage]:
        """How much of each budget is used."""
        return [
            Usage(
                name, budget.used(), budget.used(budget.window // 8), budget.limit, budget.window, budget.banned_for()
            )
            for name, budget in self._budgets.items()
        ]

    def close(self) -> None:
        """Lets go of the budgets' files; who waits is told."""
        self._is_closed = True
        for budget in self._budgets.values():
            budget.close()
