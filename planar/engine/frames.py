"""What a run left behind as polars frames: the kernel's whole numbers and codes as plain floats and words."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from planar.engine.simulation import Simulation
from planar.kernel.state import CONTRACT
from planar.kernel.views import NOTES
from planar.model.instrument import SIDES, Instrument
from planar.model.order import NEVER, Forced, Kind, Reason, Side, Status, Tif
from planar.strategy.texts import Texts, filled_in

NO_TAG = -1
FORCED = {NO_TAG - forced: str(forced).lower() for forced in Forced if forced}
"""Tags of what was forced, by number."""


@dataclass(frozen=True)
class Logs:
    """The kernel's logs of a run, and what the numbers in them mean.

    orders, fills, events, amends, notes, refusals: records of `planar.model.order` and `planar.kernel.state`, in order.
    live: records of the orders still open; records: the kernel's record of each instrument; quote: the unit of the
    cash, numerator and denominator.
    """

    instruments: list[Instrument]
    orders: np.ndarray
    fills: np.ndarray
    events: np.ndarray
    amends: np.ndarray
    live: np.ndarray
    notes: np.ndarray
    refusals: np.ndarray
    fundings: np.ndarray
    records: np.ndarray
    quote: tuple[int, int]
    texts: Texts

    def names(self, index: np.ndarray) -> pl.Series:
        """Name of the instrument of each row."""
        names = np.array([i.name for i in self.instruments], object)
        return pl.Series("instrument", names[index].tolist(), pl.String)

    def sides(self, index: np.ndarray) -> dict[str, pl.Series]:
        """``position_side`` of each row, long or short, where a contract is in hedge mode."""
        hedges = self.records["hedge"]
        words = {0: "", CONTRACT: "", **SIDES}
        return {"position_side": _words(hedges[index], words)} if hedges.any() else {}

    def price(self, ticks: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Quote per base, of ticks of the instrument of each row."""
        return ticks * self.records["price_n"][index] / self.records["price_d"][index]

    def worth_price(self, cost: np.ndarray, index: np.ndarray) -> np.ndarray:
        """The price at which an amount of 1 of the instrument of each row costs so much."""
        is_inverse = self.records["sign"][index] < 0
        return np.where(is_inverse, self.records["size"][index] / cost, cost)

    def worth_of(self, away: np.ndarray, price: np.ndarray, index: np.ndarray) -> np.ndarray:
        """What an amount of 1 of the instrument of each row costs more, in money, by a price that is so far away."""
        is_inverse = self.records["sign"][index] < 0
        return np.where(is_inverse, away * self.records["size"][index] / (price * price), away)

    def amount(self, units: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Base, of units of the instrument of each row."""
        return units * self.records["base_n"][index] / self.records["base_d"][index]

    def money(self, units: np.ndarray) -> np.ndarray:
        """Quote, of units of the cash."""
        return units * self.quote[0] / self.quote[1]

    def tags(self, numbers: np.ndarray) -> pl.Series:
        """Texts of tags by their numbers."""
        used = {int(n): self.texts.text(int(n)) for n in np.unique(numbers)}
        return _words(numbers, {**used, **FORCED})


def logs_of(simulation: Simulation, texts: Texts) -> Logs:
    """What the kernel logged."""
    records, log = simulation.memory.instruments, simulation.log
    return Logs(
        simulation.instruments,
        orders=log("orders"),
        fills=log("fills"),
        events=log("events"),
        amends=log("amends"),
        live=simulation.open_orders(),
        notes=log("notes"),
        refusals=log("refusals"),
        fundings=log("fundings"),
        records=records,
        quote=(simulation.quote.numerator, simulation.quote.denominator),
        texts=texts,
    )


def fills(logs: Logs) -> pl.DataFrame:
    """One row per fill: time, instrument, order_id, side, price, amount, cost, fee, fee_currency, liquidity, tag."""
    log, orders = logs.fills, logs.orders
    index = log["instrument"].astype(np.int64)
    in_base = log["fee_in_base"].astype(bool)
    currencies = np.array([[i.settle, i.base] for i in logs.instruments], object)
    tags = orders["tag"][np.maximum(log["order"], 0)] if len(orders) else -1
    return pl.DataFrame(
        {
            "time": log["time"].copy(),
            "instrument": logs.names(index),
            "order_id": log["order"].astype(np.int64) + 1,
            "side": _words(log["side"], {1: "buy", -1: "sell"}),
            **logs.sides(index),
            "price": logs.price(log["ticks"], index),
            "amount": logs.amount(log["amount"], index),
            "cost": logs.money(log["cost"]),
            "fee": np.where(in_base, logs.amount(log["fee"], index), logs.money(log["fee"])),
            "fee_currency": pl.Series(currencies[index, in_base.astype(int)].tolist(), dtype=pl.String),
            "liquidity": _words(log["maker"], {1: "maker", 0: "taker"}),
            "tag": logs.tags(np.where(log["forced"] > 0, NO_TAG - log["forced"], tags)),
        }
    )


def fundings(logs: Logs) -> pl.DataFrame:
    """One row per payment: time, instrument, amount held, mark price, rate, paid (quote, below 0 received)."""
    log = logs.fundings
    index = log["instrument"].astype(np.int64)
    return pl.DataFrame(
        {
            "time": log["time"].copy(),
            "instrument": logs.names(index),
            **logs.sides(index),
            "amount": logs.amount(log["amount"], index),
            "price": log["price"].copy(),
            "rate": log["rate"].copy(),
            "paid": logs.money(log["units"]),
        }
    )


def orders(logs: Logs) -> pl.DataFrame:
    """One row per order asked for, refused ones included."""
    log = logs.orders
    index = log["instrument"].astype(np.int64)
    filled, cost = logs.amount(log["filled"], index), logs.money(log["cost"])
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.where(log["filled"] > 0, logs.worth_price(cost / filled, index), np.nan)
    frame = pl.DataFrame(
        {
            "id": np.arange(1, len(log) + 1),
            "time": log["time"].copy(),
            "instrument": logs.names(index),
            **_order_words(log),
            **logs.sides(index),
            "price": np.where(log["price"] > 0, logs.price(log["price"], index), np.nan),
            "stop": np.where(log["stop"] > 0, logs.price(log["stop"], index), np.nan),
            "requested": log["requested"].copy(),
            "amount": logs.amount(log["amount"], index),
            "filled": filled,
            "average_price": average,
            "cost": cost,
            "done": log["done"].copy(),
            "tag": logs.tags(log["tag"]),
        }
    )
    done = pl.when(pl.col("done") == NEVER).then(None).otherwise(pl.col("done")).alias("done")
    return frame.with_columns(done, pl.col("price", "stop", "average_price").fill_nan(None))


def _order_words(log: np.ndarray) -> dict[str, pl.Series]:
    return {
        "side": _words(log["side"], {s.value: s.name.lower() for s in Side}),
        "kind": _words(log["kind"], {k.value: k.name.lower() for k in Kind}),
        "tif": _words(log["tif"], {t.value: t.name for t in Tif}),
        "status": _words(log["status"], {s.value: s.name for s in Status}),
        "reason": _words(log["reason"], {r.value: "" if r is Reason.NONE else r.name for r in Reason}),
    }


def notes(logs: Logs) -> pl.DataFrame:
    """What ``broker.log``, ``mark`` and ``plot`` kept: time, instrument, kind, text, value."""
    log = logs.notes
    texts = [_text(logs.texts, note) for note in log]
    return pl.DataFrame(
        {
            "time": log["time"].copy(),
            "instrument": logs.names(log["instrument"].astype(np.int64)),
            "kind": _words(log["kind"], dict(enumerate(NOTES))),
            "text": pl.Series(texts, dtype=pl.String),
            "value": np.where(log["kind"] > 0, log["a"], np.nan),
        }
    ).with_columns(pl.col("value").fill_nan(None))


def _text(texts: Texts, note: np.void) -> str:
    """A log line with its numbers put in; the name of a mark or plot as it is."""
    text = texts.text(int(note["text"]))
    return text if note["kind"] else filled_in(text, [float(note[v]) for v in "abcd"[: note["count"]]])


def _words(numbers: np.ndarray, words: dict[int, str]) -> pl.Series:
    """Texts for small whole numbers."""
    return pl.Series(numbers.astype(np.int64)).replace_strict(words, return_dtype=pl.String, default="")
