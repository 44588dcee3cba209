"""Sessions that ended in this program and still lie in its memory.

The parts of a session know each other, so only a full collection frees it, logs and all. Python collects fully the
more seldom the more there is, which is once in very many sessions: a program that starts one after the other grew.
"""

import gc
from weakref import WeakSet

MOST = 2
"""Ended sessions that may wait. A full collection holds up all that runs, for some tenths of a second."""

_ended: WeakSet[object] = WeakSet()


def has_ended(session: object) -> None:
    """Nothing runs of it any more; whoever looks at it still may."""
    _ended.add(session)


def make_way() -> None:
    """Frees what ended, before another begins; what somebody still looks at is not waited for again."""
    if len(_ended) >= MOST:
        gc.collect()
        _ended.clear()
