"""`Orders`: placing and cancelling, nothing of it twice."""

import asyncio
from dataclasses import replace
from typing import Any

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.answers import account as answers
from planar.exchange.model import Market, Order, OrderRequest
from planar.exchange.order_terms import order_params
from planar.exchange.own import OwnData
from planar.exchange.precision import rounded
from planar.exchange.quirks import DeadMan
from planar.exchange.recovery import LostOrder, is_done, lost_order
from planar.exchange.risk import JUDGED, check_cost, needs_last
from planar.exchange.worth import check_worth, is_clearly_enough, needs_price

PRICE_PATIENCE = 2.0
"""Seconds that an order waits at most for the price that its worth is judged by."""


class Orders(OwnData):
    """Writes. Each order carries an own id, so that one whose answer is lost can be looked for."""

    async def place(self, request: OrderRequest) -> Order:
        """Places one order, rounded to the market's steps, never enlarged.

        An answer that does not come is looked for under the order's own id; the order is never sent again. Who cancels
        the task that waits here has to look for it himself, so give ``client_id`` where that may happen.
        Raises Rejected when it was refused, here or there; Unknown when nobody can say whether it was taken.
        """
        market = await self._tradable(request.symbol)
        request = await self._prepared(request, market)
        lost = self._lost(request, market)
        try:
            return await self._call(
                "create_order",
                *self._terms(request, market),
                what=_described(request, market),
                into=lambda raw: self._placed(raw, market, request),
                is_write=True,
                market=market,
            )
        except Unknown as error:
            return await lost_order(self, lost, error)
        except Rejected as error:
            return await self._taken_before(lost, error)

    async def _taken_before(self, lost: LostOrder, refusal: Rejected) -> Order:
        """The order, when it was refused for being there: something on the way may have sent it twice."""
        if refusal.code != "DUPLICATE_ORDER_ID":
            raise refusal
        failure = Unknown(str(refusal), exchange=self.id, code=refusal.code)
        return await lost_order(self, lost, failure, refusal)

    def _placed(self, raw: Any, market: Market, request: OrderRequest) -> Order:
        return self.noted(answers.order(raw, market, request, self.quirk), is_new=True)

    async def cancel(self, id: str, symbol: str) -> Order:
        """Cancels one order; gives it as it ended, also when it had ended before."""
        market = await self._market(symbol)
        failure: ExchangeError | None = None
        for attempt in range(self.settings.retries + 1):
            await asyncio.sleep((self.backoff.pause(attempt) or 0.0) if attempt else 0.0)
            try:
                return await self._cancel_once(id, market)
            except Rejected as error:
                # The exchange has no open order of that id, be it that it filled, or that it never was.
                if error.code != "ORDER_NOT_FOUND":
                    raise
                found = await self.order(id, market.symbol)
                # What was triggered meanwhile may go on under another id.
                is_left = is_done(found) or found.id == id
                return found if is_left else await self.cancel(found.id, market.symbol)
            except Unknown as error:
                failure = error
            # A cancel may be sent again, but only to an order that is seen to be open.
            try:
                found = await self.order(id, market.symbol)
            except Unreachable:
                break
            if is_done(found):
                return found
        raise failure or self._no_order(id, market)

    async def _cancel_once(self, id: str, market: Market) -> Order:
        missing: Rejected | None = None
        for place in self._places(market):
            try:
                raw = await self._call(
                    "cancel_order",
                    id,
                    market.symbol,
                    place,
                    what=f"cancelling order {id} of {market.symbol}",
                    is_write=True,
                    market=market,
                )
            except Rejected as error:
                if error.code != "ORDER_NOT_FOUND":
                    raise
                missing = error
                continue
            return await self._as_ended(id, market, raw)
        raise missing or self._no_order(id, market)

    async def _as_ended(self, id: str, market: Market, raw: Any) -> Order:
        """The order as a cancel left it; many exchanges answer a cancel with no more than its id."""
        if isinstance(raw, dict) and raw.get("id") and raw.get("status") and raw.get("side"):
            found = self._order(raw, market)
            if is_done(found):
                return found
        return await self.order(id, market.symbol)

    async def cancel_all(self, symbol: str) -> list[Order]:
        """Cancels all open orders of a market; gives them as they ended.

        It is asked for also where none is seen to be open: one may be on its way.
        """
        market = await self._market(symbol)
        found = {order.id: order for order in await self.open_orders(market.symbol)}
        if self._has("cancel_all_orders"):
            for place in self._places(market):
                await self._cancel_place(market, place)
            found |= {order.id: order for order in await self.open_orders(market.symbol)}
        # Each one is asked for, or cancelled if it is still there.
        return [await self._ended(order, market) for order in found.values()]

    async def cancel_all_after(self, seconds: int) -> None:
        """Lets the exchange cancel all orders of the account in so many seconds, unless it is told anew before; 0 ends
        that. See `dead_man` for where there is such a switch.
        """
        if self.dead_man is None:
            self._refuse("a dead-man's switch")
        what = "ending the dead-man's switch" if not seconds else f"setting the dead-man's switch to {seconds} s"
        await self._call("cancel_all_orders_after", seconds * 1000, what=what, is_write=True)

    @property
    def dead_man(self) -> DeadMan | None:
        """The dead-man's switch that there is here."""
        return self.quirk.dead_man(self.settings)

    async def _cancel_place(self, market: Market, place: dict[str, Any]) -> None:
        what = f"cancelling all orders of {market.symbol}"
        try:
            await self._call("cancel_all_orders", market.symbol, place, what=what, is_write=True, market=market)
        except Unknown:
            return
        except Rejected as error:
            if error.code != "ORDER_NOT_FOUND":
                raise

    async def _ended(self, order: Order, market: Market) -> Order:
        found = await self.order(order.id, market.symbol)
        return found if is_done(found) else await self.cancel(order.id, market.symbol)

    # What is sent.

    async def _tradable(self, symbol: str) -> Market:
        market = await self._current(symbol)
        self.traded.add(market.symbol)
        if not market.is_active:
            await self._recheck()  # it may have opened since
            market = await self._market(symbol)
        if not market.is_active:
            raise Rejected(
                f"{self.name}: {market.symbol} is not traded now; the exchange lists it as inactive. "
                "Its status page says why; wait, or choose another market.",
                exchange=self.id,
                code="MARKET_CLOSED",
            )
        return market

    async def _prepared(self, request: OrderRequest, market: Market) -> OrderRequest:
        request = replace(request, symbol=market.symbol, client_id=request.client_id or self.new_client_id())
        ready = rounded(request, market, self.id)
        if needs_price(ready, market) and not is_clearly_enough(ready, market, self.prices.fresh(market.symbol)):
            try:
                async with asyncio.timeout(PRICE_PATIENCE):
                    price = await self.judged_price(market)
            except TimeoutError:
                price = None  # an order is not held up for it: the exchange judges
            if price is not None:
                check_worth(ready, market, price, self.id)
        await self._check_risk(ready, market)
        return ready

    async def _check_risk(self, request: OrderRequest, market: Market) -> None:
        if self.risk.max_order_cost and not JUDGED.get():
            last = self.prices.fresh(market.symbol)
            if last is None and needs_last(request, market):
                last = (await self.ticker(market.symbol)).last
            check_cost(request, market, last, self.risk, self.id)

    def _lost(self, request: OrderRequest, market: Market) -> LostOrder:
        """As it is looked for when its answer is lost; to be made before it is sent."""
        is_named = request.client_id not in self._new_ids
        if not is_named:
            self._new_ids.remove(request.client_id)
        return LostOrder(request, market, is_named, self.seen.turn, self.market_time)

    def _terms(self, request: OrderRequest, market: Market, more: Any = None) -> tuple[Any, ...]:
        """CCXT's arguments of an order."""
        params = order_params(request, market, self._ccxt(), self.quirk, self._refuse)
        if self._is_leveraged(market, request.side):
            params["marginMode"] = "cross"
        kind = "market" if request.price is None else "limit"
        amount = None if request.amount is None else f"{request.amount / market.lot:f}"
        price = None if request.price is None else f"{request.price:f}"
        return (
            request.symbol,
            kind,
            request.side.name.lower(),
            amount,
            price,
            {name: value for name, value in {**params, **(more or {})}.items() if value is not None},
        )


def _described(request: OrderRequest, market: Market) -> str:
    how_much = (
        f"{request.amount:f} {market.base}" if request.amount is not None else f"for {request.cost:f} {market.quote}"
    )
    at = f" at {request.price:f}" if request.price is not None else ""
    return f"the order to {request.side.name.lower()} {how_much} ({market.symbol}{at}, client id {request.client_id})"
