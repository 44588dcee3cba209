"""How a session stands: its books, its orders, its feeds and its speed, as one JSON document."""

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planar.broker import journal
from planar.broker.journal import Entry
from planar.broker.naked import nakedness_of
from planar.broker.terms import decimal, price_of
from planar.engine.session import archive
from planar.engine.session.edit import CODES, last_code
from planar.engine.session.folder import JOURNAL, start_command
from planar.engine.session.origin import Origin
from planar.engine.session.trader import Trader
from planar.engine.session.words import sentences
from planar.kernel import reads
from planar.model.instrument import exact
from planar.model.order import Kind, Side

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

RECENT = 20
"""Sentences of what happened last."""

NOT_RUNNING = "NOT RUNNING"


class Status:
    """Of a session that runs; hears its journal for what happened last."""

    def __init__(self, session: "LiveSession") -> None:
        self.session = session
        self.started = _now()
        self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self.code = _code(journal.read(session.folder / JOURNAL, "origin", *CODES))
        session.on_entry.append(self._hear)

    def _hear(self, kind: str, body: Any) -> None:
        told = sentences(self.session.origin, kind, body)
        self._recent.extend({"time": self.session.clock(), "text": text} for text in told)

    def document(self) -> dict[str, Any]:
        """As it stands now; times in UTC ms, those of the market by the market's clock."""
        session, gate = self.session, self.session.broker.gate
        locked = [k for k in gate.locks if gate.is_locked(k, session.clock())]
        feeds = {**session.market.streams.states(), **session.exchange.streams.states()}
        health = session.exchange.health()
        return {
            "session": session.folder.name,
            "state": gate.state.name,
            "why": " ".join(filter(None, [gate.why, *map(session.safety.risk.locked, locked)])),
            "locked": [{"instrument": session.origin.instruments[k].name, "until": gate.until(k)} for k in locked],
            "pid": os.getpid(),
            "started": self.started,
            "now": session.clock(),
            "code": self.code,
            **_books(session.origin, session.recorder.trader),
            "protection": session.safety.naked.documents(),
            "dead_man": session.dead_man.state if session.dead_man else "",
            "latency": session.broker.pace.document(),
            "feeds": [{"feed": name, "state": str(state), "why": why} for name, (state, why) in feeds.items()],
            "health": {
                "success": health.success,
                "request_p50": health.latency_p50,
                "request_p99": health.latency_p99,
                "errors": health.errors,
                "breaker": health.breaker,
                "limit_share": health.limit_share,
            },
            "recent": list(self._recent),
        }


def read(folder: Path) -> dict[str, Any]:
    """The same of a session that does not run, from its journal. Raises ConfigError when there is none."""
    entries = archive.journal(folder)
    origin = archive.origin_of(entries)
    return {
        "session": folder.name,
        "state": NOT_RUNNING,
        "why": start_command(folder),
        "now": entries[-1].time,
        "code": _code(entries),
        **_books(origin, archive.replayed(entries)),
        "protection": _protection(origin, entries),
        "recent": _last(origin, entries),
    }


def _protection(origin: Origin, entries: list[Entry]) -> list[dict[str, Any]]:
    """Of the instruments that were ever naked; what lasts, lasts until the end of the journal."""
    times = nakedness_of(entries, len(origin.instruments))
    end = max((e.body["time"] for e in entries if e.kind in ("step", "stopped", "protection")), default=0)
    return [each.document(origin.instruments[k].name, end) for k, each in enumerate(times) if each.count]


def _code(entries: list[Entry]) -> dict[str, Any]:
    """What it runs: a hash, and when it went on with that where it began with another, UTC ms of the session."""
    edits = [entry.body for entry in entries if entry.kind == "edited"]
    last = last_code(entries)
    return {
        "hash": last.hash if last else archive.origin_of(entries).code,
        "edited": [{"time": body["time"], "was": body["was"], "changes": body["changes"]} for body in edits],
    }


def _last(origin: Origin, entries: list[Entry]) -> list[dict[str, Any]]:
    told = deque[dict[str, Any]](maxlen=RECENT)
    for entry in entries:
        told.extend({"time": entry.time, "text": text} for text in sentences(origin, entry.kind, entry.body))
    return list(told)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _books(origin: Origin, trader: Trader) -> dict[str, Any]:
    begun = origin.cash * float(origin.instruments[0].quote_unit) + trader.put_in
    equity = trader.equity()
    count = range(len(origin.instruments))
    return {
        "mode": origin.mode,
        "strategy": origin.strategy,
        "exchange": origin.exchange,
        "timeframe": origin.timeframe,
        "quote": origin.instruments[0].quote,
        "equity": equity,
        "gain": equity / begun - 1,
        "cash": reads.cash(trader.address, 0),
        "free": reads.free(trader.address, 0),
        "positions": [_position(trader, k) for k in count if reads.position(trader.address, k)],
        "orders": [order_document(trader, k, record) for k in count for record in trader.open_records(k)],
        "candles": {each.name: trader.tapes[k].end for k, each in enumerate(origin.instruments)},
        "decided": int(trader.record["decided"]) or None,
        "decisions": int(trader.record["steps"]),
        "ordered": int(trader.record["orders_n"]),
        "fills": int(trader.record["fills_n"]),
    }


def _position(trader: Trader, k: int) -> dict[str, Any]:
    address, record = trader.address, trader.memory.instruments[k]
    return {
        "instrument": trader.instruments[k].name,
        "amount": float(reads.position(address, k)),
        "entry_price": reads.entry_price(address, k),
        "price": float(record["last"]),
        "pnl": reads.unrealised_pnl(address, k),
    }


def order_document(trader: Trader, k: int, record: Any) -> dict[str, Any]:
    """An open order. record: LIVE."""
    instrument = trader.instruments[k]
    amount, filled = (float(decimal(int(record[name]), exact(instrument.unit))) for name in ("amount", "filled"))
    price, stop = (float(price_of(int(record[name]), instrument)) or None for name in ("price", "stop"))
    return {
        "id": int(record["id"]) + 1,
        "instrument": instrument.name,
        "side": Side(int(record["side"])).name.lower(),
        "kind": Kind(int(record["kind"])).name.lower().replace("_", "-"),
        "amount": amount,
        "filled": filled,
        "price": price,
        "stop": stop,
        "tag": trader.texts.text(int(record["tag"])),
    }
