"""`Listed`: the markets of an exchange, and what a symbol means there."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from planar.errors import PlanarError, Rejected, did_you_mean
from planar.exchange.answers import market_data
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.calls import Connected
from planar.exchange.clock import steady
from planar.exchange.metadata import MAX_AGE, drop_metadata, metadata_path, read_metadata, write_metadata
from planar.exchange.model import Market, MarketKind

TICK_SIZE = 4
"""CCXT's mark of an exchange whose precisions are steps."""

RECHECK = 5_000
"""Milliseconds between asking for the markets anew because of what they say, or because they proved wrong."""

RETRY = 60_000
"""The same because of their age, while that fails."""


class Listed(Connected):
    """A CCXT exchange with its markets."""

    def __init__(self, id: str, **rest: Any) -> None:
        """As `Connected`."""
        super().__init__(id, **rest)
        self._markets: dict[str, Market] = {}
        self._loading, self._rechecking = asyncio.Lock(), asyncio.Lock()
        self._rechecked: int | None = None
        self._are_doubted = False
        self._due = 0
        self._refreshing: asyncio.Task[None] | None = None

    async def markets(self, *, reload: bool = False) -> Mapping[str, Market]:
        """All markets by symbol; kept on disk for some hours."""
        await self._ready(reload=reload)
        return self._markets

    @property
    def all_markets(self) -> Mapping[str, Market]:
        """All markets by symbol, once `markets` was awaited."""
        return self._markets

    def known_markets(self) -> tuple[list[Any], dict[str, Any]]:
        """CCXT's markets and currencies, for one more instance of it."""
        instance = self._ccxt()
        return list(instance.markets.values()), instance.currencies or {}

    async def _ready(self, *, reload: bool = False) -> None:
        """Loads the markets, once; and the clock's offset before anything is signed."""
        await self._open()
        async with self._loading:
            instance = self._ccxt()
            if not self._markets or reload:
                await self._load_markets(instance, reload)
            elif steady() >= self._due:
                self._due = steady() + RETRY
                self._refreshing = asyncio.create_task(self._refresh(instance))
            if self._credentials and self.clock_offset is None and "timeDifference" in instance.options:
                await self.sync_clock()

    async def _load_markets(self, instance: Any, reload: bool) -> None:
        path = self._metadata_path(instance)
        kept = None if reload else read_metadata(path)
        if kept is not None:
            instance.set_markets(kept.markets, kept.currencies)
        else:
            await self._request("load_markets", True, asked=self._asked("loading its markets"))
            write_metadata(path, list(instance.markets.values()), instance.currencies or {})
        has_steps = instance.precisionMode == TICK_SIZE
        known = [raw for raw in instance.markets.values() if market_data.is_known(raw)]
        self._markets = {raw["symbol"]: market_data.market(raw, has_steps=has_steps) for raw in known}
        self._due = steady() + round((MAX_AGE - (kept.age if kept else 0.0)) * 1000)
        self._are_doubted = False

    async def _refresh(self, instance: Any) -> None:
        """Asks for markets that are old while everything goes on with them; that they cannot be had now is no harm."""
        with contextlib.suppress(PlanarError):
            await self._load_markets(instance, reload=True)

    async def _recheck(self) -> None:
        """Asks for the markets again, unless that was done a moment ago."""
        async with self._rechecking:
            if self._rechecked is None or steady() - self._rechecked >= RECHECK:
                self._rechecked = steady()
                await self._ready(reload=True)

    def _doubt_markets(self) -> None:
        """They proved wrong: no order is made, and no other process begins, with what is known of them."""
        if self._instance is not None and self._markets:
            self._are_doubted = True
            drop_metadata(self._metadata_path(self._instance))

    async def disconnect(self) -> None:
        """Closes the connections."""
        if self._refreshing is not None and self.loop is asyncio.get_running_loop():
            self._refreshing.cancel()
        await super().disconnect()

    def _metadata_path(self, instance: Any) -> Path:
        variant = {
            "ccxt": version("ccxt"),
            "base_url": self.settings.base_url,
            "types": instance.options.get("fetchMarkets"),
        }
        return metadata_path(self.id, self.sandbox, variant)

    async def market(self, symbol: str) -> Market:
        """The market of a symbol, the perpetual's where the settings say so."""
        return await self._current(symbol)

    async def _current(self, symbol: str) -> Market:
        """As `_market`, with what is known to be out of date asked for again."""
        if self._are_doubted:
            await self._recheck()
        return await self._market(symbol)

    async def _market(self, symbol: str) -> Market:
        """The market of a symbol. Raises Rejected with what was probably meant."""
        await self._ready()
        found = self._found(symbol)
        if found is None and self._alike(symbol) is None:
            await self._recheck()  # it may be new
            found = self._found(symbol)
        if found is None:
            raise Rejected(
                f"{self.name} has no market {symbol!r}.{self._meant(symbol)}", exchange=self.id, code="UNKNOWN_SYMBOL"
            )
        return found

    def _found(self, symbol: str) -> Market | None:
        if self.settings.futures and ":" not in symbol:
            base, _, quote = symbol.partition("/")
            for full in (f"{symbol}:{quote}", f"{symbol}:{base}"):
                if full in self._markets:
                    return self._markets[full]
        return self._markets.get(symbol)

    def _check_contract(self, market: Market) -> None:
        if market.kind is MarketKind.SPOT:
            raise Rejected(
                f"{self.name}: {market.symbol} is a spot market and has no positions, leverage, funding or mark price; "
                f"its perpetual is written {market.symbol}:{market.quote}.",
                exchange=self.id,
                code="NOT_SUPPORTED",
            )

    def _listed(self, symbol: str) -> Market:
        """The market that an answer speaks of."""
        found = self._markets.get(symbol)
        if found is None:
            raise MalformedError(f"it speaks of {symbol}, which is not among the markets")
        return found

    def _meant(self, symbol: str) -> str:
        market = self._alike(symbol)
        if market is not None:
            return f" Did you mean {market.symbol!r}?"
        has_swap = self._ccxt().has.get("swap")
        if has_swap and ":" in symbol and not self.settings.futures and symbol.partition(":")[0] in self._markets:
            return f" It lists spot markets as it is set: planar config set {self.id}.futures true"
        near = did_you_mean(symbol.upper(), self._markets)
        return near or " Symbols are written BTC/USDT, and BTC/USDT:USDT for a perpetual."

    def _alike(self, symbol: str) -> Market | None:
        """The market that is written so but for its marks."""
        wanted = _squeezed(symbol)
        markets = self._markets.values()
        return next((one for one in markets if wanted in (_squeezed(one.id), _squeezed(one.symbol))), None)

    def _feature(self, market: Market, method: str, name: str) -> Any:
        """What CCXT's features say of a method in a market; None where they say nothing."""
        return self._ccxt().feature_value(market.symbol, method, name)


def _squeezed(symbol: str) -> str:
    return re.sub(r"[/:_\-\s]", "", symbol).upper()
