"""Refusals of limits and states in words: limit, value and remedy."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from planar.broker.gate import State
from planar.exchange.precision import short
from planar.exchange.risk import too_dear
from planar.model.order import Limit


def barred(state: State, why: str, *, is_exit: bool) -> str:
    """Why a state lets an order not through; empty where it does."""
    if state is State.HALTED:
        return f"the session is halted and sends nothing but cancels. {why}"
    if state is State.REDUCING and not is_exit:
        return f"the session may only make positions smaller. {why}"
    return ""


WORDS = {
    "daily_loss": "the day's loss is {value} {quote}, and {limit} is the most that is allowed: no new positions until "
    "00:00 UTC.",
    "max_drawdown": "equity fell below its peak by more than {limit} allows: no new positions until {value}.",
    "max_position_cost": "the position could be worth {value} {quote} with all that may still be filled, and {limit} "
    "is the most that is allowed: ask for less, or raise that.",
    "max_exposure": "all positions together could be worth {value} {quote} with all that may still be filled, and "
    "{limit} is the most that is allowed: ask for less, or raise that.",
    "price_collar": "its price is {share:.1%} away from the last close, and {limit} allows {most:.1%}: ask nearer to "
    "the market, or raise that.",
    "max_open_orders": "{value} orders of the instrument are open, and {limit} is the most that is allowed: cancel "
    "one, or raise that.",
    "orders_per_minute": "{value} orders and amends were sent within a minute, and {limit} is the most that is "
    "allowed: ask less often, or raise that.",
}


def broken(refusal: Any, limits: Mapping[str, float], quote: str) -> str:
    """Why a limit refused something. refusal: a record REFUSAL; limits: those that hold, by name."""
    name = Limit(int(refusal["limit"])).name.lower()
    return told(name, float(refusal["value"]), limits.get(name, 0), quote)


def told(name: str, value: float, most: float, quote: str) -> str:
    """The same of a limit's name, what the order came to, and the most that the limit allows."""
    if name == "max_order_cost":
        return too_dear(Decimal(f"{value:.8g}"), Decimal(repr(float(most))), quote)
    shown = _moment(value) if name == "max_drawdown" else short(Decimal(f"{value:.8g}"))
    limit = f"risk.{name} = {_short(most)}"
    return WORDS[name].format(value=shown, share=value, most=most, limit=limit, quote=quote)


def stop_told(limit: Limit, limits: Mapping[str, float], until: int) -> str:
    """Why no position may grow for a while, and until when."""
    fell = "The day's loss reached" if limit is Limit.DAILY_LOSS else "Equity fell below its peak by"
    name = limit.name.lower()
    return f"{fell} risk.{name} = {_short(limits.get(name, 0))}: no new positions until {_moment(until)}."


def _short(value: float) -> str:
    return short(Decimal(repr(float(value))))


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M} UTC"
