"""Section 12: what differs at the venue for the orders of a contract, and its funding."""

from dataclasses import dataclass

from .account import Account
from .margin import funding_units
from .market import Candle
from .orders import Order
from .units import ceil_div
from .venue import Venue

FUNDING = -1  # comes before what happens to orders at the same time


@dataclass(frozen=True)
class Rate:
    """A rate of funding that is due."""

    rate: float
    is_live: bool = True  # whatever happened before


class ContractVenue(Venue):
    """One contract during one candle, and the candle of its mark; without one, the mark is the price."""

    def __init__(self, account: Account, k: int, candle: Candle) -> None:
        """Opens the candle."""
        super().__init__(account, k, candle)
        self.contract = self.ledger.contracts[k]
        self.mark_candle = self.market.marks.get(candle.time, candle)
        self.mark = self.mark_candle.open
        self.at_open, self.inside = self.market.rates(candle)
        self.peers: dict[int, ContractVenue] = {k: self}  # all contracts with a candle in this step
        self.spared = (-1, 0.0)  # leg of the path on which the other twin ended, and its share of it

    # Funds.

    def is_funded(self, order: Order) -> bool:
        """An order that can only reduce needs nothing, nor does one with which no more is asked."""
        return self.ledger.admits(order, order.left, order.reserved, at_venue=True)

    def is_amend_funded(self, order: Order, amount: int, reserve: int) -> bool:
        """The same of new terms."""
        return self.ledger.admits(order, amount - order.filled, reserve, at_venue=True)

    def accepted(self, order: Order) -> int:
        """What it held when it was asked for."""
        return order.reserved

    def can_pay(self, order: Order, n: int, cost: int, fee: int) -> bool:
        """Whether what opens has its margin, from what the order holds and what is free."""
        opens, its_cost = self.contract.opening(order.is_buy, n, cost)
        if opens == 0:
            return True
        contract = self.contract
        held = max(o.reserved for o in [order, *self.others(order)] if o is order or o.is_open)
        there = contract.margin(held) + self.units.fee(held, self.units.dearest)
        return contract.margin(its_cost) + fee <= there + max(self.ledger.at_venue("buy", self.k), 0)

    # The books.

    def bill(self, order: Order, n: int, ticks: int, rate: int) -> tuple[int, int]:
        """Cost and fee of a fill; those of one who pays at a limit add up to no more than that of
        the whole.
        """
        units, limit = self.units, order.price_ticks
        cost = units.cost_up(n, ticks) if units.pays(order.is_buy) else units.cost_down(n, ticks)
        if units.pays(order.is_buy) and limit:
            cost = min(cost, units.cost_up(order.left, limit) - units.cost_up(order.left - n, limit))
        return cost, units.fee(cost, rate)

    def reservation(self, order: Order, price_ticks: int, amount: int, otherwise: int) -> int:
        """What is to be held for `amount` less what is filled; `otherwise` for an order without a limit."""
        if order.reduces:
            return 0
        return self.contract.hold(amount - order.filled, price_ticks) if price_ticks else otherwise

    def reservation_after(self, order: Order, n: int, gone: int) -> int:
        """What is held for the rest after a fill of `n` units."""
        rest = self.part_of_hold(order, order.left, order.left + n)
        return self.reservation(order, order.price_ticks, order.amount, rest)

    def part_of_hold(self, order: Order, after: int, before: int) -> int:
        """What is held of what was, for so many of the units."""
        return ceil_div(order.reserved * after, before)

    def estimate(self, order: Order, n: int, price: float) -> int:
        """What an order without a limit that is armed at `price` holds."""
        if order.reduces:
            return 0
        return self.contract.hold(n, self.contract.hold_ticks(order.is_buy, 0, order.stop_ticks, price))

    # Reduce-only.

    def refusal(self, order: Order, price_ticks: int, stop_ticks: int, price: float) -> str:
        """What may only reduce needs a position that it is against."""
        if order.reduces and not self.contract.room(order.is_buy):
            return "REDUCE_ONLY_WOULD_INCREASE"
        return super().refusal(order, price_ticks, stop_ticks, price)

    def is_triggered(self, order: Order, stop_ticks: int, price: float) -> bool:
        """Whether a print at `price`, or the mark there, reaches the trigger."""
        return super().is_triggered(order, stop_ticks, self.mark if order.by_mark else price)

    def take_all(self, order: Order) -> None:
        """A closing order that is triggered is for all that is held, from then on."""
        if order.closes:
            order.closes = False
            order.amount = order.filled + self.contract.room(order.is_buy)

    def fit(self, order: Order) -> None:
        """Cuts what may only reduce to what is held."""
        if order.reduces:
            order.amount = min(order.amount, order.filled + self.contract.room(order.is_buy))

    def fill(self, order: Order, n: int, ticks: int, liquidity: str, is_all: bool) -> None:
        """After each fill, what may only reduce is cut, or has expired."""
        super().fill(order, n, ticks, liquidity, is_all)
        for other in self.open_orders():
            if other.reduces and not self.contract.room(other.is_buy):
                self.finish(other, "EXPIRED", "NO_POSITION")
            else:
                self.fit(other)

    # Funding.

    def happen(self, kind: int, order, price: float, share: float) -> None:
        """Something that was due; of funding, a rate stands in the order's place."""
        if kind == FUNDING:
            self.pay(self.funding(self.contract.base, self.mark, order.rate))
        else:
            super().happen(kind, order, price, share)

    def funding(self, base: int, mark: float, rate: float) -> int:
        """What a position pays."""
        return funding_units(self.units, base, mark, rate)

    def pay(self, paid: int) -> None:
        """Funding goes now."""
        if paid:
            self.ledger.pay_funding(self.moment, self.k, paid)

    def pay_at_open(self, before: int) -> None:
        """After phase Open: paid on the larger, received on the smaller of two positions."""
        self.moment = self.candle.time
        for _, rate in self.at_open:
            self.pay(max(self.funding(base, self.mark_candle.open, rate) for base in (before, self.contract.base)))
