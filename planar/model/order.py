"""Orders, fills and events: the words, and the records they are kept in.

All whole numbers: times in UTC milliseconds, prices in ticks, amounts in base units, money in quote units
(docs/simulation.md, section 1). ``planar.engine.run`` turns them into frames of plain floats.
"""

from enum import IntEnum

import numpy as np


class Named(IntEnum):
    """Numbers that print as their names."""

    def __str__(self) -> str:
        return self.name


class Side(Named):
    """Direction of an order; the value is the sign of what it does to the position."""

    BUY = 1
    SELL = -1


class Kind(Named):
    """What an order is; one that was triggered goes on as MARKET, or as LIMIT where it has a limit."""

    MARKET = 0
    LIMIT = 1
    STOP = 2  # waits for a price that is worse than the market's
    STOP_LIMIT = 3
    TAKE = 4  # waits for a better one
    TAKE_LIMIT = 5
    TRAIL = 6  # a stop that follows the best price


TAKES = (Kind.TAKE, Kind.TAKE_LIMIT)
STOPS = (Kind.STOP, Kind.STOP_LIMIT, Kind.TRAIL)
"""What protects a position, where it is against it."""


class Tif(Named):
    """Time in force."""

    GTC = 0
    IOC = 1
    FOK = 2
    GTD = 3


class Status(Named):
    """Where an order stands. PENDING is on its way to the venue; UNKNOWN is never seen in a simulation."""

    PENDING = 0
    OPEN = 1
    PARTIAL = 2
    FILLED = 3
    CANCELLED = 4
    REJECTED = 5
    EXPIRED = 6
    UNKNOWN = 7


class Reason(Named):
    """Why an order was refused or ended. An order call that is refused gives the negative value.

    Those after RISK_LIMIT, up to VENUE_REFUSED, are told by paper and live sessions alone.
    """

    NONE = 0
    INVALID_ORDER = 1
    INVALID_PRICE = 2
    EXPIRED_AT_ONCE = 3
    NO_PRICE = 4
    DELISTED = 5
    TOO_MANY_ORDERS = 6
    BELOW_MIN_AMOUNT = 7
    BELOW_MIN_COST = 8
    INSUFFICIENT_FUNDS = 9
    NO_POSITION = 10
    ORDER_DONE = 11
    UNKNOWN_ORDER = 12
    AMEND_PENDING = 13
    POST_ONLY_WOULD_TAKE = 14
    STOP_WOULD_TRIGGER = 15
    IOC_UNFILLED = 16
    FOK_UNFILLED = 17
    GTD_EXPIRED = 18
    RISK_LIMIT = 19
    STALE_DECISION = 20
    NOT_SENT = 21
    VENUE_REFUSED = 22
    NOT_A_MEMBER = 23
    LINKED = 24
    INVALID_LINK = 25
    MAX_POSITION = 26
    LIQUIDATED = 27
    PARENT_PARTIAL = 28
    REDUCE_ONLY_WOULD_INCREASE = 29
    POSITION_SIDE = 30


class Limit(Named):
    """What refuses an order for RISK_LIMIT (docs/simulation.md, section 11), in the order in which they are judged."""

    NONE = 0
    DAILY_LOSS = 1
    MAX_DRAWDOWN = 2
    MAX_ORDER_COST = 3
    MAX_POSITION_COST = 4
    MAX_EXPOSURE = 5
    PRICE_COLLAR = 6
    MAX_OPEN_ORDERS = 7
    ORDERS_PER_MINUTE = 8


class Forced(Named):
    """What filled without an order. DELEVERAGED: sessions alone are told of it."""

    NONE = 0
    DELISTED = 1
    LIQUIDATION = 2
    DELEVERAGED = 3


class Event(Named):
    """What the venue tells about an order."""

    ACCEPTED = 0
    REJECTED = 1
    TRIGGERED = 2
    FILL = 3
    AMENDED = 4
    AMEND_REJECTED = 5
    CANCELLED = 6
    EXPIRED = 7


REDUCES, CLOSES, BY_MARK = 1, 2, 4
"""How an order of a contract is meant: to make the position smaller and nothing else; for whatever is held, once it is
triggered, which is REDUCES from then on; triggered by the mark.
"""

NEVER = np.iinfo(np.int64).max
"""A time that does not come."""

