"""The shadow of a session: its own orders, sent at the times it sent them, to the simulated exchange.

Each order is judged by itself: the shadow's account is lent what an order needs, so an order that came out otherwise
takes no money from those after it. The kernel runs to the next moment at which the session asked for something and
stands still there; it calls no hook, so a shadow costs what its orders cost.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from planar.engine.session.story import Execution, Moment, Outcome, Story
from planar.engine.simulation import Simulation
from planar.kernel import check, limits, match, prints, reads, told
from planar.kernel.linked import make_all
from planar.kernel.machine import note_prepared
from planar.kernel.numbers import RATE
from planar.kernel.triggers import STOP, TAKE, TRAIL, TRAIL_BY
from planar.model.ask import Amend, Ask, Leverage, Place
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER, TAKES, Kind, Reason, Side, Status
from planar.simulator.fill_model import FillModel
from planar.strategy.candles import Candles

NOTHING = float("nan")
AMPLE = 2
"""How many times an order's need is lent, so that a price that moves does not refuse it."""


class NoHooks:
    """Addresses of hooks that are never called."""

    on_candle = on_fill = on_order_error = on_position = on_tick = 0


def shadow_of(
    story: Story,
    model: FillModel,
    *,
    candles: Sequence[Candles] | None = None,
    travels: Mapping[int, int] | None = None,
) -> dict[int, Outcome]:
    """What the simulated exchange makes of the session's orders, by id; those never sent are left out.

    candles: of the market, where they are known better than by the session. travels: milliseconds that an order took
    to the exchange, by id, instead of the model's latency.
    """
    return Shadow(story, model, candles or story.candles(), travels or {}).outcomes()


class Shadow:
    """One simulation of a session's orders."""

    def __init__(self, story: Story, model: FillModel, candles: Sequence[Candles], travels: Mapping[int, int]) -> None:
        self.instruments = list(story.origin.instruments)
        # Of an order that is compared it is known how long it travelled; others take as long as most do.
        model = replace(model, latency_ms=model.usual_latency, news_ms=0)
        self._model, self._travels, self._unsent = model, travels, story.never_sent()
        self._moments = [each for each in story.moments if each.asks]
        start = story.begun - story.length  # its close is the price at which the first decision is made
        self._simulation = simulation_of(self.instruments, list(candles), start, model)
        self._state = self._simulation.state
        self._address = self._simulation.memory.address
        opens = [c.time[c.time >= start] for c in candles]
        self._closes: np.ndarray = np.unique(np.concatenate(opens) + story.length)
        self._ids: dict[int, int] = {}
        self._refused: dict[int, Reason] = {}
        self._arrivals: dict[int, int] = {}

    def outcomes(self) -> dict[int, Outcome]:
        """Runs to the end of the candles; by the session's ids."""
        self._wait()
        self._simulation.run(NoHooks(), _nothing, self._ask)
        orders, fills = self._simulation.log("orders"), self._simulation.log("fills")
        made = {id: Outcome(Status.REJECTED, reason) for id, reason in self._refused.items()}
        for id, own in self._ids.items():
            record = orders[own - 1]
            made[id] = Outcome(Status(int(record["status"])), Reason(int(record["reason"])), [], self._arrivals[id])
        by_own = {own: id for id, own in self._ids.items()}
        names = ("order", "time", "ticks", "amount", "cost", "fee", "fee_in_base", "maker")
        for order, *numbers in zip(*(fills[name].tolist() for name in names), strict=True):
            if order < 0:
                continue  # what the simulated exchange closed by itself
            made[by_own[order + 1]].fills.append(Execution(*numbers))
        return made

    # The kernel stops after the step whose close is the next moment, and is told what was asked for then.

    def _steps(self, moment: Moment) -> int:
        return int(np.searchsorted(self._closes, moment.time, side="right"))

    def _wait(self) -> None:
        """Lets the kernel run up to the next moment, else to the end."""
        self._state["slice_end"] = self._steps(self._moments[0]) if self._moments else np.iinfo(np.int64).max

    def _ask(self, now: int) -> None:
        while self._moments and self._steps(self._moments[0]) <= self._state["steps"]:
            moment = self._moments.pop(0)
            self._state["now"] = max(now, moment.time)
            for ask in moment.asks:
                self._send(ask)
        self._wait()

    def _send(self, ask: Ask) -> None:
        self._state["latency"] = self._model.usual_latency
        if isinstance(ask, Place):
            if ask.id not in self._unsent:
                self._place(ask)
        elif isinstance(ask, Leverage):
            self._simulation.memory.instruments[ask.k]["leverage"] = ask.hundredths
        elif ask.id in self._ids and isinstance(ask, Amend):
            self._amend(ask)
        elif ask.id in self._ids:
            check.cancel(self._address, ask.k, self._ids[ask.id])

    def _amend(self, ask: Amend) -> None:
        order = self._simulation.log("orders")[self._ids[ask.id] - 1]
        # One that was triggered has no stop any more, and one that trails none to be changed.
        stop = ask.stop if Kind.STOP <= order["form"] < Kind.TRAIL else 0
        self._lend(ask.k, int(order["side"]), ask.units, 0, ask.limit or stop)
        size = NOTHING if order["by_cost"] or not ask.units else self._amount(ask.k, ask.units)
        prices = (self._price(ask.k, ticks) for ticks in (ask.limit, stop))
        check.amend(self._address, ask.k, self._ids[ask.id], *prices, size)

    def _place(self, ask: Place) -> None:
        self._lend(ask.k, ask.side, ask.units, ask.budget, ask.limit or ask.stop)
        self._state["latency"] = self._travels.get(ask.id, self._model.usual_latency)
        self._arrivals[ask.id] = int(self._state["now"] + self._state["latency"])
        sizing, size = check.AMOUNT, self._amount(ask.k, ask.units)
        if not ask.units:
            sizing, size = check.COST, _spent(ask.budget, self.instruments[ask.k])
        limit = self._price(ask.k, ask.limit)
        links = 0, 0, int(ask.reduce_only)
        terms = (*self._trigger(ask), NOTHING, NOTHING, ask.tif, ask.expire, int(ask.post_only), -1, *links)
        answer = check.submit(self._address, ask.k, ask.side, sizing, size, limit, *terms)
        if answer > 0:
            self._ids[ask.id] = int(answer)
        else:
            self._refused[ask.id] = Reason(-int(answer))

    def _trigger(self, ask: Place) -> tuple[int, float, float]:
        """What the order waits for, as `check.submit` takes it."""
        if ask.kind == Kind.TRAIL:
            away = (TRAIL, ask.trail / RATE) if ask.trail > 0 else (TRAIL_BY, self._price(ask.k, -ask.trail))
            return *away, self._price(ask.k, ask.activation)
        how = TAKE if ask.kind in TAKES else STOP
        return how if ask.stop else 0, self._price(ask.k, ask.stop), NOTHING

    def _amount(self, k: int, units: int) -> float:
        unit = exact(self.instruments[k].unit)
        return units * unit.numerator / unit.denominator

    def _price(self, k: int, ticks: int) -> float:
        step = exact(self.instruments[k].price_step)
        return ticks * step.numerator / step.denominator if ticks else NOTHING

    def _lend(self, k: int, side: int, units: int, budget: int, ticks: int) -> None:
        """Makes free what the order needs."""
        record, state = self._simulation.memory.instruments[k], self._state
        instrument = self.instruments[k]
        if side == Side.SELL and not instrument.is_contract:
            free = int(record["base"] - record["reserved"] + record["returning"])
            told.add_base(self._address, k, max(AMPLE * units - free, 0))
            return
        price = max(ticks, math.ceil(record["last"] / instrument.price_step))
        value = exact(instrument.unit) * exact(instrument.price_step) / exact(instrument.quote_unit)
        need = AMPLE * max(budget, math.ceil(units * price * value))
        free = int(state["cash"] - state["reserved"] + state["returning"])
        if instrument.is_contract:
            free = math.floor(reads.free(self._address, k) / instrument.quote_unit)
        told.add_cash(self._address, max(need - free, 0))


