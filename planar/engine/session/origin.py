"""`Origin`: what a session begins from; with the journal that follows it, the session can be run again anywhere."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from planar.engine.session.trader import Trader
from planar.errors import ConfigError
from planar.exchange.model import Market, MarketKind
from planar.model.instrument import Instrument
from planar.model.tiers import Tier, Tiers
from planar.model.timeframe import milliseconds
from planar.strategy.base import Strategy
from planar.strategy.candles import FIELDS, Candles
from planar.strategy.imported import files_of
from planar.strategy.kept import Code, code_of
from planar.strategy.load import load
from planar.strategy.override import specialised

VERSION = 1


@dataclass(frozen=True)
class Origin:
    """Written first into the journal.

    strategy: where it is loaded from; code: hash of its file and of its helpers'. mode: "live" or "paper". cash: quote
    units; base: base units of each instrument. started: UTC ms of the market. from_run: the session that it was begun
    from, empty for none.
    """

    strategy: str
    code: str
    parameters: Mapping[str, Any]
    mode: str
    exchange: str
    sandbox: bool
    account: str
    timeframe: str
    instruments: tuple[Instrument, ...]
    cash: int
    base: tuple[int, ...]
    started: int
    compiled: bool | None = None
    from_run: str = ""
    version: int = VERSION

    def document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {**vars(self), "instruments": [_written(each) for each in self.instruments]}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Origin":
        """What `document` made."""
        known: dict[str, Any] = dict(document)
        known["instruments"] = tuple(_read(each) for each in known["instruments"])
        known["base"] = tuple(known["base"])
        return cls(**known)

    def trader(self, history: "list[Candles]", code: Code | None = None, *, compiled: bool | None = None) -> Trader:
        """A trader at this beginning. history: candles of each instrument before it. code: as of `strategies`."""
        wish = self.compiled if compiled is None else compiled
        return Trader(self.strategies(code), self.instruments, history, cash=self.cash, base=self.base, compiled=wish)

    def strategies(self, code: Code | None = None) -> list[Strategy]:
        """The strategy, one for each instrument. code: of which it is; None is what stands at its place."""
        cls = load(self.strategy) if code is None else code.loaded(self.strategy)
        strategy = cls(**self.parameters)
        return [_for(strategy, self.exchange, self.mode) for _ in self.instruments]

    def check_code(self, code: str = "") -> str:
        """An error text when the strategy's file, or one of its helpers, is another than at the beginning.

        code: the hash of what it ran last, where that is not what it began with.
        """
        cls, was = load(self.strategy), code or self.code
        now, helpers = code_of(cls), [file.name for file in files_of(cls)[1:]]
        if now == was:
            return ""
        what = f"{self.strategy}, or what it imports ({', '.join(helpers)})," if helpers else self.strategy
        return f"{what} has been edited since this session ran (its hash was {was}, and is {now})"


def _for(strategy: Strategy, exchange: str, mode: str) -> Strategy:
    """A copy with the overrides of an exchange and a mode chosen."""
    made = copy.copy(strategy)
    cls = specialised(type(strategy), exchange=exchange, mode=mode)
    if cls is not type(strategy):
        made.__class__ = cls
    return made


def _written(instrument: Instrument) -> dict[str, Any]:
    """An instrument as JSON keeps it."""
    told = dict(vars(instrument))
    if instrument.tiers is not None:
        rows = [vars(tier).values() for tier in instrument.tiers.tiers]
        told["tiers"] = [[None if x is None else str(x) for x in row] for row in rows]
    return told


def _read(told: Mapping[str, Any]) -> Instrument:
    """What `_written` made."""
    known = dict(told)
    if known.get("tiers"):
        rows: list[list[Any]] = [[None if x is None else Decimal(x) for x in row] for row in known["tiers"]]
        known["tiers"] = Tiers(known["name"], tuple(Tier(*row) for row in rows))
    return Instrument(**known)


def instrument_of(
    exchange: str, market: Market, maker: float | None = None, taker: float | None = None, **terms: Any
) -> Instrument:
    """The rules of a market; fees that are not known are those that it lists, else 0.1 %.

    terms: what an `Instrument` has that is a contract. Raises ConfigError for what no session trades.
    """
    if market.kind is not MarketKind.SPOT:
        _check_linear(market)
    listed = [0.001 if fee is None else float(fee) for fee in (market.maker, market.taker)]
    return Instrument(
        f"{exchange}:{market.symbol}",
        price_step=float(market.price_step),
        amount_step=float(market.amount_step),
        min_amount=float(market.min_amount),
        min_cost=float(market.min_cost),
        maker=listed[0] if maker is None else maker,
        taker=listed[1] if taker is None else taker,
        fee_side="quote" if terms else market.fee_side or "quote",
        **terms,
    )


def _check_linear(market: Market) -> None:
    if market.kind is not MarketKind.SWAP or market.is_inverse or market.settle != market.quote:
        raise ConfigError(
            f"{market.symbol} is no linear perpetual: sessions trade spot markets and perpetuals such as "
            f"{market.base}/USDT:USDT."
        )


def history_document(candles: Candles) -> dict[str, Any]:
    """Candles as JSON keeps them."""
    return {name: getattr(candles, name).tolist() for name in ("time", *FIELDS)}


def history_of(document: Mapping[str, Any], timeframe: str) -> Candles:
    """What `history_document` made."""
    columns = [np.array(document[n], np.int64 if n == "time" else np.float64) for n in ("time", *FIELDS)]
    return Candles(*columns, timeframe=milliseconds(timeframe))
