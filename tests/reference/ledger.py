"""Who owns what, what is reserved, and what happened, in order."""

from dataclasses import dataclass

from .orders import Fill, Order
from .units import Units


@dataclass(frozen=True)
class Saved:
    """A copy of what one instrument's walk can change."""

    cash: int
    reserved_quote: int
    base: int
    reserved_base: int
    lengths: tuple[int, int, int]
    orders: list[dict]


class Ledger:
    """Balances in whole units, the orders, and the record of events."""

    def __init__(self, instruments: int, cash_units: int) -> None:
        """Starts with cash only."""
        self.cash_units = cash_units
        self.reserved_quote = 0
        self.base_units = [0] * instruments
        self.reserved_base = [0] * instruments
        self.orders: list[Order] = []
        self.live: list[list[Order]] = [[] for _ in range(instruments)]  # per instrument, in id order
        self.fills: list[Fill] = []
        self.events: list[tuple[int, str, int]] = []
        self.untold: list[Fill | Order] = []  # waits for on_fill and on_order_error

    @property
    def free_cash(self) -> int:
        """Quote units that no order holds."""
        return self.cash_units - self.reserved_quote

    def free_base(self, k: int) -> int:
        """Base units of instrument `k` that no order holds."""
        return self.base_units[k] - self.reserved_base[k]

    def reserve(self, order: Order, units: int) -> None:
        """Holds exactly `units` for the order: quote for a buy, base for a sell."""
        if order.is_buy:
            self.reserved_quote += units - order.reserved
        else:
            self.reserved_base[order.instrument] += units - order.reserved
        order.reserved = units

    def note(self, time: int, kind: str, order: int) -> None:
        """Records an event."""
        self.events.append((time, kind, order))

    def finish(self, order: Order, time: int, status: str, reason: str = "") -> None:
        """Ends an order. What the venue ended for a reason is told to the strategy."""
        self.reserve(order, 0)
        order.status, order.reason, order.amendment = status, reason, None
        if status != "FILLED":
            self.note(time, status, order.id)
        if reason:
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
        return Saved(self.cash_units, self.reserved_quote, self.base_units[k], self.reserved_base[k], lengths, orders)

    def restore(self, k: int, saved: Saved) -> None:
        """Undoes everything since `save(k)`."""
        self.cash_units, self.reserved_quote = saved.cash, saved.reserved_quote
        self.base_units[k], self.reserved_base[k] = saved.base, saved.reserved_base
        for happened, length in zip((self.fills, self.events, self.untold), saved.lengths, strict=True):
            del happened[length:]
        for order, fields in zip(self.live[k], saved.orders, strict=True):
            vars(order).update(fields)
