"""Every setting there is, as one dataclass for each section of ``user/planar.toml``.

The fields are the table that validation, ``docs/config.md`` and ``planar config show`` are made from.
"""

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

LONGEST = 120_000
"""Milliseconds within which every request is answered or given up; one for all programs, as they count together."""

TOPICS = ("fills", "errors", "state", "drawdown", "parity", "protection")
"""What sessions tell of."""

NO_LIMITS = ("armed", "halted", "dead_man")
"""Settings of `Risk` that no order is judged by."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    aliases: tuple[str, ...] = (),
    env: str = "",
    at_least: float = 0,
    at_most: float = math.inf,
    is_address: bool = False,
) -> Any:
    """One setting.

    aliases: other spellings that the file may use. env: a variable of the environment that sets it, ``{EXCHANGE}``
    standing for the exchange. at_least, at_most: the smallest and the largest number allowed.
    is_address: whether it is a whole one, of the web.
    """
    about = {"help": help, "unit": unit, "aliases": aliases, "env": env, "at_least": at_least, "at_most": at_most}
    about["is_address"] = is_address
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, metadata=about)
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Defaults:
    """``[defaults]``: what is meant when nothing is said."""

    exchange: str = setting(
        "demo", "The exchange of commands that name none.", aliases=("defaultExchange", "default_exchange")
    )
    sandbox: bool = setting(
        False, "Use test environments, where an exchange's own section does not say.", aliases=("testnet",)
    )
    timeout: int = setting(
        30_000,
        "How long a request may take, 120,000 at most, likewise.",
        unit="ms",
        env="EXCHANGE_REQUEST_TIMEOUT in seconds",
        at_least=1,
        at_most=LONGEST,
    )
    retries: int = setting(
        3, "How often a read is asked again, likewise.", aliases=("max_retries",), env="EXCHANGE_MAX_RETRIES"
    )
    enable_rate_limit: bool = setting(
        True, "Wait for the exchange's limits before each request, likewise.", aliases=("enableRateLimit",)
    )
    limit_buffer: float = setting(
        0.1, "Share of the limits that is left unused, likewise.", unit="fraction", env="RATE_LIMIT_BUFFER"
    )

    def of_exchanges(self) -> dict[str, Any]:
        """What an exchange starts from, by the name of its setting."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "exchange"}


@dataclass(frozen=True)
class Limits:
    """``[binance.limits]``: what the exchange allows, where it is not what Planar knows of it."""

    requests: int = setting(0, "Requests in a minute; 0 is what the exchange is known to allow.", unit="1/min")
    weight: int = setting(0, "Weight of the requests in a minute; 0 as above.", unit="1/min")
    orders: int = setting(0, "Orders in a second; 0 as above.", unit="1/s")
    orders_per_day: int = setting(0, "Orders in a day; 0 as above.", unit="1/day")


@dataclass(frozen=True)
class ExchangeSettings:
    """``[binance]`` or ``[exchanges.binance]``: one exchange."""

    sandbox: bool = setting(
        False,
        "Use the exchange's test environment; its production is out of reach then.",
        aliases=("testnet",),
        env="{EXCHANGE}_TESTNET or {EXCHANGE}_SANDBOX",
    )
    futures: bool = setting(False, "A symbol without a settlement currency means the perpetual contract.")
    leveraged: Literal["", "from", "to", "both"] = setting(
        "", "Spot orders that may borrow: from the quote (buys), to the base (sells), or both."
    )
    timeout: int = setting(
        30_000, "How long a request may take, 120,000 at most.", unit="ms", at_least=1, at_most=LONGEST
    )
    retries: int = setting(
        3, "How often a read is asked again; what changes something is not.", aliases=("max_retries",)
    )
    enable_rate_limit: bool = setting(
        True, "Wait for the exchange's limits before each request.", aliases=("enableRateLimit",)
    )
    limit_buffer: float = setting(0.1, "Share of the limits that is left unused.", unit="fraction")
    rate_limit: int = setting(
        0, "Least time between two requests; 0 is as the limits allow.", unit="ms", aliases=("rateLimit",)
    )
    limits: Limits = field(default_factory=Limits)
    base_url: str = setting(
        "", "Address that replaces the exchange's own, as of a local venue.", aliases=("baseUrl", "baseURL")
    )
    proxy: str = setting(
        "",
        "Address of an HTTP proxy, such as http://127.0.0.1:8080.",
        aliases=("httpProxy", "httpsProxy"),
        is_address=True,
    )
    priority: int = setting(100, "Rank among the exchanges when one must be chosen: 1 comes first.", at_least=1)
    accounts: tuple[str, ...] = setting((), "Named accounts beside the main one; their keys stand in secrets.toml.")
    connector: str = setting(
        "", "A custom exchange: 'module:Class' that implements planar.exchange.interface.Exchange."
    )


@dataclass(frozen=True)
class Routing:
    """``[routing]``: which exchange an order goes to when several could. Checked and kept; nothing routes yet."""

    failover: bool = setting(False, "Go on with the exchange next in priority when one fails.")
    latency_based: bool = setting(False, "Prefer the exchange that answers faster.", aliases=("latencyBased",))


