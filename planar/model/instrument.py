"""One tradable thing at one exchange, with the venue's rules and fees."""

import functools
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from planar.errors import ConfigError
from planar.model.tiers import Tiers

NOTHING_SMALLER = Decimal("1e-8")
"""The balance unit of most venues, used where a finer one is not needed."""


SIDES = {1: "long", -1: "short"}
"""Words for the sides of a position."""


@dataclass(frozen=True)
class Instrument:
    """The rules of one instrument, in the venue's terms.

    name: ``"binance:BTC/USDT"``; the part before the colon is the exchange.
    price_step, amount_step: smallest steps of an order's price (quote) and amount (base).
    min_amount, min_cost: what an order must reach, in base and in quote.
    maker, taker: fee rates as fractions; negative is a rebate. Unknown fees are 0.1 %, never 0.
    fee_side: "quote", or "base" where a buy pays its fee from what it receives.
    base_unit, quote_unit: smallest steps of balances; amount_step is a multiple of base_unit.
    delisted: when trading ends, UTC milliseconds, if that was known.
    Of perpetuals alone, ``"binance:BTC/USDT:USDT"``: tiers (required), leverage to begin with, margin_mode ("isolated"
    or "cross"), liquidation_fee as a fraction of what is closed, position_mode ("one_way", or "hedge": a long and a
    short side by side).
    Of inverse ones alone, ``"binance:BTC/USD:BTC"``: contract_size (required), quote that one contract is worth. Their
    amounts count contracts, their money is base: that of quote_unit, min_cost and the tiers.
    Raises ConfigError naming the field, its value and the remedy.
    """

    name: str
    price_step: float = 0.01
    amount_step: float = 1e-5
    min_amount: float = 0.0
    min_cost: float = 0.0
    maker: float = 0.001
    taker: float = 0.001
    fee_side: str = "quote"
    base_unit: float | None = None
    quote_unit: float = 1e-8
    delisted: int | None = None
    max_orders: int = 200
    tiers: Tiers | None = None
    leverage: float = 1.0
    margin_mode: str = "isolated"
    liquidation_fee: float = 0.0125
    contract_size: float | None = None
    position_mode: str = "one_way"

    def __post_init__(self) -> None:
        check_name(self.name)
        self._check_contract()
        for field in ("price_step", "amount_step", "quote_unit"):
            self._require(field, getattr(self, field) > 0, "a positive number")
        for field in ("min_amount", "min_cost"):
            self._require(field, getattr(self, field) >= 0, "zero or a positive number")
        for field in ("maker", "taker"):
            self._require(field, -0.01 <= getattr(self, field) < 0.5, "a fraction: 0.001 is 0.1 %, a rebate to -0.01")
        self._require("fee_side", self.fee_side in ("quote", "base"), "'quote' or 'base'")
        self._require("max_orders", 1 <= self.max_orders <= 10_000, "between 1 and 10,000")
        unit = exact(self.unit)
        is_part = unit > 0 and (exact(self.amount_step) / unit).denominator == 1
        self._require("base_unit", is_part, "a part of amount_step")

    def _check_contract(self) -> None:
        if self.is_inverse:
            is_size = self.contract_size is not None and self.contract_size > 0
            self._require("contract_size", is_size, f"what one contract is worth in {self.quote}, as 100")
        else:
            self._require("contract_size", self.contract_size is None, "left out: only inverse contracts are counted")
        if not self.is_contract:
            for field in ("tiers", "margin_mode", "leverage", "liquidation_fee", "position_mode"):
                given, usual = getattr(self, field), type(self).__dataclass_fields__[field].default
                self._require(field, given == usual, "left out: it belongs to contracts, as binance:BTC/USDT:USDT")
            return
        self._require("tiers", self.tiers is not None, "the instrument's leverage tiers: planar.Tiers.of(name, rows)")
        self._require("margin_mode", self.margin_mode in ("isolated", "cross"), "'isolated' or 'cross'")
        self._require("position_mode", self.position_mode in ("one_way", "hedge"), "'one_way' or 'hedge'")
        self._require("leverage", 1 <= self.leverage <= 1_000, "between 1 and 1,000")
        self._require("liquidation_fee", 0 <= self.liquidation_fee < 0.5, "a fraction: 0.0125 is 1.25 %")
        self._require("fee_side", self.fee_side == "quote", "'quote': a contract's fees are paid in what margin is")

    def _require(self, field: str, is_met: bool, wanted: str) -> None:
        if not is_met:
            raise ConfigError(f"{self.name}: {field}={getattr(self, field)!r} must be {wanted}.")

    @property
    def exchange(self) -> str:
        """``"binance"`` of ``"binance:BTC/USDT"``."""
        return self.name.partition(":")[0]

    @property
    def base(self) -> str:
        """``"BTC"`` of ``"binance:BTC/USDT"``."""
        return self.name.partition(":")[2].partition("/")[0]

    @property
    def quote(self) -> str:
        """``"USDT"`` of ``"binance:BTC/USDT"``."""
        return self.name.partition("/")[2].partition(":")[0]

    @property
    def settle(self) -> str:
        """What it is paid in: the quote, of an inverse contract the base."""
        return self.base if self.is_inverse else self.quote

    @property
    def is_inverse(self) -> bool:
        """Whether it is a perpetual that is paid in base."""
        return self.is_contract and self.name.rpartition(":")[2] == self.base

    @property
    def is_hedged(self) -> bool:
        """Whether it has two positions, in a long and in a short twin."""
        return self.position_mode == "hedge"

    @property
    def is_contract(self) -> bool:
        """Whether it is a perpetual and not spot."""
        return self.name.count(":") == 2

    @property
    def unit(self) -> float | str:
        """The base unit: the given one, else by the rule of docs/simulation.md, section 1."""
        if self.base_unit is not None:
            return self.base_unit
        step = Decimal(repr(float(self.amount_step)))
        if step / 10_000 >= NOTHING_SMALLER:
            return str(step / 10_000)
        return str(NOTHING_SMALLER if step % NOTHING_SMALLER == 0 else step)


def check_name(name: str) -> None:
    """Raises ConfigError unless it is the name of something that is simulated."""
    exchange, colon, symbol = name.partition(":")
    pair, _, settle = symbol.partition(":")
    if not (exchange and colon and pair.count("/") == 1 and all(pair.split("/"))):
        raise ConfigError(f"instrument {name!r} is not 'exchange:BASE/QUOTE', as in 'binance:BTC/USDT'.")
    base, quote = pair.split("/")
    if ":" in symbol and settle not in (base, quote):
        known = f"{exchange}:{base}/{quote}:{quote} (linear) and {exchange}:{base}/{quote}:{base} (inverse)"
        raise ConfigError(f"instrument {name!r} is no perpetual; simulated are spot and perpetuals, as {known}.")


@functools.lru_cache(maxsize=1024)
def exact(number: float | str) -> Fraction:
    """The fraction that the decimal text of a number means: 0.1 is 1/10."""
    return Fraction(number if isinstance(number, str) else repr(float(number)))
