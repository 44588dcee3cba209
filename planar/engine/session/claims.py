"""`claimed`: of all sessions of this machine, one alone trades a derivative instrument of an account.

A position in a derivative is one, whoever ordered it, so two strategies would trade against each other. Balances of
spot markets can be shared, since each session has books of its own.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from planar.config.files import limits_folder, open_shared
from planar.errors import ConfigError
from planar.exchange.interface import Exchange

HOUR = 3_600.0


async def claimed(exchange: Exchange, symbols: Sequence[str], session: Path) -> list[IO[str]]:
    """Claims the derivatives among these for a session, as long as what this gives is open, and the program lives.

    Raises ConfigError where another session has one of them, with its name.
    """
    await exchange.markets()  # a demo has its account once its venue stands
    held: list[IO[str]] = []
    try:
        for symbol in symbols:
            # Where futures are configured, BTC/USDT means the perpetual.
            full = symbol if ":" in symbol else (await exchange.market(symbol)).symbol
            if ":" in full:
                held.append(_claim(exchange, full, session))
    except BaseException:
        for each in held:
            each.close()
        raise
    return held


async def kept(claims: Sequence[IO[str]]) -> None:
    """Keeps them from being cleared away as files that nobody uses, until it is cancelled."""
    while True:
        await asyncio.sleep(HOUR)
        for claim in claims:
            os.utime(claim.fileno())


def _claim(exchange: Exchange, symbol: str, session: Path) -> IO[str]:
    mark = hashlib.sha256(f"{exchange.owner} {symbol}".encode()).hexdigest()[:32]
    claim = os.fdopen(open_shared(limits_folder() / f"claim.{mark}"), "r+")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with claim:
            raise ConfigError(_refusal(exchange, symbol, claim.read())) from None
    claim.truncate()
    json.dump({"session": session.name, "folder": str(session.resolve()), "process": os.getpid()}, claim)
    claim.flush()
    return claim


def _refusal(exchange: Exchange, symbol: str, told: str) -> str:
    try:
        holder = json.loads(told)
    except ValueError:  # it is writing it
        holder = {"session": "", "folder": "", "process": ""}
    name = holder["session"]
    who = f"session {name} ({holder['folder']}, process {holder['process']})" if name else "another session"
    return (
        f"{symbol} at {exchange.name} is traded by {who}. A position in a derivative is one, whoever ordered it, so "
        f"one session of an account trades it: stop that one{f' (planar stop {name})' if name else ''}, choose "
        "another --instrument, or another --account."
    )
