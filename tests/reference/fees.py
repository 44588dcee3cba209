"""Section 19: fees by the volume of 30 days."""

from .account import Account

DAY = 86_400_000


class Fees:
    """The rates of a run."""

    def __init__(self, account: Account) -> None:
        self.account, self.day = account, None
        self.tiers = account.model.tiers
        self.traded: dict[int, float] = {}
        self.seen = 0  # fills that were counted
        if self.tiers:
            for units in account.units:
                units.dearest = max(round(rate * 1e9) for _, *rates in self.tiers for rate in (*rates, 0.0))
            self._set(self.tiers[0])

    def begin_step(self, time: int) -> None:
        """A step is about to begin."""
        if not self.tiers:
            return
        self._count()
        day = time // DAY
        if day != self.day:
            if self.day is None:
                self.traded = {day - 30 + i: self.account.model.volume / 30 for i in range(30)}
            self.day = day
            volume = 0.0
            for before in range(day - 30, day):
                volume += self.traded.get(before, 0.0)
            self._set([tier for tier in self.tiers if tier[0] <= volume][-1])

    def _count(self) -> None:
        fills = self.account.fills
        for fill in fills[self.seen :]:
            if fill.order >= 0:
                self.traded[self.day] = self.traded.get(self.day, 0.0) + self.account.units[0].money(fill.cost)
        self.seen = len(fills)

    def _set(self, tier: tuple[float, float, float]) -> None:
        for units in self.account.units:
            units.maker, units.taker = (round(rate * 1e9) for rate in tier[1:])
