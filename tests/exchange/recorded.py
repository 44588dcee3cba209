"""A Binance of recorded answers on this machine: it keeps orders in a dict, moves nothing, and misbehaves on demand.

The real CCXT classes talk to it. It is no venue: it fills market orders at once and leaves limits open.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from aiohttp import web

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.retries import Backoff

HURRIED = 1_000
"""Timeout of a test in which a request hangs, in milliseconds; the others have the patience for a slow machine."""
KEY, SECRET = "the-key-that-nobody-may-see", "the-secret-that-nobody-may-see"
START = 1_700_000_000_000 // 60_000 * 60_000


def symbol_info(base="BTC", quote="USDT", status="TRADING"):
    types = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
    return {
        "symbol": base + quote, "status": status, "baseAsset": base, "quoteAsset": quote,
        "baseAssetPrecision": 8, "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": types,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": True, "permissions": [], "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.010000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "88.00000000", "stepSize": "0.0"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00000000",
             "applyMinToMarket": True, "avgPriceMins": 5},
        ],
    }  # fmt: skip


INFO = {"symbols": [symbol_info(), symbol_info("ETH"), symbol_info("DOGE", status="BREAK")]}
LINEAR = {
    "symbols": [
        {
            **symbol_info(),
            "pair": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000, "onboardDate": 1569398400000,
            "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3, "underlyingType": "COIN",
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "261.10", "maxPrice": "809484", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
            ],
        }
    ]
}  # fmt: skip
COARSE = {
    **LINEAR["symbols"][0],
    **{"symbol": "DOGEUSDT", "pair": "DOGEUSDT", "baseAsset": "DOGE", "quantityPrecision": 0},
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.002440", "maxPrice": "30", "tickSize": "0.000010"},
        {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "50000000", "stepSize": "1"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "1", "maxQty": "30000000", "stepSize": "1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ],
}
LINEAR["symbols"].append(COARSE)
DEPTH = {"lastUpdateId": 7, "bids": [["100.00", "2.5"], ["99.99", "1"]], "asks": [["100.01", "3"], ["100.02", "4"]]}


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status, body, headers=None):
        super().__init__(body)
        self.status, self.body, self.headers = status, body, headers or {}


def code(number, message, status=400):
    return Refusal(status, f'{{"code":{number},"msg":"{message}"}}')


class Recorded:
    """The server.

    ``told``: what every web socket is told. ``faults`` by path: each a coroutine function that is called before or
    after the request is done.
    """

    def __init__(self):
        self.requests, self.orders, self.next_id = [], {}, 1
        self.faults: dict[str, list] = {}
        self.answers: dict[str, Callable] = {}
        self.clock_ahead = 0
        self.address, self.site = "", None
        self.told, self.sockets = [], []

    def now(self):
        return round(time.time() * 1000) + self.clock_ahead

    def count(self, path):
        return Counter(f"{method} {where}" for method, where, _ in self.requests)[path]

    def fail(self, path, *faults):
        """The next requests to a path fail so, one each."""
        self.faults.setdefault(path, []).extend(faults)

    async def stream(self, request):
        """A web socket, which is told all that is to be told."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(request.path)
        for each in self.told:
            await socket.send_json(each)
        async for _ in socket:
            pass
        return socket

    async def handle(self, request):
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.stream(request)
        body = (await request.read()).decode()
        asked = {**dict(request.query), **(json.loads(body) if body.startswith("{") else dict(parse_qsl(body)))}
        where = f"{request.method} {request.path}"
        self.requests.append((request.method, request.path, asked))
        fault = self.faults[where].pop(0) if self.faults.get(where) else None
        try:
            if fault is not None and not fault.is_after:
                return await fault.act(request)
            answer = self.answer(where, asked)
            if fault is not None:
                return await fault.act(request)
            return web.json_response(answer)
        except Refusal as refusal:
            return web.Response(
                status=refusal.status, text=refusal.body, content_type="application/json", headers=refusal.headers
            )

    def answer(self, where, asked):
        if where in self.answers:
            return self.answers[where](asked)
        method, path = where.split(" ")
        match path.rpartition("/")[2], method:
            case "exchangeInfo", _:
                return LINEAR if path.startswith("/fapi") else INFO
            case "time", _:
                return {"serverTime": self.now()}
            case "depth", _:
                return DEPTH
            case "avgPrice", _:
                return {"mins": 5, "price": "100.00000000", "closeTime": self.now()}
            case "order", "POST":
                return self.place(asked)
            case "order", "GET":
                return self.find(asked, -2013)
            case "order", "DELETE":
                return self.cancel(asked)
            case "openOrders", "GET":
                return [one for one in self.orders.values() if one["status"] in ("NEW", "PARTIALLY_FILLED")]
            case "openOrders", "DELETE":
                mine = [one for one in self.orders.values() if one["status"] == "NEW"]
                if not mine:
                    raise code(-2011, "Unknown order sent.")
                return [self.cancel({"orderId": str(one["orderId"])}) for one in mine]
            case "allOrders", _:
                since, until = int(asked.get("startTime", 0)), int(asked.get("endTime", 10**15))
                mine = [one for one in self.orders.values() if since <= one["time"] <= until]
                return mine[: int(asked.get("limit", 500))]
            case "cancelReplace", _:
                cancelled = self.cancel({"orderId": asked["cancelOrderId"]})
                return {
                    "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": cancelled,
                    "newOrderResponse": self.place(asked),
                }  # fmt: skip
        raise code(-1000, f"nothing recorded for {where}", 404)

    def place(self, asked):
        for one in self.orders.values():
            if one["clientOrderId"] == asked["newClientOrderId"] and one["status"] == "NEW":
                raise code(-2010, "Duplicate order sent.")
        is_market = asked["type"] == "MARKET"
        amount = asked.get("quantity") or f"{float(asked['quoteOrderQty']) / 100:.5f}"
        order = {
            "symbol": asked["symbol"], "orderId": self.next_id, "orderListId": -1,
            "clientOrderId": asked["newClientOrderId"], "price": asked.get("price", "0.00"), "origQty": amount,
            "executedQty": amount if is_market else "0.00000", "status": "FILLED" if is_market else "NEW",
            "cummulativeQuoteQty": f"{float(amount) * 100:.2f}" if is_market else "0.00",
            "timeInForce": asked.get("timeInForce", "GTC"), "type": asked["type"], "side": asked["side"],
            "stopPrice": asked.get("stopPrice", "0.00"), "time": self.now(), "updateTime": self.now(),
        }  # fmt: skip
        if "trailingDelta" in asked:
            order["trailingDelta"] = int(asked["trailingDelta"])
        self.orders[self.next_id] = order
        self.next_id += 1
        return {**order, "transactTime": order["time"], "fills": []}

    def find(self, asked, missing):
        found = [
            one
            for one in self.orders.values()
            if str(one["orderId"]) == asked.get("orderId") or one["clientOrderId"] == asked.get("origClientOrderId")
        ]
        if not found:
            raise code(missing, "Order does not exist." if missing == -2013 else "Unknown order sent.")
        return found[-1]

    def cancel(self, asked):
        order = self.find(asked, -2011)
        if order["status"] != "NEW":
            raise code(-2011, "Unknown order sent.")
        order["status"] = "CANCELED"
        return {**order, "origClientOrderId": order["clientOrderId"], "clientOrderId": "id-of-the-cancel"}


