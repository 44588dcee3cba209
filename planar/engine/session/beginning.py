"""`beginning`: what a new session begins from: the rules of its markets, its cash, the candles before it."""

import logging
from decimal import Decimal

from planar.broker.terms import units_of
from planar.engine.session.contracts import check_one_kind, check_settings, contract_terms, wallet_of
from planar.engine.session.feed import history
from planar.engine.session.origin import Origin, code_of, instrument_of
from planar.engine.session.wish import Wish
from planar.errors import ConfigError, ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.precision import short
from planar.model.instrument import Instrument
from planar.strategy.candles import Candles
from planar.strategy.columns import declared_warm_up

LOG = logging.getLogger("planar.session")


async def beginning(exchange: CcxtExchange, market: CcxtExchange, wish: Wish, now: int) -> tuple[Origin, list[Candles]]:
    """The origin of a session, and the candles of each instrument before it.

    exchange: has the account; market: tells prices; now: the market's time, UTC ms. Raises ConfigError where there is
    not the cash that is asked for.
    """
    timeframe = type(wish.strategy).timeframe
    instruments = [await _instrument(exchange, market, symbol) for symbol in wish.symbols]
    check_one_kind(instruments, exchange)
    for each in instruments:
        if each.is_contract:
            check_settings(exchange, each, wish.margin_mode, wish.leverage)
    count = max(wish.history, declared_warm_up(wish.strategy))
    pasts = [await history(market, symbol, timeframe, count, now) for symbol in wish.symbols]
    origin = Origin(
        strategy=wish.place,
        code=code_of(type(wish.strategy)),
        parameters=wish.strategy.parameters,
        mode=wish.mode,
        exchange=market.id,
        sandbox=market.sandbox,
        account=market.account,
        timeframe=timeframe,
        instruments=tuple(instruments),
        cash=await _cash(exchange, instruments[0], wish.cash),
        base=(0,) * len(instruments),
        started=now,
        compiled=wish.compiled,
        from_run=wish.from_run,
    )
    return origin, pasts


async def _instrument(exchange: Exchange, market: CcxtExchange, symbol: str) -> Instrument:
    """The rules of a market, with what this account pays there."""
    found = await market.market(symbol)
    terms = await contract_terms(exchange, f"{market.id}:{found.symbol}", found)
    try:
        fees = await exchange.fees(found.symbol)
    except ExchangeError as error:
        LOG.warning("the fees of this account are not known, those that the exchange lists count: %s", error)
        return instrument_of(market.id, found, **terms)
    return instrument_of(market.id, found, float(fees.maker), float(fees.taker), **terms)


async def _cash(exchange: Exchange, instrument: Instrument, wanted: Decimal | None) -> int:
    """Quote units to begin with."""
    free = (await exchange.balance(wallet_of([instrument]))).free.get(instrument.quote, Decimal(0))
    if wanted is not None and wanted > free:
        raise ConfigError(
            f"--cash {wanted:f}: {exchange.name} has {short(free)} {instrument.quote} free. Ask for less, or deposit "
            "some."
        )
    cash = free if wanted is None else wanted
    if cash <= 0:
        raise ConfigError(f"{exchange.name} has no {instrument.quote} free: deposit some, or free it.")
    return units_of(cash, instrument.quote_unit)
