"""`Run`: the result of a backtest, as polars frames and statistics, made when they are asked for."""

from collections import Counter
from functools import cached_property

import numpy as np
import polars as pl

from planar.engine.market import Market
from planar.kernel.views import NOTES
from planar.model import timeframe as timeframes
from planar.model.order import NEVER, Kind, Reason, Side, Status, Tif
from planar.report.statistics import summary
from planar.report.terminal import Summary, render
from planar.report.trades import trades as round_trips
from planar.simulator.fill_model import FillModel
from planar.store.candles import gaps
from planar.strategy.interpreted import Texts

HOLDING = 1e-4
"""Share of equity above which an account counts as holding something; dust is below."""


class Run:
    """What a backtest did.

    stats: dict of statistics. orders, fills, trades, equity, notes: polars frames, in the order things happened; times are
    UTC ms, amounts base, money quote. data_hash: of the candles it ran on. compiled: None, or why it ran interpreted.
    """

    def __init__(
        self, name: str, market: Market, logs: dict[str, np.ndarray], texts: Texts, model: FillModel,
        *, timeframe: str, start: int, cash: float, counters: dict[str, int], why_interpreted: str | None,
        memory: dict[str, object], parameters: dict[str, float],
    ) -> None:  # fmt: skip
        self.strategy, self.timeframe, self.parameters = name, timeframe, parameters
        self.why_interpreted = why_interpreted
        self.memory = memory
        self._market, self._logs, self._texts, self._model = market, logs, texts, model
        self._start, self._cash, self._counters = start, cash, counters

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

    def _names(self, index: np.ndarray) -> pl.Series:
        return pl.Series("instrument", np.array(self.instruments, object)[index].tolist(), pl.String)

    def _scale(self, index: np.ndarray, kind: str) -> np.ndarray:
        """Per row: ticks to prices or units to amounts, as (numerator, denominator)."""
        table = np.array([self._counters_of(i)[kind] for i in range(len(self.instruments))])
        return table[index] if len(index) else np.zeros((0, 2))

    def _counters_of(self, k: int) -> dict[str, tuple[float, float]]:
        record = self._logs["instruments"][k]
        return {"price": (record["price_n"], record["price_d"]), "amount": (record["base_n"], record["base_d"])}

    def _price(self, ticks: np.ndarray, index: np.ndarray) -> np.ndarray:
        scale = self._scale(index, "price")
        return ticks * scale[:, 0] / scale[:, 1]

    def _amount(self, units: np.ndarray, index: np.ndarray) -> np.ndarray:
        scale = self._scale(index, "amount")
        return units * scale[:, 0] / scale[:, 1]

    def _money(self, units: np.ndarray) -> np.ndarray:
        return units * self._logs["quote"][0] / self._logs["quote"][1]

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill: time, instrument, order_id, side, price, amount, cost, fee, fee_currency, liquidity, tag."""
        log = self._logs["fills"]
        index = log["instrument"].astype(np.int64)
        in_base = log["fee_in_base"].astype(bool)
        fee = np.where(in_base, self._amount(log["fee"], index), self._money(log["fee"]))
        currencies = np.array([[i.quote, i.base] for i in self._market.instruments], object)
        orders = self._logs["orders"]
        tags = np.where(log["delisted"] > 0, -2, orders["tag"][np.maximum(log["order"], 0)] if len(orders) else -1)
        return pl.DataFrame(
            {
                "time": log["time"].copy(),
                "instrument": self._names(index),
                "order_id": log["order"] + 1,
                "side": _words(log["side"], {1: "buy", -1: "sell"}),
                "price": self._price(log["ticks"], index),
                "amount": self._amount(log["amount"], index),
                "cost": self._money(log["cost"]),
                "fee": fee,
                "fee_currency": pl.Series(currencies[index, in_base.astype(int)].tolist(), dtype=pl.String),
                "liquidity": _words(log["maker"], {1: "maker", 0: "taker"}),
                "tag": self._tags(tags),
            }
        )

    def _tags(self, numbers: np.ndarray) -> pl.Series:
        used = {int(n): self._texts.text(int(n)) for n in np.unique(numbers)}
        used[-2] = "delisted"
        return _words(numbers, used)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order asked for, refused ones included."""
        log = self._logs["orders"]
        index = log["instrument"].astype(np.int64)
        amount, filled = self._amount(log["amount"], index), self._amount(log["filled"], index)
        cost = self._money(log["cost"])
        price, stop = self._price(log["price"], index), self._price(log["stop"], index)
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(log["filled"] > 0, cost / filled, np.nan)
        return pl.DataFrame(
            {
                "id": np.arange(1, len(log) + 1),
                "time": log["time"].copy(),
                "instrument": self._names(index),
                "side": _words(log["side"], {s.value: s.name.lower() for s in Side}),
                "kind": _words(log["kind"], {k.value: k.name.lower() for k in Kind}),
                "tif": _words(log["tif"], {t.value: t.name for t in Tif}),
                "status": _words(log["status"], {s.value: s.name for s in Status}),
                "reason": _words(log["reason"], {r.value: "" if r is Reason.NONE else r.name for r in Reason}),
                "price": np.where(log["price"] > 0, price, np.nan),
                "stop": np.where(log["stop"] > 0, stop, np.nan),
                "requested": log["requested"].copy(),
                "amount": amount,
                "filled": filled,
                "average_price": average,
                "cost": cost,
                "done": log["done"].copy(),
                "tag": self._tags(log["tag"]),
            }
        ).with_columns(pl.when(pl.col("done") == NEVER).then(None).otherwise(pl.col("done")).alias("done"), pl.col("price", "stop", "average_price").fill_nan(None))

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row per execution candle: time (its close), equity, cash."""
        return pl.DataFrame({"time": self._logs["equity_time"], "equity": self._logs["equity"], "cash": self._logs["equity_cash"]})

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Round trips, from flat to flat; open ones are left out."""
        dust = {i.name: float(i.amount_step) for i in self._market.instruments}
        return round_trips(self.fills, dust=dust)

    @cached_property
    def notes(self) -> pl.DataFrame:
        """What ``broker.log``, ``mark`` and ``plot`` kept: time, instrument, kind, text, value."""
        log = self._logs["notes"]
        texts = [_formatted(self._texts.text(int(n["text"])), [n[v] for v in "abcd"][: n["count"]], n["kind"]) for n in log]
        return pl.DataFrame(
            {
                "time": log["time"].copy(),
                "instrument": self._names(log["instrument"].astype(np.int64)),
                "kind": _words(log["kind"], dict(enumerate(NOTES))),
                "text": pl.Series(texts, dtype=pl.String),
                "value": np.where(log["kind"] > 0, log["a"], np.nan),
            }
        ).with_columns(pl.col("value").fill_nan(None))

    @cached_property
    def stats(self) -> dict:
        """Statistics by name; what is not defined is None."""
        holding = np.abs(self._logs["equity"] - self._logs["equity_cash"]) > HOLDING * np.abs(self._logs["equity"])
        made = summary(
            self.equity, self.trades, self.fills,
            start_time=self._start, start_cash=self._cash,
            buy_and_hold=self._buy_and_hold(), exposure=float(holding.mean()) if len(holding) else None,
            rejected=self._rejected(),
        )  # fmt: skip
        return {**made, "believe": dict(self._believe())}

    def _rejected(self) -> dict[str, int]:
        orders = self._logs["orders"]
        refused = np.bincount(orders["reason"][orders["status"] == Status.REJECTED].astype(np.int64), minlength=1)
        return {Reason(r).name: int(n) for r, n in enumerate(refused) if n}

    def _buy_and_hold(self) -> float | None:
        """Mean over the instruments of the return of their closes, from the run's start or their listing on."""
        returns = []
        for candles in self._market.execution:
            closes = candles.close[np.searchsorted(candles.time, self._start) :]
            if len(closes) > 1:
                returns.append(closes[-1] / closes[0] - 1.0)
        return float(np.mean(returns)) if returns else None

    def costs(self) -> dict[str, float]:
        """What trading cost, in quote: fees, spread, impact, stop slippage."""
        log = self._logs["fills"]
        amount = self._amount(log["amount"], log["instrument"].astype(np.int64))
        fees = self.fills.select(pl.when(pl.col("fee_currency") == self._market.instruments[0].quote).then("fee").otherwise(pl.col("fee") * pl.col("price")).sum()).item()
        return {"fees": float(fees or 0.0), **{n: float((log[n] * amount).sum()) for n in ("spread", "impact", "slip")}}

    def _believe(self) -> list[tuple[str, str]]:
        market, model, logs = self._market, self._model, self._logs
        quote = market.instruments[0].quote
        missing = [(i.name, int(gaps(c.time, c.timeframe)["missing"].sum())) for i, c in zip(market.instruments, market.execution, strict=True)]
        missing = [f"{name} {count:,} candles" for name, count in missing if count]
        silent = [i.name for i, c in zip(market.instruments, market.execution, strict=True) if np.isnan(c.volume[:1]).any()]
        fees = sorted({(i.maker, i.taker) for i in market.instruments})
        costs = self.costs()
        slippage = costs["spread"] + costs["impact"] + costs["slip"]
        net = float(logs["equity"][-1]) - self._cash if len(logs["equity"]) else 0.0
        fills = len(logs["fills"])
        rows = [
            ("Data", market.source),
            ("Execution timeframe", timeframes.name(market.execution[0].timeframe)),
            ("Data gaps", ", ".join(missing) or "none"),
            ("Fees", ", ".join(f"{m * 100:g} % maker, {t * 100:g} % taker" for m, t in fees) + f" ({market.fees_source})"),
            ("Steps", market.steps_source),
            ("Spread and impact paid", f"{slippage:,.2f} {quote}"),
            ("Path and latency", f"{model.path}, {model.latency_ms} ms"),
            ("Fills decided by the path", f"{self._counters['path_decided']:,} of {fills:,}"),
            ("Touched, not crossed", f"{self._counters['touched']:,}"),
            ("Refusals", ", ".join(f"{n} {c:,}" for n, c in self._rejected().items()) or "none"),
            ("Gross against costs", f"{net + costs['fees'] + slippage:+,.2f} gross, {-costs['fees']:+,.2f} fees, {-slippage:+,.2f} slippage"),
        ]
        if silent:
            rows.insert(3, ("No volume data", f"{', '.join(silent)}: no volume budget, no impact"))
        elif model.participation is None:
            rows.insert(3, ("Volume budget", "none: any amount fills at any candle"))
        return rows

    def _remarks(self) -> list[str]:
        remarks = []
        if self._counters["settled"]:
            remarks.append(f"{self._counters['settled']} instrument(s) stopped trading before the end: orders cancelled, position sold at the last price.")
        if self.why_interpreted:
            remarks.append(f"Ran interpreted: {self.why_interpreted}")
        return remarks

    def summary(self) -> Summary:
        """What the printout says."""
        end = int(self._logs["equity_time"][-1]) if len(self._logs["equity_time"]) else self._start
        is_synthetic = self._market.source.startswith("synthetic")
        statistics = {k: v for k, v in self.stats.items() if k != "believe"}
        return Summary(
            self.strategy, self.instruments, self.timeframe, self._start, end, self._market.instruments[0].quote, self._cash,
            statistics, self._logs["equity"], market=self._market.source if is_synthetic else "",
            believe=self._believe(), notes=self._remarks(),
        )  # fmt: skip

    def show(self) -> None:
        """Prints the result as ``planar backtest`` does."""
        from rich.console import Console

        Console().print(render(self.summary()))

    def __repr__(self) -> str:
        final = self._logs["equity"][-1] if len(self._logs["equity"]) else self._cash
        return f"<Run of {self.strategy}: {len(self._logs['fills']):,} fills, equity {final:,.2f}>"


def _words(numbers: np.ndarray, words: dict[int, str]) -> pl.Series:
    """Texts for small whole numbers."""
    return pl.Series(numbers.astype(np.int64)).replace_strict(words, return_dtype=pl.String, default="")


def _formatted(text: str, values: list[float], kind: int) -> str:
    if kind:
        return text
    try:
        return text.format(*(float(v) for v in values))
    except (IndexError, KeyError, ValueError):
        return f"{text} {' '.join(repr(float(v)) for v in values)}"
