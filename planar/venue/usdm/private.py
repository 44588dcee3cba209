"""Endpoints of an account's orders and executions."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from planar.venue.api import KEYED, SIGNED, TRADE, Desk, Endpoint
from planar.venue.order import LIMIT, Order
from planar.venue.private import open_stream
from planar.venue.query import CLIENT_ID, Query
from planar.venue.refusal import NO_SUCH_ORDER, UNKNOWN_ORDER, Refusal
from planar.venue.usdm import filters
from planar.venue.usdm import wire_orders as wire
from planar.venue.usdm.account import ContractAccount

BATCH = 5
RESPONSES = ("ACK", "RESULT")


def place(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/order``."""
    kind = query.one_of("newOrderRespType", RESPONSES, -1136, "Invalid newOrderRespType", "ACK")
    asked = filters.ticket(query, desk.floor.market(query.symbol()), account)
    order = desk.floor.place(account, asked, desk.share)
    return wire.acknowledged(order) if kind == "ACK" else wire.placed(order)


def test(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/order/test``: everything but the order itself."""
    filters.ticket(query, desk.floor.market(query.symbol()), account)
    return {}


def query_order(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/order``."""
    return wire.queried(named(desk, query, account, NO_SUCH_ORDER))


def query_open(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/openOrder``."""
    order = named(desk, query, account, NO_SUCH_ORDER)
    if not order.is_open:
        raise Refusal(*NO_SUCH_ORDER)
    return wire.queried(order)


def cancel(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/order``."""
    order = named(desk, query, account, UNKNOWN_ORDER)
    desk.floor.cancel(account, order)
    return wire.placed(order)


def amend(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``PUT /fapi/v1/order``: another price and amount of a limit that rests."""
    order = named(desk, query, account, UNKNOWN_ORDER)
    market = desk.floor.market(query.symbol())
    filters.check_side(query)
    query.one_of("side", (wire.side(order),), -1117, "Invalid side.")
    for name in ("quantity", "price"):
        query.required(name)
    ticks, units = (
        filters.ticks(query, "price", market.listing),
        filters.amount(query, market.listing, LIMIT),
    )
    if not order.ticket.ticks:
        raise Refusal(-5025, "Only limit order is supported.")
    if (ticks, units) == (order.ticket.ticks, order.units):
        raise Refusal(-5027, "No need to modify the order.")
    desk.floor.amend(account, order, ticks, units)
    return wire.placed(order)


def cancel_all(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/allOpenOrders``."""
    for order in in_book(open_orders_of(desk, query.symbol(), account)):
        desk.floor.cancel(account, order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/openOrders``."""
    return [wire.queried(order) for order in in_book(open_orders_of(desk, query.text("symbol"), account))]


def all_orders(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/allOrders``."""
    found = in_book(since(desk, query, account.orders.values()))
    first = query.integer("orderId")
    found = sorted((o for o in found if first is None or wire.number(o) >= first), key=wire.number)
    return [wire.queried(order) for order in _page(query, found, first is None)]


def force_orders(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/forceOrders``: liquidations."""
    return [wire.queried(order) for order in _page(query, list(account.forced), True)]


def own_trades(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/userTrades``."""
    listing = desk.floor.market(query.symbol()).listing
    order_id, first = query.integer("orderId"), query.integer("fromId")
    start, end = query.integer("startTime"), query.integer("endTime")
    found = [
        (o, e)
        for o, e in account.executions
        if o.ticket.listing is listing
        and (order_id is None or wire.number(o) == order_id)
        and (first is None or e.id >= first)
        and (start is None or e.time >= start)
        and (end is None or e.time <= end)
    ]
    return [wire.own_trade(order, execution) for order, execution in _page(query, found, first is None)]


def place_several(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/batchOrders``: each has an answer of its own."""
    return [_each(lambda one=one: place(desk, Query(one), account)) for one in _batch(query)]


def amend_several(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``PUT /fapi/v1/batchOrders``."""
    return [_each(lambda one=one: amend(desk, Query(one), account)) for one in _batch(query)]


def cancel_several(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/batchOrders``."""
    symbol, name = query.symbol(), "orderIdList" if query.has("orderIdList") else "origClientOrderIdList"
    one_of = {"orderIdList": "orderId", "origClientOrderIdList": "origClientOrderId"}[name]
    ids = _listed(query, name)
    return [_each(lambda id=id: cancel(desk, Query({"symbol": symbol, one_of: str(id)}), account)) for id in ids]


def _each(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refusal as refusal:
        return refusal.body


def _batch(query: Query) -> list[dict[str, str]]:
    rows = _listed(query, "batchOrders")
    if not all(isinstance(row, dict) for row in rows):
        raise Refusal(-1130, "Data sent for parameter 'batchOrders' is not valid.")
    return [{name: _written(value) for name, value in row.items()} for row in rows]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(query: Query, name: str) -> list[Any]:
    try:
        rows = json.loads(query.required(name))
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not 1 <= len(rows) <= 2 * BATCH:
        raise Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")
    if name == "batchOrders" and len(rows) > BATCH:
        raise Refusal(-4082, "Invalid number of batch place orders.")
    return rows


# Which orders


def named(desk: Desk, query: Query, account: ContractAccount, unknown: tuple[int, str]) -> Order:
    """The order in the book that a request names by its id or by the client's."""
    listing = desk.floor.market(query.symbol()).listing
    id, client_id = query.integer("orderId"), query.matching("origClientOrderId", CLIENT_ID)
    if id is None and not client_id:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = account.in_book(id) if id is not None else account.by_client_id.get(client_id)
    if order is None or order.ticket.listing is not listing or not in_book([order]):
        raise Refusal(*unknown)
    return order


def in_book(orders: Iterable[Order]) -> list[Order]:
    """Those that do not wait for a trigger, or no longer."""
    return [order for order in orders if not order.ticket.waits or order.trigger_id]


def open_orders_of(desk: Desk, symbol: str, account: ContractAccount) -> list[Order]:
    """Open orders of a symbol, of all without one."""
    listing = desk.floor.market(symbol).listing if symbol else None
    return [o for o in account.open.values() if listing is None or o.ticket.listing is listing]


def since(desk: Desk, query: Query, orders: Iterable[Order]) -> list[Order]:
    """Those of the symbol between two times."""
    listing = desk.floor.market(query.symbol()).listing
    start, end = query.integer("startTime"), query.integer("endTime")
    return [
        o
        for o in orders
        if o.ticket.listing is listing and (start is None or o.time >= start) and (end is None or o.time <= end)
    ]


def _page(query: Query, found: list[Any], is_newest: bool) -> list[Any]:
    """The newest ones, or the first since a time."""
    limit = query.limit(500, 1000)
    return found[-limit:] if is_newest and not query.has("startTime") else found[:limit]


def keep_stream(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``PUT /fapi/v1/listenKey``."""
    return {"listenKey": _own_key(desk, query, account)}


def close_stream(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``DELETE /fapi/v1/listenKey``."""
    del desk.listen_keys[_own_key(desk, query, account)]
    return {}


def _own_key(desk: Desk, query: Query, account: ContractAccount) -> str:
    """The account's listen key, which need not be named."""
    own = [key for key, owner in desk.listen_keys.items() if owner is account]
    if not own or query.text("listenKey", own[0]) != own[0]:
        raise Refusal(-1125, "This listenKey does not exist.")
    return own[0]


def order_counts(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/rateLimit/order``."""
    return [row for row in desk.counter.described() if row["rateLimitType"] == "ORDERS"]


ENDPOINTS = {
    ("POST", "/fapi/v1/order"): Endpoint(place, 0, TRADE, order=True),
    ("POST", "/fapi/v1/order/test"): Endpoint(test, 0, TRADE),
    ("GET", "/fapi/v1/order"): Endpoint(query_order, 1, SIGNED),
    ("PUT", "/fapi/v1/order"): Endpoint(amend, 1, TRADE, order=True),
    ("DELETE", "/fapi/v1/order"): Endpoint(cancel, 1, TRADE),
    ("POST", "/fapi/v1/batchOrders"): Endpoint(place_several, 5, TRADE, order=True),
    ("PUT", "/fapi/v1/batchOrders"): Endpoint(amend_several, 5, TRADE, order=True),
    ("DELETE", "/fapi/v1/batchOrders"): Endpoint(cancel_several, 1, TRADE),
    ("GET", "/fapi/v1/openOrder"): Endpoint(query_open, 1, SIGNED),
    ("GET", "/fapi/v1/openOrders"): Endpoint(open_orders, lambda query: 1 if query.has("symbol") else 40, SIGNED),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(cancel_all, 1, TRADE),
    ("GET", "/fapi/v1/allOrders"): Endpoint(all_orders, 5, SIGNED),
    ("GET", "/fapi/v1/forceOrders"): Endpoint(force_orders, lambda query: 20 if query.has("symbol") else 50, SIGNED),
    ("GET", "/fapi/v1/userTrades"): Endpoint(own_trades, 5, SIGNED),
    ("GET", "/fapi/v1/rateLimit/order"): Endpoint(order_counts, 1, SIGNED),
    ("POST", "/fapi/v1/listenKey"): Endpoint(open_stream, 1, KEYED),
    ("PUT", "/fapi/v1/listenKey"): Endpoint(keep_stream, 1, KEYED),
    ("DELETE", "/fapi/v1/listenKey"): Endpoint(close_stream, 1, KEYED),
}

METHODS = {
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v1/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}
"""Each method of the WebSocket API and the endpoint that answers it."""
