"""`Quirk`: what exchanges are taken to do where nothing else is known, and who does otherwise."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar
from uuid import uuid4

from planar.config.names import DEMO, ccxt_ids
from planar.config.settings import ExchangeSettings
from planar.errors import ConfigError, did_you_mean
from planar.exchange.model import Market, MarketKind, Order, OrderRequest, Rights, Wallet
from planar.model.order import Forced

OURS = ("planar.exchange.quirks.binance", "planar.exchange.quirks.others")


@dataclass(frozen=True)
class MarketMinimum:
    """How an exchange judges whether a market order is worth its minimum: by what a method of CCXT's tells under a key.

    Without a method, by the last price.
    """

    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    key: str = "price"


class Amend(Enum):
    """What amending does to an order."""

    IN_PLACE = "in place"
    """It stays what it is, with its id; its amount is told in all."""

    BY_ANOTHER = "by another"
    """Another order takes its place, of what is left to fill, under a client id of its own."""

    BESIDE = "beside"
    """None: another order is placed beside it, and then it is cancelled. Only what reduces a position is, so that both
    may stand; what protects is never missing."""

    UNPROVEN = "unproven"
    """Maybe another order takes its place. Its amount is told in all; which it is and how large is looked up."""


@dataclass(frozen=True)
class DeadMan:
    """A dead-man's switch: a countdown at the exchange that cancels the orders of an account when it is not renewed.

    least, most: seconds that it can be set to. spares_stops: whether the exchange says that stops stay.
    """

    least: int
    most: int = 86_400
    spares_stops: bool = False


@dataclass(frozen=True)
class Pool:
    """What is counted together by an exchange.

    weight: that it allows in a minute, 0 for what CCXT says. weight_per_cost: of it that a cost of one of CCXT's is.
    is_main: whether it is what the user's own limits are about.
    """

    name: str
    weight: int = 0
    weight_per_cost: float = 1.0
    is_main: bool = True


class Quirk:
    """One exchange's ways. Rows first, then what takes a computation."""

    codes: ClassVar[Mapping[str, str]] = {}
    """Our code for an error, by a mark in its text: where CCXT's class says too little or the wrong thing."""

    receive_window_ms: ClassVar[int] = 10_000
    """How long after it was sent an order can still be taken."""

    finds_by_client_id: ClassVar[bool] = False
    """Whether CCXT can ask for one order by its client id; else the open and the recent ones are looked through."""

    trigger_param: ClassVar[str] = "triggerPrice"
    """CCXT's parameter of a stop's trigger, where it offers triggers; the one that it also knows when it amends."""

    trails: ClassVar[frozenset[MarketKind]] = frozenset()
    """The kinds of markets in which it has trailing stops that are known to do what ours do."""

    amends_untouched: ClassVar[bool] = False
    """Whether an order that had not filled is only replaced while that is so."""

    wallets: ClassVar[Mapping[Wallet, str]] = {Wallet.SPOT: "spot", Wallet.FUTURES: "swap", Wallet.MARGIN: "margin"}
    """CCXT's ``type`` of each wallet there is."""

    order_limits: ClassVar[Mapping[int, int]] = {}
    """How many orders an account may place, by milliseconds."""

    is_oldest_first: ClassVar[bool] = False
    """Whether a history that is asked for since a time begins there; where it is not known, that is looked after."""

    most_prints: ClassVar[int] = 1000
    """Prints that may be asked for at once, where CCXT does not say; who asks for more is refused by some."""

    aggregates_prints: ClassVar[bool] = False
    """Whether streams tell several prints as one, which requests tell each."""

    tier_amount_key: ClassVar[str] = ""
    """What the exchange calls the maintenance amount of a bracket of leverage."""

    clearance_params: ClassVar[Mapping[str, Any]] = {}
    """CCXT's parameters with which its funding history tells what liquidations cost beside their fills."""

    lacks: ClassVar[frozenset[str]] = frozenset()
    """What CCXT says that the exchange has, by CCXT's names, and it has not."""

    rights_method: ClassVar[str] = ""
    """CCXT's method that tells what a key may do; empty where there is none, or it is not known."""

    def rights(self, raw: Mapping[str, Any]) -> Rights | None:
        """What the key may do, from what that method gives."""
        return None

    def options(self, settings: ExchangeSettings, sandbox: bool) -> Mapping[str, Any]:
        """CCXT's ``options``: whose orders, fills and balance streams tell, where no market is named."""
        return {"defaultType": "swap", "defaultSubType": "linear"} if settings.futures else {}

    def pool(self, exchange: str, api: str, host: str, settings: ExchangeSettings) -> Pool:
        """What a request counts in; api, host: CCXT's name of the part that is asked, and where that is."""
        return Pool(exchange)

    def used_weight(self, headers: Mapping[str, str]) -> float | None:
        """How much weight of the present minute the exchange says is used."""
        return None

    def new_client_id(self) -> str:
        """A client order id that the exchange accepts; every one is different."""
        return uuid4().hex

    def trail_params(
        self, request: OrderRequest, market: Market, refuse: Callable[[str], NoReturn]
    ) -> Mapping[str, Any]:
        """CCXT's parameters of a trailing stop, in markets of `trails`. refuse: is called with what there is not."""
        return refuse("trailing stops")

    def trail(self, raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
        """``trail`` or ``trail_by`` of an order that it tells; empty for one that is no trailing stop."""
        return {}

    def client_id(self, raw: Mapping[str, Any]) -> str | None:
        """The client id of an order, where CCXT takes another for it."""
        return None

    def market_minimum(self, market: Market, info: Mapping[str, Any]) -> MarketMinimum | None:
        """How the least cost is judged for a market order; None where it is not. info: the exchange's own record."""
        return MarketMinimum()

    def is_balance(self, raw: Mapping[str, Any]) -> bool:
        """Whether CCXT made a balance of something that tells one."""
        return True

    def settled(self, raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
        """By currency, what is owned without what open positions have won, where CCXT's total counts that too."""
        return {}

    def is_funding(self, raw: Mapping[str, Any]) -> bool:
        """Whether a balance is told since funding was paid or received, as far as that is told."""
        return False

    def forced(self, client_id: str) -> Forced:
        """What an order is that the exchange itself placed to close a position; NONE for all others."""
        return Forced.NONE

    def margin_params(self, amount: Decimal) -> Mapping[str, Any]:
        """CCXT's parameters beside an amount of margin, where it takes that for one of base and rounds it so."""
        return {}

    def became(self, raw: Mapping[str, Any]) -> str:
        """The id of the order that this one goes on as since it was triggered; empty where it keeps its own."""
        return ""

    def is_triggered(self, raw: Mapping[str, Any]) -> bool:
        """Whether it says of an order with a trigger that this was reached. Asked of open orders alone."""
        return bool(self.became(raw))

    def expire_params(self, expire: int) -> Mapping[str, Any] | None:
        """CCXT's parameters of an order that is good until a time; None where they are not known."""
        return None

    def span(self, method: str, market: Market) -> int | None:
        """Milliseconds that one request for a history covers at most, by CCXT's name of it; None for what CCXT says."""
        return None

    def amends(self, market: Market, order: Order) -> Amend:
        """What amending does to an order of a market."""
        return Amend.UNPROVEN

    def amend_params(self, order: Order, request: OrderRequest) -> Mapping[str, Any]:
        """CCXT's parameters of an amend; None for one that is left out. request: the order as it will be."""
        return {}

    def dead_man(self, settings: ExchangeSettings) -> DeadMan | None:
        """The switch that CCXT's ``cancelAllOrdersAfter`` sets, for the markets that are meant; None where none does.

        What only ends with a connection, or is for some accounts alone, is none.
        """
        return None

    def amend_type(self, order: Order, usual: str) -> str:
        """CCXT's type of an order that is amended; usual: ``"limit"`` or ``"market"``."""
        return usual

    def book_depths(self, market: Market) -> Sequence[int]:
        """The depths that a book can be asked for in, rising; empty where any will do."""
        return ()


_ours: dict[str, type[Quirk]] = {}
_users: dict[str, type[Quirk]] = {}
_loaded: set[Path] = set()


Q = TypeVar("Q", bound=type[Quirk])


def quirk(*exchanges: str) -> Callable[[Q], Q]:
    """Makes a class the quirk of these exchanges. Of two of one's own for the same exchange, the second is refused."""

    def register(kind: Q) -> Q:
        is_ours = kind.__module__ in OURS
        if not is_ours:
            _check_names(kind, exchanges)
        for exchange in exchanges:
            if not is_ours and exchange in _users and _users[exchange].__qualname__ != kind.__qualname__:
                raise ConfigError(
                    f"{kind.__qualname__} and {_users[exchange].__qualname__} are both quirks of {exchange}. Make one "
                    "of them, or let one inherit from the other and register that."
                )
            (_ours if is_ours else _users)[exchange] = kind
        return kind

    return register


def _check_names(kind: type[Quirk], exchanges: tuple[str, ...]) -> None:
    """Refuses what would never be asked for: an exchange that there is not, a row or a method that quirks have not."""
    for exchange in exchanges:
        if exchange not in ccxt_ids():
            near = " The demo is spoken to as 'binance'." if exchange == DEMO else did_you_mean(exchange, ccxt_ids())
            raise ConfigError(f"{kind.__qualname__} is a quirk of {exchange!r}, which is no exchange of CCXT's.{near}")
    known = [name for name in dir(Quirk) if not name.startswith("_")]
    for base in kind.__mro__:
        added = [] if issubclass(Quirk, base) or base.__module__ in OURS else vars(base)
        for name in added:
            if not name.startswith("_") and name not in known:
                raise ConfigError(
                    f"{base.__qualname__}.{name}: quirks have nothing of that name.{did_you_mean(name, known)} What is "
                    "only for yourself begins with a stroke, as _mine."
                )


def quirk_of(exchange: str) -> type[Quirk]:
    """The quirk in force: the user's, else ours, else none."""
    for module in OURS:
        import_module(module)
    return _users.get(exchange) or _ours.get(exchange) or Quirk


def load_user_quirks(folder: Path) -> None:
    """Runs ``quirks.py`` of the user's folder, once, if there is one."""
    path = (folder / "quirks.py").resolve()
    if path in _loaded or not path.exists():
        return
    spec = importlib.util.spec_from_file_location("planar_user_quirks", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be loaded.")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{path} failed: {type(error).__name__}: {error}") from error
    _loaded.add(path)
