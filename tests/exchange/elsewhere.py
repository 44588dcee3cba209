"""What exchanges other than Binance answer, as far as the tests ask them; a `Recorded` server plays them."""

from planar.config.secrets import Credentials, Secret

KRAKEN = Credentials(Secret("key"), Secret("c2VjcmV0LW9mLWtyYWtlbg=="))
KEYS = Credentials(Secret("a" * 24), Secret("b" * 36), Secret("passphrase"), source="user/secrets.toml")


class Kucoin:
    """KuCoin spot. It keeps orders by id; an amend cancels the order and places another under its client id."""

    def __init__(self, server):
        self.orders = {}
        self.books = []
        quiet = {
            "GET /api/v1/contracts/active": [], "GET /api/v1/market/allTickers": {"ticker": [], "time": 1},
            "GET /api/v3/currencies": [], "GET /api/ua/v1/account/mode": {"selfAccountMode": "CLASSIC"},
            "GET /api/v3/margin/symbols": {"items": []}, "GET /api/v1/isolated/symbols": [],
            "GET /api/v1/hf/accounts/opened": True, "GET /api/v1/stop-order": {"items": []},
            "GET /api/v2/symbols": [MARKET],
        }  # fmt: skip
        for path, data in quiet.items():
            server.answers[path] = lambda asked, data=data: said(data)
        server.answers["GET /api/v1/timestamp"] = lambda asked: said(server.now())
        server.answers["GET /api/v1/hf/orders/active"] = lambda asked: said(self.listed(True))
        server.answers["GET /api/v1/hf/orders/done"] = lambda asked: said({"items": self.listed(False)})
        server.answers["POST /api/v1/hf/orders/alter"] = self.alter
        server.answers["GET /api/v1/market/orderbook/level2_20"] = lambda asked: said(
            {"sequence": "1", "time": 1, "bids": [[f"{99 - i}", "1"] for i in range(20)], "asks": [["100", "1"]]}
        )
        self.server = server
        self.put("A", size="1", price="90")

    def listed(self, is_active):
        return [one for one in self.orders.values() if one["active"] is is_active]

    def put(self, id, **changes):
        order = {
            "id": id, "clientOid": "c1", "symbol": "BTC-USDT", "opType": "DEAL", "type": "limit", "side": "buy",
            "dealSize": "0", "dealFunds": "0", "fee": "0", "feeCurrency": "USDT", "active": True, "inOrderBook": True,
            "cancelExist": False, "createdAt": self.server.now(), "lastUpdatedAt": self.server.now(),
            "timeInForce": "GTC", "stp": "", "cancelledSize": "0", **changes,
        }  # fmt: skip
        self.orders[id] = order
        self.server.answers[f"GET /api/v1/hf/orders/{id}"] = lambda asked: said(self.orders[id])
        # Of two orders under one client id it gives the older one.
        self.server.answers["GET /api/v1/hf/orders/client-order/c1"] = lambda asked: said(self.orders["A"])
        self.server.answers[f"DELETE /api/v1/hf/orders/{id}"] = lambda asked: self.cancel(id)

    def cancel(self, id):
        self.orders[id].update(active=False, inOrderBook=False, cancelExist=True)
        return said({"orderId": id})

    def alter(self, asked):
        open_ = self.listed(True)[-1]
        self.cancel(open_["id"])
        id = chr(ord(open_["id"]) + 1)
        self.put(id, size=asked.get("newSize", open_["size"]), price=asked.get("newPrice", open_["price"]))
        return said({"newOrderId": id, "clientOid": "c1"})


MARKET = {
    "symbol": "BTC-USDT", "name": "BTC-USDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "feeCurrency": "USDT",
    "market": "USDS", "baseMinSize": "0.00001", "quoteMinSize": "0.1", "baseMaxSize": "10000",
    "quoteMaxSize": "99999999", "baseIncrement": "0.00001", "quoteIncrement": "0.000001", "priceIncrement": "0.1",
    "priceLimitRate": "0.1", "minFunds": "0.1", "isMarginEnabled": True, "enableTrading": True,
}  # fmt: skip


def said(data):
    """KuCoin's envelope."""
    return {"code": "200000", "data": data}


