"""`ContractState`: the kernel's state of one account over perpetuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from planar.kernel import contracts, standing
from planar.model.order import NEVER
from planar.simulator.fill_model import FillModel
from planar.venue.kernel_state import KernelState
from planar.venue.listing import Listing
from planar.venue.usdm.funding import Funding


@dataclass(frozen=True)
class Position:
    """How a contract stands in an account: quote units but for ``units``, base units, and the mark, a price.

    units, entry, worth: below 0 for a short. kept: the margin of an isolated position. asked: its initial margin;
    needed: its maintenance margin; orders: what orders ask for on top. liquidation: a price, 0 for none.
    """

    listing: Listing
    units: int
    entry: int
    kept: int
    mark: float
    worth: int
    gain: int
    asked: int
    needed: int
    orders: int
    liquidation: float
    leverage: float
    is_isolated: bool

    @property
    def entry_price(self) -> Fraction:
        """Quote per base; 0 for no position."""
        listing = self.listing
        return Fraction(self.entry * listing.money, self.units * listing.unit) if self.units else Fraction(0)

    @property
    def margin(self) -> int:
        """What an isolated position has behind it, what it has won included."""
        return self.kept + self.gain if self.is_isolated else 0


class ContractState(KernelState):
    """The kernel's state of an account that trades perpetuals."""

    def __init__(self, listings: Sequence[Listing], model: FillModel) -> None:
        super().__init__(listings, model)
        self._expected: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._marks: dict[int, list[np.ndarray]] = {}
        # Minimums are judged before: what reduces a position has none.
        self.memory.instruments["min_cost"] = 0.0

    def plan(self, k: int, funding: Funding, time: int) -> None:
        """From now on the contract pays this funding."""
        record, keep = self.memory.instruments[k], self.memory.keep
        i, count = funding.index(time), len(funding.times)
        record["funding_times"], record["funding_rates"] = (
            keep(array).ctypes.data for array in (funding.times, funding.rates)
        )
        record["funding_n"], record["funding_i"] = count, i
        record["next_funding"] = funding.times[i] if i < count else NEVER

    def expect(self, k: int, time: int, rate: float) -> None:
        """The contract pays that next, as far as is known now; what was paid already is not paid again."""
        record = self.memory.instruments[k]
        if k not in self._expected:
            self._expected[k] = self.memory.keep(np.zeros(1, np.int64)), self.memory.keep(np.zeros(1))
            times, rates = self._expected[k]
            record["funding_times"], record["funding_rates"] = times.ctypes.data, rates.ctypes.data
            record["funding_n"] = record["funding_i"] = 1
        times, rates = self._expected[k]
        if record["funding_i"] and time <= times[0]:
            return
        times[0], rates[0] = time, rate
        record["funding_i"], record["next_funding"] = 0, time

    def set_mark(self, k: int, price: float) -> None:
        """From now on the mark is told, and is that; the next print sees it come there."""
        record = self.memory.instruments[k]
        if k not in self._marks:
            self._marks[k] = [self.memory.keep(np.full(1, price)) for _ in range(4)]
            for name, column in zip(("open", "high", "low", "close"), self._marks[k], strict=True):
                record[f"mark_{name}"] = column.ctypes.data
            record["has_mark"] = 1
        before = float(self._marks[k][3][0])
        for column, value in zip(self._marks[k], (before, max(before, price), min(before, price), price), strict=True):
            column[0] = value

    def stand(self, k: int) -> None:
        """The mark has come to where it was told to be."""
        for column in self._marks[k]:
            column[0] = self._marks[k][3][0]

    def hold(self, k: int, base: int, entry: int, kept: int, leverage: int, *, is_isolated: bool) -> None:
        """A position as it was: base units, what they have cost, its margin, hundredths of leverage."""
        record = self.memory.instruments[k]
        self.add_base(k, base - self.held(k))
        record["entry"], record["kept"], record["leverage"], record["is_isolated"] = entry, kept, leverage, is_isolated

    def wallet(self) -> tuple[int, int]:
        """Quote units of the wallet, and how many of them nothing is put up for; that may be below 0."""
        wallet, free = standing.account_standing(self.address)
        return int(wallet), int(free)

    def held(self, k: int) -> int:
        """Base units of the position, below 0 for a short."""
        return int(self.memory.instruments[k]["base"])

    def position(self, k: int) -> Position:
        """How a contract stands."""
        record = self.memory.instruments[k]
        worth, gain, asked, needed, orders = (int(x) for x in standing.position_standing(self.address, k))
        mark = float(standing.liquidation_mark(self.address, k))
        return Position(
            self.listings[k], int(record["base"]), int(record["entry"]), int(record["kept"]), float(record["mark"]),
            worth, gain, asked, needed, orders, mark if 0.0 < mark < float("inf") else 0.0,
            int(record["leverage"]) / 100, bool(record["is_isolated"]),
        )  # fmt: skip

    def set_leverage(self, k: int, leverage: int) -> int:
        """Gives 0 or a negative reason."""
        return int(contracts.set_leverage(self.address, k, float(leverage)))

    def set_isolated(self, k: int, is_isolated: bool) -> None:
        """Of a contract without position and orders."""
        self.memory.instruments[k]["is_isolated"] = is_isolated

    def add_margin(self, k: int, money: float) -> int:
        """Puts so much more behind an isolated position, below 0 takes it back; gives 0 or a negative reason."""
        return int(contracts.add_margin(self.address, k, money))
