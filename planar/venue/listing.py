"""`Listing`: one instrument as the venue lists it: its name on the wire, its steps, exact texts of whole numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import polars as pl

from planar.errors import ConfigError
from planar.model.instrument import Instrument, exact
from planar.store.synthetic import steps
from planar.venue.usdm.terms import usual

WIRE = 10**8
"""Numbers on the wire have eight decimals."""

SHOWN_CANDLES = 100
ABOUT_ONE_STEP = 0.5  # quote that one amount step is worth, at most, where the step is not given
MIN_COST = 5.0
MAX_ALGO_ORDERS = 5
MAX_STEPS, MAX_MARKET_STEPS = 10**12, 10**11
"""The largest amounts of an order, in steps."""

TRADING, BREAK = "TRADING", "BREAK"


@dataclass
class Listing:
    """One listed instrument. index: its place among the venue's; status: TRADING or BREAK."""

    instrument: Instrument
    index: int
    status: str = TRADING
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.base + self.quote
        for name, step in (("price_step", self.tick), ("amount_step", self.step), ("base_unit", self.unit)):
            if (step * WIRE).denominator != 1:
                raise ConfigError(
                    f"{self.instrument.name}: {name}={float(step)!r} has more than the eight decimals that the venue "
                    "writes; choose a coarser one."
                )

    @property
    def base(self) -> str:
        """``"BTC"``."""
        return self.instrument.base

    @property
    def quote(self) -> str:
        """``"USDT"``."""
        return self.instrument.quote

    @property
    def is_contract(self) -> bool:
        """Whether it is a perpetual and not spot."""
        return self.instrument.is_contract

    @cached_property
    def tick(self) -> Fraction:
        """Smallest step of a price."""
        return exact(self.instrument.price_step)

    @cached_property
    def step(self) -> Fraction:
        """Smallest step of an amount."""
        return exact(self.instrument.amount_step)

    @cached_property
    def unit(self) -> Fraction:
        """Smallest step of a base balance."""
        return exact(self.instrument.unit)

    @cached_property
    def money(self) -> Fraction:
        """Smallest step of a quote balance."""
        return exact(self.instrument.quote_unit)

    @cached_property
    def step_units(self) -> int:
        """Base units in one amount step."""
        return int(self.step / self.unit)

    def price(self, ticks: int) -> float:
        """What so many ticks are, by the kernel's formula."""
        return ticks * self.tick.numerator / self.tick.denominator

    def amount(self, units: int) -> float:
        """What so many base units are, likewise."""
        return units * self.unit.numerator / self.unit.denominator

    def ticks(self, price: float) -> int:
        """The nearest whole ticks of a price, at least one."""
        return max(round(price * self.tick.denominator / self.tick.numerator), 1)

    def units(self, amount: float) -> int:
        """An amount as base units, a multiple of the amount step."""
        return round(amount * self.step.denominator / self.step.numerator) * self.step_units

    def price_text(self, ticks: int) -> str:
        """So many ticks on the wire."""
        return text(ticks, self.tick)

    def amount_text(self, units: int) -> str:
        """So many base units on the wire."""
        return text(units, self.unit)

    def money_text(self, units: int) -> str:
        """So many quote units on the wire."""
        return text(units, self.money)

    def turnover_text(self, product: int) -> str:
        """A sum of ticks × base units on the wire."""
        return text(product, self.tick * self.unit)


def text(count: int, unit: Fraction) -> str:
    """``count`` units as an exact decimal of eight places, what is smaller cut off."""
    whole = abs(count) * unit.numerator * WIRE // unit.denominator
    return f"{'-' if count < 0 else ''}{whole // WIRE}.{whole % WIRE:08d}"


def units_of(amount: Decimal, unit: Fraction) -> int:
    """An exact amount as whole units, rounded down."""
    return math.floor(Fraction(amount) / unit)


def listed(instruments: Iterable[Instrument | str], candles: dict[str, pl.DataFrame] | None = None) -> list[Listing]:
    """Listings of instruments; of a name alone (``"BTC/USDT"``), with steps that suit its market.

    Raises ConfigError when nothing is listed, a name comes twice, the quotes differ or not all are of one kind.
    """
    made = [i if isinstance(i, Instrument) else _instrument(i, candles) for i in instruments]
    if not made:
        raise ConfigError("the venue lists nothing: name at least one instrument, such as BTC/USDT.")
    hedged = next((i for i in made if i.is_hedged), None)
    if hedged:
        raise ConfigError(f"{hedged.name}: the venue knows one-way mode alone; leave position_mode out.")
    inverse = next((i for i in made if i.is_inverse), None)
    if inverse:
        raise _no_inverse(inverse.name)
    bases = [i.base for i in made]
    twice = next((b for b in bases if bases.count(b) > 1), None)
    if twice:
        raise ConfigError(f"the venue lists {twice} twice: give each instrument once.")
    quotes = sorted({i.quote for i in made})
    if len(quotes) > 1:
        raise ConfigError(
            f"the instruments are paid in {' and '.join(quotes)}: one venue has one quote currency. "
            "Choose instruments of one quote, or start a venue for each."
        )
    if len({i.is_contract for i in made}) > 1:
        raise ConfigError("one venue lists spot or contracts, as Binance serves them apart: start a venue for each.")
    unit = made[0].quote_unit
    return [Listing(replace(instrument, quote_unit=unit), k) for k, instrument in enumerate(made)]


def _no_inverse(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is an inverse perpetual, which Binance serves elsewhere: the venue lists spot and linear perpetuals, "
        "such as BTC/USDT:USDT. A backtest trades inverse ones."
    )


def _instrument(name: str, candles: dict[str, pl.DataFrame] | None) -> Instrument:
    """An instrument as Binance would list it: buys pay their fee in base."""
    full = name if ":" in name.partition("/")[0] else f"binance:{name}"
    tick, step = _steps_of(candles[full]) if candles and full in candles else steps(full)
    pair, _, settle = full.partition(":")[2].partition(":")
    if settle and settle == pair.partition("/")[0]:
        raise _no_inverse(full)
    if settle:
        return usual(full, tick, step)
    return Instrument(full, price_step=tick, amount_step=step, min_cost=MIN_COST, fee_side="base")


def _steps_of(frame: pl.DataFrame) -> tuple[float, float]:
    """The decimals that the first prices have, and an amount step worth little."""
    prices = frame.head(SHOWN_CANDLES).select("open", "high", "low", "close").to_numpy().ravel()
    decimals = next(
        (d for d in range(8) if all(math.isclose(p * 10**d, round(p * 10**d), abs_tol=1e-6) for p in prices)), 8
    )
    places = min(max(-math.floor(math.log10(ABOUT_ONE_STEP / float(prices[0]))), 0), 8)
    return float(f"1e-{decimals}"), float(f"1e-{places}")
