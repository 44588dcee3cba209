"""Endpoints of conditional orders, which Binance calls algo orders: stops, takes, trailing stops."""

from typing import Any

from planar.venue.api import SIGNED, TRADE, Desk, Endpoint
from planar.venue.order import Order
from planar.venue.query import CLIENT_ID, Query
from planar.venue.refusal import NO_SUCH_ORDER, UNKNOWN_ORDER, Refusal
from planar.venue.usdm import filters
from planar.venue.usdm import wire_orders as wire
from planar.venue.usdm.account import ContractAccount
from planar.venue.usdm.private import open_orders_of, since


def place(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/algoOrder``."""
    asked = filters.algo_ticket(query, desk.floor.market(query.symbol()), account)
    return wire.algo(desk.floor.place(account, asked, desk.share))


def query_order(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/algoOrder``."""
    return wire.algo(_named(query, account, NO_SUCH_ORDER))


def cancel(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/algoOrder``."""
    order = _named(query, account, UNKNOWN_ORDER)
    if order.trigger_id:
        raise Refusal(*UNKNOWN_ORDER)
    desk.floor.cancel(account, order)
    return {"algoId": order.id, "clientAlgoId": order.ticket.client_id, "code": "200", "msg": "success"}


def cancel_all(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/algoOpenOrders``."""
    for order in _waiting(open_orders_of(desk, query.symbol(), account)):
        desk.floor.cancel(account, order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/openAlgoOrders``."""
    return [wire.algo(order) for order in _waiting(open_orders_of(desk, query.text("symbol"), account))]


def all_orders(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/allAlgoOrders``."""
    first, limit = query.integer("algoId"), query.limit(500, 1000)
    found = [o for o in since(desk, query, account.orders.values()) if o.ticket.waits and o.id >= (first or 0)]
    chosen = found[-limit:] if first is None and not query.has("startTime") else found[:limit]
    return [wire.algo(order) for order in chosen]


def _waiting(orders: list[Order]) -> list[Order]:
    return [order for order in orders if order.ticket.waits and not order.trigger_id]


def _named(query: Query, account: ContractAccount, unknown: tuple[int, str]) -> Order:
    """The conditional order that a request names by its id or by the client's."""
    id, client_id = query.integer("algoId"), query.matching("clientAlgoId", CLIENT_ID)
    if id is None and not client_id:
        raise Refusal(-1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!")
    order = account.orders.get(id) if id is not None else account.by_client_id.get(client_id)
    if order is None or not order.ticket.waits:
        raise Refusal(*unknown)
    return order


ENDPOINTS = {
    ("POST", "/fapi/v1/algoOrder"): Endpoint(place, 0, TRADE, order=True),
    ("GET", "/fapi/v1/algoOrder"): Endpoint(query_order, 1, SIGNED),
    ("DELETE", "/fapi/v1/algoOrder"): Endpoint(cancel, 1, TRADE),
    ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(open_orders, lambda query: 1 if query.has("symbol") else 40, SIGNED),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(cancel_all, 1, TRADE),
    ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(all_orders, 5, SIGNED),
}
