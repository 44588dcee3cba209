"""Plays a scenario of `reference.scenarios` on the kernel, compares it with the reference, and counts what occurred."""

import ctypes
import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from reference.model import CONTRACT
from reference.model import Instrument as ReferenceInstrument
from reference.scenarios import NAN, PLAIN_ORDER, Player, ReferencePlayer, Scenario, name_of

from planar.engine.curve import Curve, curve_of
from planar.engine.perpetual import Perpetual
from planar.engine.simulation import LOGS, Simulation
from planar.kernel import check, contracts, exits, ledger, protect, reads
from planar.kernel.links import ARMED
from planar.kernel.machine import compiled
from planar.kernel.state import ON_CANDLE, ON_FILL, ON_ORDER_ERROR, ON_STEP, TELL, State
from planar.model.instrument import Instrument
from planar.model.order import BY_MARK, NEVER, REDUCES, Event, Forced, Limit, Reason, Side, Status, Tif
from planar.model.tiers import Tiers
from planar.simulator.drawn import Recorded
from planar.simulator.fee_tiers import FeeTiers, set_tiers
from planar.simulator.fill_model import FillModel
from planar.strategy.candles import FIELDS, Candles, resample

SIZES = ("amount", "cost", "fraction", "risk")
TRIGGERS = ("stop", "take", "trail", "trail_by")


@dataclass(frozen=True)
class Pace:
    """How the kernel is driven. None of it may change a result."""

    slice_steps: int | None = None
    collect: bool = False  # garbage, between slices
    headroom: int | None = None  # what one decision may write; the logs start with no room at all


def simulation_of(scenario: Scenario, shift: int = 0) -> Simulation:
    """The kernel over the scenario's instruments, candles and model; strategy candles as planar/engine/market.py
    makes them."""
    instruments, execution = instruments_of(scenario.moved(shift)), []
    for k in range(len(instruments)):
        table = scenario.columns(k, shift)
        columns = (np.array(table[f], float) for f in FIELDS)
        execution.append(Candles(np.array(table["time"], np.int64), *columns, scenario.execution))
    end = max((c.close_at(-1) for c in execution if len(c)), default=0)
    is_same = scenario.timeframe == scenario.execution
    candles = [c if is_same or len(c) == 0 else resample(c, scenario.timeframe, end) for c in execution]
    model = model_of(scenario)
    first, limits = [0] * len(candles), limits_of(scenario)
    moved = scenario.moved(shift)
    perpetuals = [_perpetual(moved, k, shift) for k in range(len(instruments))]
    made = Simulation(
        instruments, execution, candles, first, start=shift, cash=scenario.cash, model=model, limits=limits,
        perpetuals=perpetuals,
    )  # fmt: skip
    set_exit_rules(made, scenario)
    return made


def set_exit_rules(simulation: Simulation, scenario: Scenario) -> None:
    """What the engine is told in other ways: exit rules, shares of the volume, fees by volume."""
    for record, one in zip(simulation.memory.instruments, scenario.instruments, strict=True):
        record["reduces"], record["armed"] = one.partial == "reduce", ARMED[one.armed]
        record["share"], record["replaces"] = one.share, one.amend == "replace"
    if scenario.model.tiers:
        set_tiers(simulation.memory, FeeTiers(scenario.model.tiers, scenario.model.volume))
        simulation.state["is_lone"] = 0


def model_of(scenario: Scenario) -> FillModel:
    """The scenario's assumptions as the engine knows them."""
    given = {name: value for name, value in vars(scenario.model).items() if name not in ("tiers", "volume")}
    return FillModel(**{name: Recorded(value) if isinstance(value, tuple) else value for name, value in given.items()})


def instruments_of(scenario: Scenario) -> list[Instrument]:
    """The scenario's instruments as the engine knows them."""
    found = []
    for k, one in enumerate(scenario.instruments):
        if one.hedge in (1, -1):  # which the engine makes itself
            continue
        name = name_of(one, k)
        usual = (
            one.price_step, one.amount_step, one.min_amount, one.min_cost, one.maker, one.taker, one.fee_side,
            one.base_unit, one.quote_unit, one.delisted, one.max_orders,
        )  # fmt: skip
        found.append(Instrument(name, *usual, **_contract_terms(name, one)))
    return found


