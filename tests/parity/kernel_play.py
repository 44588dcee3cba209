"""Plays a scenario of the reference's tests on the kernel, and shows both results in the same words."""

import numpy as np
from reference import test_properties as scenarios
from reference.engine import Engine

from planar.engine.simulation import Simulation
from planar.kernel import check, reads
from planar.kernel.state import ON_STEP
from planar.model.instrument import Instrument
from planar.model.order import NEVER, Event, Reason, Side, Status, Tif
from planar.simulator.fill_model import FillModel
from planar.strategy.candles import FIELDS, Candles
from planar.strategy.compiler import Hooks

NAN = float("nan")
SIZES = ("amount", "cost", "fraction", "risk")


def simulation_of(scenario: dict, upto: int = scenarios.COUNT, shift: int = 0) -> Simulation:
    """The kernel over the same instruments, candles and model."""
    quote_unit = scenario["instruments"][0].quote_unit
    instruments, candles = [], []
    for k, one in enumerate(scenario["instruments"]):
        instruments.append(
            Instrument(
                f"x:C{k}/USD", one.price_step, one.amount_step, one.min_amount, one.min_cost, one.maker, one.taker,
                one.fee_side, one.base_unit, quote_unit, one.delisted and one.delisted + shift, one.max_orders,
            )
        )  # fmt: skip
        table = scenarios.candles(scenario["rows"][k], upto, shift)
        time = np.array(table["time"], np.int64)
        columns = (np.array(table[f], float) for f in FIELDS)
        candles.append(Candles(time, *columns, scenarios.MINUTE))
    model = scenario["model"]
    fill_model = FillModel(
        model.path,
        model.latency_ms,
        model.spread,
        model.impact,
        model.stop_slippage,
        model.participation,
        model.limit_fill,
    )
    return Simulation(
        instruments, candles, [c.closes for c in candles], [0] * len(candles), start=0, cash=1000.0, model=fill_model
    )


class KernelPlay:
    """One run of the kernel under a script of acts."""

    def __init__(self, scenario: dict, upto: int = scenarios.COUNT, shift: int = 0) -> None:
        self.scenario, self.shift = scenario, shift
        self.simulation = simulation_of(scenario, upto, shift)
        self.simulation.state["hooks"], self.simulation.state["interpreted"] = ON_STEP, 1
        self.address = self.simulation.memory.address
        self.simulation.run(Hooks(), self._decide)
        self.simulation.end()

    def _decide(self) -> None:
        now = int(self.simulation.state["decided"])
        for number, k, act in self.scenario["acts"]:
            if number * scenarios.MINUTE + self.shift == now and k < len(self.simulation.instruments):
                self._do(k, scenarios.moved(act, self.shift))

    def _do(self, k: int, act: tuple) -> None:
        kind, *rest = act
        orders = self.simulation.log("orders")
        live = [i for i in range(len(orders)) if orders[i]["status"] <= Status.PARTIAL]
        if kind in ("buy", "sell"):
            self._order(k, kind, *rest)
        elif kind in ("amend", "cancel"):
            index = live[rest[0] % len(live)] if live else rest[0]
            owner = int(orders[index]["instrument"]) if index < len(orders) else k
            if kind == "cancel":
                check.cancel(self.address, owner, index + 1)
            else:
                terms = {rest[1]: rest[2]}
                numbers = [float(terms.get(n, NAN)) for n in ("price", "stop", "amount")]
                check.amend(self.address, owner, index + 1, *numbers)
        elif kind == "cancel_all":
            check.cancel_all(self.address, k)
        else:
            getattr(check, kind)(self.address, k, float(rest[0]), -1)

    def _order(self, k: int, side: str, size: str, value: float, terms: dict) -> None:
        check.submit(
            self.address, k, Side[side.upper()].value, SIZES.index(size), float(value), float(terms.get("price", NAN)),
            float(terms.get("stop", NAN)), float(terms.get("stop_loss", NAN)), Tif[terms.get("tif", "GTC")].value,
            terms.get("expire", NEVER), int(terms.get("post_only", False)), -1,
        )  # fmt: skip

    def result(self) -> dict:
        """Everything that happened, in plain values."""
        simulation = self.simulation
        state, records = simulation.state, simulation.memory.instruments
        orders = [
            (
                Status(int(o["status"])).name, Reason(int(o["reason"])).name.replace("NONE", ""), int(o["time"]),
                int(o["price"]), int(o["stop"]), int(o["amount"]), int(o["filled"]), int(o["cost"]), int(o["fee"]),
                int(o["reserved"]),
            )
            for o in simulation.log("orders")
        ]  # fmt: skip
        fills = [
            (
                int(f["time"]), int(f["instrument"]), int(f["order"]), int(f["ticks"]), int(f["amount"]),
                int(f["cost"]),
                int(f["fee"]), bool(f["fee_in_base"]), "maker" if f["maker"] else "taker",
            )
            for f in simulation.log("fills")
        ]  # fmt: skip
        events = [(int(e["time"]), Event(int(e["kind"])).name, int(e["order"])) for e in simulation.log("events")]
        events = [e for e in events if e[1] != "REJECTED"]
        equity = [
            tuple(map(float, row))
            for row in zip(*(simulation.log(n) for n in ("equity_time", "equity", "equity_cash")), strict=True)
        ]
        return {
            "orders": orders,
            "fills": fills,
            "events": events,
            "equity": equity,
            "cash": int(state["cash"]),
            "bases": [int(r["base"]) for r in records],
            "reserved": int(state["reserved"]),
            "path_decided": int(state["path_decided"]),
            "touched": int(state["touched"]),
            "position": [float(reads.position(self.address, k)) for k in range(len(records))],
        }


def reference_result(engine: Engine) -> dict:
    """The reference's run in the same words."""
    orders = [
        (
            o.status,
            o.reason,
            o.time,
            o.price_ticks or 0,
            o.stop_ticks or 0,
            o.amount,
            o.filled,
            o.cost,
            o.fee,
            o.reserved,
        )
        for o in engine.orders
    ]
    fills = [
        (f.time, f.instrument, f.order, f.ticks, f.amount, f.cost, f.fee, bool(f.fee_in_base), f.liquidity)
        for f in engine.fills
    ]
    return {
        "orders": orders,
        "fills": fills,
        # The reference also tells refusals at asking; the statuses of the orders tell them all.
        "events": [(int(t), kind, o) for t, kind, o in engine.events if kind != "REJECTED"],
        "equity": [tuple(map(float, row)) for row in engine.equity_curve],
        "cash": engine.cash_units,
        "bases": list(engine.base_units),
        "reserved": engine.reserved_quote,
        "path_decided": engine.path_decided,
        "touched": engine.touched,
        "position": [float(engine.position(k)) for k in range(len(engine.instruments))],
    }
