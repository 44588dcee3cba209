"""Options that several commands have, each told once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from planar.cli.ask import ask
from planar.config.load import load
from planar.config.names import DEMO, RENAMED, ccxt_ids
from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.exchange.interface import Exchange

T = TypeVar("T")


def is_exchange(word: str) -> bool:
    """Whether a word is what an exchange is called."""
    return word.lower() in {DEMO, *RENAMED, *ccxt_ids(), *load().custom}


def check_symbol(_: object, word: object) -> None:
    """Refuses the name of an exchange where a symbol is expected."""
    if isinstance(word, str) and is_exchange(word):
        raise ConfigError(f"{word!r} is an exchange, and a symbol is expected here: write --exchange {word}.")


Json = Annotated[bool, Parameter(negative=(), help="One JSON document instead of text.")]
Sandbox = Annotated[bool, Parameter(name=["--sandbox", "--testnet"], negative=(), help="The test environment.")]
Armed = Annotated[bool, Parameter(negative=(), help="With risk.armed = true: no question, real money.")]
Account = Annotated[str | None, Parameter(help="A named account.")]
Named = Annotated[str | None, Parameter(help="Such as binance; the configured default when left out.")]
Symbol = Annotated[str, Parameter(help="Such as BTC/USDT.", validator=check_symbol)]


def check_instruments(_: object, words: object) -> None:
    """Refuses what is no instrument, as the name of a strategy that stands behind them."""
    for word in words if isinstance(words, list) else ():
        if "/" not in word:
            raise ConfigError(
                f"--instruments: {word!r} is not written BTC/USDT, or exchange:BASE/QUOTE. All words up to the next "
                "option are instruments: name a strategy before them."
            )


STRATEGY_HELP = "A name in user/strategies or strategies, a path, or module:Class."
Strategy = Annotated[str, Parameter(help=STRATEGY_HELP)]
Instruments = Annotated[
    list[str] | None,
    Parameter(
        name=["--instruments", "--instrument"],
        negative=(),
        consume_multiple=True,
        validator=check_instruments,
        help="Instead of the strategy's own: BTC/USDT ETH/USDT.",
    ),
]
Params = Annotated[
    list[str] | None,
    Parameter(name="--param", negative=(), help="A parameter of the strategy, such as fast=12; may be repeated."),
]
Timeframe = Annotated[str | None, Parameter(help="Instead of the strategy's own, such as 15m.")]
From = Annotated[str | None, Parameter(name="--from", help="First moment of the run, such as 2024-01-31.")]
To = Annotated[str | None, Parameter(help="End of the run; candles that close later are left out.")]
StoreFile = Annotated[
    Path | None, Parameter(help="The DuckDB file; that of [store] in user/planar.toml when left out.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Environment:
    """Which of an exchange's environments, and who asks there."""

    sandbox: Sandbox = False
    account: Account = None

    def shown(self, exchange: str | None) -> str:
        """``"binance/hedge (sandbox)"``, as exchanges name themselves."""
        account = f"/{self.account}" if self.account else ""
        return f"{exchange}{account}{' (sandbox)' if self.sandbox else ''}"

    def ask(self, work: "Callable[[Exchange], Awaitable[T]]", exchange: str | None) -> T:
        """What the exchange answers there."""
        return ask(work, exchange, sandbox=self.sandbox, account=self.account)


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which exchange, which of its environments, and who asks there."""

    exchange: Named = None
    sandbox: Sandbox = False
    account: Account = None

    def ask(self, work: "Callable[[Exchange], Awaitable[T]]") -> T:
        """What the exchange answers there."""
        return ask(work, self.exchange, sandbox=self.sandbox, account=self.account)

    def command(self, words: str) -> str:
        """A command that asks there."""
        said = {"--exchange": self.exchange, "--account": self.account}
        options = [f"{name} {value}" for name, value in said.items() if value] + ["--sandbox"] * self.sandbox
        return " ".join([words, *options])


MAIN, HERE = Environment(), Where()
