"""``user/secrets.toml``: keys by exchange, test environment and account; kept from other users, logs and prints."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from planar.config.check import MASK, TRUE
from planar.config.files import check_private, read_toml
from planar.config.load import FOLDER
from planar.config.names import RENAMED, canonical, ccxt_ids, exchange_id
from planar.config.vault import LOCKED, opened
from planar.errors import ConfigError, did_you_mean

FILE = "secrets.toml"
SUFFIXES = ("_sandbox", "_testnet")

SPELLINGS = {
    "apiKey": "api_key",
    "api_key": "api_key",
    "secret": "secret",
    "secretKey": "secret",
    "secret_key": "secret",
    "passphrase": "passphrase",
    "password": "passphrase",
    "uid": "uid",
    "privateKey": "private_key",
    "private_key": "private_key",
    "walletAddress": "wallet_address",
    "wallet_address": "wallet_address",
}

ENVIRONMENT = {"API_KEY": "api_key", "SECRET_KEY": "secret", "PASSPHRASE": "passphrase"}


class Secret:
    """A text that only shows itself when it is asked to: `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the request that needs it and for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not to be stored or sent")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Credentials:
    """What an exchange knows one account by."""

    api_key: Secret | None = None
    secret: Secret | None = None
    passphrase: Secret | None = None
    uid: Secret | None = None
    private_key: Secret | None = None
    wallet_address: Secret | None = None
    source: str = field(default="", compare=False)

    def given(self) -> dict[str, Secret]:
        """Those that are there, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "source"}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class AlertKeys:
    """``[alerts]``: where messages go; an address of a webhook is as good as a key."""

    webhook: Secret | None = None
    telegram_token: Secret | None = None

    def names(self) -> list[str]:
        """Of those that are there."""
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]

    def given(self) -> list[Secret]:
        """Those that are there."""
        return [getattr(self, name) for name in self.names()]


Key = tuple[str, bool, str]
"""Exchange, whether it is its test environment, account (empty for the main one)."""


@dataclass(frozen=True)
class Secrets:
    """Credentials by key: those of a test environment are never given for production, nor the reverse."""

    by_key: Mapping[Key, Credentials]
    alerts: AlertKeys = AlertKeys()

    def credentials(self, exchange: str, sandbox: bool, account: str) -> Credentials | None:
        """Of exactly that key."""
        return self.by_key.get((exchange, sandbox, account))

    def accounts(self, exchange: str) -> set[str]:
        """Names of the accounts that keys are known of."""
        return {account for name, _, account in self.by_key if name == exchange and account}


def load_secrets(
    folder: Path = FOLDER, environment: Mapping[str, str] | None = None, custom: Iterable[str] = ()
) -> Secrets:
    """Reads the secrets; the environment's go before the file's.

    custom: ids of exchanges that the user adds.
    Raises ConfigError when the file can be read by others, or names file, section and remedy.
    """
    found: dict[Key, Credentials] = {}
    content, source = _content(folder)
    alerts = _alert_keys(content.pop("alerts", {}), source)
    for name, section in content.items():
        if name != "exchanges" or not isinstance(section, Mapping):
            near = did_you_mean(name, ["exchanges", "alerts"])
            remedy = f".{near}" if near else f"; write [exchanges.{name}]."
            raise ConfigError(f"{source}: [{name}] is no section of secrets{remedy}")
        for each, inner in section.items():
            _take(found, each, inner, source, custom)
    _take_environment(found, os.environ if environment is None else environment, custom)
    return Secrets(found, alerts)


def _content(folder: Path) -> tuple[dict[str, Any], str]:
    plain, locked = folder / FILE, folder / LOCKED
    if plain.exists() and locked.exists():
        raise ConfigError(f"{plain} and {locked} are both there. Remove the one that is out of date.")
    if locked.exists():
        return opened(locked), str(locked)
    check_private(plain)
    return read_toml(plain, is_secret=True).unwrap(), str(plain)


def _alert_keys(section: Any, source: str) -> AlertKeys:
    known = [one.name for one in fields(AlertKeys)]
    if not isinstance(section, Mapping):
        raise ConfigError(f"{source}: alerts must be a section, as [alerts].")
    for key, value in section.items():
        if key not in known:
            near = did_you_mean(key, known) or f" It has {' and '.join(known)}."
            raise ConfigError(f"{source}: [alerts] has no key {key!r}.{near}")
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{source}: [alerts] {key} is not filled in.")
    return AlertKeys(**{key: Secret(value.strip()) for key, value in section.items()})


def _take(found: dict[Key, Credentials], name: str, section: Any, source: str, custom: Iterable[str]) -> None:
    base = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    try:
        exchange, sandbox = exchange_id(base, custom), base != name
    except ConfigError:
        near = did_you_mean(base, [*ccxt_ids(), *RENAMED, *custom])
        raise ConfigError(f"{source}: [exchanges.{name}] is no exchange.{near}") from None
    if not isinstance(section, Mapping):
        raise ConfigError(f"{source}: exchanges.{name} must be a section, as [exchanges.{name}].")
    accounts = section.get("accounts", {})
    plain = {key: value for key, value in section.items() if key != "accounts"}
    sections = {"": plain} if plain else {}
    if not isinstance(accounts, Mapping):
        raise ConfigError(f"{source}: exchanges.{name}.accounts must hold sections, as [….accounts.hedge].")
    for account, content in {**sections, **accounts}.items():
        shown = f"exchanges.{name}.accounts.{account}" if account else f"exchanges.{name}"
        if (exchange, sandbox, account) in found:
            raise ConfigError(f"{source}: [{shown}] gives keys of {exchange} twice. Keep one section.")
        found[exchange, sandbox, account] = _credentials(content, shown, source)


def _credentials(content: Any, shown: str, source: str) -> Credentials:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{source}: {shown} must be a section, as [{shown}].")
    values: dict[str, Secret] = {}
    for key, value in content.items():
        name = SPELLINGS.get(key)
        if name is None:
            raise ConfigError(f"{source}: [{shown}] has no key {key!r}.{_meant(key)}")
        if not isinstance(value, str) or not value.strip() or value.startswith("your_"):
            raise ConfigError(f"{source}: [{shown}] {key} is not filled in; put the key that the exchange gave you.")
        if name in values:
            raise ConfigError(f"{source}: [{shown}] gives {name} twice, under two spellings.")
        values[name] = Secret(value.strip())
    return Credentials(**values, source=source)


def _meant(key: str) -> str:
    """The spelling that was probably meant; one that differs in case and strokes only, before others."""
    same = [known for known in SPELLINGS if known.replace("_", "").lower() == key.replace("_", "").lower()]
    return f" Did you mean {same[0]!r}?" if same else did_you_mean(key, SPELLINGS)


def _take_environment(found: dict[Key, Credentials], environment: Mapping[str, str], custom: Iterable[str]) -> None:
    """``BINANCE_API_KEY`` and its like; they are of the test environment when ``BINANCE_TESTNET`` is true."""
    gathered: dict[Key, dict[str, Secret]] = {}
    known = {*ccxt_ids(), *RENAMED, *custom}
    for variable, text in environment.items():
        for suffix, name in ENVIRONMENT.items():
            prefix = variable.removesuffix(f"_{suffix}")
            if prefix != variable and prefix.lower() in known and text.strip():
                is_test = any(environment.get(f"{prefix}_{w}", "").lower() in TRUE for w in ("TESTNET", "SANDBOX"))
                gathered.setdefault((canonical(prefix), is_test, ""), {})[name] = Secret(text.strip())
    for key, values in gathered.items():
        found[key] = Credentials(**values, source="environment")
