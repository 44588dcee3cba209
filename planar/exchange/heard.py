"""What a stream tells, as our values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from planar.exchange.answers import account, derivatives, market_data
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.model import Candle, Market, Wallet
from planar.exchange.quirks import Quirk
from planar.exchange.tap import Kind

DEPTH = 1_000


def heard(kind: Kind, name: str, raw: Any, markets: Mapping[str, Market], quirk: Quirk, wallet: Wallet) -> Any:
    """CCXT's value as ours; None for what is none. What is empty now is told so, of balances and positions.

    name: of the feed; its first word is the symbol. wallet: that a balance is of.
    Raises MalformedError for what cannot be read.
    """
    if kind is Kind.BALANCE:
        if not quirk.is_balance(raw):
            return None
        return account.balance(raw, wallet, is_change=True, is_funding=quirk.is_funding(raw))
    market = markets.get(name.partition(" ")[0])
    if market is None:
        raise MalformedError(f"it is of {name!r}, which is no market")
    if kind is Kind.CANDLES:
        return candle(raw, market, name.partition(" ")[2])
    if kind is Kind.ORDERS:
        # What goes on as another order is told as that one.
        return None if quirk.became(raw) else account.order(raw, market, quirk=quirk)
    if kind is Kind.FILLS:
        return account.fill(raw, market, str(raw.get("clientOrderId") or ""))
    if kind is Kind.POSITIONS:
        return derivatives.position(raw, market, is_change=True)
    if kind is Kind.TICKER:
        return market_data.ticker(raw, market.symbol)
    if kind is Kind.BOOK:
        return market_data.book(raw, market.symbol, DEPTH, market.lot)
    return market_data.market_trade(raw, market.symbol, market.lot)


def candle(row: Any, market: Market, timeframe: str) -> Candle:
    """A candle that may still change."""
    try:
        first, high, low, last, volume = (Decimal(str(value)) for value in row[1:6])
        return Candle(market.symbol, timeframe, int(row[0]), first, high, low, last, volume)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise MalformedError(f"a candle is no row of six numbers: {error}") from None
