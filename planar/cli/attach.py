"""``planar attach``: a session as it goes on, on the terminal; leaving it changes nothing of the session."""

import contextlib
import select
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

from planar.cli.answer import say
from planar.cli.steer import Name, folder_of, status_of
from planar.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

REFRESH = 0.5
"""Seconds between two drawings."""

LEAVE = ("q", "Q", "\x1b", "\x03", "\x04", "")
"""Keys that leave: q, Escape, Ctrl-C, Ctrl-D; and the end of the input."""

FRAME = 16
"""Lines of the panel that are kept for all but the sentences, where there is nothing out of the usual."""


def attach(name: Name, /) -> None:
    """A session as it goes on, until q or Ctrl-C; it runs on. One that does not run is shown as it was."""
    from planar.engine.session.folder import is_running

    folder = folder_of(name)
    if is_running(folder) and sys.stdout.isatty():
        _follow(folder)
        return
    from rich.console import Console

    from planar.cli.panel import drawn

    Console(highlight=False).print(drawn(status_of(folder), lines=FRAME))


def _follow(folder: "Path") -> None:
    from rich.console import Console
    from rich.live import Live

    from planar.cli.panel import drawn
    from planar.engine.session.line import Line

    console = Console(highlight=False)

    def show(line: Line, live: Live) -> None:
        told = line.ask("status")
        room = console.height - FRAME - sum(len(told[name]) for name in ("positions", "orders", "protection"))
        live.update(drawn(told, lines=max(room, 3)), refresh=True)

    why = f"{folder.name} runs on. Stop it: planar stop {folder.name}"
    try:
        with Line(folder) as line, _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            show(line, live)
            while not _is_left():
                show(line, live)
    except KeyboardInterrupt:
        pass  # one leaves so, too
    except ConfigError as error:
        why = str(error)
    say(why)


@contextlib.contextmanager
def _keys() -> Generator[None]:
    """Keys are heard at once, and not shown; the terminal is left as it was."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _is_left() -> bool:
    """Whether somebody wants to leave; waits a moment for it."""
    ready, _, _ = select.select([sys.stdin], [], [], REFRESH)
    return bool(ready) and sys.stdin.read(1) in LEAVE
