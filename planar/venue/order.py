"""An order as the venue keeps it, its executions, and the ticket that asks for one."""

from dataclasses import dataclass, field
from typing import NamedTuple

from planar.model.order import Side
from planar.venue.listing import Listing

NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED = "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"
OPEN = (NEW, PARTIALLY_FILLED)

LIMIT, MARKET, LIMIT_MAKER, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT = (
    "LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
)  # fmt: skip
TAKES = (TAKE_PROFIT, TAKE_PROFIT_LIMIT)
CONTINGENT = (STOP_LOSS, STOP_LOSS_LIMIT, *TAKES)
"""Types that wait for a trigger."""

TYPES = (LIMIT, LIMIT_MAKER, MARKET, *CONTINGENT)
BIPS = 10_000
"""``trailingDelta`` counts so many parts."""


@dataclass(frozen=True)
class Ticket:
    """What is asked for, past the filters: ticks, base units, quote units; 0 for what the type does not have.

    delta: how far a trailing stop follows, in `BIPS`; its ``stop`` is where it begins to.
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

    @property
    def waits(self) -> bool:
        """Whether it waits for a trigger."""
        return self.type in CONTINGENT


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. fee: base units of a buy where ``fee_in_base``, else quote units; money: quote units."""

    id: int
    time: int
    ticks: int
    units: int
    money: int
    fee: int
    fee_in_base: bool
    is_maker: bool


@dataclass(slots=True, eq=False)
class Order:
    """One order. index: its place among the kernel's orders of the account."""

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
    """What happened to an order (``NEW``, ``TRADE``, ``CANCELED``, ``EXPIRED``), and how it stood right after."""

    what: str
    order: Order
    execution: Execution | None
    status: str
    filled: int
    money: int
    time: int