@dataclass(frozen=True)
class Risk:
    """``[risk]``: what no order may do, in backtests and sessions; `[strategies.NAME.risk]` says it anew for one."""

    armed: bool = setting(False, "With the flag --armed, orders with real money are sent without a question.")
    halted: bool = setting(False, "Sessions send nothing but cancels; heard while they run.")
    max_order_cost: float = setting(0.0, "Largest cost of one order, by hand too; 0 for none.", unit="quote")
    max_position_cost: float = setting(
        0.0, "Largest worth of one instrument's position, with all that may still be filled; 0 for none.", unit="quote"
    )
    max_exposure: float = setting(
        0.0, "Largest worth of all positions together, with all that may still be filled; 0 for none.", unit="quote"
    )
    max_open_orders: int = setting(0, "Orders of one instrument that may be open at once; 0 for any.")
    orders_per_minute: int = setting(0, "Orders and amends that may be sent in a minute; 0 for any.", unit="1/min")
    daily_loss: float = setting(
        0.0, "Loss since 00:00 UTC at which no more positions are taken that day; 0 for none.", unit="quote"
    )
    max_drawdown: float = setting(
        0.0, "Fall of equity below its peak at which no more positions are taken for a while; 0 for none.",
        unit="fraction",
    )  # fmt: skip
    cooldown: int = setting(1440, "How long that while is.", unit="min", at_least=1)
    price_collar: float = setting(
        0.0, "How far from the last price limits and stops may be; 0 for any.", unit="fraction"
    )
    dead_man: int = setting(
        0, "After how long the exchange cancels what a session that died has resting; 0 for never.", unit="s"
    )

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, by name."""
        every = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in NO_LIMITS}
        return {name: value for name, value in every.items() if value and (name != "cooldown" or self.max_drawdown)}


@dataclass(frozen=True)
class AlertSettings:
    """``[alerts]``: what sessions tell of themselves, and to whom; webhook and telegram_token stand in secrets.toml."""

    on: tuple[str, ...] = setting(TOPICS, "What is told: fills, errors, state, drawdown, parity, protection.")
    drawdown: float = setting(
        0.1, "Share that equity must fall below its peak since the session was started.", unit="fraction"
    )
    telegram_chat: str = setting("", "The chat that messages go to, as a number or @channel.")
    telegram_url: str = setting("https://api.telegram.org", "Where Telegram's Bot API is.")
    heartbeat: str = setting("", "Address that is asked while a session runs; whoever watches it misses that.")
    heartbeat_every: int = setting(60, "How often.", unit="s", at_least=1)


@dataclass(frozen=True)
class Parity:
    """``[parity]``: how near a session must stay to its simulation, and for how long before it is begun from."""

    fill: str = setting("pessimistic", "Fill model: a profile, or a file that `planar parity --calibrate` wrote.")
    agreement: float = setting(0.9, "Least share of the orders that must go as simulated; 1 is all.", at_most=1)
    shortfall: float = setting(25.0, "How much less than simulated a session may earn, of the turnover.", unit="bp")
    orders: int = setting(10, "With fewer orders than this nothing is judged.", at_least=1)
    days: float = setting(
        14.0, "How long a session must have traded before `planar live --from-run` begins from it.", unit="days"
    )


@dataclass(frozen=True)
class StoreSettings:
    """``[store]``: where candles live."""

    path: str = setting("data/planar.duckdb", "The DuckDB file.")


@dataclass(frozen=True)
class StrategySettings:
    """``[strategies.NAME]``: what a run of that strategy starts from; the command line goes before it."""

    instruments: tuple[str, ...] = setting((), "Instead of the class's instruments.")
    cash: float = setting(10_000.0, "Cash to begin with.", unit="quote")
    params: Mapping[str, Any] = setting(NOTHING, "Parameters by name.")
    leverage: float = setting(
        0.0, "Leverage that the account must have of its perpetuals when a session begins; 0 is any."
    )
    margin_mode: Literal["", "isolated", "cross"] = setting("", "The same of their margin; left out, any.")
    fill: str = setting("", "Fill model of its backtests: a profile, or a file; the class's when left out.")
    risk: Risk = field(default_factory=Risk)


@dataclass(frozen=True)
class Settings:
    """All of ``user/planar.toml``."""

    defaults: Defaults = field(default_factory=Defaults)
    routing: Routing = field(default_factory=Routing)
    risk: Risk = field(default_factory=Risk)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    parity: Parity = field(default_factory=Parity)
    store: StoreSettings = field(default_factory=StoreSettings)
    exchanges: Mapping[str, ExchangeSettings] = field(default_factory=lambda: NOTHING)
    strategies: Mapping[str, StrategySettings] = field(default_factory=lambda: NOTHING)

    def exchange(self, name: str) -> ExchangeSettings:
        """The settings of an exchange, which are the defaults where nothing is said of it."""
        return self.exchanges.get(name) or ExchangeSettings(**self.defaults.of_exchanges())

    def risk_of(self, strategy: str) -> Risk:
        """The limits of a strategy's sessions, which are all sessions' where nothing is said of it."""
        mine = self.strategies.get(strategy)
        return mine.risk if mine else self.risk


SECTIONS: dict[str, type] = {
    "defaults": Defaults,
    "routing": Routing,
    "risk": Risk,
    "alerts": AlertSettings,
    "parity": Parity,
    "store": StoreSettings,
}
"""Sections that stand once; every other table of the file is an exchange, or a strategy below ``strategies``."""

INNER: dict[type, tuple[str, type]] = {ExchangeSettings: ("limits", Limits), StrategySettings: ("risk", Risk)}
"""The section that stands inside of another: its name and kind."""


def settings_of(section: Any) -> list[Field]:
    """The settings of a section, or of its kind; what stands in a section inside of it is not among them."""
    return [one for one in fields(section) if one.metadata]


def spellings(section: Any) -> dict[str, Field]:
    """The settings of a section under each name that the file may use."""
    names: dict[str, Field] = {}
    for one in settings_of(section):
        names[one.name] = one
        names.update(dict.fromkeys(one.metadata.get("aliases", ()), one))
    return names
