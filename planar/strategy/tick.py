"""What strategy code sees of a market trade. The interpreted form defines the API."""

from typing import Any

from planar.kernel.machine import compiled, get_float, get_int
from planar.kernel.state import Instrument
from planar.model.order import Side
from planar.strategy.candle import unknown
from planar.strategy.prints import Prints


@compiled
def _time(ins, row):
    return get_int(Instrument(ins, 0).time, row)


@compiled
def _price(ins, row):
    return get_float(Instrument(ins, 0).close, row)


@compiled
def _amount(ins, row):
    return get_float(Instrument(ins, 0).volume, row)


@compiled
def _side(ins, row):
    return get_int(Instrument(ins, 0).sides, row)


READS = {"time": _time, "price": _price, "amount": _amount, "side": _side}
"""What compiled code reads, by name: functions of an instrument's address and a row."""


class Tick:
    """One market trade: ``time`` (UTC ms), ``price``, ``amount`` (base), and ``side``.

    side: of the taker, `Side.BUY` or `Side.SELL`; 0 where that is not known.
    """

    __slots__ = ("_row",)
    _columns: tuple["memoryview[Any]", ...] = ()

    def __init__(self, row: int) -> None:
        self._row = row

    @property
    def time(self) -> int:
        """When it happened, UTC ms: also the time of what is decided on it."""
        return self._columns[0][self._row]

    @property
    def price(self) -> float:
        """Quote per base."""
        return self._columns[1][self._row]

    @property
    def amount(self) -> float:
        """Base."""
        return self._columns[2][self._row]

    @property
    def side(self) -> Side | int:
        """The taker's; 0 where it is not known."""
        side = self._columns[3][self._row]
        return Side(side) if side else 0

    def __getattr__(self, name: str):
        raise AttributeError(unknown("a tick", name, READS))


def tick_class(prints: Prints) -> type[Tick]:
    """The class of an instrument's ticks, made with a row of its trades."""
    columns = tuple(column.data for column in (prints.time, prints.price, prints.amount, prints.side))
    return type("Tick", (Tick,), {"__slots__": (), "_columns": columns})
