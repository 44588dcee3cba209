"""`Wish`: what somebody wants to run, and whether a session that is there already is that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from planar.broker.terms import decimal, symbol_of
from planar.engine.session.edit import Edit
from planar.engine.session.origin import Origin
from planar.errors import ConfigError
from planar.exchange.interface import Exchange
from planar.model.instrument import exact
from planar.strategy.base import Strategy
from planar.strategy.kept import code_of
from planar.strategy.load import load

HISTORY = 1_000
"""Candles before the first decision, where the strategy does not need more."""


@dataclass(frozen=True)
class Wish:
    """What to run.

    strategy: its class, and where it is loaded from. cash: in quote; None is all that is free. leverage,
    margin_mode: of perpetuals, which the account is to have; 0 and empty is as it has them. given: which parameters
    were named, and ``--instruments`` where those were; None is all. What was not is as it was where a session goes on.
    from_run: the session that it is begun from, empty for none. edited: the hash of the code with which a session that
    ran another one is to go on. said: what is to be said of a beginning, beside what
    is checked of every one.
    """

    strategy: Strategy
    place: str
    symbols: tuple[str, ...]
    mode: str = "live"
    cash: Decimal | None = None
    history: int = HISTORY
    compiled: bool | None = None
    leverage: float = 0.0
    margin_mode: str = ""
    given: frozenset[str] | None = None
    from_run: str = ""
    edited: str = ""
    said: Callable[[Origin], list[str]] = lambda _: []

    def names(self, option: str) -> bool:
        """Whether somebody asked for that, and did not leave it as it is."""
        return self.given is None or option in self.given


def check_wish(name: str, origin: Origin, wish: Wish, market: Exchange) -> None:
    """Raises ConfigError where a session that goes on began otherwise than somebody wants it to run.

    name: of the session; market: the exchange that is chosen now. Cash that is not named is as it was.
    """
    for option, was, now in _differences(origin, wish, market):
        raise ConfigError(
            f"session {name} began with {option} {was}, and {now} is asked for now. A session goes on as it began: "
            f"ask for {was}, or begin another session with --name."
        )


def check_edit(edit: Edit | None, wish: Wish | None) -> None:
    """Raises ConfigError where the code was edited, and that is not what somebody said yes to."""
    if edit is not None and (wish is None or wish.edited != edit.now.hash):
        raise edit.refusal()


def _differences(origin: Origin, wish: Wish, market: Exchange) -> Iterator[tuple[str, str, str]]:
    """What is asked for otherwise: the option, as it was, as it is now."""
    if wish.place != origin.strategy and not is_same(type(wish.strategy), load(origin.strategy)):
        yield "the strategy", origin.strategy, wish.place
    yield from _changed("the mode", origin.mode, wish.mode)
    yield from _changed("--exchange", origin.exchange, market.id)
    yield from _changed("--sandbox", _yes(origin.sandbox), _yes(market.sandbox))
    yield from _changed("--account", origin.account or "(none)", market.account or "(none)")
    if wish.from_run:
        yield from _changed("--from-run", origin.from_run or "(none)", wish.from_run)
    began = [symbol_of(each) for each in origin.instruments]
    if wish.names("--instruments"):
        yield from _changed("--instruments", " ".join(began), " ".join(wish.symbols))
    asked = wish.strategy.parameters
    for key in filter(wish.names, sorted({*origin.parameters, *asked})):
        yield from _changed("--param", f"{key}={origin.parameters.get(key)}", f"{key}={asked.get(key)}")
    cash = decimal(origin.cash, exact(origin.instruments[0].quote_unit))
    if wish.cash is not None and wish.cash != cash:
        yield "--cash", f"{cash.normalize():f}", f"{wish.cash:f}"


def is_same(one: type[Strategy], other: type[Strategy]) -> bool:
    """Whether two classes are one strategy, wherever each was loaded from."""
    return one.__name__ == other.__name__ and code_of(one) == code_of(other)


def _changed(option: str, was: str, now: str) -> Iterator[tuple[str, str, str]]:
    if was != now:
        yield option, was, now


def _yes(flag: bool) -> str:
    return "on" if flag else "off"
