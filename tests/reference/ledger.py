"""Who owns what, what is reserved, and what happened, in order."""

from collections.abc import Iterable
from dataclasses import dataclass

from .orders import Fill, Order
from .units import Units


@dataclass(frozen=True)
class Saved:
    """A copy of what one instrument's walk can change."""

    cash: int
    base: int
    lengths: tuple[int, int, int]
    orders: list[dict]


class Ledger:
    """Balances in whole units, the orders, and the record of events."""

    def __init__(self, instruments: int, cash_units: int) -> None:
        """Starts with cash only."""
        self.cash_units = cash_units
        self.base_units = [0] * instruments
        self.orders: list[Order] = []
        self.live: list[list[Order]] = [[] for _ in range(instruments)]  # per instrument, in id order
        self.fills: list[Fill] = []
        self.events: list[tuple[int, str, int]] = []
        self.untold: list[Fill | Order] = []  # waits for on_fill and on_order_error

    # A buy holds quote, a sell holds base of its instrument.

    def balance(self, side: str, k: int) -> int:
        """What orders of this side draw on."""
        return self.cash_units if side == "buy" else self.base_units[k]

    def holders(self, side: str, k: int) -> list[Order]:
        """The orders that draw on the same balance."""
        if side == "buy":
            return [order for orders in self.live for order in orders if order.is_buy]
        return [order for order in self.live[k] if not order.is_buy]

    def reserved(self, side: str, k: int) -> int:
        """What all orders hold, the extras of their amends included."""
        return _together((order.key, order.reserved + order.extra) for order in self.holders(side, k))

    def free(self, side: str, k: int, key: int | None = None) -> int:
        """What may be asked for: what is held by an order whose cancel is on its way counts as returned.

        key: of an order or a group, for which its own is free, too.
        """
        kept = (order for order in self.holders(side, k) if order.cancel_due is None and order.key != key)
        return self.balance(side, k) - _together((order.key, order.reserved + order.extra) for order in kept)

    def at_venue(self, side: str, k: int, key: int | None = None) -> int:
        """What the venue finds free: it knows the reservations of accepted orders only. key: as of `free`."""
        known = (order for order in self.holders(side, k) if order.is_open and order.key != key)
        return self.balance(side, k) - _together((order.key, order.reserved) for order in known)

    def note(self, time: int, kind: str, order: int) -> None:
        """Records an event."""
        self.events.append((time, kind, order))

    def finish(self, order: Order, time: int, status: str, reason: str = "") -> None:
        """Ends an order. What the venue ended for a reason is told to the strategy."""
        order.status, order.reason, order.reserved, order.amendment = status, reason, 0, None
        order.after = None
        if status != "FILLED":
            self.note(time, status, order.id)
        if reason and reason != "LINKED":
            self.untold.append(order)

    def book(self, fill: Fill, side: str, units: Units) -> int:
        """Moves the money of a fill; gives what left the reserved balance: quote paid or base sold."""
        k = fill.instrument
        self.fills.append(fill)
        self.untold.append(fill)
        self.note(fill.time, "FILL", fill.order)
        if side == "sell":
            self.cash_units = units.fit(self.cash_units + fill.cost - fill.fee)
            self.base_units[k] -= fill.amount
            return fill.amount
        paid = fill.cost if fill.fee_in_base else fill.cost + fill.fee
        self.cash_units = units.fit(self.cash_units - paid)
        received = fill.amount - fill.fee if fill.fee_in_base else fill.amount
        self.base_units[k] = units.fit(self.base_units[k] + received)
        return paid

    def forget_done(self) -> None:
        """Drops orders that are done from the live lists."""
        for k, orders in enumerate(self.live):
            self.live[k] = [order for order in orders if order.is_live]

    def save(self, k: int) -> Saved:
        """A copy of all that a walk of instrument `k` can change."""
        lengths = len(self.fills), len(self.events), len(self.untold)
        orders = [dict(vars(order)) for order in self.live[k]]
        return Saved(self.cash_units, self.base_units[k], lengths, orders)

    def restore(self, k: int, saved: Saved) -> None:
        """Undoes everything since `save(k)`."""
        self.cash_units, self.base_units[k] = saved.cash, saved.base
        for happened, length in zip((self.fills, self.events, self.untold), saved.lengths, strict=True):
            del happened[length:]
        for order, fields in zip(self.live[k], saved.orders, strict=True):
            vars(order).update(fields)


def _together(reservations: Iterable[tuple[int, int]]) -> int:
    """The sum over all keys of the largest reservation of each."""
    largest: dict[int, int] = {}
    for key, units in reservations:
        largest[key] = max(largest.get(key, 0), units)
    return sum(largest.values())
