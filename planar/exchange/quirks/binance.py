"""Binance's ways, spot and futures."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

from planar.config.settings import ExchangeSettings
from planar.exchange.model import Market, MarketKind, Order, OrderRequest, Rights, Wallet
from planar.exchange.quirks.registry import Amend, MarketMinimum, Pool, Quirk, quirk
from planar.model.order import Forced, Kind

HOUR = 3_600_000

FORCED = {
    "autoclose-": Forced.LIQUIDATION,
    "adl_autoclose": Forced.DELEVERAGED,
    "settlement_autoclose-": Forced.DELISTED,
}
"""How client ids begin of orders that the exchange places itself."""


@quirk("binanceus", "binanceusdm", "binancecoinm")
class BinanceFamily(Quirk):
    """Codes by their number in ``{"code":-2015}`` where CCXT's class misleads; an amended spot order is a new order."""

    codes: ClassVar[Mapping[str, str]] = {
        # Nobody knows whether it was done; cancelReplace says so of one of its two halves, inside of its own code.
        '"code":-1006': "TIMEOUT",
        '"code":-1007': "TIMEOUT",
        # What cancelReplace says goes before the rest: the codes around and inside of it mean other things elsewhere.
        "cancel-replace partially failed": "CANCELLED_NOT_REPLACED",
        "cancel-replace failed": "AMEND_FAILED",
        '"code":-1022': "WRONG_SECRET",
        # CCXT takes a key that stops working for a ban, and so would have us try it again and again.
        '"code":-2015': "AUTHENTICATION",
        "Invalid API-key, IP, or permissions": "AUTHENTICATION",
        "Filter failure: NOTIONAL": "BELOW_MIN_COST",
        "Filter failure: MIN_NOTIONAL": "BELOW_MIN_COST",
        '"code":-4164': "BELOW_MIN_COST",
        "Filter failure: LOT_SIZE": "INVALID_AMOUNT",
        "Filter failure: MARKET_LOT_SIZE": "ABOVE_MAX_AMOUNT",
        "Filter failure: PRICE_FILTER": "INVALID_PRICE",
        "Filter failure: PERCENT_PRICE": "INVALID_PRICE",
        "Filter failure: TRAILING_DELTA": "INVALID_PRICE",
        "Limit price can't be": "INVALID_PRICE",
        "Price not increased by tick size": "INVALID_PRICE",
        "Filter failure: MAX_NUM_ORDERS": "TOO_MANY_ORDERS",
        "Filter failure: MAX_NUM_ALGO_ORDERS": "TOO_MANY_ORDERS",
        "Duplicate order sent": "DUPLICATE_ORDER_ID",
        '"code":-4116': "DUPLICATE_ORDER_ID",
        '"code":-5027': "NO_CHANGE",
        '"code":-2019': "INSUFFICIENT_FUNDS",
        '"code":-2028': "INSUFFICIENT_FUNDS",
        '"code":-2027': "MAX_POSITION",
        '"code":-4028': "INVALID_LEVERAGE",
        '"code":-4161': "INVALID_LEVERAGE",
        '"code":-5022': "POST_ONLY_WOULD_TAKE",
        '"code":-2021': "STOP_WOULD_TRIGGER",
        '"code":-2022': "REDUCE_ONLY_WOULD_INCREASE",
        "Market is closed": "MARKET_CLOSED",
    }
    finds_by_client_id: ClassVar[bool] = True
    trigger_param: ClassVar[str] = "stopPrice"  # of an amend, CCXT sends the other one as well, which is refused
    trails: ClassVar[frozenset[MarketKind]] = frozenset({MarketKind.SPOT, MarketKind.SWAP})
    amends_untouched: ClassVar[bool] = True
    wallets: ClassVar[Mapping[Wallet, str]] = {**Quirk.wallets, Wallet.FUNDING: "funding"}
    is_oldest_first: ClassVar[bool] = True
    tier_amount_key: ClassVar[str] = "cum"
    clearance_params: ClassVar[Mapping[str, Any]] = {"incomeType": "INSURANCE_CLEAR"}
    order_limits: ClassVar[Mapping[int, int]] = {10_000: 100, 86_400_000: 200_000}
    rights_method: ClassVar[str] = "sapi_get_account_apirestrictions"

    def options(self, settings: ExchangeSettings, sandbox: bool) -> Mapping[str, Any]:
        """No signed requests beside those that were asked for; prints by one numbering, streamed and requested.

        Only aggregated ones can be asked for by time, and these are not numbered as the others are. CCXT's usual ticker
        has no bid and no ask.
        """
        return {
            **super().options(settings, sandbox),
            "watchTicker": {"name": "ticker"},
            "watchTickers": {"name": "ticker"},
            "watchTrades": {"name": "aggTrade"},
            "watchTradesForSymbols": {"name": "aggTrade"},
            # Positions are asked for by who listens; CCXT's own asking fails on numbers that are texts.
            "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            "recvWindow": self.receive_window_ms,
        }

    def rights(self, raw: Mapping[str, Any]) -> Rights:
        """As of ``GET /sapi/v1/account/apiRestrictions``; what it leaves out is not known."""
        return Rights(
            can_read=raw.get("enableReading"),
            can_trade_spot=raw.get("enableSpotAndMarginTrading"),
            can_trade_futures=raw.get("enableFutures"),
            can_withdraw=raw.get("enableWithdrawals"),
            is_ip_bound=raw.get("ipRestrict"),
        )

    def pool(self, exchange: str, api: str, host: str, settings: ExchangeSettings) -> Pool:
        """By host, whatever CCXT calls the exchange. Its costs are a fifth of spot's weights, and those of futures."""
        is_futures = api.startswith(("fapi", "dapi"))
        is_main = is_futures == (settings.futures or exchange in ("binanceusdm", "binancecoinm"))
        return Pool(host or exchange, *((2_400, 1.0) if is_futures else (6_000, 5.0)), is_main)

    def used_weight(self, headers: Mapping[str, str]) -> float | None:
        """Its header, whatever its case."""
        told = next((value for name, value in headers.items() if name.lower() == "x-mbx-used-weight-1m"), None)
        return None if told is None or not told.isdigit() else float(told)

    def client_id(self, raw: Mapping[str, Any]) -> str | None:
        """Its answer to a cancel carries an id of the cancel beside the order's own."""
        return (raw.get("info") or {}).get("origClientOrderId")

    def market_minimum(self, market: Market, info: Mapping[str, Any]) -> MarketMinimum | None:
        """By the average price of some minutes, on spot; of none is the last."""
        rows = [row for row in info.get("filters") or () if row.get("filterType") in ("NOTIONAL", "MIN_NOTIONAL")]
        # Futures name no condition and hold to it.
        judged = [row for row in rows if row.get("applyMinToMarket", row.get("applyToMarket", True))]
        if not judged:
            return None
        if market.kind is not MarketKind.SPOT or not judged[0].get("avgPriceMins"):
            return MarketMinimum()
        return MarketMinimum("public_get_avgprice", {"symbol": market.id})

    def is_balance(self, raw: Mapping[str, Any]) -> bool:
        """CCXT takes what a deposit adds for what there is; the balance itself is told right after."""
        return (raw.get("info") or {}).get("e") != "balanceUpdate"

    def settled(self, raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
        """Of futures, where CCXT takes the margin balance."""
        info = raw.get("info")
        assets = info.get("assets") if isinstance(info, Mapping) else None
        return {each["asset"]: Decimal(each["walletBalance"]) for each in assets or ()}

    def is_funding(self, raw: Mapping[str, Any]) -> bool:
        """Its stream names what changed the wallet."""
        told = (raw.get("info") or {}).get("a")
        return isinstance(told, Mapping) and told.get("m") == "FUNDING_FEE"

    def forced(self, client_id: str) -> Forced:
        """By how it names them."""
        return next((how for start, how in FORCED.items() if client_id.startswith(start)), Forced.NONE)

    def margin_params(self, amount: Decimal) -> Mapping[str, Any]:
        """Its own, exact: CCXT cuts margin to the step of the base."""
        return {"amount": f"{amount:f}"}

    def became(self, raw: Mapping[str, Any]) -> str:
        """Of futures, stops are algo orders, which go on as another order under the same client id."""
        info = raw.get("info") or {}
        return str(info.get("actualOrderId") or ("aid" in info and info.get("ai")) or "")

    def expire_params(self, expire: int) -> Mapping[str, Any]:
        """Futures only; CCXT's features tell."""
        return {"timeInForce": "GTD", "goodTillDate": expire}

    def trail_params(
        self, request: OrderRequest, market: Market, refuse: Callable[[str], NoReturn]
    ) -> Mapping[str, Any]:
        """In hundredths of a per cent, of futures in tenths. A take begins to follow where it would trigger, a stop
        without one at once.
        """
        if request.trail is None:
            return refuse("trailing stops by a distance in quote (trail_by), only by a fraction (trail)")
        percent = f"{(request.trail * 100).normalize():f}"
        if market.kind is not MarketKind.SPOT:
            if request.trail * 1_000 % 1:
                return refuse(f"trailing stops of {percent} %, only of whole tenths of a per cent")
            start = None if request.activation is None else f"{request.activation:f}"
            return {"trailingPercent": percent, **({"trailingTriggerPrice": start} if start else {})}
        if request.trail * 10_000 % 1:
            return refuse(f"trailing stops of {percent} %, only of whole hundredths of a per cent")
        params = {"trailingPercent": percent}
        if request.activation is None:
            return {**params, "stopLossOrTakeProfit": "stopLoss"}
        return {**params, "stopLossOrTakeProfit": "takeProfit", "trailingTriggerPrice": f"{request.activation:f}"}

    def trail(self, raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
        """``trailingDelta``, in streams ``d``; of futures ``callbackRate``, in streams ``cr``, and where it begins."""
        info = raw.get("info") or {}
        rate = info.get("callbackRate") or (info.get("cr") if "aid" in info else None)
        if rate:
            start = Decimal(info.get("activatePrice") or info.get("AP") or 0)
            return {"trail": Decimal(rate) / 100, **({"activation": start} if start else {})}
        delta = info.get("trailingDelta") or (info.get("d") if info.get("e") == "executionReport" else None)
        return {"trail": Decimal(delta) / 10_000} if delta else {}

    def is_triggered(self, raw: Mapping[str, Any]) -> bool:
        """``workingTime``, in streams ``W``: since when it is on the book, -1 or left out while it is not."""
        info = raw.get("info") or {}
        working = info.get("W") if info.get("e") == "executionReport" else info.get("workingTime")
        return int(working or -1) > 0 or super().is_triggered(raw)

    def span(self, method: str, market: Market) -> int | None:
        """CCXT ends prints after an hour, and says nothing of how far orders may reach."""
        days = 1 if market.kind is MarketKind.SPOT else 7
        return {"fetchTrades": HOUR, "fetchOrders": days * 24 * HOUR}.get(method)

    def amends(self, market: Market, order: Order) -> Amend:
        """cancelReplace on spot; futures amend limits in place, and stops, which are algo orders, not at all."""
        if market.kind is MarketKind.SPOT:
            return Amend.BY_ANOTHER
        return Amend.IN_PLACE if order.stop is None else Amend.BESIDE

    def amend_params(self, order: Order, request: OrderRequest) -> Mapping[str, Any]:
        """An order that fills while it is replaced would be filled twice; so one that was untouched must still be.

        CCXT makes a stop of whatever has a trigger.
        """
        take = {}
        if request.take is not None:
            type_ = "TAKE_PROFIT" if request.kind is Kind.TAKE else "TAKE_PROFIT_LIMIT"
            take = {"takeProfitPrice": None, "stopPrice": f"{request.take:f}", "type": type_}
        return {"cancelRestrictions": "ONLY_NEW" if order.filled == 0 else None, **take}

    def book_depths(self, market: Market) -> Sequence[int]:
        """Futures know a few."""
        return () if market.kind is MarketKind.SPOT else (5, 10, 20, 50, 100, 500, 1000)


@quirk("binance")
class Binance(BinanceFamily):
    """All kinds of markets behind one name."""

    def options(self, settings: ExchangeSettings, sandbox: bool) -> Mapping[str, Any]:
        """Only the markets that are meant.

        The test environments of spot and futures are two, with keys of their own, and a local venue may be one of them.
        """
        is_single = sandbox or settings.base_url
        types = ["linear"] if settings.futures else ["spot"] if is_single else ["spot", "linear"]
        return {**super().options(settings, sandbox), "fetchMarkets": {"types": types}}
