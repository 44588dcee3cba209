"""`opened`: a session from what its caller asks for: new, or gone on with."""

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from planar.broker.journal import read
from planar.broker.switch import KillSwitch
from planar.broker.terms import bare
from planar.config.limits import joined
from planar.config.load import load as configured
from planar.config.secrets import load_secrets
from planar.config.settings import Risk, Settings
from planar.engine.fill_file import fill_model_of
from planar.engine.session.alerts import Alerts
from planar.engine.session.archive import origin_of
from planar.engine.session.assumed import beside_backtests
from planar.engine.session.control import Control
from planar.engine.session.edit import CODES, Edit, edit_of
from planar.engine.session.folder import JOURNAL, has_begun, is_running, sessions_folder
from planar.engine.session.live import LiveSession, Wish
from planar.engine.session.log import logged
from planar.engine.session.paper import PaperAccount
from planar.engine.session.shadowing import Shadowing
from planar.engine.session.trial import Trial, check_like, trial_of, tried
from planar.engine.session.wish import is_same
from planar.engine.session.words import sentences
from planar.errors import ConfigError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.model.instrument import Instrument
from planar.model.timeframe import milliseconds
from planar.store.synthetic import steps
from planar.strategy.base import Strategy
from planar.strategy.load import load
from planar.strategy.selection import Top
from planar.venue.config import VenueConfig
from planar.venue.demo import Demo
from planar.venue.usdm.terms import usual

LOG = logging.getLogger("planar.session")

DEMO_PACE = 1.0
"""Seconds that a candle of the strategy takes on the demo's own venue."""

PAPER_CASH = Decimal(10_000)
DEMO_LOSS, DEMO_POSITION = 0.1, 2.0
"""Limits of the demo, as shares of its cash, where none are set."""

DEMO_POINTS, DEMO_HISTORY = 20, 2_000


@dataclass(frozen=True)
class Choice:
    """What to run, and where.

    strategy: a name, a path or ``module:Class``. instruments: instead of the strategy's own. cash: quote; None is all
    that is free. name: of the session; None is one for this strategy, exchange and account. from_run: a session that
    has tried it; all that is left out here is as it was there. edited: as of `Wish`.
    """

    strategy: str
    mode: str = "live"
    instruments: tuple[str, ...] = ()
    parameters: Mapping[str, object] | None = None
    cash: Decimal | None = None
    name: str | None = None
    compiled: bool | None = None
    from_run: str = ""
    edited: str = ""


def like_trial(choice: Choice, trial: Trial) -> Choice:
    """What was tried, to be run again. Raises ConfigError where something else is chosen."""
    check_like(trial, choice.strategy, choice.instruments, dict(choice.parameters or {}))
    origin = trial.origin
    return replace(choice, strategy=origin.strategy, instruments=trial.symbols, parameters=origin.parameters)


