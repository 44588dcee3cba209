"""What a run asked for, beside what the whole asked for up to the same moment: orders, amends and cancels.

An amend overwrites the terms its order began with: of such an order, these are not compared.
"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from planar.engine.run import Run
from planar.model.order import NEVER, Reason, Status
from planar.strategy.candles import Candles

ASKED = ["time", "instrument", "side", "kind", "tif", "requested"]
"""What of an order is the strategy's own and never changes, its tag apart."""
AMENDED = ["time", "order", "price", "stop", "amount"]
"""What of an amend is the strategy's own."""


@dataclass(frozen=True)
class Asked:
    """The kernel's records of orders, amends and open orders, and the tag of each order.

    latency: how long a cancel travels, ms.
    """

    orders: np.ndarray
    tags: np.ndarray
    amends: np.ndarray
    live: np.ndarray
    latency: int

    @classmethod
    def by(cls, run: Run, latency: int) -> "Asked":
        """What a run asked for."""
        logs = run.logs
        words = {number: logs.texts.text(number) for number in np.unique(logs.orders["tag"]).tolist()}
        tags = np.array([words[number] for number in logs.orders["tag"].tolist()], object)
        return cls(logs.orders, tags, logs.amends, logs.live, latency)

    def moments(self) -> np.ndarray:
        """When something was asked for, in order."""
        return np.unique(np.concatenate((self.orders["time"], self.amends["time"])))


def is_otherwise(part: Asked, whole: Asked, end: int, candles: list[Candles]) -> bool:
    """Whether what was asked for up to the end differs. candles: of each instrument, beyond the end."""
    count = int(np.searchsorted(part.orders["time"], end, side="right"))
    if count != int(np.searchsorted(whole.orders["time"], end, side="right")):
        return True
    mine, theirs = part.orders[:count], whole.orders[:count]
    if not all(np.array_equal(mine[name], theirs[name], equal_nan=True) for name in ASKED):
        return True
    if not np.array_equal(part.tags[:count], whole.tags[:count]):
        return True
    never_amended = ~np.isin(np.arange(count), whole.amends["order"])
    if any((never_amended & (mine[name] != theirs[name])).any() for name in ("price", "stop")):
        return True
    amends = (each.amends[each.amends["time"] <= end][AMENDED].tolist() for each in (part, whole))
    if any(a != b for a, b in zip_longest(*amends)):
        return True
    trades = np.array([_has_candle(each, end + whole.latency) for each in candles])
    return _cancels_differ(part, whole, end, never_amended & trades[mine["instrument"]])


def _has_candle(candles: Candles, moment: int) -> bool:
    row = int(np.searchsorted(candles.time, moment, side="right")) - 1
    return row >= 0 and moment < candles.close_at(row)


def _cancels_differ(part: Asked, whole: Asked, end: int, comparable: np.ndarray) -> bool:
    """Whether an order is cancelled otherwise; one that was done before its cancel arrived tells nothing."""
    count = len(comparable)
    mine_at, theirs_at = _cancel_arrives(part)[:count], _cancel_arrives(whole)[:count]
    for arrives in (mine_at, theirs_at):
        arrives[arrives > end + whole.latency] = NEVER
    theirs = whole.orders[:count]
    overtaken = ~_is_cancelled(theirs) & (theirs["done"] <= mine_at)
    return bool((comparable & ~overtaken & (mine_at != theirs_at)).any())


def _is_cancelled(orders: np.ndarray) -> np.ndarray:
    return (orders["status"] == Status.CANCELLED) & (orders["reason"] == Reason.NONE)


def _cancel_arrives(asked: Asked) -> np.ndarray:
    """When the cancel of each order arrived or will arrive, NEVER for none."""
    arrives = np.where(_is_cancelled(asked.orders), asked.orders["done"], NEVER)
    arrives[asked.live["id"]] = asked.live["cancel_at"]
    return arrives
