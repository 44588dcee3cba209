"""Section 2, rules 1 to 8: what an order must obey when it is asked for. Each rule raises its reason."""

import math
from dataclasses import dataclass

from . import contract_rules
from .account import Account
from .orders import Order
from .refusal import RefusedError
from .units import BILLION, Units

TIFS = ("GTC", "IOC", "FOK", "GTD")


@dataclass(frozen=True)
class Asked:
    """An order in the words of the strategy. One size is given; `budget` is an exact size of our own, and `worth` is
    that of a contract's target.
    """

    amount: float | None = None
    cost: float | None = None
    fraction: float | None = None
    risk: float | None = None
    price: float | None = None
    stop: float | None = None
    take: float | None = None
    trail: float | None = None
    trail_by: float | None = None
    activation: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    budget: int | None = None
    worth: float | None = None
    reduce_only: bool = False
    closes: bool = False
    trigger: str = "last"

    @property
    def triggers(self) -> list[str]:
        """The names of the triggers that are given; at most one in an order."""
        return [name for name in ("stop", "take", "trail", "trail_by") if getattr(self, name) is not None]

    @property
    def trails(self) -> bool:
        """Whether it is a trailing stop."""
        return self.trail is not None or self.trail_by is not None


def must_be_sane(asked: Asked, tif: str, after: int | None = None) -> None:
    """Stops the run when the strategy asks for something that is no order at all."""
    if asked.trigger not in ("last", "mark"):
        raise ValueError("trigger is last or mark")
    numbers = (number for name, number in vars(asked).items() if name != "trigger")
    if any(number is not None and not math.isfinite(number) for number in numbers):
        raise ValueError("a number of an order is not finite")
    sizes = (asked.amount, asked.cost, asked.fraction, asked.risk, asked.budget, asked.worth)
    if sum(size is not None for size in sizes) != 1:
        raise ValueError("an order needs one of amount, cost, fraction and risk")
    if asked.risk is not None and asked.stop_loss is None:
        raise ValueError("risk needs stop_loss")
    if len(asked.triggers) > 1:
        raise ValueError("an order has one trigger: stop, take, trail or trail_by")
    if asked.activation is not None and not asked.trails:
        raise ValueError("activation is that of a trailing stop")
    if after is not None and asked.amount is None and asked.fraction is None:
        raise ValueError("an order that waits for another is sized by amount or by fraction")
    if tif not in TIFS:
        raise ValueError(f"tif is one of {TIFS}, not {tif!r}")


def order_kind(asked: Asked) -> str:
    """What its trigger is, empty for none."""
    return asked.triggers[0] if asked.triggers else ""


def check_terms(order: Order, asked: Asked, now: int, is_contract: bool) -> None:
    """Rule 1: the terms fit together."""
    has_trigger, at_once = bool(asked.triggers), order.tif in ("IOC", "FOK")
    if order.post_only and (asked.price is None or at_once or has_trigger):
        raise RefusedError("INVALID_ORDER")
    if at_once and has_trigger:
        raise RefusedError("INVALID_ORDER")
    if asked.trails and asked.price is not None:
        raise RefusedError("INVALID_ORDER")
    if (order.tif == "GTD") != (order.expire is not None):
        raise RefusedError("INVALID_ORDER")
    if asked.trigger == "mark" and not (is_contract and order_kind(asked) in ("stop", "take")):
        raise RefusedError("INVALID_ORDER")
    if order.tif == "GTD" and order.expire <= now:
        raise RefusedError("EXPIRED_AT_ONCE")


def group_of(account: Account, order: Order, id: int) -> int:
    """Rule 1, section 13: the group that the order joins with that one."""
    orders = account.ledger.orders
    if not 0 <= id < len(orders):
        raise RefusedError("UNKNOWN_ORDER")
    other = orders[id]
    if other is order or (other.instrument, other.side) != (order.instrument, order.side):
        raise RefusedError("INVALID_LINK")
    if not other.is_live or other.cancel_due is not None:
        raise RefusedError("ORDER_DONE")
    if other.triggered or other.filled:
        raise RefusedError("INVALID_LINK")
    return other.key


def check_parent(account: Account, order: Order, id: int) -> None:
    """Rule 1, section 13: the order can wait for that one."""
    orders = account.ledger.orders
    if not 0 <= id < len(orders):
        raise RefusedError("UNKNOWN_ORDER")
    parent = orders[id]
    if parent is order or parent.instrument != order.instrument or parent.side == order.side:
        raise RefusedError("INVALID_LINK")
    if not parent.is_live or parent.cancel_due is not None:
        raise RefusedError("ORDER_DONE")


