"""`Books`: the kernel's state of one account in continuous time: no candles, each instrument stands at one print."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from planar.kernel.state import NOTE, ROOM_OF_SLOTS, Memory
from planar.model.instrument import Instrument
from planar.model.order import AMEND, EVENT, FILL, FUNDING, LIVE, NEVER, ORDER, REFUSAL
from planar.simulator.limits import set_limits
from planar.simulator.records import set_cash_unit, set_rules

LOGS = {
    "orders": ORDER, "fills": FILL, "events": EVENT, "amends": AMEND, "notes": NOTE, "refusals": REFUSAL,
    "fundings": FUNDING,
}  # fmt: skip
SPARE = {"orders": 1, "fills": 1, "events": 4, "amends": 1, "notes": 1, "refusals": 1, "fundings": 1}
"""What one order may write to each log in one step."""

FIRST_ROOM = 256
FAR = 1e300


class Books:
    """Balances and orders in whole units. What is asked arrives at once: `State.latency` is 0.

    limits: those that hold, by name. live: by instrument, LIVE records of its open orders, by slot. headroom: orders
    and notes that one step may write beside those that can be open.
    """

    def __init__(self, instruments: Sequence[Instrument], cash_unit: Fraction, headroom: int = 1) -> None:
        self.instruments = list(instruments)
        self.orders_at_once = sum(each.max_orders for each in instruments) + headroom
        self.memory = Memory(len(instruments), max(each.max_orders for each in instruments))
        self.address = self.memory.address
        self.record = self.memory.state[0]
        self.limits: dict[str, float] = {}
        self.live: list[np.ndarray] = []
        self._active: list[np.ndarray] = []
        self.record["execution"] = 1
        self.record["next_delisting"] = NEVER
        set_cash_unit(self.record, cash_unit)
        for k, instrument in enumerate(instruments):
            self._list(k, instrument, cash_unit)
        self.make_room()

    def _list(self, k: int, instrument: Instrument, cash_unit: Fraction) -> None:
        keep = self.memory.keep
        record = self.memory.instruments[k]
        record["index"] = k
        for name in ("time", "open", "high", "low", "close", "volume"):
            record[name] = keep(np.zeros(1, np.int64 if name == "time" else np.float64)).ctypes.data
        record["rows"] = record["has_volume"] = record["block"] = record["window"] = 1
        record["due"], record["down"], record["up"] = NEVER, -FAR, FAR
        room = instrument.max_orders + 1
        self.live.append(keep(np.zeros(room, LIVE)))
        record["live"] = self.live[-1].ctypes.data
        self._active.append(keep(np.arange(room)))
        record["active"] = self._active[-1].ctypes.data
        record["slots"] = keep(np.zeros(ROOM_OF_SLOTS, np.int64)).ctypes.data
        set_rules(record, instrument, cash_unit)
        self.record["contracts"] += instrument.is_contract

    def limit(self, limits: Mapping[str, float]) -> None:
        """From now on these limits hold and no others, by name; what was sent and lost before is not forgotten."""
        self.limits = dict(limits)
        set_limits(self.memory, limits)

    def make_room(self) -> None:
        """Gives the logs that are short of room four times as much."""
        for name, dtype in LOGS.items():
            used, spare = int(self.record[f"{name}_n"]), SPARE[name] * self.orders_at_once
            if used + spare > self.record[f"{name}_cap"]:
                capacity = max(4 * (used + spare), FIRST_ROOM)
                self.memory.grow(name, dtype, capacity, used)
                self.record[f"{name}_cap"], self.record[f"{name}_full"] = capacity, capacity - spare
        self.record["is_full"] = 0

    def set_last(self, k: int, price: float) -> None:
        """Says where the market of an instrument stands."""
        record = self.memory.instruments[k]
        record["last"] = record["mark"] = price

    def cash(self) -> tuple[int, int]:
        """Quote units, and how many of them orders hold."""
        return int(self.record["cash"]), int(self.record["reserved"])

    def wallet_units(self) -> int:
        """Quote units: cash, and what the base of contracts has cost."""
        return int(self.record["cash"]) + sum(self.memory.instruments["entry"].tolist())

    def base(self, k: int) -> tuple[int, int]:
        """Base units of an instrument, and how many of them orders hold."""
        record = self.memory.instruments[k]
        return int(record["base"]), int(record["reserved"])

    def open_records(self, k: int) -> np.ndarray:
        """LIVE records of an instrument's open orders, by id."""
        return self.live[k][self._active[k][: int(self.memory.instruments[k]["active_n"])]]

    def log(self, name: str, since: int) -> np.ndarray:
        """What a log got since an entry."""
        return self.memory.logs[name][since : int(self.record[f"{name}_n"])]
