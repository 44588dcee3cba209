"""Section 3: the open of an execution candle, the walk along its path, and which path that is."""

import math

from .orders import Order
from .venue import Venue


def open_candle(venue: Venue) -> None:
    """Phase Open: what was due before happens at the open, then orders that rested before meet the open."""
    price, moment = venue.candle.open, venue.candle.time
    rested = venue.open_orders()
    for time, _, kind, order in venue.due():
        if time <= moment:
            venue.happen(kind, order, price, 0.0)
            venue.follow(price)
    for order in rested:
        if order.is_open and order.id not in venue.met:
            _meet_open(venue, order, price)
            venue.follow(price)


def _meet_open(venue: Venue, order: Order, price: float) -> None:
    if order.waits:
        venue.see(order, price)
        if order.can_trigger and venue.is_triggered(order, order.stop_ticks, price):
            venue.trigger(order, price)
    elif not order.is_limit:
        venue.take(order, price)
    elif price <= venue.hit(order) if order.is_buy else price >= venue.hit(order):
        venue.make(order)


class Walk:
    """One instrument's way through one candle: O, the two extremes, C."""

    def __init__(self, venue: Venue, path: str, execution: int) -> None:
        """`path` is ohlc or olhc."""
        c = venue.candle
        extremes = (c.high, c.low) if path == "ohlc" else (c.low, c.high)
        self.venue = venue
        self.points = (c.open, *extremes, c.close)
        self.ends = [0.0]
        for x, y in zip(self.points, self.points[1:], strict=False):
            self.ends.append(self.ends[-1] + abs(y - x))
        self.execution = execution
        self.due = [thing for thing in venue.due() if c.time < thing[0] < c.time + execution]
        self.is_alone = False  # other instruments do not take part
        self.fills_before = venue.fill_count

    @property
    def fills(self) -> int:
        """How many fills the walk made so far."""
        return self.venue.fill_count - self.fills_before

    def leg(self, k: int) -> None:
        """Walks leg `k` to its end."""
        present = self.points[k]
        self._pass(k, self.ends[k])
        while True:
            due, reached, call = self._next_due(k), self._next_reached(k, present), self._next_liquidation(k)
            if due is None and reached is None and call is None:
                break
            if call is not None and all(other is None or call[0] <= other[0] for other in (due, reached)):
                self.venue.moment = self._moment(call[0])
                present = self._liquidate(k, call[1])
            elif reached is None or (due is not None and due[0] <= reached[0]):
                present = self._price(k, due[0])
                self._pass(k, due[0])
                self.venue.moment, _, kind, order = self.due.pop(0)
                self.venue.happen(kind, order, present, due[1])
                self.venue.follow(present)
            else:
                distance, _, present, order, share = reached
                self._pass(k, distance, share)
                self.venue.moment = self._moment(distance)
                if order.waits:
                    self.venue.trigger(order, present)
                else:
                    self.venue.make(order)
                self.venue.follow(present)
        for order in self.venue.open_orders():
            if order.waits:
                self.venue.see(order, self.points[k + 1])

    # Of contracts only.

    def _pass(self, k: int, distance: float, share: float | None = None) -> None:
        """The price has gone to a distance on leg `k`, which is that share of it where one is given."""

    def _share_of_trigger(self, k: int, order: Order) -> float | None:
        """Share of leg `k` at which the mark comes to a trigger that waits for it, if it does."""
        raise NotImplementedError

    def _next_liquidation(self, k: int) -> tuple[float, float] | None:
        """Distance and share of leg `k` at which the position is liquidated, if it is."""
        return None

    def _liquidate(self, k: int, share: float) -> float:
        """Liquidates when the price has gone a share of leg `k`; gives the price there."""
        raise NotImplementedError

    def _moment(self, distance: float) -> int:
        """The time of what is reached; a path without length has no time but its open."""
        share = distance / self.ends[3] if self.ends[3] else 0.0
        return self.venue.candle.time + math.floor(share * self.execution)

    def _next_due(self, k: int) -> tuple[float, float] | None:
        """Distance and share of the candle of what is due next, when that is on this leg."""
        while self.due and not self.due[0][3].is_live:  # it ended before
            self.due.pop(0)
        if not self.due:
            return None
        share = (self.due[0][0] - self.venue.candle.time) / self.execution
        distance = self.ends[3] * share
        return (distance, share) if distance <= self.ends[k + 1] else None

    def _price(self, k: int, distance: float) -> float:
        """The price at a distance on leg `k`."""
        x, y = self.points[k], self.points[k + 1]
        moved = distance - self.ends[k]
        price = x + moved if y >= x else x - moved
        return min(max(price, min(x, y)), max(x, y))

    def _next_reached(self, k: int, present: float) -> tuple[float, int, float, Order, float | None] | None:
        """(distance, id, price, order, share) of the open order that the leg reaches first when it moves on."""
        start, end, reached = self.points[k], self.points[k + 1], []
        for order in self.venue.open_orders():
            if order.id in self.venue.met:
                continue
            if order.by_mark and order.waits:
                share = self._share_of_trigger(k, order)
                if share is not None:
                    distance = self.ends[k] + share * (self.ends[k + 1] - self.ends[k])
                    reached.append((distance, order.id, start + (end - start) * share, order, share))
                continue
            price = self._reached_at(order, present, end)
            if price is not None:
                reached.append((self.ends[k] + abs(price - start), order.id, price, order, None))
        return min(reached, key=lambda thing: thing[:2], default=None)

    def _reached_at(self, order: Order, present: float, end: float) -> float | None:
        """Where a move from `present` to `end` reaches the order, if it does."""
        if order.waits:
            if not order.can_trigger:
                return None
            level, is_rising = self.venue.units.price(order.stop_ticks), order.triggers_rising
        elif order.is_limit:
            level, is_rising = self.venue.hit(order), not order.is_buy
        else:
            return None  # what is left of a market order waits for the next open
        if is_rising:
            return max(level, present) if present < end and end >= level else None
        return min(level, present) if present > end and end <= level else None


