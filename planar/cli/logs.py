"""``planar logs``: what a session logged."""

import json as json_
import time
from typing import Annotated

from cyclopts import Parameter

from planar.cli.answer import say
from planar.cli.ask import Flag
from planar.cli.steer import Name, folder_of


def logs(
    name: Name,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative=())] = False,
    level: str = "info",
    since: str | None = None,
    json: Flag = False,
) -> None:
    """What a session did and warned of, from its log.

    Parameters
    ----------
    follow
        Go on with what comes, until Ctrl-C.
    level
        The least that is shown: info, warning or error.
    since
        Not what came before: a moment such as 2026-11-22T14:00, or 30m, 2h, 1d ago.
    json
        One line of JSON for each.
    """
    from planar.engine.session.log import entries, shown

    folder = folder_of(name)
    if not folder.exists():
        from planar.engine.session.folder import check_exists

        check_exists(folder)
    try:
        for entry in entries(folder, level=level, since=_since(since), follow=follow):
            if json:
                print(json_.dumps(entry, ensure_ascii=False), flush=True)  # noqa: T201 - what was asked for
            else:
                say(shown(entry))
    except KeyboardInterrupt:
        return  # which is how following is meant to end


def _since(text: str | None) -> int:
    """UTC ms of a moment, or of so long ago."""
    if text is None:
        return 0
    from planar.errors import ConfigError
    from planar.model.timeframe import milliseconds

    try:
        return time.time_ns() // 1_000_000 - milliseconds(text)
    except ConfigError:
        from planar.engine.market import moment

        return moment(text, "--since") or 0
