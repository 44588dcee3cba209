"""`Run`: the result of a backtest, as polars frames and statistics, made when they are asked for."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from planar.engine import believe, frames
from planar.engine.curve import Curve, curve_of, curve_over_trades
from planar.engine.market import Market
from planar.engine.simulation import Simulation
from planar.engine.unprotected import unprotected
from planar.model.instrument import SIDES
from planar.report.statistics import summary
from planar.report.terminal import Summary, render
from planar.report.trades import trades as round_trips
from planar.simulator.fill_model import FillModel
from planar.strategy.membership import Selections
from planar.strategy.parameter import Number

HOLDING = 1e-4
"""Share of equity above which an account counts as holding something; dust is below."""


class Run:
    """What a backtest did.

    stats: dict of statistics. orders, fills, trades, equity, notes, members: polars frames, in the order things
    happened; times are UTC ms, amounts base, money quote. data_hash: of the candles it ran on and what is joined to
    them. why_interpreted: None when it was compiled or asked not to be. limits: those that held, by name. memory: by
    instrument, what the strategy kept at the end. logs: the kernel's records.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        model: FillModel,
        logs: frames.Logs,
        simulation: Simulation,
        *,
        timeframe: str,
        start: int,
        cash: float,
        counters: dict[str, int],
        why_interpreted: str | None,
        memory: Mapping[str, dict[str, Any]],
        parameters: dict[str, Number],
        limits: Mapping[str, float],
        selections: Selections | None = None,
    ) -> None:
        self.strategy, self.timeframe, self.parameters, self.limits = name, timeframe, parameters, limits
        self.why_interpreted = why_interpreted
        self.memory = memory
        self._selections = selections
        self._market, self._model, self.logs, self._simulation = market, model, logs, simulation
        self._start, self._cash, self._counters = start, cash, counters

    @property
    def start_cash(self) -> float:
        """What it began with, quote."""
        return self._cash

    @property
    def start_units(self) -> int:
        """The same in whole `quote_unit`s."""
        return self._simulation.start_cash

    @property
    def quote_unit(self) -> Fraction:
        """What its cash is counted in."""
        return self._simulation.quote

    @property
    def data_hash(self) -> str:
        """A hash of the candles that the run used."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        return self._market.data_hash()

    @property
    def instruments(self) -> list[str]:
        """Names in declared order."""
        return [i.name for i in self._market.instruments]

    @cached_property
    def members(self) -> pl.DataFrame:
        """Members of a universe by rule: time of the selection, instrument; empty where there is no rule."""
        made = self._selections
        rows, columns = np.nonzero(made.chosen) if made else (np.empty(0, np.int64), np.empty(0, np.int64))
        times = made.times[rows] if made else rows
        names = np.array(self.instruments, object)[columns]
        return pl.DataFrame({"time": times, "instrument": names}, schema={"time": pl.Int64, "instrument": pl.String})

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill; its tag is its order's, or "delisted" or "liquidation"."""
        return frames.fills(self.logs)

    @cached_property
    def fundings(self) -> pl.DataFrame:
        """One row per funding payment of a perpetual: time, instrument, amount held, price, rate, paid."""
        return frames.fundings(self.logs)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order asked for, refused ones included."""
        return frames.orders(self.logs)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row per execution candle: time (its close), equity, cash.

        Over market trades: one per close that was decided at, and one for the end.
        """
        curve = self._curve
        return pl.DataFrame({"time": curve.time, "equity": curve.equity, "cash": curve.cash})

    @cached_property
    def _curve(self) -> Curve:
        if self._market.prints is not None:
            return curve_over_trades(self._simulation, self._market.prints)
        return curve_of(self._simulation, settled=self._counters["settled"] > 0)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Round trips, from flat to flat; open ones are left out."""
        dust = {i.name: float(i.amount_step) for i in self._market.instruments}
        # Within one candle the fills of an instrument are booked before those of the next.
        fills = self.fills.sort("time", maintain_order=True)
        if "position_side" not in fills.columns:
            return round_trips(fills, dust=dust)
        # A long and a short of one contract are trades of their own.
        sides = [fills.filter(pl.col("position_side") == side) for side in ("", *SIDES.values())]
        return pl.concat([round_trips(side, dust=dust) for side in sides]).sort("closed", maintain_order=True)

    @cached_property
    def notes(self) -> pl.DataFrame:
        """What ``broker.log``, ``mark`` and ``plot`` kept: time, instrument, kind, text, value."""
        return frames.notes(self.logs)

    @cached_property
    def stats(self) -> dict[str, Any]:
        """Statistics by name; what is not defined is None."""
        made = summary(
            self.equity,
            self.trades,
            self.fills,
            start_time=self._start,
            start_cash=self._cash,
            buy_and_hold=self._buy_and_hold(),
            exposure=self._exposure(),
            rejected=believe.rejected(self.logs),
        )
        return {**made, "believe": dict(self._believe())}

    def _exposure(self) -> float | None:
        """Share of the candles at whose close something was held."""
        equity, cash = self._curve.equity, self._curve.cash
        holding = np.abs(equity - cash) > HOLDING * np.abs(equity)
        return float(holding.mean()) if len(holding) else None

    def _buy_and_hold(self) -> float | None:
        """Mean over the instruments of the return of their closes, from the run's start or their listing on.

        Of an inverse contract what one of all that is owned returns, in what it is paid in.
        """
        returns = []
        for instrument, candles in zip(self._market.instruments, self._market.execution, strict=True):
            closes = candles.close[np.searchsorted(candles.time, self._start) :]
            if len(closes) > 1:
                rise = closes[-1] / closes[0]
                returns.append(1.0 - 1.0 / rise if instrument.is_inverse else rise - 1.0)
        return float(np.mean(returns)) if returns else None

    @property
    def path_decided(self) -> tuple[int, int]:
        """How many fills the order of a candle's extremes decided, and how many there are."""
        return self._counters["path_decided"], len(self.logs.fills)

    def costs(self) -> dict[str, float]:
        """What trading cost, in quote: fees, spread, impact, stop slippage."""
        return believe.costs(self.logs, self.fills)

    def _believe(self) -> list[believe.Row]:
        evidence = believe.Evidence(
            self._market,
            self._model,
            self.logs,
            self._start,
            self._cash,
            self._final,
            self._counters,
            costs=self.costs(),
            limits=self.limits,
            unprotected=unprotected(self.logs, int(self._curve.time[-1]) if len(self._curve.time) else self._start),
        )
        return believe.rows(evidence)

    def summary(self) -> Summary:
        """What the printout says."""
        curve, source = self._curve, self._market.source
        return Summary(
            self.strategy,
            self.instruments,
            self.timeframe,
            self._start,
            end=int(curve.time[-1]) if len(curve.time) else self._start,
            currency=self._market.instruments[0].settle,
            start_cash=self._cash,
            statistics={k: v for k, v in self.stats.items() if k != "believe"},
            equity=curve.equity,
            market=source if source.startswith("synthetic") else "",
            believe=self._believe(),
            notes=believe.remarks(self._counters["settled"], self.why_interpreted),
        )

    def show(self) -> None:
        """Prints the result as ``planar backtest`` does."""
        from rich.console import Console

        Console().print(render(self.summary()))

    def __repr__(self) -> str:
        return f"<Run of {self.strategy}: {len(self.logs.fills):,} fills, equity {self._final:,.2f}>"

    @property
    def _final(self) -> float:
        """Equity at the end."""
        return float(self._curve.equity[-1]) if len(self._curve.equity) else self._cash
