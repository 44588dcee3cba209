"""Section 12: the mark walks beside the price, the position is liquidated where it comes to its level."""

from .contract_venue import FUNDING, ContractVenue, Rate
from .liquidation import levels, liquidate
from .path import Walk


class ContractWalk(Walk):
    """A contract's way through one candle, and its mark's."""

    venue: ContractVenue

    def __init__(self, venue: ContractVenue, path: str, execution: int) -> None:
        """`path` is ohlc or olhc, of price and mark alike."""
        super().__init__(venue, path, execution)
        c = venue.mark_candle
        extremes = (c.high, c.low) if path == "ohlc" else (c.low, c.high)
        self.marks = (c.open, *extremes, c.close)
        self.due = sorted(
            [*self.due, *((time, -1, FUNDING, Rate(rate)) for time, rate in venue.inside)], key=lambda thing: thing[:3]
        )
        self.share = 0.0  # of the present leg

    def _pass(self, k: int, distance: float, share: float | None = None) -> None:
        length = self.ends[k + 1] - self.ends[k]
        self.share = ((distance - self.ends[k]) / length if length else 1.0) if share is None else share
        self.venue.mark = self._mark(k)

    def _share_of_trigger(self, k: int, order) -> float | None:
        trigger, present, y = self.venue.units.price(order.stop_ticks), self._mark(k), self.marks[k + 1]

        def is_beyond(mark: float) -> bool:
            return mark >= trigger if order.triggers_rising else mark <= trigger

        if is_beyond(present):
            return self.share
        if not is_beyond(y):
            return None
        return max((trigger - self.marks[k]) / (y - self.marks[k]), self.share)

    def _mark(self, k: int) -> float:
        x, y = self.marks[k], self.marks[k + 1]
        return x + (y - x) * self.share

    def _next_liquidation(self, k: int) -> tuple[float, float] | None:
        below, above = levels(self.venue)
        x, y = self.marks[k], self.marks[k + 1]
        leg, at = self.venue.spared
        first = max(self.share, at) if leg == k else self.share
        present = x + (y - x) * first
        if present <= below or present >= above:
            share = first
        elif y <= below:
            share = max((below - x) / (y - x), first)
        elif y >= above:
            share = max((above - x) / (y - x), first)
        else:
            return None
        return self.ends[k] + share * (self.ends[k + 1] - self.ends[k]), share

    def _liquidate(self, k: int, share: float) -> float:
        self.share = share
        self.venue.mark = self._mark(k)
        x, y = self.points[k], self.points[k + 1]
        price = x + (y - x) * share
        liquidate(self.venue, price, self.venue.mark, is_alone=self.is_alone)
        contract = self.venue.contract
        if contract.hedge and contract.is_cross and not self.is_alone:
            self.venue.peers[contract.twin].spared = k, share
        return price
