"""What a strategy asks for in paper and live, in whole units, and the candles that it is shown."""

from typing import NamedTuple


class Row(NamedTuple):
    """A closed candle. time: of its open, UTC ms."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Place(NamedTuple):
    """An order that the strategy asks for, in whole units: its id is the strategy's, from 1.

    k: place of the instrument; units: base, 0 where a budget of quote units is spent; limit, stop: ticks, 0 for none.
    stop is the trigger of whatever kind; trail: how far a trailing stop follows, parts per 10⁹ or negative ticks.
    """

    id: int
    k: int
    side: int
    kind: int
    tif: int
    expire: int
    post_only: bool
    units: int
    budget: int
    limit: int
    stop: int
    tag: str
    trail: int = 0
    activation: int = 0
    reduce_only: bool = False


class Amend(NamedTuple):
    """New terms of an order: all three, those that stay too."""

    id: int
    k: int
    limit: int
    stop: int
    units: int


class Cancel(NamedTuple):
    """An order that the strategy wants no more."""

    id: int
    k: int


class Leverage(NamedTuple):
    """Another leverage of a contract, in hundredths. id: 0, of no order."""

    id: int
    k: int
    hundredths: int


class Margin(NamedTuple):
    """Quote units that go behind an isolated position, below 0 come back. id: 0, of no order."""

    id: int
    k: int
    units: int


Ask = Place | Amend | Cancel | Leverage | Margin
