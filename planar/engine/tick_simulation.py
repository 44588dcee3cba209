"""A simulated session over market trades: docs/simulation.md, section 14."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from planar.engine.simulation import NO_LIMITS, KernelHooks, Simulation
from planar.kernel import ticks
from planar.kernel.estimators import DAY, FIELDS, HOUR, START_VOLATILITY
from planar.kernel.state import INSTRUMENT, STATE
from planar.model.instrument import Instrument
from planar.model.order import NEVER
from planar.simulator.fill_model import FillModel
from planar.strategy.candles import Candles
from planar.strategy.prints import MINUTE, Prints

BLOCK = HOUR // MINUTE
WINDOW = DAY // HOUR
ONE_BLOCK = 2**62
"""Trades in a block of estimates, so that the estimators of candles let be what is written for them."""


class TickSimulation(Simulation):
    """The kernel's state over instruments and their market trades, and what runs it."""

    def __init__(
        self,
        instruments: list[Instrument],
        prints: Sequence[Prints],
        candles: list[Candles],
        first_rows: list[int],
        *,
        start: int,
        cash: float | Fraction,
        model: FillModel,
        limits: Mapping[str, float] = NO_LIMITS,
    ) -> None:
        self.prints = prints
        self._start = start
        execution = [each.candles for each in prints]
        super().__init__(
            instruments, execution, candles, first_rows, start=start, cash=cash, model=model, limits=limits
        )
        state, records = self.state, self.memory.instruments
        for k, (own, first) in enumerate(zip(prints, first_rows, strict=True)):
            self._set_prints(records[k], own, candles[k], first)
        state["tick"] = -1
        state["trades"] = sum(len(each) for each in prints) - sum(self.first_rows)
        state["end_time"] = max(int(each.time[-1]) for each in prints) + 1
        state["next_close"] = min(int(r["next_close"]) for r in records)
        if len(prints) > 1:
            state["merged"] = self.memory.keep(self._merged()).ctypes.data

    def _set_prints(self, record: np.void, prints: Prints, candles: Candles, first_row: int) -> None:
        """What a print has beside its prices, and what is known of a day at each hour."""
        keep = self.memory.keep
        record["row"] -= 1  # the last trade that there was
        record["sides"] = keep(np.ascontiguousarray(prints.side, np.int64)).ctypes.data
        record["amounts"] = keep(np.cumsum(prints.amount)).ctypes.data
        table = keep(_estimates(prints))
        record["estimates"], record["blocks"] = table.ctypes.data, len(table)
        ready = candles.close_at(first_row) if first_row < len(candles) else NEVER
        record["ticks_from"] = ready if first_row else self._start

    def _set_room(self, record: np.void, instrument: Instrument, candles: Candles) -> None:  # noqa: ARG002 - hours of trades have no room
        self._set_orders(record, instrument)
        record["block"], record["block_used"] = ONE_BLOCK, 0

    def _merged(self) -> np.ndarray:
        """Whose trade comes next, from the start on: by time, of one time as the instruments are declared."""
        rows = [slice(first, None) for first in self.first_rows]
        times = np.concatenate([each.time[own] for each, own in zip(self.prints, rows, strict=True)])
        owners = np.repeat(
            np.arange(len(rows)), [len(each) - own.start for each, own in zip(self.prints, rows, strict=True)]
        )
        return owners[np.argsort(times, kind="stable")]

    def _go_on(self, hooks: KernelHooks | None) -> int:
        if hooks is None:
            return ticks.run(self.memory.address, 0, 0, 0, 0, 0)
        on = hooks.on_candle, hooks.on_fill, hooks.on_order_error, hooks.on_position, hooks.on_tick
        return ticks.run(self.memory.address, *on)


def _estimates(prints: Prints) -> np.ndarray:
    """Shape (hours of minutes with trades, 4): row of the first trade, spread, volatility and volume of a day."""
    minutes = prints.minutes
    count = -(-len(minutes) // BLOCK)
    table = np.zeros((count, ticks.ESTIMATES))
    table[:, 0] = prints.first_rows[::BLOCK]
    table[0, 2] = START_VOLATILITY
    state, record, ring = np.zeros(1, STATE), np.zeros(1, INSTRUMENT), np.zeros(WINDOW * FIELDS + BLOCK + 1)
    state["execution"] = MINUTE
    for name in ("high", "low", "close", "volume"):
        record[name] = getattr(minutes, name).ctypes.data
    record["block"], record["window"], record["block_used"], record["ring"] = BLOCK, WINDOW, -1, ring.ctypes.data
    for block in range(1, count):
        ticks.estimate_at(state.ctypes.data, record.ctypes.data, block * BLOCK)
        table[block, 1:] = record[0]["spread"], record[0]["volatility"], record[0]["day_volume"]
    return table