def chosen_walks(venues: list[Venue], execution: int, kinds: list[type[Walk]]) -> list[tuple[Walk, bool]]:
    """For each the walk of the model's path, and whether the other one would have ended with another equity."""
    ends = {}
    for venue, kind in zip(venues, kinds, strict=True):
        ends[venue.k] = [_equity_after(kind(venue, path, execution)) for path in ("ohlc", "olhc")]
    walks = []
    for venue, kind in zip(venues, kinds, strict=True):
        ohlc, olhc = _ends_of(venue, ends)
        walks.append((kind(venue, _path_of(venue, ohlc, olhc), execution), ohlc != olhc))
    return walks


def _ends_of(venue: Venue, ends: dict[int, list[float]]) -> list[float]:
    """What a venue's two paths end with; of the twins of a contract, which walk one path, both together."""
    own, twin = ends[venue.k], ends.get(venue.market.instrument.twin)
    if twin is None or venue.market.instrument.owner is None or twin[0] == twin[1]:
        return own
    if own[0] == own[1]:
        return twin
    first, second = (own, twin) if venue.market.instrument.hedge > 0 else (twin, own)
    return [first[0] + second[0], first[1] + second[1]]


def _path_of(venue: Venue, ohlc: float, olhc: float) -> str:
    """The model's path."""
    c, path = venue.candle, venue.model.path
    if path == "pessimistic":
        path = "olhc" if olhc < ohlc else "ohlc"
    elif path == "optimistic":
        path = "olhc" if olhc > ohlc else "ohlc"
    elif path == "adaptive":
        path = "ohlc" if c.high - c.open <= c.open - c.low else "olhc"
    return path


def _equity_after(walk: Walk) -> float:
    """The instrument's own equity at the close when it alone goes this walk; nothing of it is kept."""
    venue, walk.is_alone = walk.venue, True
    ledger, k = venue.ledger, venue.k
    saved, own = ledger.save(k), (venue.budget, set(venue.met), venue.fill_count)
    slippage = venue.account.draws[k].slippage
    drawn = slippage.count
    for leg in range(3):
        walk.leg(leg)
    units = venue.units
    worth = units.worth(ledger.base_units[k], venue.candle.close)
    equity = units.money(ledger.cash_units) + (-worth if units.is_inverse else worth)
    ledger.restore(k, saved)
    venue.budget, venue.met, venue.fill_count = own
    slippage.count = drawn
    return equity
