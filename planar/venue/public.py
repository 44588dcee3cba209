"""Endpoints that tell of the market, and of the venue itself."""

import json
from collections.abc import Callable
from typing import Any

from planar.venue import wire_market as wire
from planar.venue.api import KEYED, SIGNED, Desk, Endpoint
from planar.venue.klines import INTERVALS
from planar.venue.listing import text
from planar.venue.market import Market
from planar.venue.query import Query
from planar.venue.refusal import INVALID_SYMBOL, Refusal, illegal

SYMBOLS = "JSON array of symbols"


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
    markets = _markets(desk, query)
    return {
        "timezone": "UTC",
        "serverTime": desk.time(),
        "rateLimits": desk.counter.described(),
        "exchangeFilters": [],
        "symbols": [wire.symbol(market.listing) for market in markets],
    }


def depth(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/depth``."""
    market = _market(desk, query)
    count = query.limit(100, 5000)
    return wire.depth(market, market.served_book(), count)


def trades(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/trades`` and ``historicalTrades``."""
    market, first = _market(desk, query), query.integer("fromId")
    limit = query.limit(500, 1000)
    found = list(market.trades)
    chosen = found[-limit:] if first is None else [t for t in found if t.id >= first][:limit]
    return [wire.public_trade(market.listing, trade) for trade in chosen]


def aggregates(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/aggTrades``."""
    market, first = _market(desk, query), query.integer("fromId")
    start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(500, 1000)
    found = [
        t
        for t in market.trades
        if (first is None or t.id >= first) and (start is None or t.time >= start) and (end is None or t.time <= end)
    ]
    chosen = found[-limit:] if first is None and start is None else found[:limit]
    return [wire.aggregate(market.listing, trade) for trade in chosen]


def klines(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/klines``."""
    market = _market(desk, query)
    interval = query.one_of("interval", INTERVALS, -1120, "Invalid interval.")
    query.text("timeZone")
    start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(500, 1000)
    found = [
        k
        for k in market.klines.series(interval)
        if (start is None or k.open_time >= start) and (end is None or k.open_time <= end)
    ]
    chosen = found[-limit:] if start is None else found[:limit]
    return [wire.kline_row(market.listing, kline) for kline in chosen]


def average_price(desk: Desk, query: Query, account: None) -> Any:
    """``GET /api/v3/avgPrice``."""
    market = _market(desk, query)
    return {"mins": 5, "price": text(1, market.average_price()), "closeTime": market.time}


def _price(market: Market) -> Any:
    return {"symbol": market.listing.id, "price": market.listing.price_text(market.last)}


def _tickers(show: Callable[[Market], Any]) -> Callable[[Desk, Query, None], Any]:
    """An endpoint that tells something of one symbol, of several, or of all."""

    def tickers(desk: Desk, query: Query, account: None) -> Any:
        query.text("type")
        query.text("symbolStatus")
        markets = _markets(desk, query)
        return show(markets[0]) if query.has("symbol") else [show(market) for market in markets]

    return tickers


def _market(desk: Desk, query: Query) -> Market:
    return desk.floor.market(query.symbol())


def _markets(desk: Desk, query: Query) -> list[Market]:
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


def status(desk: Desk, query: Query, account: None) -> Any:
    """``GET /sapi/v1/system/status``."""
    return {"status": 0, "msg": "normal"}


def currencies(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/capital/config/getall``."""
    return [_currency(asset, *account.balance(asset)) for asset in account.assets()]


def _currency(asset: str, free: str, locked: str) -> Any:
    none = dict.fromkeys(("freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")
    is_open = {"depositAllEnable": True, "withdrawAllEnable": False, "isLegalMoney": False, "trading": True}
    return {"coin": asset, "name": asset, "free": free, "locked": locked, **none, **is_open, "networkList": []}


def trade_fee(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/asset/tradeFee``."""
    if query.has("symbol") and query.text("symbol") not in desk.floor.markets:
        raise Refusal(*INVALID_SYMBOL)
    instruments = {m.listing.id: m.listing.instrument for m in _markets(desk, query)}
    return [
        {"symbol": id, "makerCommission": f"{i.maker:.8f}", "takerCommission": f"{i.taker:.8f}"}
        for id, i in instruments.items()
    ]


def rights(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/account/apiRestrictions``."""
    return {"createTime": 0, **account.rights}


def no_pairs(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/margin/allPairs`` and ``isolated/allPairs``: nobody lends here; clients ask as they start."""
    query.text("symbols")
    return []


def no_contracts(desk: Desk, query: Query, account: None) -> Any:
    """``exchangeInfo`` of both kinds of futures, of which there are none; clients ask as they start."""
    described = {"timezone": "UTC", "serverTime": desk.time(), "rateLimits": desk.counter.described()}
    return {**described, "exchangeFilters": [], "symbols": []}


def _all_cost(weight: int, most: int) -> Callable[[Query], int]:
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
    ("GET", "/api/v3/klines"): Endpoint(klines, 2),
    ("GET", "/api/v3/avgPrice"): Endpoint(average_price, 2),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(_tickers(wire.ticker), _all_cost(2, 80)),
    ("GET", "/api/v3/ticker/price"): Endpoint(_tickers(_price), _all_cost(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(_tickers(wire.best), _all_cost(2, 4)),
    ("GET", "/sapi/v1/system/status"): Endpoint(status),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(currencies, 10, SIGNED),
    ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(trade_fee, 1, SIGNED),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(rights, 1, SIGNED),
    ("GET", "/sapi/v1/margin/allPairs"): Endpoint(no_pairs, 1, KEYED),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Endpoint(no_pairs, 10, KEYED),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(no_contracts),
    ("GET", "/dapi/v1/exchangeInfo"): Endpoint(no_contracts),
}
