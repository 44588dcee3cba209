"""The ``demo`` exchange: a venue of one's own that lives as long as the program; no keys, no network."""

import asyncio
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from planar.config.secrets import Credentials, Secret
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.metadata import metadata_path
from planar.exchange.model import Balance, Wallet
from planar.exchange.transport import checked_base, is_loopback
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

NO_FUTURES = frozenset({
    "swap", "future", "option", "margin", "fetchPositions", "watchPositions", "setLeverage", "setMarginMode",
    "fetchMarketLeverageTiers", "fetchLeverageTiers", "fetchFundingRate", "fetchFundingRateHistory",
    "fetchFundingHistory", "fetchMarkOHLCV",
})  # fmt: skip
"""What CCXT can do at Binance, and a venue of spot has not."""

PERPETUALS = ("BTC/USDT:USDT", "ETH/USDT:USDT")


class Demo(CcxtExchange):
    """Trades on a local venue through CCXT's own Binance class, as the real one is traded.

    With ``[demo] futures`` its markets are perpetuals. With ``[demo] base_url`` it is the venue of that address
    (`planar venue`), which outlives the program, with the keys of secrets.toml.
    """

    ccxt_id = "binance"

    def __init__(self, id: str, **rest: Any) -> None:
        super().__init__(id, **rest)
        lacks = frozenset() if self.settings.futures else NO_FUTURES
        self.quirk = type("OfVenue", (type(self.quirk),), {"lacks": lacks})()
        self._venue: Venue | None = None
        self._config = VenueConfig(PERPETUALS) if self.settings.futures else VenueConfig()
        self._opening = asyncio.Lock()

    @property
    def is_real(self) -> bool:
        """Its own venue is not, nor is one of this machine; what else an address may lead to is refused."""
        return bool(self.settings.base_url) and super().is_real

    @property
    def has_keys(self) -> bool:
        """Its own venue gives it some."""
        return not self.settings.base_url or super().has_keys

    @property
    def has_own_venue(self) -> bool:
        """Whether its venue begins and ends with this program."""
        return self._venue is not None or not self.settings.base_url

    @property
    def speed(self) -> float:
        """How many times faster than real time its own venue's market moves."""
        return self._config.speed

    def plays(self, config: VenueConfig) -> None:
        """Its own venue lists and does this; to be said before it is first asked."""
        if self._venue is not None or self.settings.base_url:
            raise ConfigError("the demo's venue runs already: it cannot be made another now.")
        self._config = config

    async def _open(self) -> None:
        async with self._opening:
            self._check_settings()
            if self.settings.base_url or self._venue is not None:
                return
            self._venue = await Venue(self._config).__aenter__()
            account = self._venue.account
            self._credentials = Credentials(Secret(account.key), Secret(account.secret), source="the demo venue")
            # A limit that nobody else shares, and that the venue keeps, needs no waiting.
            address = f"http://127.0.0.1:{self._venue.port}"
            self.settings = replace(self.settings, base_url=address, enable_rate_limit=False)

    def _check_settings(self) -> None:
        if self.settings.base_url and not is_loopback(checked_base(self.settings.base_url).host or ""):
            raise ConfigError(
                f"[demo] base_url = {self.settings.base_url!r} is not on this machine; the demo plays with a local "
                "venue only."
            )

    def _metadata_path(self, instance: Any) -> Path:  # noqa: ARG002 - as of any exchange
        """Of any port: the markets of its own venue are those that it was told to list."""
        where: object = self.settings.base_url
        if self._venue is not None:
            where = [each if isinstance(each, str) else each.name for each in self._config.instruments]
        return metadata_path(self.id, False, {"ccxt": version("ccxt"), "address": where})

    async def balance(self, wallet: Wallet = Wallet.SPOT) -> Balance:
        """What is owned; there is one wallet, of spot or of futures."""
        if wallet is not (Wallet.FUTURES if self.settings.futures else Wallet.SPOT):
            self._refuse(f"a {wallet} wallet")
        return await super().balance(wallet)

    async def close(self) -> None:
        """Closes the connections, then the venue."""
        await super().close()
        venue, self._venue = self._venue, None
        if venue is not None:
            await venue.__aexit__(None, None, None)
