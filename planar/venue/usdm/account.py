"""`ContractAccount`: the margin, positions, orders and income behind one key, in one-way mode."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from planar.model.order import Side
from planar.simulator.fill_model import FillModel
from planar.venue.account import RIGHTS, Account
from planar.venue.listing import Listing, units_of
from planar.venue.market import Stand
from planar.venue.order import CALCULATED, FILLED, MARKET, Execution, Order, Ticket
from planar.venue.prints import Print
from planar.venue.refusal import UNKNOWN_ORDER, Refusal
from planar.venue.usdm.kernel_state import ContractState, Position
from planar.venue.usdm.refusal import DUPLICATE, REDUCE_ONLY, refused_for

FUTURES = "enableFutures"


class Income(NamedTuple):
    """One change of the wallet: what Binance calls it, the contract (none of a transfer), quote units."""

    id: int
    what: str
    listing: Listing | None
    units: int
    time: int
    trade: int = 0


class MarginMove(NamedTuple):
    """Margin that was added (``"1"``) to an isolated position, or taken back (``"2"``)."""

    listing: Listing
    time: int
    kind: str
    units: int


class ContractAccount(Account):
    """An account over perpetuals. income: every change of the wallet, in the order of time."""

    trading_right = FUTURES
    duplicate = DUPLICATE

    kernel: ContractState

    def __init__(self, key: str, secret: str, listings: Sequence[Listing], *rest: Any) -> None:
        """As `Account`."""
        super().__init__(key, secret, listings, *rest)
        self.rights = {**RIGHTS, FUTURES: True}
        self.income: list[Income] = []
        self.forced: list[Order] = []
        self.margins: list[MarginMove] = []
        self._triggered: dict[int, Order] = {}
        self.moved = [0] * len(listings)
        """When each position changed last."""
        self._entries = [0] * len(listings)
        self._fundings_seen = 0
        self._paid: list[Income] = []

    @staticmethod
    def _kernel_of(listings: Sequence[Listing], model: FillModel) -> ContractState:
        return ContractState(listings, model)

    @staticmethod
    def refused_for(reason: int) -> Refusal:
        """What an order is refused with that the kernel refused for this reason."""
        return refused_for(reason)

    # Money

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Adds to the wallet, as `Account.deposit`; that is income, too."""
        super().deposit(asset, amount)
        if asset == self.listings[0].quote:
            self._earn("TRANSFER", None, units_of(amount, self.listings[0].money), self.updated)

    def _cash(self) -> tuple[int, int]:
        wallet, free = self.kernel.wallet()
        return wallet, wallet - max(free, 0)

    def _listing_of(self, asset: str) -> None:
        """Contracts are not owned."""

    def assets(self) -> list[str]:
        """All assets the account can hold."""
        return [self.listings[0].quote, *self.idle]

    def position(self, listing: Listing) -> Position:
        """How a contract stands."""
        return self.kernel.position(listing.index)

    def room(self, listing: Listing, side: Side) -> int:
        """Base units of the position that an order of that side reduces."""
        held = self.kernel.held(listing.index)
        return abs(held) if held * side < 0 else 0

    def hold(self, k: int, base: int, entry: int, kept: int, leverage: int, *, is_isolated: bool) -> None:
        """A position as it was, as `ContractState.hold` has it."""
        self.kernel.hold(k, base, entry, kept, leverage, is_isolated=is_isolated)
        self._entries[k] = entry

    def note_margin(self, listing: Listing, time: int, kind: str, units: int) -> None:
        """Margin was moved."""
        self.updated = time
        self.margins.append(MarginMove(listing, time, kind, units))

    # Orders

    def in_book(self, id: int) -> Order | None:
        """The order of that number in the book."""
        return self._triggered.get(id) or self.orders.get(id)

    def place(self, ticket: Ticket, time: int, depth: int, stand: Stand | None = None) -> Order:
        """Places an order at once, as `Account.place`; what may only reduce is for no more than there is."""
        if ticket.reduce_only:
            room = self.room(ticket.listing, ticket.side)
            if not room:
                raise Refusal(*REDUCE_ONLY)
            ticket = replace(ticket, units=min(ticket.units, room))
        order = super().place(ticket, time, depth, stand)
        self._trim(time)
        return order

    def amend(self, order: Order, time: int, ticks: int, units: int) -> None:
        """Gives a limit another price and another amount in all. Raises Refusal when it cannot have them."""
        if not order.is_open:
            raise Refusal(*UNKNOWN_ORDER)
        answer = self.kernel.amend(order.ticket.listing, order.index, time, ticks, units)
        before, order.ticket, order.units = (order.ticket, order.units), replace(order.ticket, ticks=ticks), units
        reason = self._take_events(order) if answer > 0 else -answer
        if reason:
            order.ticket, order.units = before
            raise self.refused_for(reason)
        self._trim(time)

    def settle(self, move: Print) -> None:
        """The market moves: orders in reach are served, what is due is paid, and what is under is liquidated."""
        super().settle(move)
        self._take_fundings()
        self._trim(move.time)

    def _trim(self, time: int) -> None:
        """What may only reduce is taken back where there is nothing to reduce, and is for no more than there is; what
        closes a position is for all of it.
        """
        for order in [o for o in self.open.values() if o.ticket.reduce_only]:
            asked, left = order.ticket, order.units - order.filled
            room = self.room(asked.listing, asked.side)
            if left == room or (left < room and not asked.closes):
                continue
            listing = order.ticket.listing
            if room and self.kernel.amend(listing, order.index, time, order.ticket.ticks, order.filled + room) > 0:
                order.units = order.filled + room
            else:
                order.is_expiring = True
                self.kernel.cancel(listing, order.index, time)
            self._take_events()

    # Events of the kernel

    def _go_on(self, order: Order, time: int) -> None:
        super()._go_on(order, time)
        order.trigger_id, order.trigger_time = self._next_order(), time
        self._triggered[order.trigger_id] = order

    def _take_forced(self, time: int) -> None:
        """A liquidation, which is told as an order of its own."""
        fill = self.kernel.log("fills", self._fills_seen)[0]
        listing, id = self.listings[int(fill["instrument"])], self._next_order()
        asked = Ticket(
            listing, Side(int(fill["side"])), MARKET, "IOC", int(fill["amount"]), 0, 0, 0, f"autoclose-{time}{id:04d}"
        )
        execution = self._next_execution(time)
        order = Order(id, -1, asked, time, working_time=time)
        order.execute(execution)
        order.status, order.updated, self.updated = FILLED, time, time
        self.orders[id] = self.by_client_id[asked.client_id] = order
        self.forced.append(order)
        self.executions.append((order, execution))
        self._note(listing, execution, "INSURANCE_CLEAR")
        self._report(CALCULATED, order, execution, time)

    def _fill(self, order: Order, time: int) -> Execution:
        execution = super()._fill(order, time)
        self._note(order.ticket.listing, execution, "COMMISSION")
        return execution

    def _realised(self, fill: np.void) -> int:
        """What is won is by how much the cost of what is held changes beyond what was traded."""
        k, entry = int(fill["instrument"]), int(fill["entry"])
        change, self._entries[k] = entry - self._entries[k], entry
        return change - int(fill["side"]) * int(fill["cost"])

    def _note(self, listing: Listing, execution: Execution, fee: str) -> None:
        self.moved[listing.index] = execution.time
        self._earn("REALIZED_PNL", listing, execution.realised, execution.time, execution.id)
        self._earn(fee, listing, -execution.fee, execution.time, execution.id)

    def _earn(self, what: str, listing: Listing | None, units: int, time: int, trade: int = 0) -> None:
        if units:
            self.income.append(Income(len(self.income) + 1, what, listing, units, time, trade))

    def take_paid(self) -> list[Income]:
        """Funding that was paid and received since the last time."""
        taken, self._paid = self._paid, []
        return taken

    def _take_fundings(self) -> None:
        for paid in self.kernel.log("fundings", self._fundings_seen):
            self._fundings_seen += 1
            self.updated = int(paid["time"])
            listing = self.listings[int(paid["instrument"])]
            self._earn("FUNDING_FEE", listing, -int(paid["units"]), self.updated)
            self._paid += self.income[-1:]
