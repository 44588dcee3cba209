"""``planar parity``: sessions beside their simulation, and why they differ."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from planar.cli.answer import say, say_json, shown_time, table
from planar.cli.ask import Flag
from planar.cli.causes import document_of, shares_as_json, show, show_orders, signed
from planar.cli.options import Json, StoreFile
from planar.errors import ConfigError, PlanarError

if TYPE_CHECKING:
    from planar.engine.session.attribution import Share
    from planar.engine.session.comparison import Score
    from planar.engine.session.parity import Told
    from planar.simulator.fill_model import FillModel

APART, MISUSE = 1, 2
DAY = 86_400_000
Name = Annotated[str | None, Parameter(help="Of a session, or the path of its folder: see `planar sessions`.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Choices:
    """Which sessions, and what they are measured by."""

    since: str | None = None
    """All sessions that did something from then on: yesterday, today, or a moment such as 2026-11-22."""
    fill: str | None = None
    """Fill model of the simulation: a profile, or a file that --calibrate wrote; that of [parity] when left out."""
    calibrate: Path | None = None
    """Writes what the sessions measure as a fill model, for `planar backtest --fill FILE`."""
    recorded: Flag = False
    """With --calibrate: every journey, and what every taker paid, to be drawn from; else their medians."""
    orders: Flag = False
    """Show each order beside its simulation."""
    store: StoreFile = None


USUAL = Choices()


def parity(name: Name = None, /, *, choices: Choices = USUAL, json: Json = False) -> None:
    """How near a session came to its simulation, and what every difference is worth.

    The session's own orders are sent to the simulated exchange, and its strategy is run again over the same candles.
    Ends with 0 when all is near enough, 1 when it is not ([parity] in user/planar.toml says how near), 2 on misuse.
    """
    from planar.cli.failure import say_failure

    try:
        is_apart = _tell(name, choices, as_json=json)
    except PlanarError as error:
        say_failure(error, str(error), as_json=json)
        raise SystemExit(MISUSE) from None
    if is_apart:
        raise SystemExit(APART)


def _tell(name: str | None, choices: Choices, *, as_json: bool) -> bool:
    """Prints what was asked for; whether a session is further from its simulation than it may be."""
    from planar.config.load import load
    from planar.engine.fill_file import fill_model_of
    from planar.engine.session import parity as found
    from planar.engine.session.folder import sessions_folder
    from planar.report.progress import announce_compiling

    if (name is None) == (choices.since is None):
        raise ConfigError("give the name of a session, or --since: planar parity --since yesterday.")
    settings, folder = load().settings, sessions_folder()
    fill = choices.fill or settings.parity.fill
    model, moment = fill_model_of(fill), _moment(choices.since)
    announce_compiling()
    folders = [_folder(folder, name)] if name else found.active(folder, moment)
    told = asyncio.run(found.told(folders, choices.store or Path(settings.store.path)))
    if choices.calibrate is not None:
        _calibrate(told, model, choices, as_json=as_json)
        return False
    if not name:
        return _tell_all(told, model, moment, as_json=as_json)
    made = told[0].attribution(model)
    is_apart = made.score.is_apart(settings.parity)
    if as_json:
        say_json(document_of(told[0], made, fill, is_apart))
        return is_apart
    show(told[0], made, fill, is_apart, settings.parity.orders)
    if choices.orders:
        show_orders(made.pairs)
    return is_apart


def _folder(sessions: Path, name: str) -> Path:
    return Path(name) if "/" in name else sessions / name


def _moment(since: str | None) -> int:
    """A moment as UTC ms: ``today`` and ``yesterday`` are midnights of UTC."""
    from planar.engine.market import moment

    midnight = time.time_ns() // 1_000_000 // DAY * DAY
    named = {"today": midnight, "yesterday": midnight - DAY}
    return named[since] if since in named else moment(since, "--since") or 0


def _tell_all(told: "Sequence[Told]", model: "FillModel", moment: int, *, as_json: bool) -> bool:
    from planar.config.load import load
    from planar.engine.session.comparison import score_of

    limits, rows, documents = load().settings.parity, [], []
    for each in told:
        pairs, shares = each.since(model, moment)
        score = score_of(pairs)
        apart = score.is_apart(limits)
        verdict = "apart" if apart else "near" if score.orders >= limits.orders else "too few"
        rows.append([each.name, *_row(score, shares, each.currency), verdict])
        documents.append(
            {"session": each.name, "score": score.document(), "causes": shares_as_json(shares), "is_apart": apart}
        )
    if as_json:
        say_json(documents)
    else:
        columns = ["session", "orders", "as simulated", "bp", "better by", "most of it", "verdict"]
        table(columns, rows, nothing=f"No session has done anything since {shown_time(moment)}.")
    return any(each["is_apart"] for each in documents)


def _row(score: "Score", shares: "Sequence[Share]", currency: str) -> list[str]:
    largest = max(shares, key=lambda share: abs(share.amount), default=None)
    why = f"{largest.cause} {signed(largest.amount)}" if largest else ""
    agreement = f"{score.agreement:.0%}" if score.orders else ""
    return [str(score.orders), agreement, f"{score.bps:+.1f}", f"{signed(score.difference)} {currency}", why]


def _calibrate(told: "Sequence[Told]", model: "FillModel", choices: Choices, *, as_json: bool) -> None:
    from planar.engine.fill_file import write_model
    from planar.engine.session.calibration import calibrated

    path, names = choices.calibrate or Path(), [each.name for each in told]
    made = calibrated([(each.story, each.market) for each in told], model, is_recorded=choices.recorded)
    write_model(path, made.model, made.why(names))
    if as_json:
        counts = {"orders": made.orders, "takers": made.takers, "makers": made.makers}
        say_json({"file": str(path), "sessions": names, "model": made.model, **counts})
        return
    for line in made.why(names):
        say(line)
    say(f"Use it: planar backtest --fill {path}")
