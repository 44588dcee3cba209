"""CCXT's class of an exchange: its requests pass our gate, its answers are looked at before they are believed."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

from planar.exchange.error_map import never_left
from planar.exchange.transport import host_of
from planar.exchange.wire import WIRE, Wire

LOG = logging.getLogger("planar.exchange.ccxt")
# CCXT logs each request with its keys and signature, at DEBUG.
LOG.addFilter(lambda record: record.levelno > logging.DEBUG)


SENT_AGAIN = ("PUT", "DELETE")
"""What aiohttp sends again by itself when a connection drops: that the second had none tells nothing of the first."""


class Gate(Protocol):
    """What stands before requests: `Connected` with its guard."""

    def scrub(self, told: object) -> str:
        """A text without keys, signatures and tokens."""
        ...

    async def pay(self, cost: float, wire: Wire) -> None:
        """Waits until a request of that cost, in CCXT's measure, may be made."""
        ...

    async def unasked(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Makes a request that CCXT thought of, as its streams do for a snapshot of a book or a key."""
        ...


def checked(kind: Any) -> Any:
    """A subclass of a CCXT class, REST's or one that streams."""
    library: Any = import_module("ccxt.async_support")
    id = kind.__name__

    class Checked(kind):
        gate: Gate | None = None

        def sign(self, *args: Any, **options: Any) -> Any:
            try:
                return super().sign(*args, **options)
            except library.BaseError:
                raise
            except Exception as error:
                # As of a secret that is not base64 where the exchange's are.
                told = f"{id} {type(error).__name__} in signing: key or secret are not as {id} gives them out"
                raise library.AuthenticationError(told) from error

        async def fetch2(self, path: str, api: Any = "public", *args: Any, **options: Any) -> Any:
            def request() -> Awaitable[Any]:
                wire = WIRE.get()
                if wire is not None:
                    wire.api = api if isinstance(api, str) else api[0]
                    wire.host = host_of(self.urls["api"], wire.api)
                return super(Checked, self).fetch2(path, api, *args, **options)

            if self.gate is None or WIRE.get() is not None:
                return await request()
            return await self.gate.unasked(request)

        async def throttle(self, cost: Any = None) -> None:
            wire = WIRE.get()
            if wire is None or self.gate is None:
                await super().throttle(cost)
            else:
                await self.gate.pay(1.0 if cost is None else float(cost), wire)

        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            wire = WIRE.get() or Wire()
            wire.began(is_write=method != "GET")
            try:
                answer = await super().fetch(url, method, headers, body)
            except library.BaseError as error:
                if never_left(error) and method not in SENT_AGAIN:
                    wire.never_left(is_write=method != "GET")
                raise
            if _is_garbled(answer, method):
                # CCXT would make an empty book of this, and an order without an id.
                raise library.BadResponse(f"{id} answered with something other than JSON: {str(answer)[:80]}")
            return answer

        def log(self, *args: Any) -> None:
            """Where CCXT prints keys and signatures when it is told to be verbose, they go to the log without them."""
            told = " ".join(map(str, args))
            LOG.info("%s", told if self.gate is None else self.gate.scrub(told))

        def client(self, url: str) -> Any:
            found = super().client(url)
            found.log = self.log
            return found

        def on_rest_response(self, code: int, reason: Any, url: Any, method: Any, headers: Any, *rest: Any) -> Any:
            wire = WIRE.get()
            if wire is not None:
                wire.answered(code, headers)
            return super().on_rest_response(code, reason, url, method, headers, *rest)

    Checked.__name__ = Checked.__qualname__ = id
    return Checked


def _is_garbled(answer: Any, method: str) -> bool:
    """Whether an answer is not what an exchange's interface gives. Some answer a write with a bare text."""
    if isinstance(answer, Mapping | list):
        return False
    return method == "GET" or not isinstance(answer, str) or answer.startswith(("<", "{", "["))
