"""``planar live``: a strategy at an exchange, until Ctrl-C."""

import asyncio
import itertools
import logging
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.ask import Flag, agreed, confirm_real, settings
from planar.cli.backtest import DEFAULT, parameters
from planar.cli.cold import compile_apart
from planar.cli.options import STRATEGY_HELP, Account, Armed, Instruments, Named, Params, Sandbox, Strategy
from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.engine.session.build import Choice
    from planar.engine.session.live import LiveSession
    from planar.exchange.interface import Exchange


@Parameter(name="*")
@dataclass(frozen=True)
class Choices:
    """Where, and with what."""

    exchange: Named = None
    sandbox: Sandbox = False
    account: Account = None
    cash: Annotated[str | None, Parameter(help="Of the quote currency; all that is free when left out.")] = None
    instrument: Instruments = None
    param: Params = None
    name: Annotated[str | None, Parameter(help="Of the session; the same name goes on where it stopped.")] = None
    edited: Flag = False
    """Go on with the strategy's file as it was edited since the session ran, without being asked."""
    interpreted: Flag = False
    """Do not compile the strategy."""
    detach: Flag = False
    """Go on in the background once the session is open: see `planar status`, `planar logs` and `planar stop`."""


USUAL = Choices()
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def live(
    strategy: Annotated[str | None, Parameter(help=f"{STRATEGY_HELP} {DEFAULT} when left out.")] = None,
    /,
    *,
    choices: Choices = USUAL,
    from_run: str | None = None,
    armed: Armed = False,
) -> None:
    """Trade a strategy at an exchange until Ctrl-C; the demo needs no keys and no network.

    What it does stands in its journal, data/sessions/NAME; after a stop or a crash the same command goes on from there.

    Parameters
    ----------
    from_run
        A session, as one on paper: its strategy, instruments and parameters, once it has traded for long enough and as
        simulated; [parity] in user/planar.toml says what is enough.
    """
    _trade(strategy or "", "live", choices, from_run=from_run or "", armed=armed)


def paper(strategy: Strategy = DEFAULT, /, *, choices: Choices = USUAL) -> None:
    """Trade a strategy with play money at an exchange's market, as it happens, until Ctrl-C.

    Orders walk the exchange's book; resting ones fill behind the trades that print through them.
    """
    _trade(strategy, "paper", choices)


def _trade(strategy: str, mode: str, choices: Choices, *, from_run: str = "", armed: bool = False) -> None:
    if choices.detach:
        from planar.cli.detach import detached

        detached()
        return
    compile_apart(is_demo=(choices.exchange or settings().defaults.exchange) == "demo")
    from planar.engine.session.build import Choice, like_trial
    from planar.engine.session.folder import sessions_folder
    from planar.engine.session.trial import trial_of
    from planar.exchange import get

    trial = trial_of(sessions_folder() / from_run) if from_run else None
    choice = Choice(
        strategy or ("" if from_run else DEFAULT),
        mode,
        instruments=tuple(choices.instrument or ()),
        parameters=parameters(choices.param or []),
        cash=_money(choices.cash),
        name=choices.name,
        compiled=False if choices.interpreted else None,
        from_run=from_run,
    )
    if trial is not None:
        choice = like_trial(choice, trial)

    async def work() -> None:
        name = choices.exchange or (trial.origin.exchange if trial else settings().defaults.exchange)
        async with get(name, sandbox=choices.sandbox, account=choices.account or "") as exchange:
            if mode == "live":
                _confirm(choice, exchange, armed=armed)
            await _run(_settled(choice, exchange, is_wanted=choices.edited), exchange)

    asyncio.run(work())


def _confirm(choice: "Choice", exchange: "Exchange", *, armed: bool) -> None:
    """Asks before a session moves real money."""
    from planar.engine.session.build import limits_of

    risk = limits_of(choice, exchange)
    limits = ", ".join(f"{name} {value:,g}" for name, value in risk.limits.items())
    confirm_real(f"A session of {choice.strategy} ({limits})", exchange, armed=armed, risk=risk, question="Start it?")


