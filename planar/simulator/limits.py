"""The limits of a run, written into the kernel's record."""

from collections.abc import Mapping

import numpy as np

from planar.kernel import reads
from planar.kernel.limits import MINUTE
from planar.kernel.numbers import down
from planar.kernel.state import LIMITS, Memory
from planar.model.order import NEVER

NONE = float("inf")
LARGEST = 9.2e18
"""Quote units: a limit of more is none."""


def set_limits(memory: Memory, limits: Mapping[str, float]) -> None:
    """Gives a run these limits and no others; what was sent and lost before is not forgotten.

    limits: by name (docs/simulation.md, section 11); what is missing or 0 is none.
    """
    if memory.limits is None:
        memory.limits = memory.keep(np.zeros(1, LIMITS))
        first = memory.limits[0]
        first["day"] = first["lost"] = -1
        first["marked"] = first["peak"] = reads.equity(memory.address, 0)
        memory.state[0]["limits"] = memory.limits.ctypes.data
    record, state = memory.limits[0], memory.state[0]
    for name in ("max_order_cost", "max_position_cost", "max_exposure"):
        units = limits.get(name, 0) * state["quote_d"] / state["quote_n"]
        record[name] = down(units) if 0 < units < LARGEST else NEVER
    for name in ("price_collar", "daily_loss", "max_drawdown"):
        record[name] = limits.get(name, 0) or NONE
    record["max_open_orders"] = limits.get("max_open_orders", 0) or NEVER
    record["cooldown"] = MINUTE * int(limits.get("cooldown", 0))
    _set_pace(memory, record, int(limits.get("orders_per_minute", 0)))


def _set_pace(memory: Memory, record: np.void, room: int) -> None:
    """Room for the times of so many orders, with those of the last ones."""
    had, count = int(record["sent_room"]), int(record["sent_n"])
    if room == had:
        return
    known = np.roll(memory.sent, -count) if had and count > had else memory.sent[:count]
    memory.sent = memory.keep(np.zeros(room, np.int64))
    kept = known[max(len(known) - room, 0) :]
    memory.sent[: len(kept)] = kept
    record["sent"], record["sent_room"], record["sent_n"] = memory.sent.ctypes.data, room, len(kept)


def watches_equity(limits: Mapping[str, float]) -> bool:
    """Whether equity is to be looked at, at each close."""
    return bool(limits.get("daily_loss") or limits.get("max_drawdown"))
