"""Where a session may die: named instants, at which ``die`` is called instead of going on.

Run as a program it is a session that kills itself there: ``python dying.py FOLDER PORT INSTANT COUNT SECONDS [WHERE]``.
"""

import asyncio
import functools
import importlib
import os
import signal
import sys
from pathlib import Path


def before(owner, name, die, count):
    """The count-th call of a method dies before it begins."""
    return _wrapped(owner, name, die, count, is_after=False)


def after(owner, name, die, count):
    """The count-th call of a method dies once it is done."""
    return _wrapped(owner, name, die, count, is_after=True)


def _wrapped(owner, name, die, count, *, is_after):
    original, left = getattr(owner, name), [count]

    def is_due():
        left[0] -= 1
        return left[0] == 0

    @functools.wraps(original)
    def call(*arguments, **named):
        if not is_after and is_due():
            die()
        answer = original(*arguments, **named)
        if is_after and is_due():
            die()
        return answer

    @functools.wraps(original)
    async def wait(*arguments, **named):
        if not is_after and is_due():
            await _die_waiting(die)
        answer = await original(*arguments, **named)
        if is_after and is_due():
            await _die_waiting(die)
        return answer

    setattr(owner, name, wait if asyncio.iscoroutinefunction(original) else call)


async def _die_waiting(die):
    die()
    await asyncio.Event().wait()


INSTANTS = {
    "before a candle is taken": lambda s, d, n: before(s.recorder.trader, "take", d, n),
    "after a decision": lambda s, d, n: after(s.recorder, "step", d, n),
    "before an intent": lambda s, d, n: before(s.broker, "_intend", d, n),
    "after an intent is written": lambda s, d, n: after(s.broker, "_intend", d, n),
    "after intents are on disk": lambda s, d, n: after(s.recorder, "commit", d, 3 * n),
    "before an order is sent": lambda s, d, n: before(s.exchange, "place", d, n),
    "after the exchange accepted": lambda s, d, n: after(s.exchange, "place", d, n),
    "before an amend": lambda s, d, n: before(s.exchange, "amend", d, 1 + n // 4),
    "after the id of an amend is on disk": lambda s, d, n: after(s.broker, "renamed", d, 1 + n // 4),
    "after an amend": lambda s, d, n: after(s.exchange, "amend", d, 1 + n // 4),
    "before a cancel": lambda s, d, n: before(s.exchange, "cancel", d, 1 + n // 4),
    "after a cancel": lambda s, d, n: after(s.exchange, "cancel", d, 1 + n // 4),
    "before something is told": lambda s, d, n: before(s.recorder, "tell", d, n),
    "after something is told": lambda s, d, n: after(s.recorder, "tell", d, n),
    "between the journal and the books": lambda s, d, n: before(s.recorder.trader, "tell", d, n),
    "after an order has ended": lambda s, d, n: after(s.broker, "_end", d, n),
}
"""Each takes a session, ``die`` and which of the moments it is."""

PROTECTING = {
    "once an amend was refused": lambda s, d, n: before(s.broker.protector, "mends", d, n),
    "before a stop is put back": lambda s, d, n: before(s.broker.protector, "stand", d, n),
    "before a stop that is put back has an id": lambda s, d, n: before(s.broker.protector, "_send", d, n),
    "after a stop that is put back has an id": lambda s, d, n: after(s.broker, "renamed", d, 2 * n),
    "after a stop is put back": lambda s, d, n: after(s.broker.protector, "_send", d, n),
    "before an intent of what protects": lambda s, d, n: before(s.broker, "_intend", d, 2 * n),
    "before what protects is sent": lambda s, d, n: before(s.exchange, "place", d, 2 * n),
    "before an amend of what protects": lambda s, d, n: before(s.exchange, "amend", d, n),
    "after an amend of what protects": lambda s, d, n: after(s.exchange, "amend", d, n),
    "before a cancel of what protects": lambda s, d, n: before(s.exchange, "cancel", d, n),
    "after a cancel of what protects": lambda s, d, n: after(s.exchange, "cancel", d, n),
}
"""The same, of a session that moves its stops."""

OF_CONTRACTS = {
    "before leverage is sent": lambda s, d, n: before(s.exchange, "set_leverage", d, 1 + n // 2),
    "after leverage is set": lambda s, d, n: after(s.exchange, "set_leverage", d, 1 + n // 2),
    "before funding is told": lambda s, d, n: before(s.broker.contracts, "_book", d, 1 + n // 4),
    "after funding is told": lambda s, d, n: after(s.broker.contracts, "_book", d, 1 + n // 4),
}
"""The same, of a session of perpetuals, whose leverage changes and which is paid funding."""

RECOVERY = {
    "in recovery, before the journal is run again": lambda s, d: before(s.recovery, "restore_orders", d, 1),
    "in recovery, before orders are looked for": lambda s, d: before(s.recovery, "settle", d, 1),
    "in recovery, after an order was looked for": lambda s, d: after(s.recovery, "look", d, 1),
    "in recovery, after it": lambda s, d: after(s.recovery, "settle", d, 1),
}


def kill():
    """Ends this program as nothing can be caught."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: str, port: str, instant: str, count: str, seconds: str, what: str = "trading") -> None:
    """A session that kills itself."""
    at = importlib.import_module(f"engine.session.{what}")
    async with at.exchange_at(int(port)) as exchange:
        session = at.session_at(Path(folder), exchange, at.DYING)
        if instant in RECOVERY:
            RECOVERY[instant](session, kill)
        async with session:
            if found := (INSTANTS | OF_CONTRACTS).get(instant):
                found(session, kill, int(count))
            await asyncio.wait([asyncio.ensure_future(session.run())], timeout=float(seconds))
            kill()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    asyncio.run(main(*sys.argv[1:]))
