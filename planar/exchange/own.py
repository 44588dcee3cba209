"""`OwnData`: what an account has and did: balances, orders, fills, fees."""

from collections.abc import Mapping
from typing import Any

from planar.errors import Rejected
from planar.exchange.answers import account as answers
from planar.exchange.model import Balance, Fees, Fill, Market, MarketKind, Order, Rights, Wallet
from planar.exchange.paging import FOREVER, pages
from planar.exchange.public import PublicData
from planar.model.order import Side

PAGE = 500
"""Orders or fills to ask for in a page, where the exchange's own limit is not known."""


class OwnData(PublicData):
    """Balances, orders, fills, fees."""

    async def balance(self, wallet: Wallet = Wallet.SPOT) -> Balance:
        """What is owned in a wallet."""
        await self._open()
        kind = self.quirk.wallets.get(wallet)
        if kind is None or (wallet is Wallet.FUTURES and not self._ccxt().has.get("swap")):
            self._refuse(f"a {wallet} wallet")
        return await self._call(
            "fetch_balance",
            {"type": kind},
            what=f"the balance of the {wallet} wallet",
            into=lambda raw: answers.balance(raw, wallet, settled=self.quirk.settled(raw)),
        )

    async def rights(self) -> Rights | None:
        """What the key may do; None where the exchange, or its test environment, does not say."""
        if not self.quirk.rights_method:
            return None
        await self._ready()
        try:
            asked = self._asked("the rights of the key")
            return await self._request(self.quirk.rights_method, asked=asked, into=self.quirk.rights)
        except Rejected as error:
            if error.code != "NOT_SUPPORTED":
                raise
            return None

    async def order(self, id: str, symbol: str, *, client_id: str = "") -> Order:
        """One order, by the exchange's id or (``id`` empty) by one's own."""
        market = await self._market(symbol)
        if not id and not self.quirk.finds_by_client_id:
            return await self._look_through(market, client_id)
        missing: Rejected | None = None
        for place in self._places(market):
            params = place if id else {**place, "clientOrderId": client_id}
            try:
                return await self._fetch_order(id or None, market, params, f"asking for order {id or client_id}")
            except Rejected as error:
                if error.code != "ORDER_NOT_FOUND":
                    raise
                missing = error
        raise missing or self._no_order(id or client_id, market)

    async def _fetch_order(self, id: str | None, market: Market, params: Mapping[str, Any], what: str) -> Order:
        found, successor = await self._call(
            "fetch_order",
            id,
            market.symbol,
            dict(params),
            what=what,
            into=lambda raw: (self._order(raw, market), self.quirk.became(raw)),
            market=market,
        )
        return await self._fetch_order(successor, market, {}, what) if successor else found

    async def _look_through(self, market: Market, client_id: str) -> Order:
        """By one's own id, where the exchange only knows its own: the newest of the open orders, or of recent ones."""
        for ask in (self.open_orders, self.orders):
            for one in reversed(await ask(market.symbol)):
                if one.client_id == client_id:
                    return one
        raise self._no_order(client_id, market)

    def _no_order(self, id: str, market: Market) -> Rejected:
        return Rejected(
            f"{self.name} knows no order {id} of {market.symbol}. See "
            f"{self.by_hand(f'planar orders {market.symbol} --history')}.",
            exchange=self.id,
            code="ORDER_NOT_FOUND",
        )

    def _order(self, raw: Any, market: Market) -> Order:
        return self.noted(answers.order(raw, market, quirk=self.quirk))

    def _orders(self, rows: Any, market: Market | None) -> list[Order]:
        # What goes on as another order is told as that one.
        own = [raw for raw in rows if not self.quirk.became(raw)]
        found = [self._order(raw, market or self._listed(raw["symbol"])) for raw in own]
        return sorted(found, key=lambda order: order.time or 0)

    def _places(self, market: Market, method: str = "fetchOrder") -> list[dict[str, Any]]:
        """CCXT's parameters of each place that an order of this market can be in; the likeliest first."""
        places: list[dict[str, Any]] = [{}]
        if market.kind is MarketKind.SPOT and self.settings.leveraged:
            places = [{"marginMode": "cross"}] if self.settings.leveraged == "both" else [{}, {"marginMode": "cross"}]
        if self._feature(market, method, "trigger"):
            places += [{**place, "trigger": True} for place in places]
        return places

    def _all_places(self) -> list[dict[str, Any]]:
        """The same for all markets: a key for spot need not be good for futures, so futures are asked if configured."""
        if self.settings.futures:
            return [{"type": "swap"}, {"type": "swap", "trigger": True}]
        return [{}, {"marginMode": "cross"}] if self.settings.leveraged else [{}]

    def _is_leveraged(self, market: Market, side: Side) -> bool:
        wanted = ("from", "both") if side is Side.BUY else ("to", "both")
        return market.kind is MarketKind.SPOT and self.settings.leveraged in wanted

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Open orders; when no market is named, of all markets of the configured kind, spot or futures."""
        market = None if symbol is None else await self._market(symbol)
        places = self._all_places() if market is None else self._places(market, "fetchOpenOrders")
        found: dict[str, Order] = {}
        for place in places:
            rows = await self._call(
                "fetch_open_orders",
                market.symbol if market else None,
                None,
                None,
                place,
                what=f"open orders{f' of {market.symbol}' if market else ''}",
                into=lambda raw: self._orders(raw, market),
            )
            found.update({order.id: order for order in rows})
        return sorted(found.values(), key=lambda order: order.time or 0)

    async def orders(self, symbol: str, start: int | None = None, limit: int | None = None) -> list[Order]:
        """Orders of a market since a time, whatever became of them, oldest first.

        Without a start, the most recent ones that the exchange gives at once.
        """
        market = await self._market(symbol)
        methods = self._order_histories()
        name = "fetchOrders" if methods == ["fetch_orders"] else "fetchClosedOrders"
        found: list[Order] = []
        for method in methods:
            found += await self._history(method, name, market, start, limit, lambda raw: self._orders(raw, market))
        if name == "fetchClosedOrders":
            found += [o for o in await self.open_orders(market.symbol) if start is None or (o.time or 0) >= start]
        found = sorted({order.id: order for order in found}.values(), key=lambda order: order.time or 0)
        return found if limit is None else found[:limit] if start is not None else found[-limit:]

    def _order_histories(self) -> list[str]:
        """CCXT's methods that together give all orders, but for the open ones where they are several."""
        for whole in ("fetch_orders", "fetch_canceled_and_closed_orders"):
            if self._has(whole):
                return [whole]
        # "Closed" is all that is done at some exchanges, what filled at others.
        cancelled = ["fetch_canceled_orders"] if self._has("fetch_canceled_orders") else []
        return ["fetch_closed_orders", *cancelled]

    async def fills(self, symbol: str, start: int | None = None, limit: int | None = None) -> list[Fill]:
        """Own executions in a market since a time, oldest first."""
        market = await self._market(symbol)

        def into(raw: Any) -> list[Fill]:
            found = [self.noted(fill) for fill in answers.fills(raw, market)]
            return sorted(found, key=lambda fill: (fill.time, fill.id))

        found = await self._history("fetch_my_trades", "fetchMyTrades", market, start, limit, into)
        return found if limit is None else found[:limit] if start is not None else found[-limit:]

    async def _history(
        self, method: str, feature: str, market: Market, start: int | None, limit: int | None, into: Any
    ) -> list[Any]:
        """Orders or fills in pages, from every place; without a start one page."""
        page, now = self._feature(market, feature, "limit") or PAGE, await self._market_now()
        what = f"{'fills' if feature == 'fetchMyTrades' else 'orders'} of {market.symbol}"
        found: list[Any] = []
        for place in self._places(market, feature):

            async def fetch(since: int | None, until: int | None, place: dict[str, Any] = place) -> list[Any]:
                params = place if until is None else {**place, "until": until - 1}
                return await self._call(method, market.symbol, since, page, params, what=what, into=into)

            if start is None:
                found += await fetch(None, None)
                continue
            enough = len(found) + limit if limit is not None else None
            span, order = self._span(market, feature), self.quirk.is_oldest_first
            async for fresh in pages(fetch, start, FOREVER, page, span=span, now=now, is_oldest_first=order):
                found += fresh
                if enough is not None and len(found) >= enough:
                    break
        return sorted(found, key=lambda one: one.time or 0)

    async def fees(self, symbol: str) -> Fees:
        """What this account pays in a market."""
        market = await self._market(symbol)
        what = f"the fees of {market.symbol}"
        if self._has("fetch_trading_fee"):
            return await self._call(
                "fetch_trading_fee", market.symbol, what=what, into=lambda raw: answers.fees(raw, market.symbol)
            )
        return await self._call(
            "fetch_trading_fees", what=what, into=lambda raw: answers.fees(raw[market.symbol], market.symbol)
        )