def _settled(choice: "Choice", exchange: "Exchange", *, is_wanted: bool) -> "Choice":
    """Asks before a session goes on with code that was edited. Raises ConfigError where it is not to."""
    from planar.engine.session.build import edit_before

    edit = edit_before(choice, exchange)
    if edit is None:
        return choice
    if not is_wanted:
        if not sys.stdin.isatty():
            raise edit.refusal()
        for line in edit.sentences():
            print(line, file=sys.stderr)  # noqa: T201
        if not agreed("Go on with the new code?"):
            raise ConfigError("nothing was started: undo the edit to go on with the old code.")
    return replace(choice, edited=edit.now.hash)


def _money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ConfigError(f"--cash {text!r} is no amount: write --cash 1000.") from None


async def _run(choice: Any, exchange: "Exchange") -> None:
    """Trades until the session ends or a signal comes; a second signal waits for nothing that is on its way."""
    open_: list[LiveSession] = []
    signals = itertools.count()
    loop, trading = asyncio.get_running_loop(), asyncio.ensure_future(_traded(choice, exchange, open_))

    def stop() -> None:
        if open_ and not next(signals):
            open_[0].stop()
        else:
            trading.cancel()

    for name in SIGNALS:
        loop.add_signal_handler(name, stop)
    try:
        await trading
    except asyncio.CancelledError:
        if open_:
            raise KeyboardInterrupt("what was on its way is looked for when the session is started again.") from None
        _print("Stopped before the session was open.")


async def _traded(choice: Any, exchange: "Exchange", open_: "list[LiveSession]") -> None:
    """A session from its opening to its end. open_: gets it once it is open."""
    from planar.cli.detach import let_go
    from planar.engine.session.build import opened

    with _warnings() as handler:
        async with opened(choice, exchange, _say_entry) as session:
            open_.append(session)
            if let_go(session):
                logging.getLogger("planar").removeHandler(handler)
            await session.run()
    _say_end(session)


@contextmanager
def _warnings() -> Generator[logging.Handler]:
    """Shows them on the terminal."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger("planar").addHandler(handler)
    try:
        yield handler
    finally:
        logging.getLogger("planar").removeHandler(handler)


def _say_begin(session: "LiveSession") -> None:
    from planar.strategy.load import load
    from planar.venue.demo import Demo

    origin, trader = session.origin, session.recorder.trader
    how = "compiled" if trader.hooks else f"interpreted ({trader.why_interpreted})"
    say = _print
    names = ", ".join(each.name for each in origin.instruments)
    say(f"{load(origin.strategy).__name__} on {names}, {origin.timeframe} candles, {how}.")
    if isinstance(session.market, Demo) and session.market.has_own_venue:
        pace = f"{session.market.speed:,.0f} times faster than real time"
        say(f"This is a demo: a synthetic market on this machine, {pace}, no real money.")
    elif origin.mode == "paper":
        say(f"Paper: the market of {session.market.name}, play money.")
    elif not session.exchange.is_real:
        say("This is no real money.")
    quote = origin.instruments[0].quote
    say(f"Cash {_cash(session):,.2f} {quote}. Journal: {session.folder}. Ctrl-C stops; positions stay.")


def _say_entry(session: "LiveSession", kind: str, body: Any) -> None:
    from planar.engine.session.words import sentences

    if kind in ("origin", "resumed"):
        _say_begin(session)
    for sentence in sentences(session.origin, kind, body):
        at = datetime.fromtimestamp(session.clock() / 1000, UTC)
        _print(f"{at:%Y-%m-%d %H:%M:%S}  {sentence}")


def _say_end(session: "LiveSession") -> None:
    from planar.cli.panel import missed

    origin, trader = session.origin, session.recorder.trader
    quote = origin.instruments[0].quote
    start = origin.cash * float(origin.instruments[0].quote_unit) + trader.put_in
    equity = trader.equity()
    counts = f"{trader.record['orders_n']} orders, {trader.record['fills_n']} fills"
    _print(f"{counts}. Equity {equity:,.2f} {quote}, {equity / start - 1:+.2%} since the session began.")
    for k, instrument in enumerate(origin.instruments):
        units, _ = trader.base(k)
        if units:
            record = trader.memory.instruments[k]
            _print(f"{instrument.name}: {record['amount']:g} {instrument.base} held, last price {record['last']:,g}.")
    for told in session.safety.naked.documents():
        if told["count"]:
            _print(f"{told['instrument']}: protection was {missed(told)}.")


def _cash(session: "LiveSession") -> float:
    return session.recorder.trader.cash()[0] * float(session.origin.instruments[0].quote_unit)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a user reads
