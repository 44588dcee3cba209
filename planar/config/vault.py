"""Secrets at rest, encrypted: a passphrase or a key file opens them.

``secrets.toml.encrypted`` is TOML itself: how the key is derived, and the text as Fernet keeps it (AES-128-CBC,
HMAC-SHA256).
"""

import base64
import functools
import getpass
import os
import sys
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from planar.config.files import check_private, write_atomically
from planar.errors import ConfigError

LOCKED = "secrets.toml.encrypted"
PASSPHRASE, KEY_FILE = "PLANAR_PASSPHRASE", "PLANAR_KEY_FILE"
SCRYPT = {"n": 2**16, "r": 8, "p": 1}
"""64 MiB and some 0.2 s for each guess."""


def lock(plain: Path, *, passphrase: str = "", key_file: Path | None = None) -> Path:
    """Encrypts a secrets file and removes it; gives the encrypted file. A key file that is not there is made."""
    from cryptography.fernet import Fernet

    if key_file is not None and key_file.resolve() in (plain.resolve(), plain.with_name(LOCKED).resolve()):
        raise ConfigError(
            f"the key file {key_file} is the file of the keys itself; choose another, best on another medium."
        )
    document = tomlkit.document()
    document.add(tomlkit.comment("Planar's secrets, encrypted; `planar config decrypt` gives secrets.toml back."))
    if key_file is not None:
        if not key_file.exists():
            write_atomically(key_file, Fernet.generate_key().decode() + "\n", mode=0o600)
        key = _key_of_file(key_file)
        _check_key(key, key_file)
        document["key"] = "file"
    else:
        salt = os.urandom(16)
        key = _derive(passphrase, salt, **SCRYPT)
        document.update({"key": "passphrase", "salt": salt.hex(), **SCRYPT})
    document["token"] = Fernet(key).encrypt(plain.read_bytes()).decode()
    locked = plain.with_name(LOCKED)
    write_atomically(locked, tomlkit.dumps(document), mode=0o600)
    plain.unlink()
    return locked


def unlock(locked: Path) -> Path:
    """Decrypts into ``secrets.toml`` beside it and removes the encrypted file."""
    plain = locked.with_name("secrets.toml")
    write_atomically(plain, _text(locked), mode=0o600)
    locked.unlink()
    return plain


def opened(locked: Path) -> dict[str, Any]:
    """The content of an encrypted file. Raises ConfigError when nothing opens it, quoting nothing of it."""
    try:
        return tomlkit.parse(_text(locked)).unwrap()
    except TOMLKitError:
        raise ConfigError(f"{locked} does not hold TOML. Decrypt it and mend it: `planar config decrypt`.") from None


def _text(locked: Path) -> str:
    from cryptography.fernet import Fernet, InvalidToken

    try:
        content = tomlkit.parse(locked.read_text(encoding="utf-8")).unwrap()
        if content["key"] == "file":
            key = _key_of_file(Path(_asked_of_environment(KEY_FILE, locked)))
        else:
            numbers = {name: int(content[name]) for name in SCRYPT}
            key = _derive(_passphrase(locked), bytes.fromhex(content["salt"]), **numbers)
        return Fernet(key).decrypt(content["token"].encode()).decode()
    except InvalidToken:
        which, place = ("key file", KEY_FILE) if content["key"] == "file" else ("passphrase", PASSPHRASE)
        raise ConfigError(
            f"{locked} does not open: the {which} is not the one it was encrypted with. Set {place} right, or leave it "
            f"out to be asked; without it the keys are lost: remove {locked} and write them anew."
        ) from None
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{locked} cannot be read: {type(error).__name__}: {error}. Encrypt the keys anew.") from None


def _derive(passphrase: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return base64.urlsafe_b64encode(Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode()))


def _key_of_file(path: Path) -> bytes:
    check_private(path)
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}.") from None


def _check_key(key: bytes, path: Path) -> None:
    from cryptography.fernet import Fernet

    try:
        Fernet(key)
    except ValueError:
        raise ConfigError(
            f"{path} is there and is no key file; name one that is not there, and it is made. Nothing was encrypted."
        ) from None


def _passphrase(locked: Path) -> str:
    if os.environ.get(PASSPHRASE):
        return os.environ[PASSPHRASE]
    if sys.stdin is not None and sys.stdin.isatty():
        return _typed(f"Passphrase of {locked}: ")
    return _asked_of_environment(PASSPHRASE, locked)


@functools.cache
def _typed(prompt: str) -> str:
    """What is typed; a program that opens the file several times asks once."""
    return getpass.getpass(prompt)


def _asked_of_environment(variable: str, locked: Path) -> str:
    if os.environ.get(variable):
        return os.environ[variable]
    raise ConfigError(f"{locked} is encrypted; set {variable} to open it.")
