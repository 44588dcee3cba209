"""``planar service``: a unit for systemd, so that a session is started with the machine and after a crash."""

import shlex
import sys
from pathlib import Path

from planar.cli.answer import say
from planar.cli.ask import Flag
from planar.cli.steer import Name, folder_of

UNIT = """\
[Unit]
Description=Planar session {name}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=5

[Service]
Type=exec
WorkingDirectory={folder}
ExecStart={command}
# A session that was stopped, as by planar stop, stays so; one that died goes on where it was.
Restart=on-failure
RestartSec=15
# Orders on their way come to their end.
KillSignal=SIGTERM
TimeoutStopSec=90
# What it says stands in its log: planar logs {name}
StandardOutput=null

[Install]
WantedBy={target}
"""


def service(name: Name, /, *, system: Flag = False) -> None:
    """Print a systemd unit that runs a session which there is; save it where the first lines say.

    Parameters
    ----------
    system
        For the whole machine and not for this user; it runs as this user then, too.
    """
    from planar.engine.session.folder import start_words

    words = start_words(folder_of(name))
    command = shlex.join([sys.executable, "-m", "planar", *words])
    unit = UNIT.format(
        name=name,
        folder=Path.cwd(),
        command=command.replace("%", "%%"),
        target="multi-user.target" if system else "default.target",
    )
    say(f"# planar service {name}{' --system' * system} > {_path(name, system)}")
    say(f"# systemctl {'' if system else '--user '}enable --now planar-{name}")
    if not system:
        say("# loginctl enable-linger lets it run while nobody is logged in.")
    if system:
        import getpass

        unit = unit.replace("[Service]\n", f"[Service]\nUser={getpass.getuser()}\n")
    say(unit.rstrip())


def _path(name: str, system: bool) -> str:
    return f"{'/etc/systemd/system' if system else '~/.config/systemd/user'}/planar-{name}.service"
