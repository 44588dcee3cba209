"""Endpoints that tell of the market."""

import json
import re
from collections.abc import Callable
from typing import Any

from planar.venue import wire_market as wire
from planar.venue.api import Call, Desk, Endpoint
from planar.venue.klines import INTERVALS, Kline
from planar.venue.listing import Listing, text
from planar.venue.market import DAY, HOUR, MINUTE, Market
from planar.venue.query import Query
from planar.venue.refusal import Refusal, illegal

SYMBOLS = "JSON array of symbols"
WINDOW, WINDOWS = re.compile(r"(\d{1,2})([mhd])"), {"m": (MINUTE, 59), "h": (HOUR, 23), "d": (DAY, 7)}
"""How a rolling window is told; milliseconds of each unit, and how many of them there may be."""


def ping(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/ping``."""
    return {}


def time(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/time``."""
    return {"serverTime": desk.time()}


def exchange_info(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/exchangeInfo``."""
    for name in ("permissions", "showPermissionSets", "symbolStatus"):
        query.text(name)
    markets = markets_of(desk, query)
    return {
        "timezone": "UTC",
        "serverTime": desk.time(),
        "rateLimits": desk.counter.described(),
        "exchangeFilters": [],
        "symbols": [wire.symbol(market.listing) for market in markets],
    }


def depth(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/depth``."""
    market = market_of(desk, query)
    count = query.limit(100, 5000)
    return wire.depth(market, market.served_book(), count)


def trades(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/trades`` and ``historicalTrades``."""
    market, first = market_of(desk, query), query.integer("fromId")
    limit = query.limit(500, 1000)
    found = list(market.trades)
    chosen = found[-limit:] if first is None else [t for t in found if t.id >= first][:limit]
    return [wire.public_trade(market.listing, trade) for trade in chosen]


def aggregates(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/aggTrades``."""
    market, first = market_of(desk, query), query.integer("fromId")
    start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(500, 1000)
    found = [
        t
        for t in market.trades
        if (first is None or t.id >= first) and (start is None or t.time >= start) and (end is None or t.time <= end)
    ]
    chosen = found[-limit:] if first is None and start is None else found[:limit]
    return [wire.aggregate(market.listing, trade) for trade in chosen]


def candles(most: int, row: Callable[[Listing, Kline], Any], name: str = "symbol") -> Call:
    """An endpoint that tells candles, as rows, and so many at most. name: of what says of which market."""

    def klines(desk: Desk, query: Query, account: None) -> Any:
        market = market_of(desk, query, name)
        interval = query.one_of("interval", INTERVALS, -1120, "Invalid interval.")
        query.text("timeZone")
        start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(500, most)
        found = [
            k
            for k in market.klines.series(interval)
            if (start is None or k.open_time >= start) and (end is None or k.open_time <= end)
        ]
        chosen = found[-limit:] if start is None else found[:limit]
        return [row(market.listing, kline) for kline in chosen]

    return klines


def average_price(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/avgPrice``."""
    market = market_of(desk, query)
    return {"mins": 5, "price": text(1, market.average_price()), "closeTime": market.time}


def rolling(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/ticker``: the last minutes, hours or days, from the beginning of a minute."""
    found = WINDOW.fullmatch(query.text("windowSize") or "1d")
    span = int(found[1]) * WINDOWS[found[2]][0] if found and 1 <= int(found[1]) <= WINDOWS[found[2]][1] else 0
    if not span:
        raise Refusal(-1100, "Illegal characters found in parameter 'windowSize'; legal range is '1m' to '7d'.")
    return _windows(desk, query, lambda market: (market.time - span) // MINUTE * MINUTE)


def trading_day(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/ticker/tradingDay``, of UTC."""
    query.text("timeZone")
    return _windows(desk, query, lambda market: market.time // DAY * DAY)


def _windows(desk: Desk, query: Query, opened: Callable[[Market], int]) -> Any:
    if not query.has("symbol") and not query.has("symbols"):
        raise Refusal(-1128, "Combination of optional parameters invalid. Either 'symbol' or 'symbols' must be sent.")

    def show(market: Market) -> Any:
        since = opened(market)
        return wire.window_ticker(market, market.klines.window(since), since)

    return tickers(show)(desk, query, None)


def _price(market: Market) -> Any:
    return {"symbol": market.listing.id, "price": market.listing.price_text(market.last)}


def tickers(show: Callable[[Market], Any]) -> Call:
    """An endpoint that tells something of one symbol, of several, or of all."""

    def told(desk: Desk, query: Query, account: None) -> Any:
        query.text("type")
        query.text("symbolStatus")
        markets = markets_of(desk, query)
        return show(markets[0]) if query.has("symbol") else [show(market) for market in markets]

    return told


def market_of(desk: Desk, query: Query, name: str = "symbol") -> Market:
    """The market of ``symbol``, or of another parameter of that name."""
    return desk.floor.market(query.symbol(name))


def markets_of(desk: Desk, query: Query) -> list[Market]:
    """The markets of ``symbol`` or ``symbols``; all of them where neither was sent."""
    if query.has("symbol"):
        return [desk.floor.market(query.symbol())]
    if not query.has("symbols"):
        return list(desk.floor.markets.values())
    try:
        names = json.loads(query.text("symbols"))
    except ValueError:
        raise illegal("symbols", SYMBOLS) from None
    if not isinstance(names, list) or not names:
        raise illegal("symbols", SYMBOLS)
    return [desk.floor.market(str(name)) for name in names]


def all_cost(weight: int, most: int) -> Callable[[Query], int]:
    """A weight that is another one when no symbol is named."""
    return lambda query: weight if query.has("symbol") or query.has("symbols") else most


def _depth_cost(query: Query) -> int:
    levels = query.integer("limit") or 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if levels <= most), 250)


ENDPOINTS = {
    ("GET", "/api/v3/ping"): Endpoint(ping),
    ("GET", "/api/v3/time"): Endpoint(time),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(exchange_info, 20),
    ("GET", "/api/v3/depth"): Endpoint(depth, _depth_cost),
    ("GET", "/api/v3/trades"): Endpoint(trades, 10),
    ("GET", "/api/v3/historicalTrades"): Endpoint(trades, 10),
    ("GET", "/api/v3/aggTrades"): Endpoint(aggregates, 2),
    ("GET", "/api/v3/klines"): Endpoint(candles(1000, wire.kline_row), 2),
    ("GET", "/api/v3/uiKlines"): Endpoint(candles(1000, wire.kline_row), 2),
    ("GET", "/api/v3/avgPrice"): Endpoint(average_price, 2),
    ("GET", "/api/v3/ticker"): Endpoint(rolling, all_cost(4, 200)),
    ("GET", "/api/v3/ticker/tradingDay"): Endpoint(trading_day, all_cost(4, 200)),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(tickers(wire.ticker), all_cost(2, 80)),
    ("GET", "/api/v3/ticker/price"): Endpoint(tickers(_price), all_cost(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(tickers(wire.best), all_cost(2, 4)),
}
