"""Exchanges that need a few rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from planar.config.settings import ExchangeSettings
from planar.exchange.model import Rights, Wallet
from planar.exchange.quirks.registry import Quirk, quirk


@quirk("kraken")
class Kraken(Quirk):
    """One wallet."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.SPOT: "spot"}


@quirk("krakenfutures")
class KrakenFutures(Quirk):
    """Futures only."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.FUTURES: "swap"}


@quirk("coinbase")
class Coinbase(Quirk):
    """One wallet; orders good until a time."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.SPOT: "spot"}

    def expire_params(self, expire: int) -> Mapping[str, Any]:
        """As a date."""
        return {
            "timeInForce": "GTD",
            "end_time": datetime.fromtimestamp(expire / 1000, UTC).isoformat(),
        }


@quirk("bybit", "bybiteu", "bybitid")
class Bybit(Quirk):
    """It only finds the last 500 orders by id, and CCXT wants that acknowledged."""

    wallets: ClassVar[Mapping[Wallet, str]] = {**Quirk.wallets, Wallet.FUNDING: "funding"}
    rights_method: ClassVar[str] = "private_get_v5_user_query_api"

    def options(self, settings: ExchangeSettings, sandbox: bool) -> Mapping[str, Any]:
        """As above."""
        return {"fetchOrder": {"acknowledged": True}}

    def rights(self, raw: Mapping[str, Any]) -> Rights:
        """As of ``GET /v5/user/query-api``; a key that is bound to no address has the address ``*``."""
        key = raw["result"]
        given = {right for rights in key["permissions"].values() for right in rights}
        is_writer = not key["readOnly"]
        return Rights(
            can_read=True,
            can_trade_spot=is_writer and "SpotTrade" in given,
            can_trade_futures=is_writer and "Order" in given,
            can_withdraw=is_writer and "Withdraw" in given,
            is_ip_bound=bool(set(key["ips"]) - {"*"}),
        )


@quirk("okx", "okxus", "myokx")
class Okx(Quirk):
    """One account for trading, one for funding."""

    finds_by_client_id: ClassVar[bool] = True
    wallets: ClassVar[Mapping[Wallet, str]] = {**Quirk.wallets, Wallet.FUNDING: "funding"}
    rights_method: ClassVar[str] = "private_get_account_config"

    def rights(self, raw: Mapping[str, Any]) -> Rights:
        """As of ``GET /api/v5/account/config``; ``ip`` is empty when the key is bound to no address."""
        [account] = raw["data"]
        given = account["perm"].split(",")
        trades = "trade" in given
        return Rights("read_only" in given, trades, trades, "withdraw" in given, bool(account["ip"]))


@quirk("gate", "gateeu")
class Gate(Quirk):
    """Its client ids begin with ``t-`` and have 28 more characters at most."""

    def new_client_id(self) -> str:
        """As above."""
        return f"t-{uuid4().hex[:26]}"


@quirk("kucoin", "kucoinfutures", "bitget", "htx", "coinbaseexchange")
class FindsByClientId(Quirk):
    """Nothing else is known of them."""

    finds_by_client_id: ClassVar[bool] = True
