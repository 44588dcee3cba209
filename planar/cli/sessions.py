"""``planar sessions | journal | replay``: what sessions are and were."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.answer import say, say_json, shown_time, table
from planar.cli.ask import Flag
from planar.cli.options import Json

if TYPE_CHECKING:
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


def journal(name: Name, /, *, kind: str | None = None, json: Json = False) -> None:
    """What a session saw, asked for and was told.

    Parameters
    ----------
    kind
        Entries of that kind only, such as told, step, candle or intent.
    """
    from planar.engine.session import archive
    from planar.engine.session.folder import sessions_folder
    from planar.engine.session.words import sentences

    entries = archive.journal(sessions_folder() / name)
    origin = archive.origin_of(entries)
    wanted = [entry for entry in entries if kind in (None, entry.kind)]
    if json:
        say_json([entry._asdict() for entry in wanted])
        return
    for entry in wanted:
        for sentence in sentences(origin, entry.kind, entry.body) or ([str(entry.body)] if kind else []):
            say(f"{shown_time(entry.time)}  {sentence}")


def replay(name: Name, /, *, at: str | None = None, interpreted: Flag = False, json: Json = False) -> None:
    """Run a session again from its journal: every decision must come out as it did, to the last bit.

    Parameters
    ----------
    at
        Stop at this moment of its market, such as 2026-11-22T14:00.
    interpreted
        As Python, whatever it was.
    """
    from planar.engine.market import moment
    from planar.engine.session import archive
    from planar.engine.session.folder import sessions_folder

    entries = archive.journal(sessions_folder() / name)
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
    held = {
        instrument.name: float(record["amount"])
        for instrument, record in zip(trader.instruments, trader.memory.instruments, strict=True)
        if record["amount"]
    }
    return {
        "decisions": int(trader.record["steps"]),
        "equity": trader.equity(),
        "cash": float(trader.record["money"]),
        "open": sum(int(record["active_n"]) for record in trader.memory.instruments),
        "held": held,
    }
