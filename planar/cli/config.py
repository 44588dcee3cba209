"""``planar config``: what is set, where it came from, and changing it."""

import getpass
import os
import sys
from pathlib import Path

from cyclopts import App
from rich.text import Text

from planar.cli.answer import say, say_json, table
from planar.cli.options import Json
from planar.config import vault
from planar.config.document import rows as settings_of
from planar.config.document import shown
from planar.config.edit import set_value
from planar.config.load import FOLDER, load
from planar.config.secrets import FILE, load_secrets
from planar.errors import ConfigError

app = App(name="config", help="Show and change settings; encrypt keys.")


@app.command
def show(section: str = "", /, *, json: Json = False) -> None:
    """Show every setting, its value and where it came from.

    Parameters
    ----------
    section
        Only settings whose name begins so, as binance or routing.
    """
    config = load()
    kept = settings_of(config, load_secrets(custom=config.custom))
    found = [row for row in kept if row.name.startswith(section)]
    if not found:
        raise ConfigError(f"nothing is set under {section!r}; leave it out to see all.")
    if json:
        say_json([{"name": r.name, "value": r.value, "unit": r.unit, "source": r.source} for r in found])
        return
    styles = {"default": "dim"}
    told = [(styles.get(r.source, ""), (r.name, r.value, r.unit, r.source)) for r in found]
    rows = [[Text(part, style) for part in parts] for style, parts in told]
    table(("setting", "value", "unit", "from"), rows, nothing="")


@app.command(name="set")
def set_(name: str, value: str, /, *, json: Json = False) -> None:
    """Set one value in user/planar.toml; comments stay.

    Parameters
    ----------
    name
        Section and setting, as binance.timeout or exchanges.binance.timeout.
    value
        As the file would hold it, without quotes; lists with commas.
    """
    before, after = set_value(name, value)
    if json:
        say_json({"name": name, "before": before, "after": after})
        return
    was = "" if before is None else f" (was {shown(before)})"
    say(f"{name} = {shown(after)}{was} in {FOLDER / 'planar.toml'}.")


@app.command
def encrypt(*, key_file: Path | None = None, json: Json = False) -> None:
    """Encrypt user/secrets.toml with a passphrase, or with a key file.

    Parameters
    ----------
    key_file
        Made when it is not there. Keep it on another medium than the secrets.
    """
    plain = FOLDER / FILE
    if not plain.exists():
        raise ConfigError(f"there is no {plain} to encrypt.")
    load_secrets(environment={}, custom=load().custom)
    locked = vault.lock(plain, passphrase="" if key_file else _new_passphrase(), key_file=key_file)
    if json:
        say_json({"encrypted": str(locked), "removed": str(plain)})
        return
    opener = f"{vault.KEY_FILE}={key_file}" if key_file else vault.PASSPHRASE
    say(f"Encrypted into {locked}; {plain} is gone. Set {opener} where nobody can type it.")


@app.command
def decrypt(*, json: Json = False) -> None:
    """Give user/secrets.toml back."""
    locked = FOLDER / vault.LOCKED
    if not locked.exists():
        raise ConfigError(f"there is no {locked} to decrypt.")
    plain = vault.unlock(locked)
    if json:
        say_json({"decrypted": str(plain), "removed": str(locked)})
    else:
        say(f"Decrypted into {plain}; {locked} is gone.")


def _new_passphrase() -> str:
    if os.environ.get(vault.PASSPHRASE):
        return os.environ[vault.PASSPHRASE]
    if not sys.stdin.isatty():
        raise ConfigError(f"set {vault.PASSPHRASE}, or name a --key-file: nobody is here to type a passphrase.")
    first = getpass.getpass("New passphrase: ")
    if not first or first != getpass.getpass("Once more: "):
        raise ConfigError("the two passphrases are not the same, or empty. Nothing was encrypted.")
    return first
