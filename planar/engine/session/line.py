"""`Line`: speaks to a running session, on the socket that `control` answers on.

A request is a line of JSON, ``{"do": "close", "instrument": "BTC/USDT"}``, and so is its answer: ``{"answer": …}`` or
``{"error": "…"}``.
"""

import hashlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from planar.engine.session.folder import check_exists, is_running, start_command
from planar.errors import ConfigError

LONGEST = 100
"""Bytes of a socket's path; systems allow 104 or 108."""

SHORT = Path("/tmp")
"""Where a folder is made for the sockets whose path would be longer."""

PATIENCE, STATUS_PATIENCE = 120.0, 5.0
"""Seconds that an answer may take: positions may be closed meanwhile; how it stands a session knows at once."""


def socket_path(folder: Path) -> Path:
    """Where the session of a folder listens: in the folder, or in the owner's own in /tmp where that path is too long.

    It does not depend on the working folder or the environment, which differ between a service and a shell.
    """
    absolute = folder.resolve() / "control.sock"
    if len(os.fsencode(absolute)) <= LONGEST:
        return absolute
    short = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:16]
    return SHORT / f"planar-{os.getuid()}" / f"{short}.sock"


class Line:
    """A connection to a running session."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError when there is no such session, or when it does not run."""
        check_exists(folder)
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(STATUS_PATIENCE)
        try:
            self._socket.connect(os.fspath(socket_path(folder)))
        except OSError:
            self._socket.close()
            raise _silent(folder) from None
        self._file = self._socket.makefile("rwb")

    def ask(self, do: str, **more: Any) -> Any:
        """The session's answer. Raises ConfigError where it refuses, or ends meanwhile."""
        patience = STATUS_PATIENCE if do == "status" else PATIENCE
        self._socket.settimeout(patience)
        try:
            self._file.write(json.dumps({"do": do, **more}).encode() + b"\n")
            self._file.flush()
            told = self._file.readline()
        except TimeoutError:
            raise ConfigError(
                f"session {self._folder.name} has not answered for {patience:.0f} s: it hangs, as in its strategy, or "
                "the machine is busy. Killing it loses nothing: it goes on from its journal."
            ) from None
        except OSError:
            told = b""
        if not told:
            raise ConfigError(f"session {self._folder.name} ended before it answered: planar logs {self._folder.name}")
        answer = json.loads(told)
        if "error" in answer:
            raise ConfigError(answer["error"])
        return answer["answer"]

    def close(self) -> None:
        """Hangs up."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(folder: Path, do: str, **more: Any) -> Any:
    """One request to the session of a folder, as of `Line`."""
    with Line(folder) as line:
        return line.ask(do, **more)


def ended(folder: Path, patience: float = PATIENCE) -> bool:
    """Waits for the program of a session to end; whether it did."""
    until = time.monotonic() + patience
    while is_running(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return not is_running(folder)


def _silent(folder: Path) -> ConfigError:
    name = folder.name
    if is_running(folder):
        return ConfigError(f"session {name} does not listen yet: it is opening or ending. See planar logs {name}")
    return ConfigError(f"session {name} is not running. {start_command(folder)}")
