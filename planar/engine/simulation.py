"""One simulated session: builds the kernel's state from instruments and candles, and runs it in slices."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from planar.engine.perpetual import Perpetual, beside
from planar.kernel import ledger, loop
from planar.kernel.estimators import DAY, FIELDS, HOUR
from planar.kernel.state import CONTRACT, DONE, LOG_FULL, NEEDS_PYTHON, NOTE, ROOM_OF_SLOTS, Memory
from planar.model.instrument import SIDES, Instrument, exact
from planar.model.order import AMEND, EVENT, FILL, FUNDING, LIVE, NEVER, ORDER, REFUSAL
from planar.simulator.drawn import set_draws
from planar.simulator.fill_model import FillModel
from planar.simulator.limits import set_limits, watches_equity
from planar.simulator.records import set_cash_unit, set_model, set_rules, whole
from planar.strategy.candles import Candles

LOGS = {
    "orders": (ORDER, "orders_cap"),
    "fills": (FILL, "fills_cap"),
    "events": (EVENT, "events_cap"),
    "amends": (AMEND, "amends_cap"),
    "notes": (NOTE, "notes_cap"),
    "refusals": (REFUSAL, "refusals_cap"),
    "fundings": (FUNDING, "fundings_cap"),
}
SLICE_STEPS, INTERPRETED_STEPS = 2_000_000, 20_000
FAR = 1e300
LARGE_LOG = 1_000_000
NO_LIMITS: Mapping[str, float] = {}


def twins_of(instruments: Sequence[Instrument]) -> list[tuple[int, int]]:
    """(contract, 1 or -1) of the twins that instruments in hedge mode have (docs/simulation.md, section 22)."""
    return [(k, side) for k, one in enumerate(instruments) if one.is_hedged for side in SIDES]


class KernelHooks(Protocol):
    """Addresses of hooks in the kernel's signature."""

    on_candle: int
    on_fill: int
    on_order_error: int
    on_position: int
    on_tick: int


