"""`KillSwitch`: what a user throws to stop all sending at once: a file, or a setting; both are heard at once."""

import logging
from collections.abc import Sequence
from pathlib import Path

from planar.config.load import FOLDER, load
from planar.errors import ConfigError

LOG = logging.getLogger("planar.session")

FILE = "HALT"
"""Name of the file; what stands in it is the reason that is told."""


LONGEST = 200
"""Letters of that reason."""


class KillSwitch:
    """Whether a session is to be halted, and why.

    places: folders in which the file counts. strategy: whose section of the settings counts. folder: the user's.
    """

    def __init__(self, places: Sequence[Path], strategy: str = "", folder: Path = FOLDER) -> None:
        self._files = [place / FILE for place in places]
        self._strategy, self._folder = strategy, folder
        self._read_at: int | None = None
        self._setting = ""

    def thrown(self) -> str:
        """Which switch is thrown, with the remedy; empty while none is."""
        for file in self._files:
            if file.exists():
                return f"The kill switch is thrown: there is a file {file}{_said(file)}. Remove it to go on."
        return self._by_setting()

    def _by_setting(self) -> str:
        """The setting as it is now: the file is read again once it was written."""
        path = self._folder / "planar.toml"
        written = path.stat().st_mtime_ns if path.exists() else 0
        if written == self._read_at:
            return self._setting
        self._read_at = written
        try:
            config = load(self._folder)
        except ConfigError as error:
            LOG.warning("the settings cannot be read, those of before count: %s", error)
            return self._setting
        own = f"strategies.{self._strategy}.risk.halted"
        name = own if own in config.sources else "risk.halted"
        where = config.sources.get(name, "")
        is_halted = config.settings.risk_of(self._strategy).halted
        told = f"The kill switch is thrown: {name} = true ({where}). `planar config set {name} false` lets it go on."
        self._setting = told if is_halted else ""
        return self._setting


def _said(file: Path) -> str:
    """What stands in the file; it counts all the same when it cannot be read."""
    try:
        said = " ".join(file.read_text(errors="replace").split())[:LONGEST]
    except OSError:
        said = ""
    return f' ("{said}")' if said else ""
