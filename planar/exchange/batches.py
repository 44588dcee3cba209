"""`Batches`: several orders in one request, where the exchange takes them."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from planar.errors import ExchangeError, Rejected, Unknown
from planar.exchange.amends import Amends
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.model import Market, MarketKind, Order, OrderRequest
from planar.exchange.recovery import LostOrder, lost_order
from planar.model.order import Kind


@dataclass(frozen=True)
class _Asked:
    """One of several: where its answer belongs, what is sent, and how it is looked for."""

    place: int
    request: OrderRequest
    market: Market
    lost: LostOrder


class Batches(Amends):
    """Several orders at once."""

    async def place_all(self, requests: Sequence[OrderRequest]) -> list[Order | Exception]:
        """Places several orders, as many in a request as the exchange takes; where one fails its error stands there.

        Each is prepared, sent and looked for as `place` does it.
        """
        found: dict[int, Order | Exception] = {}
        together: dict[MarketKind, list[_Asked]] = {}
        for place, request in enumerate(requests):
            try:
                market = await self._tradable(request.symbol)
                if self._batch_size(request, market) < 2:
                    found[place] = await self.place(request)
                else:
                    ready = await self._prepared(request, market)
                    asked = _Asked(place, ready, market, self._lost(ready, market))
                    together.setdefault(market.kind, []).append(asked)
            except ExchangeError as error:
                found[place] = error
        for group in together.values():
            size = self._batch_size(group[0].request, group[0].market)
            for first in range(0, len(group), size):
                found.update(await self._place_together(group[first : first + size]))
        return [found[place] for place in range(len(requests))]

    def _batch_size(self, request: OrderRequest, market: Market) -> int:
        # Orders with a trigger often go another way than the rest, and CCXT puts them into no batch.
        if request.kind >= Kind.STOP or not self._has("create_orders"):
            return 0
        return int(self._feature(market, "createOrders", "max") or 0)

    async def _place_together(self, group: list[_Asked]) -> dict[int, Order | Exception]:
        names = ("symbol", "type", "side", "amount", "price", "params")

        def into(rows: Any) -> list[Any]:
            if not isinstance(rows, list) or len(rows) != len(group):
                raise MalformedError(f"{len(group)} orders were sent and not as many answered")
            return rows

        try:
            rows = await self._call(
                "create_orders",
                [dict(zip(names, self._terms(one.request, one.market), strict=True)) for one in group],
                what=f"{len(group)} orders",
                into=into,
                is_write=True,
                market=group[0].market,
            )
        except Unknown as error:
            found = await asyncio.gather(*(_or_error(lost_order(self, one.lost, error)) for one in group))
            return {one.place: each for one, each in zip(group, found, strict=True)}
        except ExchangeError as error:
            return {one.place: error for one in group}
        pairs = _paired(group, rows)
        found = await asyncio.gather(*(self._one_of(one, raw) for one, raw in pairs))
        return {one.place: each for (one, _), each in zip(pairs, found, strict=True)}

    async def _one_of(self, asked: _Asked, raw: Any) -> Order | Exception:
        """One answer of several: an order, or why there is none."""
        try:
            return self._placed(raw, asked.market, asked.request)
        except MalformedError:
            told = self._scrub.text(json.dumps((raw or {}).get("info"), separators=(",", ":"), default=str))
        what = f"{self.name}: the order to {asked.request.side.name.lower()} {asked.market.symbol}"
        code = next((code for mark, code in self.quirk.codes.items() if mark in told), None)
        if code is not None or '"code":' in told:
            refusal = Rejected(f"{what} failed: {told[:300]}", exchange=self.id, code=code or "OPERATION_REJECTED")
            return await _or_error(self._taken_before(asked.lost, refusal))
        failure = Unknown(f"{what} was answered with {told[:300]}.", exchange=self.id, code="BAD_RESPONSE")
        return await _or_error(lost_order(self, asked.lost, failure))


async def _or_error(search: Awaitable[Order]) -> Order | Exception:
    try:
        return await search
    except ExchangeError as error:
        return error


def _paired(group: list[_Asked], rows: list[Any]) -> list[tuple[_Asked, Any]]:
    """Each request with its answer: CCXT sorts the answers by time, so only the client id tells whose one is.

    Refusals have neither time nor client id, and stay in the order of their requests. A request that cannot be paired
    gets an empty answer, and is looked for.
    """
    by_client_id = {raw["clientOrderId"]: raw for raw in rows if raw and raw.get("id") and raw.get("clientOrderId")}
    refusals = [raw for raw in rows if not (raw or {}).get("id")]
    others = [one for one in group if one.request.client_id not in by_client_id]
    if len(refusals) != len(others):
        refusals = [{}] * len(others)
    refused = {one.place: raw for one, raw in zip(others, refusals, strict=True)}
    return [(one, by_client_id.get(one.request.client_id) or refused[one.place]) for one in group]