@asynccontextmanager
async def opened(
    choice: Choice, exchange: Exchange, listen: Callable[[LiveSession, str, Any], None]
) -> AsyncGenerator[LiveSession]:
    """A running session. listen: hears each entry of its journal. Raises ConfigError, StrategyError."""
    config = configured()
    trial = trial_of(sessions_folder() / choice.from_run) if choice.from_run else None
    if trial is not None:
        choice = like_trial(choice, trial)
    cls = load(choice.strategy)
    declared = _served(cls)
    keys = load_secrets(custom=config.custom).alerts
    usual = config.settings.strategies.get(Path(choice.strategy).stem)
    parameters = {**(usual.params if usual else {}), **(choice.parameters or {})}
    named = choice.instruments or (tuple(usual.instruments) if usual else ())
    names = named or tuple(declared)
    if not names:
        raise ConfigError(f"{cls.__name__} names no instruments: give --instruments BTC/USDT.")
    symbols = tuple(map(bare, names))
    if not isinstance(exchange, CcxtExchange):
        raise ConfigError(f"{exchange.name} streams nothing: a session needs an exchange that CCXT Pro knows.")
    risk = limits_of(choice, exchange)
    given = frozenset({*parameters, *(["--instruments"] if named else [])})
    strategy, mode = cls(**parameters), choice.mode
    wish = Wish(
        strategy,
        choice.strategy,
        symbols,
        mode,
        choice.cash,
        compiled=choice.compiled,
        leverage=usual.leverage if usual else 0.0,
        margin_mode=usual.margin_mode if usual else "",
        given=given,
        edited=choice.edited,
    )
    name = session_name(choice, exchange)
    if isinstance(exchange, Demo) and exchange.has_own_venue:
        symbols = demo_symbols(symbols, exchange)
        wish = replace(wish, symbols=symbols)
        exchange.plays(demo_config(cls.timeframe, symbols, leverage=wish.leverage, margin_mode=wish.margin_mode))
        name = choice.name or f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder = sessions_folder() / name
    wish = await _wished(wish, trial, exchange, folder, config.settings)
    switch = KillSwitch((sessions_folder(), folder), _stem(choice))
    async with AsyncExitStack() as stack:
        stack.enter_context(logged(folder, exchange.scrub))
        alerts = await stack.enter_async_context(Alerts(config.settings.alerts, keys, name))
        paper = None
        if choice.mode == "paper":
            terms = {"leverage": wish.leverage, "margin_mode": wish.margin_mode}
            account = PaperAccount(exchange, symbols, await _balances(wish, exchange), **terms)
            paper = await stack.enter_async_context(account)
        place = paper.exchange if paper else exchange
        session = LiveSession(folder, place, wish, _wall, market=exchange, paper=paper, risk=risk, switch=switch)
        hears = (listen, _log_entry, alerts.hear)
        session.on_entry += [partial(hear, session) for hear in hears]
        session.last_words.append(alerts.tell_apart)
        await stack.enter_async_context(session)
        limits = config.settings.parity
        await stack.enter_async_context(Shadowing(session, fill_model_of(limits.fill), limits))
        await stack.enter_async_context(Control(session))
        yield session


async def _wished(wish: Wish, trial: Trial | None, exchange: CcxtExchange, folder: Path, settings: Settings) -> Wish:
    """The wish with what is to be said of its beginning. A session that goes on was checked when it began."""
    store = Path(settings.store.path)
    if trial is None:
        return replace(wish, said=lambda origin: beside_backtests(origin, store))
    if not has_begun(folder):
        trial = await tried(trial, exchange, settings.parity, store)
    return replace(wish, from_run=trial.name, said=trial.beside)


def _served(cls: type[Strategy]) -> list[str]:
    """The instruments of a class. Raises ConfigError for what a session cannot serve yet: nothing of it is skipped."""
    if isinstance(cls.instruments, Top):
        raise ConfigError(
            f"{cls.__name__} chooses its instruments by rule, and in this version no session follows one: that needs "
            "the turnover of every candidate. Backtest it, or name its instruments in the class."
        )
    if hasattr(cls, "on_tick"):
        raise ConfigError(
            f"{cls.__name__} defines on_tick, and in this version no session hears market trades: their stream is not "
            "kept in the journal that a session is recovered from. Backtest it, or decide in on_candle."
        )
    if cls.data:
        raise ConfigError(
            f"{cls.__name__} reads data beside its candles ({', '.join(cls.data)}), and in this version no session has "
            "a live source of it. Backtest it, or make what it needs of its own candles."
        )
    return cls.instruments


def _log_entry(session: LiveSession, kind: str, body: Any) -> None:
    for sentence in sentences(session.origin, kind, body):
        LOG.info("%s", sentence)


def edit_before(choice: Choice, exchange: Exchange) -> Edit | None:
    """How the code of the session that is to go on was edited; None where none was, or is to go on.

    Raises ConfigError as `edit_of` does.
    """
    folder = sessions_folder() / session_name(choice, exchange)
    is_of_its_own = isinstance(exchange, Demo) and exchange.has_own_venue and choice.name is None
    if is_of_its_own or is_running(folder) or not has_begun(folder):
        return None
    entries = read(folder / JOURNAL, "origin", *CODES)
    origin = origin_of(entries)
    if choice.strategy != origin.strategy and not is_same(load(choice.strategy), load(origin.strategy)):
        return None  # another strategy, which is refused as that
    return edit_of(folder.name, origin, entries)


