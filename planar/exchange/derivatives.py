"""`Derivatives`: positions, leverage, margin modes, funding."""

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from planar.errors import Rejected
from planar.exchange.answers import derivatives as answers
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.batches import Batches
from planar.exchange.model import ContractTerms, FundingPayment, FundingRate, MarginMode, Market, Position, Tier
from planar.exchange.paging import pages

PAGE = 1000
HOUR = 3_600_000


class Derivatives(Batches):
    """What only futures and perpetuals have."""

    async def _contract(self, symbol: str) -> Market:
        market = await self._market(symbol)
        self._check_contract(market)
        return market

    async def positions(self, symbols: Sequence[str] | None = None) -> list[Position]:
        """Open positions in derivatives."""
        named = None if symbols is None else [(await self._contract(symbol)).symbol for symbol in symbols]

        def into(rows: Any) -> list[Position]:
            found = (answers.position(raw, self._listed(raw["symbol"])) for raw in rows)
            return [one for one in found if one is not None and (named is None or one.symbol in named)]

        return await self._call("fetch_positions", named, what="positions", into=into)

    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Sets the leverage of a market."""
        market = await self._contract(symbol)
        number = int(leverage) if leverage == leverage.to_integral_value() else float(leverage)
        what = f"setting the leverage of {market.symbol} to {leverage:f}"
        await self._settle("set_leverage", number, market.symbol, what=what, market=market)

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Sets isolated or cross margin for a market; what it is already is no error."""
        market = await self._contract(symbol)
        what = f"setting the margin of {market.symbol} to {mode}"
        await self._settle("set_margin_mode", str(mode), market.symbol, what=what, market=market)

    async def add_margin(self, symbol: str, amount: Decimal) -> None:
        """Puts so much more behind an isolated position; below 0 takes it back."""
        market = await self._contract(symbol)
        method, done = ("add_margin", "adding") if amount > 0 else ("reduce_margin", "taking back")
        what = f"{done} margin of {market.symbol}"
        params = dict(self.quirk.margin_params(abs(amount)))
        # Where CCXT cuts an amount, it refuses one that is less than a step: what is sent is in params then.
        told = max(float(abs(amount)), float(market.amount_step)) if params else float(abs(amount))
        await self._call(method, market.symbol, told, params, what=what, is_write=True, market=market)

    async def contract_terms(self, symbol: str) -> ContractTerms:
        """How the account has a derivative set."""
        market = await self._contract(symbol)
        what = f"how {market.symbol} is set"
        told = await self._call("fetch_leverage", market.symbol, what=what)
        if told.get("marginMode") is None and self._has("fetch_margin_mode"):
            told = {**told, **(await self._call("fetch_margin_mode", market.symbol, what=what))}
        mode = {}
        if self._has("fetch_position_mode"):
            mode = await self._call("fetch_position_mode", market.symbol, what=what)
        return answers.contract_terms({**told, **mode}, market)

    async def _settle(self, method: str, *args: Any, what: str, market: Market) -> None:
        """A write that leaves the same behind however often it is sent."""
        try:
            await self._call(method, *args, what=what, is_write=True, market=market)
        except Rejected as error:
            if error.code != "NO_CHANGE":
                raise

    async def tiers(self, symbol: str) -> list[Tier]:
        """Brackets of leverage, from the smallest notional up."""
        market = await self._contract(symbol)

        def into(rows: Any) -> list[Tier]:
            found = [answers.tier(raw, self.quirk.tier_amount_key) for raw in rows]
            return sorted(found, key=lambda tier: tier.floor)

        what = f"the tiers of {market.symbol}"
        return await self._call("fetch_market_leverage_tiers", market.symbol, what=what, into=into)

    async def funding_rate(self, symbol: str) -> FundingRate:
        """What the perpetual pays next."""
        market = await self._contract(symbol)
        return await self._call(
            "fetch_funding_rate",
            market.symbol,
            what=f"the funding rate of {market.symbol}",
            into=lambda raw: answers.funding_rate(raw, market.symbol),
        )

    async def funding_history(
        self, symbol: str, start: int, end: int | None = None
    ) -> AsyncIterator[list[FundingRate]]:
        """What the perpetual paid, page by page, oldest first; each time once."""
        market = await self._contract(symbol)
        now = await self._now()
        limit = self._feature(market, "fetchFundingRateHistory", "limit") or PAGE

        def into(rows: Any) -> list[FundingRate]:
            found = {one.time: one for one in (answers.past_funding(raw, market.symbol) for raw in rows)}
            return [found[time] for time in sorted(found)]

        async def fetch(since: int, until: int | None) -> list[FundingRate]:
            params = {} if until is None else {"until": until - 1}
            what = f"the funding history of {market.symbol}"
            return await self._call(
                "fetch_funding_rate_history", market.symbol, since, limit, params, what=what, into=into
            )

        # No perpetual pays more often than hourly, and none need have paid all the time.
        span, stop = limit * HOUR, now if end is None else end
        async for page in pages(
            fetch, start, stop, limit, span=span, now=min(stop, now), is_oldest_first=self.quirk.is_oldest_first
        ):
            yield page

    async def funding_payments(self, symbol: str, start: int | None = None) -> list[FundingPayment]:
        """What this account received and paid, oldest first."""
        return await self._payments(symbol, start, {}, "funding payments")

    async def clearance_fees(self, symbol: str, start: int | None = None) -> list[FundingPayment]:
        """What liquidations cost beside their fills, below 0, oldest first; none where the exchange tells none."""
        params = self.quirk.clearance_params
        return await self._payments(symbol, start, params, "clearance fees") if params else []

    async def _payments(
        self, symbol: str, start: int | None, params: Mapping[str, Any], name: str
    ) -> list[FundingPayment]:
        market = await self._contract(symbol)

        def into(rows: Any) -> list[FundingPayment]:
            if not isinstance(rows, list):
                raise MalformedError("the payments are no list")
            return sorted((answers.funding_payment(raw, market.symbol) for raw in rows), key=lambda one: one.time)

        found: dict[tuple[int, str], FundingPayment] = {}
        cursor = start
        while True:
            asked = market.symbol, cursor, PAGE, dict(params)
            page = await self._call("fetch_funding_history", *asked, what=f"the {name} of {market.symbol}", into=into)
            fresh = [one for one in page if (one.time, one.id) not in found]
            found.update({(one.time, one.id): one for one in fresh})
            if start is None or not fresh or len(page) < PAGE:
                return list(found.values())
            cursor = fresh[-1].time
