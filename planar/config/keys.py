"""Putting keys into ``user/secrets.toml``, and taking them out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from planar.config.files import check_private, read_toml, write_atomically
from planar.config.load import FOLDER, load
from planar.config.names import exchange_id
from planar.config.secrets import FILE, load_secrets
from planar.config.vault import LOCKED
from planar.errors import ConfigError

SPELLED = {"api_key": "apiKey", "secret": "secret", "passphrase": "passphrase"}


def add_keys(exchange: str, sandbox: bool, account: str, keys: Mapping[str, str], folder: Path = FOLDER) -> Path:
    """Writes the keys of one account, for its owner alone to read. keys: ``api_key``, ``secret``, ``passphrase``.

    Raises ConfigError when there are keys of that account already, or the file is encrypted.
    """
    path, document, id = _checked(exchange, sandbox, account, folder)
    table = document
    for word in _section(id, sandbox, account):
        if word not in table:
            table[word] = tomlkit.table(is_super_table=word in ("exchanges", "accounts"))
        table = table[word]
    for name, value in keys.items():
        table[SPELLED[name]] = value
    write_atomically(path, tomlkit.dumps(document), mode=0o600)
    return path


def check_room(exchange: str, sandbox: bool, account: str, folder: Path = FOLDER) -> None:
    """Raises ConfigError where `add_keys` would, before anybody is asked for keys."""
    _checked(exchange, sandbox, account, folder)


def _checked(exchange: str, sandbox: bool, account: str, folder: Path) -> tuple[Path, Any, str]:
    """The file, its content and the exchange's id."""
    path, document = _opened(folder)
    id = exchange_id(exchange, load(folder).custom)
    if load_secrets(folder, {}, load(folder).custom).credentials(id, sandbox, account) is not None:
        options = (" --sandbox" if sandbox else "") + (f" --account {account}" if account else "")
        raise ConfigError(f"{path} has keys of {id} already; remove them first: planar exchanges remove {id}{options}")
    return path, document, id


def remove_keys(exchange: str, sandbox: bool, account: str, folder: Path = FOLDER) -> Path:
    """Takes the keys of one account out. Raises ConfigError when there are none in the file."""
    path, document = _opened(folder)
    id = exchange_id(exchange, load(folder).custom)
    suffixes = ("_sandbox", "_testnet") if sandbox else ("",)
    found = [
        name
        for name in document.get("exchanges", {})
        if name in {f"{exchange}{s}" for s in suffixes} | {f"{id}{s}" for s in suffixes}
    ]
    for name in found:
        section: Any = document["exchanges"][name]
        if account and account in section.get("accounts", {}):
            del section["accounts"][account]
        elif not account and any(key != "accounts" for key in section):
            for key in [key for key in section if key != "accounts"]:
                del section[key]
        else:
            continue
        if not section.unwrap():
            del document["exchanges"][name]
        write_atomically(path, tomlkit.dumps(document), mode=0o600)
        return path
    raise ConfigError(
        f"{path} has no keys of {id}{' sandbox' if sandbox else ''}{f' account {account}' if account else ''}."
    )


def _opened(folder: Path) -> tuple[Path, Any]:
    path = folder / FILE
    if (folder / LOCKED).exists():
        raise ConfigError(f"{folder / LOCKED} is encrypted; decrypt it first: planar config decrypt")
    check_private(path)
    return path, read_toml(path, is_secret=True)


def _section(id: str, sandbox: bool, account: str) -> list[str]:
    return ["exchanges", f"{id}_sandbox" if sandbox else id, *(["accounts", account] if account else [])]
