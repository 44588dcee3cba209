"""Who owns what, what is reserved, and what happened, in order."""

from dataclasses import dataclass

from .contracts import Contract, Holds, holds_of, left_of, together
from .orders import Fill, Order
from .units import Units


@dataclass(frozen=True)
class Saved:
    """A copy of what one instrument's walk can change."""

    cash: int
    base: int
    position: dict | None  # of a contract
    lengths: tuple[int, ...]
    positions: int
    orders: list[dict]


class Ledger:
    """Balances in whole units, the orders, and the record of events."""

    def __init__(self, instruments: int, cash_units: int, contracts: dict[int, Contract] | None = None) -> None:
        """Starts with cash only."""
        self.cash_units = cash_units
        self.contracts = contracts or {}
        self.base_units = [0] * instruments
        self.positions = [0] * instruments  # how many there were
        self.orders: list[Order] = []
        self.live: list[list[Order]] = [[] for _ in range(instruments)]  # per instrument, in id order
        self.fills: list[Fill] = []
        self.events: list[tuple[int, str, int]] = []
        self.fundings: list[tuple[int, int, int]] = []  # time, instrument, quote units paid
        self.untold: list[Fill | Order] = []  # waits for on_fill and on_order_error

    # A buy holds quote, a sell holds base of its instrument; orders of contracts ask margin.

    def balance(self, side: str, k: int) -> int:
        """What orders of this side draw on, all that is held included; of base its sign."""
        return self.wallet if side == "buy" else self.base_units[k]

    def holders(self, side: str, k: int) -> list[Order]:
        """The orders that draw on the same balance."""
        if side == "buy":
            spot = (orders for k, orders in enumerate(self.live) if k not in self.contracts)
            return [order for orders in spot for order in orders if order.is_buy]
        return [order for order in self.live[k] if not order.is_buy and k not in self.contracts]

    def reserved(self, side: str, k: int) -> int:
        """What all orders hold, the extras of their amends included."""
        return together((order.key, order.reserved + order.extra) for order in self.holders(side, k))

    def free(self, side: str, k: int, key: int | None = None) -> int:
        """What may be asked for: what is held by an order whose cancel is on its way counts as returned.

        key: of an order or a group, for which its own is free, too.
        """
        kept = (order for order in self.holders(side, k) if order.cancel_due is None and order.key != key)
        held = together((order.key, order.reserved + order.extra) for order in kept)
        return self.balance(side, k) - held - (self.engaged(at_venue=False) if side == "buy" else 0)

    def at_venue(self, side: str, k: int, key: int | None = None) -> int:
        """What the venue finds free: it knows the reservations of accepted orders only. key: as of `free`."""
        known = (order for order in self.holders(side, k) if order.is_open and order.key != key)
        held = together((order.key, order.reserved) for order in known)
        return self.balance(side, k) - held - (self.engaged(at_venue=True) if side == "buy" else 0)

    # Contracts.

    @property
    def wallet(self) -> int:
        """Cash, and what all contracts have cost."""
        entries = (-one.entry if one.units.is_inverse else one.entry for one in self.contracts.values())
        return self.cash_units + sum(entries)

    @property
    def own(self) -> int:
        """The wallet without the margin of isolated positions."""
        return self.wallet - sum(contract.kept for contract in self.contracts.values())

    def holds(self, k: int, *, at_venue: bool, new: tuple[Order, int] | None = None) -> Holds:
        """What the buys and the sells of a contract hold. new: an order, and what it is to hold."""
        return holds_of(self.live[k], at_venue=at_venue, new=new)

    def is_covered(self, order: Order, n: int, *, at_venue: bool) -> bool:
        """Whether `n` units of an order of a contract can only reduce its position."""
        k = order.instrument
        left = left_of(self.live[k], order, n, at_venue=at_venue)
        return order.reduces or left <= self.contracts[k].room(order.is_buy)

    def admits(self, order: Order, n: int, hold: int, *, at_venue: bool) -> bool:
        """Whether there is margin for an order of a contract that is for `n` units more and holds so much."""
        k, contract = order.instrument, self.contracts[order.instrument]
        old, new = self.holds(k, at_venue=at_venue), self.holds(k, at_venue=at_venue, new=(order, hold))
        if self.is_covered(order, n, at_venue=at_venue) or contract.asks(new) <= contract.asks(old):
            return True
        return self.free_with(k, new, at_venue=at_venue) >= 0

    def engaged(self, *, at_venue: bool) -> int:
        """What contracts keep and ask, less the gains of cross ones."""
        total = 0
        for k, contract in self.contracts.items():
            total += contract.kept + contract.asks(self.holds(k, at_venue=at_venue))
            if contract.is_cross and contract.base:
                total -= contract.gain(contract.mark)
        return total

    def free_with(self, k: int, holds: Holds, *, at_venue: bool) -> int:
        """What is free when the orders of contract `k` hold so much instead of what they do."""
        contract = self.contracts[k]
        free = self.at_venue("buy", k) if at_venue else self.free("buy", k)
        return free + contract.asks(self.holds(k, at_venue=at_venue)) - contract.asks(holds)

    def pay_funding(self, time: int, k: int, paid: int) -> None:
        """Takes funding off cash, and off the margin of an isolated position."""
        contract = self.contracts[k]
        self.cash_units -= paid
        if contract.base and not contract.is_cross:
            contract.kept -= paid
        self.fundings.append((time, k, paid))

    def note(self, time: int, kind: str, order: int) -> None:
        """Records an event."""
        self.events.append((time, kind, order))

    def finish(self, order: Order, time: int, status: str, reason: str = "") -> None:
        """Ends an order. What the venue ended for a reason is told to the strategy."""
        order.status, order.reason, order.reserved, order.amendment = status, reason, 0, None
        order.after = None
        if status != "FILLED":
            self.note(time, status, order.id)
        if reason not in ("", "LINKED", "NO_POSITION"):
            self.untold.append(order)

    def book(self, fill: Fill, units: Units) -> int:
        """Moves the money of a fill; gives what left the reserved balance: quote paid or base sold."""
        k = fill.instrument
        before, had = self.base_units[k], self._is_position(k, units)
        gone = self._book(fill, units)
        if self._is_position(k, units) and (not had or (before < 0) != (self.base_units[k] < 0)):
            self.positions[k] += 1
        return gone

    def _is_position(self, k: int, units: Units) -> bool:
        whole = units.step(abs(self.base_units[k]))
        return whole > 0 and whole >= units.least

    def _book(self, fill: Fill, units: Units) -> int:
        k = fill.instrument
        if k in self.contracts:
            liquidates = fill.order < 0 and fill.tag == "liquidation"
            book = self.contracts[k].book_liquidation if liquidates else self.contracts[k].book
            book(fill)
        self.fills.append(fill)
        self.untold.append(fill)
        self.note(fill.time, "FILL", fill.order)
        if units.is_inverse:
            self.base_units[k] = units.fit(self.base_units[k] + (fill.amount if fill.is_buy else -fill.amount))
            self.cash_units = units.fit(self.cash_units + (fill.cost if fill.is_buy else -fill.cost) - fill.fee)
            return 0
        if not fill.is_buy:
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
        lengths = tuple(len(happened) for happened in self._records())
        orders = [dict(vars(order)) for order in self.live[k]]
        position = dict(vars(self.contracts[k])) if k in self.contracts else None
        return Saved(self.cash_units, self.base_units[k], position, lengths, self.positions[k], orders)

    def restore(self, k: int, saved: Saved) -> None:
        """Undoes everything since `save(k)`."""
        self.cash_units, self.base_units[k] = saved.cash, saved.base
        self.positions[k] = saved.positions
        if saved.position is not None:
            vars(self.contracts[k]).update(saved.position)
        for happened, length in zip(self._records(), saved.lengths, strict=True):
            del happened[length:]
        for order, fields in zip(self.live[k], saved.orders, strict=True):
            vars(order).update(fields)

    def _records(self) -> tuple[list, ...]:
        return self.fills, self.events, self.untold, self.fundings
