"""The public side of a market as Binance writes it."""

from decimal import Decimal
from typing import Any

from planar.venue.book import Book, Level
from planar.venue.filters import described
from planar.venue.klines import Kline
from planar.venue.listing import Listing, text
from planar.venue.market import DAY, Market, Trade
from planar.venue.order import TYPES

Document = dict[str, Any]


def symbol(listing: Listing) -> Document:
    """An entry of ``exchangeInfo``."""
    eight = ("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision", "baseCommissionPrecision",
             "quoteCommissionPrecision")  # fmt: skip
    return {
        "symbol": listing.id,
        "status": listing.status,
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        **dict.fromkeys(eight, 8),
        "orderTypes": list(TYPES),
        **dict.fromkeys(("icebergAllowed", "ocoAllowed", "otoAllowed", "amendAllowed"), False),
        "allowTrailingStop": True,
        **dict.fromkeys(("quoteOrderQtyMarketAllowed", "cancelReplaceAllowed", "isSpotTradingAllowed"), True),
        "isMarginTradingAllowed": False,
        "filters": described(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def levels(listing: Listing, side: list[Level]) -> list[list[str]]:
    """One side of a book."""
    return [[listing.price_text(ticks), listing.amount_text(units)] for ticks, units in side]


def depth(market: Market, book: Book, count: int) -> Document:
    """Answer of ``GET /api/v3/depth``, and event of the partial depth streams."""
    return {
        "lastUpdateId": book.version,
        "bids": levels(market.listing, book.bids[:count]),
        "asks": levels(market.listing, book.asks[:count]),
    }


def public_trade(listing: Listing, trade: Trade) -> Document:
    """An entry of ``GET /api/v3/trades``."""
    return {
        "id": trade.id,
        "price": listing.price_text(trade.ticks),
        "qty": listing.amount_text(trade.units),
        "quoteQty": listing.turnover_text(trade.ticks * trade.units),
        "time": trade.time,
        "isBuyerMaker": trade.taker_sells,
        "isBestMatch": True,
    }


def aggregate(listing: Listing, trade: Trade) -> Document:
    """An entry of ``GET /api/v3/aggTrades``: each trade is one of its own."""
    return {
        "a": trade.id,
        "p": listing.price_text(trade.ticks),
        "q": listing.amount_text(trade.units),
        "f": trade.id,
        "l": trade.id,
        "T": trade.time,
        "m": trade.taker_sells,
        "M": True,
    }


def kline_row(listing: Listing, kline: Kline) -> list[Any]:
    """An entry of ``GET /api/v3/klines``."""
    return [
        kline.open_time,
        *(listing.price_text(p) for p in (kline.open, kline.high, kline.low, kline.close)),
        listing.amount_text(kline.units),
        kline.close_time,
        listing.turnover_text(kline.turnover),
        kline.count,
        listing.amount_text(kline.taker_units),
        listing.turnover_text(kline.taker_turnover),
        "0",
    ]


def kline_event(listing: Listing, interval: str, kline: Kline, event_time: int, is_closed: bool) -> Document:
    """The event ``kline``."""
    return {
        "e": "kline",
        "E": event_time,
        "s": listing.id,
        "k": {
            "t": kline.open_time,
            "T": kline.close_time,
            "s": listing.id,
            "i": interval,
            "f": kline.first_id,
            "L": kline.last_id,
            "o": listing.price_text(kline.open),
            "c": listing.price_text(kline.close),
            "h": listing.price_text(kline.high),
            "l": listing.price_text(kline.low),
            "v": listing.amount_text(kline.units),
            "n": kline.count,
            "x": is_closed,
            "q": listing.turnover_text(kline.turnover),
            "V": listing.amount_text(kline.taker_units),
            "Q": listing.turnover_text(kline.taker_turnover),
            "B": "0",
        },
    }


def trade_event(listing: Listing, trade: Trade, event_time: int) -> Document:
    """The event ``trade``."""
    return {
        "e": "trade",
        "E": event_time,
        "s": listing.id,
        "t": trade.id,
        "p": listing.price_text(trade.ticks),
        "q": listing.amount_text(trade.units),
        "T": trade.time,
        "m": trade.taker_sells,
        "M": True,
    }


def aggregate_event(listing: Listing, trade: Trade, event_time: int) -> Document:
    """The event ``aggTrade``."""
    return {"e": "aggTrade", "E": event_time, "s": listing.id, **aggregate(listing, trade)}


def best(market: Market) -> Document:
    """Answer of ``GET /api/v3/ticker/bookTicker``."""
    listing, (bids, asks) = market.listing, (market.book.bids, market.book.asks)
    bid, ask = (bids or [(0, 0)])[0], (asks or [(0, 0)])[0]
    return {
        "symbol": listing.id,
        "bidPrice": listing.price_text(bid[0]),
        "bidQty": listing.amount_text(bid[1]),
        "askPrice": listing.price_text(ask[0]),
        "askQty": listing.amount_text(ask[1]),
    }


def book_ticker_event(market: Market) -> Document:
    """The event of ``@bookTicker``."""
    now = best(market)
    return {"u": market.version, "s": now["symbol"], "b": now["bidPrice"], "B": now["bidQty"], "a": now["askPrice"],
            "A": now["askQty"]}  # fmt: skip


def ticker(market: Market) -> Document:
    """Answer of ``GET /api/v3/ticker/24hr``."""
    listing, now, newest = market.listing, best(market), market.trades[-1] if market.trades else None
    told = window_ticker(market, market.day(), market.time - DAY)
    return {
        **told,
        "prevClosePrice": told["openPrice"],
        "lastQty": listing.amount_text(newest.units if newest else 0),
        **{name: now[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
    }


def window_ticker(market: Market, window: Kline | None, opened: int) -> Document:
    """Answer of ``GET /api/v3/ticker`` and ``/ticker/tradingDay``. window: all since ``opened`` as one candle."""
    listing = market.listing
    change, percent, average = 0, Decimal(0), "0.00000000"
    if window:
        change = market.last - window.open
        percent = Decimal(change * 100) / window.open
        paid = window.turnover * listing.unit.denominator // (window.units * listing.unit.numerator)
        average = listing.turnover_text(paid)
    return {
        "symbol": listing.id,
        "priceChange": text(change, listing.tick),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": average,
        "openPrice": listing.price_text(window.open if window else 0),
        "highPrice": listing.price_text(window.high if window else 0),
        "lowPrice": listing.price_text(window.low if window else 0),
        "lastPrice": listing.price_text(market.last),
        "volume": listing.amount_text(window.units if window else 0),
        "quoteVolume": listing.turnover_text(window.turnover if window else 0),
        "openTime": opened,
        "closeTime": market.time,
        "firstId": window.first_id if window else -1,
        "lastId": window.last_id if window else -1,
        "count": window.count if window else 0,
    }


TICKER_EVENT = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice", "c": "lastPrice",
    "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice",
    "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
    "L": "lastId", "n": "count",
}  # fmt: skip


def ticker_event(market: Market, event_time: int) -> Document:
    """The event ``24hrTicker``."""
    told = ticker(market)
    return {"e": "24hrTicker", "E": event_time, "s": market.listing.id} | {k: told[v] for k, v in TICKER_EVENT.items()}


def mini_ticker_event(market: Market, event_time: int) -> Document:
    """The event ``24hrMiniTicker``."""
    told = ticker_event(market, event_time)
    return {"e": "24hrMiniTicker"} | {k: told[k] for k in ("E", "s", "c", "o", "h", "l", "v", "q")}


def average_price_event(market: Market, event_time: int) -> Document:
    """The event ``avgPrice``."""
    price = text(1, market.average_price())
    return {"e": "avgPrice", "E": event_time, "s": market.listing.id, "i": "5m", "w": price, "T": market.time}
