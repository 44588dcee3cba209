"""One process at a time, for some microseconds: a lock on an open file that its death releases."""

import itertools
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

SPINS = 200
"""Looks before sleeping: a lock is held for less time than it takes to be woken."""

if os.name == "posix":
    import fcntl

    def _lock(file: int) -> None:
        for _ in range(SPINS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0)
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

else:
    import msvcrt

    def _lock(file: int) -> None:
        # Its own waiting lock looks once a second.
        for looks in itertools.count():
            os.lseek(file, 0, os.SEEK_SET)
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.0 if looks < SPINS else 0.001)

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
