"""Endpoints of an account: its orders, executions, balances, and its stream's key."""

from typing import Any

from planar.venue import wire_orders as wire
from planar.venue.account import Account
from planar.venue.api import KEYED, SIGNED, TRADE, Desk, Endpoint
from planar.venue.filters import random_id, ticket
from planar.venue.order import LIMIT, MARKET, Order, Ticket
from planar.venue.query import CLIENT_ID, Query
from planar.venue.refusal import NO_SUCH_ORDER, UNKNOWN_ORDER, Refusal

STOP, GO_ON = "STOP_ON_FAILURE", "ALLOW_FAILURE"
DONE, FAILED, NOT_TRIED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"


def place(desk: Desk, query: Query, account: Account) -> Any:
    """``POST /api/v3/order``."""
    asked = ticket(query, desk.floor.market(query.symbol()), account)
    query.all_read()
    order = desk.floor.place(account, asked, desk.share)
    # Binance's own default: what trades at once is told in full, what waits is acknowledged.
    usual = "FULL" if asked.type in (MARKET, LIMIT) else "ACK"
    return wire.placed(order, query.text("newOrderRespType", usual))


def test(desk: Desk, query: Query, account: Account) -> Any:
    """``POST /api/v3/order/test``: everything but the order itself."""
    query.text("computeCommissionRates")
    ticket(query, desk.floor.market(query.symbol()), account)
    query.all_read()
    return {}