_KEPT = [
    ("time", "i8"),  # decision
    ("done", "i8"),  # when it ended, else NEVER
    ("price", "i8"),  # limit, ticks; 0 for none
    ("stop", "i8"),  # trigger, ticks; 0 for none; of a trailing stop, where it is now
    ("amount", "i8"),  # 0 while a quote budget has not filled
    ("filled", "i8"),
    ("cost", "i8"),
    ("fee", "i8"),  # quote units; base units where the fee side is base
    ("requested", "f8"),  # the amount (or cost, for a budget) as asked
    ("tag", "i4"),
    ("instrument", "i2"),
    ("slot", "i2"),  # while it is open: where its LIVE record is
    ("side", "i1"),
    ("kind", "i1"),
    ("form", "i1"),  # its present kind
    ("tif", "i1"),
    ("post_only", "i1"),
    ("status", "i1"),
    ("reason", "i1"),
    ("by_cost", "i1"),
]

ORDER = np.dtype(_KEPT, align=True)
"""What is kept of an order. While it is open, only ``instrument``, ``slot`` and that it is not done are up to date."""

LIVE = np.dtype(
    [
        *_KEPT,
        ("id", "i8"),  # its place among all orders
        ("due", "i8"),  # when something is next to happen to it of itself
        ("arrive", "i8"),
        ("expire", "i8"),  # GTD, else NEVER
        ("cancel_at", "i8"),  # when a cancel arrives, else NEVER
        ("amend_at", "i8"),  # when an amend arrives, else NEVER
        ("budget", "i8"),  # quote units left of a market buy by cost; 0 for none
        ("reserved", "i8"),  # quote units of a buy, base units of a sell
        ("settled", "i8"),  # the last step that met it
        ("amend", "i8"),  # the amend on its way, an index, else -1
        ("trail", "i8"),  # how far a trailing stop follows: parts per 10⁹ of the best price, or negative ticks
        ("activation", "i8"),  # the price from which on it follows, ticks; 0 for none
        ("best", "f8"),  # the best price that it has seen since; 0 while it does not follow yet
        ("group", "i8"),  # the orders of which only one can have it, by the first one's place from 1; 0 for none
        ("cut", "i8"),  # what links took off its amount; below 0, what they added
        ("after", "i8"),  # the id of the order that it is bound to; 0 for none
        ("wish", "i8"),  # of a bound order: the amount that was asked for,
        ("part", "f8"),  # or the part of what its parent gives; 0 for none
        ("share", "i8"),  # what the parent gave of that; while it waits, less what others of its group had
        ("reduces", "i8"),  # of a contract: `REDUCES` or `CLOSES`, else 0
        ("by_mark", "i8"),  # of a contract: whether its trigger waits for the mark
    ],
    align=True,
)
"""An open order: it begins as its ORDER record does, which is a copy of it in the end."""

FILL = np.dtype(
    [
        ("time", "i8"),
        ("order", "i4"),  # an index, -1 for what was forced
        ("step", "i4"),  # of the loop, counted from 1: the first whose close knows of it
        ("ticks", "i8"),
        ("amount", "i8"),
        ("cost", "i8"),
        ("fee", "i8"),
        ("entry", "i8"),  # of a contract: what its position has cost after this, with its sign
        ("spread", "f8"),  # price moved by the half spread, by impact, by stop slippage: quote per base
        ("impact", "f8"),
        ("slip", "f8"),
        ("instrument", "i4"),
        ("side", "i1"),
        ("maker", "i1"),
        ("fee_in_base", "i1"),
        ("forced", "i1"),  # `Forced`
    ],
    align=True,
)

FUNDING = np.dtype(
    [
        ("time", "i8"),
        ("units", "i8"),  # quote units paid; below 0 received
        ("amount", "i8"),  # base units that it was paid on, with their sign
        ("price", "f8"),  # the mark
        ("rate", "f8"),
        ("instrument", "i4"),
        ("step", "i4"),
    ],
    align=True,
)

EVENT = np.dtype([("time", "i8"), ("order", "i4"), ("kind", "i1"), ("reason", "i1"), ("instrument", "i2")], align=True)

AMEND = np.dtype(
    [
        ("time", "i8"),
        ("arrive", "i8"),
        ("order", "i8"),
        ("price", "i8"),
        ("stop", "i8"),
        ("amount", "i8"),
        ("needs", "i8"),  # what the amended order holds; -1 for an order that waited and held nothing
        ("extra", "i8"),  # how much of that is held on top of the order's own reservation while the amend travels
        ("cut", "i8"),  # the order's, when it was asked for
    ],
    align=True,
)

REFUSAL = np.dtype(
    [
        ("time", "i8"),
        ("order", "i4"),  # an index; of an amend that is refused, the order it is of
        ("instrument", "i2"),
        ("limit", "i1"),
        ("is_amend", "i1"),
        ("value", "f8"),  # what it came to, as `Limit`s are given; of MAX_DRAWDOWN until when nothing else passes
    ],
    align=True,
)
"""An order or an amend that a limit refused."""
