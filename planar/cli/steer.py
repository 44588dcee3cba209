"""``planar status | stop | pause | resume | lock | unlock | close``: running sessions looked at, told what to do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.answer import say, say_json, shown_time, table
from planar.cli.ask import Flag
from planar.cli.options import Json
from planar.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Name = Annotated[str, Parameter(help="Of the session: see `planar sessions`.")]
Instrument = Annotated[str, Parameter(help="One of the session's, such as BTC/USDT.")]


def folder_of(name: str) -> "Path":
    """Where a session is kept; the beginning of a name will do where one session alone has it, one that runs first."""
    from planar.engine.session.folder import JOURNAL, running, sessions_folder

    if not name or "/" in name:
        raise ConfigError(f"{name!r} is no name of a session: see `planar sessions`.")
    folder = sessions_folder()
    if (folder / name).exists():
        return folder / name
    for known in (running(folder), [path.parent for path in folder.glob(f"*/{JOURNAL}")]):
        begins = [each for each in known if each.name.startswith(name)]
        if begins:
            return begins[0] if len(begins) == 1 else folder / name
    return folder / name


def status(name: Annotated[str | None, Parameter(help="Of one session.")] = None, /, *, json: Json = False) -> None:
    """How sessions stand: all that run, or one of them, which may have ended."""
    if name is None:
        _say_all(json)
        return
    found = status_of(folder_of(name))
    if json:
        say_json(found)
        return
    from rich.console import Console

    from planar.cli.panel import drawn

    Console(highlight=False).print(drawn(found))


def status_of(folder: "Path") -> dict[str, Any]:
    """As the session tells it, or its journal where it does not run."""
    from planar.engine.session.folder import check_exists, is_running
    from planar.engine.session.line import ask

    check_exists(folder)
    if is_running(folder):
        return ask(folder, "status")
    from planar.engine.session.status import read  # which loads the engine

    return read(folder)


def _say_all(as_json: bool) -> None:
    from planar.engine.session.folder import running, sessions_folder
    from planar.engine.session.line import ask

    found = []
    for folder in running(sessions_folder()):
        try:
            found.append(ask(folder, "status"))
        except ConfigError as error:
            found.append({"session": folder.name, "state": "SILENT", "why": str(error)})
    if as_json:
        say_json(found)
        return
    columns = ["session", "state", "equity", "gain", "held", "open orders", "decided", "fills"]
    table(columns, [_row(each) for each in found], nothing="No session is running. See `planar sessions`.")
    for each in found:
        if each["why"]:
            say(f"{each['session']}: {each['why']}")


def _row(one: Mapping[str, Any]) -> list[Any]:
    if "equity" not in one:
        return [one["session"], one["state"], *[None] * 6]
    held = ", ".join(f"{each['amount']:g} {each['instrument']}" for each in one["positions"]) or None
    money = f"{one['equity']:,.2f} {one['quote']}", f"{one['gain']:+.2%}"
    counts = str(len(one["orders"])), shown_time(one["decided"]), str(one["fills"])
    return [one["session"], one["state"], *money, held, *counts]


def pause(name: Name, /, *, json: Json = False) -> None:
    """No new entries: a session only makes its positions smaller until it is resumed, restarts included."""
    from planar.engine.session.line import ask

    folder = folder_of(name)
    found = ask(folder, "pause")
    if json:
        say_json(found)
    else:
        say(f"Paused: {folder.name} makes no new entries. Go on with: planar resume {folder.name}")


def resume(name: Name, /, *, json: Json = False) -> None:
    """Let a session go on that was paused, or was to stop when flat."""
    from planar.engine.session.line import ask

    found = ask(folder_of(name), "resume")
    if json:
        say_json(found)
        return
    say(f"{found['session']} is {found['state']}. {found['why']}".rstrip())


def lock(
    name: Name,
    instrument: Instrument,
    /,
    *,
    for_: Annotated[str | None, Parameter(name="--for", help="So long by the session's clock, such as 4h.")] = None,
    json: Json = False,
) -> None:
    """No new entries in one instrument until it is unlocked, restarts included; exits pass."""
    from planar.engine.session.line import ask

    _say_locks(ask(folder_of(name), "lock", instrument=instrument, **{"for": for_}), json)


def unlock(name: Name, instrument: Instrument, /, *, json: Json = False) -> None:
    """Let a session make new entries in an instrument again."""
    from planar.engine.session.line import ask

    _say_locks(ask(folder_of(name), "unlock", instrument=instrument), json)


def _say_locks(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    say(f"{found['session']} is {found['state']}. {found['why']}".rstrip())
    if not found["locked"]:
        say("None of its instruments is locked.")


def close(
    name: Name,
    instrument: Annotated[str | None, Parameter(help="Of one only, such as BTC/USDT.")] = None,
    /,
    *,
    json: Json = False,
) -> None:
    """Cancel a session's orders and close its positions at market; the session goes on."""
    from planar.engine.session.line import ask

    left = ask(folder_of(name), "close", instrument=instrument)
    _check_left(left, f"Try again: planar close {name}")
    if json:
        say_json(left)
    else:
        _say_closed(left)


def stop(name: Name, /, *, close: Flag = False, when_flat: Flag = False, json: Json = False) -> None:
    """Stop a session; positions and resting orders stay unless it is said.

    Parameters
    ----------
    close
        Cancel its orders and close its positions at market first.
    when_flat
        Make no new entries, and stop once nothing is held.
    """
    from planar.engine.session.line import ask, ended

    if close and when_flat:
        raise ConfigError("--close and --when-flat exclude each other: give one of them.")
    folder = folder_of(name)
    name = folder.name
    answer = ask(folder, "stop", close=close, when_flat=when_flat)
    if close:
        _check_left(answer, f"{name} is paused instead of stopped. Try again, or stop it without --close.")
    is_over = not when_flat and ended(folder)
    if json:
        say_json({"session": name, "running": not is_over, "answer": answer})
        return
    if close:
        _say_closed(answer)
    if when_flat:
        say(f"{name} makes no new entries and stops once nothing is held. Take it back: planar resume {name}")
    else:
        stays = " Positions and orders stay." if not close and (answer["positions"] or answer["orders"]) else ""
        say(
            f"{name} has stopped.{stays}"
            if is_over
            else f"{name} was told to stop and is still ending: planar logs {name}"
        )


def _say_closed(closed: Sequence[Mapping[str, Any]]) -> None:
    say(f"Nothing is held and no order is open of {', '.join(each['instrument'] for each in closed)}.")


def _check_left(left: Sequence[Mapping[str, Any]], remedy: str) -> None:
    """Raises ConfigError with what is still there."""
    told = []
    for each in left:
        if each["held"] or each["orders"]:
            why = f" ({each['why']})" if each["why"] else ""
            told.append(f"{each['instrument']}: {each['held']:g} still held{why}, {each['orders']} orders still open")
    if told:
        raise ConfigError(f"{'; '.join(told)}. {remedy}")
