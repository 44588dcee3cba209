"""Where sessions are kept, and which of them run; cheap to ask, since nothing of the engine is loaded for it."""

import fcntl
import shlex
from pathlib import Path
from typing import IO

from planar.broker.journal import read
from planar.config.load import load
from planar.config.names import DEMO
from planar.errors import ConfigError, did_you_mean

JOURNAL, LOCK, LOG = "journal.sqlite", "lock", "session.log"


def sessions_folder() -> Path:
    """All of them: beside the store."""
    return Path(load().settings.store.path).parent / "sessions"


def locked(folder: Path) -> IO[str]:
    """Takes a session for this program, as long as what this gives is open."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        name = folder.name
        raise ConfigError(
            f"session {name} is running already: see `planar status {name}`. Another one of its strategy needs a name "
            "of its own: --name."
        ) from None
    return lock


def is_running(folder: Path) -> bool:
    """Whether a program holds the session."""
    try:
        with (folder / LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def running(folder: Path) -> list[Path]:
    """Folders of those that a program holds, by name."""
    return [path.parent for path in sorted(folder.glob(f"*/{LOCK}")) if is_running(path.parent)]


def check_exists(folder: Path) -> None:
    """Raises ConfigError when there is no such session, with what was probably meant."""
    if not (folder / JOURNAL).exists():
        known = [each.parent.name for each in folder.parent.glob(f"*/{JOURNAL}")]
        near = did_you_mean(folder.name, known)
        raise ConfigError(f"there is no session {folder.name!r} in {folder.parent}.{near} See `planar sessions`.")


def has_begun(folder: Path) -> bool:
    """Whether there is a session to go on with; one that was refused before its beginning is none."""
    return (folder / JOURNAL).exists() and bool(read(folder / JOURNAL, "origin"))


def start_command(folder: Path) -> str:
    """How to let a session go on that does not run, as a sentence."""
    try:
        return f"Start it: planar {shlex.join(start_words(folder))}"
    except ConfigError as error:
        return str(error)


def start_words(folder: Path) -> list[str]:
    """The words of the command that lets a session go on. Raises ConfigError where none can."""
    check_exists(folder)
    origin = next((entry.body for entry in read(folder / JOURNAL, "origin")), None)
    if origin is None:
        raise ConfigError("It ended before it had begun: begin another.")
    if origin["exchange"] == DEMO and not load().settings.exchange(DEMO).base_url:
        raise ConfigError("It was a demo, whose market has ended with it: begin another.")
    words = [origin["mode"], origin["strategy"], "--exchange", origin["exchange"], *["--sandbox"] * origin["sandbox"]]
    words += ["--account", origin["account"]] if origin["account"] else []
    return [*words, "--name", folder.name]
