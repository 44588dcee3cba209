"""What the market is: markets, tickers, books, public prints, the state of the exchange."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from planar.exchange.alike import FIRST
from planar.exchange.answers.numbers import NONE, SIDES, MalformedError, Raw, decimal, needed, time_of
from planar.exchange.model import Book, Level, Market, MarketKind, MarketTrade, ServiceStatus, Ticker

FEE_SIDES = {"get": "base", "quote": "quote"}
"""Ours by CCXT's; with "get" one pays of what one receives."""


def market(raw: Raw, *, has_steps: bool = True) -> Market:
    """A market and its rules.

    has_steps: whether its precision is told as steps, not as digits, which CCXT itself then rounds to.
    """
    precision, limits = (raw.get("precision") or {}) if has_steps else {}, raw.get("limits") or {}
    is_spot = raw.get("type") in ("spot", "margin")
    size = (None if is_spot else decimal(raw.get("contractSize"))) or Decimal(1)
    lot = Decimal(1) if is_spot or raw.get("inverse") else size

    def limit(group: str, end: str) -> Decimal | None:
        found = decimal((limits.get(group) or {}).get(end))
        return None if not found else found * lot if group in ("amount", "market") else found

    return Market(
        symbol=raw["symbol"],
        id=str(raw["id"]),
        kind=MarketKind.SPOT if is_spot else MarketKind(raw["type"]),
        base=raw["base"],
        quote=raw["quote"],
        settle=raw.get("settle"),
        is_active=raw.get("active") is not False,
        price_step=decimal(precision.get("price")) or NONE,
        amount_step=(decimal(precision.get("amount")) or NONE) * lot,
        min_amount=limit("amount", "min") or NONE,
        max_amount=limit("amount", "max"),
        min_cost=limit("cost", "min") or NONE,
        max_cost=limit("cost", "max"),
        maker=decimal(raw.get("maker")),
        taker=decimal(raw.get("taker")),
        contract_size=size,
        max_market_amount=limit("market", "max"),
        min_price=limit("price", "min") or NONE,
        max_price=limit("price", "max"),
        fee_side=FEE_SIDES.get(raw.get("feeSide") or "") if is_spot else None,
    )


def is_known(raw: Raw) -> bool:
    """Whether it is a kind of market that we have a word for."""
    return raw.get("type") in ("margin", *MarketKind)


def ticker(raw: Raw, symbol: str) -> Ticker:
    """The market of the last 24 hours, and now."""
    percentage = decimal(raw.get("percentage"))
    found = Ticker(
        symbol=symbol,
        time=raw.get("timestamp"),
        last=decimal(raw.get("last")),
        bid=decimal(raw.get("bid")),
        ask=decimal(raw.get("ask")),
        bid_amount=decimal(raw.get("bidVolume")),
        ask_amount=decimal(raw.get("askVolume")),
        open=decimal(raw.get("open")),
        high=decimal(raw.get("high")),
        low=decimal(raw.get("low")),
        volume=decimal(raw.get("baseVolume")),
        quote_volume=decimal(raw.get("quoteVolume")),
        change=None if percentage is None else percentage / 100,
    )
    if found.last is None and found.bid is None and found.ask is None:
        raise MalformedError("the ticker has no price")
    return found


def book(raw: Raw, symbol: str, depth: int, lot: Decimal = Decimal(1)) -> Book:
    """An order book of ``depth`` levels a side at most."""
    bids, asks = (_levels(raw.get(side), depth, lot) for side in ("bids", "asks"))
    if not bids and not asks and raw.get("nonce") is None and raw.get("timestamp") is None:
        raise MalformedError("the book is empty and has neither number nor time")
    if bids and asks and bids[0].price >= asks[0].price:
        raise MalformedError(f"the book is crossed: {bids[0].price} is bid, {asks[0].price} asked")
    return Book(symbol, raw.get("timestamp"), raw.get("nonce"), bids, asks)


def _levels(rows: Iterable[Any] | None, depth: int, lot: Decimal) -> tuple[Level, ...]:
    if rows is None:
        raise MalformedError("the book lacks a side")
    return tuple(Level(Decimal(str(row[0])), Decimal(str(row[1])) * lot) for row in list(rows)[:depth])


def market_trade(raw: Raw, symbol: str, lot: Decimal = Decimal(1)) -> MarketTrade:
    """One public print."""
    time = time_of(raw)
    price, amount = needed(raw, "price"), needed(raw, "amount") * lot
    side = SIDES.get(raw.get("side") or "")
    # Some exchanges number no prints; what is printed then names it, so that a page seen twice counts once. Of several
    # that are alike, `Alike` tells which.
    id = str(raw.get("id") or f"{time}-{price}-{amount}-{raw.get('side')}{FIRST}")
    return MarketTrade(id, symbol, time, side, price, amount)


def candle_rows(raw: Any) -> list[list[float]]:
    """Candles as rows: time, open, high, low, close, volume. A candle without prices is none."""
    if not isinstance(raw, list):
        raise MalformedError("the candles are no list")
    try:
        traded = [row for row in raw if None not in row[1:5]]
        return [[int(row[0]), *(float(price) for price in row[1:5]), float(row[5] or 0.0)] for row in traded]
    except (TypeError, ValueError, IndexError) as error:
        raise MalformedError(f"a candle is no row of six numbers: {error}") from None


def status(raw: Raw) -> ServiceStatus:
    """Whether the exchange works."""
    told = str(raw.get("status") or "")
    return ServiceStatus(told == "ok", str(raw.get("msg") or told), raw.get("updated"))
