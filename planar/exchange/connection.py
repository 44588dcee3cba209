"""One CCXT instance, made so that nothing is guessed: exact numbers, checked answers, no retries, no log of keys."""

import functools
import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from planar.config.secrets import Credentials
from planar.config.settings import ExchangeSettings
from planar.errors import Rejected
from planar.exchange.error_map import never_left
from planar.exchange.quirks import Quirk
from planar.exchange.transport import MappedSession, hosts_of
from planar.exchange.wire import WIRE

CREDENTIALS = {
    "api_key": "apiKey",
    "secret": "secret",
    "passphrase": "password",
    "uid": "uid",
    "private_key": "privateKey",
    "wallet_address": "walletAddress",
}

LOG = logging.getLogger("planar.exchange.ccxt")
# CCXT logs each request with its keys and signature, at DEBUG.
LOG.addFilter(lambda record: record.levelno > logging.DEBUG)


def connected(
    id: str,
    settings: ExchangeSettings,
    credentials: Credentials | None,
    sandbox: bool,
    quirk: Quirk,
    *,
    class_of: Callable[[str], Any] | None = None,
) -> Any:
    """A CCXT instance of the running event loop; nothing is sent yet. class_of: gives its class, REST's when None."""
    config = {
        "timeout": settings.timeout,
        "enableRateLimit": settings.enable_rate_limit,
        "options": dict(quirk.options(settings, sandbox)),
        "logger": LOG,
    }
    if settings.rate_limit:
        config["rateLimit"] = settings.rate_limit
    if settings.proxy:
        config["httpsProxy"] = settings.proxy
    if credentials is not None:
        config.update({CREDENTIALS[name]: value.reveal() for name, value in credentials.given().items()})
    instance = (class_of or _checked_class)(id)(config)
    instance.number = str
    if sandbox:
        _enter_sandbox(instance, id)
    if settings.base_url:
        instance.session = MappedSession(hosts_of(instance.urls, instance.hostname or ""), settings.base_url)
        instance.own_session = False
        instance.timeout_on_exit = 0
    return instance


async def disconnect(instance: Any) -> None:
    """Closes an instance of the running loop and what it holds."""
    session = instance.session
    await instance.close()
    if isinstance(session, MappedSession):
        await session.close()


def abandon(instance: Any) -> None:
    """Lets go of an instance whose event loop is closed: nothing can be awaited there any more."""
    session, instance.session, instance.tcp_connector = instance.session, None, None
    connector = session.connector if session is not None else None
    if connector is None:
        return
    session.detach()
    try:
        connector._close()  # the public one wants to be awaited
    except RuntimeError:
        connector._closed = True


def streaming_class(id: str) -> Any:
    """CCXT's class of an exchange that streams."""
    return getattr(import_module("ccxt.pro"), id, None) or _checked_class(id)


def unconnected(id: str) -> Any:
    """An instance that is asked what it can do, streams included, and never connects."""
    return streaming_class(id)({"logger": LOG})


@functools.cache
def _checked_class(id: str) -> Any:
    """CCXT's class of an exchange; its answers are looked at before they are believed."""
    library: Any = import_module("ccxt.async_support")
    kind: Any = getattr(library, id)

    class Checked(kind):
        def sign(self, *args: Any, **options: Any) -> Any:
            try:
                return super().sign(*args, **options)
            except library.BaseError:
                raise
            except Exception as error:
                # As of a secret that is not base64 where the exchange's are.
                told = f"{id} {type(error).__name__} in signing: key or secret are not as {id} gives them out"
                raise library.AuthenticationError(told) from error

        async def throttle(self, cost: Any = None) -> None:
            wire, pay = WIRE.get(), vars(self).get("pay")
            if wire is None or pay is None:
                await super().throttle(cost)
            else:
                await pay(1.0 if cost is None else float(cost), wire)

        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            wire = WIRE.get()
            if wire is not None:
                wire.requests += 1
                wire.sent += method != "GET"
            try:
                answer = await super().fetch(url, method, headers, body)
            except library.BaseError as error:
                if wire is not None and method != "GET" and never_left(error):
                    wire.sent -= 1
                raise
            if _is_garbled(answer, method):
                # CCXT would make an empty book of this, and an order without an id.
                raise library.BadResponse(f"{id} answered with something other than JSON: {str(answer)[:80]!r}")
            return answer

        def on_rest_response(self, code: int, reason: Any, url: Any, method: Any, headers: Any, *rest: Any) -> Any:
            wire = WIRE.get()
            if wire is not None:
                wire.status, wire.headers = code, dict(headers)
            return super().on_rest_response(code, reason, url, method, headers, *rest)

    Checked.__name__ = Checked.__qualname__ = id
    return Checked


def _is_garbled(answer: Any, method: str) -> bool:
    """Whether an answer is not what an exchange's interface gives. Some answer a write with a bare text."""
    if isinstance(answer, Mapping | list):
        return False
    return method == "GET" or not isinstance(answer, str) or answer.startswith(("<", "{", "["))


def _enter_sandbox(instance: Any, id: str) -> None:
    if not instance.urls.get("test"):
        raise Rejected(
            f"{id} has no test environment; try things out with `demo`, the local venue.",
            exchange=id,
            code="NOT_SUPPORTED",
        )
    instance.set_sandbox_mode(True)