def check_instrument(account: Account, k: int) -> None:
    """Rule 2: the instrument takes orders."""
    if account.settled[k]:  # by any time T with delisted <= T it is
        raise RefusedError("DELISTED")
    if sum(order.is_live for order in account.ledger.live[k]) >= account.instruments[k].max_orders:
        raise RefusedError("TOO_MANY_ORDERS")


def limit_ticks(account: Account, k: int, side: str, price: float | None) -> int:
    """Rule 3: a limit in ticks, 0 for none; never better for the venue than asked."""
    if price is None:
        return 0
    units = account.units[k]
    return _at_least_a_tick(units.ticks_down(price) if side == "buy" else units.ticks_up(price))


def trigger_ticks(account: Account, k: int, stop: float | None) -> int:
    """Rule 3: a trigger in ticks, 0 for none."""
    return 0 if stop is None else _at_least_a_tick(account.units[k].ticks_near(stop))


def _limit_or_none(account: Account, k: int, side: str, price: float) -> int:
    """Ticks of a limit; a sell's may be anything that is not below some price, a buy's is a tick at least."""
    return limit_ticks(account, k, side, price) if side == "buy" else account.units[k].ticks_up(price)


def set_trigger(account: Account, order: Order, asked: Asked) -> None:
    """Rule 3: the trigger of an order, of whatever kind."""
    units, k = account.units[order.instrument], order.instrument
    if not asked.trails:
        order.kind = asked.triggers[0] if asked.triggers else ""
        order.stop_ticks = trigger_ticks(account, k, asked.take if asked.stop is None else asked.stop)
        return
    order.kind = "trail"
    if asked.trail is not None:
        parts = math.floor(min(max(asked.trail * 1e9, 0.0), 1e9) + 0.5)
        if not 1 <= parts < BILLION:
            raise RefusedError("INVALID_PRICE")
        order.trail_parts = parts
    else:
        order.trail_ticks = trigger_ticks(account, k, asked.trail_by)
    order.activation_ticks = trigger_ticks(account, k, asked.activation)
    start = units.price(order.activation_ticks) if order.activation_ticks else account.closes[k]
    order.stop_ticks = _at_least_a_tick(trailed(units, order, start))


def trailed(units: Units, order: Order, best: float) -> int:
    """`trail(best)`: the tick that a trailing stop is at when the best price was that."""
    away = best * (order.trail_parts / 1e9) if order.trail_parts else units.price(order.trail_ticks)
    return units.ticks_near(best + away if order.is_buy else best - away)


def _at_least_a_tick(ticks: int) -> int:
    if ticks < 1:
        raise RefusedError("INVALID_PRICE")
    return ticks


def check_exits(account: Account, order: Order, asked: Asked) -> None:
    """Rule 3, section 13: the exits that a buy asks for are on their sides of its price, and there is room for them."""
    units, k, p = account.units[order.instrument], order.instrument, _expected_price(account, order)
    exits = [exit for exit in (asked.stop_loss, asked.take_profit) if exit is not None]
    sign = 1 if order.is_buy else -1
    if asked.stop_loss is not None:
        stop = units.price(trigger_ticks(account, k, asked.stop_loss))
        if not (p - stop) * sign > 0:
            raise RefusedError("INVALID_PRICE")
    if asked.take_profit is not None:
        out = "sell" if order.is_buy else "buy"
        if not (units.price(_limit_or_none(account, k, out, asked.take_profit)) - p) * sign > 0:
            raise RefusedError("INVALID_PRICE")
    live = sum(order.is_live for order in account.ledger.live[k])
    if exits and live + 1 + len(exits) > account.instruments[k].max_orders:
        raise RefusedError("TOO_MANY_ORDERS")


def size(account: Account, order: Order, asked: Asked) -> None:
    """Rule 4: sets the order's amount, or its quote budget."""
    units, k = account.units[order.instrument], order.instrument
    is_contract = account.instruments[k].is_contract
    if is_contract and asked.fraction is not None:
        n = contract_rules.part_of_position_or_free(account, order, asked.fraction)
    elif is_contract and asked.worth is not None:
        n = contract_rules.towards(account, order, asked.worth)
    elif order.is_buy and not is_contract and (asked.cost, asked.fraction, asked.budget) != (None, None, None):
        budget = _quote_budget(account, order, asked)
        if not order.is_limit:
            order.budget = budget
            return
        n = units.affordable(budget, order.price_ticks)
    elif asked.amount is not None:
        n = units.base_down(asked.amount)
    elif asked.risk is not None:
        n = units.base_down(_amount_at_risk(account, order, asked))
    elif asked.cost is not None:
        n = units.base_down(units.amount_worth(asked.cost, _expected_price(account, order)))
    else:
        n = units.part(asked.fraction, account.position_units(k))
    order.amount = units.step(max(n, 0))
    if not order.closes:
        check_amount(account, k, order.amount)


