"""One process at a time, for some microseconds: a lock on an open file that its death releases."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

if os.name == "posix":
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

else:
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)


_threads = threading.Lock()
"""A file lock is the process's: threads of one process would pass it together."""


@contextmanager
def locked(file: int) -> Generator[None]:
    """Holds the file's lock."""
    with _threads:
        _lock(file)
        try:
            yield
        finally:
            _unlock(file)
