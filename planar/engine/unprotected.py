"""How long a run held positions that no stop protected."""

from dataclasses import dataclass

import numpy as np

from planar.engine.frames import Logs
from planar.model.order import NEVER, STOPS, Event, Side


@dataclass(frozen=True)
class Unprotected:
    """How often, and how long in all and at the longest, a position was held without a stop; how long any was. ms."""

    times: int = 0
    total: int = 0
    longest: int = 0
    held: int = 0

    def __add__(self, other: "Unprotected") -> "Unprotected":
        longest = max(self.longest, other.longest)
        return Unprotected(self.times + other.times, self.total + other.total, longest, self.held + other.held)


def unprotected(logs: Logs, end: int) -> Unprotected | None:
    """Of the instruments for which a run asked for stops, up to the end, UTC ms; None where it asked for none.

    A stop counts from when the exchange has accepted it until it is done, whatever its amount.
    """
    orders = logs.orders
    is_stop = np.isin(orders["kind"], STOPS) & (orders["side"] == Side.SELL)
    found = [_of_instrument(logs, k, is_stop, end) for k in np.unique(orders["instrument"][is_stop])]
    return sum(found, Unprotected()) if found else None


def _of_instrument(logs: Logs, k: int, is_stop: np.ndarray, end: int) -> Unprotected:
    orders, fills, events = logs.orders, logs.fills[logs.fills["instrument"] == k], logs.events
    accepted = events[(events["kind"] == Event.ACCEPTED) & (events["instrument"] == k) & (events["order"] >= 0)]
    accepted = accepted[is_stop[accepted["order"]]]
    done = orders["done"][accepted["order"]]
    times = np.concatenate([fills["time"], accepted["time"], done[done != NEVER], [end]])
    order = np.argsort(times, kind="stable")
    moved = fills["amount"] * fills["side"].astype(np.int64) - np.where(fills["fee_in_base"], fills["fee"], 0)
    none, stops = np.zeros(len(accepted) + (done != NEVER).sum() + 1, np.int64), np.zeros(len(fills), np.int64)
    base = np.cumsum(np.concatenate([moved, none])[order])
    standing = np.cumsum(np.concatenate([stops, np.ones(len(accepted)), -np.ones((done != NEVER).sum()), [0.0]])[order])
    record = logs.records[k]
    is_held = base[:-1] >= max(int(record["step"]), int(record["min_amount"]))
    spans, is_bare = np.diff(times[order]), is_held & (standing[:-1] == 0)
    lengths = _runs(spans, is_bare)
    return Unprotected(len(lengths), int(lengths.sum()), int(lengths.max(initial=0)), int(spans[is_held].sum()))


def _runs(spans: np.ndarray, is_in: np.ndarray) -> np.ndarray:
    """The lengths of the stretches in which something holds, those of no time apart."""
    spans, is_in = spans[spans > 0], is_in[spans > 0]
    starts = np.flatnonzero(is_in & ~np.concatenate([[False], is_in[:-1]]))
    return np.add.reduceat(np.where(is_in, spans, 0), starts) if len(starts) else np.empty(0, np.int64)
