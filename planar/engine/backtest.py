"""``planar.backtest``: one strategy over candles on the simulated exchange."""

import copy
import functools
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from planar.config.limits import joined
from planar.config.settings import Risk
from planar.engine.fill_file import fill_model_of
from planar.engine.frames import logs_of
from planar.engine.history import Frame, Frames, Instruments, Request
from planar.engine.interpret import Interpreter
from planar.engine.market import Market, Moment, moment, open_market
from planar.engine.recorded_trades import Trades
from planar.engine.rules import Fees
from planar.engine.run import Run
from planar.engine.simulation import NO_LIMITS, Simulation
from planar.errors import ConfigError, PlanarError, StrategyError
from planar.kernel.state import ON_CANDLE, ON_FILL, ON_ORDER_ERROR, ON_POSITION, ON_STEP, ON_TICK
from planar.simulator.fee_tiers import set_tiers
from planar.simulator.fill_model import FillModel
from planar.store.candles import utc
from planar.strategy.base import Strategy
from planar.strategy.columns import Series, check_warm_up, series_of
from planar.strategy.compiler import Hooks, compile_strategy, slots_of
from planar.strategy.load import load
from planar.strategy.membership import MEMBER, Selections, selections_of
from planar.strategy.override import specialised
from planar.strategy.source import CannotCompile
from planar.strategy.texts import Texts

if TYPE_CHECKING:
    from planar.store.store import Store

HOOK_BITS = {
    "on_candle": ON_CANDLE,
    "on_fill": ON_FILL,
    "on_order_error": ON_ORDER_ERROR,
    "on_position": ON_POSITION,
    "on_step": ON_STEP,
    "on_tick": ON_TICK,
}

ASKED = "asked for"
COUNTERS = ("path_decided", "touched", "steps", "liquidations", "joint")
"""What the kernel counts."""
"""Why a run was interpreted that need not have been."""


def backtest(
    strategy: str | Path | Strategy | type[Strategy],
    candles: Frames | None = None,
    *,
    instruments: Instruments | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    cash: float | Mapping[str, float] = 10_000.0,
    params: Mapping[str, object] | None = None,
    fees: Fees | None = None,
    fill: str | FillModel | None = None,
    execution_timeframe: str | None = None,
    store: "Store | str | Path | None" = None,
    seed: int = 0,
    data: Mapping[str, Frame] | None = None,
    marks: Mapping[str, Frame] | None = None,
    funding: str | Mapping[str, Frame] | None = None,
    trades: Trades | None = None,
    limits: Risk | Mapping[str, float] | None = None,
    compiled: bool | None = None,
    progress: bool | Callable[[float], None] = False,
) -> Run:
    """Runs a strategy over candles and gives what happened.

    strategy: a class, an instance, a name or a path.
    candles: a polars frame, or {instrument: frame}: ``time`` (Int64 ms or Datetime), ``open``, ``high``, ``low``,
        ``close``, ``volume``. None takes them from the store, or from the synthetic market when there is no store.
    instruments: names, Instruments, or {name: Instrument}; else those of the candles, else of the strategy.
    start, end: dates or UTC ms; candles before the start warm the indicators up.
    cash: quote, or {currency: amount}. fees: a fraction, (maker, taker), or `FeeTiers`; else the Instrument's, else
        those that its exchange listed (kept in the store by a fetch), else 0.1 %.
    fill: a FillModel, the name of a profile, or a ``.toml`` file that holds one; None is what the class says.
    execution_timeframe: of the candles that orders are settled on.
    data: frames by the names that the class declares as ``data``, instead of what these would be read from.
    marks, funding: of perpetuals, frames by instrument: mark candles, and ``time`` with ``rate``; else what the store
        has. funding="zero" counts what is missing of a history as 0, "none" charges none; else it is an error.
    trades: market trades to run on instead of candles: a polars frame or a file with ``time``, ``price``, ``amount``
        and, where it is known, the taker's ``side``; {instrument: frame or file}; or True for those of the store.
    limits: what no order may do, such as ``{"max_position_cost": 2_000}``; they go before those of the class.
    compiled: True insists, False interprets, None compiles when possible.
    progress: True prints a bar past one second; a function is called with the share done.
    Raises ConfigError, StrategyError or DataError, each one paragraph with its remedy.
    """
    session = session_of(
        strategy,
        candles,
        instruments=instruments,
        start=start,
        end=end,
        cash=cash,
        params=params,
        fees=fees,
        fill=fill,
        execution_timeframe=execution_timeframe,
        store=store,
        seed=seed,
        data=data,
        marks=marks,
        funding=funding,
        trades=trades,
        limits=limits,
        compiled=compiled,
    )
    return session.run(progress)


