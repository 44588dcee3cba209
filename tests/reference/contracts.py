"""Sections 12 and 20: the books of a contract, and what its orders and its position ask."""

from collections.abc import Iterable

from .margin import Tiers, maintenance_units, pnl_units
from .model import Instrument
from .orders import Fill, Order
from .units import Units, ceil_div

Holds = tuple[int, int]
"""What buys and what sells hold."""


def hundredths(leverage: float) -> int:
    """A leverage as it counts."""
    return int(leverage * 100 + 0.5)


class Contract:
    """One position: `base` with its sign, what it has cost, and its margin. All in whole units."""

    def __init__(self, instrument: Instrument, units: Units) -> None:
        """No position yet."""
        self.units = units
        self.tiers = Tiers(instrument.tiers)
        self.is_cross = instrument.margin_mode == "cross"
        self.hedge, self.twin = instrument.hedge, instrument.twin
        self.leverage = hundredths(instrument.leverage)
        self.liquidation_fee = round(instrument.liquidation_fee * 1e9)
        self.base = 0
        self.entry = 0  # with the sign of base
        self.kept = 0  # of an isolated position
        self.mark: float | None = None  # last settled

    # The books.

    def margin(self, x: int) -> int:
        """What a notional of `x` units asks."""
        return self.units.fit(ceil_div(x * 100, self.leverage))

    def opening(self, is_buy: bool, n: int, cost: int) -> tuple[int, int]:
        """Units of a fill that open, and their part of the cost."""
        r, reducing = self._reducing(is_buy, n, cost)
        return n - r, cost - reducing

    def closed(self, r: int) -> int:
        """What `r` units of the position have cost, unsigned."""
        return abs(self.entry) * r // abs(self.base)

    def book(self, fill: Fill) -> None:
        """What is against the position reduces it, the rest opens."""
        sign, n, cost = (1 if fill.is_buy else -1), fill.amount, fill.cost
        r, reducing = self._reducing(fill.is_buy, n, cost)
        if r:
            self.kept -= self.kept * r // abs(self.base)
            self.entry += sign * self.closed(r)
        if n > r:
            self.entry = self.units.fit(self.entry + sign * (cost - reducing))
            self.kept += 0 if self.is_cross else self.margin(cost - reducing)
        self.base = self.units.fit(self.base + sign * n)

    def realised(self, n: int, cost: int) -> int:
        """What closing `n` units of the position for a cost realises."""
        is_paid = not self.units.pays(self.base < 0)
        return cost - self.closed(n) if is_paid else self.closed(n) - cost

    def book_liquidation(self, fill: Fill) -> None:
        """What it realises and its fee go off the margin, which is freed when nothing is left of the position."""
        sign, n = (1 if fill.is_buy else -1), fill.amount
        if not self.is_cross:
            self.kept += self.realised(n, fill.cost) - fill.fee
        self.entry += sign * self.closed(n)
        self.base += sign * n
        if self.base == 0:
            self.kept = 0

    def _reducing(self, is_buy: bool, n: int, cost: int) -> tuple[int, int]:
        """Units of a fill that reduce the position, and their part of the cost."""
        is_against = self.base < 0 if is_buy else self.base > 0
        r = min(n, abs(self.base)) if is_against else 0
        return r, cost * r // n

    # What is asked.

    def worth(self) -> int:
        """The position at the mark, with its sign."""
        if self.base == 0:
            return 0
        worth = self.units.cost_up(abs(self.base), self.units.dear_ticks(self.mark))
        return worth if self.base > 0 else -worth

    def gain(self, mark: float) -> int:
        """What the position gains at a mark."""
        return pnl_units(self.units, self.base, self.entry, mark)

    def maintenance(self, mark: float) -> int:
        """What the position must keep at a mark."""
        return maintenance_units(self.units, self.tiers, self.base, mark)

    def engages(self, holds: Holds) -> int:
        """The largest notional that there is, or that orders can lead to."""
        p = self.worth()
        return max(abs(p + holds[0]), abs(p - holds[1]), abs(p))

    def asks(self, holds: Holds) -> int:
        """Margin and fees for the position, where it is cross, and the orders."""
        asked = self.margin(self.engages(holds)) + self.units.fee(sum(holds), self.units.dearest)
        return asked if self.is_cross else asked - self.margin(abs(self.worth()))

    def room(self, is_buy: bool) -> int:
        """Units of the position that a side reduces."""
        return max(-self.base, 0) if is_buy else max(self.base, 0)

    # What orders hold.

    def hold(self, n: int, ticks: int) -> int:
        """What `n` units at `ticks` hold."""
        return self.units.cost_up(n, ticks)

    def hold_ticks(self, is_buy: bool, price_ticks: int, stop_ticks: int, close: float) -> int:
        """The ticks at which an order holds: its limit, else about the trigger's price or the close."""
        if price_ticks:
            return price_ticks
        m = self.units.price(stop_ticks) if stop_ticks else close
        return self.units.worst_ticks(is_buy, m)

    def largest(self, budget: int, ticks: int) -> int:
        """The largest whole steps whose margin and fee, held at `ticks`, are within a budget."""
        units, step = self.units, self.units.step_units
        of_one = units.j / ticks if units.is_inverse else ticks * units.k
        low, high = 0, max(budget, 0) * self.leverage // (100 * step * of_one)
        while low < high:
            middle = (low + high + 1) // 2
            hold = self.hold(middle * step, ticks)
            if self.margin(hold) + units.fee(hold, units.dearest) <= budget:
                low = middle
            else:
                high = middle - 1
        return units.fit(low * step)


def together(keyed: Iterable[tuple[int, int]]) -> int:
    """The sum over all keys of the largest number of each: a group counts once."""
    largest: dict[int, int] = {}
    for key, units in keyed:
        largest[key] = max(largest.get(key, 0), units)
    return sum(largest.values())


def counted(orders: list[Order], *, at_venue: bool, but: Order | None = None) -> list[Order]:
    """The venue knows accepted orders; who asks counts those whose cancel is on its way as gone."""
    known = [order for order in orders if order is not but]
    if at_venue:
        return [order for order in known if order.is_open]
    return [order for order in known if order.is_live and order.cancel_due is None]


def holds_of(orders: list[Order], *, at_venue: bool, new: tuple[Order, int] | None = None) -> Holds:
    """What buys and sells hold. new: an order, there already or not, and what it is to hold instead."""
    judged, hold = new or (None, 0)
    held: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for order in counted(orders, at_venue=at_venue, but=judged):
        held[order.is_buy].append((order.key, order.reserved + (0 if at_venue else order.extra)))
    if judged is not None:
        held[judged.is_buy].append((judged.key, hold))
    return together(held[True]), together(held[False])


def left_of(orders: list[Order], judged: Order, n: int, *, at_venue: bool) -> int:
    """What is left of a side's orders, `n` of the judged one; when asking, of an amend the larger of both amounts."""
    left = [(judged.key, n)]
    for order in counted(orders, at_venue=at_venue, but=judged):
        if order.is_buy == judged.is_buy:
            amended = order.amendment.amount - order.filled if order.amendment and not at_venue else 0
            left.append((order.key, max(order.left, amended)))
    return together(left)
