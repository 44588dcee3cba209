"""Rules and fees of the instruments of a run: as given, or read off their first candles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from planar.errors import ConfigError
from planar.model.instrument import Instrument
from planar.strategy.candles import FIELDS, Candles

TICK_CANDLES = 100
ABOUT_ONE_STEP = 0.5  # quote that one step of a default instrument is worth, at most

Fees = float | Sequence[float] | Mapping[str, float]
"""A fraction, (maker, taker), or both by name."""


def default_instrument(name: str, candles: Candles) -> Instrument:
    """Rules for an instrument that came without: the price step of its first candles, an amount step worth little.

    Only the first candles are looked at, so that later data cannot change a decision.
    """
    shown = np.concatenate([getattr(candles, f)[:TICK_CANDLES] for f in FIELDS[:4]])
    decimals = next((d for d in range(8) if np.allclose(shown * 10**d, np.round(shown * 10**d), rtol=0, atol=1e-6)), 8)
    step = 10.0 ** min(0, max(-8, math.floor(math.log10(ABOUT_ONE_STEP / float(candles.close[0])))))
    return Instrument(name, price_step=float(f"1e-{decimals}"), amount_step=float(f"{step:.0e}"))


def with_fees(instrument: Instrument, fees: Fees | None) -> Instrument:
    """The instrument at the fees that were given, if any. Raises ConfigError when they are no fees."""
    if fees is None:
        return instrument
    pair: tuple[Any, ...] = (fees, fees)
    if isinstance(fees, Mapping) and set(fees) == {"maker", "taker"}:
        pair = (fees["maker"], fees["taker"])
    elif isinstance(fees, Sequence) and not isinstance(fees, str) and len(fees) == 2:
        pair = tuple(fees)
    if not all(isinstance(f, int | float) and not isinstance(f, bool) and math.isfinite(f) for f in pair):
        raise ConfigError(f"fees={fees!r} must be a fraction (0.001 is 0.1 %), or (maker, taker).")
    return replace(instrument, maker=float(pair[0]), taker=float(pair[1]))


def check_quotes(instruments: list[Instrument]) -> None:
    """Raises ConfigError unless one cash can pay for all instruments."""
    quotes = {i.quote for i in instruments}
    if len(quotes) > 1:
        raise ConfigError(
            f"the instruments are paid in {' and '.join(sorted(quotes))}: one run has one cash currency. "
            "Choose instruments of one quote."
        )
    if len({i.quote_unit for i in instruments}) > 1:
        raise ConfigError(
            "the instruments differ in quote_unit, which is a unit of their one cash: give all of them the same."
        )
