"""What a session's orders may do to its positions: pure, in whole units and exact money."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planar.broker.gate import State
from planar.config.settings import Risk
from planar.exchange.precision import EXACT, short
from planar.exchange.risk import too_dear
from planar.model.order import Side

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Reach:
    """What an order may still do at worst. units: base, 0 where a cost buys them; cost: quote, None where unknown."""

    side: Side
    units: int
    cost: Decimal | None

    def worse(self, other: "Reach") -> "Reach":
        """The worse of two terms of one order, of which nobody knows which it has."""
        known = None if self.cost is None or other.cost is None else max(self.cost, other.cost)
        return Reach(self.side, max(self.units, other.units), known)

    def is_within(self, other: "Reach") -> bool:
        """Whether it can do nothing that the other could not."""
        if self.cost is None or other.cost is None:
            return False
        return self.side is other.side and self.units <= other.units and self.cost <= other.cost


@dataclass(frozen=True)
class Standing:
    """One instrument: base units held, what they are worth each, and what its open orders may still do."""

    held: int
    unit_worth: Decimal | None
    open: Sequence[Reach]

    def is_reduced_by(self, order: Reach) -> bool:
        """Whether an order can only make the position smaller, even when all others of its side fill as well."""
        others = sum(each.units for each in self.open if each.side is order.side)
        return order.units > 0 and others + order.units <= -order.side * self.held

    def cost_after(self, order: Reach) -> Decimal | None:
        """What the position may be worth once the order and all others of its side are filled; None for unknown."""
        if self.unit_worth is None:
            return None
        total = order.side * self.held * self.unit_worth
        for each in (*self.open, order):
            if each.side is order.side:
                if each.cost is None:
                    return None
                # What was bought below the market is worth what the market pays as soon as that is back.
                total += max(each.cost, each.units * self.unit_worth)
        return total


def excess(risk: Risk, standing: Standing, order: Reach, quote: str) -> str:
    """Which limit of cost an order that is no exit would break, and the remedy; empty where it breaks none."""
    most_order, most = Decimal(str(risk.max_order_cost)), Decimal(str(risk.max_position_cost))
    if most_order and (order.cost is None or order.cost > most_order):
        return too_dear(order.cost, most_order, quote)
    after = standing.cost_after(order) if most else NOTHING
    if after is None:
        return (
            f"nobody knows what the position would be worth, and risk.max_position_cost = {short(most)} is set: wait."
        )
    if most and after > most:
        return (
            f"the position could be worth {short(round(EXACT.plus(after), 2))} {quote} with all that may still be "
            f"filled, and risk.max_position_cost = {short(most)} is the most that is allowed: ask for less, or raise "
            "that."
        )
    return ""


def off_price(risk: Risk, prices: Sequence[Decimal | None], last: Decimal | None) -> str:
    """Why a limit or a stop is too far from the market; empty where none is."""
    collar = Decimal(str(risk.price_collar))
    for price in prices:
        if not collar or price is None:
            continue
        if last is None:
            return f"nobody knows where the market stands, and risk.price_collar = {short(collar)} is set: wait."
        if abs(price - last) > collar * last:
            return (
                f"{short(price)} is {abs(price / last - 1):.1%} away from the last price {short(last)}, and "
                f"risk.price_collar = {short(collar)} allows {collar:.1%}: ask nearer to the market, or raise that."
            )
    return ""


def barred(state: State, why: str, *, is_exit: bool) -> str:
    """Why a state lets an order not through; empty where it does."""
    if state is State.HALTED:
        return f"the session is halted and sends nothing but cancels. {why}"
    if state is State.REDUCING and not is_exit:
        return f"the session may only make positions smaller. {why}"
    return ""
