"""What orders wait for: a limit or a trigger, and on which side of the market (docs/simulation.md, sections 2, 3)."""

from planar.kernel.linked import INS, ORD, F, V, linked
from planar.kernel.machine import compiled, inlined
from planar.kernel.numbers import RATE, price_of, ticks_near
from planar.model.order import Kind, Side

STOP, TAKE, TRAIL, TRAIL_BY = 1, 2, 3, 4
"""What a trigger is, when it is asked for; 0 for none."""


@inlined
def waits_below(form, side):
    """Whether it waits for the price to fall: buy limits and takes, sell stops."""
    return (form == Kind.LIMIT or form == Kind.TAKE or form == Kind.TAKE_LIMIT) == (side == Side.BUY)


@inlined
def waits_at(order):
    """Ticks of the price that it waits for: its limit, else its trigger."""
    return order.price if order.form == Kind.LIMIT else order.stop


@inlined
def form_after(form):
    """What an order is when its trigger was reached."""
    return Kind.LIMIT if form == Kind.STOP_LIMIT or form == Kind.TAKE_LIMIT else Kind.MARKET


@inlined
def is_asleep(order):
    """Whether it is a trailing stop that does not follow the price yet, and so cannot trigger."""
    return order.form == Kind.TRAIL and order.best == 0.0


@compiled
def trail_from(ins, side, trail, best):
    """Ticks of a trailing stop's trigger when this is the best price so far; below 1 where it would be nowhere."""
    away = best * (trail / RATE) if trail > 0 else price_of(ins, -trail)
    return ticks_near(ins, best - away if side == Side.SELL else best + away)


@linked(V(INS, ORD, F))
def see(ins, order, price):
    """A trailing stop at the venue sees a price: it begins to follow, or follows."""
    is_sell = order.side == Side.SELL
    if order.best == 0.0 and order.activation:
        start = price_of(ins, order.activation)
        if (price < start) if is_sell else (price > start):
            return
    best = price
    if order.best > 0.0:
        best = max(order.best, price) if is_sell else min(order.best, price)
    if best != order.best:
        order.best = best
        order.stop = max(trail_from(ins, order.side, order.trail, best), 1)
