"""Exchanges that need a few rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, NoReturn
from uuid import uuid4

from planar.config.settings import ExchangeSettings
from planar.exchange.model import Market, MarketKind, Order, OrderRequest, Rights, Wallet
from planar.exchange.quirks.registry import Amend, DeadMan, Quirk, quirk


class InPlace(Quirk):
    """An amended order keeps its id."""

    def amends(self, market: Market, order: Order) -> Amend:
        """As the exchange documents it."""
        return Amend.IN_PLACE


@quirk("kraken")
class Kraken(InPlace):
    """One wallet; trailing stops without an activation."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.SPOT: "spot"}
    trails: ClassVar[frozenset[MarketKind]] = frozenset({MarketKind.SPOT})

    def trail_params(
        self, request: OrderRequest, market: Market, refuse: Callable[[str], NoReturn]
    ) -> Mapping[str, Any]:
        """In per cent, or in quote."""
        if request.activation is not None:
            refuse("trailing stops with an activation")
        if request.trail is None:
            return {"trailingAmount": f"{request.trail_by:f}"}
        return {"trailingPercent": f"{(request.trail * 100).normalize():f}"}

    def trail(self, raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
        """``"+2.0000%"`` or ``"+5.0"``, where an order's price stands."""
        told = (raw.get("info") or {}).get("descr") or {}
        if told.get("ordertype") != "trailing-stop":
            return {}
        away = str(told.get("price")).lstrip("+")
        return {"trail": Decimal(away[:-1]) / 100} if away.endswith("%") else {"trail_by": Decimal(away)}

    def dead_man(self, settings: ExchangeSettings) -> DeadMan:
        """``CancelAllOrdersAfter``: "all client orders"."""
        return DeadMan(1)


@quirk("krakenfutures")
class KrakenFutures(InPlace):
    """Futures only."""

    def dead_man(self, settings: ExchangeSettings) -> DeadMan:
        """``cancelallordersafter``: "all user orders"."""
        return DeadMan(1)

    trigger_param: ClassVar[str] = "stopPrice"  # of an amend, CCXT sends what it is given, and that is its name there
    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.FUTURES: "swap"}


@quirk("coinbase")
class Coinbase(InPlace):
    """One wallet; orders good until a time."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.SPOT: "spot"}

    def expire_params(self, expire: int) -> Mapping[str, Any]:
        """As a date."""
        return {
            "timeInForce": "GTD",
            "end_time": datetime.fromtimestamp(expire / 1000, UTC).isoformat(),
        }


@quirk("bybit", "bybiteu", "bybitid")
class Bybit(InPlace):
    """It only finds the last 500 orders by id, and CCXT wants that acknowledged.

    What CCXT calls its dead-man's switch counts from when a stream is lost, and is for accounts that applied for it.
    """

    wallets: ClassVar[Mapping[Wallet, str]] = {**Quirk.wallets, Wallet.FUNDING: "funding"}
    rights_method: ClassVar[str] = "private_get_v5_user_query_api"

    def options(self, settings: ExchangeSettings, sandbox: bool) -> Mapping[str, Any]:
        """As above."""
        return {**super().options(settings, sandbox), "fetchOrder": {"acknowledged": True}}

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
class Okx(InPlace):
    """One account for trading, one for funding."""

    finds_by_client_id: ClassVar[bool] = True
    wallets: ClassVar[Mapping[Wallet, str]] = {**Quirk.wallets, Wallet.FUNDING: "funding"}
    rights_method: ClassVar[str] = "private_get_account_config"
    most_prints: ClassVar[int] = 100
    aggregates_prints: ClassVar[bool] = True

    def amend_type(self, order: Order, usual: str) -> str:
        """Stops are algo orders, which are amended elsewhere."""
        return usual if order.stop is None else "trigger"

    def dead_man(self, settings: ExchangeSettings) -> DeadMan:
        """``cancel-all-after``: "all pending orders"; whether stops, which are algo orders, are some is not told."""
        return DeadMan(10, 120)

    def rights(self, raw: Mapping[str, Any]) -> Rights:
        """As of ``GET /api/v5/account/config``; ``ip`` is empty when the key is bound to no address."""
        [account] = raw["data"]
        given = account["perm"].split(",")
        trades = "trade" in given
        return Rights("read_only" in given, trades, trades, "withdraw" in given, bool(account["ip"]))


@quirk("gate", "gateeu")
class Gate(InPlace):
    """Its client ids begin with ``t-`` and have 28 more characters at most."""

    def new_client_id(self) -> str:
        """As above."""
        return f"t-{uuid4().hex[:26]}"


@quirk("bingx")
class BingX(Quirk):
    """An amended order is a new one."""

    def amends(self, market: Market, order: Order) -> Amend:
        """cancelReplace, on spot and of futures."""
        return Amend.BY_ANOTHER

    def dead_man(self, settings: ExchangeSettings) -> DeadMan:
        """``cancelAllAfter``, of spot or of perpetuals: "all pending orders"."""
        return DeadMan(10, 120)


@quirk("coinbaseexchange")
class FindsByClientId(Quirk):
    """Nothing else is known of it."""

    finds_by_client_id: ClassVar[bool] = True


@quirk("bitget")
class Bitget(FindsByClientId):
    """An amended order is a new one; of stops nobody says."""

    def amends(self, market: Market, order: Order) -> Amend:
        """cancel-replace-order on spot; futures get a new order as well, under the new client id."""
        return Amend.BY_ANOTHER if order.stop is None else Amend.UNPROVEN

    def amend_params(self, order: Order, request: OrderRequest) -> Mapping[str, Any]:
        """What CCXT calls the client id there is that of the order to amend."""
        new = {"newClientOid": request.client_id} if order.stop is None else {}
        return {"clientOrderId": None, **new}


@quirk("htx")
class Htx(FindsByClientId):
    """CCXT refuses other depths of a book."""

    def dead_man(self, settings: ExchangeSettings) -> DeadMan | None:
        """``cancel-all-after``: "all the user's spot orders", 500 at most."""
        return None if settings.futures else DeadMan(5)

    def book_depths(self, market: Market) -> Sequence[int]:
        """As above."""
        return 5, 10, 20, 150


@quirk("kucoin", "kucoinfutures")
class Kucoin(FindsByClientId):
    """The same; an amended order is a new one under the same client id."""

    def amend_params(self, order: Order, request: OrderRequest) -> Mapping[str, Any]:
        """Two orders may have the client id, so the exchange's own tells which is meant."""
        return {"clientOrderId": None}

    def book_depths(self, market: Market) -> Sequence[int]:
        """As above."""
        return 20, 100
