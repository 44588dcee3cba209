"""Plays a scenario over market trades on the kernel, its hooks run as Python and as the kernel calls compiled ones."""

import numpy as np
from parity.play import (
    CompiledPlayer,
    KernelPlayer,
    difference,
    instruments_of,
    limits_of,
    model_of,
    outcome,
    set_exit_rules,
)
from reference.scenarios import Scenario
from reference.tick_scenarios import ReferenceTickPlayer, TickScenario, TickScript

from planar.engine.curve import Curve, curve_over_trades
from planar.engine.tick_simulation import TickSimulation
from planar.kernel.state import ON_CANDLE, ON_FILL, ON_ORDER_ERROR, ON_STEP, ON_TICK, TICK
from planar.strategy.prints import Prints


def prints_of(trades) -> Prints:
    """Trades as the engine is given them."""
    time, price, amount = (np.array(column) for column in zip(*trades, strict=True))
    return Prints(time.astype(np.int64), price.astype(float), amount.astype(float), np.zeros(len(time), np.int64))


def simulation_of(made: TickScenario) -> TickSimulation:
    """The kernel over the scenario's trades, as planar/engine/market.py makes it."""
    scenario = made.scenario
    prints = [prints_of(each) for each in made.trades]
    end = max(int(each.time[-1]) for each in prints) + 1
    candles = [each.whole_candles(scenario.timeframe, end) for each in prints]
    simulation = TickSimulation(
        instruments_of(scenario), prints, candles, [0] * len(prints), start=0, cash=scenario.cash,
        model=model_of(scenario), limits=limits_of(scenario),
    )  # fmt: skip
    set_exit_rules(simulation, scenario)
    return simulation


class _OverTrades(TickScript):
    """What both players of the kernel have in common."""

    simulation: TickSimulation

    def __init__(self, made: TickScenario, **options) -> None:
        self.made = made
        super().__init__(made.scenario, **options)

    def _made(self, scenario: Scenario, shift: int) -> TickSimulation:
        self.follow(self.made)
        return simulation_of(self.made)

    def _curve(self) -> Curve:
        return curve_over_trades(self.simulation, self.simulation.prints)

    def _tick(self, k: int) -> None:
        self.on_trade(int(self.state["now"]), k, int(self.records[k]["row"]))


class KernelTickPlayer(_OverTrades, KernelPlayer):
    """The kernel, its hooks run as Python."""

    hooks = ON_STEP | ON_FILL | ON_ORDER_ERROR | ON_TICK

    def _run_hook(self) -> None:
        if self.state["phase"] == TICK:
            self._tick(int(self.state["current"]))
        else:
            super()._run_hook()


class CompiledTickPlayer(_OverTrades, CompiledPlayer):
    """The kernel as it runs compiled strategies."""

    hooks = ON_CANDLE | ON_FILL | ON_ORDER_ERROR | ON_TICK

    def _run(self) -> None:
        self.rows = [0] * len(self.records)
        self.on_tick = self._callable(self._tick_of_address)
        super()._run()

    def _tick_of_address(self) -> None:
        changed = [k for k, r in enumerate(self.records) if int(r["row"]) + 1 != self.rows[k]]
        self.rows = [int(r["row"]) + 1 for r in self.records]
        (k,) = changed
        self._tick(k)


def disagreement(made: TickScenario) -> tuple[str, dict]:
    """Where the kernel departs from the reference, and the reference's result."""
    theirs = outcome(ReferenceTickPlayer, made)
    found = difference(outcome(KernelTickPlayer, made), theirs)
    if not found and (found := difference(outcome(CompiledTickPlayer, made), theirs)):
        found = f"hooks called by the kernel: {found}"
    return found, theirs
