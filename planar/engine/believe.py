"""What a reader should know before believing a run: its data, its assumptions, what it paid, what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.config.limits import told
from planar.engine.frames import Logs
from planar.engine.market import Market
from planar.engine.unprotected import Unprotected
from planar.model import timeframe as timeframes
from planar.model.order import Forced, Limit, Reason, Status
from planar.report.terminal import decimals, money
from planar.simulator.drawn import Drawn
from planar.simulator.fill_model import FillModel
from planar.store.candles import gaps
from planar.strategy.candles import Candles

STOPS = {"daily_loss": "days_lost", "max_drawdown": "stops"}
"""Limits that are reached by equity, and the counters of how often."""

Row = tuple[str, str]
"""Label and value, as printed."""


@dataclass(frozen=True)
class Evidence:
    """What a run shows for itself. counters: the kernel's; costs: what trading cost, by kind; limits: by name;
    unprotected: where stops were asked for.
    """

    market: Market
    model: FillModel
    logs: Logs
    start: int
    cash: float
    final: float
    counters: dict[str, int]
    costs: dict[str, float]
    limits: Mapping[str, float]
    unprotected: Unprotected | None = None


def rows(run: Evidence) -> list[Row]:
    """The rows of "Believe this?", in the order of the printout."""
    return [*_about_data(run), *_about_terms(run), *_about_margin(run), *_about_fills(run)]


def _about_data(run: Evidence) -> list[Row]:
    market, model = run.market, run.model
    pairs = list(zip(market.instruments, market.execution, strict=True))
    missing = [(i.name, _missing(c, run.start)) for i, c in pairs]
    silent = [i.name for i, c in pairs if np.isnan(c.volume[:1]).any()]
    found = [
        ("Data", market.source),
        ("Execution timeframe", timeframes.name(market.execution[0].timeframe)),
        ("Data gaps", ", ".join(f"{name} {count:,} candles" for name, count in missing if count) or "none"),
    ]
    if market.prints is not None:  # minutes without trades are no gaps
        found[1:] = [("Settled on", f"{sum(len(each) for each in market.prints):,} market trades")]
    if market.chosen:
        found.append(("Universe", market.chosen))
    found += [(f"candle.{name}", told) for name, told in market.data.items()]
    if silent:
        found.append(("No volume data", f"{', '.join(silent)}: no volume budget, no impact"))
    elif model.participation is None:
        found.append(("Volume budget", "none: any amount fills at any candle"))
    return found


def _about_margin(run: Evidence) -> list[Row]:
    """What contracts paid and lost besides trading."""
    if not any(one.is_contract for one in run.market.instruments):
        return []
    paid = float(run.logs.money(run.logs.fundings["units"].sum()))
    forced = int((run.logs.fills["forced"] == Forced.LIQUIDATION).sum())
    return [
        ("Funding paid", f"{_money(run, paid)} in {len(run.logs.fundings):,} payments"),
        ("Liquidations", f"{run.counters['liquidations']:,}, in {forced:,} fills{_joint(run)}"),
    ]


def _joint(run: Evidence) -> str:
    """How many of the liquidations it took the worst marks of all positions at once for."""
    positions = [one for one in run.market.instruments if one.margin_mode == "cross"]
    if len(positions) < 2 or run.model.path != "pessimistic":
        return ""
    return f"; {run.counters['joint']:,} only as all marks are at their worst at once"


def _money(run: Evidence, value: float) -> str:
    return money(value, run.market.instruments[0].settle, run.cash)


def _missing(candles: Candles, start: int) -> int:
    """How many candles are missing from the run's start on."""
    return int(gaps(candles.time[np.searchsorted(candles.time, start) :], candles.timeframe)["missing"].sum())


def _about_terms(run: Evidence) -> list[Row]:
    market = run.market
    fees = sorted({(i.maker, i.taker) for i in market.instruments})
    rates = ", ".join(f"{m * 100:g} % maker, {t * 100:g} % taker" for m, t in fees)
    if market.tiers is not None:
        rates = str(market.tiers)
    return [
        ("Fees", f"{rates} ({market.fees_source})"),
        ("Steps", market.steps_source),
        *market.beside.told,
        ("Spread and impact paid", _money(run, _slippage(run.costs))),
        ("Path and latency", f"{run.model.path}, {_latency(run.model)}"),
        ("Limits", _limits(run)),
    ]


