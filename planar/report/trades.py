"""Trades: round trips from flat to flat, put together from fills.

``fills`` is a frame in the order of execution with the columns ``time`` (ms), ``instrument``, ``side`` (``"buy"`` or
``"sell"``), ``price``, ``amount``, ``cost``, ``fee`` (in units of ``fee_currency``) and ``fee_currency``. Others are
not read.

A fee may be taken in three ways, and each says where its money went:

* in the quote currency: out of the cash;
* in the base currency: out of the amount, so the position is smaller than what was bought; valued at the fill's price;
* in a third currency: out of neither; valued by ``rates`` (quote per unit), and an error when its rate is missing.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from planar.errors import DataError

SCHEMA = {
    "instrument": pl.String,
    "side": pl.String,
    "opened": pl.Int64,
    "closed": pl.Int64,
    "entry_price": pl.Float64,
    "exit_price": pl.Float64,
    "amount": pl.Float64,
    "fees": pl.Float64,
    "pnl": pl.Float64,
    "return": pl.Float64,
}

# Adding a million amounts as floats errs by some 1e-11 of the largest position: less than this is nothing.
ROUND_OFF = 1e-10


def trades(
    fills: pl.DataFrame, *, dust: Mapping[str, float] | None = None, rates: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """Closed trades, by time of closing; one that is still open at the end is not in the table (see open_count).

    dust: instrument -> amount below which its position counts as flat, usually the step; 0 where not named.
    rates: quote per unit of each third currency that fees were paid in.

    ========================  ==============================================================================
    instrument, side          ``"long"`` or ``"short"``; a fill that turns the position ends one and begins one
    opened, closed            time of the first and of the last fill, ms
    entry_price, exit_price   mean price of the fills that entered and that left, weighted by amount; of an inverse
                              contract the harmonic mean, by which its profit is what it is
    amount                    all that was entered, in base, before fees
    fees                      quote, of an inverse contract (``exchange:BASE/QUOTE:BASE``) base, as its cost
    pnl                       in what fees are, after them: what it did to the cash, and to the dust (below)
    return                    pnl as a fraction of the cost of all that was entered
    ========================  ==============================================================================

    Dust that a trade leaves counts at the price of its last fill, and the next trade takes it over at that price.
    So the pnl of all trades is the change of cash plus the dust left at the end. A fill that moves the position from
    flat to flat (both below dust) belongs to no trade.

    Raises DataError on fills out of order, missing numbers, unknown sides, amounts that fees use up, fees of unknown
    worth.
    """
    if fills.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    legs = _follow(fills, dust or {}, rates or {})
    begins = _shifted(legs.is_flat, True) | _differs(legs.instrument)
    trip = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins)) - 1
    keep = legs.is_flat[last] & ~legs.is_flat[first]

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(trip, weights=values)[keep]

    def mean_price(which: np.ndarray) -> np.ndarray:
        mean = total(np.where(legs.is_inverse, 1.0 / legs.price, legs.price) * legs.amount * which)
        mean /= total(legs.amount * which)
        return np.where(legs.is_inverse[first[keep]], 1.0 / mean, mean)

    direction = np.sign(legs.position[first])
    enters = legs.side == direction[trip]
    amount, entry_cost = total(legs.amount * enters), total(legs.cost * enters)
    left = legs.position[last] * np.where(legs.is_inverse, -legs.cost / legs.amount, legs.price)[last]
    taken_over = np.where(_differs(legs.instrument[first]), 0.0, _shifted(left, 0.0))
    pnl = total(legs.cash) + (left - taken_over)[keep]
    table = pl.DataFrame(
        {
            "row": legs.row[last[keep]],
            "instrument": fills["instrument"].gather(legs.row[first[keep]]).cast(pl.String),
            "side": direction[keep],
            "opened": legs.time[first[keep]],
            "closed": legs.time[last[keep]],
            "entry_price": mean_price(enters),
            "exit_price": mean_price(~enters),
            "amount": amount,
            "fees": total(legs.fees),
            "pnl": pnl,
            "return": pnl / entry_cost,
        }
    )
    side = pl.when(pl.col("side") > 0).then(pl.lit("long")).otherwise(pl.lit("short"))
    return table.sort("row").select(pl.col("instrument"), side.alias("side"), pl.col(*list(SCHEMA)[2:]))


def open_count(
    fills: pl.DataFrame, *, dust: Mapping[str, float] | None = None, rates: Mapping[str, float] | None = None
) -> int:
    """Number of trades still open after the last fill; at most one per instrument. Arguments as in trades."""
    if fills.is_empty():
        return 0
    legs = _follow(fills, dust or {}, rates or {})
    ends = np.append(_differs(legs.instrument)[1:], True)
    return int(np.count_nonzero(~legs.is_flat[ends]))


def total_fees(fills: pl.DataFrame, *, rates: Mapping[str, float] | None = None) -> float:
    """All fees in quote, those of open trades included; rebates count negative. Raises DataError as trades does."""
    fees, _ = _fees(fills, rates or {})
    return float(fees.sum())


class _Legs(NamedTuple):
    """Fills, instrument by instrument; one that turns the position is two: the leaving and the entering part."""

    row: np.ndarray  # of the fill, in the frame that came in
    instrument: np.ndarray  # a number
    time: np.ndarray
    side: np.ndarray  # 1 buy, -1 sell
    price: np.ndarray
    amount: np.ndarray
    cost: np.ndarray
    fees: np.ndarray  # quote
    cash: np.ndarray  # what the fill did to the cash
    position: np.ndarray  # after the fill, signed
    is_flat: np.ndarray  # after the fill
    is_inverse: np.ndarray


def _follow(fills: pl.DataFrame, dust: Mapping[str, float], rates: Mapping[str, float]) -> _Legs:
    """Follow the position of each instrument through its fills."""
    _check(fills)
    names = fills["instrument"].unique(maintain_order=True)
    number = fills["instrument"].replace_strict(names, np.arange(len(names)), return_dtype=pl.Int64).to_numpy()
    row = np.argsort(number, kind="stable")
    instrument = number[row]
    time, price, amount, cost = (fills[name].to_numpy()[row] for name in ("time", "price", "amount", "cost"))
    side = np.where((fills["side"] == "buy").to_numpy(), 1.0, -1.0)[row]
    fees, from_base = (column[row] for column in _fees(fills, rates))
    moved = side * amount - from_base
    if not np.all(side * moved > 0.0):
        bad = row[np.argmin(side * moved > 0.0)]
        raise DataError(
            f"fill {bad} moves no position, or its fee is more than its amount: {fills.row(bad, named=True)}."
        )
    position, is_flat = np.empty(len(row)), np.empty(len(row), dtype=bool)
    counts = np.bincount(number, minlength=len(names))
    for name, count, end in zip(names, counts, np.cumsum(counts), strict=True):
        part = slice(end - count, end)
        position[part] = np.cumsum(moved[part])
        size = np.abs(position[part])
        nothing = ROUND_OFF * size.max()
        # An amount of exactly the dust is a position, whichever way its last bits were rounded.
        is_flat[part] = (size <= nothing) | (size + nothing < dust.get(name, 0.0))
    is_inverse = np.array([_is_inverse(name) for name in names], bool)[instrument]
    cash = np.where(is_inverse, side, -side) * cost - np.where(from_base != 0.0, 0.0, fees)
    legs = _Legs(row, instrument, time, side, price, amount, cost, fees, cash, position, is_flat, is_inverse)
    return _cut(legs, moved)


def _cut(legs: _Legs, moved: np.ndarray) -> _Legs:
    """Cut each fill that turns the position at the point where it is zero."""
    # The first fill of an instrument follows another's last one, and turns nothing.
    before = np.where(_differs(legs.instrument), 0.0, _shifted(legs.position, 0.0))
    turns = ~_shifted(legs.is_flat, True) & ~legs.is_flat & (before * legs.position < 0.0)
    if not turns.any():
        return legs
    index = np.repeat(np.arange(len(turns)), 1 + turns)
    leaving = np.flatnonzero(turns) + np.arange(turns.sum())
    share = np.ones(len(index))
    share[leaving] = np.abs(before[turns] / moved[turns])
    share[leaving + 1] = 1.0 - share[leaving]
    legs = _Legs(*(column[index] for column in legs))
    legs.position[leaving] = 0.0
    legs.is_flat[leaving] = True
    parts = {name: getattr(legs, name) * share for name in ("amount", "cost", "fees", "cash")}
    return legs._replace(**parts)


def _fees(fills: pl.DataFrame, rates: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Per fill: the fee in quote, and what it took from the amount in base."""
    keys = ["instrument", "fee_currency"]
    pairs = fills.group_by(keys).agg((pl.col("fee") != 0.0).any().alias("is_charged"))
    # A pair that never paid anything needs no rate.
    values = [_value(*pair, rates) if charged else (0.0, 0.0) for *pair, charged in pairs.iter_rows()]
    worth = pairs.with_columns(
        pl.DataFrame(values, schema={"in_quote": pl.Float64, "in_base": pl.Float64}, orient="row")
    )
    rows = fills.select(*keys, "fee", "price").join(worth, on=keys, how="left", nulls_equal=True, maintain_order="left")
    fee, price, in_quote, in_base = (rows[name].to_numpy() for name in ("fee", "price", "in_quote", "in_base"))
    return fee * (in_quote + in_base * price), fee * in_base