def limits_of(scenario: Scenario) -> dict[str, float]:
    """The scenario's limits by name."""
    limits = {name: value for name, value in vars(scenario.limits).items() if value is not None}
    return {} if len(limits) == 1 else limits  # the cool-down alone is none


def _contract_terms(name: str, one: ReferenceInstrument) -> dict:
    """What only contracts have."""
    if not one.is_contract:
        return {}
    tiers = Tiers.of(name, one.tiers)
    names = ("leverage", "margin_mode", "liquidation_fee", "contract_size")
    mode = "hedge" if one.hedge == CONTRACT else "one_way"
    return {"tiers": tiers, "position_mode": mode, **{field: getattr(one, field) for field in names}}


def _perpetual(scenario: Scenario, k: int, shift: int) -> Perpetual:
    """The mark candles and the funding of an instrument of a scenario that was moved already."""
    table = scenario.mark_columns(k, shift)
    mark = None
    if table is not None:
        columns = (np.array(table.get(name, table["close"]), float) for name in FIELDS)
        mark = Candles(np.array(table["time"], np.int64), *columns, scenario.execution)
    rates = scenario.funding[k] if scenario.funding else ()
    return Perpetual(mark, np.array([t for t, _ in rates], np.int64), np.array([rate for _, rate in rates], float))


