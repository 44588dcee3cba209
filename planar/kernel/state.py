"""The engine's state: records of 8-byte fields, and the memory that keeps them alive.

Every field of STATE and INSTRUMENT is 8 bytes, so interpreted code reads them through one memoryview of integers and
one of floats at fixed places (`integers`, `floats`), as fast as Python reads anything.
"""

import mmap
import sys
from collections.abc import Callable

import numpy as np

from planar.kernel.machine import at
from planar.model.order import AMEND, EVENT, FILL, FUNDING, LIVE, ORDER, REFUSAL

# Bits of STATE.hooks: what the strategy defines.
ON_CANDLE, ON_FILL, ON_ORDER_ERROR, ON_POSITION, ON_STEP, ON_TICK = 1, 2, 4, 8, 16, 32

# What `run` answers.
DONE, LOG_FULL, NEEDS_PYTHON, SLICE_END = 0, 1, 2, 3

# STATE.phase: where the loop stands. The hook it asks Python for is named by the same number.
NEXT, TELL, POSITIONS, CANDLES, STEP, TICK = 0, 1, 2, 3, 4, 5

PATHS = {"pessimistic": 0, "optimistic": 1, "adaptive": 2, "ohlc": 3, "olhc": 4}

NOTE = np.dtype(
    [("time", "i8"), ("instrument", "i4"), ("kind", "i2"), ("count", "i2"), ("text", "i8")]
    + [(name, "f8") for name in "abcd"],
    align=True,
)
"""One log line, mark or plot point: the number of its text and up to four values."""


def _fields(integers: str, floats: str) -> np.dtype:
    return np.dtype([(name, "i8") for name in integers.split()] + [(name, "f8") for name in floats.split()])


STATE = _fields(
    # balances in quote units; times in ms; a log is short of room from so many entries on: …_full
    """
    count now step_time execution steps slice_end phase cursor decided told fills_told
    active_n has_changes is_stepping next_open next_delisting is_aligned is_lone
    orders_n fills_n events_n amends_n notes_n refusals_n fundings_n
    orders_cap fills_cap events_cap amends_cap notes_cap refusals_cap fundings_cap headroom is_full
    orders_full fills_full events_full amends_full notes_full refusals_full fundings_full
    cash reserved pending returning latency slice_steps
    path touch budgeted
    instruments orders fills events amends notes refusals fundings shared scratch stirred limits
    hooks interpreted current item path_decided touched outside
    contracts booked is_trial liquidations joint
    trade trades merged tick next_close end_time is_over
    outs outs_size news news_size slips slips_size
    fees fees_n fee_day
    """,
    "money quote_n quote_d spread impact stop_slippage participation traded",
)

INSTRUMENT = _fields(
    # what every step looks at comes first, to lie in few cache lines
    """
    next_open next_close row rows candle candles active_n base closable is_changed
    time close candle_time timeframe columns memory index
    open high low volume
    step reserved pending returning cost_n cost_d min_amount maker taker dearest fee_base
    delisted is_delisted max_orders
    has_left has_volume active due work lead market_rest budget budget_step live
    block window ring block_sums block_used
    entry_units entry_cost adds opened_row slots first_candle columns_n is_gapless
    reduces armed bound positions replaces
    is_contract is_isolated sign hedge twin owner spared_at
    leverage liquidation_fee tiers entry kept bid_reserved bid_pending bid_returning
    has_mark mark_open mark_high mark_low mark_close
    funding_times funding_rates funding_n funding_i next_funding funding_paid level_booked is_upwards base_before
    sides amounts estimates blocks ticks_from
    out_seed out_n news_seed news_n heard_at delay slips_seed slips_n
    """,
    """
    last amount up down min_cost base_n base_d price_n price_d tick x1 x2 d1 d2 d3 spread volatility day_volume share
    cost_scale size last_entry_price realised
    mark level mark_here spared up_equity down_equity
    """,
)

# INSTRUMENT.positions: how many there were so far, for `planar.kernel.exits`.
#
# Contracts (docs/simulation.md, sections 12 and 20). STATE.contracts: how many there are; booked: counts changes of the
# books; is_trial: a path is only tried; joint: liquidations for which it took the worst of all marks at once.
# INSTRUMENT.sign: 1, of an inverse contract -1, of which size is what one is worth in quote, and cost_scale infinite
# (of all others cost_n); leverage: in hundredths; tiers: address of their table; entry: what the base has cost, with
# its sign; kept: isolated margin; bid_…: what buys hold, as reserved … are of sells; mark_…: mark candles, a row each;
# mark: the last settled; mark_here: where it stands on the path; level: the mark at which it is liquidated, as of
# level_booked.
# Twins (section 22). INSTRUMENT.hedge: 1 and -1 of a long and a short one, of which owner is the contract and twin the
# other one; CONTRACT of what they are twins of, of which twin is the long one; spared: the share of a leg of the path,
# spared_at, before which it is not liquidated; up_equity, down_equity: what each path would end with.