def _latency(model: FillModel) -> str:
    is_drawn = isinstance(model.latency_ms, Drawn) or isinstance(model.news_ms, Drawn)
    return f"{model.usual_latency} ms" + (f" (median, seed {model.seed})" if is_drawn else "")


def _limits(run: Evidence) -> str:
    """Each limit with how often it refused something; stops with how often they came."""
    count = np.bincount(run.logs.refusals["limit"], minlength=len(Limit))
    rows, quote = [], run.market.instruments[0].settle
    for name, value in run.limits.items():
        about = []
        if name in STOPS:
            about.append(f"reached {run.counters[STOPS[name]]:,}")
        if name.upper() in Limit.__members__:
            about.append(f"refused {count[Limit[name.upper()]]:,}")
        rows.append(told(name, value, quote) + (f" ({', '.join(about)})" if about else ""))
    return ", ".join(rows) or "none"


def _about_fills(run: Evidence) -> list[Row]:
    logs, paid, slippage = run.logs, run.costs["fees"], _slippage(run.costs)
    net, funding = run.final - run.cash, float(logs.money(logs.fundings["units"].sum()))
    shown = f"+,.{decimals(run.cash)}f"
    gross = f"{net + paid + slippage + funding:{shown}} gross, {0.0 - paid:{shown}} fees"
    gross += f", {0.0 - slippage:{shown}} slippage"
    if any(one.is_contract for one in run.market.instruments):
        gross += f", {0.0 - funding:{shown}} funding"
    return [
        ("Fills decided by the path", f"{run.counters['path_decided']:,} of {len(logs.fills):,}"),
        ("Touched, not crossed", f"{run.counters['touched']:,}"),
        ("Refusals", ", ".join(f"{n} {c:,}" for n, c in rejected(logs).items()) or "none"),
        *([("Held without a stop", _held_bare(run.unprotected))] if run.unprotected else []),
        ("Gross against costs", gross),
    ]


def _held_bare(bare: Unprotected) -> str:
    """How often, how long at most, and what part of the time in which anything was held."""
    if not bare.times:
        return "never"
    longest, share = bare.longest / 1000.0, bare.total / bare.held
    often = "once" if bare.times == 1 else f"{bare.times:,} times"
    return f"{often}, {longest:,.3f} s at most, {share * 100:.2g} % of the time held"


def _slippage(costs: dict[str, float]) -> float:
    return costs["spread"] + costs["impact"] + costs["slip"]


def costs(logs: Logs, fills: pl.DataFrame) -> dict[str, float]:
    """What trading cost, in quote: fees, spread, impact, stop slippage."""
    log = logs.fills
    index = log["instrument"].astype(np.int64)
    amount, price = logs.amount(log["amount"], index), logs.price(log["ticks"], index)
    away = {name: logs.worth_of(log[name], price, index) for name in ("spread", "impact", "slip")}
    in_quote = pl.col("fee_currency") == logs.instruments[0].settle
    fees = fills.select(pl.when(in_quote).then("fee").otherwise(pl.col("fee") * pl.col("price")).sum()).item()
    return {"fees": float(fees or 0.0), **{name: float((each * amount).sum()) for name, each in away.items()}}


def rejected(logs: Logs) -> dict[str, int]:
    """How many orders were refused, by reason."""
    orders = logs.orders
    refused = np.bincount(orders["reason"][orders["status"] == Status.REJECTED].astype(np.int64), minlength=1)
    return {Reason(r).name: int(n) for r, n in enumerate(refused) if n}


def remarks(settled: int, why_interpreted: str | None) -> list[str]:
    """What else to tell: instruments that ended early, and why the strategy ran interpreted."""
    told = []
    if settled:
        what = "stopped trading before the end: orders cancelled, position sold at the last price."
        told.append(f"{settled} instrument(s) {what}")
    if why_interpreted:
        told.append(f"Ran interpreted: {why_interpreted}")
    return told
