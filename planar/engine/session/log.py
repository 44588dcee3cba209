"""A session's log: a line of JSON for each thing that happened, in its folder; the older ones in files of their own."""

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from planar.engine.session.folder import LOG
from planar.errors import ConfigError, did_you_mean

SIZE, FILES = 5_000_000, 5
"""Bytes of a file, and how many there are at most."""

LOGGERS = ("planar", "asyncio")
"""Whose records are kept; asyncio tells what a task raised that nobody waited for."""

LEVELS = ("debug", "info", "warning", "error")
PAUSE = 0.3
"""Seconds between two looks at a log that grows."""


class _Lines(logging.Formatter):
    """scrub: takes secrets out."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        super().__init__()
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": round(record.created * 1000),
            "level": record.levelname.lower(),
            "from": record.name,
            "text": self._scrub(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self._scrub(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


@contextmanager
def logged(folder: Path, scrub: Callable[[str], str]) -> Generator[None]:
    """Keeps what is logged meanwhile, and what ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / LOG, maxBytes=SIZE, backupCount=FILES - 1, encoding="utf-8", delay=True)
    handler.setFormatter(_Lines(scrub))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    except Exception as error:
        # Here alone: whoever started the session shows it himself.
        record = logging.LogRecord("planar.session", logging.ERROR, "", 0, "%s", (error,), None)
        handler.handle(record)
        raise
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()


def entries(folder: Path, *, level: str = "info", since: int = 0, follow: bool = False) -> Iterator[dict[str, Any]]:
    """Lines in order. since: UTC ms; follow: waits for more, for ever. Raises ConfigError for a level there is not."""
    if level not in LEVELS:
        raise ConfigError(f"there is no level {level!r}.{did_you_mean(level, LEVELS)} There are {', '.join(LEVELS)}.")
    wanted = LEVELS[LEVELS.index(level) :]
    for line in _lines(folder, follow):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # cut off by a crash
        if entry["time"] >= since and (entry["level"] in wanted or entry["level"] == "critical"):
            yield entry


def _lines(folder: Path, follow: bool) -> Iterator[str]:
    older = [folder / f"{LOG}.{number}" for number in range(FILES - 1, 0, -1)]
    for path in older:
        if path.exists():
            yield from path.read_text(encoding="utf-8").splitlines()
    path = folder / LOG
    while follow and not path.exists():
        time.sleep(PAUSE)
    while path.exists():
        yield from _file(path, follow)
        if not follow:
            return


def _file(path: Path, follow: bool) -> Iterator[str]:
    """The lines of one file; followed until another takes its place."""
    with path.open(encoding="utf-8") as file:
        inode = path.stat().st_ino
        while True:
            is_replaced = not path.exists() or path.stat().st_ino != inode
            part = ""
            while line := file.readline():
                part += line
                if part.endswith("\n"):
                    yield part
                    part = ""
            if not follow or is_replaced:
                return
            file.seek(file.tell() - len(part.encode()))
            time.sleep(PAUSE)


def shown(entry: dict[str, Any]) -> str:
    """A line for people."""
    at = f"{datetime.fromtimestamp(entry['time'] / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    level = "" if entry["level"] == "info" else f"{entry['level'].upper()}  "
    trace = f"\n{entry['traceback']}" if "traceback" in entry else ""
    return f"{at}  {level}{entry['text']}{trace}"
