"""Perpetuals of a session: how the account has them set, and what they begin with."""

import logging
from collections.abc import Sequence
from typing import Any

from planar.errors import ConfigError, ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.model import ContractTerms, Market, MarketKind, Wallet
from planar.exchange.precision import short
from planar.model.instrument import Instrument
from planar.model.tiers import Tiers
from planar.venue.usdm.terms import usual

LOG = logging.getLogger("planar.session")


def wallet_of(instruments: Sequence[Instrument]) -> Wallet:
    """The wallet that a session's cash is in."""
    return Wallet.FUTURES if instruments[0].is_contract else Wallet.SPOT


async def contract_terms(exchange: Exchange, name: str, market: Market) -> dict[str, Any]:
    """What an `Instrument` of that name has besides a spot market's rules: as this account has it; empty for spot.

    Raises ConfigError for what a session cannot trade, as hedge mode.
    """
    if market.kind is MarketKind.SPOT:
        return {}
    set_ = await exchange.contract_terms(market.symbol)
    check_one_way(exchange, set_)
    tiers = Tiers(name, tuple(await exchange.tiers(market.symbol)))
    return {"tiers": tiers, "leverage": float(set_.leverage or 1), "margin_mode": str(set_.margin_mode or "isolated")}


def check_one_way(exchange: Exchange, found: ContractTerms) -> None:
    """Raises ConfigError for hedge mode."""
    if found.is_hedged:
        raise ConfigError(
            f"the account {exchange.name} is in hedge mode, where {found.symbol} has two positions, and sessions "
            "trade one-way mode. Set it at the exchange (Position Mode: One-way), once nothing is held."
        )


async def listed_terms(
    market: Exchange, name: str, found: Market, leverage: float = 0.0, margin_mode: str = ""
) -> dict[str, Any]:
    """The same for play money, of an account that is not there: as is wanted, else as Binance sets a new one.

    Tiers that are told to customers only are those of Binance's largest perpetual.
    """
    if found.kind is MarketKind.SPOT:
        return {}
    assumed = usual(name, float(found.price_step), float(found.amount_step))
    terms = {each: getattr(assumed, each) for each in ("tiers", "leverage", "margin_mode", "liquidation_fee")}
    terms |= {"leverage": leverage} if leverage else {}
    terms |= {"margin_mode": margin_mode} if margin_mode else {}
    try:
        terms["tiers"] = Tiers(name, tuple(await market.tiers(found.symbol)))
    except ExchangeError as error:
        LOG.warning("%s: tiers of leverage are assumed, those of Binance's largest perpetual: %s", name, error)
    return terms


def check_one_kind(instruments: Sequence[Instrument], exchange: CcxtExchange) -> None:
    """Raises ConfigError for spot and perpetuals in one session, and for perpetuals where spot is meant."""
    kinds = {each.is_contract for each in instruments}
    if len(kinds) > 1:
        raise ConfigError(
            "a session trades spot markets or perpetuals: their money is in wallets of their own. Begin one for each."
        )
    if kinds == {True} and not exchange.settings.futures:
        raise ConfigError(
            f"{exchange.name} is set to spot markets, and {instruments[0].name} is a perpetual: "
            f"planar config set {exchange.id}.futures true"
        )


def check_settings(exchange: Exchange, instrument: Instrument, mode: str, leverage: float = 0.0) -> None:
    """Raises ConfigError where a contract is set otherwise than wanted: the margin mode, empty for any, and the
    leverage, 0 for any.
    """
    if mode and mode != instrument.margin_mode:
        raise ConfigError(
            f"{instrument.name}: {mode} margin is wanted, and the account {exchange.name} has {instrument.margin_mode} "
            "margin there. Set it at the exchange while nothing is held there, or change margin_mode in [strategies]."
        )
    if leverage and leverage != instrument.leverage:
        raise ConfigError(
            f"{instrument.name}: leverage {leverage:g} is wanted, and the account {exchange.name} has "
            f"{instrument.leverage:g} there. Set it at the exchange, change leverage in [strategies], or have the "
            f"strategy set it: broker.set_leverage({leverage:g}) in on_start."
        )


async def check_flat(exchange: Exchange, instruments: Sequence[Instrument]) -> None:
    """Raises ConfigError where the account holds a position already: it would be nobody's."""
    for held in await exchange.positions():
        if any(each.name.partition(":")[2] == held.symbol for each in instruments):
            raise ConfigError(
                f"{exchange.name} holds a position of {short(held.side * held.amount)} {held.symbol} that is not this "
                "session's, and a position in a derivative is one: close it before a session begins, or choose another "
                "--instrument."
            )
