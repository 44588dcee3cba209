"""Section 2: what a strategy asks at its decision time. An id means on its way, a name is the reason of a refusal."""

import math

from . import contract_rules, rules
from .account import Account
from .limits import Watch
from .model import CONTRACT
from .orders import Amendment, Order
from .refusal import RefusedError
from .rules import Asked


class Desk(Account):
    """Takes orders, amends and cancels; all of them arrive one latency later."""

    now: int  # the decision time
    watch: Watch

    def buy(
        self, k, amount=None, *, cost=None, fraction=None, risk=None, price=None, stop=None, take=None,
        trail=None, trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None,
        post_only=False, tag="", oco=None, after=None, reduce_only=False, trigger="last",
    ) -> int | str:  # fmt: skip
        """Buys an amount, for a cost, a part of free cash, or with a share of equity at risk; asks for its exits."""
        asked = Asked(
            amount, cost, fraction, risk, price, stop, take, trail, trail_by, activation, stop_loss, take_profit,
            reduce_only=reduce_only, trigger=trigger,
        )  # fmt: skip
        entry = self._place(k, "buy", asked, tif, expire, post_only, tag, oco, after)
        if isinstance(entry, int):
            self._place_exits(k, entry, "sell", stop_loss, take_profit, tag)
        return entry

    def _place_exits(
        self, k: int, entry: int, side: str, stop_loss: float | None, take_profit: float | None, tag: str
    ) -> None:
        stop, reduces = None, self.instruments[k].is_contract
        if stop_loss is not None:
            asked = Asked(fraction=1.0, stop=stop_loss, reduce_only=reduces)
            stop = self._place(k, side, asked, tag=tag, after=entry)
        if take_profit is not None:
            asked = Asked(fraction=1.0, price=take_profit, reduce_only=reduces)
            self._place(k, side, asked, tag=tag, oco=stop, after=entry)

    def sell(
        self, k, amount=None, *, cost=None, fraction=None, risk=None, price=None, stop=None, take=None,
        trail=None, trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None,
        post_only=False, tag="", oco=None, after=None, reduce_only=False, trigger="last",
    ) -> int | str:  # fmt: skip
        """Sells an amount, for a cost, a fraction of the position, or, of a contract, with equity at risk."""
        asked = Asked(
            amount, cost, fraction, risk, price, stop, take, trail, trail_by, activation, stop_loss, take_profit,
            reduce_only=reduce_only, trigger=trigger,
        )  # fmt: skip
        entry = self._place(k, "sell", asked, tif, expire, post_only, tag, oco, after)
        if isinstance(entry, int):
            self._place_exits(k, entry, "buy", stop_loss, take_profit, tag)
        return entry

    def close(self, k: int, fraction: float = 1.0, *, stop=None, take=None, trigger="last") -> int | str:
        """Closes a fraction of the position at market, or whatever is held once a stop or a take is triggered."""
        _must_be_finite(fraction)
        if self.instruments[k].hedge == CONTRACT:
            return "POSITION_SIDE"
        held = self.position_units(k)
        if (stop, take) != (None, None):
            return self._close_when(k, held, stop, take, trigger)
        if held == 0:
            return "NO_POSITION"
        asked = Asked(fraction=fraction, reduce_only=self.instruments[k].is_contract)
        if not self.instruments[k].is_contract:
            self.give_up(k)
        return self._place(k, "sell" if held > 0 else "buy", asked)

    def give_up(self, k: int) -> None:
        """Cancels the exits of `protect`, where there are any."""

    def _close_when(self, k: int, held: int, stop, take, trigger) -> int | str:
        if not self.instruments[k].is_contract:
            return "INVALID_ORDER"
        if held == 0:
            return "NO_POSITION"
        asked = Asked(amount=0.0, stop=stop, take=take, reduce_only=True, closes=True, trigger=trigger)
        return self._place(k, "sell" if held > 0 else "buy", asked)

    def set_leverage(self, k: int, leverage: float) -> str | None:
        """Changes the leverage of a contract at once."""
        return contract_rules.set_leverage(self, k, leverage)

    def add_margin(self, k: int, money: float) -> str | None:
        """Moves money behind an isolated position, or takes it back."""
        return contract_rules.add_margin(self, k, money)

    def target(self, k: int, weight: float) -> int | str | None:
        """Moves the position to a share of equity, at market. None when it is there already."""
        _must_be_finite(weight)
        close, units = self.closes[k], self.units[k]
        under_way = [o for o in self.ledger.live[k] if self._is_under_way(o)]
        if weight == 0 and not under_way:
            return self.close(k)
        if close is None:
            return self._place(k, "buy" if weight > 0 else "sell", Asked(budget=0))  # refused: NO_PRICE
        n = self.position_units(k)
        held = math.copysign(units.worth(abs(n), close), n)
        for order in under_way:
            if order.side == "sell":
                held -= units.worth(order.amount - order.filled, close)
            elif order.budget is not None:
                held += units.money(order.budget)
            else:
                held += units.worth(order.amount - order.filled, close)
        missing = weight * self.equity() - held
        if self.instruments[k].is_contract and missing != 0:
            return self._place(k, "buy" if missing > 0 else "sell", Asked(worth=abs(missing)))
        if missing > 0:
            budget = min(units.budget_of(missing), self.ledger.free("buy", k))
            return self._place(k, "buy", Asked(budget=budget))
        if missing < 0:
            self.give_up(k)
            return self._place(k, "sell", Asked(min(-missing / close, units.amount(self.ledger.free("sell", k)))))
        return None

    def cancel(self, id: int) -> int | str:
        """Asks for the end of an order."""
        order = self._find(id)
        if isinstance(order, str):
            return order
        if order.cancel_due is None:
            order.cancel_due = self._arrival(order)
        return id

    def cancel_all(self, k: int) -> None:
        """Asks for the end of every order of an instrument, in id order; of twins one after the other."""
        for twin in self.twins(k):
            for order in self.ledger.live[twin]:
                if order.is_live:
                    self.cancel(order.id)

    def amend(self, id: int, price=None, amount=None, stop=None) -> int | str:
        """Asks for a new limit, total amount or trigger; `stop` names that of a take too."""
        for number in (price, amount, stop):
            _must_be_finite(number)
        order = self._find(id)
        if isinstance(order, str):
            return order
        if order.cancel_due is not None:
            return "ORDER_DONE"
        if order.amendment is not None:
            return "AMEND_PENDING"
        try:
            order.amendment = self._amendment(order, price, amount, stop)
        except RefusedError as refused:
            return refused.reason
        return id

    def _place(
        self, k, side, asked, tif="GTC", expire=None, post_only=False, tag="", oco=None, after=None
    ) -> int | str:
        rules.must_be_sane(asked, tif, after)
        ledger = self.ledger
        order = Order(len(ledger.orders), k, side, self.now, self.now, tif, expire, post_only, tag)
        ledger.orders.append(order)
        try:
            reserved = self._checked(order, asked, oco, after)
            self.watch.check_order(order, self.now)
            order.reserved = reserved
            order.arrives = self._arrival(order)
        except RefusedError as refused:
            order.status, order.reason = "REJECTED", refused.reason
            ledger.note(self.now, "REJECTED", order.id)
            return refused.reason
        ledger.live[k].append(order)
        if oco is not None:
            ledger.orders[oco].group = order.group  # alone until now, it founds the group
        return order.id

    def _checked(self, order: Order, asked: Asked, oco: int | None, after: int | None) -> int:
        """The reservation of a new order that obeys every rule, in their order."""
        k = order.instrument
        if self.closes[k] is None:
            raise RefusedError("NO_PRICE")
        if self.instruments[k].hedge == CONTRACT:
            raise RefusedError("POSITION_SIDE")
        has_exits = (asked.stop_loss, asked.take_profit) != (None, None)
        if has_exits and not order.is_buy and not self.instruments[k].is_contract:
            raise RefusedError("INVALID_ORDER")
        rules.check_terms(order, asked, self.now, self.instruments[k].is_contract)
        is_exit = self.instruments[k].hedge * (1 if order.is_buy else -1) < 0
        order.reduces = (asked.reduce_only or is_exit) and self.instruments[k].is_contract
        order.closes, order.by_mark = asked.closes, asked.trigger == "mark"
        if order.reduces and after is None:
            contract_rules.check_reduces(self, order)
        elif asked.reduce_only and order.is_buy and not order.reduces:
            raise RefusedError("REDUCE_ONLY_WOULD_INCREASE")
        if oco is not None:
            order.group = rules.group_of(self, order, oco)
        if after is not None:
            rules.check_parent(self, order, after)
        if oco is not None and self.ledger.orders[oco].after != after:
            raise RefusedError("INVALID_LINK")
        rules.check_instrument(self, k)
        order.price_ticks = rules.limit_ticks(self, k, order.side, asked.price)
        rules.set_trigger(self, order, asked)
        rules.check_exits(self, order, asked)
        if after is not None:
            order.after = after
            rules.size_bound(self, order, asked, self.ledger.orders[after])
            return 0
        rules.size(self, order, asked)
        if not order.reduces:
            rules.check_cost(self, order, order.amount, order.price_ticks, order.stop_ticks)
        return rules.reservation(self, order, order.amount, order.price_ticks, order.stop_ticks)

    def _amendment(self, order: Order, price, amount, stop) -> Amendment:
        """The new terms, when what would remain obeys rules 3 to 9."""
        k, units = order.instrument, self.units[order.instrument]
        names_what_is_not_there = (
            order.is_market
            or (price is not None and not order.is_limit)
            or (stop is not None and (not order.waits or order.is_trailing))
            or (amount is not None and (order.budget is not None or order.after is not None or order.closes))
        )
        if names_what_is_not_there or (price, amount, stop) == (None, None, None):
            raise RefusedError("INVALID_ORDER")
        price_ticks = order.price_ticks if price is None else rules.limit_ticks(self, k, order.side, price)
        stop_ticks = order.stop_ticks if stop is None else rules.trigger_ticks(self, k, stop)
        total = order.amount if amount is None else units.step(units.base_down(amount))
        if order.is_held_back:
            return self._amendment_of_bound(order, price_ticks, stop_ticks)
        remains = total - order.filled  # below 1 is below the minimum
        if order.budget is None and not order.closes:
            rules.check_amount(self, k, remains)
        if not order.reduces:
            rules.check_cost(self, order, remains, price_ticks, stop_ticks)
        reserve = rules.reservation(self, order, remains, price_ticks, stop_ticks)
        self.watch.check_amend(order, price_ticks, stop_ticks, total, self.now)
        due, extra = self._arrival(order), max(reserve - order.reserved, 0)
        return Amendment(due, price_ticks, stop_ticks, total, reserve, extra, order.cut)

    def _amendment_of_bound(self, order: Order, price_ticks: int, stop_ticks: int) -> Amendment:
        """New prices of an order that holds nothing yet."""
        if order.part is None and not order.reduces:
            rules.check_cost(self, order, order.amount, price_ticks, stop_ticks)
        self.watch.check_amend(order, price_ticks, stop_ticks, order.amount, self.now)
        return Amendment(self._arrival(order), price_ticks, stop_ticks, order.amount, None, 0, order.cut)

    def _is_under_way(self, order: Order) -> bool:
        is_asked = order.is_live and order.cancel_due is None and not order.is_held_back
        return is_asked and order.is_market

    def _arrival(self, order: Order) -> int:
        """When something that is sent now arrives; not before its order."""
        return max(self.now + self.draws[order.instrument].journey(self.now), order.arrives)

    def _find(self, id: int) -> Order | str:
        """The order, or why it cannot be changed."""
        if not 0 <= id < len(self.ledger.orders):
            return "UNKNOWN_ORDER"
        order = self.ledger.orders[id]
        return order if order.is_live else "ORDER_DONE"


def _must_be_finite(number: float | None) -> None:
    if number is not None and not math.isfinite(number):
        raise ValueError("a number asked for is not finite")
