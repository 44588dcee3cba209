"""Tiers of leverage: what an exchange asks of a position by its size (docs/margin.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Self

import numpy as np

from planar.errors import ConfigError


@dataclass(frozen=True)
class Tier:
    """A bracket of leverage: notionals above floor, up to cap, in the currency that margin is paid in.

    cap: None for no end. maintenance_amount: by how much less than rate times notional is asked; None where it is not
    told.
    """

    floor: Decimal
    cap: Decimal | None
    maintenance_rate: Decimal
    maintenance_amount: Decimal | None
    max_leverage: Decimal


TIER = np.dtype([(name, "f8") for name in ("floor", "cap", "rate", "amount", "leverage")])
"""A tier as the kernel reads it. A table of them ends with one of an infinite floor."""

FALL = Decimal("0.999")
"""Maintenance amounts are rounded by who tells them, so the margin may fall by so little at a floor."""

Number = Decimal | float | str


@dataclass(frozen=True)
class Tiers:
    """The tiers of one instrument, checked, smallest first; compiled code takes it for the address of its `table`.

    name: the instrument, for errors. Maintenance amounts that are not told become those that let the margin grow
    without a jump. Raises ConfigError naming the instrument, the tier, the number and what it must be.
    """

    name: str
    tiers: tuple[Tier, ...]
    table: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.tiers:
            raise ConfigError(f"{self.name}: there are no tiers; give at least (0, maintenance rate, max leverage).")
        told: list[Tier] = []
        for number, tier in enumerate(self.tiers, 1):
            told.append(self._checked(number, tier, told[-1] if told else None))
        object.__setattr__(self, "tiers", tuple(told))
        object.__setattr__(self, "table", _table(told))

    @classmethod
    def of(cls, name: str, rows: Iterable[Sequence[Number]]) -> Self:
        """From one's own rows: (floor, maintenance rate, max leverage) and, where known, the maintenance amount."""
        given = [tuple(_decimal(name, number, x) for x in row) for number, row in enumerate(rows, 1)]
        for number, row in enumerate(given, 1):
            if len(row) not in (3, 4):
                wanted = "(floor, maintenance rate, max leverage[, maintenance amount])"
                raise ConfigError(f"{name}: tier {number} has {len(row)} numbers, not {wanted}.")
        caps = [row[0] for row in given[1:]] + [None]
        ends = zip(given, caps, strict=False)
        return cls(name, tuple(Tier(row[0], cap, row[1], row[3] if row[3:] else None, row[2]) for row, cap in ends))

    def plus_fee(self, rate: Number) -> Self:
        """The same tiers, each asking the fee of closing on top, as OKX, Gate and Phemex do."""
        fee = _decimal(self.name, 0, rate)
        tiers = tuple(replace(one, maintenance_rate=one.maintenance_rate + fee) for one in self.tiers)
        return replace(self, tiers=tiers)

    def __index__(self) -> int:
        """Where the table stands; it does as long as this lives."""
        return self.table.ctypes.data

    def _checked(self, number: int, tier: Tier, last: Tier | None) -> Tier:
        """The tier with its maintenance amount, once all of it is as it must be."""

        def require(is_met: bool, what: str, wanted: str) -> None:
            if not is_met:
                raise ConfigError(f"{self.name}: tier {number}: {what}={getattr(tier, what)} must be {wanted}.")

        rate, floor = tier.maintenance_rate, tier.floor
        for what, x in vars(tier).items():
            require(x is None or x.is_finite(), what, "a finite number")
        if last is None:
            require(floor == 0, "floor", "0: the smallest position has a tier too")
        else:
            require(floor == last.cap, "floor", f"the cap of the tier before, {last.cap}")
            require(rate >= last.maintenance_rate, "maintenance_rate", f"{last.maintenance_rate} or more, as before")
            require(tier.max_leverage <= last.max_leverage, "max_leverage", f"{last.max_leverage} or less, as before")
        require(tier.cap is None or tier.cap > floor, "cap", f"above its floor, {floor}")
        require(0 <= rate < 1, "maintenance_rate", "a fraction: 0.004 is 0.4 %")
        require(tier.max_leverage >= 1, "max_leverage", "1 or more")
        most = f"{1 / tier.max_leverage:f} or less, the initial margin at {tier.max_leverage}x: 0.004 is 0.4 %"
        require(rate * tier.max_leverage <= 1, "maintenance_rate", most)
        asked = _margin(last, floor) if last else Decimal(0)
        if tier.maintenance_amount is None:
            return replace(tier, maintenance_amount=floor * rate - asked)
        least = f"{floor * rate - asked} or less, or the margin would fall at {floor}; without it, it is derived"
        require(_margin(tier, floor) >= asked * FALL, "maintenance_amount", least)
        return tier


def _margin(tier: Tier, notional: Decimal) -> Decimal:
    return notional * tier.maintenance_rate - (tier.maintenance_amount or 0)


def _decimal(name: str, number: int, x: Number) -> Decimal:
    try:
        return Decimal(str(x))
    except InvalidOperation:
        where = f"tier {number}" if number else "the fee of closing"
        raise ConfigError(f"{name}: {where} has {x!r}, which is not a number.") from None


def _table(tiers: list[Tier]) -> np.ndarray:
    rows = [
        (one.floor, np.inf if one.cap is None else one.cap, one.maintenance_rate, one.maintenance_amount,
         one.max_leverage)
        for one in tiers
    ]  # fmt: skip
    table = np.array([*rows, (np.inf, np.inf, 1.0, 0.0, 0.0)], TIER)
    table.flags.writeable = False
    return table