def session_name(choice: Choice, exchange: Exchange) -> str:
    """The name that was chosen; else one for this strategy, exchange, environment, account and mode."""
    environment = "sandbox" if exchange.sandbox else ""
    usual = "-".join(filter(None, (_stem(choice), exchange.id, environment, exchange.account, choice.mode)))
    return choice.name or usual


def limits_of(choice: Choice, exchange: Exchange) -> Risk:
    """The limits that a session would have: of the settings, else of its class; of the demo where nothing is set.

    Raises ConfigError for one with real money that has no limits.
    """
    risk = configured().settings.risk_of(_stem(choice))
    risk = replace(risk, **joined(load(choice.strategy).limits, risk))
    if isinstance(exchange, Demo) and not exchange.is_real and not risk.limits:
        cash = float(choice.cash or PAPER_CASH)
        return replace(risk, daily_loss=cash * DEMO_LOSS, max_position_cost=cash * DEMO_POSITION)
    missing = [name for name in ("daily_loss", "max_position_cost") if not getattr(risk, name)]
    if missing and exchange.is_real and choice.mode == "live":
        raise ConfigError(
            f"{exchange.name} is real money, and {' and '.join(f'risk.{name}' for name in missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set: `planar config set risk.{missing[0]} 100` sets one for "
            f"all sessions, strategies.{_stem(choice)}.risk.{missing[0]} for this strategy. Or use --sandbox, or the "
            "demo."
        )
    return risk


def _stem(choice: Choice) -> str:
    """The name under which the settings have a strategy."""
    return Path(choice.strategy.partition(":")[0]).stem


def _wall() -> int:
    return time.time_ns() // 1_000_000


async def _balances(wish: Wish, exchange: CcxtExchange) -> dict[str, Decimal]:
    """What a paper account begins with."""
    market = await exchange.market(wish.symbols[0])
    return {market.quote: wish.cash or PAPER_CASH}


def demo_symbols(symbols: tuple[str, ...], demo: Demo) -> tuple[str, ...]:
    """What the demo's own venue is to list: with its setting ``futures``, perpetuals, whichever way they are written.

    Raises ConfigError for a perpetual without that setting.
    """
    if demo.settings.futures:
        return tuple(each if ":" in each else f"{each}:{each.partition('/')[2]}" for each in symbols)
    perpetual = next((each for each in symbols if ":" in each), None)
    if perpetual:
        raise ConfigError(
            f"{perpetual} is a perpetual, and the demo is set to spot markets: planar config set demo.futures true"
        )
    return symbols


def demo_config(
    timeframe: str, symbols: tuple[str, ...], *, leverage: float = 0.0, margin_mode: str = ""
) -> VenueConfig:
    """A venue on which a candle of the strategy takes about a second. leverage, margin_mode: of perpetuals, 0 and empty
    for what a new account has.
    """
    return VenueConfig(
        instruments=tuple(_demo_instrument(each, leverage, margin_mode) for each in symbols),
        timeframe=timeframe,
        points=DEMO_POINTS,
        speed=demo_speed(timeframe),
        history=DEMO_HISTORY,
    )


def _demo_instrument(symbol: str, leverage: float, margin_mode: str) -> Instrument | str:
    if ":" not in symbol:
        return symbol
    name = f"binance:{symbol}"
    made = usual(name, *steps(name))
    return replace(made, leverage=leverage or made.leverage, margin_mode=margin_mode or made.margin_mode)


def demo_speed(timeframe: str) -> float:
    """How many times faster than real time."""
    return min(max(milliseconds(timeframe) / 1000 / DEMO_PACE, 1.0), 100_000.0)
