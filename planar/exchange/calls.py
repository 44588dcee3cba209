"""`Connected`: the one way to an exchange, which every request goes; and the clock."""

import asyncio
import hashlib
import logging
import re
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from yarl import URL

from planar.config.load import FOLDER
from planar.config.secrets import FILE, Credentials
from planar.config.settings import ExchangeSettings
from planar.errors import ConfigError, ExchangeError, PlanarError, Rejected, Unreachable
from planar.exchange.clock import measured_offset, steady, wall
from planar.exchange.connection import abandon, connected, disconnect
from planar.exchange.error_map import OUTDATED, Asked, translated
from planar.exchange.guard import Guard
from planar.exchange.health import Health
from planar.exchange.interface import Exchange
from planar.exchange.model import Market, MarketKind
from planar.exchange.quirks import Quirk, quirk_of
from planar.exchange.retries import Backoff
from planar.exchange.scrub import Scrubber, passwords_of
from planar.exchange.sightings import Sightings
from planar.exchange.told import happened
from planar.exchange.transport import is_loopback
from planar.exchange.wire import WIRE, Wire
from planar.exchange.worth import LastPrices
from planar.model.order import Forced

T = TypeVar("T")
LOG = logging.getLogger("planar.exchange")

LONG = 3.0
"""Seconds that nobody waits without being told why."""

DAY = 86_400_000
"""Milliseconds; no market is as far behind its exchange's clock, unless it is a replay."""

NEW_IDS = 1_000
"""Client order ids that may still be sent for the first time; an older one counts as given by whoever sends it."""

NAMES = {"fetch_ohlcv": "fetchOHLCV"}
"""CCXT's names of what it can do that are not its methods' in camel case."""


