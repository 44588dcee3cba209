"""A DuckDB file, open for a moment.

One writing process shuts out all others, even readers, so nobody keeps the file open: open, do, close. Whoever finds it
locked tries again after a short random pause, and gives up with the name of the holder. Within a process one at a time.
"""

import os
import random
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from planar.errors import DataError

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.25

# DuckDB refuses to mix reading and writing connections in one process, and lets two threads insert the same candle.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def connection(path: Path, *, read_only: bool, patience_s: float) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection to an existing file, closed at the end.

    Raises DataError when another process holds the file for longer than ``patience_s``, when it is no DuckDB file, and
    when DuckDB fails to read or write it.
    """
    with _ONE_AT_A_TIME:
        con = _opened(path, read_only, patience_s)
        try:
            yield con
        except (duckdb.ProgrammingError, duckdb.IntegrityError):  # a defect of ours, not the user's to mend
            raise
        except duckdb.Error as error:
            raise _unusable(path, error) from error
        finally:
            con.close()


def create(path: Path, schema: str) -> None:
    """Make the file with its tables, unless it is there. It appears whole: nobody meets a half-made one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with duckdb.connect(draft) as con:
                con.execute(schema).complete()
            _put_in_place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, duckdb.Error) as error:
        raise DataError(f"{path}: the candle store cannot be made ({_reason(error)}). Check the folder.") from error


def _put_in_place(draft: Path, path: Path) -> None:
    # A hard link, unlike a rename, never replaces what another process has made meanwhile.
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            draft.rename(path)


def _opened(path: Path, read_only: bool, patience_s: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + patience_s
    longest = SHORTEST_PAUSE_S
    while True:
        try:
            return duckdb.connect(path, read_only=read_only)
        except duckdb.Error as error:
            if not _is_locked(error):
                raise _unusable(path, error) from error
            if time.monotonic() >= deadline:
                raise _locked(path, error, patience_s) from error
        time.sleep(random.uniform(0, longest))
        longest = min(2 * longest, LONGEST_PAUSE_S)


def _is_locked(error: duckdb.Error) -> bool:
    text = str(error)
    return any(sign in text for sign in ("Could not set lock", "already open", "different configuration"))


def _locked(path: Path, error: duckdb.Error, patience_s: float) -> DataError:
    holder = re.search(r"PID (\d+)", str(error))
    by = f"process {holder[1]}" if holder else "another connection of this process"
    return DataError(
        f"{path}: the candle store is in use by {by}, and stayed so for {patience_s:g} s. "
        "Wait until it has finished, or end it, and try again."
    )


def _unusable(path: Path, error: duckdb.Error) -> DataError:
    return DataError(
        f"{path}: it cannot be used as a candle store ({_reason(error)}). If it is damaged or something else, "
        "move it away and import the candles again with `planar data import`."
    )


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(".!")