def session_of(
    strategy: str | Path | Strategy | type[Strategy],
    candles: Frames | None = None,
    *,
    instruments: Instruments | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    cash: float | Mapping[str, float] = 10_000.0,
    params: Mapping[str, object] | None = None,
    fees: Fees | None = None,
    fill: str | FillModel | None = None,
    execution_timeframe: str | None = None,
    store: "Store | str | Path | None" = None,
    seed: int = 0,
    data: Mapping[str, Frame] | None = None,
    marks: Mapping[str, Frame] | None = None,
    funding: str | Mapping[str, Frame] | None = None,
    trades: Trades | None = None,
    limits: Risk | Mapping[str, float] | None = None,
    compiled: bool | None = None,
) -> "Session":
    """What `backtest` runs, ready to be run. Takes and raises what it does."""
    made = _instance(strategy, params)
    cls = type(made)
    first, last = moment(start, "start"), moment(end, "end")
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"start ({utc(first)}) is not before end ({utc(last)}): nothing is left to run on.")
    request = Request(
        cls.timeframe,
        cls.instruments,
        candles,
        instruments,
        first,
        last,
        execution_timeframe,
        store,
        seed,
        fees,
        cls.data,
        data,
        marks,
        funding,
        trades,
    )
    market = open_market(request)
    held = joined(cls.limits, limits)
    return Session(
        made, market, first, _cash(cash, market), fill_model_of(cls.fill if fill is None else fill), compiled, held
    )


def _instance(strategy: str | Path | Strategy | type[Strategy], params: Mapping[str, object] | None) -> Strategy:
    if params is not None and not isinstance(params, Mapping):
        raise ConfigError(f"params={params!r} must be a dict, as in params={{'fast': 20}}.")
    if strategy is Strategy:
        raise ConfigError("strategy: Strategy itself decides nothing; give a class of your own that derives from it.")
    if isinstance(strategy, Strategy):
        return type(strategy)(**{**strategy.parameters, **params}) if params else strategy
    return load(strategy)(**(params or {}))


def _cash(cash: float | Mapping[str, float], market: Market) -> float:
    quote = market.instruments[0].settle
    if isinstance(cash, Mapping):
        if set(cash) != {quote}:
            remedy = f"give cash={{{quote!r}: amount}}"
            raise ConfigError(f"cash={dict(cash)!r}: the instruments are paid in {quote}; {remedy}.")
        cash = cash[quote]
    if not isinstance(cash, int | float) or isinstance(cash, bool) or not math.isfinite(cash) or cash <= 0:
        raise ConfigError(f"cash={cash!r} must be a positive amount of {quote}.")
    unit = market.instruments[0].quote_unit
    if cash < unit:
        raise ConfigError(f"cash={cash!r} is less than the smallest amount of {quote} there is, {unit:g}: give more.")
    return float(cash)


def _for_exchange(strategy: Strategy, exchange: str) -> Strategy:
    """A copy of the strategy with its overrides chosen."""
    made = copy.copy(strategy)
    cls = _specialised(type(strategy), exchange)
    if cls is not type(strategy):
        made.__class__ = cls
    return made


@functools.cache
def _specialised(cls: type[Strategy], exchange: str) -> type[Strategy]:
    return specialised(cls, exchange=exchange, mode="backtest")


