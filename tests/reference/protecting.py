"""Section 21: the exits of a position, kept by what was asked for at the last call."""

import math
from dataclasses import dataclass, field

from .asking import Desk
from .model import CONTRACT
from .orders import Order
from .rules import Asked
from .units import BILLION

LEGS, REST = 8, 7
KINDS = ("stop", "trail", "take")


@dataclass
class Protection:
    """Of one instrument."""

    position: int = 0  # which one it is of
    legs: list[dict[str, int]] = field(default_factory=lambda: [{} for _ in range(LEGS)])  # ids by kind
    taken: list[int] = field(default_factory=lambda: [0] * LEGS)


class Protector(Desk):
    """A desk that keeps exits."""

    def protect(self, k, stop=None, takes=(), trail=None, trigger="last") -> int | str:
        """Makes these the exits of the position; 0, or the first refusal."""
        self._must_be_exits(stop, takes, trail, trigger)
        is_contract, units = self.instruments[k].is_contract, self.units[k]
        own = self.protections.setdefault(k, Protection())
        if trigger == "mark" and not is_contract:
            return "INVALID_ORDER"
        if self.instruments[k].hedge == CONTRACT:
            return "POSITION_SIDE"
        if not self.position_units(k):
            self.give_up(k)
            return "NO_POSITION"
        if own.position != self.ledger.positions[k]:
            self.give_up(k)
            own.taken, own.legs = [0] * LEGS, [{} for _ in range(LEGS)]
            own.position = self.ledger.positions[k]
        is_long = self.ledger.base_units[k] > 0
        parts = None if trail is None else math.floor(min(max(trail * 1e9, 0.0), 1e9) + 0.5)
        stop_ticks = None if stop is None else units.ticks_near(stop)
        limits = [units.ticks_up(t) if is_long else units.ticks_down(t) for t, _ in takes]
        market = self.ledger.contracts[k].mark if trigger == "mark" else self.closes[k]
        if stop_ticks is not None:
            away = market - units.price(stop_ticks)
            if stop_ticks < 1 or not (away > 0 if is_long else away < 0):
                return "INVALID_PRICE"
        if any(ticks < 1 for ticks in limits) or (parts is not None and not 1 <= parts < BILLION):
            return "INVALID_PRICE"
        standing = [self._standing(k, leg, kind) for leg in range(LEGS) for kind in KINDS]
        if any(order is not None and order.triggered for order in standing):
            return 0
        wishes = self._wishes(k, own, takes, limits, stop_ticks)
        answers = []
        for leg, n in enumerate(wishes):
            has_guards = leg == REST or not is_contract
            wished = {
                "stop": stop_ticks if has_guards else None,
                "trail": parts if has_guards else None,
                "take": limits[leg] if leg < len(limits) else None,
            }
            wished = {kind: where for kind, where in wished.items() if n and where is not None}
            answers += self._settle_leg(k, leg, n, wished, trigger)
        return next((answer for answer in answers if isinstance(answer, str)), 0)

    def give_up(self, k: int) -> None:
        """Cancels what stands."""
        for leg in range(LEGS):
            for kind in KINDS:
                order = self._standing(k, leg, kind)
                if order is not None:
                    self.cancel(order.id)

    @property
    def protections(self) -> dict[int, Protection]:
        """What is kept of each instrument."""
        return vars(self).setdefault("_protections", {})

    def _wishes(self, k, own: Protection, takes, limits, stop_ticks) -> list[int]:
        """What each leg is for."""
        units, is_contract = self.units[k], self.instruments[k].is_contract
        standing = [self._standing(k, leg, kind) for leg in range(LEGS) for kind in KINDS]
        taken = list(own.taken)
        for leg in range(LEGS):
            id = own.legs[leg].get("take")
            if id is not None:
                taken[leg] += self.orders[id].filled
        for leg in range(LEGS):  # what does not stand any more counts once
            if "take" in own.legs[leg] and self._standing(k, leg, "take") is None:
                own.taken[leg] = taken[leg]
                del own.legs[leg]["take"]
        if is_contract:
            h = abs(self.ledger.base_units[k])
        else:
            held = {}
            for order in standing:
                if order is not None:
                    held[order.key] = max(held.get(order.key, 0), order.reserved + order.extra)
            h = max(units.step(self.ledger.free("sell", k) + sum(held.values())), 0)
        size, wishes, before, shares, rest = h + sum(taken), [], 0, 0.0, h
        for leg, (_, share) in enumerate(takes):
            shares += share
            upto = units.step(units.part(min(shares, 1.0), size))
            n = min(max(upto - before - taken[leg], 0), rest)
            before = upto
            n = 0 if self._is_too_little(k, n, limits[leg]) else n
            rest -= n
            wishes.append(n)
        wishes += [0] * (REST - len(wishes))
        n = h if is_contract else rest
        close = max(units.ticks_down(self.closes[k]), 1)
        return [*wishes, 0 if self._is_too_little(k, n, stop_ticks or close) else n]

    def _is_too_little(self, k: int, n: int, ticks: int) -> bool:
        units, instrument = self.units[k], self.instruments[k]
        if n <= 0 or n < units.base_up(instrument.min_amount):
            return True
        return not instrument.is_contract and units.money(units.cost_down(n, ticks)) < instrument.min_cost

    def _standing(self, k: int, leg: int, kind: str) -> Order | None:
        id = self.protections.setdefault(k, Protection()).legs[leg].get(kind)
        order = None if id is None else self.orders[id]
        return order if order is not None and order.is_live and order.cancel_due is None else None

    def _settle_leg(self, k: int, leg: int, n: int, wished: dict[str, int], trigger: str) -> list[int | str]:
        own, is_contract = self.protections[k], self.instruments[k].is_contract
        standing = {kind: self._standing(k, leg, kind) for kind in KINDS}
        is_begun = any(order is not None and order.filled for order in standing.values())
        is_broken = not is_contract and is_begun and any(standing[kind] is None for kind in wished)
        answers = []
        for kind, order in standing.items():
            if order is None:
                continue
            is_other = kind == "stop" and order.by_mark != (trigger == "mark")
            is_other = is_other or (kind == "trail" and order.trail_parts != wished.get("trail"))
            if is_broken or kind not in wished or is_other:
                self.cancel(order.id)
                if kind == "take":
                    own.taken[leg] += order.filled
                own.legs[leg].pop(kind)
                standing[kind] = None
        for kind, order in standing.items():
            if order is not None and order.amendment is None:
                answers += self._amended(k, order, kind, n, wished[kind])
        for kind in KINDS:
            if kind in wished and standing[kind] is None:
                partner = next((o.id for o in standing.values() if o is not None), None)
                answer = self._ask(k, kind, n, wished[kind], None if is_contract else partner, trigger)
                answers.append(answer)
                own.legs[leg].pop(kind, None)
                if isinstance(answer, int):
                    own.legs[leg][kind] = answer
                    standing[kind] = self.orders[answer]
        return answers

    def _amended(self, k: int, order: Order, kind: str, n: int, where: int) -> list[int | str]:
        units, terms = self.units[k], {}
        if kind == "stop" and order.stop_ticks != where:
            terms["stop"] = units.price(where)
        if kind == "take" and order.price_ticks != where:
            terms["price"] = units.price(where)
        if not order.closes and order.left != n:
            terms["amount"] = units.amount(order.filled + n)
        return [self.amend(order.id, **terms)] if terms else []

    def _ask(self, k: int, kind: str, n: int, where: int, oco: int | None, trigger: str) -> int | str:
        units, is_contract = self.units[k], self.instruments[k].is_contract
        side = "sell" if self.ledger.base_units[k] > 0 else "buy"
        amount = units.amount(n)
        if kind == "stop":
            asked = Asked(amount=0.0 if is_contract else amount, stop=units.price(where), reduce_only=is_contract,
                          closes=is_contract, trigger=trigger)  # fmt: skip
        elif kind == "trail":
            asked = Asked(amount=amount, trail=where / 1e9, reduce_only=is_contract)
        else:
            asked = Asked(amount=amount, price=units.price(where), reduce_only=is_contract)
        return self._place(k, side, asked, oco=oco)

    def _must_be_exits(self, stop, takes, trail, trigger) -> None:
        numbers = [x for x in (stop, trail, *(x for take in takes for x in take)) if x is not None]
        shares = [share for _, share in takes]
        if not all(math.isfinite(x) for x in numbers) or len(takes) > REST or trigger not in ("last", "mark"):
            raise ValueError("exits are up to seven takes, a stop and a trail, in numbers")
        if any(share <= 0 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError("shares are above 0, and together at most 1")
