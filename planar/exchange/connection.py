"""One CCXT instance, made so that nothing is guessed: exact numbers, checked answers, no log of keys."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from planar.config.secrets import Credentials
from planar.config.settings import ExchangeSettings
from planar.errors import Rejected
from planar.exchange.checked import LOG, Gate, checked
from planar.exchange.quirks import Quirk
from planar.exchange.transport import MappedSession, hosts_of

CREDENTIALS = {
    "api_key": "apiKey",
    "secret": "secret",
    "passphrase": "password",
    "uid": "uid",
    "private_key": "privateKey",
    "wallet_address": "walletAddress",
}


def connected(
    id: str,
    settings: ExchangeSettings,
    credentials: Credentials | None,
    sandbox: bool,
    quirk: Quirk,
    *,
    gate: Gate | None = None,
    class_of: Callable[[str], Any] | None = None,
) -> Any:
    """A CCXT instance of the running event loop; nothing is sent yet.

    gate: what every request passes. class_of: gives its class, REST's when None.
    """
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
    instance = checked((class_of or _class)(id))(config)
    instance.number, instance.gate = str, gate
    instance.has.update(dict.fromkeys(quirk.lacks, False))
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
    return getattr(import_module("ccxt.pro"), id, None) or _class(id)


def _class(id: str) -> Any:
    return getattr(import_module("ccxt.async_support"), id)


def unconnected(id: str, quirk: Quirk) -> Any:
    """An instance that is asked what it can do, streams included, and never connects."""
    instance = streaming_class(id)({"logger": LOG})
    instance.has.update(dict.fromkeys(quirk.lacks, False))
    return instance


def _enter_sandbox(instance: Any, id: str) -> None:
    if not instance.urls.get("test"):
        raise Rejected(
            f"{id} has no test environment; try things out with `demo`, the local venue.",
            exchange=id,
            code="NOT_SUPPORTED",
        )
    instance.set_sandbox_mode(True)
