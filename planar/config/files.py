"""The files of a configuration: read whole, written whole or not at all, private where they hold keys."""

import errno
import os
import stat
import tempfile
from contextlib import suppress
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


def write_atomically(path: Path, text: str | bytes, *, mode: int | None = None) -> None:
    """Writes a file whole or not at all; it keeps its mode unless one is given."""
    content = text.encode() if isinstance(text, str) else text
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
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


def limits_folder() -> Path:
    """Where programs count what they ask of exchanges, and claim what one alone may trade.

    It is one place for all users of the machine, whose address is one. ``$PLANAR_LIMITS_FOLDER`` instead is for
    programs that are to share with no others.
    """
    own = os.environ.get("PLANAR_LIMITS_FOLDER")
    # Unlike /tmp, it outlives a restart, as bans do.
    shared = Path("/var/tmp") if os.name == "posix" else Path(tempfile.gettempdir())
    return Path(own) if own else shared / "planar-limits"


def open_shared(path: Path) -> int:
    """Opens a file that every user of the machine may write, made when it is not there.

    Raises OSError when something else is there, such as a link that leads elsewhere.
    """
    _make_shared(path.parent)
    no_link = getattr(os, "O_NOFOLLOW", 0)
    try:
        # Linux refuses O_CREAT for what another user made in such a folder.
        file = os.open(path, os.O_RDWR | no_link)
    except FileNotFoundError:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | no_link, 0o666)
        except FileExistsError:
            return open_shared(path)
        os.chmod(path, 0o666)  # whatever this user's mask takes away
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(file)
        raise OSError(errno.EINVAL, "it is a link or no file", str(path))
    return file


def _make_shared(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)  # so nobody removes what another made
    found = folder.lstat()
    if os.name == "posix" and stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.getuid()):
        raise OSError(errno.ELOOP, "it is a link that another user made", str(folder))


def check_private(path: Path) -> None:
    """Refuses a file that other users of the machine can read."""
    if os.name != "posix" or not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"{path} can be read by other users (mode {mode:o}). Run: chmod 600 {path}")
