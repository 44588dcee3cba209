"""The files of a configuration: read whole, written whole or not at all, private where they hold keys."""

import os
import stat
import tempfile
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import ParseError, TOMLKitError

from planar.errors import ConfigError


def read_toml(path: Path, *, is_secret: bool = False) -> TOMLDocument:
    """A TOML file; empty when there is none. is_secret: errors then quote nothing of it."""
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except TOMLKitError as error:
        where = f"line {error.line}" if isinstance(error, ParseError) else "an unknown line"
        what = 'values stand in quotes, as apiKey = "…"' if is_secret else str(error)
        raise ConfigError(f"{path} is not TOML ({where}): {what}.") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        remedy = f"It must be a text file of yours: see ls -ld {path}"
        raise ConfigError(f"{path} cannot be read: {why}. {remedy}") from None


def write_atomically(path: Path, text: str, *, mode: int | None = None) -> None:
    """Writes a file whole or not at all; it keeps its mode unless one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def cache_folder() -> Path:
    """Where what can be made anew is kept: ``$XDG_CACHE_HOME/planar`` or ``~/.cache/planar``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "planar"


def check_private(path: Path) -> None:
    """Refuses a file that other users of the machine can read."""
    if os.name != "posix" or not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"{path} can be read by other users (mode {mode:o}). Run: chmod 600 {path}")
