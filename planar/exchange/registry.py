"""One living exchange for each (exchange, test environment, account), shared by all of a process."""

import asyncio
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from planar.config.load import FOLDER, load
from planar.config.names import DEMO, exchange_id
from planar.config.secrets import Credentials, Key, Secrets, load_secrets
from planar.config.settings import ExchangeSettings, Settings
from planar.errors import ConfigError, did_you_mean
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.quirks import load_user_quirks


@dataclass(frozen=True)
class _Entry:
    """A living exchange, and what it was made from."""

    exchange: Exchange
    settings: ExchangeSettings
    credentials: Credentials | None


OURS = {DEMO: "planar.venue.demo:Demo"}
"""Exchanges that are no CCXT exchange and come with Planar."""

_living: dict[Key, _Entry] = {}
_custom: dict[str, str | type[Exchange]] = {}
_lock = threading.Lock()


def get(exchange: str, *, sandbox: bool = False, account: str = "", folder: Path = FOLDER) -> Exchange:
    """The one living instance of an exchange, its environment and account; made when there is none.

    It belongs to the event loop that it is first used in. ``async with get("binance") as binance:`` closes it when the
    last user leaves; otherwise `close` or `close_all` does.
    sandbox: the test environment; where the configuration says so, there is no other. folder: the user's.
    Raises ConfigError for an unknown exchange or account, for one whose settings changed while it lives, and for one
    that lives in another event loop.
    """
    settings = load(folder).settings
    secrets = load_secrets(folder, custom=_customs(settings))
    key = _key(exchange, sandbox, account, settings)
    id, mine = key[0], settings.exchange(key[0])
    _check_account(id, account, mine, secrets)
    load_user_quirks(folder)
    credentials = secrets.credentials(*key)
    with _lock:
        entry = _of_this_loop(key)
        if entry is None:
            kind = _class_of(id, mine, folder)
            made = kind.create(id, sandbox=key[1], account=account, settings=mine, credentials=credentials)
            entry = _living[key] = _Entry(made, mine, credentials)
            made.loop = _running_loop()
        elif (entry.settings, entry.credentials) != (mine, credentials):
            raise ConfigError(
                f"{entry.exchange.name} is in use with other settings or keys than those that are configured now. "
                "Close it first, or start again."
            )
        entry.exchange.risk = settings.risk
    return entry.exchange


async def close(exchange: str, *, sandbox: bool = False, account: str = "", folder: Path = FOLDER) -> None:
    """Closes the one that `get` gives for these arguments, if it lives."""
    entry = _living.get(_key(exchange, sandbox, account, load(folder).settings))
    if entry is not None:
        await entry.exchange.close()


async def close_all() -> None:
    """Closes all that belong to the running event loop or to none, and lets go of those whose loop is gone."""
    for key, entry in list(_living.items()):
        loop = entry.exchange.loop
        if loop is not None and loop.is_closed():
            entry.exchange.abandon()
        elif loop in (None, asyncio.get_running_loop()):
            await entry.exchange.close()
        else:
            continue
        if _living.get(key) is entry:
            del _living[key]


def register_exchange(id: str, connector: str | type[Exchange]) -> None:
    """Adds an exchange of one's own: a class that implements `Exchange`, or ``"module:Class"`` to load when it is used.

    Raises ConfigError when the name is taken by another.
    """
    id = id.lower()
    if _custom.setdefault(id, connector) != connector:
        raise ConfigError(f"exchange {id!r} is registered already, as {_custom[id]!r}. Choose another name.")


def _key(exchange: str, sandbox: bool, account: str, settings: Settings) -> Key:
    id = exchange_id(exchange, _customs(settings))
    return id, sandbox or settings.exchange(id).sandbox, account


def _customs(settings: Settings) -> set[str]:
    return {*_custom, *(name for name, one in settings.exchanges.items() if one.connector)}


def _check_account(id: str, account: str, settings: ExchangeSettings, secrets: Secrets) -> None:
    known = {*settings.accounts, *secrets.accounts(id)}
    if account and account not in known:
        near = did_you_mean(account, known) or f" Add [exchanges.{id}.accounts.{account}] to user/secrets.toml."
        raise ConfigError(f"{id} has no account {account!r}.{near}")


def _of_this_loop(key: Key) -> _Entry | None:
    """The living entry, if this event loop may use it."""
    entry, loop = _living.get(key), _running_loop()
    if entry is None or entry.exchange.is_closed:
        return None
    bound = entry.exchange.loop
    if bound is not None and bound.is_closed():
        entry.exchange.abandon()
        return None
    if bound is not None and loop is not None and bound is not loop:
        raise ConfigError(f"{entry.exchange.name} lives in another event loop. Use it there, or close it there first.")
    entry.exchange.loop = bound or loop
    return entry


def _class_of(id: str, settings: ExchangeSettings, folder: Path) -> type[Exchange]:
    connector = settings.connector or _custom.get(id) or OURS.get(id)
    if connector is None:
        return CcxtExchange
    kind = _loaded(connector, folder) if isinstance(connector, str) else connector
    if not (isinstance(kind, type) and issubclass(kind, Exchange)):
        raise ConfigError(f"the connector of {id}, {connector!r}, is no planar.exchange.interface.Exchange.")
    return kind


def _loaded(connector: str, folder: Path) -> object:
    """The class; its module is installed, or lies in the user's folder or in the working one."""
    module, colon, name = connector.partition(":")
    if not (module and colon and name):
        raise ConfigError(f"connector {connector!r} must be written 'module:Class'.")
    before = list(sys.path)
    sys.path += [str(folder.resolve()), str(Path.cwd())]
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        file = folder / f"{module.replace('.', '/')}.py"
        raise ConfigError(
            f"connector {connector!r} cannot be loaded: {error}. Its file belongs into {file}, and the class into it."
        ) from error
    finally:
        sys.path[:] = before


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