class KernelPlayer(Player):
    """The kernel, its hooks run as Python."""

    hooks = ON_STEP | ON_FILL | ON_ORDER_ERROR

    def __init__(self, scenario: Scenario, shift: int = 0, pace: Pace | None = None) -> None:
        super().__init__(scenario, shift)
        self.simulation = self._made(scenario, shift)
        self.state, self.records = self.simulation.state, self.simulation.memory.instruments
        self.state["hooks"] = self.hooks
        self.address, self.start_cash = self.simulation.memory.address, int(self.state["cash"])
        self.pace, self.slices = pace or Pace(), 0
        self._set_pace()
        self._run()
        self.simulation.end()

    def _made(self, scenario: Scenario, shift: int) -> Simulation:
        return simulation_of(scenario, shift)

    def _curve(self) -> Curve:
        return curve_of(self.simulation)

    def _run(self) -> None:
        self.simulation.run(None, self._run_hook, self._watch)

    def _set_pace(self) -> None:
        if self.pace.slice_steps is not None:
            self.state["slice_steps"] = self.state["slice_end"] = self.pace.slice_steps
        if self.pace.headroom is not None:
            self.state["headroom"], self.state["is_full"] = self.pace.headroom, 1
            for name, (dtype, field) in LOGS.items():
                self.simulation.memory.logs[name] = np.empty(0, dtype)
                self.state[field] = 0

    def _watch(self, now: int) -> None:
        self.slices += 1
        if self.pace.collect:
            gc.collect()

    def _run_hook(self) -> None:
        if self.state["phase"] == TELL:
            self._tell(self.simulation.log("events")[int(self.state["told"]) - 1])
        else:
            self.on_step(int(self.state["decided"]))

    def _tell(self, event: np.void) -> None:
        what = "fill" if event["kind"] == Event.FILL else "error"
        self.on_told(what, int(self.state["now"]), int(event["order"]))

    def live(self) -> list[int]:
        return np.flatnonzero(self.simulation.log("orders")["status"] <= Status.PARTIAL).tolist()

    def asked(self) -> int:
        return int(self.state["orders_n"])

    def view(self) -> tuple:
        address = self.address
        each = [
            (
                float(reads.HEDGED["position"](address, k)),
                float(reads.HEDGED["balance"](address, k)),
                int(r["base"] if r["is_contract"] else r["base"] - r["reserved"] + r["returning"]),
                int(reads.HEDGED["open_orders"](address, k)),
                *((int(r["entry"]), int(r["kept"]), int(r["leverage"])) if r["is_contract"] else ()),
            )
            for k, r in enumerate(self.records)
        ]
        free = int(free_cash(address))
        return free, float(reads.cash(address, 0)), float(reads.equity(address, 0)), each

    def order(self, k: int, side: str, size: str, value: float, terms: dict) -> int | str:
        number = {name: NAN if x is None else x for name, x in terms.items()}
        given = [(i + 1, number[name]) for i, name in enumerate(TRIGGERS) if terms[name] is not None]
        how, trigger = given[0] if given else (0, NAN)
        more = (float(number[name]) for name in ("activation", "stop_loss", "take_profit"))
        prices = float(number["price"]), how, float(trigger), *more
        expire = NEVER if terms["expire"] is None else terms["expire"]
        asked = Side[side.upper()].value, SIZES.index(size), float(value), *prices, Tif[terms["tif"]].value, expire
        links = (0 if terms[name] is None else terms[name] + 1 for name in ("oco", "after"))
        manner = (REDUCES if terms["reduce_only"] else 0) | (BY_MARK if terms["trigger"] == "mark" else 0)
        answer = check.submit(self.address, k, *asked, int(terms["post_only"]), -1, *links, manner)
        return _answer(answer)

    def amend(self, id: int, terms: dict) -> int | str:
        numbers = [float(terms.get(name, NAN)) for name in ("price", "stop", "amount")]
        return _answer(check.amend(self.address, self._owner(id), id + 1, *numbers))

    def cancel(self, id: int) -> int | str:
        return _answer(check.cancel(self.address, self._owner(id), id + 1))

    def _owner(self, id: int) -> int:
        orders = self.simulation.log("orders")
        return int(orders[id]["instrument"]) if id < len(orders) else 0

    def cancel_all(self, k: int) -> None:
        check.cancel_all(self.address, k)

    def close(self, k: int, fraction: float) -> int | str:
        return _answer(check.close(self.address, k, fraction, -1))

    def protect(self, k: int, terms: dict) -> int | str:
        for i, (price, share) in enumerate(terms["takes"]):
            exits.wish(self.address, k, i, float(price), float(share))
        stop, trail = (NAN if terms[name] is None else float(terms[name]) for name in ("stop", "trail"))
        by_mark = int(terms["trigger"] == "mark")
        answer = _answer(protect.protect(self.address, k, len(terms["takes"]), stop, trail, by_mark, -1))
        return answer or 0

    def close_when(self, k: int, kind: str, price: float, trigger: str) -> int | str:
        how = TRIGGERS.index(kind) + 1
        return _answer(check.close_when(self.address, k, how, float(price), int(trigger == "mark"), -1))

    def target(self, k: int, weight: float) -> int | str | None:
        return _answer(check.target(self.address, k, weight, -1))

    def set_leverage(self, k: int, leverage: float) -> str | None:
        return _answer(contracts.set_leverage(self.address, k, float(leverage)))

    def add_margin(self, k: int, money: float) -> str | None:
        return _answer(contracts.add_margin(self.address, k, float(money)))

    def _watched(self) -> tuple:
        limits = self.scenario.limits
        if (limits.daily_loss, limits.max_drawdown) == (None, None):
            return ()
        (record,) = self.simulation.memory.limits
        if record["day"] < 0:  # nothing was looked at
            return ()
        day, lost = (None if record[name] < 0 else int(record[name]) for name in ("day", "lost"))
        floats = (float(record[name]) for name in ("day_equity", "marked", "peak"))
        return day, *floats, lost, int(record["until"]) or None

    def result(self) -> dict:
        """Everything that happened, in the reference's words."""
        state, records, log = self.state, self.records, self.simulation.log
        curve = self._curve()
        amend_reasons = {
            int(e["order"]): Reason(int(e["reason"])).name for e in log("events") if e["kind"] == Event.AMEND_REJECTED
        }
        numbers = ("time", "price", "stop", "amount", "filled", "cost", "fee", "instrument")
        held = {int(o["id"]): (int(o["reserved"]), int(o["budget"])) for o in self.simulation.open_orders()}
        orders = [
            {
                "status": Status(int(o["status"])).name,
                "reason": Reason(int(o["reason"])).name if o["reason"] else "",
                "side": Side(int(o["side"])).name.lower(),
                "tif": Tif(int(o["tif"])).name,
                "post_only": bool(o["post_only"]),
                "amend_reason": amend_reasons.get(i, ""),
                **{name: int(o[name]) for name in numbers},
                "reserved": held.get(i, (0, 0))[0],
                "budget": held.get(i, (0, 0))[1],
            }
            for i, o in enumerate(log("orders"))
        ]
        fills = [
            (*(int(f[name]) for name in ("time", "instrument", "order", "ticks", "amount", "cost", "fee")),
             bool(f["fee_in_base"]), "maker" if f["maker"] else "taker")
            for f in log("fills")
        ]  # fmt: skip
        return {
            **(self._contracts() if self.scenario.has_contracts else {}),
            "events": [(int(e["time"]), Event(int(e["kind"])).name, int(e["order"])) for e in log("events")],
            "answers": self.answers,
            "told": self.told,
            "seen": self.seen,
            "orders": orders,
            "fills": fills,
            "equity": [tuple(map(float, row)) for row in zip(curve.time, curve.equity, curve.cash, strict=True)],
            "cash": int(state["cash"]),
            "bases": [int(r["base"]) for r in records],
            "reserved": int(state["reserved"]),
            "reserved_base": [0 if r["is_contract"] else int(r["reserved"]) for r in records],
            "refused": [
                (int(r["time"]), int(r["order"]), Limit(int(r["limit"])).name.lower()) for r in log("refusals")
            ],
            "watch": self._watched(),
            "settled": [
                (int(f["time"]), bool(f["side"] > 0), Forced(int(f["forced"])).name.lower())
                for f in log("fills")
                if f["order"] < 0
            ],
            "joint": int(state["joint"]),
            "path_decided": int(state["path_decided"]),
            "touched": int(state["touched"]),
            "position": [float(reads.HEDGED["position"](self.address, k)) for k in range(len(records))],
        }

    def _contracts(self) -> dict:
        """What only contracts have."""
        own = [(k, r) for k, r in enumerate(self.records) if r["is_contract"]]
        fundings = self.simulation.log("fundings")
        return {
            "entries": [(k, int(r["entry"]), int(r["kept"]), int(r["leverage"])) for k, r in own],
            "holds": [
                (int(r["bid_reserved"] - r["bid_returning"]), int(r["reserved"] - r["returning"])) for _, r in own
            ],
            "wallet": int(self.state["cash"]) + sum(int(r["sign"] * r["entry"]) for _, r in own),
            "funding": [(int(f["time"]), int(f["instrument"]), int(f["units"])) for f in fundings if f["units"]],
        }


