"""``--detach``: the same command again, in the background.

That program speaks to this terminal until its session is open; then it says so through a pipe and lets go of it.
"""

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from planar.cli.answer import say
from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

PIPE = "PLANAR_DETACHED"
"""The variable that names the pipe's end, in the program in the background."""

OUTPUT = "output.txt"
"""In the session's folder: what Python itself prints when it dies; all else is in the log."""


def detached() -> None:
    """Starts this command in the background and returns once its session is open; exits as it does where it dies."""
    told, tells = os.pipe()
    words = [word for word in sys.argv[1:] if word != "--detach"]
    program = subprocess.Popen(
        [sys.executable, "-m", "planar", *words],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(tells,),
        env={**os.environ, PIPE: str(tells)},
    )
    os.close(tells)
    try:
        with os.fdopen(told) as pipe:
            answer = pipe.read()
    except KeyboardInterrupt:
        program.terminate()
        program.wait()
        raise KeyboardInterrupt("the session was not started.") from None
    if not answer:
        code = program.wait()
        if code:
            sys.exit(code)
        raise ConfigError("the session ended before it was open.")
    name = json.loads(answer)["session"]
    program.returncode = 0  # nobody waits for it any more
    say(f"{name} goes on in the background, process {program.pid}.")
    say(f"Look: planar status {name}, planar attach {name}, planar logs {name} --follow. Stop: planar stop {name}")


def let_go(session: "LiveSession") -> bool:
    """The session is open: a program in the background says so and leaves the terminal. Gives whether it is one."""
    number = os.environ.pop(PIPE, None)
    if number is None:
        return False
    sys.stdout.flush()
    for stream, path in ((1, os.devnull), (2, session.folder / OUTPUT)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)
        os.close(file)
    with contextlib.suppress(OSError), os.fdopen(int(number), "w") as pipe:
        json.dump({"session": session.folder.name}, pipe)
    return True
