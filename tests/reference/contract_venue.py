"""Section 12: what differs at the venue for the orders of a contract, and its funding."""

from dataclasses import dataclass

from .account import Account
from .contracts import plus
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

    # Funds.

    def is_funded(self, order: Order) -> bool:
        """An order that can only reduce needs nothing, any other must leave nothing below 0."""
        holds = plus(self.ledger.holds(self.k, at_venue=True), order.is_buy, order.reserved)
        if self.ledger.is_covered(order, order.left, at_venue=True):
            return True
        return self.ledger.free_with(self.k, holds, at_venue=True) >= 0

    def is_amend_funded(self, order: Order, amount: int, reserve: int) -> bool:
        """The same of new terms, which need nothing either when no more is asked than with the old ones."""
        if self.ledger.is_covered(order, amount - order.filled, at_venue=True):
            return True
        old = self.ledger.holds(self.k, at_venue=True)
        new = plus(self.ledger.holds(self.k, at_venue=True, but=order), order.is_buy, reserve)
        if self.contract.asks(new) <= self.contract.asks(old):
            return True
        return self.ledger.free_with(self.k, new, at_venue=True) >= 0

    def accepted(self, order: Order) -> int:
        """What it held when it was asked for."""
        return order.reserved

    def can_pay(self, order: Order, n: int, cost: int, fee: int) -> bool:
        """Whether what opens has its margin, from what the order holds and what is free."""
        opens, its_cost = self.contract.opening(order.is_buy, n, cost)
        if opens == 0:
            return True
        contract, held = self.contract, order.reserved
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
        return self.contract.hold(amount - order.filled, price_ticks) if price_ticks else otherwise

    def reservation_after(self, order: Order, n: int, gone: int) -> int:
        """What is held for the rest after a fill of `n` units."""
        rest = ceil_div(order.reserved * order.left, order.left + n)
        return self.reservation(order, order.price_ticks, order.amount, rest)

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