class CompiledPlayer(KernelPlayer):
    """The kernel as it runs compiled strategies: it calls the hooks itself and does not come back between them."""

    hooks = ON_CANDLE | ON_FILL | ON_ORDER_ERROR
    on_tick = 0

    def _run(self) -> None:
        self.raised: list[Exception] = []
        self.decided: int | None = None
        self.on_candle = self._callable(self._decide)
        self.on_fill = self.on_order_error = self._callable(self._run_hook_of_event)
        self.on_position = 0
        self.simulation.run(self, self._run_hook, self._watch)
        if self.raised:
            raise self.raised[0]

    def _callable(self, hook: Callable[[], None]) -> int:
        """The address of a function that the kernel calls as it calls compiled hooks, and that runs a Python one."""

        def run(*_: int) -> int:
            # What it raised cannot go through the kernel: it does no more and raises in the end.
            if not self.raised:
                try:
                    hook()
                except Exception as error:
                    self.raised.append(error)
            return 0

        function = HOOK(run)
        self.simulation.memory.kept.append(function)
        return ctypes.cast(function, ctypes.c_void_p).value or 0

    def _decide(self) -> None:
        if self.decided != int(self.state["decided"]):
            self.decided = int(self.state["decided"])
            self.on_step(self.decided)

    def _run_hook_of_event(self) -> None:
        self._tell(self.simulation.log("events")[int(self.state["told"]) - 1])

    def order(self, k: int, side: str, size: str, value: float, terms: dict) -> int | str:
        if size != "amount" or any(terms[name] != usual for name, usual in PLAIN_ORDER.items() if name != "price"):
            return super().order(k, side, size, value, terms)
        price = NAN if terms["price"] is None else float(terms["price"])
        return _answer(check.submit_plain(self.address, k, Side[side.upper()].value, float(value), price, -1))