class Connected(Exchange):
    """A CCXT exchange in one event loop, the one that it is first used in.

    ccxt_id: CCXT's name of it, its own when empty. traded: symbols in which orders were placed here. prices: the last
    that were seen, by anyone. market_time: the newest time of a print, an order or a fill that it told of, UTC ms; 0
    before any; first_new: when the first happened that it told of as it happened. seen: the orders that it told of.
    """

    ccxt_id = ""

    def __init__(
        self,
        id: str,
        *,
        sandbox: bool = False,
        account: str = "",
        settings: ExchangeSettings | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        """credentials: of exactly this exchange, environment and account; None for public data."""
        super().__init__(id, sandbox=sandbox, account=account)
        self.settings = settings or ExchangeSettings()
        self.quirk: Quirk = quirk_of(self.ccxt_id or id)()
        self.guard = Guard(self.name, (id, sandbox, account), self.settings, self.quirk)
        self.backoff = Backoff()
        self.clock_offset: int | None = None
        self._epoch: int | None = None
        self.traded: set[str] = set()
        self.prices = LastPrices()
        self.seen = Sightings()
        self._new_ids: deque[str] = deque(maxlen=NEW_IDS)
        self.market_time = 0
        self.first_new: int | None = None
        self._behind: int | None = None
        self._credentials = credentials
        self._scrub = Scrubber(
            [
                *(credentials.given().values() if credentials else ()),
                *passwords_of(self.settings.proxy, self.settings.base_url),
            ]
        )
        self._instance: Any = None

    @classmethod
    def create(
        cls, id: str, *, sandbox: bool, account: str, settings: ExchangeSettings, credentials: Credentials | None
    ) -> Self:
        """One with what the user configured."""
        return cls(id, sandbox=sandbox, account=account, settings=settings, credentials=credentials)

    @property
    def owner(self) -> str:
        """By its key, since two folders may both call an account of theirs the main one."""
        given = self._credentials.given() if self._credentials else {}
        key = next((given[name].reveal() for name in ("wallet_address", "api_key", "private_key") if name in given), "")
        whose = hashlib.sha256(key.encode()).hexdigest() if key else self.account
        return f"{self.ccxt_id or self.id} {self.sandbox} {self.settings.base_url} {whose}"

    @property
    def is_real(self) -> bool:
        """Whether orders there move real money: not in test environments, nor on this machine."""
        return not self.sandbox and not self.is_local

    @property
    def is_local(self) -> bool:
        """Whether it is a venue on this machine, which may play another time than the clock's."""
        return is_loopback(URL(self.settings.base_url).host or "")

    @property
    def has_keys(self) -> bool:
        """Whether it can be asked for what is of an account."""
        return self._credentials is not None

    def scrub(self, told: object) -> str:
        """A text without keys, signatures and tokens."""
        return self._scrub.text(str(told))

    def new_client_id(self) -> str:
        """A client order id that the exchange accepts; every one is different."""
        id = self.quirk.new_client_id()
        self._new_ids.append(id)
        return id

    async def _open(self) -> None:
        """Prepares what must be there before the first request; most exchanges are there already."""

    def _doubt_markets(self) -> None:
        """What is known of the markets is out of date."""

    @abstractmethod
    async def _ready(self, *, reload: bool = False) -> None:
        """Loads what requests need: the markets, the clock's offset."""

    # The way out.

    async def _call(
        self,
        method: str,
        *args: Any,
        what: str,
        into: Callable[[Any], T] = lambda raw: raw,
        is_write: bool = False,
        market: Market | None = None,
    ) -> T:
        """What CCXT's method gives, as our value. Reads are asked again with growing pauses; writes are not, but for
        one that was turned away for its time.

        what: for messages. into: makes our value, and counts as part of the answer: what it cannot read was not said.
        """
        await self._ready()
        if not self._has(method):
            self._refuse(what)
        return await self._request(method, *args, asked=self._asked(what, is_write, market), into=into)

    async def _request(self, method: str, *args: Any, asked: Asked, into: Callable[[Any], T] = lambda raw: raw) -> T:
        """As `_call`, of what needs no markets."""
        attempt = 0
        while True:
            try:
                return await self._ask(method, *args, asked=asked, into=into)
            except Unreachable as error:
                is_late = error.code == "CLOCK" and method != "fetch_time"
                pause = self._pause(error, asked, attempt, is_late=is_late)
                if pause is None:
                    if error.code == "CLOCK":
                        self.clock_offset = None  # one of the clocks was set: the next request measures it first
                    raise
                if pause > LONG:
                    LOG.warning("%s In %.0f s it is asked again.", error, pause)
            attempt += 1
            await asyncio.sleep(pause)
            if is_late:
                await self.sync_clock()

    def _pause(self, error: Unreachable, asked: Asked, attempt: int, *, is_late: bool) -> float | None:
        """Seconds until it is asked again; None where it is not."""
        if asked.is_write:
            # Turned away for its time alone, and known not to be done: once more, with the right time.
            return 0.0 if is_late and attempt == 0 else None
        is_useless = error.code == "CIRCUIT_OPEN" or attempt >= self.settings.retries
        return None if is_useless else self.backoff.pause(attempt, error.retry_after)

    async def _ask(self, method: str, *args: Any, asked: Asked, into: Callable[[Any], T]) -> T:
        """One request, once, when limits and breaker let it."""
        wire = Wire(orders=_orders_of(method, args), is_urgent=method.startswith("cancel"))
        instance = self._ccxt()
        with self._guarded(wire, asked):
            return into(await getattr(instance, method)(*args))

    async def pay(self, cost: float, wire: Wire) -> None:
        """Waits until a request of that cost may be made; called by CCXT before each."""
        await self.guard.pay(cost, wire)

    async def unasked(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Makes a request that CCXT thought of, as its streams do: it is paid for and judged like any other."""
        with self._guarded(Wire(), self._asked("what its streams need")):
            return await request()

    @contextmanager
    def _guarded(self, wire: Wire, asked: Asked) -> Generator[None]:
        """What is asked inside passes limits and breaker, and its errors are ours."""
        failure: BaseException | None = None
        before, token = time.perf_counter(), WIRE.set(wire)
        try:
            breaker = self.guard.breaker
            wire.entered = breaker.passing if wire.is_urgent else breaker.enter()
            yield
        except PlanarError as error:
            failure = error
            raise
        except Exception as error:
            shown = error if self._scrub.clean(error) else None
            failure = translated(error, asked, wire, self._scrub)
            if failure.code in OUTDATED:
                self._doubt_markets()
            raise failure from shown
        except BaseException as error:  # it is given up, and nobody knows how it ends
            failure = error
            raise
        finally:
            WIRE.reset(token)
            self.guard.ended(wire, (time.perf_counter() - before) * 1000, failure)

    def judged(self, error: Exception, what: str) -> ExchangeError:
        """An error of CCXT's as ours. what: was asked for, for messages."""
        if isinstance(error, ExchangeError):
            return error
        return translated(error, self._asked(what), Wire(), self._scrub)

    def forced(self, client_id: str) -> Forced:
        """What an order is that the exchange itself placed to close a position; NONE for all others."""
        return self.quirk.forced(client_id)

    def health(self) -> Health:
        """How the exchange is doing, of the last requests of this process."""
        self.guard.record.clock_offset = self.clock_offset
        return self.guard.health()

    def _asked(self, what: str, is_write: bool = False, market: Market | None = None) -> Asked:
        section = f"exchanges.{self.id}{'_sandbox' if self.sandbox else ''}"
        section += f".accounts.{self.account}" if self.account else ""
        source = self._credentials.source if self._credentials else str(FOLDER / FILE)
        wallet = "spot" if market is None or market.kind is MarketKind.SPOT else "futures"
        keys = f"{source}, section [{section}]" if source != "environment" else "the environment"
        who = (f" --account {self.account}" if self.account else "") + (" --sandbox" if self.sandbox else "")
        return Asked(
            self.id, self.name, what, is_write, keys, wallet, self.quirk.codes, market.symbol if market else "SYMBOL",
            self.ccxt_id, self.settings.base_url, who,
        )  # fmt: skip

    def _has(self, method: str) -> bool:
        name = NAMES.get(method) or re.sub(r"_(\w)", lambda found: found[1].upper(), method)
        return bool(self._ccxt().has.get(name))

    def _ccxt(self) -> Any:
        """The instance, of the running event loop."""
        loop = asyncio.get_running_loop()
        if self.is_closed:
            raise Rejected(
                f"{self.name} is closed; get it again with planar.exchange.get.", exchange=self.id, code="CLOSED"
            )
        if self._instance is None:
            self._check_loop(loop)
            made = connected(*self.connection(), gate=self)
            self.guard.open(float(made.rateLimit))
            self._instance = made
        elif self.loop is not loop:
            self._check_loop(loop)
        return self._instance

    def _check_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.loop not in (None, loop):
            raise ConfigError(
                f"{self.name} belongs to another event loop, the one that it was first used in. Get it again there, or "
                "close it before this loop uses it."
            )
        self.loop = loop

    async def disconnect(self) -> None:
        """Closes the connections; those of a loop that is closed are let go."""
        instance, self._instance = self._instance, None
        if instance is None:
            return
        self.guard.close()
        if self.loop is asyncio.get_running_loop():
            await disconnect(instance)
        elif self.loop is None or self.loop.is_closed():
            abandon(instance)
        else:
            self._instance, self.is_closed = instance, False
            raise ConfigError(f"{self.name} belongs to another event loop; close it there.")

    def abandon(self) -> None:
        """Lets go of the connections of an event loop that is gone."""
        super().abandon()
        self.guard.close()
        instance, self._instance = self._instance, None
        if instance is not None:
            abandon(instance)

    def connection(self) -> tuple[str, ExchangeSettings, Credentials | None, bool, Quirk]:
        """What one more CCXT instance of this exchange is made from."""
        return self.ccxt_id or self.id, self.settings, self._credentials, self.sandbox, self.quirk

    # The clocks: the exchange's own, and that of its market, which run apart where a venue is accelerated or replays.

    def noted(self, data: T, *, is_new: bool = False) -> T:
        """A print, order or fill as it was told, its time noted. is_new: whether it has happened just now."""
        self.seen.saw(data)
        when = happened(data)
        if when is not None:
            self.market_time = max(self.market_time, when)
            if is_new:
                self.first_new = when if self.first_new is None else self.first_new
                behind = self.clock() - when
                self._behind = behind if self._behind is None else min(self._behind, behind)
        return data

    async def _market_now(self) -> int:
        """The market's time: the clock's, but for a venue that replays the past."""
        now, behind = await self._now(), self._behind
        return now if behind is None or behind < DAY else now - behind

    async def server_time(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        await self._open()
        if not self._has("fetch_time"):
            self._refuse("its time")
        return await self._request("fetch_time", asked=self._asked("asking its time"), into=int)

    async def sync_clock(self) -> int:
        """Measures how far the exchange's clock is ahead; requests carry its time from then on."""
        self.clock_offset = await measured_offset(self.server_time)
        self._epoch = wall() + self.clock_offset - steady()
        # CCXT's difference is how far ours is ahead.
        self._ccxt().options["timeDifference"] = -self.clock_offset
        return self.clock_offset

    async def _now(self) -> int:
        """The exchange's time since it was last asked, UTC milliseconds."""
        await self._ready()
        if self.clock_offset is None and self._has("fetch_time"):
            await self.sync_clock()
        return self.clock()

    def clock(self) -> int:
        """The exchange's time as far as it was measured, UTC milliseconds."""
        # Setting this machine's clock does not change what time it is there.
        return wall() if self._epoch is None else steady() + self._epoch


def _orders_of(method: str, args: tuple[Any, ...]) -> int:
    """How many orders a call of CCXT places."""
    if method == "create_orders":
        return len(args[0])
    return int(method in ("create_order", "edit_order"))