class Fault:
    """One misbehaviour. is_after: the request is done first, so that its answer is what gets lost."""

    def __init__(self, act, *, is_after=False):
        self.act, self.is_after = act, is_after


def answers(status, text, headers=None, *, is_after=False, content_type="application/json"):
    async def act(request):
        return web.Response(status=status, text=text, headers=headers, content_type=content_type)

    return Fault(act, is_after=is_after)


def hangs(*, is_after=False):
    async def act(request):
        await asyncio.sleep(30)
        return web.Response(text="too late")

    return Fault(act, is_after=is_after)


def drops(*, is_after=False):
    async def act(request):
        request.transport.abort()
        return web.Response()

    return Fault(act, is_after=is_after)


def breaks_off(*, is_after=False):
    async def act(request):
        answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"symbol":')
        request.transport.close()
        return answer

    return Fault(act, is_after=is_after)


@asynccontextmanager
async def recorded():
    server = Recorded()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)  # the log of a server names its requests
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.site = site
    server.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


KEYS = Credentials(Secret(KEY), Secret(SECRET), source="user/secrets.toml")


@asynccontextmanager
async def against(server, id="binance", *, credentials=KEYS, window=300, **settings):
    """The real CCXT class, whose hosts are the server."""
    settings = {"timeout": 10_000, "retries": 2, "enable_rate_limit": False, "base_url": server.address, **settings}
    exchange = CcxtExchange(id, settings=ExchangeSettings(**settings), credentials=credentials)
    exchange.backoff = Backoff(base=0.005)
    exchange.quirk.receive_window_ms = window
    try:
        yield exchange
    finally:
        await exchange.close()


def run(test, **options):
    """Runs ``test(server, exchange)`` in a loop of its own."""

    async def both():
        async with recorded() as server, against(server, **options) as exchange:
            return await test(server, exchange)

    return asyncio.run(both())