def size_bound(account: Account, order: Order, asked: Asked, parent: Order) -> None:
    """Rules 4 and 5 for an order that waits for another, which holds nothing yet."""
    units, k = account.units[order.instrument], order.instrument
    if asked.fraction is not None:
        if asked.fraction <= 0:
            raise RefusedError("BELOW_MIN_AMOUNT")
        order.part = asked.fraction
        order.amount = units.step(units.part(asked.fraction, parent.amount))
        return
    order.wish = order.amount = units.step(max(units.base_down(asked.amount), 0))
    check_amount(account, k, order.amount)
    if not order.reduces:
        check_cost(account, order, order.amount, order.price_ticks, order.stop_ticks)


def check_amount(account: Account, k: int, n: int) -> None:
    """Rule 4: the amount is one the venue takes."""
    if n <= 0 or n < account.units[k].base_up(account.instruments[k].min_amount):
        raise RefusedError("BELOW_MIN_AMOUNT")


def _quote_budget(account: Account, order: Order, asked: Asked) -> int:
    units, k = account.units[order.instrument], order.instrument
    if asked.budget is not None:
        return asked.budget
    if asked.cost is not None:
        return units.budget_of(asked.cost)
    return units.part(asked.fraction, account.ledger.free("buy", k, order.key))


def _expected_price(account: Account, order: Order) -> float:
    """The limit, else the trigger, else the close."""
    ticks = order.price_ticks or order.stop_ticks
    return account.units[order.instrument].price(ticks) if ticks else account.closes[order.instrument]


def _amount_at_risk(account: Account, order: Order, asked: Asked) -> float:
    units = account.units[order.instrument]
    taker = units.taker / 1e9
    p, s = _expected_price(account, order), asked.stop_loss
    if units.is_inverse:
        if s <= 0:
            raise RefusedError("INVALID_PRICE")
        dear, cheap = (s, p) if order.is_buy else (p, s)
        loss = (1 / dear * (1 + taker) - 1 / cheap * (1 - taker)) * units.size
        if not loss > 0:
            raise RefusedError("INVALID_PRICE")
        return asked.risk * account.equity() / loss
    loss = p * (1 + taker) - s * (1 - taker) if order.is_buy else s * (1 + taker) - p * (1 - taker)
    if not loss > 0:
        raise RefusedError("INVALID_PRICE")
    return asked.risk * account.equity() / loss


def check_cost(account: Account, order: Order, n: int, price_ticks: int, stop_ticks: int) -> None:
    """Rule 5: `n` units, or the quote budget, are worth the venue's while."""
    units, k = account.units[order.instrument], order.instrument
    if order.budget is not None:
        worth = order.budget
        if worth <= 0:
            raise RefusedError("BELOW_MIN_COST")
    else:
        worth = units.cost_down(n, price_ticks or stop_ticks or units.ticks_down(account.closes[k]))
    if units.money(worth) < account.instruments[k].min_cost:
        raise RefusedError("BELOW_MIN_COST")


def reservation(account: Account, order: Order, n: int, price_ticks: int, stop_ticks: int) -> int:
    """Rules 6 to 8: what `n` units on these terms hold, the order's own reservation counted as free."""
    units, k = account.units[order.instrument], order.instrument
    if account.instruments[k].is_contract:
        return contract_rules.reservation(account, order, n, price_ticks, stop_ticks)
    free = account.ledger.free(order.side, k, order.key)
    if not order.is_buy:
        return _within(n, free)
    if order.budget is not None:
        return _within(order.budget, free)
    if price_ticks:
        return _within(units.need(n, price_ticks), free)
    m = units.price(stop_ticks) if stop_ticks else account.closes[k]
    _within(units.need(n, max(units.ticks_down(m * 0.99), 1)), free)
    return min(free, units.need(n, units.ticks_up(m * 1.01)))


def _within(needed: int, free: int) -> int:
    if needed > free:
        raise RefusedError("INSUFFICIENT_FUNDS")
    return needed