class Simulation:
    """The kernel's state over instruments and their execution candles, and what runs it."""

    def __init__(
        self,
        instruments: list[Instrument],
        execution: list[Candles],
        candles: list[Candles],
        first_rows: list[int],
        *,
        start: int,
        cash: float | Fraction,
        model: FillModel,
        limits: Mapping[str, float] = NO_LIMITS,
        perpetuals: Sequence[Perpetual] | None = None,
    ) -> None:
        self.twins = twins_of(instruments)
        owners = [owner for owner, _ in self.twins]
        self.owners = [*range(len(instruments)), *owners]
        instruments = [*instruments, *(instruments[k] for k in owners)]
        execution, candles = [*execution, *(execution[k] for k in owners)], [*candles, *(candles[k] for k in owners)]
        first_rows = [*first_rows, *(first_rows[k] for k in owners)]
        perpetuals = [*perpetuals, *(perpetuals[k] for k in owners)] if perpetuals else None
        self.instruments = instruments
        self.execution, self.candles = execution, candles
        self._live: list[tuple[np.ndarray, np.ndarray]] = []
        self.memory = Memory(len(instruments), max(i.max_orders for i in instruments))
        self.state = self.memory.state[0]
        self.quote = exact(instruments[0].quote_unit)
        self._set_state(cash, model)
        self.start_cash = int(self.state["cash"])
        if limits:
            set_limits(self.memory, limits)
        for k, instrument in enumerate(instruments):
            self._set_instrument(k, instrument, execution[k], candles[k], first_rows[k], start)
            if instrument.is_contract:
                self._set_contract(k, perpetuals[k] if perpetuals else Perpetual(), start)
        self._set_twins()
        self.state["next_open"] = min(int(r["next_open"]) for r in self.memory.instruments)
        self.first_rows = [int(record["row"]) for record in self.memory.instruments]
        # Decisions need no look-out of their own where execution candles are the strategy's: the same objects.
        self.state["is_aligned"] = all(c is e for c, e in zip(candles, execution, strict=True))
        lone = self.memory.instruments[0]
        is_lone = len(instruments) == 1 and self.state["is_aligned"] and lone["is_gapless"]
        self.state["is_lone"] = is_lone and not watches_equity(limits)
        rows = max(len(c) for c in execution)
        room = int(self.state["headroom"])
        # Memory that is not written to costs nothing, growing costs a copy: start with an order per candle.
        usual = 4 * room + min(rows, LARGE_LOG)
        for name in LOGS:
            self._grow(name, 4 * usual if name == "events" else usual)

    def _set_state(self, cash: float | Fraction, model: FillModel) -> None:
        state = self.state
        set_cash_unit(state, self.quote)
        unit = self.quote if isinstance(cash, Fraction) else float(self.quote)
        state["cash"] = whole(cash / unit, "cash")
        state["money"] = int(state["cash"]) * state["quote_n"] / state["quote_d"]
        state["execution"] = self.execution[0].timeframe
        set_model(state, model)
        names = [each.name for each in self.instruments]
        first = len(names) - len(self.twins)
        names[first:] = [f"{names[owner]} {SIDES[side]}" for owner, side in self.twins]
        set_draws(self.memory, names, model.latency_ms, model.news_ms, model.slippage, model.seed)
        state["headroom"] = sum(i.max_orders for i in self.instruments) + 4096
        state["slice_end"] = state["slice_steps"] = max(1_000, SLICE_STEPS // len(self.instruments))
        state["next_delisting"] = min(NEVER if i.delisted is None else i.delisted for i in self.instruments)

    def _set_instrument(
        self, k: int, instrument: Instrument, execution: Candles, candles: Candles, first_row: int, start: int
    ) -> None:
        record = self.memory.instruments[k]
        record["index"] = k
        self._set_candles(record, execution, candles, first_row, start)
        set_rules(record, instrument, self.quote)
        self._set_room(record, instrument, execution)
        record["due"], record["down"], record["up"] = NEVER, -FAR, FAR
        record["opened_row"] = 0

    def _set_candles(self, record: np.void, execution: Candles, candles: Candles, first_row: int, start: int) -> None:
        """Where the candles are, and the first of them that counts."""
        keep = self.memory.keep
        for name in ("time", "open", "high", "low", "close", "volume"):
            dtype = np.int64 if name == "time" else np.float64
            record[name] = keep(np.ascontiguousarray(getattr(execution, name), dtype)).ctypes.data
        record["rows"] = len(execution)
        record["row"] = int(np.searchsorted(execution.time, start))
        record["is_gapless"] = _is_gapless(execution)
        record["next_open"] = execution.time[record["row"]] if record["row"] < len(execution) else NEVER
        record["has_volume"] = not np.isnan(execution.volume[:1]).any()
        record["candle_time"] = keep(np.ascontiguousarray(candles.time, np.int64)).ctypes.data
        record["timeframe"], record["candles"] = candles.timeframe, len(candles)
        # Where execution candles are the strategy's, the first to be settled is the first to be decided on.
        begun = record["row"] if candles is execution else candles.closed_by(start)
        record["candle"] = record["first_candle"] = max(first_row, begun)
        record["next_close"] = candles.close_at(record["candle"]) if record["candle"] < len(candles) else NEVER

    def _set_contract(self, k: int, perpetual: Perpetual, start: int) -> None:
        """Mark candles, one for each execution candle, nan where there is none; the funding from the start on."""
        record, keep = self.memory.instruments[k], self.memory.keep
        self.state["contracts"] += 1
        if perpetual.mark is not None:
            mark = beside(self.execution[k], perpetual.mark)
            for name in ("open", "high", "low", "close"):
                record[f"mark_{name}"] = keep(mark[name]).ctypes.data
            record["has_mark"] = True
        times, rates = perpetual.since(start)
        record["funding_times"], record["funding_rates"] = keep(times).ctypes.data, keep(rates).ctypes.data
        record["funding_n"], record["next_funding"] = len(times), times[0] if len(times) else NEVER

    def _set_twins(self) -> None:
        """A contract in hedge mode and its twins know each other; only it is decided on."""
        records = self.memory.instruments
        first = len(records) - len(self.twins)
        for k, (owner, side) in enumerate(self.twins, first):
            records[k]["hedge"], records[k]["owner"], records[k]["next_close"] = side, owner, NEVER
            records[k]["twin"] = k + side  # the long one comes first
            if side > 0:
                records[owner]["hedge"], records[owner]["twin"] = CONTRACT, k
            records[k]["share"] = records[owner]["share"] / 2
            records[owner]["funding_n"], records[owner]["next_funding"] = 0, NEVER

    def set_share(self, k: int, share: float) -> None:
        """What of the volume of an instrument orders may have; twins have half of it each."""
        self.memory.instruments[k]["share"] = share
        for place, owner in enumerate(self.owners):
            if owner == k and place != k:
                self.memory.instruments[place]["share"] = share / 2

    def _set_room(self, record: np.void, instrument: Instrument, candles: Candles) -> None:
        """Room for the estimators' blocks, for open orders and for slots."""
        block = max(1, HOUR // candles.timeframe)
        window = max(20, -(-DAY // (block * candles.timeframe)))
        record["block"], record["window"], record["block_used"] = block, window, -1
        # The blocks' sums, and room for the candles of the one that is being summed.
        record["ring"] = self.memory.keep(np.zeros(window * FIELDS + block + 1)).ctypes.data
        self._set_orders(record, instrument)

    def _set_orders(self, record: np.void, instrument: Instrument) -> None:
        """Room for open orders and for slots."""
        keep = self.memory.keep
        # One slot more than there may be open orders: a refused one is made there too.
        live, active = np.zeros(instrument.max_orders + 1, LIVE), np.arange(instrument.max_orders + 1)
        record["live"], record["active"] = keep(live).ctypes.data, keep(active).ctypes.data
        self._live.append((live, active))
        record["slots"] = keep(np.zeros(ROOM_OF_SLOTS, np.int64)).ctypes.data

    def _grow(self, name: str, capacity: int) -> None:
        dtype, field = LOGS[name]
        self.memory.grow(name, dtype, capacity, int(self.state[field.replace("_cap", "_n")]))
        self.state[field] = capacity
        self.state[f"{name}_full"] = capacity - self._reserve_of(name)

    def _reserve_of(self, name: str) -> int:
        """Room that a log must have left before a step: an order may have several events in one."""
        return int(self.state["headroom"]) * (4 if name == "events" else 1)

    def _make_room(self) -> None:
        """Gives the logs that are short of room four times as much."""
        for name, (_, field) in LOGS.items():
            used, need = int(self.state[field.replace("_cap", "_n")]), self._reserve_of(name)
            if used + need > self.state[field]:
                self._grow(name, max(4 * len(self.memory.logs[name]), used + 2 * need))
        self.state["is_full"] = 0

    def run(
        self, hooks: KernelHooks | None, run_hook: Callable[[], None], watch: Callable[[int], None] | None = None
    ) -> None:
        """Runs to the end of the data. ``run_hook`` runs the hook that the kernel asks for: every one when none is
        compiled; ``watch`` sees the time.
        """
        state = self.state
        state["interpreted"] = hooks is None
        if hooks is None:
            state["slice_end"] = state["slice_steps"] = min(state["slice_steps"], INTERPRETED_STEPS)
        while True:
            code = self._go_on(hooks)
            if code == NEEDS_PYTHON:
                run_hook()
            elif code == LOG_FULL:
                self._make_room()
            elif code == DONE:
                return
            elif watch is not None:
                watch(int(state["now"]))

    def _go_on(self, hooks: KernelHooks | None) -> int:
        """Runs until something outside is needed; gives what."""
        on = (hooks.on_candle, hooks.on_fill, hooks.on_order_error, hooks.on_position) if hooks else (0, 0, 0, 0)
        return loop.run(self.memory.address, *on)

    def end(self) -> int:
        """Settles what stopped trading long before the end; gives how many instruments."""
        step = int(self.state["execution"])
        return loop.end(self.memory.address, max(DAY, 10 * step))

    def open_orders(self) -> np.ndarray:
        """LIVE records of the orders that are open now, by instrument and id."""
        pairs = zip(self._live, self.memory.instruments["active_n"], strict=True)
        found = [live[active[:count]] for (live, active), count in pairs if count]
        return np.concatenate(found) if found else np.empty(0, LIVE)

    def log(self, name: str) -> np.ndarray:
        """What a log holds."""
        if name == "orders":
            ledger.write_open_orders(self.memory.address)
        return self.memory.logs[name][: int(self.state[LOGS[name][1].replace("_cap", "_n")])]


def _is_gapless(candles: Candles) -> bool:
    return len(candles) > 0 and int(candles.time[-1] - candles.time[0]) == (len(candles) - 1) * candles.timeframe