@compiled
def free_cash(address):
    return ledger.free_cash(State(address, 0))


HOOK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 4)
"""What numba makes of `planar.kernel.machine.HOOK`: a status, places for result and exception, the arguments."""


def _answer(code: int) -> int | str | None:
    """An id from 0, the name of a reason, or None."""
    if code < 0:
        return Reason(-int(code)).name
    return int(code) - 1 if code else None


def outcome(player: type[Player], scenario: Scenario, **changes) -> dict:
    """The result of a run, or the error that stopped it."""
    try:
        return _blank(player(scenario, **changes).result())
    except OverflowError:
        return {"raised": "OverflowError"}


def _blank(result: dict) -> dict:
    """What the law leaves open: what is recorded of the prices of an order refused for its prices."""
    for order in result.get("orders", ()):
        if order["reason"] == "INVALID_PRICE":
            order.update(price=0, stop=0, amount=0)
    return result


def difference(ours: dict, theirs: dict) -> str:
    """The first difference between two results, in words; empty when there is none."""
    if ours == theirs:
        return ""
    if "raised" in ours or "raised" in theirs:
        return f"one run was stopped: {ours.get('raised')} against {theirs.get('raised')}"
    for name, here in ours.items():
        there = theirs[name]
        if here == there:
            continue
        if not isinstance(here, list):
            return f"{name}: {here} against {there}"
        pairs = zip(here, there, strict=False)
        i = next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(here), len(there)))
        return f"{name}[{i}]:\n  {here[i : i + 2]}\nagainst\n  {there[i : i + 2]}\nafter {here[max(i - 3, 0) : i]}"
    return ""


def disagreement(scenario: Scenario) -> tuple[str, dict]:
    """Where the kernel departs from the reference, and the reference's result."""
    theirs = outcome(ReferencePlayer, scenario)
    found = difference(outcome(KernelPlayer, scenario), theirs)
    if not found and (found := difference(outcome(CompiledPlayer, scenario), theirs)):
        found = f"hooks called by the kernel: {found}"
    return found, theirs


class Coverage:
    """How often each event and reason occurred."""

    def __init__(self) -> None:
        self.scenarios = self.with_fills = 0
        self.seen: Counter[tuple[str, str]] = Counter()

    def add(self, result: dict) -> None:
        """Counts one run."""
        self.scenarios += 1
        if "raised" in result:
            self.seen["stopped", result["raised"]] += 1
            return
        self.with_fills += any(fill[2] >= 0 for fill in result["fills"])
        self.seen.update(("event", kind) for _, kind, _ in result["events"])
        self.seen.update(("fill", fill[8]) for fill in result["fills"] if fill[2] >= 0)
        self.seen.update(("fill", tag) for *_, tag in result["settled"])
        self.seen.update(("reason of an order", order["reason"]) for order in result["orders"] if order["reason"])
        self.seen.update(
            ("reason of an amend", order["amend_reason"]) for order in result["orders"] if order["amend_reason"]
        )
        self.seen.update(("limit", name) for *_, name in result["refused"])
        self.seen["scenarios", "with a refusal of a limit"] += bool(result["refused"])
        self.seen.update(("answer", answer) for *_, answer in result["answers"] if isinstance(answer, str))
        self.seen["fills", "decided by the path"] += result["path_decided"]
        self.seen["orders", "touched"] += result["touched"]

    def table(self) -> str:
        """As text."""
        rows = [f"{kind:<20} {name:<24} {count:>9,}" for (kind, name), count in sorted(self.seen.items())]
        share = self.with_fills / max(self.scenarios, 1)
        return "\n".join([f"{self.scenarios:,} scenarios, {share:.0%} with fills", *rows])
