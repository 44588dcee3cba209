"""The WebSocket API: requests as messages, answered by the endpoints of REST, and the user stream."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from planar.venue.api import SIGNED, Api
from planar.venue.connection import USER, Connection, dumped
from planar.venue.query import Query
from planar.venue.refusal import Refusal
from planar.venue.user_stream import UserStreams

METHODS = {
    "ping": ("GET", "/api/v3/ping"),
    "time": ("GET", "/api/v3/time"),
    "exchangeInfo": ("GET", "/api/v3/exchangeInfo"),
    "depth": ("GET", "/api/v3/depth"),
    "trades.recent": ("GET", "/api/v3/trades"),
    "trades.historical": ("GET", "/api/v3/historicalTrades"),
    "trades.aggregate": ("GET", "/api/v3/aggTrades"),
    "klines": ("GET", "/api/v3/klines"),
    "uiKlines": ("GET", "/api/v3/uiKlines"),
    "avgPrice": ("GET", "/api/v3/avgPrice"),
    "ticker": ("GET", "/api/v3/ticker"),
    "ticker.tradingDay": ("GET", "/api/v3/ticker/tradingDay"),
    "ticker.24hr": ("GET", "/api/v3/ticker/24hr"),
    "ticker.price": ("GET", "/api/v3/ticker/price"),
    "ticker.book": ("GET", "/api/v3/ticker/bookTicker"),
    "order.place": ("POST", "/api/v3/order"),
    "order.test": ("POST", "/api/v3/order/test"),
    "order.cancel": ("DELETE", "/api/v3/order"),
    "order.cancelReplace": ("POST", "/api/v3/order/cancelReplace"),
    "order.status": ("GET", "/api/v3/order"),
    "openOrders.status": ("GET", "/api/v3/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
    "allOrders": ("GET", "/api/v3/allOrders"),
    "myTrades": ("GET", "/api/v3/myTrades"),
    "account.status": ("GET", "/api/v3/account"),
    "account.commission": ("GET", "/api/v3/account/commission"),
    "account.rateLimits.orders": ("GET", "/api/v3/rateLimit/order"),
}
"""Each method of spot and the endpoint that answers it."""

Methods = Mapping[str, tuple[str, str]]

SUBSCRIBE, UNSUBSCRIBE = "userDataStream.subscribe.signature", "userDataStream.unsubscribe"


class WsSession:
    """One connection to the WebSocket API."""

    def __init__(
        self, api: Api, users: UserStreams, connection: Connection, address: str, methods: Methods = METHODS
    ) -> None:
        self.api, self.users, self.connection, self.address = api, users, connection, address
        self.methods = methods
        self._ids = itertools.count()
        self._subscriptions: dict[int, Callable[[], None]] = {}

    def close(self) -> None:
        """Ends its subscriptions."""
        while self._subscriptions:
            self._subscriptions.popitem()[1]()

    def receive(self, text: str) -> dict[str, Any]:
        """Takes a message; gives the answer to be sent."""
        id: Any = None
        headers: dict[str, str] = {}
        shows_limits = True
        try:
            message = message_of(text)
            id, method = message.get("id"), message["method"]
            parameters = message.get("params") or {}
            shows_limits = parameters.get("returnRateLimits", True)
            result = self._call(method, parameters, headers)
            answer: dict[str, Any] = {"id": id, "status": 200, "result": result}
        except Refusal as refusal:
            headers |= refusal.headers
            answer = {"id": id, "status": refusal.status, "error": refusal.body}
        return answer | ({"rateLimits": self._limits(headers)} if shows_limits else {})

    def _call(self, method: str, parameters: dict[str, Any], headers: dict[str, str]) -> Any:
        texts = {name: _written(value) for name, value in parameters.items()}
        query, key = Query(texts), texts.get("apiKey", "")
        for name in ("apiKey", "returnRateLimits"):
            query.text(name)
        signed = "&".join(f"{name}={texts[name]}" for name in sorted(texts) if name != "signature")
        desk = self.api.desk
        endpoint = self.api.endpoints.get(self.methods.get(method, ("", "")))
        headers |= desk.counter.spend(self.address, endpoint.cost(query) if endpoint else 2, desk.time())
        if method == SUBSCRIBE and self.methods is METHODS:  # of contracts there are listen keys
            return self._subscribe(query, key, signed)
        if method == UNSUBSCRIBE:
            return self._unsubscribe(query)
        if endpoint is None:
            raise Refusal(-1000, f"Method '{method}' is not supported.")
        return self.api.run(endpoint, query, key, signed, headers)

    def _subscribe(self, query: Query, key: str, signed: str) -> Any:
        account = self.api.account(query, SIGNED, key, signed)
        if account is None:  # unreachable: SIGNED knows who asks
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        id = next(self._ids)
        self._subscriptions[id] = self.users.listen(
            account, lambda event: self.connection.tell(USER, dumped({"subscriptionId": id, "event": event}))
        )
        return {"subscriptionId": id}

    def _unsubscribe(self, query: Query) -> Any:
        id = query.integer("subscriptionId")
        for each in list(self._subscriptions) if id is None else [id]:
            end = self._subscriptions.pop(each, None)
            if end is not None:
                end()
        return {}

    def _limits(self, headers: dict[str, str]) -> list[dict[str, Any]]:
        """Each limit with what is used of it, as far as the answer tells."""
        used = {
            ("REQUEST_WEIGHT", "MINUTE"): headers.get("X-MBX-USED-WEIGHT-1M"),
            ("ORDERS", "SECOND"): headers.get("X-MBX-ORDER-COUNT-10S"),
            ("ORDERS", "DAY"): headers.get("X-MBX-ORDER-COUNT-1D"),
            ("ORDERS", "MINUTE"): headers.get("X-MBX-ORDER-COUNT-1M"),
        }
        rows = [(row, used.get((str(row["rateLimitType"]), str(row["interval"])))) for row in
                self.api.desk.counter.described()]  # fmt: skip
        return [{**row, "count": int(count)} for row, count in rows if count is not None]


def message_of(text: str) -> dict[str, Any]:
    """A message. Raises Refusal when it is none."""
    try:
        message = json.loads(text)
    except ValueError:
        raise Refusal(-1135, "Invalid JSON Request") from None
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise Refusal(-1135, "Invalid JSON Request")
    return message


def _written(value: Any) -> str:
    """A parameter as a text, as it is signed."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
