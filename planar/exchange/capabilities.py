"""What an exchange can do, in our words, from CCXT's ``has`` and ``features``."""

from collections.abc import Mapping
from typing import Any

from planar.exchange.model import MarketKind
from planar.exchange.quirks import Quirk

YES_OR_NO = {
    "margin": "margin",
    "order_history": "fetchOrders",
    "fills": "fetchMyTrades",
    "positions": "fetchPositions",
    "set_leverage": "setLeverage",
    "set_margin_mode": "setMarginMode",
    "tiers": "fetchMarketLeverageTiers",
    "funding_rate": "fetchFundingRate",
    "funding_history": "fetchFundingRateHistory",
    "cancel_all": "cancelAllOrders",
    "fees": "fetchTradingFee",
    "mark_candles": "fetchMarkOHLCV",
    "stream_orders": "watchOrders",
    "stream_fills": "watchMyTrades",
    "stream_balance": "watchBalance",
    "stream_positions": "watchPositions",
    "stream_candles": "watchOHLCV",
    "stream_trades": "watchTrades",
    "stream_book": "watchOrderBook",
    "stream_ticker": "watchTicker",
}
"""Our name of what an exchange has or has not, and CCXT's."""


def capabilities_from(instance: Any, quirk: Quirk) -> dict[str, Any]:
    """By name; ``spot`` and ``futures`` hold what depends on the kind of market, and are None where there is none."""
    has: Mapping[str, Any] = instance.has
    features = instance.features or {}
    swap = features.get("swap") or {}
    found: dict[str, Any] = {name: bool(has.get(theirs)) for name, theirs in YES_OR_NO.items()}
    found["sandbox"] = bool(instance.urls.get("test"))
    # What CCXT emulates cancels first and then places: not an amend.
    found["amend"] = has.get("editOrder") is True
    found["timeframes"] = tuple(instance.timeframes or ())
    found["keys"] = tuple(name for name, is_needed in instance.requiredCredentials.items() if is_needed)
    found["spot"] = _of_market(features.get("spot"), MarketKind.SPOT in quirk.trails) if has.get("spot") else None
    futures = swap.get("linear") or swap.get("inverse")
    found["futures"] = _of_market(futures, MarketKind.SWAP in quirk.trails) if has.get("swap") else None
    return found


def _of_market(features: Any, trails: bool) -> dict[str, Any]:
    features = features or {}
    order = features.get("createOrder") or {}
    batch = features.get("createOrders") or {}
    return {
        "tif": tuple(name for name, is_known in (order.get("timeInForce") or {}).items() if is_known and name != "PO"),
        "post_only": bool((order.get("timeInForce") or {}).get("PO")),
        "stop": bool(order.get("triggerPrice") or order.get("stopLossPrice")),
        "take": bool(order.get("takeProfitPrice")),
        "trailing": trails,
        "attached_exits": bool(order.get("attachedStopLossTakeProfit")),
        "by_cost": bool(order.get("marketBuyByCost")),
        "batch": int(batch.get("max") or 0),
        "candles_per_page": int((features.get("fetchOHLCV") or {}).get("limit") or 0),
    }
