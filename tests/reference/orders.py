"""An order, a change of it that is on its way, and a fill. All numbers are whole ticks and units."""

from dataclasses import dataclass

LIVE = ("PENDING", "OPEN", "PARTIAL")


@dataclass(frozen=True)
class Amendment:
    """New terms that have not arrived yet. Fields are the whole new terms, the unchanged ones included."""

    due: int
    price_ticks: int
    stop_ticks: int  # of a trailing stop those of its asking, which do not count
    amount: int  # total, the filled part included
    reserve: int | None  # what the new terms needed when they were asked for; None for nothing, since it waited
    extra: int  # how much more that was than what the order held
    cut: int = 0  # what links had taken off the order's amount by then


@dataclass
class Order:
    """What was asked for, and what became of it. 0 ticks: the order has no such price."""

    id: int
    instrument: int
    side: str
    time: int
    arrives: int
    tif: str = "GTC"
    expire: int | None = None
    post_only: bool = False
    tag: str = ""
    reduces: bool = False  # of a contract: reduce-only
    closes: bool = False  # of a contract: for whatever is held, once it is triggered
    by_mark: bool = False  # of a contract: its trigger waits for the mark
    price_ticks: int = 0
    kind: str = ""  # of its trigger: stop, take or trail
    stop_ticks: int = 0  # its trigger, whatever its kind
    trail_parts: int = 0  # F: how far a trailing stop follows, in parts per 10⁹,
    trail_ticks: int = 0  # D: or in ticks
    activation_ticks: int = 0
    best: float | None = None  # the best price that a trailing stop saw, None before it follows
    amount: int = 0
    budget: int | None = None  # quote units left to spend, for a buy without a limit by cost or fraction
    status: str = "PENDING"
    reason: str = ""
    amend_reason: str = ""
    triggered: bool = False
    filled: int = 0
    cost: int = 0
    fee: int = 0
    reserved: int = 0  # without the extra of an amend on its way
    amendment: Amendment | None = None
    cancel_due: int | None = None
    group: int | None = None  # the id that it shares with those of which only one can have it
    cut: int = 0  # what links took off its amount; below 0, what they added
    after: int | None = None  # its parent, as long as it is bound to it
    wish: int | None = None  # of a bound order: the amount that was asked for,
    part: float | None = None  # or the part of what the parent gives
    has_reached: bool = False  # of a bound order: whether it is at the venue
    share: int = 0  # what the parent gave of that, so far; while it waits, less what others of its group had

    @property
    def key(self) -> int:
        """What it reserves as a part of: its group, else itself."""
        return self.id if self.group is None else self.group

    @property
    def is_held_back(self) -> bool:
        """Whether it waits for its parent, at the venue or on its way there."""
        return self.after is not None and self.status == "PENDING"

    @property
    def is_buy(self) -> bool:
        """Whether it takes base."""
        return self.side == "buy"

    @property
    def is_live(self) -> bool:
        """Whether something can still happen to it."""
        return self.status in LIVE

    @property
    def is_open(self) -> bool:
        """Whether it has arrived and is not done."""
        return self.status in ("OPEN", "PARTIAL")

    @property
    def is_limit(self) -> bool:
        """Whether it has a limit."""
        return self.price_ticks > 0

    @property
    def waits(self) -> bool:
        """Whether it has a trigger that has not been reached yet."""
        return self.stop_ticks > 0 and not self.triggered

    @property
    def is_trailing(self) -> bool:
        """Whether it is a trailing stop."""
        return self.kind == "trail"

    @property
    def can_trigger(self) -> bool:
        """Whether it waits for a trigger that can be reached: one that follows the price, when it trails."""
        return self.waits and (not self.is_trailing or self.best is not None)

    @property
    def triggers_rising(self) -> bool:
        """Whether its trigger is reached by a rising price: of a buy stop and a sell take."""
        return self.is_buy != (self.kind == "take")

    @property
    def is_market(self) -> bool:
        """Whether it takes whatever the price: it has no limit, and no trigger that it waits for."""
        return not self.is_limit and not self.waits

    @property
    def extra(self) -> int:
        """What an amend on its way reserves on top."""
        return self.amendment.extra if self.amendment else 0

    @property
    def left(self) -> int:
        """Base units not filled yet."""
        return self.amount - self.filled


@dataclass(frozen=True)
class Fill:
    """One execution. `time` is when it happened; `order` is -1 when the venue settled a delisting or liquidated."""

    time: int
    instrument: int
    order: int
    ticks: int
    amount: int
    cost: int
    fee: int
    fee_in_base: bool
    liquidity: str
    tag: str
    is_buy: bool
