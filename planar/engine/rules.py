"""Rules and fees of the instruments of a run: as given, as the exchange listed them, or read off their candles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planar.engine.listed_rules import contract_under, dated, under
from planar.errors import ConfigError
from planar.model.instrument import Instrument, exact
from planar.simulator.fee_tiers import FeeTiers
from planar.store.rules import Snapshot
from planar.strategy.candles import FIELDS, Candles

TICK_CANDLES = 100
ABOUT_ONE_STEP = 0.5  # quote that one step of a default instrument is worth, at most

Fees = float | Sequence[float] | Mapping[str, float] | FeeTiers
"""A fraction, (maker, taker), both by name, or tiers by volume."""


@dataclass(frozen=True)
class Terms:
    """An instrument as a run trades it, and where its fees and its steps come from, in words."""

    instrument: Instrument
    fees: str
    steps: str

    @classmethod
    def of(
        cls, name: str, candles: Candles, given: Instrument | None, seen: Snapshot | None, fees: Fees | None
    ) -> "Terms":
        """By the instrument that was given, else by the rules that were seen at its exchange, else by its candles.

        Fees that were given go before all others.
        """
        made = cls(given, *("of the instrument",) * 2) if given else cls._found(name, candles, seen)
        return made if fees is None else replace(made, instrument=with_fees(made.instrument, fees), fees="given")

    @classmethod
    def _found(cls, name: str, candles: Candles, seen: Snapshot | None) -> "Terms":
        default = contract_under(name, seen) or default_instrument(name, candles)
        if seen is None:
            return cls(default, "assumed", "read off the candles")
        made, rules, where = under(default, seen), seen.rules, dated(seen)
        fees = where if None not in (rules.maker, rules.taker) else "assumed"
        read_off = {"price step": rules.price_step is None, "amount step": rules.amount_step is None}
        if seen.is_later and not _are_ticks(candles, float(1 / exact(made.price_step))):
            # Steps change over the years: candles that are not on this one were traded on another.
            made, read_off["price step"] = replace(made, price_step=default.price_step), True
        return cls(made, fees, _steps_source(where, [step for step, is_so in read_off.items() if is_so]))


def _steps_source(where: str, read_off: list[str]) -> str:
    if len(read_off) == 2:
        return "read off the candles"
    return where + "".join(f"; {step} read off the candles" for step in read_off)


def told_sources(names: Sequence[str], sources: Sequence[str]) -> str:
    """Where something is from, once for all instruments, else for each source with its instruments."""
    by_source: dict[str, list[str]] = {}
    for name, source in zip(names, sources, strict=True):
        by_source.setdefault(source, []).append(name.partition(":")[2])
    if len(by_source) == 1:
        return sources[0]
    return "; ".join(f"{', '.join(those)} {source}" for source, those in by_source.items())


def default_instrument(name: str, candles: Candles) -> Instrument:
    """Rules for an instrument that came without: the price step of its first candles, an amount step worth little.

    Only the first candles are looked at, so that later data cannot change a decision.
    """
    if name.count(":") == 2:
        pair, _, settle = name.rpartition(":")
        terms = f"tiers=Tiers.of('{name}', [(0, 0.004, 125), (50_000, 0.005, 100)])"
        if not pair.endswith(f"/{settle}"):
            terms = f"contract_size=100, tiers=Tiers.of('{name}', [(0, 0.004, 125), (5, 0.005, 100)])"
        example = f"Instrument('{name}', {terms})"
        raise ConfigError(f"{name}: a contract needs its leverage tiers, which were not stored. Give it: {example}.")
    decimals = next((d for d in range(8) if _are_ticks(candles, 10**d)), 8)
    step = 10.0 ** min(0, max(-8, math.floor(math.log10(ABOUT_ONE_STEP / float(candles.close[0])))))
    return Instrument(name, price_step=float(f"1e-{decimals}"), amount_step=float(f"{step:.0e}"))


def _are_ticks(candles: Candles, ticks: float) -> bool:
    """Whether the prices of the first candles are whole numbers of ticks, of which a unit of quote has so many."""
    shown = np.concatenate([getattr(candles, f)[:TICK_CANDLES] for f in FIELDS[:4]]) * ticks
    return np.allclose(shown, np.round(shown), rtol=0, atol=1e-6)


def with_fees(instrument: Instrument, fees: Fees | None) -> Instrument:
    """The instrument at the fees that were given, if any. Raises ConfigError when they are no fees."""
    if fees is None:
        return instrument
    if isinstance(fees, FeeTiers):
        fees = fees.tiers[0][1:]
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
    quotes = {i.settle for i in instruments}
    if len(quotes) > 1:
        raise ConfigError(
            f"the instruments are paid in {' and '.join(sorted(quotes))}: one run has one cash currency. "
            "Choose instruments that are paid in the same."
        )
    if len({i.quote_unit for i in instruments}) > 1:
        raise ConfigError(
            "the instruments differ in quote_unit, which is a unit of their one cash: give all of them the same."
        )
