"""One exchange for one command: found, asked, closed; and what is asked before real money moves."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from planar.config.load import load
from planar.config.settings import Risk, Settings
from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.exchange.interface import Exchange

T = TypeVar("T")

Flag = Annotated[bool, Parameter(negative=())]


def settings() -> Settings:
    """What the user configured."""
    return load().settings


def ask(
    work: "Callable[[Exchange], Awaitable[T]]",
    exchange: str | None = None,
    *,
    sandbox: bool = False,
    account: str | None = None,
) -> T:
    """What the exchange answers, the configured default when none is named."""
    for name, value in (("exchange", exchange), ("account", account)):
        if value == "":
            raise ConfigError(f"--{name} is empty: leave it out, or name one.")
    from planar.exchange import get

    async def asked() -> T:
        name = exchange or settings().defaults.exchange
        async with get(name, sandbox=sandbox, account=account or "") as found:
            return await work(found)

    try:
        return asyncio.run(asked())
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was changed.") from None


def confirm(what: str, cost: Decimal | None, exchange: "Exchange", *, armed: bool, is_exit: bool = False) -> None:
    """Lets an order pass that may move real money. Raises ConfigError when it may not.

    cost: in quote, where it is known. is_exit: it can only close a position, and may cost what it will.
    """
    risk = settings().risk
    if not is_exit:
        _check_cost(what, cost, risk)
    confirm_real(what, exchange, armed=armed, risk=risk)


def _check_cost(what: str, cost: Decimal | None, risk: Risk) -> None:
    if risk.max_order_cost and cost is None:
        raise ConfigError(f"{what} costs nobody knows how much, and risk.max_order_cost is set; nothing was sent.")
    if cost is not None and risk.max_order_cost and cost > Decimal(str(risk.max_order_cost)):
        raise ConfigError(
            f"{what} costs about {cost:,.2f}, more than risk.max_order_cost = {risk.max_order_cost:,.2f} allows. "
            "Ask for less, or raise it: planar config set risk.max_order_cost …"
        )


def confirm_real(what: str, exchange: "Exchange", *, armed: bool, risk: Risk, question: str = "Send it?") -> None:
    """Asks whether real money may move, unless it does not or is armed. Raises ConfigError when it may not."""
    if not exchange.is_real or (armed and risk.armed):
        return
    if armed:
        raise ConfigError("--armed needs risk.armed = true in user/planar.toml as well; nothing was sent.")
    if not sys.stdin.isatty():
        raise ConfigError(
            f"{what} moves real money at {exchange.name}, and nobody is here to say yes. Use --sandbox, or arm it: "
            "--armed with risk.armed = true in user/planar.toml."
        )
    if not agreed(f"{what} at {exchange.name}, with real money. {question}"):
        raise ConfigError("nothing was sent.")


def agreed(question: str) -> bool:
    """Whether whoever sits at the terminal says yes."""
    return _answered(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _answered(question: str) -> str:
    """The line that is typed. asyncio would keep Ctrl-C for later, and go on waiting for the line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(question, end="", file=sys.stderr, flush=True)  # noqa: T201
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)
