"""Endpoints that tell of the venue, and of what an account may do and pays there."""

from typing import Any

from planar.venue.api import KEYED, SIGNED, Desk, Endpoint
from planar.venue.public import market_of, markets_of
from planar.venue.query import Query
from planar.venue.refusal import INVALID_SYMBOL, Refusal


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
    instruments = {m.listing.id: m.listing.instrument for m in markets_of(desk, query)}
    return [
        {"symbol": id, "makerCommission": f"{i.maker:.8f}", "takerCommission": f"{i.taker:.8f}"}
        for id, i in instruments.items()
    ]


def commission(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /api/v3/account/commission``."""
    market = market_of(desk, query)
    fees = {"maker": f"{market.listing.instrument.maker:.8f}", "taker": f"{market.listing.instrument.taker:.8f}"}
    sides = {"buyer": f"{0:.8f}", "seller": f"{0:.8f}"}
    none = dict.fromkeys(("maker", "taker"), f"{0:.8f}") | sides
    return {
        "symbol": market.listing.id,
        "standardCommission": fees | sides,
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": f"{1:.8f}",
        },
    }


def rights(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/account/apiRestrictions``."""
    return {"createTime": 0, **account.rights}


def no_pairs(desk: Desk, query: Query, account: Any) -> Any:
    """``GET /sapi/v1/margin/allPairs`` and ``isolated/allPairs``: nobody lends here; clients ask as they start."""
    query.text("symbols")
    return []


def nothing_listed(desk: Desk, query: Query, account: None) -> Any:
    """``exchangeInfo`` of what is not listed here; clients ask as they start."""
    described = {"timezone": "UTC", "serverTime": desk.time(), "rateLimits": desk.counter.described()}
    return {**described, "exchangeFilters": [], "symbols": []}


SHARED = {
    ("GET", "/sapi/v1/system/status"): Endpoint(status),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(currencies, 10, SIGNED),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(rights, 1, SIGNED),
    ("GET", "/sapi/v1/margin/allPairs"): Endpoint(no_pairs, 1, KEYED),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Endpoint(no_pairs, 10, KEYED),
    ("GET", "/dapi/v1/exchangeInfo"): Endpoint(nothing_listed),
}
"""What is answered alike whatever is listed."""

ENDPOINTS = {
    **SHARED,
    ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(trade_fee, 1, SIGNED),
    ("GET", "/api/v3/account/commission"): Endpoint(commission, 20, SIGNED),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(nothing_listed),
}
