"""`Listed`: the markets of an exchange, and what a symbol means there."""

import asyncio
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from planar.errors import Rejected, did_you_mean
from planar.exchange.answers import market_data
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.calls import Connected
from planar.exchange.metadata import metadata_path, read_metadata, write_metadata
from planar.exchange.model import Market, MarketKind

TICK_SIZE = 4
"""CCXT's mark of an exchange whose precisions are steps."""


class Listed(Connected):
    """A CCXT exchange with its markets."""

    def __init__(self, id: str, **rest: Any) -> None:
        """As `Connected`."""
        super().__init__(id, **rest)
        self._markets: dict[str, Market] = {}
        self._loading = asyncio.Lock()

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
            if self._credentials and self.clock_offset is None and "timeDifference" in instance.options:
                await self.sync_clock()

    async def _load_markets(self, instance: Any, reload: bool) -> None:
        path = self._metadata_path(instance)
        kept = None if reload else read_metadata(path)
        if kept is not None:
            instance.set_markets(kept[0], kept[1])
        else:
            await self._request("load_markets", True, asked=self._asked("loading its markets"))
            write_metadata(path, list(instance.markets.values()), instance.currencies or {})
        has_steps = instance.precisionMode == TICK_SIZE
        known = [raw for raw in instance.markets.values() if market_data.is_known(raw)]
        self._markets = {raw["symbol"]: market_data.market(raw, has_steps=has_steps) for raw in known}

    def _metadata_path(self, instance: Any) -> Path:
        variant = {
            "ccxt": version("ccxt"),
            "base_url": self.settings.base_url,
            "types": instance.options.get("fetchMarkets"),
        }
        return metadata_path(self.id, self.sandbox, variant)

    async def market(self, symbol: str) -> Market:
        """The market of a symbol, the perpetual's where the settings say so."""
        return await self._market(symbol)

    async def _market(self, symbol: str) -> Market:
        """The market of a symbol. Raises Rejected with what was probably meant."""
        await self._ready()
        if self.settings.futures and ":" not in symbol:
            base, _, quote = symbol.partition("/")
            for full in (f"{symbol}:{quote}", f"{symbol}:{base}"):
                if full in self._markets:
                    return self._markets[full]
        found = self._markets.get(symbol)
        if found is None:
            raise Rejected(
                f"{self.name} has no market {symbol!r}.{self._meant(symbol)}", exchange=self.id, code="UNKNOWN_SYMBOL"
            )
        return found

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
        for market in self._markets.values():
            if _squeezed(symbol) in (_squeezed(market.id), _squeezed(market.symbol)):
                return f" Did you mean {market.symbol!r}?"
        if ":" in symbol and not self.settings.futures and symbol.partition(":")[0] in self._markets:
            return f" It lists spot markets as it is set: planar config set {self.id}.futures true"
        near = did_you_mean(symbol.upper(), self._markets)
        return near or " Symbols are written BTC/USDT, and BTC/USDT:USDT for a perpetual."

    def _feature(self, market: Market, method: str, name: str) -> Any:
        """What CCXT's features say of a method in a market; None where they say nothing."""
        return self._ccxt().feature_value(market.symbol, method, name)


def _squeezed(symbol: str) -> str:
    return re.sub(r"[/:_\-\s]", "", symbol).upper()
