"""`Venue`: the local exchange on loopback: one process, one port, REST and WebSocket."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any

from aiohttp import web

from planar.errors import ConfigError
from planar.venue.account import Account
from planar.venue.admin import Admin
from planar.venue.api import Answer, Api, Request
from planar.venue.chaos import Chaos, Rule
from planar.venue.config import VenueConfig, built
from planar.venue.connection import dumped
from planar.venue.faults import Cut, cut, faulty
from planar.venue.protocols import SPOT, USDM
from planar.venue.sockets import Sockets

TICK = 0.01
"""Seconds between two looks at the clock."""

FLUSH_TICKS, SECOND_TICKS = 10, 100

CASH = Decimal(10_000)


class Venue:
    """A running venue: ``async with Venue(config) as venue``."""

    def __init__(self, config: VenueConfig | None = None) -> None:
        self.config = config or VenueConfig()
        self.floor, self.clock = built(self.config)
        self.chaos = Chaos()
        self.spoken = spoken = USDM if self.floor.listings[0].is_contract else SPOT
        self.api = Api(self.floor, self.config.limits or spoken.limits, spoken.endpoints)
        balances = self.config.balances or {self.floor.listings[0].quote: CASH}
        self.account: Account = self.floor.open_account(
            self.config.api_key or secrets.token_hex(32), self.config.secret or secrets.token_hex(32), dict(balances)
        )
        self.streams, self.users = spoken.streams(self.floor), spoken.users(self.floor)
        self.sockets = Sockets(self.api, self.streams, self.users, self.chaos, self.catch_up, spoken.methods)
        self.add_chaos(self.config.chaos)
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Venue":
        application = web.Application()
        for kind in ("", "/{kind:public|market|private}"):
            for path in ("/ws", "/ws/{names:.*}", "/stream", "/stream/{names:.*}"):
                application.router.add_get(kind + path, self.sockets.market)
        application.router.add_get(self.spoken.session_path, self.sockets.session)
        application.router.add_route("*", "/venue/{call}", Admin(self).answer)
        application.router.add_route("*", "/{path:.*}", self._rest)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(f"the venue cannot listen on port {self.config.port}: {error.strerror}.") from None
        self.port = self._runner.addresses[0][1]
        if not self.clock.is_stepped:
            self._tasks.append(asyncio.create_task(self._pump()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def addresses(self) -> dict[str, str]:
        """Where it is, and the keys of its first account."""
        place = f"{self.config.host}:{self.port}"
        return {
            "rest": f"http://{place}",
            "ws": f"ws://{place}",
            "ws_api": f"ws://{place}{self.spoken.session_path}",
            "admin": f"http://{place}/venue",
            "api_key": self.account.key,
            "secret": self.account.secret,
        }

    async def wait(self) -> None:
        """Waits until the venue fails, which is told by what it raises; for good while it works."""
        await asyncio.gather(*self._tasks)
        await asyncio.Event().wait()

    def catch_up(self) -> None:
        """Lets happen what the clock says has happened."""
        self.floor.advance(self.clock.now())

    def step(self, by: int) -> int:
        """Moves a stepped clock on by milliseconds and tells everybody; gives how many prints happened."""
        count = self.floor.advance(self.clock.step(by))
        self.streams.flush(is_second=True)
        return count

    def add_chaos(self, rules: Sequence[Rule]) -> None:
        """Adds lies to be told; a skew of the clock holds at once."""
        for rule in rules:
            if rule.what == "skew":
                self.api.desk.skew = int(rule.seconds * 1000)
        self.chaos.add([rule for rule in rules if rule.what != "skew"])

    def described_chaos(self) -> list[dict[str, Any]]:
        """The lies that are told: the clock's skew while there is one, then the rules, and how often each happened."""
        skew = self.api.desk.skew / 1000
        return [{"what": "skew", "seconds": skew}] * bool(skew) + self.chaos.described()

    async def _pump(self) -> None:
        """Keeps the market moving and the streams told."""
        for tick in itertools.count():
            self.catch_up()
            if tick % FLUSH_TICKS == 0:
                self.streams.flush(is_second=tick % SECOND_TICKS == 0)
            await asyncio.sleep(TICK)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        self.catch_up()
        parameters, key = request.rel_url.raw_query_string, request.headers.get("X-MBX-APIKEY", "")
        asked = Request(request.method, request.path, parameters, body, key, request.remote or "")
        rule = self.chaos.request(f"{request.method} {request.path}")
        if rule is None:
            return answered(self.api.answer(asked))
        try:
            response = answered(await faulty(self.api, asked, rule))
        except Cut:
            return cut(request)
        if rule.what == "truncate" and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        return response


def answered(answer: Answer) -> web.Response:
    """An answer as HTTP."""
    if isinstance(answer.document, str):
        return web.Response(
            text=answer.document, status=answer.status, headers=answer.headers, content_type="text/html"
        )
    return web.Response(
        body=dumped(answer.document).encode(),
        status=answer.status,
        headers={**answer.headers, "Content-Type": "application/json;charset=UTF-8"},
    )
