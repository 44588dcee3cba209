"""Sessions that were or are: found by name, read and run again from their journals."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from planar.broker.journal import Entry, read
from planar.engine.session.edit import first_code
from planar.engine.session.folder import JOURNAL, check_exists, is_running
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.recorder import DECIDING, rerun
from planar.engine.session.trader import Trader
from planar.errors import ConfigError
from planar.model.timeframe import milliseconds


@dataclass(frozen=True)
class Session:
    """What can be said of a session without running it again. last: when its journal was written last, UTC ms."""

    name: str
    origin: Origin
    is_running: bool
    decisions: int
    orders: int
    fills: int
    last: int


def sessions(folder: Path) -> list[Session]:
    """All of a folder, by name."""
    return [session(path.parent) for path in sorted(folder.glob(f"*/{JOURNAL}")) if _origins(path)]


def session(folder: Path) -> Session:
    """One session. Raises ConfigError when there is none, with what was probably meant."""
    entries = journal(folder)
    kinds = [entry.kind for entry in entries]
    fills = sum(entry.kind == "told" and entry.body["what"] == "filled" for entry in entries)
    asked = {entry.body["order"] for entry in entries if entry.kind == "intent"}
    return Session(
        folder.name, origin_of(entries), is_running(folder), kinds.count("step"), len(asked), fills, entries[-1].time
    )


def journal(folder: Path) -> list[Entry]:
    """All entries of a session. Raises ConfigError when there is none."""
    check_exists(folder)
    return read(folder / JOURNAL)


def _origins(path: Path) -> list[Entry]:
    return read(path, "origin")


def origin_of(entries: Iterable[Entry]) -> Origin:
    """What a journal begins with. Raises ConfigError when that was never written."""
    found = next((entry.body for entry in entries if entry.kind == "origin"), None)
    if found is None:
        raise ConfigError("the journal has no beginning: its session ended before it had one.")
    return Origin.read(found)


def replayed(entries: list[Entry], *, until: int | None = None, compiled: bool | None = None) -> Trader:
    """The session run again from its journal, up to a time of its market, UTC ms.

    Raises DataError where it decides otherwise than it did.
    """
    origin = origin_of(entries)
    pasts = [history_of(entry.body, origin.timeframe) for entry in entries if entry.kind == "history"]
    chosen = list(_until(entries, until))
    candles = (entry for entry in chosen if entry.kind == "candle")
    return rerun(lambda: origin.trader(pasts, first_code(entries), compiled=compiled), candles, chosen, origin)


def happened(entry: Entry, length: int) -> int:
    """When what an entry tells happened, in the market's time; 0 where it does not say. length: of a candle."""
    if entry.kind in ("step", "ordered", "adopted", "resumed", "stopped", "edited"):
        return int(entry.body.get("time", 0))
    if entry.kind == "candle":
        return int(entry.body[1]) + length
    has_time = entry.kind == "told" and entry.body["what"] not in ("not_cancelled", "adjusted")
    return int(entry.body["numbers"][1]) if has_time else 0


def _until(entries: list[Entry], until: int | None) -> Iterable[Entry]:
    length = milliseconds(origin_of(entries).timeframe)
    for entry in entries:
        if entry.kind in DECIDING:
            if until is not None and happened(entry, length) > until:
                return
            yield entry
