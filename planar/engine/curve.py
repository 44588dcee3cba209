"""The equity curve, worked out from the fills when it is asked for: a run itself keeps nothing per candle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planar.engine.simulation import Simulation
from planar.model.order import Forced, Side
from planar.strategy.prints import Prints


@dataclass(frozen=True)
class Curve:
    """Equity and cash at the close of each step: shape (n,), UTC ms and quote. With contracts cash is the wallet."""

    time: np.ndarray
    equity: np.ndarray
    cash: np.ndarray


def curve_of(simulation: Simulation, *, settled: bool = False) -> Curve:
    """The curve of a run, as docs/simulation.md defines equity, to the last bit.

    settled: whether positions were settled after the last candle; its row then shows what they brought.
    """
    state, records, fills = simulation.state, simulation.memory.instruments, simulation.log("fills")
    steps = int(state["steps"])
    opens = [c.time[row:] for c, row in zip(simulation.execution, simulation.first_rows, strict=True)]
    times = _union(opens, int(state["execution"]))[:steps]
    is_buy, in_base = fills["side"] == Side.BUY, fills["fee_in_base"] != 0
    fee_in_quote, fee_in_base = np.where(in_base, 0, fills["fee"]), np.where(in_base, fills["fee"], 0)
    signs = records["sign"][fills["instrument"].astype(np.int64)]
    changes = np.where(is_buy, -fills["cost"], fills["cost"]) * signs - fee_in_quote
    units = _after_each(simulation.start_cash, changes, fills["step"], steps)
    if state["contracts"]:
        fundings = simulation.log("fundings")
        units = units + _after_each(0, -fundings["units"], fundings["step"], steps)
    equity, wallet = units * state["quote_n"] / state["quote_d"], units
    bought = np.where(is_buy, fills["amount"], -fills["amount"]) - fee_in_base
    for k, (candles, row) in enumerate(zip(simulation.execution, simulation.first_rows, strict=True)):
        own = fills["instrument"] == k
        if not own.any():
            continue
        base = _after_each(0, bought[own], fills["step"][own], steps)
        entries = fills["entry"][own]
        if simulation.instruments[k].is_contract:
            changes = np.diff(entries, prepend=0) * records[k]["sign"]
            wallet = wallet + _after_each(0, changes, fills["step"][own], steps)
        amount = base * records[k]["base_n"] / records[k]["base_d"]
        last = np.searchsorted(opens[k], times, side="right") - 1 if len(opens[k]) != len(times) else slice(steps)
        # Where nothing is held, there may not have been a close yet.
        equity += np.where(base != 0, _asset(records[k], amount, candles.close[row:][last]), 0.0)
    cash = wallet * state["quote_n"] / state["quote_d"]
    if settled and steps:
        equity[-1] = float(state["money"])
        wallet_units = int(state["cash"]) + sum(int(r["sign"] * r["entry"]) for r in records)
        cash[-1] = wallet_units * state["quote_n"] / state["quote_d"]
        equity[-1] += sum(float(_asset(r, r["amount"], r["last"])) for r in records if r["base"])
    return Curve(times + int(state["execution"]), equity, cash)


def _asset(record: np.void, amount: np.ndarray, price: np.ndarray) -> np.ndarray:
    """What amounts add to equity at prices, as the kernel has it."""
    return amount * price if record["sign"] > 0 else -(amount * record["size"] / price)


def curve_over_trades(simulation: Simulation, prints: Sequence[Prints]) -> Curve:
    """The curve of a run over market trades: at each close that was decided at, and at the end."""
    state, records, fills = simulation.state, simulation.memory.instruments, simulation.log("fills")
    end = int(state["end_time"])
    closes = [c.time[int(r["first_candle"]) :] + c.timeframe for c, r in zip(simulation.candles, records, strict=True)]
    times: np.ndarray = np.unique(np.concatenate(closes))
    times = np.append(times[times < end], end)
    # What is delisted at a close is settled before it is decided on.
    happened = fills["time"] - (fills["forced"] == Forced.DELISTED)
    is_buy, in_base = fills["side"] == Side.BUY, fills["fee_in_base"] != 0
    fee_in_quote, fee_in_base = np.where(in_base, 0, fills["fee"]), np.where(in_base, fills["fee"], 0)
    paid = np.where(is_buy, -fills["cost"], fills["cost"]) - fee_in_quote
    cash = _by(times, simulation.start_cash, paid, happened) * state["quote_n"] / state["quote_d"]
    equity, bought = cash.copy(), np.where(is_buy, fills["amount"], -fills["amount"]) - fee_in_base
    for k, (trades, record) in enumerate(zip(prints, records, strict=True)):
        own = fills["instrument"] == k
        base = _by(times, 0, bought[own], happened[own])
        last = np.maximum(np.searchsorted(trades.time, times, side="left") - 1, 0)
        equity += np.where(base != 0, base * record["base_n"] / record["base_d"] * trades.price[last], 0.0)
    return Curve(times, equity, cash)


def _by(times: np.ndarray, first: int, changes: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """A balance in units before each of the times, from its start and the change by each fill."""
    balances = first + np.concatenate(([0], np.cumsum(changes)))
    return balances[np.searchsorted(happened, times, side="left")]


def _after_each(first: int, changes: np.ndarray, at: np.ndarray, steps: int) -> np.ndarray:
    """A balance in units at the close of each step, from its start and the changes made in steps."""
    balances = first + np.concatenate(([0], np.cumsum(changes)))
    counts = np.cumsum(np.bincount(at, minlength=steps + 1))
    return balances[counts[1 : steps + 1]]


def _union(opens: list[np.ndarray], length: int) -> np.ndarray:
    """The opens of all instruments, each once."""
    longest = max(opens, key=len)
    if all(len(o) == len(longest) and (o[0], o[-1]) == (longest[0], longest[-1]) for o in opens) and _is_gapless(
        longest, length
    ):
        return longest
    first = min(int(o[0]) for o in opens if len(o))
    there = np.zeros((max(int(o[-1]) for o in opens if len(o)) - first) // length + 1, bool)
    for own in opens:
        there[(own - first) // length] = True
    return first + np.flatnonzero(there) * length


def _is_gapless(opens: np.ndarray, length: int) -> bool:
    return len(opens) > 0 and opens[-1] - opens[0] == (len(opens) - 1) * length