LIMITS = _fields(
    # limits; what was sent last, as a ring of times; the day's loss and the drawdown
    """
    max_order_cost max_position_cost max_exposure max_open_orders
    sent sent_room sent_n
    day lost until cooldown days_lost stops
    """,
    "price_collar daily_loss max_drawdown day_equity marked peak",
)
"""The limits of a run, at `State.limits`, which is 0 for none (docs/simulation.md, section 11)."""

CONTRACT = 2
"""INSTRUMENT.hedge of a contract in hedge mode, which only its twins trade."""

State = at(STATE)
Limits = at(LIMITS)
Instrument = at(INSTRUMENT)
Order = at(ORDER)
Live = at(LIVE)
Fill = at(FILL)
Event = at(EVENT)
Amend = at(AMEND)
Note = at(NOTE)
Refusal = at(REFUSAL)
Funding = at(FUNDING)

FIRST_COLUMN = 9
"""Place of the first indicator in an instrument's column table (planar/strategy/typed.py)."""

SLOTS = 64
"""Resting quotes that one instrument can name: ``broker.quote(slot, …)``."""

LEGS = 8
"""Parts of a position with exits of their own: ``broker.protect(…)``; the last is the rest."""

ROOM_OF_SLOTS = SLOTS + 1 + 7 * LEGS
"""Whole numbers of an instrument: its quotes, and what stands in `planar.kernel.exits`."""


def place(dtype: np.dtype, field: str) -> int:
    """Position of an 8-byte field in its record, for memoryviews."""
    return (dtype.names or ()).index(field)


OWN_PAGES = 2**16, 2**22
"""Bytes of logs that lie in pages of their own. Smaller ones hardly count; larger ones numpy puts into larger pages."""

SPARE_BYTES = 2**27

_spare: dict[str, np.ndarray] = {}
"""Room of logs of a run that is gone, by name, for the next run: it need not be cleared by the system again, which
takes as long as writing to it."""


def _new_room(size: int) -> np.ndarray:
    """Bytes for a log.

    A session's are mostly room that is never written to. From the heap, where others lay before, they would take memory
    all the same, and leave holes that nothing else fits into.
    """
    least, most = OWN_PAGES
    if not least <= size < most:
        return np.empty(size, "u1")
    return np.frombuffer(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), "u1")


class Memory:
    """Owns every array whose address stands in a record; as long as it lives, the addresses hold.

    limits, sent: what `State.limits` and `LIMITS.sent` are the addresses of.
    """

    def __init__(self, count: int, max_orders: int) -> None:
        self.logs: dict[str, np.ndarray] = {}
        self.kept: list[np.ndarray] = []
        self.limits: np.ndarray | None = None
        self.sent = np.empty(0, np.int64)
        self.state = self.keep(np.zeros(1, STATE))
        self.instruments = self.keep(np.zeros(count, INSTRUMENT))
        state = self.state[0]
        state["count"] = count
        state["instruments"] = self.instruments.ctypes.data
        state["scratch"] = self.keep(
            np.zeros(STATE.itemsize + INSTRUMENT.itemsize + max_orders * (LIVE.itemsize + 8), "u1")
        ).ctypes.data
        state["stirred"] = self.keep(np.zeros(count, np.int64)).ctypes.data

    @property
    def address(self) -> int:
        """Of the state's record."""
        return self.state.ctypes.data

    def keep(self, array: np.ndarray) -> np.ndarray:
        """Holds an array for as long as this memory lives."""
        self.kept.append(array)
        return array

    def grow(self, name: str, dtype: np.dtype | str, capacity: int, used: int = 0) -> None:
        """Gives the log of that name room for ``capacity`` entries; the ``used`` ones that it holds stay."""
        room, size = _spare.pop(name, None), capacity * np.dtype(dtype).itemsize
        if room is None or len(room) < size:
            room = _new_room(size)
        new = room[:size].view(dtype)
        if used:
            new[:used] = self.logs[name][:used]
        self.logs[name] = new
        self.state[0][name] = new.ctypes.data

    def __del__(self, references: Callable[[object], int] = sys.getrefcount) -> None:  # `sys` goes before some of us
        while self.logs:
            name, log = self.logs.popitem()
            room, used = log.base, self.state[0][f"{name}_n"]
            del log
            # Whoever still looks at the log has it for good.
            if room is not None and used and references(room) == 2 and room.nbytes <= SPARE_BYTES:
                _spare[name] = room
