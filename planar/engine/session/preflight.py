"""What is checked before a session sends its first order: keys, rights, markets, fees, minimums."""

import logging
from decimal import Decimal

from planar.broker.terms import decimal, symbol_of
from planar.engine.session.contracts import check_flat
from planar.engine.session.origin import Origin
from planar.engine.session.trader import Trader
from planar.errors import ConfigError, ExchangeError
from planar.exchange.interface import Exchange
from planar.exchange.model import Market
from planar.exchange.precision import short
from planar.model.instrument import Instrument, exact

LOG = logging.getLogger("planar.session")


def check_keys(exchange: Exchange) -> None:
    """Raises ConfigError where there is no key to trade with."""
    if exchange.has_keys:
        return
    section = f"exchanges.{exchange.id}{'_sandbox' if exchange.sandbox else ''}"
    section += f".accounts.{exchange.account}" if exchange.account else ""
    raise ConfigError(
        f"{exchange.name} has no keys: a session needs some. Write them into [{section}] of user/secrets.toml, or try "
        "`planar paper`, which needs none."
    )


async def preflight(exchange: Exchange, prices: Exchange, origin: Origin, trader: Trader, *, is_new: bool) -> list[str]:
    """Sentences on what was found. Raises ConfigError for what would make every order fail.

    exchange: has the account. prices: tells prices; on paper that is another. is_new: nothing is held yet, so it may as
    well not begin where a market is not traded.
    """
    found = await _rights(exchange, is_futures=origin.instruments[0].is_contract)
    if is_new and origin.instruments[0].is_contract:
        await check_flat(exchange, origin.instruments)
    for instrument in origin.instruments:
        market = await exchange.market(symbol_of(instrument))
        if is_new and not (await prices.market(market.symbol)).is_active:
            raise ConfigError(
                f"{market.symbol} is not traded at {prices.name} now; the exchange lists it as inactive. Wait, or "
                "choose another with --instruments."
            )
        _check_least(exchange, instrument, trader)
        found += await _fees(exchange, instrument, market)
        if instrument.is_contract and is_new:
            found.append(f"{market.symbol}: leverage {instrument.leverage:g}, {instrument.margin_mode} margin.")
    return found


async def _rights(exchange: Exchange, *, is_futures: bool) -> list[str]:
    try:
        rights = await exchange.rights()
    except ExchangeError as error:
        LOG.warning("what the key may do is not known: %s", error)
        return []
    if rights is None:
        return [f"{exchange.name} does not say what the key may do."]
    what = "futures" if is_futures else "spot markets"
    can_trade = rights.can_trade_futures if is_futures else rights.can_trade_spot
    if can_trade is False:
        raise ConfigError(
            f"the key of {exchange.name} may not trade {what}. Give it that right at the exchange, or another "
            "key in user/secrets.toml."
        )
    found = [f"The key of {exchange.name} may trade."] if can_trade else []
    if rights.can_withdraw:
        found.append("It may withdraw as well, which no session needs: take that right from it.")
    return found


def _check_least(exchange: Exchange, instrument: Instrument, trader: Trader) -> None:
    """There is something to trade with: cash for the least order, or something held."""
    cash = decimal(trader.wallet_units(), exact(instrument.quote_unit))
    least = Decimal(str(instrument.min_cost))
    is_flat = not any(trader.base(k)[0] for k in range(len(trader.instruments)))
    if is_flat and cash < least:
        raise ConfigError(
            f"{symbol_of(instrument)} at {exchange.name}: the least order is of {short(least)} {instrument.quote}, and "
            f"the session has {short(cash)}. Give it more --cash."
        )


async def _fees(exchange: Exchange, instrument: Instrument, market: Market) -> list[str]:
    """What the account pays beside what the books count on, and what the exchange lists for all."""
    symbol, counted = market.symbol, (instrument.maker, instrument.taker)
    told = f"{symbol}: fees {_share(counted[0])} as maker and {_share(counted[1])} as taker"
    try:
        fees = await exchange.fees(symbol)
    except ExchangeError:
        return [f"{told}, assumed: the exchange does not tell those of the account."]
    pays = (float(fees.maker), float(fees.taker))
    if pays != counted:
        now = f"{_share(pays[0])} and {_share(pays[1])}"
        return [f"{told} are counted, and the account pays {now}: its tier has changed."]
    listed = [own if each is None else float(each) for each, own in ((market.maker, pays[0]), (market.taker, pays[1]))]
    usual = "" if (*listed,) == pays else f"; the exchange lists {_share(listed[0])} and {_share(listed[1])}"
    return [f"{told}{usual}; least order {instrument.min_cost:g} {instrument.quote}."]


def _share(rate: float) -> str:
    return f"{100 * rate:.4g} %"