def kraken(server):
    """Kraken spot, of one order; gives the order by its id, and what the last amend asked for."""
    pair = {
        "altname": "XBTUSDT", "wsname": "XBT/USDT", "aclass_base": "currency", "base": "XXBT", "quote": "USDT",
        "aclass_quote": "currency", "lot": "unit", "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1,
        "cost_decimals": 5, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
        "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]],
    }  # fmt: skip
    taken, sent = {}, {}

    def result(data):
        return {"error": [], "result": data}

    def add(asked):
        terms = {"pair": "XBTUSDT", "type": asked["type"], "ordertype": asked["ordertype"], "price": asked["price"],
                 "price2": "0", "leverage": "none", "order": "", "close": ""}  # fmt: skip
        taken["OABC"] = {
            "userref": 0, "cl_ord_id": asked["cl_ord_id"], "status": "open", "opentm": 4e9, "descr": terms,
            "vol": asked["volume"], "vol_exec": "0", "cost": "0", "fee": "0", "price": "0", "misc": "", "oflags": "",
        }  # fmt: skip
        return result({"descr": {"order": "buy"}, "txid": ["OABC"]})

    def amend(asked):
        sent.update(asked)
        taken[asked["txid"]]["vol"] = asked["order_qty"]
        taken[asked["txid"]]["descr"]["price"] = asked["limit_price"]
        return result({"amend_id": "TAMEND"})

    server.answers |= {
        "GET /0/public/Assets": lambda asked: result({}),
        "GET /0/public/AssetPairs": lambda asked: result({"XBTUSDT": pair}),
        "GET /0/public/Time": lambda asked: result({"unixtime": server.now() / 1000}),
        "POST /0/private/AddOrder": add,
        "POST /0/private/AmendOrder": amend,
        "POST /0/private/QueryOrders": lambda asked: result(taken),
        "POST /0/private/OpenOrders": lambda asked: result({"open": taken}),
    }
    return taken, sent


def bybit(server):
    """Bybit spot, of an order that filled and of those that are placed, which end at once; gives all of them."""
    market = {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "innovation": "0", "status": "Trading",
        "marginTrading": "none", "priceFilter": {"tickSize": "0.01"},
        "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.00000001", "minOrderQty": "0.00001",
                          "maxOrderQty": "100", "minOrderAmt": "1", "maxOrderAmt": "1000000"},
    }  # fmt: skip
    placed = []

    def put(**changes):
        now = str(server.now())
        placed.append({
            "symbol": "BTCUSDT", "orderId": str(len(placed)), "orderLinkId": "", "side": "Buy", "orderType": "Limit",
            "price": "90", "qty": "0.1", "cumExecQty": "0", "cumExecValue": "0", "avgPrice": "", "timeInForce": "IOC",
            "orderStatus": "Cancelled", "createdTime": now, "updatedTime": now, **changes,
        })  # fmt: skip

    def result(data):
        return {"retCode": 0, "retMsg": "OK", "result": data, "retExtInfo": {}, "time": server.now()}

    def listed(asked):
        is_stop = asked.get("orderFilter") == "StopOrder"
        rows = [one for one in placed if asked.get("orderStatus") in (None, one["orderStatus"]) and not is_stop]
        return result({"list": rows[::-1], "nextPageCursor": "", "category": "spot"})

    def create(asked):
        put(orderLinkId=asked["orderLinkId"])
        return result({"orderId": placed[-1]["orderId"], "orderLinkId": asked["orderLinkId"]})

    put(orderStatus="Filled", cumExecQty="0.1", cumExecValue="9", avgPrice="90")
    server.answers |= {
        "GET /v5/market/time": lambda asked: result({"timeNano": str(server.now() * 10**6)}),
        "GET /v5/market/instruments-info": lambda asked: result(
            {"category": asked["category"], "list": [market] if asked["category"] == "spot" else []}
        ),
        "GET /v5/asset/coin/query-info": lambda asked: result({"rows": []}),
        "GET /v5/user/query-api": lambda asked: result({"uta": 1, "readOnly": 0, "permissions": {}, "ips": ["*"]}),
        "GET /v5/account/info": lambda asked: result({"unifiedMarginStatus": 5}),
        "GET /v5/order/history": listed,
        "GET /v5/order/realtime": lambda asked: result({"list": [], "nextPageCursor": "", "category": "spot"}),
        "POST /v5/order/create": create,
    }
    return placed


