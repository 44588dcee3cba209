"""`PublicData`: what anyone may ask an exchange."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from planar.errors import ExchangeError
from planar.exchange.alike import Alike
from planar.exchange.answers import market_data as answers
from planar.exchange.candle_pages import candle_pages
from planar.exchange.listing import Listed
from planar.exchange.model import Book, Market, MarketTrade, ServiceStatus, Ticker
from planar.exchange.paging import FOREVER, pages
from planar.model.timeframe import bucket_open, milliseconds

HOUR = 3_600_000


class PublicData(Listed):
    """Tickers, books, candles, prints."""

    async def ticker(self, symbol: str) -> Ticker:
        """The market of the last 24 hours, and now."""
        market = await self._market(symbol)
        found = await self._call(
            "fetch_ticker",
            market.symbol,
            what=f"the ticker of {market.symbol}",
            into=lambda raw: answers.ticker(raw, market.symbol),
        )
        self.prices.saw(market.symbol, found.last)
        return found

    async def tickers(self, symbols: Sequence[str]) -> dict[str, Ticker]:
        """Several tickers, in one request where the exchange has one."""
        if not symbols:
            return {}
        await self._ready()
        if not self._has("fetch_tickers"):
            return await super().tickers(symbols)
        named = {symbol: (await self._market(symbol)).symbol for symbol in symbols}
        found = await self._call(
            "fetch_tickers",
            list(named.values()),
            what=f"the tickers of {len(named)} markets" if len(named) > 1 else f"the ticker of {symbols[0]}",
            into=lambda raw: {asked: answers.ticker(raw[full], full) for asked, full in named.items() if full in raw},
        )
        for ticker in found.values():
            self.prices.saw(ticker.symbol, ticker.last)
        return found

    async def judged_price(self, market: Market) -> Decimal | None:
        """The price that the exchange judges market orders by; None where it has no minimum for them, or cannot be
        asked: then it is left to judge.
        """
        rule = self.quirk.market_minimum(market, self._ccxt().markets[market.symbol].get("info") or {})
        try:
            if rule is None:
                return None
            if not rule.method:
                return (await self.ticker(market.symbol)).last
            asked = self._asked(f"the average price of {market.symbol}")
            return await self._request(rule.method, rule.params, asked=asked, into=lambda raw: Decimal(raw[rule.key]))
        except ExchangeError:
            return None

    async def book(self, symbol: str, depth: int = 20) -> Book:
        """The order book, ``depth`` levels a side at most."""
        market = await self._market(symbol)
        depths = self.quirk.book_depths(market)
        return await self._call(
            "fetch_order_book",
            market.symbol,
            next((each for each in depths if each >= depth), depths[-1] if depths else depth),
            what=f"the book of {market.symbol}",
            into=lambda raw: answers.book(raw, market.symbol, depth, market.lot),
        )

    async def candles(
        self, symbol: str, timeframe: str, start: int, end: int | None = None, *, kind: str = "trade"
    ) -> AsyncIterator[pl.DataFrame]:
        """Closed candles with ``start <= time < end``, page by page; gaps stay gaps.

        Go on with ``start`` = the last time + the timeframe, and nothing is fetched twice.
        """
        market = await self._market(symbol)
        self._check_candles(market, timeframe, kind)
        limit = self._feature(market, "fetchOHLCV", "limit") or 500
        longest = "1d" if "1d" in self._ccxt().timeframes else timeframe
        params = {"price": kind} if kind != "trade" else {}

        async def fetch(frame: str, since: int, count: int) -> list[list[float]]:
            what = f"{frame} candles of {market.symbol}"
            args = (market.symbol, frame, since, count, params)
            return await self._call("fetch_ohlcv", *args, what=what, into=answers.candle_rows)

        stop, now = FOREVER if end is None else end, await self._market_now()
        async for page in candle_pages(fetch, timeframe, start, stop, now, limit, longest):
            yield page

    def _check_candles(self, market: Market, timeframe: str, kind: str) -> None:
        milliseconds(timeframe)
        if kind == "mark":
            self._check_contract(market)
        known = self._ccxt().timeframes or {}
        if timeframe not in known:
            self._refuse(f"{timeframe} candles, only {', '.join(known) or 'none'}")
        if kind not in ("trade", "mark") or (kind == "mark" and not self._ccxt().has.get("fetchMarkOHLCV")):
            self._refuse(f"{kind} candles")

    async def market_trades(self, symbol: str, start: int, end: int | None = None) -> AsyncIterator[list[MarketTrade]]:
        """Public prints with ``start <= time < end``, page by page, each once.

        Many exchanges give the most recent ones only; then the first page begins later than was asked for.
        """
        market = await self._market(symbol)
        now, limit = await self._market_now(), self._most_prints(market)

        async def fetch(since: int, until: int | None) -> list[MarketTrade]:
            params = {} if until is None else {"until": until - 1}
            return await self._trades(market, since, limit, params)

        stop, span = FOREVER if end is None else end, self._span(market, "fetchTrades")
        known = min(stop, now)

        async def skip(time: int) -> int:
            """The next hour that anything was traded in: there are years before a market's first."""
            candles = await anext(self.candles(market.symbol, "1h", bucket_open(time, HOUR), known), None)
            if candles is None:
                return max(time, bucket_open(known, HOUR))
            traded = candles.filter(pl.col("volume") > 0)
            # Candles without volume do not tell: not every exchange says it.
            return max(time, (candles if traded.is_empty() else traded)["time"][0])

        skips = skip if self._has("fetch_ohlcv") and "1h" in (self._ccxt().timeframes or {}) else None
        order = self.quirk.is_oldest_first
        async for page in pages(fetch, start, stop, limit, span=span, skip=skips, now=now, is_oldest_first=order):
            yield page

    def _span(self, market: Market, method: str) -> int | None:
        """Milliseconds that one request covers at most."""
        span = self.quirk.span(method, market)
        if span is not None:
            return span
        days = self._feature(market, method, "untilDays")
        return None if days is None else int(days * 86_400_000)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[MarketTrade]:
        """The last public prints, oldest first; as many as the exchange gives at once, at most."""
        market = await self._market(symbol)
        return await self._trades(market, None, min(limit, self._most_prints(market)), {})

    def _most_prints(self, market: Market) -> int:
        return self._feature(market, "fetchTrades", "limit") or self.quirk.most_prints

    async def _trades(self, market: Market, since: int | None, limit: int, params: dict) -> list[MarketTrade]:
        def into(raw: Any) -> list[MarketTrade]:
            found = (self.noted(answers.market_trade(each, market.symbol, market.lot)) for each in raw)
            alike = Alike()
            return [alike.numbered(one) for one in sorted(found, key=lambda one: one.time)]

        return await self._call(
            "fetch_trades",
            market.symbol,
            since,
            limit,
            params,
            what=f"market trades of {market.symbol}",
            into=into,
        )

    async def status(self) -> ServiceStatus:
        """Whether the exchange works."""
        return await self._call("fetch_status", what="its status", into=answers.status)
