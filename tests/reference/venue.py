"""Section 4: what happens to the orders of one instrument in one execution candle."""

import math
from dataclasses import replace

from .account import Account
from .market import Candle
from .orders import Fill, Order
from .rules import trailed

ARRIVAL, EXPIRY, AMEND, CANCEL = range(4)  # the order of one order's things that are due at one time


class Venue:
    """One instrument during one candle. `price` is where the market is, `share` how much of the candle has passed.

    `moment` is the time at which what happens now happens.
    """

    def __init__(self, account: Account, k: int, candle: Candle) -> None:
        """Opens the candle: its budget is whole, nothing has happened."""
        self.account, self.ledger, self.model = account, account.ledger, account.model
        self.k, self.candle, self.moment = k, candle, candle.time
        self.market, self.units = account.markets[k], account.units[k]
        self.estimates = self.market.estimates(candle)
        self.limited = self.model.participation is not None and self.market.has_volume
        self.volume = self.units.traded(candle.volume, candle.low) * self.market.instrument.share
        self.budget = self.units.fit(math.floor(self.volume * self.units.bd / self.units.bn) if self.limited else 0)
        self.met: set[int] = set()  # orders that traded or tried to: once a candle
        self.fill_count = 0

    # The orders at hand.

    def open_orders(self) -> list[Order]:
        """Orders that have arrived and are not done, in id order."""
        return [order for order in self.ledger.live[self.k] if order.is_open]

    def due(self) -> list[tuple[int, int, int, Order]]:
        """All that is on its way: (due time, id, kind, order), in the order in which it happens."""
        things = []
        for order in self.ledger.live[self.k]:
            if order.status == "PENDING" and not order.has_reached:
                things.append((order.arrives, order.id, ARRIVAL, order))
            if order.is_live and order.expire is not None:
                things.append((order.expire, order.id, EXPIRY, order))
            if order.is_live and order.amendment is not None:
                things.append((order.amendment.due, order.id, AMEND, order))
            if order.is_live and order.cancel_due is not None:
                things.append((order.cancel_due, order.id, CANCEL, order))
        return sorted(things, key=lambda thing: thing[:3])

    # What can happen.

    def happen(self, kind: int, order: Order, price: float, share: float) -> None:
        """Something that was due: an arrival, an expiry, an amend or a cancel."""
        if not order.is_live:
            return
        if kind == ARRIVAL and order.after is not None:
            order.has_reached = True
        elif kind == ARRIVAL:
            self.arrive(order, price, share)
        elif kind == EXPIRY:
            self.finish(order, "EXPIRED", "GTD_EXPIRED")
        elif kind == AMEND:
            self.amend(order, price, share)
        else:
            self.finish(order, "CANCELLED")

    def arrive(self, order: Order, price: float, share: float | None) -> None:
        """The order reaches the venue while the market is at `price`. share: None for one that was armed there."""
        reason = self.refusal(order, order.price_ticks, order.stop_ticks, price)
        if share is None and reason == "STOP_WOULD_TRIGGER":
            reason = ""
        if not reason:
            self.fit(order)
        if not reason and not self.is_funded(order):
            reason = "INSUFFICIENT_FUNDS"
        if reason:
            self.finish(order, "REJECTED", reason)
            return
        order.reserved = self.accepted(order)
        order.status = "OPEN"
        self.note("ACCEPTED", order)
        self.trade_at_once(order, price, share)
        if order.is_live and order.tif in ("IOC", "FOK"):
            self.finish(order, "EXPIRED", f"{order.tif}_UNFILLED")

    def refusal(self, order: Order, price_ticks: int, stop_ticks: int, price: float) -> str:
        """Why these terms cannot arrive at `price`; empty when they can."""
        if order.is_trailing:
            return ""
        if order.waits:
            return "STOP_WOULD_TRIGGER" if self.is_triggered(order, stop_ticks, price) else ""
        if order.post_only and self.crosses(order.is_buy, price_ticks, price):
            return "POST_ONLY_WOULD_TAKE"
        return ""

    def trade_at_once(self, order: Order, price: float, share: float | None) -> None:
        """What an order that arrives now, for the first time or anew, can have at once."""
        if order.waits:
            self.see(order, price)
            if share is None and not order.is_trailing and self.is_triggered(order, order.stop_ticks, price):
                self.trigger(order, price)
            return
        if order.id in self.met:
            return
        if not order.is_limit:
            self.take(order, price if share is None else self.moved_open(order.is_buy, share))
        elif self.crosses(order.is_buy, order.price_ticks, price):
            self.take(order, price)

    def amend(self, order: Order, price: float, share: float) -> None:
        """New terms reach the venue; they are as an order that arrives, or they change nothing."""
        new, order.amendment = order.amendment, None  # its extra is returned
        new = replace(new, amount=new.amount - (order.cut - new.cut))
        if order.is_held_back:
            order.price_ticks, order.stop_ticks = new.price_ticks, new.stop_ticks
            self.note("AMENDED", order)
            return
        triggered_meanwhile = order.is_market or (order.triggered and new.stop_ticks != order.stop_ticks)
        if not (triggered_meanwhile or order.budget is not None or order.closes) and new.amount <= order.filled:
            self.finish(order, "CANCELLED")
            return
        otherwise = order.reserved if new.reserve is None else new.reserve
        reserve = self.reservation(order, new.price_ticks, new.amount, otherwise)
        reason = self.refusal(order, new.price_ticks, new.stop_ticks, price)
        if triggered_meanwhile:
            reason = "INVALID_ORDER"
        if not reason and not self.is_amend_funded(order, new.amount, reserve):
            reason = "INSUFFICIENT_FUNDS"
        is_put_back = triggered_meanwhile or (order.waits and order.kind != "take" and self.is_against(order))
        if reason and self.market.instrument.amend == "replace" and not is_put_back:
            self.finish(order, "CANCELLED", reason)
            return
        if reason:
            order.amend_reason = reason
            self.note("AMEND_REJECTED", order)
            self.ledger.untold.append(order)
            return
        order.price_ticks, order.amount = new.price_ticks, new.amount
        if not order.is_trailing:  # that may have moved since
            order.stop_ticks = new.stop_ticks
        order.reserved = reserve
        self.fit(order)
        self.note("AMENDED", order)
        self.trade_at_once(order, price, share)

    def is_against(self, order: Order) -> bool:
        """Whether it can reduce what is held."""
        base = self.ledger.base_units[self.k]
        return base < 0 if order.is_buy else base > 0

    def take_all(self, order: Order) -> None:
        """Of contracts only: a closing order that is triggered is for all that is held."""

    def fit(self, order: Order) -> None:
        """Of contracts only: what may only reduce is for no more than is held."""

    def see(self, order: Order, price: float) -> None:
        """A trailing stop sees a price: it begins to follow, or its trigger moves; others do not care."""
        if not order.is_trailing:
            return
        if order.best is None:
            activation = self.units.price(order.activation_ticks)
            is_active = price <= activation if order.is_buy else price >= activation
            if order.activation_ticks and not is_active:
                return
            order.best = price
        order.best = min(order.best, price) if order.is_buy else max(order.best, price)
        order.stop_ticks = max(trailed(self.units, order, order.best), 1)

    def trigger(self, order: Order, price: float) -> None:
        """An order's trigger was reached by the print at `price`."""
        order.triggered = True
        self.note("TRIGGERED", order)
        self.end_others(order)
        self.take_all(order)
        slip = 0.0 if order.kind == "take" else self.stop_slip()
        if not order.is_limit or self.crosses(order.is_buy, order.price_ticks, price):
            self.take(order, price, slip)

    def take(self, order: Order, r: float, slip: float = 0.0) -> None:
        """A taker's fill from the price `r`."""
        self.met.add(order.id)
        units, half = self.units, self.half(r)
        wanted = order.left
        if order.budget is not None:
            wanted = units.affordable(order.budget, self.adverse_ticks(order.is_buy, r, half))
            if wanted == 0:
                self.cannot_afford_a_step(order)
                return
        if order.tif == "FOK" and self.limited and wanted > self.budget:
            return
        n = min(wanted, units.step(self.budget)) if self.limited else wanted
        if n <= 0:
            return
        slippage = self.account.draws[self.k].slippage.draw()
        ticks = self.adverse_ticks(order.is_buy, r, half + self.impact(r, n) + (slip + r * slippage))
        if order.is_limit:
            ticks = min(ticks, order.price_ticks) if order.is_buy else max(ticks, order.price_ticks)
        is_all = n == order.left
        if order.budget is not None:
            affordable = units.affordable(order.budget, ticks)
            n = min(n, affordable)
            if n == 0:
                self.cannot_afford_a_step(order)
                return
            is_all = n == affordable
        if not self.can_pay(order, n, *self.bill(order, n, ticks, units.taker)):
            self.finish(order, "CANCELLED" if order.filled else "REJECTED", "INSUFFICIENT_FUNDS")
            return
        self.fill(order, n, ticks, "taker", is_all)

    def make(self, order: Order) -> None:
        """A resting limit is reached."""
        self.met.add(order.id)
        n = order.left
        if self.limited:
            n = min(n, self.units.step(self.budget), self.units.step(self.maker_cap(order)))
        if n > 0:
            self.fill(order, n, order.price_ticks, "maker", n == order.left)

    # Prices of the market.

    def is_triggered(self, order: Order, stop_ticks: int, price: float) -> bool:
        """Whether a print at `price` reaches the trigger."""
        trigger = self.units.price(stop_ticks)
        return price >= trigger if order.triggers_rising else price <= trigger

    def hit(self, order: Order) -> float:
        """The price the market must reach for a resting limit to fill."""
        beyond = 0 if self.model.limit_fill == "touch" else 1
        return self.units.price(order.price_ticks - beyond if order.is_buy else order.price_ticks + beyond)

    def crosses(self, is_buy: bool, limit: int, price: float) -> bool:
        """Whether a limit would take from a market at `price`."""
        ticks = self.adverse_ticks(is_buy, price, self.half(price))
        return limit >= ticks if is_buy else limit <= ticks

    def adverse_ticks(self, is_buy: bool, price: float, worse: float) -> int:
        """The tick of a price that is `worse` for the taker, rounded against him."""
        if is_buy:
            return self.units.ticks_up(price + worse)
        return max(self.units.ticks_down(price - worse), 1)

    def half(self, r: float) -> float:
        """Half the spread at `r`."""
        spread, half_tick = self.model.spread, 0.5 * self.market.instrument.price_step
        if spread is None:
            return 0.0
        if spread == "estimated":
            return max(half_tick, 0.5 * self.estimates.spread * r, 0.0001 * r)
        return max(half_tick, 0.5 * spread * r)

    def stop_slip(self) -> float:
        """By how much worse a stop trades in the print that triggers it."""
        return self.model.stop_slippage * (self.candle.high - self.candle.low)

    def impact(self, r: float, n: int) -> float:
        """How far a taker's `n` units move the price."""
        scale, v, w = self.model.impact, self.estimates.volatility, self.estimates.volume
        if scale is None or not self.market.has_volume or w == 0:
            return 0.0
        amount = self.units.worth(n, r) if self.units.is_inverse else self.units.amount(n)
        root = math.sqrt(amount / w)
        return r * v * root if scale == "square_root" else scale * r * v * root

    def moved_open(self, is_buy: bool, share: float) -> float:
        """The open and the adverse move of a market that a market order finds after `share` of the candle."""
        c = self.candle
        move = 0.5 * (c.high - c.low) * math.sqrt(share)
        return min(c.open + move, c.high) if is_buy else max(c.open - move, c.low)

    def maker_cap(self, order: Order) -> int:
        """Our part of the volume that traded at the limit or beyond."""
        units, c = self.units, self.candle
        low, high = units.ticks_near(c.low), units.ticks_near(c.high)
        ticks, limit = high - low + 1, order.price_ticks
        beyond = min(limit, high) - low + 1 if order.is_buy else high - max(limit, low) + 1
        return units.fit(math.floor(self.model.participation * self.volume * beyond / ticks * units.bd / units.bn))

    # What is counted.

    def has_order_in_reach(self) -> bool:
        """Whether the candle has a price at or beyond a limit or a trigger that is waited for."""
        return any(order.is_live and self.is_in_reach(order) for order in self.ledger.live[self.k])

    def is_in_reach(self, order: Order) -> bool:
        """Whether the candle has a price at or beyond the trigger that the order waits for, else its limit."""
        if order.is_market or (order.waits and (order.by_mark or not order.can_trigger)):
            return False
        price = self.units.price(order.stop_ticks if order.waits else order.price_ticks)
        rises = order.triggers_rising if order.waits else not order.is_buy
        return self.candle.high >= price if rises else self.candle.low <= price

    def touched(self) -> int:
        """How many limits rest after a candle that reached them, but not as far as they need to fill."""
        limits = [order for order in self.open_orders() if order.is_limit and not order.waits]
        return sum(self.is_in_reach(order) and not self.is_hit(order) for order in limits)

    def is_hit(self, order: Order) -> bool:
        """Whether the candle's range reached what fills the limit."""
        hit = self.hit(order)
        return self.candle.low <= hit if order.is_buy else self.candle.high >= hit

    # Funds.

    def is_funded(self, order: Order) -> bool:
        """Whether an order that arrives can hold what it needs; a market buy by amount makes do with less."""
        is_flexible = order.is_buy and order.is_market and order.budget is None
        return is_flexible or order.reserved <= self.ledger.at_venue(order.side, self.k, order.key)

    def accepted(self, order: Order) -> int:
        """What an order that arrives holds from now on."""
        return max(min(order.reserved, self.ledger.at_venue(order.side, self.k, order.key)), 0)

    def is_amend_funded(self, order: Order, amount: int, reserve: int) -> bool:
        """Whether an order can hold what its new terms, a total amount among them, need."""
        return reserve <= self.ledger.at_venue(order.side, self.k, order.key)

    def can_pay(self, order: Order, n: int, cost: int, fee: int) -> bool:
        """Whether there is enough for a taker's fill."""
        paid = cost if self.units.fee_in_base else cost + fee
        return not order.is_buy or paid <= self.ledger.at_venue("buy", self.k, order.key)

    # The books.

    def bill(self, order: Order, n: int, ticks: int, rate: int) -> tuple[int, int]:
        """Cost and fee of a fill; those of a limit buy are never more than what it frees of the reservation."""
        units, limit = self.units, order.price_ticks
        if not order.is_buy:
            cost = units.cost_down(n, ticks)
            return cost, units.fee(cost, rate)
        cost, before, after = units.cost_up(n, ticks), order.left, order.left - n
        if limit:
            cost = min(cost, units.cost_up(before, limit) - units.cost_up(after, limit))
        if units.fee_in_base:
            return cost, units.fee(n, rate)
        fee = units.fee(cost, rate)
        if limit:
            fee = min(fee, units.need(before, limit) - units.need(after, limit) - cost)
        return cost, fee

    def fill(self, order: Order, n: int, ticks: int, liquidity: str, is_all: bool) -> None:
        """Books `n` units at `ticks` and holds what the rest needs."""
        units, rate = self.units, self.units.taker if liquidity == "taker" else self.units.maker
        in_base = order.is_buy and units.fee_in_base
        cost, fee = self.bill(order, n, ticks, rate)
        made = Fill(self.moment, self.k, order.id, ticks, n, cost, fee, in_base, liquidity, order.tag, order.is_buy)
        gone = self.ledger.book(made, units)
        order.filled += n
        order.cost += cost
        order.fee += fee
        if order.budget is not None:
            order.budget -= gone
            order.amount = order.filled
        self.budget -= n
        self.fill_count += 1
        order.status = "PARTIAL"
        if is_all:
            self.finish(order, "FILLED")
        else:
            order.reserved = self.reservation_after(order, n, gone)
            self.take_off_others(order, n)

    def reservation(self, order: Order, price_ticks: int, amount: int, otherwise: int) -> int:
        """What is to be held for `amount` less what is filled; `otherwise` for a buy without a limit."""
        left = amount - order.filled
        if not order.is_buy:
            return left
        return self.units.need(left, price_ticks) if price_ticks else otherwise

    def reservation_after(self, order: Order, n: int, gone: int) -> int:
        """What is held for the rest after a fill of `n` units for which `gone` left the balance."""
        return self.reservation(order, order.price_ticks, order.amount, max(order.reserved - gone, 0))

    def part_of_hold(self, order: Order, after: int, before: int) -> int:
        """What a buy without a limit holds of what it did, for so many of its units."""
        return order.reserved * after // before

    def estimate(self, order: Order, n: int, price: float) -> int:
        """What a buy without a limit that is armed at `price` holds."""
        m = self.units.price(order.stop_ticks) if order.stop_ticks else price
        return self.units.need(n, self.units.ticks_up(m * 1.01))

    def cannot_afford_a_step(self, order: Order) -> None:
        """Ends an order whose quote budget buys nothing."""
        if order.filled:
            self.finish(order, "FILLED")
        else:
            self.finish(order, "REJECTED", "BELOW_MIN_AMOUNT")

    def finish(self, order: Order, status: str, reason: str = "") -> None:
        """Ends an order now, and with one that is filled the others of its group."""
        self.ledger.finish(order, self.moment, status, reason)
        if status == "FILLED":
            self.end_others(order)

    # Section 13.

    def others(self, order: Order) -> list[Order]:
        """The other members of the order's group."""
        live = self.ledger.live[self.k]
        return [other for other in live if other.is_live and other is not order and other.key == order.key]

    def end_others(self, order: Order) -> None:
        """The order alone has what its group was for."""
        for other in self.others(order):
            self.finish(other, "CANCELLED", "LINKED")

    def take_off_others(self, order: Order, n: int) -> None:
        """The order was filled in part."""
        if self.market.instrument.partial == "cancel":
            self.end_others(order)
            return
        least = max(self.units.base_up(self.market.instrument.min_amount), 1)
        for other in self.others(order):
            if other.is_held_back:
                other.share -= n
                continue
            before, after = other.left, other.left - n
            if other.budget is not None or after < least:
                self.finish(other, "CANCELLED", "LINKED")
                continue
            other.amount -= n
            other.cut += n
            rest = self.part_of_hold(other, after, before)
            other.reserved = self.reservation(other, other.price_ticks, other.amount, rest)

    def follow(self, price: float) -> None:
        """Looks at what waits for others, after something has happened while the market is at `price`."""
        while any(self.look_at(order, price) for order in self.bound()):
            pass

    def bound(self) -> list[Order]:
        """Orders bound to a parent that are at the venue, by id."""
        live = self.ledger.live[self.k]
        return [order for order in live if order.is_live and order.after is not None and order.has_reached]

    def look_at(self, order: Order, price: float) -> bool:
        """Whether what became of its parent does something to a bound order."""
        parent, armed = self.ledger.orders[order.after], self.market.instrument.armed
        has_ended = not parent.is_live
        if not order.is_held_back:
            has_grown = self.grow(order, self.share(order, parent))
            if has_ended:
                order.after = None
            return has_grown
        if has_ended and not parent.filled:
            self.finish(order, "CANCELLED", "LINKED")
            return True
        if has_ended and armed == "full" and parent.status != "FILLED":
            self.finish(order, "CANCELLED", "PARENT_PARTIAL")
            return True
        if not has_ended and not (armed == "part" and parent.filled):
            return False
        n = self.share(order, parent)
        reason = self.too_small(order, n + order.share, price)
        if reason and has_ended:
            self.finish(order, "REJECTED", reason)
        elif not reason:
            self.arm(order, n, price, has_ended)
        return has_ended or not reason

    def share(self, order: Order, parent: Order) -> int:
        """What a bound order may have of what its parent gave."""
        fee = parent.fee if parent.is_buy and self.units.fee_in_base else 0
        given = self.units.step(max(parent.filled - fee, 0))
        return min(order.wish, given) if order.part is None else self.units.step(self.units.part(order.part, given))

    def too_small(self, order: Order, n: int, price: float) -> str:
        """The reason for which the venue does not take `n` units of it."""
        units, instrument = self.units, self.market.instrument
        if n <= 0 or n < units.base_up(instrument.min_amount):
            return "BELOW_MIN_AMOUNT"
        ticks = order.price_ticks or order.stop_ticks or max(units.ticks_down(price), 1)
        is_too_cheap = not order.reduces and units.money(units.cost_down(n, ticks)) < instrument.min_cost
        return "BELOW_MIN_COST" if is_too_cheap else ""

    def arm(self, order: Order, n: int, price: float, has_ended: bool) -> None:
        """The order arrives at last."""
        n, order.share = n + order.share, n
        order.cut += order.amount - n
        order.amount = n
        if has_ended:
            order.after = None
        order.reserved = self.reservation(order, order.price_ticks, n, self.estimate(order, n, price))
        self.arrive(order, price, None)

    def grow(self, order: Order, n: int) -> bool:
        """An armed order is for more, when its parent gave more and there are funds for it."""
        more = n - order.share
        if more <= 0:
            return False
        estimate = order.reserved + order.reserved * more // order.left
        reserved = self.reservation(order, order.price_ticks, order.amount + more, estimate)
        if not self.is_amend_funded(order, order.amount + more, reserved):
            return False
        order.amount += more
        order.cut -= more
        order.share, order.reserved = n, reserved
        self.fit(order)
        self.note("AMENDED", order)
        return True

    def note(self, kind: str, order: Order) -> None:
        """Records an event of this moment."""
        self.ledger.note(self.moment, kind, order.id)
