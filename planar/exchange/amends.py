"""`Amends`: changing an open order, in place or by another one, and never having anything twice."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.answers import account as answers
from planar.exchange.model import Market, Order, OrderRequest
from planar.exchange.orders import Orders
from planar.exchange.precision import rounded
from planar.exchange.quirks import Amend
from planar.exchange.recovery import LostOrder, is_done, lost_order
from planar.model.order import TAKES, Kind


class Amends(Orders):
    """Amending. What that does to an order is the exchange's quirk (`Amend`)."""

    async def amend(
        self,
        id: str,
        symbol: str,
        *,
        price: Decimal | None = None,
        stop: Decimal | None = None,
        amount: Decimal | None = None,
        new_id: Callable[[], str] | None = None,
    ) -> Order:
        """Changes an open order: new limit, new trigger, new amount in all (what is filled included).

        Where the exchange replaces the order, the answer has a new id. new_id: gives the client id of each order that
        is to take its place under one of its own, before that is sent. Raises Rejected with ORDER_DONE when it is not
        open any more, Unknown when it is not clear which orders there are now.
        """
        if price is None and stop is None and amount is None:
            told = f"{self.name}: amending order {id} of {symbol} changes nothing: give a price, a stop or an amount."
            raise Rejected(told, exchange=self.id, code="INVALID_ORDER")
        market = await self._current(symbol)
        if self._ccxt().has.get("editOrder") is not True:
            # What CCXT calls emulated cancels first and then places, and may end with no order at all.
            self._refuse("amending orders")
        before = await self.order(id, symbol)
        if is_done(before):
            told = f"{self.name}: order {id} cannot be amended, it is {before.status.name}."
            raise Rejected(told, exchange=self.id, code="ORDER_DONE")
        if before.kind is Kind.TRAIL:
            self._refuse("amending trailing stops: another would begin to follow anew")
        if before.is_triggered:
            if stop is not None and stop != before.stop:
                told = f"{self.name}: the trigger of order {id} was reached at {before.stop}, and can be no other now."
                raise Rejected(told, exchange=self.id, code="INVALID_ORDER")
            # It rests as any limit; with its trigger it would be refused, or wait for that anew.
            before, stop = replace(before, kind=Kind.LIMIT, stop=None), None
        amends, total = self.quirk.amends(market, before), before.amount if amount is None else amount
        is_another = amends in (Amend.BY_ANOTHER, Amend.BESIDE)
        trigger = before.stop if stop is None else stop
        asked = OrderRequest(
            symbol=before.symbol,
            side=before.side,
            amount=total - before.filled if is_another and total is not None else total,
            price=before.price if price is None else price,
            stop=None if before.kind in TAKES else trigger,
            take=trigger if before.kind in TAKES else None,
            post_only=before.post_only,
            reduce_only=before.reduce_only,
            client_id=(new_id or self.new_client_id)() if is_another else before.client_id,
        )
        request = rounded(asked, market, self.id)
        await self._check_risk(request, market)
        if amends is Amend.BESIDE:
            return await self._beside(before, request, total, new_id)
        after = await self._amended(before, self._lost_amend(before, request, market, amends))
        if after.id == before.id or (self.quirk.amends_untouched and not before.filled):
            return after
        try:
            return await self._without_surplus(before, after, total, new_id)
        except ExchangeError as error:
            # Of whatever kind it is: that the order was replaced is what has to be known.
            told = f"order {id} of {market.symbol} was replaced by {after.id}, which may be larger than what is left"
            raise Unknown(f"{self.name}: {told}: look at both. {error}", exchange=self.id, code=error.code) from error

    async def _beside(
        self, before: Order, request: OrderRequest, total: Decimal | None, new_id: Callable[[], str] | None
    ) -> Order:
        """Another order, first beside the old one and then alone; where it is refused, the old one stands."""
        if not before.reduce_only:
            self._refuse("amending stops but those that reduce a position; cancel it and place another")
        after = await self.place(request)
        try:
            await self.cancel(before.id, before.symbol)
            return await self._without_surplus(before, after, total, new_id)
        except ExchangeError as error:
            told = f"order {after.id} of {before.symbol} stands in place of {before.id}, which may stand beside it"
            raise Unknown(f"{self.name}: {told}: look at both. {error}", exchange=self.id, code=error.code) from error

    def _lost_amend(self, before: Order, request: OrderRequest, market: Market, amends: Amend) -> LostOrder:
        lost = replace(self._lost(request, market), id=before.id, amends=amends)
        # An id of its own is nobody else's, whoever gave it.
        return replace(lost, is_named=amends is not Amend.BY_ANOTHER)

    async def _amended(self, before: Order, lost: LostOrder) -> Order:
        """The order after its amend, which may be another."""
        request, market = lost.request, lost.market
        # An order that stays is named by the exchange's own id, which is nobody else's.
        kept = {"clientOrderId": None} if lost.amends is Amend.IN_PLACE or not request.client_id else {}
        what = f"amending order {before.id} of {market.symbol}"
        try:
            told = await self._call(
                "edit_order",
                before.id,
                *self._amend_terms(before, request, market, kept),
                what=what,
                into=lambda raw: answers.order(raw, market, request),
                is_write=True,
                market=market,
            )
        except Unknown as error:
            return await lost_order(self, lost, error)
        except Rejected as error:
            return await self._amended_before(lost, error)
        is_another = told.id != before.id
        if lost.amends is (Amend.BY_ANOTHER if is_another else Amend.IN_PLACE):
            return self.noted(told)
        if lost.amends is Amend.UNPROVEN and is_another:
            return await self._replacement(told.id, before)
        # Of an order that stays, some exchanges tell the number of the amend, which CCXT takes for its id.
        doubt = f"{self.name}: {what} was answered, but not with that order."
        return await lost_order(self, lost, Unknown(doubt, exchange=self.id, code="BAD_RESPONSE"))

    def _amend_terms(self, before: Order, request: OrderRequest, market: Market, kept: Any) -> tuple[Any, ...]:
        params = {**kept, **self.quirk.amend_params(before, request)}
        symbol, kind, *rest = self._terms(request, market, params)
        return symbol, self.quirk.amend_type(before, kind), *rest

    async def _amended_before(self, lost: LostOrder, refusal: Rejected) -> Order:
        """The order as it was to be, when something on the way had sent the amend twice: then nothing was left to
        replace, or to change.
        """
        is_other = refusal.code == "AMEND_FAILED" and lost.amends is Amend.BY_ANOTHER
        if is_other or (refusal.code == "NO_CHANGE" and lost.amends is Amend.IN_PLACE and lost.id):
            try:
                if not is_other:
                    return await self.order(lost.id or "", lost.market.symbol)
                return await self.order("", lost.market.symbol, client_id=lost.request.client_id)
            except Rejected:
                raise refusal from None
            except Unreachable as error:
                told = f"{refusal} Whether that is so is not known: {error}"
                raise Unknown(told, exchange=self.id, code=refusal.code) from error
        raise refusal

    async def _replacement(self, id: str, before: Order) -> Order:
        try:
            return await self.order(id, before.symbol)
        except ExchangeError as error:
            told = f"order {before.id} of {before.symbol} was replaced by {id}, of which nobody tells how large it is"
            raise Unknown(f"{self.name}: {told}: look at both. {error}", exchange=self.id, code=error.code) from error

    async def _without_surplus(
        self, before: Order, after: Order, total: Decimal | None, new_id: Callable[[], str] | None
    ) -> Order:
        """An order in place of another, less what filled of that one while it was replaced: nothing is had twice."""
        filled = (await self.order(before.id, before.symbol)).filled
        if after.amount is None or total is None or filled + after.amount <= total:
            return after
        surplus = filled + after.amount - total
        if surplus < after.amount - after.filled:
            try:
                return await self.amend(after.id, after.symbol, amount=after.amount - surplus, new_id=new_id)
            except Rejected as error:
                if error.code not in ("BELOW_MIN_AMOUNT", "BELOW_MIN_COST", "ORDER_DONE"):
                    raise
        return await self.cancel(after.id, after.symbol)
