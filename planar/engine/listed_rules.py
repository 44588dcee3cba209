"""An exchange's rules on their way into the store, and from there into a backtest."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from planar.errors import ExchangeError
from planar.exchange.interface import Exchange
from planar.exchange.model import Market, MarketKind
from planar.model.instrument import Instrument
from planar.model.tiers import Tier, Tiers
from planar.store.rules import Rules, Snapshot

TIERS_IN_MONEY = ("binance", "binanceusdm", "binancecoinm", "bybit")
"""Exchanges whose tiers are known to be told in money. Some count contracts, and CCXT passes that on as it is."""


async def listed_rules(exchange: Exchange, market: Market) -> Rules:
    """The rules of a market as the exchange lists them now; what it does not say is None."""
    return rules_of(market, await _tiers(exchange, market))


def rules_of(market: Market, tiers: tuple[Tier, ...] | None = None) -> Rules:
    """The same of a market alone, with its tiers where they are known."""
    return Rules(
        price_step=_told(market.price_step),
        amount_step=_told(market.amount_step),
        min_amount=_told(market.min_amount),
        min_cost=_told(market.min_cost),
        maker=market.maker,
        taker=market.taker,
        fee_side=market.fee_side,
        tiers=tiers,
        contract_size=market.contract_size if market.is_inverse else None,
    )


def _told(rule: Decimal) -> Decimal | None:
    return rule or None


async def _tiers(exchange: Exchange, market: Market) -> tuple[Tier, ...] | None:
    """Brackets of leverage; None where there are none, or where the exchange tells them to its customers only."""
    if market.kind is MarketKind.SPOT:
        return None
    try:
        return tuple(await exchange.tiers(market.symbol))
    except ExchangeError:  # what was asked for is the history; it shall not fail for this
        return None


def contract_under(name: str, snapshot: Snapshot | None) -> Instrument | None:
    """A perpetual with the tiers, and the size of an inverse one, that were seen; None where they were not."""
    exchange, _, symbol = name.partition(":")
    pair, _, settle = symbol.partition(":")
    if not settle or exchange not in TIERS_IN_MONEY or snapshot is None or snapshot.rules.tiers is None:
        return None
    size, is_inverse = snapshot.rules.contract_size, pair.startswith(f"{settle}/")
    if is_inverse and size is None:
        return None
    tiers = Tiers(name, snapshot.rules.tiers)
    return Instrument(
        name, amount_step=1.0 if is_inverse else 1e-3, tiers=tiers, contract_size=None if size is None else float(size)
    )


def under(instrument: Instrument, snapshot: Snapshot) -> Instrument:
    """The instrument under rules that were seen; what they do not say stays as it is."""
    rules = snapshot.rules
    told = {
        "price_step": rules.price_step,
        "amount_step": rules.amount_step,
        "min_amount": rules.min_amount,
        "min_cost": rules.min_cost,
        "maker": rules.maker,
        "taker": rules.taker,
    }
    if instrument.is_inverse:  # whose least cost is told in quote, where it is told
        told["min_cost"] = None
    numbers = {name: float(value) for name, value in told.items() if value is not None}
    return replace(instrument, **numbers, fee_side=rules.fee_side or instrument.fee_side)


def dated(snapshot: Snapshot) -> str:
    """Where rules are from, for the reader of a report: ``of binance on 2026-11-22``."""
    day = f"{datetime.fromtimestamp(snapshot.seen_at / 1000, UTC):%Y-%m-%d}"
    return f"{snapshot.source} on {day}" + (", after the start" if snapshot.is_later else "")
