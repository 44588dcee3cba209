"""Section 11: what the limits of a run refuse, and the looks at equity that some of them need."""

from dataclasses import dataclass

from .account import Account
from .contracts import Contract
from .orders import Order
from .refusal import RefusedError
from .units import BILLION

DAY = 86_400_000


@dataclass(frozen=True)
class Limits:
    """What a run sets; None refuses nothing."""

    daily_loss: float | None = None
    max_drawdown: float | None = None
    cooldown: int = 1440  # minutes
    max_order_cost: float | None = None
    max_position_cost: float | None = None
    max_exposure: float | None = None
    price_collar: float | None = None
    max_open_orders: int | None = None
    orders_per_minute: int | None = None


@dataclass(frozen=True)
class Terms:
    """What an entry may still do: `left` units, or a quote budget. 0 ticks: it has no such price, or waits for none."""

    is_buy: bool
    left: int
    price_ticks: int
    stop_ticks: int
    budget: int | None


class Watch:
    """The limits of one run, what it sent, and what it lost."""

    def __init__(self, account: Account, limits: Limits) -> None:
        self.account, self.limits = account, limits
        self.sent: list[int] = []  # times of orders and amends
        self.refused: list[tuple[int, int, str]] = []  # time, order, limit
        self.day: int | None = None
        self.lost: int | None = None  # a day
        self.until: int | None = None
        self.day_equity = self.marked = self.peak = account.cash()

    # At asking.

    def check_order(self, order: Order, now: int) -> None:
        """A new order that obeys all other rules is sent, or refused."""
        if self._is_entry(order, order.amount):
            self._check(order, _present(order), now, is_new=True)
        self.sent.append(now)

    def check_amend(self, order: Order, price_ticks: int, stop_ticks: int, total: int, now: int) -> None:
        """New terms of an order that obey all other rules are sent, or refused."""
        before, k = _present(order), order.instrument
        stop = stop_ticks if order.waits else 0
        after = Terms(order.is_buy, total - order.filled, price_ticks, stop, order.budget)
        if self._is_entry(order, after.left) and (
            after.left > before.left or self._cost(k, after) > self._cost(k, before)
        ):
            self._check(order, after, now, is_new=False)
        self.sent.append(now)

    def _is_entry(self, order: Order, n: int) -> bool:
        """Whether `n` units of an order can make a position grow, all others of its side filled as well."""
        if self._contract(order.instrument) is None:
            return order.is_buy
        return not self.account.ledger.is_covered(order, n, at_venue=False)

    def _check(self, order: Order, terms: Terms, now: int, *, is_new: bool) -> None:
        for name in (
            "daily_loss", "max_drawdown", "max_order_cost", "max_position_cost", "max_exposure", "price_collar",
            "max_open_orders", "orders_per_minute",
        ):  # fmt: skip
            limit = getattr(self.limits, name)
            if limit is not None and getattr(self, f"_{name}")(limit, order, terms, now, is_new):
                self.refused.append((now, order.id, name))
                raise RefusedError("RISK_LIMIT")

    # The limits, each saying whether it is broken.

    def _daily_loss(self, _limit: float, _order: Order, _terms: Terms, now: int, _is_new: bool) -> bool:
        return self.lost == now // DAY

    def _max_drawdown(self, _limit: float, _order: Order, _terms: Terms, now: int, _is_new: bool) -> bool:
        return self.until is not None and now < self.until

    def _max_order_cost(self, limit: float, order: Order, terms: Terms, _now: int, _is_new: bool) -> bool:
        return self._exceeds(self._cost(order.instrument, terms), limit)

    def _max_position_cost(self, limit: float, order: Order, terms: Terms, _now: int, _is_new: bool) -> bool:
        k = order.instrument
        return self._exceeds(self._engaged(k, order, terms), limit)

    def _max_exposure(self, limit: float, order: Order, terms: Terms, _now: int, _is_new: bool) -> bool:
        return self._exceeds(sum(self._engaged(k, order, terms) for k in range(len(self.account.instruments))), limit)

    def _price_collar(self, limit: float, order: Order, terms: Terms, _now: int, _is_new: bool) -> bool:
        units, close = self.account.units[order.instrument], self.account.closes[order.instrument]
        prices = [units.price(ticks) for ticks in (terms.price_ticks, terms.stop_ticks) if ticks]
        return any(abs(price - close) > limit * close for price in prices)

    def _max_open_orders(self, limit: int, order: Order, _terms: Terms, _now: int, is_new: bool) -> bool:
        return is_new and len(self._others(order.instrument, order)) >= limit

    def _orders_per_minute(self, limit: int, _order: Order, _terms: Terms, now: int, _is_new: bool) -> bool:
        return sum(time > now - 60_000 for time in self.sent) >= limit

    # What they compare.

    def _exceeds(self, units: int, limit: float) -> bool:
        of_quote = self.account.units[0]
        most = limit * of_quote.qd / of_quote.qn
        return most < 2**63 and units > of_quote.quote_down(limit)

    def _cost(self, k: int, terms: Terms) -> int:
        units = self.account.units[k]
        if terms.budget is not None:
            return terms.budget if units.fee_in_base else terms.budget * BILLION // (BILLION + units.dearest)
        ticks = terms.price_ticks
        if not ticks:
            m = units.price(terms.stop_ticks) if terms.stop_ticks else self.account.closes[k]
            ticks = units.worst_ticks(terms.is_buy, m)
        return units.cost_up(terms.left, ticks)

    def _claim(self, k: int, terms: Terms) -> int:
        cost, units = self._cost(k, terms), self.account.units[k]
        if terms.budget is not None:
            return cost
        return max(cost, units.cost_up(terms.left, units.dear_ticks(self.account.closes[k])))

    def _engaged(self, k: int, judged: Order, terms: Terms) -> int:
        """What is held of an instrument, and what its orders may add, one of them on the terms that are judged."""
        units, close = self.account.units[k], self.account.closes[k]
        if close is None:
            return 0
        is_spot, claims = self._contract(k) is None, {True: 0, False: 0}  # of buys, of sells
        for order in self._others(k, judged):
            if not order.reduces and (order.is_buy or not is_spot):
                claims[order.is_buy] += self._largest_claim(k, order)
        if judged.instrument == k:
            claims[judged.is_buy] += self._claim(k, terms)
        base = self.account.base_units[k]
        if is_spot:
            return units.cost_up(base, units.ticks_up(close)) + claims[True]
        held = units.cost_up(abs(base), units.dear_ticks(close)) * (1 if base > 0 else -1)
        return max(abs(held + claims[True]), abs(held - claims[False]))

    def _largest_claim(self, k: int, order: Order) -> int:
        claim, new = self._claim(k, _present(order)), order.amendment
        if new is None:
            return claim
        left = max(new.amount - order.filled, 0)
        stop = new.stop_ticks if order.waits else 0
        return max(claim, self._claim(k, Terms(order.is_buy, left, new.price_ticks, stop, order.budget)))

    def _contract(self, k: int) -> Contract | None:
        return self.account.ledger.contracts.get(k)

    def _others(self, k: int, but: Order) -> list[Order]:
        """Orders of an instrument but one that are not done, nor about to be."""
        orders = self.account.ledger.live[k]
        return [order for order in orders if order.is_live and order is not but and order.cancel_due is None]

    # At closes.

    def look(self, now: int) -> bool:
        """Looks at the equity that is marked at a close; whether all buys are to be cancelled."""
        equity, before = self.account.equity(), self.marked
        self.marked = equity
        is_lost, is_stopped = self._look_at_day(now, equity, before), self._look_at_drawdown(now, equity)
        return is_lost or is_stopped

    def _look_at_day(self, now: int, equity: float, before: float) -> bool:
        day, limit = now // DAY, self.limits.daily_loss
        if self.day != day:
            self.day, self.day_equity = day, equity if now % DAY == 0 else before
        if limit is None or self.lost == day or self.day_equity - equity < limit:
            return False
        self.lost = day
        return True

    def _look_at_drawdown(self, now: int, equity: float) -> bool:
        if self.until is not None and self.until <= now:
            self.until, self.peak = None, equity
        self.peak = max(self.peak, equity)
        limit = self.limits.max_drawdown
        if limit is None or self.until is not None or self.peak - equity < limit * self.peak:
            return False
        self.until = now + 60_000 * self.limits.cooldown
        return True


def _present(order: Order) -> Terms:
    """What an entry may still do on the terms that it has."""
    stop = order.stop_ticks if order.waits else 0
    return Terms(order.is_buy, order.left, order.price_ticks, stop, order.budget)
