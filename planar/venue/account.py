"""`Account`: the money and orders of one API key."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from planar.errors import ConfigError
from planar.model.order import Event, Reason
from planar.simulator.fill_model import FillModel
from planar.venue.kernel_state import KernelState
from planar.venue.listing import WIRE, Listing, units_of
from planar.venue.market import Stand
from planar.venue.order import (
    AMENDMENT,
    CANCELED,
    EXPIRED,
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    TRADE,
    TRIGGERED,
    Execution,
    Order,
    Report,
    Ticket,
)
from planar.venue.prints import Print
from planar.venue.refusal import DUPLICATE, UNKNOWN_ORDER, Refusal, refused_for

LARGEST = 2**62

TRADING = "enableSpotAndMarginTrading"
RIGHTS = {
    "ipRestrict": True,  # it is good on this machine only
    "enableReading": True,
    TRADING: True,
    **dict.fromkeys(
        ("enableWithdrawals", "enableInternalTransfer", "enableMargin", "enableFutures", "permitsUniversalTransfer",
         "enableVanillaOptions", "enablePortfolioMarginTrading"),
        False,
    ),
}  # fmt: skip
"""What a key may do, in Binance's words."""


class Account:
    """Balances and orders behind one key. Each account meets the market alone: accounts do not trade with each other.

    next_order, next_trade: give the venue's next numbers. What happens is kept until `take_reports`.
    """

    trading_right = TRADING
    duplicate = DUPLICATE
    """What an own id is refused with that an open order has."""

    def __init__(
        self,
        key: str,
        secret: str,
        listings: Sequence[Listing],
        model: FillModel,
        next_order: Callable[[], int],
        next_trade: Callable[[], int],
    ) -> None:
        self.key, self.secret = key, secret
        self.rights = dict(RIGHTS)
        self.listings = listings
        self.kernel = self._kernel_of(listings, model)
        self.orders: dict[int, Order] = {}
        self.by_client_id: dict[str, Order] = {}
        self.open: dict[int, Order] = {}
        self.executions: list[tuple[Order, Execution]] = []
        self.idle: dict[str, int] = {}
        self.updated = 0
        self._reports: list[Report] = []
        self._by_index: dict[int, Order] = {}
        self._next_order, self._next_trade = next_order, next_trade
        self._events_seen = self._fills_seen = 0

    def __repr__(self) -> str:
        return f"Account({self.key[:4]}…)"

    @staticmethod
    def _kernel_of(listings: Sequence[Listing], model: FillModel) -> KernelState:
        return KernelState(listings, model)

    # Money

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Adds to a balance; a negative amount is taken from what is free.

        Raises Refusal when that is too little, ConfigError when it is more than can be counted.
        """
        listing = self._listing_of(asset)
        unit, (total, held) = Fraction(1, WIRE), (self.idle.get(asset, 0), 0)
        if asset == self.listings[0].quote:
            unit, (total, held) = self.listings[0].money, self._cash()
        elif listing is not None:
            unit, (total, held) = listing.unit, self.kernel.base(listing.index)
        units = units_of(amount, unit)
        if total - held + units < 0:
            raise Refusal(-4026, "You have insufficient balance.")
        if total + units > LARGEST:
            raise ConfigError(
                f"{amount} {asset} are more than the venue can count; take less than {int(LARGEST * unit):,}."
            )
        if asset == self.listings[0].quote:
            self.kernel.add_cash(units)
        elif listing is not None:
            self.kernel.add_base(listing.index, units)
        else:
            self.idle[asset] = total + units

    def balance(self, asset: str) -> tuple[str, str]:
        """What is free and what orders hold, as texts of the wire."""
        quote = self.listings[0]
        if asset == quote.quote:
            total, held = self._cash()
            return quote.money_text(total - held), quote.money_text(held)
        listing = self._listing_of(asset)
        if listing is not None:
            total, held = self.kernel.base(listing.index)
            return listing.amount_text(total - held), listing.amount_text(held)
        units = self.idle.get(asset, 0)
        return f"{units // WIRE}.{units % WIRE:08d}", "0.00000000"

    def _cash(self) -> tuple[int, int]:
        """Quote units, and how many of them are held."""
        return self.kernel.cash()

    def _listing_of(self, asset: str) -> Listing | None:
        """What a balance of that asset is traded as."""
        return next((i for i in self.listings if i.base == asset), None)

    def assets(self) -> list[str]:
        """All assets the account can hold."""
        return [self.listings[0].quote, *(i.base for i in self.listings), *self.idle]

    # Orders

    def place(self, ticket: Ticket, time: int, depth: int, stand: Stand | None = None) -> Order:
        """Places an order at once. depth: base units that a taker finds; stand: in a recorded book, how dear they are.

        Raises Refusal when it is not taken.
        """
        known = self.by_client_id.get(ticket.client_id)
        if known is not None and known.is_open:
            raise Refusal(*self.duplicate)
        order = Order(self._next_order(), int(self.kernel.record["orders_n"]), ticket, time)
        self._by_index[order.index] = order
        reported = len(self._reports)
        answer = self.kernel.place(ticket, time, depth, stand)
        reason = self._take_events(order) if answer > 0 else -answer
        if reason != Reason.NONE:
            del self._reports[reported:]
            self._by_index.pop(order.index, None)
            raise self.refused_for(reason)
        self.orders[order.id] = self.by_client_id[ticket.client_id] = order
        if order.is_open:
            self.open[order.id] = order
        return order

    @staticmethod
    def refused_for(reason: int) -> Refusal:
        """What an order is refused with that the kernel refused for this reason."""
        return refused_for(reason)

    def cancel(self, order: Order, time: int, client_id: str = "") -> None:
        """Cancels an open order. client_id: of the cancel itself. Raises Refusal when it is no longer open."""
        if not order.is_open or self.kernel.cancel(order.ticket.listing, order.index, time) < 0:
            raise Refusal(*UNKNOWN_ORDER)
        order.cancel_client_id = client_id
        self._take_events()

    def settle(self, move: Print) -> None:
        """The market moves; orders in reach are served."""
        if self.kernel.settle(move):
            self._take_events()

    def take_reports(self) -> list[Report]:
        """What happened since the last time."""
        taken, self._reports = self._reports, []
        return taken

    # Events of the kernel

    def _take_events(self, asked: Order | None = None) -> int:
        """Books what the kernel told; gives the reason for which it refused what was just asked of an order."""
        refusal = Reason.NONE.value
        events = self.kernel.log("events", self._events_seen)
        self._events_seen += len(events)
        for event in events:
            if event["order"] < 0:
                self._take_forced(int(event["time"]))
                continue
            order = self._by_index[int(event["order"])]
            if order is asked and event["kind"] in (Event.REJECTED, Event.AMEND_REJECTED):
                refusal = int(event["reason"])
            else:
                self._take_event(order, event["kind"], int(event["time"]))
        if self.kernel.record["is_full"]:
            self.kernel.make_room()
        return refusal

    def _take_event(self, order: Order, kind: int, time: int) -> None:
        order.updated = self.updated = time
        execution, what = None, NEW
        if kind == Event.FILL:
            execution, what = self._fill(order, time), TRADE
        elif kind == Event.TRIGGERED:
            self._go_on(order, time)
            what = TRIGGERED
        elif kind == Event.ACCEPTED and not order.ticket.waits:
            order.working_time = time
        elif kind == Event.AMENDED:
            what = AMENDMENT
        elif kind == Event.AMEND_REJECTED:
            return
        elif kind in (Event.CANCELLED, Event.EXPIRED, Event.REJECTED):
            self._end(order, CANCELED if kind == Event.CANCELLED and not order.is_expiring else EXPIRED)
            what = order.status
        self._report(what, order, execution, time)

    def _report(self, what: str, order: Order, execution: Execution | None, time: int) -> None:
        self._reports.append(Report(what, order, execution, order.status, order.filled, order.money, time))

    def _go_on(self, order: Order, time: int) -> None:
        """An order was triggered."""
        order.working_time = time

    def _take_forced(self, time: int) -> None:
        """The exchange closed something by force, which it does of contracts alone."""
        raise NotImplementedError

    def _fill(self, order: Order, time: int) -> Execution:
        execution = self._next_execution(time)
        order.execute(execution)
        self.executions.append((order, execution))
        order.status = PARTIALLY_FILLED
        if self.kernel.is_filled(order.index):
            self._end(order, FILLED)
        return execution

    def _next_execution(self, time: int) -> Execution:
        """The next fill that the kernel wrote."""
        fill = self.kernel.log("fills", self._fills_seen)[0]
        self._fills_seen += 1
        return Execution(
            self._next_trade(),
            time,
            int(fill["ticks"]),
            int(fill["amount"]),
            int(fill["cost"]),
            int(fill["fee"]),
            bool(fill["fee_in_base"]),
            bool(fill["maker"]),
            self._realised(fill),
        )

    def _realised(self, fill: np.void) -> int:  # noqa: ARG002 - contracts tell it
        """Quote units that a fill has won, which spot does not tell."""
        return 0

    def _end(self, order: Order, status: str) -> None:
        order.status = status
        del self._by_index[order.index]
        self.open.pop(order.id, None)