def bitget(server):
    """Bitget spot, of one order and what takes its place; gives the orders."""
    market = {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "minTradeAmount": "0", "maxTradeAmount": "1000",
        "takerFeeRate": "0.002", "makerFeeRate": "0.002", "pricePrecision": "2", "quantityPrecision": "6",
        "quotePrecision": "8", "status": "online", "minTradeUSDT": "1", "areaSymbol": "no",
    }  # fmt: skip
    orders = {}

    def put(id, client_id, price, size):
        orders[id] = {
            "userId": "1", "symbol": "BTCUSDT", "orderId": id, "clientOid": client_id, "price": price, "size": size,
            "orderType": "limit", "side": "buy", "status": "live", "priceAvg": "0", "baseVolume": "0",
            "quoteVolume": "0", "enterPointSource": "API", "orderSource": "normal", "cTime": str(server.now()),
            "uTime": str(server.now()),
        }  # fmt: skip

    def result(data):
        return {"code": "00000", "msg": "success", "requestTime": server.now(), "data": data}

    def find(asked):
        ids = (asked.get("orderId"), asked.get("clientOid"))
        return result([one for one in orders.values() if one["orderId"] in ids or one["clientOid"] in ids])

    def replaced(asked):
        orders[asked["orderId"]]["status"] = "cancelled"
        put("2", asked["newClientOid"], asked["price"], asked["size"])
        return result({"orderId": "2", "clientOid": asked["newClientOid"], "success": "success", "msg": None})

    put("1", "mine", "90", "1")
    server.answers |= {
        "GET /api/v2/spot/public/symbols": lambda asked: result([market]),
        "GET /api/v2/spot/public/coins": lambda asked: result([]),
        "GET /api/v2/margin/currencies": lambda asked: result([]),
        "GET /api/v2/mix/market/contracts": lambda asked: result([]),
        "GET /api/v2/public/time": lambda asked: result({"serverTime": str(server.now())}),
        "GET /api/v2/spot/trade/orderInfo": find,
        "POST /api/v2/spot/trade/cancel-replace-order": replaced,
    }
    return orders


def okx(server):
    """OKX spot, of stops, which are its algo orders, and its dead-man's switch; gives the stops."""
    market = {
        "instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "settleCcy": "", "uly": "",
        "instFamily": "", "tickSz": "0.1", "lotSz": "0.00001", "minSz": "0.00001", "maxLmtSz": "1000",
        "maxMktSz": "1000", "ctVal": "", "ctMult": "", "ctValCcy": "", "lever": "1", "state": "live", "listTime": "1",
        "expTime": "", "optType": "", "stk": "", "ctType": "",
    }  # fmt: skip
    stops = {}

    def result(data):
        return {"code": "0", "msg": "", "data": data}

    def place(asked):
        id = str(700 + len(stops))
        stops[id] = {
            "instType": "SPOT", "instId": "BTC-USDT", "algoId": id, "algoClOrdId": asked.get("algoClOrdId", ""),
            "ordType": asked["ordType"], "side": asked["side"], "sz": asked["sz"], "state": "live",
            "triggerPx": asked["triggerPx"], "ordPx": asked["orderPx"], "cTime": str(server.now()),
            "uTime": str(server.now()), "actualSz": "0", "actualPx": "",
        }  # fmt: skip
        return result([{"algoId": id, "algoClOrdId": asked.get("algoClOrdId", ""), "sCode": "0", "sMsg": ""}])

    def amend(asked):
        stops[asked["algoId"]].update(triggerPx=asked["newTriggerPx"], sz=asked["newSz"])
        return result([{"algoId": asked["algoId"], "algoClOrdId": "", "sCode": "0", "sMsg": ""}])

    def unknown(asked):
        return {"code": "51603", "msg": "Order does not exist", "data": []}

    server.answers |= {
        "GET /api/v5/public/time": lambda asked: result([{"ts": str(server.now())}]),
        "GET /api/v5/public/instruments": lambda asked: result([market] if asked["instType"] == "SPOT" else []),
        "GET /api/v5/asset/currencies": lambda asked: result([]),
        "GET /api/v5/trade/order": unknown,
        "POST /api/v5/trade/order-algo": place,
        "POST /api/v5/trade/amend-algos": amend,
        "GET /api/v5/trade/order-algo": lambda asked: result([stops[asked["algoId"]]]),
    }
    return stops
