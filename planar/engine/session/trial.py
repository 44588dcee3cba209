"""`Trial`: a session that ran before, from which another begins with more at stake, once it has shown enough."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planar.broker.gate import State
from planar.broker.journal import Entry
from planar.broker.terms import decimal, symbol_of
from planar.config.settings import Parity
from planar.engine.fill_file import fill_model_of
from planar.engine.session import archive, parity
from planar.engine.session.assumed import differences
from planar.engine.session.attribution import judged
from planar.engine.session.comparison import Score, score_of
from planar.engine.session.decisions import is_stale
from planar.engine.session.edit import last_code
from planar.engine.session.folder import is_running, start_command
from planar.engine.session.origin import Origin
from planar.engine.session.wish import is_same
from planar.errors import ConfigError
from planar.exchange.interface import Exchange
from planar.model.instrument import exact
from planar.model.timeframe import milliseconds
from planar.strategy.load import load

DAY = 86_400_000


@dataclass(frozen=True)
class Trial:
    """The session of a folder. found: what was checked of it, in sentences."""

    folder: Path
    origin: Origin
    found: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the session."""
        return self.folder.name

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it traded."""
        return tuple(map(symbol_of, self.origin.instruments))

    def beside(self, origin: Origin) -> list[str]:
        """What was found, and what is not for a session that begins as it was for this one."""
        theirs, who = self.origin, f"session {self.name}"
        told = [*self.found, *differences(origin.instruments, theirs.instruments, who)]
        cash = [decimal(each.cash, exact(each.instruments[0].quote_unit)) for each in (origin, theirs)]
        if cash[0] != cash[1]:
            mine, his = (f"{each:,.2f} {origin.instruments[0].quote}" for each in cash)
            told.append(f"It begins with {mine}, and {who} began with {his}.")
        return told


def trial_of(folder: Path) -> Trial:
    """Raises ConfigError where there is no such session."""
    return Trial(folder, archive.origin_of(archive.journal(folder)))


def check_like(trial: Trial, strategy: str, instruments: Iterable[str], parameters: dict[str, Any]) -> None:
    """Raises ConfigError where something is asked for otherwise than it was tried; what is empty is not asked for."""
    origin, wanted = trial.origin, tuple(name.rpartition(":")[2] for name in instruments)
    if strategy and not is_same(load(strategy), load(origin.strategy)):
        raise _otherwise(trial, "the strategy", origin.strategy, strategy)
    if wanted and wanted != trial.symbols:
        raise _otherwise(trial, "--instruments", " ".join(trial.symbols), " ".join(wanted))
    asked = load(origin.strategy)(**{**origin.parameters, **parameters}).parameters
    for name, value in asked.items():
        if value != origin.parameters.get(name):
            raise _otherwise(trial, "--param", f"{name}={origin.parameters.get(name)}", f"{name}={value}")


def _otherwise(trial: Trial, option: str, was: str, now: str) -> ConfigError:
    return ConfigError(
        f"--from-run {trial.name}: it ran with {option} {was}, and {now} is asked for. What it showed is of that "
        f"alone: leave {option} out, or run it so on paper first."
    )


async def tried(trial: Trial, market: Exchange, limits: Parity, store: Path) -> Trial:
    """The trial with what was found; raises ConfigError where it is not enough, with all that is missing.

    market: where the new session is to trade.
    """
    origin = trial.origin
    if market.id != origin.exchange:
        raise ConfigError(
            f"--from-run {trial.name}: it ran at {origin.exchange}, and the new session is to be at {market.id}, whose "
            f"market it never saw. Run it on paper there first: planar paper {origin.strategy} --exchange {market.id}."
        )
    entries = archive.journal(trial.folder)
    code, since = _ran(entries)
    edited = origin.check_code(code)
    if edited:
        raise ConfigError(
            f"--from-run {trial.name}: {edited}. What is to trade is not what ran there: undo the edit, or run the "
            "edited one on paper first."
        )
    [told] = await parity.told([trial.folder], store)
    days = traded(entries[since:], milliseconds(origin.timeframe)) / DAY
    pairs, _ = await asyncio.to_thread(
        judged, told.story, fill_model_of(limits.fill), told.market, entries[since].time if since else 0
    )
    score = score_of(pairs)
    lacking = list(_lacking(trial, days, score, limits))
    if lacking:
        raise ConfigError(f"--from-run {trial.name} is not enough to begin from. {' '.join(lacking)}")
    found = _found(trial, code, market, days, score, limits, told.market.why)
    return replace(trial, found=tuple(found))


def _ran(entries: list[Entry]) -> tuple[str, int]:
    """The hash of what a session ran last, and from which place of its journal on."""
    code = last_code(entries)
    edits = [place for place, entry in enumerate(entries) if entry.kind == "edited"]
    return (code.hash if code else archive.origin_of(entries).code), max(edits, default=0)


def traded(entries: Iterable[Entry], length: int) -> int:
    """For how long a session traded, by its own clock, in milliseconds: candles that it decided on in time while all
    orders might be sent; not those that it missed or caught up with. length: of a candle.
    """
    is_active, times = True, set[int]()
    for entry in entries:
        body = entry.body
        if entry.kind == "state":
            is_active = body["state"] == State.ACTIVE.name
        elif entry.kind == "resumed":
            is_active = True  # what held it back is said anew
        elif entry.kind == "step" and is_active and not is_stale(body["time"], body.get("at", body["time"]), length):
            times.add(body["time"])
    return len(times) * length


def _lacking(trial: Trial, days: float, score: Score, limits: Parity) -> Iterator[str]:
    """What is not as it is asked for, each with its remedy."""
    if days < limits.days:
        yield (
            f"It has traded {_days(days)}, counted by candles that it decided on in time, and parity.days = "
            f"{limits.days:g} are asked for: {_go_on(trial)}"
        )
    if score.orders < limits.orders:
        yield f"{_orders(score)} could be judged, and parity.orders = {limits.orders} are asked for: {_go_on(trial)}"
        return
    if score.agreement < limits.agreement:
        yield (
            f"{score.agreement:.1%} of its {_orders(score)} went as simulated, and parity.agreement = "
            f"{limits.agreement:g} is asked for: `planar parity {trial.name}` says why."
        )
    if score.bps < -limits.shortfall:
        yield (
            f"It earned {-score.bps:.1f} bp of its turnover less than simulated, and parity.shortfall = "
            f"{limits.shortfall:g} is the most that is allowed: `planar parity {trial.name}` says why."
        )


def _found(
    trial: Trial, code: str, market: Exchange, days: float, score: Score, limits: Parity, why: str
) -> Iterator[str]:
    """What was checked, in sentences."""
    origin = trial.origin
    how = "on paper" if origin.mode == "paper" else "in the test environment" if origin.sandbox else "live"
    yield (
        f"Session {trial.name} ran this code ({code}) {how} and traded {_days(days)}; {limits.days:g} are asked for."
    )
    yield (
        f"{score.agreement:.1%} of its {_orders(score)} went as simulated, {score.bps:+.1f} bp of turnover; "
        f"{limits.agreement:.0%} and {-limits.shortfall:+g} bp are asked for."
    )
    if why:
        yield f"Its candles could not be compared with the market's: {why.rstrip('.')}."
    if origin.sandbox and market.is_real:
        yield "The market of a test environment is not the real one: how it fills there says little."


def _go_on(trial: Trial) -> str:
    return "let it go on." if is_running(trial.folder) else f"let it go on. {start_command(trial.folder)}"


def _days(days: float) -> str:
    return f"{days:.1f} days"


def _orders(score: Score) -> str:
    return f"{score.orders:,} order{'' if score.orders == 1 else 's'}"