def simulation_of(instruments: list[Instrument], candles: list[Candles], start: int, model: FillModel) -> Simulation:
    """The simulated exchange over a session's candles, which are its execution candles too."""
    return Simulation(instruments, candles, candles, [0] * len(candles), start=start, cash=0.0, model=model)


USUAL = (
    told.filled,
    told.ended,
    limits.look,
    limits.judge,
    limits.judge_late,
    prints.place_now,
    match.happen,
)
"""What an order of the demo comes to, besides what the rehearsal does."""


@functools.cache
def prepare(*, is_demo: bool = False) -> None:
    """Has compiled and loaded what a session may call of the kernel; else it would be held up when it comes to that.

    The demo is to begin soon: of that, what usual orders come to.
    """
    if is_demo:
        for function in USUAL:
            function.make()
    else:
        make_all()
    _rehearse(is_whole=not is_demo)
    note_prepared(is_demo=is_demo)


def _rehearse(*, is_whole: bool) -> None:
    """An order, from asking to its fill; the whole has one that is amended and cancelled, too."""
    rows, prices = np.array([0, 1], np.int64), np.ones(2)
    candles = Candles(rows, prices, prices, prices, prices, prices, timeframe=1)
    simulation = simulation_of([Instrument("none:A/B")], [candles], 0, FillModel(latency_ms=0))
    told.add_cash(simulation.memory.address, 10_000_000_000)
    simulation.memory.instruments[0]["last"] = 1.0
    terms, options = (NOTHING, NOTHING, NOTHING), (0, NEVER, 0, -1, 0, 0, 0)
    address, price = simulation.memory.address, 0.5
    check.submit(address, 0, int(Side.BUY), check.COST, 1.0, NOTHING, 0, *terms, NOTHING, *options)
    if is_whole:
        id = check.submit(address, 0, int(Side.BUY), check.AMOUNT, 1.0, price, 0, *terms, NOTHING, *options)
        check.amend(address, 0, int(id), *terms)
        check.cancel(address, 0, int(id))
    simulation.run(NoHooks(), _nothing)


def _spent(budget: int, instrument: Instrument) -> float:
    """Quote of a buy by cost whose budget that is, fee included where it is paid in quote."""
    rate = Fraction(0)
    if instrument.fee_side != "base":
        rate = max(exact(instrument.maker), exact(instrument.taker), rate)
    units = math.floor(budget / (1 + rate)) * exact(instrument.quote_unit)
    return units.numerator / units.denominator


def _nothing() -> None:
    """No hook runs."""