class Session:
    """One strategy, one market, one simulation.

    shares: of the volume of an instrument, where not all of it is this strategy's.
    """

    def __init__(
        self,
        strategy: Strategy,
        market: Market,
        start: int | None,
        cash: float | Fraction,
        model: FillModel,
        compiled: bool | None,
        limits: Mapping[str, float] = NO_LIMITS,
    ) -> None:
        self.strategy, self.market, self.cash, self.model = strategy, market, cash, model
        self.limits = limits
        self.shares: Mapping[str, float] = {}
        self.strategies = [_for_exchange(strategy, i.exchange) for i in market.instruments]
        if market.prints is None and hasattr(type(strategy), "on_tick"):
            raise StrategyError(
                f"{type(strategy).__name__} defines on_tick, and a run over candles has no market trades. "
                "Give trades=…, or decide in on_candle."
            )
        self.series, self.first_rows = self._columns()
        self.selections = self._selections()
        self.start = max(start or 0, min(int(each.time[0]) for each in market.prints or market.execution))
        if self.start >= market.end:
            raise ConfigError(
                f"start: there is no candle after {utc(self.start)}; the last one closes at {utc(market.end)}. "
                "Choose an earlier start."
            )
        self.hooks, self.why_interpreted = self._compiled(compiled)

    def _columns(self) -> tuple[list[Series], list[int]]:
        market, series, rows = self.market, [], []
        for strategy, candles in zip(self.strategies, market.candles, strict=True):
            made, first = series_of(strategy, candles, market.end)
            series.append(made)
            rows.append(first)
        # One instrument too short for a decision may be among others; a run of nothing else has nothing to show.
        is_for_trades = hasattr(type(self.strategy), "on_tick") and 0 in rows
        if not is_for_trades and all(first >= len(c) for first, c in zip(rows, market.candles, strict=True)):
            check_warm_up(self.strategy, market.instruments[0].name, rows[0], market.candles[0], series[0])
        return series, rows

    def _selections(self) -> Selections | None:
        """Who is a member from when to when, where a rule says so: a column of each instrument."""
        market = self.market
        if market.rule is None:
            return None
        made = selections_of(market.rule, market.instruments, market.candles)
        for k, (series, candles) in enumerate(zip(self.series, market.candles, strict=True)):
            series.columns[MEMBER] = made.column(k, candles)
        return made

    def _compiled(self, compiled: bool | None) -> tuple[Hooks | None, str | None]:
        if compiled is False:
            return None, ASKED
        try:
            if len({type(s) for s in self.strategies}) > 1:
                raise CannotCompile("its overrides differ between the exchanges of this run")
            hedged = any(one.is_hedged for one in self.market.instruments)
            return compile_strategy(type(self.strategies[0]), self.series[0].candle_type(), hedged=hedged), None
        except CannotCompile as error:
            line = f"line {error.line}: " if error.line else ""
            if compiled:
                raise StrategyError(
                    f"{type(self.strategy).__name__} cannot be compiled: {line}{error.reason}"
                ) from None
            return None, f"{line}{error.reason}"

    def run(self, progress: bool | Callable[[float], None]) -> Run:
        """Runs to the end; a compiled strategy that raises runs once more interpreted, which tells the line."""
        if self.hooks is not None:
            try:
                return self._run(self.hooks, progress)
            except PlanarError:
                raise
            except Exception as error:
                # Interpreted it raises at the author's line, or goes on where compiled code cannot.
                self.why_interpreted = f"compiled, it raised {type(error).__name__}: {error}"
        return self._run(None, progress)

    def _run(self, hooks: Hooks | None, progress: bool | Callable[[float], None]) -> Run:
        market = self.market
        simulation = self._simulation()
        texts = Texts(hooks.strings if hooks else ())
        memories, shared = self._lay_out(simulation)
        prints = market.prints or ()
        interpreter = Interpreter(self.strategies, simulation, self.series, texts, self.selections, prints)
        simulation.state["hooks"] = sum(bit for name, bit in HOOK_BITS.items() if hasattr(self.strategies[0], name))
        if interpreter.universe is not None:
            simulation.state["hooks"] |= ON_FILL
        interpreter.call("on_reset")
        interpreter.call("on_start")
        interpreter.save(memories, shared)
        simulation.run(hooks, self.hook_runner(interpreter), _watch(progress, self.start, market.end))
        if hooks is not None:
            interpreter.restore(memories, shared)
        interpreter.call("on_stop")
        return self._result(simulation, interpreter, texts, hooks)

    def _simulation(self) -> Simulation:
        market = self.market
        terms = {"start": self.start, "cash": self.cash, "model": self.model, "limits": self.limits}
        if market.prints is not None:
            from planar.engine.tick_simulation import TickSimulation  # compiles a loop of its own

            made: Simulation = TickSimulation(
                market.instruments, market.prints, market.candles, self.first_rows, **terms
            )
        else:
            terms["perpetuals"] = market.beside.perpetuals
            made = Simulation(market.instruments, market.execution, market.candles, self.first_rows, **terms)
        if market.tiers is not None:
            set_tiers(made.memory, market.tiers)
            made.state["is_lone"] = 0  # the loop of a lone instrument does not look at days
        for k, instrument in enumerate(market.instruments):
            made.set_share(k, self.shares.get(instrument.name, 1.0))
        return made

    def hook_runner(self, interpreter: Interpreter) -> Callable[[], None]:
        """What runs the hook that the kernel asks for."""
        return interpreter.run_hook

    def _lay_out(self, simulation: Simulation) -> tuple[list[np.ndarray], np.ndarray]:
        """Memory and column tables of every instrument, at addresses the kernel knows."""
        _, size, size_shared = slots_of(type(self.strategy).layout)
        keep = simulation.memory.keep
        shared = keep(np.zeros(max(size_shared, 1)))
        simulation.state["shared"] = shared.ctypes.data
        memories = []
        for k, series in enumerate(self.series):
            memory = keep(np.zeros(max(size, 1)))
            simulation.memory.instruments[k]["memory"] = memory.ctypes.data
            simulation.memory.instruments[k]["columns"] = series.table(simulation.memory.kept).ctypes.data
            simulation.memory.instruments[k]["columns_n"] = len(series.indicators)
            memories.append(memory)
        for record, owner in zip(simulation.memory.instruments, simulation.owners, strict=True):
            record["memory"] = memories[owner].ctypes.data
        return memories, shared

    def _result(self, simulation: Simulation, interpreter: Interpreter, texts: Texts, hooks: Hooks | None) -> Run:
        settled = simulation.end()
        counters = {name: int(simulation.state[name]) for name in COUNTERS}
        limited = simulation.memory.limits
        counters |= {name: 0 if limited is None else int(limited[0][name]) for name in ("days_lost", "stops")}
        return Run(
            type(self.strategy).__name__,
            self.market,
            self.model,
            logs_of(simulation, texts),
            simulation,
            timeframe=type(self.strategy).timeframe,
            start=self.start,
            cash=float(self.cash),
            counters={**counters, "settled": settled},
            why_interpreted=self.why_interpreted if hooks is None else None,
            memory=self._kept(interpreter),
            parameters=self.strategy.parameters,
            limits=self.limits,
            selections=self.selections,
        )

    def _kept(self, interpreter: Interpreter) -> dict[str, dict[str, Any]]:
        """Memory at the end, by instrument."""
        names = type(self.strategy).layout.memory
        pairs = zip(self.market.instruments, interpreter.bound, strict=True)
        return {i.name: {n: getattr(bound, n) for n in names} for i, bound in pairs}


def _watch(progress: bool | Callable[[float], None], start: int, end: int) -> Callable[[int], None] | None:
    """Tells the share done to whoever wants to know."""
    if not progress:
        return None
    tell = progress if callable(progress) else _bar()
    return lambda now: tell(min(max((now - start) / max(end - start, 1), 0.0), 1.0))


def _bar() -> Callable[[float], None]:
    from planar.report.progress import Bar

    return Bar().tell
