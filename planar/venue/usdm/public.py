"""Endpoints that tell of contracts; those that do as on spot are `planar.venue.public`'s."""

from typing import Any

from planar.venue import public as spot
from planar.venue.api import Call, Desk, Endpoint
from planar.venue.public import all_cost, candles, market_of, tickers
from planar.venue.query import Query
from planar.venue.usdm import wire_market as wire
from planar.venue.wire_market import kline_row

MOST_CANDLES = 1_500


def exchange_info(desk: Desk, query: Query, account: None) -> Any:
    """``GET /fapi/v1/exchangeInfo``."""
    markets = desk.floor.markets.values()
    quotes = dict.fromkeys(market.listing.quote for market in markets)
    return {
        "timezone": "UTC",
        "serverTime": desk.time(),
        "futuresType": "U_MARGINED",
        "rateLimits": desk.counter.described(),
        "exchangeFilters": [],
        "assets": [{"asset": quote, "marginAvailable": True, "autoAssetExchange": "-100"} for quote in quotes],
        "symbols": [wire.symbol(market.listing) for market in markets],
    }


def depth(desk: Desk, query: Query, account: None) -> Any:
    """``GET /fapi/v1/depth``."""
    market = market_of(desk, query)
    return wire.depth(market, market.served_book(), query.limit(500, 1000), desk.floor.now)


def _without(call: Call, name: str) -> Call:
    """An endpoint of spot whose entries do not have that."""

    def told(desk: Desk, query: Query, account: None) -> Any:
        return [{key: value for key, value in row.items() if key != name} for row in call(desk, query, account)]

    return told


def funding_history(desk: Desk, query: Query, account: None) -> Any:
    """``GET /fapi/v1/fundingRate``."""
    markets = [market_of(desk, query)] if query.has("symbol") else list(desk.floor.markets.values())
    start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(100, 1000)
    found = [
        (one, market.listing)
        for market in markets
        for one in market.paid
        if (start is None or one.time >= start) and (end is None or one.time <= end)
    ]
    found.sort(key=lambda pair: pair[0].time)
    chosen = found[-limit:] if start is None else found[:limit]
    return [wire.paid(listing, one) for one, listing in chosen]


def funding_info(desk: Desk, query: Query, account: None) -> Any:
    """``GET /fapi/v1/fundingInfo``."""
    return [wire.funding_info(market) for market in desk.floor.markets.values()]


def open_interest(desk: Desk, query: Query, account: None) -> Any:
    """``GET /fapi/v1/openInterest``: what the accounts of the venue hold, one side of it."""
    market = market_of(desk, query)
    held = sum(max(account.kernel.held(market.listing.index), 0) for account in desk.floor.contract_accounts)
    return {"openInterest": market.listing.amount_text(held), "symbol": market.listing.id, "time": market.time}


def _cost(query: Query) -> int:
    levels = query.integer("limit") or 500
    return next((weight for most, weight in ((50, 2), (100, 5), (500, 10)) if levels <= most), 20)


def _candle_cost(query: Query) -> int:
    count = query.integer("limit") or 500
    return next((weight for most, weight in ((99, 1), (499, 2), (1000, 5)) if count <= most), 10)


ENDPOINTS = {
    ("GET", "/fapi/v1/ping"): Endpoint(spot.ping),
    ("GET", "/fapi/v1/time"): Endpoint(spot.time),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(exchange_info),
    ("GET", "/fapi/v1/depth"): Endpoint(depth, _cost),
    ("GET", "/fapi/v1/trades"): Endpoint(_without(spot.trades, "isBestMatch"), 5),
    ("GET", "/fapi/v1/historicalTrades"): Endpoint(_without(spot.trades, "isBestMatch"), 20),
    ("GET", "/fapi/v1/aggTrades"): Endpoint(_without(spot.aggregates, "M"), 20),
    ("GET", "/fapi/v1/klines"): Endpoint(candles(MOST_CANDLES, kline_row), _candle_cost),
    ("GET", "/fapi/v1/markPriceKlines"): Endpoint(candles(MOST_CANDLES, wire.mark_row), _candle_cost),
    ("GET", "/fapi/v1/indexPriceKlines"): Endpoint(candles(MOST_CANDLES, wire.mark_row, "pair"), _candle_cost),
    ("GET", "/fapi/v1/premiumIndex"): Endpoint(tickers(wire.premium), all_cost(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): Endpoint(funding_history),
    ("GET", "/fapi/v1/fundingInfo"): Endpoint(funding_info, 0),
    ("GET", "/fapi/v1/ticker/24hr"): Endpoint(tickers(wire.ticker), all_cost(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): Endpoint(tickers(wire.price), all_cost(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Endpoint(tickers(wire.price), all_cost(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(tickers(wire.best), all_cost(2, 5)),
    ("GET", "/fapi/v1/openInterest"): Endpoint(open_interest),
}