def _value(instrument: str, currency: str, rates: Mapping[str, float]) -> tuple[float, float]:
    """Quote per unit of a fee, and whether (1.0) it is base, worth the price of its fill."""
    pair, _, settle = instrument.partition(":")[2].partition(":")
    base, _, quote = pair.partition("/")
    if currency == (settle or quote):
        return 1.0, 0.0
    if currency == base and not settle:
        return 0.0, 1.0
    if currency in rates:
        return rates[currency], 0.0
    raise DataError(
        f"fees of {instrument} were paid in {currency}, and what that is worth is not known: "
        f"give rates={{{currency!r}: its price in {quote}}}."
    )


def _is_inverse(instrument: str) -> bool:
    """Whether the name is that of a contract that is paid in base."""
    pair, _, settle = instrument.partition(":")[2].partition(":")
    return bool(settle) and settle == pair.partition("/")[0]


def _check(fills: pl.DataFrame) -> None:
    """Refuse fills that cannot be followed."""
    if not fills["time"].is_sorted():
        raise DataError("fills are not in the order of their times: sort them, keeping the order of equal times.")
    for name in ("price", "amount", "cost", "fee"):
        if not np.isfinite(fills[name].to_numpy()).all():
            raise DataError(f"the {name} of some fill is missing or not a finite number.")
    sides = fills["side"].cast(pl.String).unique()
    if not sides.is_in(["buy", "sell"]).all():
        raise DataError(f"the sides of fills are 'buy' and 'sell', not {', '.join(map(repr, sides.sort()))}.")


def _shifted(values: np.ndarray, first: object) -> np.ndarray:
    """Each row's value of the row before."""
    return np.concatenate((np.array([first], dtype=values.dtype), values[:-1]))


def _differs(values: np.ndarray) -> np.ndarray:
    """Where a row's value is not that of the row before; the first row differs."""
    return np.append(True, values[1:] != values[:-1])