def query_order(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/order``."""
    return wire.queried(_named(desk, query, account, "orderId", "origClientOrderId", NO_SUCH_ORDER))


def cancel(desk: Desk, query: Query, account: Account) -> Any:
    """``DELETE /api/v3/order``."""
    order = _named(desk, query, account, "orderId", "origClientOrderId", UNKNOWN_ORDER)
    query.text("cancelRestrictions")
    client_id = query.matching("newClientOrderId", CLIENT_ID) or random_id()
    query.all_read()
    desk.floor.cancel(account, order, client_id)
    return wire.cancelled(order)


def cancel_all(desk: Desk, query: Query, account: Account) -> Any:
    """``DELETE /api/v3/openOrders``."""
    found = _open(desk, query.symbol(), account)
    query.all_read()
    if not found:
        raise Refusal(*UNKNOWN_ORDER)
    for order in found:
        desk.floor.cancel(account, order, random_id())
    return [wire.cancelled(order) for order in found]


def cancel_replace(desk: Desk, query: Query, account: Account) -> Any:
    """``POST /api/v3/order/cancelReplace``: the new order's filters first, then the cancel, then the order."""
    invalid = "Data sent for parameter 'cancelReplaceMode' is not valid."
    mode = query.one_of("cancelReplaceMode", (STOP, GO_ON), -1130, invalid)
    asked = ticket(query, desk.floor.market(query.symbol()), account)
    query.text("cancelRestrictions")
    client_id = query.matching("cancelNewClientOrderId", CLIENT_ID) or random_id()
    for name in ("cancelOrderId", "cancelOrigClientOrderId"):
        query.text(name)
    query.all_read()
    data: dict[str, Any] = {"cancelResult": DONE, "newOrderResult": NOT_TRIED, "newOrderResponse": None}
    try:
        order = _named(desk, query, account, "cancelOrderId", "cancelOrigClientOrderId", UNKNOWN_ORDER)
        desk.floor.cancel(account, order, client_id)
        data["cancelResponse"] = wire.cancelled(order)
    except Refusal as refusal:
        data |= {"cancelResult": FAILED, "cancelResponse": refusal.body}
    if data["cancelResult"] == DONE or mode == GO_ON:
        data |= _replacement(desk, query, account, asked)
    return _settled(data)


def _replacement(desk: Desk, query: Query, account: Account, asked: Ticket) -> dict[str, Any]:
    """What became of the new order of a cancel-replace."""
    try:
        order = desk.floor.place(account, asked, desk.share)
    except Refusal as refusal:
        return {"newOrderResult": FAILED, "newOrderResponse": refusal.body}
    return {"newOrderResult": DONE, "newOrderResponse": wire.placed(order, query.text("newOrderRespType", "FULL"))}


def _settled(data: dict[str, Any]) -> Any:
    """The answer of a cancel-replace. Raises Refusal unless both parts were done."""
    done = [data["cancelResult"], data["newOrderResult"]].count(DONE)
    if done == 2:
        return data
    if done == 1:
        raise Refusal(-2021, "Order cancel-replace partially failed.", 409, data=data)
    raise Refusal(-2022, "Order cancel-replace failed.", 400, data=data)


def open_orders(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/openOrders``."""
    return [wire.queried(order) for order in _open(desk, query.text("symbol"), account)]


def all_orders(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/allOrders``."""
    listing = desk.floor.market(query.symbol()).listing
    first, start, end = query.integer("orderId"), query.integer("startTime"), query.integer("endTime")
    limit = query.limit(500, 1000)
    found = [
        o
        for o in account.orders.values()
        if o.ticket.listing is listing
        and (first is None or o.id >= first)
        and (start is None or o.time >= start)
        and (end is None or o.time <= end)
    ]
    chosen = found[-limit:] if first is None and start is None else found[:limit]
    return [wire.queried(order) for order in chosen]


def own_trades(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/myTrades``."""
    listing = desk.floor.market(query.symbol()).listing
    order_id, first = query.integer("orderId"), query.integer("fromId")
    start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(500, 1000)
    found = [
        (o, e)
        for o, e in account.executions
        if o.ticket.listing is listing
        and (order_id is None or o.id == order_id)
        and (first is None or e.id >= first)
        and (start is None or e.time >= start)
        and (end is None or e.time <= end)
    ]
    chosen = found[-limit:] if first is None and start is None else found[:limit]
    return [wire.own_trade(order, execution) for order, execution in chosen]


def account(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/account``."""
    document = wire.account_document(account)
    if query.text("omitZeroBalances").lower() == "true":
        document["balances"] = [b for b in document["balances"] if float(b["free"]) or float(b["locked"])]
    return document


def order_counts(desk: Desk, query: Query, account: Account) -> Any:
    """``GET /api/v3/rateLimit/order``."""
    limits = [row for row in desk.counter.described() if row["rateLimitType"] == "ORDERS"]
    used = desk.counter.used(account.key, desk.time())
    return [{**row, "count": count} for row, count in zip(limits, used, strict=True)]


def open_stream(desk: Desk, query: Query, account: Account) -> Any:
    """``POST /api/v3/userDataStream``."""
    return {"listenKey": desk.listen_key(account)}


def keep_stream(desk: Desk, query: Query, account: Account) -> Any:
    """``PUT /api/v3/userDataStream``."""
    _own_key(desk, query, account)
    return {}


def close_stream(desk: Desk, query: Query, account: Account) -> Any:
    """``DELETE /api/v3/userDataStream``."""
    del desk.listen_keys[_own_key(desk, query, account)]
    return {}


def _own_key(desk: Desk, query: Query, account: Account) -> str:
    key = query.required("listenKey")
    if desk.listen_keys.get(key) is not account:
        raise Refusal(-1125, "This listenKey does not exist.")
    return key


def _named(
    desk: Desk, query: Query, account: Account, by_id: str, by_client_id: str, unknown: tuple[int, str]
) -> Order:
    """The order that a request names by its id or by the client's."""
    listing = desk.floor.market(query.symbol()).listing
    id, client_id = query.integer(by_id), query.matching(by_client_id, CLIENT_ID)
    if id is None and not client_id:
        raise Refusal(-1102, f"Param '{by_client_id}' or '{by_id}' must be sent, but both were empty/null!")
    order = account.orders.get(id) if id is not None else account.by_client_id.get(client_id)
    if order is None or order.ticket.listing is not listing:
        raise Refusal(*unknown)
    if client_id and order.ticket.client_id != client_id:
        raise Refusal(*unknown)
    return order


def _open(desk: Desk, symbol: str, account: Account) -> list[Order]:
    listing = desk.floor.market(symbol).listing if symbol else None
    return [o for o in account.open.values() if listing is None or o.ticket.listing is listing]


ENDPOINTS = {
    ("POST", "/api/v3/order"): Endpoint(place, 1, TRADE, order=True),
    ("POST", "/api/v3/order/test"): Endpoint(test, 1, TRADE),
    ("GET", "/api/v3/order"): Endpoint(query_order, 4, SIGNED),
    ("DELETE", "/api/v3/order"): Endpoint(cancel, 1, TRADE),
    ("POST", "/api/v3/order/cancelReplace"): Endpoint(cancel_replace, 1, TRADE, order=True),
    ("GET", "/api/v3/openOrders"): Endpoint(open_orders, lambda query: 6 if query.has("symbol") else 80, SIGNED),
    ("DELETE", "/api/v3/openOrders"): Endpoint(cancel_all, 1, TRADE),
    ("GET", "/api/v3/allOrders"): Endpoint(all_orders, 20, SIGNED),
    ("GET", "/api/v3/myTrades"): Endpoint(own_trades, 20, SIGNED),
    ("GET", "/api/v3/account"): Endpoint(account, 20, SIGNED),
    ("GET", "/api/v3/rateLimit/order"): Endpoint(order_counts, 40, SIGNED),
    ("POST", "/api/v3/userDataStream"): Endpoint(open_stream, 2, KEYED),
    ("PUT", "/api/v3/userDataStream"): Endpoint(keep_stream, 2, KEYED),
    ("DELETE", "/api/v3/userDataStream"): Endpoint(close_stream, 2, KEYED),
}
