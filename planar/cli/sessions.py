"""``planar sessions | journal | replay``: what sessions are and were."""

import json as json_
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.answer import say, say_json, shown_time, table
from planar.cli.ask import Flag
from planar.cli.options import Json

if TYPE_CHECKING:
    from planar.engine.session.lines import Wanted
    from planar.engine.session.trader import Trader

Name = Annotated[str, Parameter(help="Of the session: see `planar sessions`.")]


def sessions(*, json: Json = False) -> None:
    """All sessions of this folder: running, stopped or ended by a crash."""
    from planar.engine.session import archive
    from planar.engine.session.folder import sessions_folder

    found = archive.sessions(sessions_folder())
    rows = [
        {
            "session": each.name,
            "state": "running" if each.is_running else "not running",
            "mode": each.origin.mode,
            "strategy": each.origin.strategy,
            "exchange": each.origin.exchange,
            "decisions": each.decisions,
            "orders": each.orders,
            "fills": each.fills,
            "written": shown_time(each.last),
        }
        for each in found
    ]
    if json:
        say_json(rows)
        return
    nothing = "There are no sessions yet: begin one with `planar paper sma_cross --exchange demo`."
    table(list(rows[0]) if rows else [], [list(row.values()) for row in rows], nothing=nothing)


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which entries of a journal."""

    kind: Annotated[list[str] | None, Parameter(negative=())] = None
    """Of that kind, such as told, step, candle or intent; may be repeated."""
    since: str | None = None
    """From that moment of the session's time on, such as 2026-11-22T14:00."""
    until: str | None = None
    """Before that moment."""
    order: int | None = None
    """Of that order."""
    text: str | None = None
    """Those that say this."""


EVERY = Filters()


def journal(name: Name, /, *, filters: Filters = EVERY, export: Path | None = None, json: Json = False) -> None:
    """What a session saw, asked for and was told, in the session's time.

    Parameters
    ----------
    export
        Write them into a file instead: FILE.jsonl, FILE.csv or FILE.parquet.
    """
    from planar.engine.session import archive, lines
    from planar.engine.session.folder import sessions_folder

    entries = archive.journal(sessions_folder() / name)
    found = lines.lines(entries, _wanted(filters))
    if export is not None:
        say(f"{lines.export(found, export):,} entries written to {export}.")
        return
    if json:
        say_json([line._asdict() for line in found])
        return
    is_close = bool(filters.kind or filters.order is not None)
    count = 0
    for count, line in enumerate(found, 1):  # noqa: B007 - it is told after the loop
        for sentence in line.text or ([f"{line.kind} {json_.dumps(line.body)}"] if is_close else []):
            say(f"{shown_time(line.time)}  {sentence}")
    if not count:
        say("Nothing of that is in the journal.")


def _wanted(filters: Filters) -> "Wanted":
    from planar.engine.market import moment
    from planar.engine.session.lines import Wanted

    span = (moment(text, f"--{name}") for name, text in (("since", filters.since), ("until", filters.until)))
    return Wanted(tuple(filters.kind or ()), *span, filters.order, filters.text or "")


def replay(
    name: Name, /, *, at: str | None = None, step: str | None = None, interpreted: Flag = False, json: Json = False
) -> None:
    """Run a session again from its journal: every decision must come out as it did, to the last bit.

    Parameters
    ----------
    at
        Stop at this moment of its market, such as 2026-11-22T14:00.
    step
        Step through the decision of this moment, or through the one that asked for the order of this number: what
        its hooks see, then line by line in Python's debugger, then what comes of it. Without a terminal, the first
        and the last.
    interpreted
        As Python, whatever it was.
    """
    from planar.engine.market import moment
    from planar.engine.session import archive
    from planar.engine.session.folder import sessions_folder

    entries = archive.journal(sessions_folder() / name)
    if step is not None:
        from planar.cli.step import step as step_through

        step_through(entries, step, as_json=json)
        return
    trader = archive.replayed(entries, until=moment(at, "--at"), compiled=False if interpreted else None)
    state = _state(trader)
    if json:
        say_json(state)
        return
    say(f"{state['decisions']:,} decisions came out as they did.")
    say(f"Equity {state['equity']:,.2f}, cash {state['cash']:,.2f}, {state['open']} open orders.")
    for instrument, amount in state["held"].items():
        say(f"{instrument}: {amount:g}")


def _state(trader: "Trader") -> dict[str, Any]:
    from planar.kernel import reads

    held = {
        instrument.name: float(record["amount"])
        for instrument, record in zip(trader.instruments, trader.memory.instruments, strict=True)
        if record["amount"]
    }
    return {
        "decisions": int(trader.record["steps"]),
        "equity": trader.equity(),
        "cash": float(reads.cash(trader.address, 0)),
        "open": sum(int(record["active_n"]) for record in trader.memory.instruments),
        "held": held,
    }
