"""An order as the venue keeps it, its executions, and the ticket that asks for one."""

from dataclasses import dataclass, field
from typing import NamedTuple

from planar.model.order import NEVER, Side
from planar.venue.listing import Listing

NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED = "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"
OPEN = (NEW, PARTIALLY_FILLED)
TRIGGERED, TRADE, CALCULATED, AMENDMENT = "TRIGGERED", "TRADE", "CALCULATED", "AMENDMENT"

LIMIT, MARKET, LIMIT_MAKER, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT = (
    "LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
)  # fmt: skip
STOP, STOP_MARKET, TAKE_PROFIT_MARKET, TRAILING_STOP_MARKET = (
    "STOP", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET",
)  # fmt: skip
TAKES = (TAKE_PROFIT, TAKE_PROFIT_LIMIT, TAKE_PROFIT_MARKET)
CONTINGENT = (STOP_LOSS, STOP_LOSS_LIMIT, STOP, STOP_MARKET, TRAILING_STOP_MARKET, *TAKES)
"""Types that wait for a trigger, of spot and of contracts."""

TYPES = (LIMIT, LIMIT_MAKER, MARKET, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
"""Those of spot."""

GTX = "GTX"
"""How contracts call a limit that may not take."""
BIPS = 10_000
"""``trailingDelta`` counts so many parts."""


@dataclass(frozen=True)
class Ticket:
    """What is asked for, past the filters: ticks, base units, quote units; 0 for what the type does not have.

    delta: how far a trailing stop follows, in `BIPS`; its ``stop`` is where it begins to. reduce_only: of a contract,
    whether it may only make a position smaller; by_mark: whether its trigger is told to be one of mark prices; expire:
    when a GTD order dies; closes: whether it is for all of the position, whatever that comes to be.
    """

    listing: Listing
    side: Side
    type: str
    tif: str
    units: int
    money: int
    ticks: int
    stop: int
    client_id: str
    delta: int = 0
    reduce_only: bool = False
    by_mark: bool = False
    expire: int = NEVER
    closes: bool = False

    @property
    def is_post_only(self) -> bool:
        """Whether it may not take."""
        return self.type == LIMIT_MAKER or self.tif == GTX

    @property
    def waits(self) -> bool:
        """Whether it waits for a trigger."""
        return self.type in CONTINGENT


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. fee: base units of a buy where ``fee_in_base``, else quote units; money: quote units.

    realised: quote units that it has won on a contract, before its fee.
    """

    id: int
    time: int
    ticks: int
    units: int
    money: int
    fee: int
    fee_in_base: bool
    is_maker: bool
    realised: int = 0


@dataclass(slots=True, eq=False)
class Order:
    """One order. index: its place among the kernel's orders of the account, -1 for what the exchange closed by force.

    is_expiring: whether the exchange itself takes it back.
    trigger_id: the number under which a contract's order goes on once it was triggered; 0 before.
    """

    id: int
    index: int
    ticket: Ticket
    time: int
    status: str = NEW
    updated: int = 0
    working_time: int = -1
    units: int = 0
    filled: int = 0
    money: int = 0
    cancel_client_id: str = ""
    trigger_id: int = 0
    trigger_time: int = 0
    is_expiring: bool = False
    executions: list[Execution] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updated, self.units = self.time, self.ticket.units

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen to it."""
        return self.status in OPEN

    @property
    def is_working(self) -> bool:
        """Whether it is in the book, which what waits for its trigger is not."""
        return self.working_time >= 0

    def execute(self, execution: Execution) -> None:
        """Adds a fill."""
        self.executions.append(execution)
        self.filled += execution.units
        self.money += execution.money
        self.units = max(self.units, self.filled)


class Report(NamedTuple):
    """What happened to an order, and how it stood right after.

    what: ``NEW``, ``TRIGGERED``, ``TRADE``, ``CALCULATED`` (a liquidation), ``AMENDMENT``, ``CANCELED``, ``EXPIRED``.
    """

    what: str
    order: Order
    execution: Execution | None
    status: str
    filled: int
    money: int
    time: int
