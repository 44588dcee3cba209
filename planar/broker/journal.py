"""`Journal`: what a session saw, asked for and was told, in the order of it; one SQLite file that others may read.

An entry is a kind, a time and a JSON document. What is written is on disk when `commit` returns, whatever happens to
the program or the machine after that. `Journal.entries` reads it while it is being written.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from planar.errors import ConfigError, DataError

VERSION = 1
PATIENCE = 5.0
"""Seconds that a reader or writer waits for another."""

CACHE_KB = 256
"""Of the file that is kept in memory: it is written at its ends and read from one end to the other."""

MOST = 2**63 - 1

SCHEMA = """
CREATE TABLE entries (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX entries_by_kind ON entries (kind, number);
"""


class Entry(NamedTuple):
    """number: from 1, without holes. time: UTC ms of the machine that wrote it. body: what JSON can hold."""

    number: int
    time: int
    kind: str
    body: Any


class Journal:
    """One session's journal, open for writing: one program at a time.

    Raises ConfigError when another program writes it, or when it is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        self._connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            self._open(is_new)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if "locked" in str(error):
                raise ConfigError(f"{path} is being written by another program: this session is running.") from None
            raise ConfigError(f"{path} is no journal of a session: {error}.") from None

    def _open(self, is_new: bool) -> None:
        do = self._connection.execute
        do("PRAGMA locking_mode = NORMAL")
        do("PRAGMA journal_mode = WAL")
        do("PRAGMA synchronous = FULL")
        do(f"PRAGMA cache_size = {-CACHE_KB}")
        if is_new or do("PRAGMA user_version").fetchone()[0] == 0:
            self._connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        version = do("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise ConfigError(f"{self.path} is a journal of format {version}; this Planar writes format {VERSION}.")

    def write(self, time: int, kind: str, body: Any) -> None:
        """Adds an entry; `commit` makes it last. Raises DataError when the disk or another program does not let it."""
        text = json.dumps(body, separators=(",", ":"), allow_nan=True)
        if not self._connection.in_transaction:
            self._do("BEGIN IMMEDIATE")
        self._do("INSERT INTO entries (time, kind, body) VALUES (?, ?, ?)", (time, kind, text))

    def commit(self) -> None:
        """Returns when all that was written is on disk. Raises DataError when it is not."""
        if self._connection.in_transaction:
            self._do("COMMIT")

    def _do(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise DataError(
                f"{self.path} cannot be written: {error}. What does not stand in it is not sent. Make room on the "
                "disk, or end the program that holds it, and start the session again."
            ) from None

    def undo(self) -> None:
        """Forgets what was written since the last commit."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def entries(self, *kinds: str, after: int = 0) -> Iterator[Entry]:
        """Entries in order, of all kinds when none is named."""
        return _entries(self._connection, kinds, after)

    def so_far(self) -> "Entries":
        """What stands in it now."""
        last = self._connection.execute("SELECT max(number) FROM entries").fetchone()[0]
        return Entries(self._connection, last or 0)

    def close(self) -> None:
        """Commits and closes; raises DataError when what was written last is lost."""
        try:
            self.commit()
        finally:
            self._connection.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Entries:
    """Entries of an open journal up to one, of all kinds when none is named; read anew whenever they are gone through.

    A session that goes on does so several times, and need not have all that it ever did in memory.
    """

    def __init__(self, connection: sqlite3.Connection, last: int, kinds: tuple[str, ...] = ()) -> None:
        self._connection, self._last, self._kinds = connection, last, kinds

    def of(self, *kinds: str) -> "Entries":
        """Those of these kinds."""
        return Entries(self._connection, self._last, kinds)

    def __iter__(self) -> Iterator[Entry]:
        return _entries(self._connection, self._kinds, 0, self._last)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def read(path: Path, *kinds: str, after: int = 0) -> list[Entry]:
    """Entries of a journal that another program may be writing. Raises ConfigError when there is none."""
    if not path.exists():
        raise ConfigError(f"there is no journal {path}.")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return list(_entries(connection, kinds, after))
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is no journal of a session: {error}.") from None
    finally:
        connection.close()


def _entries(connection: sqlite3.Connection, kinds: tuple[str, ...], after: int, last: int = MOST) -> Iterator[Entry]:
    chosen = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    rows = connection.execute(
        f"SELECT number, time, kind, body FROM entries WHERE number > ? AND number <= ?{chosen} ORDER BY number",
        (after, last, *kinds),
    )
    return (Entry(number, time, kind, json.loads(body)) for number, time, kind, body in rows)
