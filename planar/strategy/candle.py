"""What interpreted strategy code sees of the market: candles, what is joined to them, and rows of their values.

This form defines the API. Values are read through memoryviews, which give plain Python numbers without copying.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from planar.errors import StrategyError, did_you_mean
from planar.kernel import views

if TYPE_CHECKING:
    from planar.strategy.columns import Series

WHOLE = (int, np.integer)
LISTED = 30
"""Of fewer names than these all are told."""
NAN = float("nan")
NOTHING = "nothing of it was known at this candle"
EMPTY = "sum, mean, std, min and max need at least one value"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """What is said of a name that something lacks, with the nearest one; compiled code says the same."""
    names = [n for n in known if not n.startswith("_")]
    listed = f"; it has {', '.join(names)}" if len(names) < LISTED else ""
    return f"{what} has no {name!r}{listed}.{did_you_mean(name, names)}"


class View:
    """Floats in a row: the last n values of a column, ending at the present candle, or a part of them.

    name: of what they are values of, for messages.
    """

    __slots__ = ("_address", "_name", "_values")

    def __init__(self, values: "memoryview[Any]", address: int, name: str) -> None:
        self._values, self._address, self._name = values, address, name

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, i):
        if not isinstance(i, slice):
            try:
                return self._values[i]
            except (IndexError, TypeError):
                raise self._outside(i) from None
        if i.step is not None:
            raise StrategyError("a slice of values takes no step: write view[first:end].")
        return View(self._values[i], self._address + 8 * i.indices(len(self._values))[0], self._name)

    def __iter__(self) -> Iterator[float]:
        return iter(self._values)

    def __getattr__(self, name: str):
        raise AttributeError(unknown("a row of values", name, views.REDUCTIONS))

    def _outside(self, i: object) -> Exception:
        """What to raise for a place that is not there."""
        count = len(self._values)
        if not isinstance(i, WHOLE):
            return TypeError(f"{self._name}[{i!r}]: a place is a whole number, not a {type(i).__name__}.")
        places = f"its places are 0 to {count - 1}, or -{count} to -1" if count else "there are no values"
        return IndexError(f"{self._name}[{i}] is outside: {places}.")


class Array(View):
    """Memory of a fixed number of floats; a slice of it shows the same memory and cannot be assigned to."""

    __slots__ = ()

    def __init__(self, values: np.ndarray, name: str) -> None:
        super().__init__(values.data, values.ctypes.data, name)

    def __setitem__(self, i: int, value: float) -> None:
        if isinstance(i, slice):
            raise StrategyError("an array is assigned to one place at a time: array[i] = value.")
        try:
            self._values[i] = value
        except IndexError:
            raise self._outside(i) from None


def _reduce(name: str, function):
    def reduction(self: View, *others: object, **options: object) -> float:
        if others or options:  # numpy asks with an axis
            raise StrategyError(f"numpy's {name}, or one with options, is not for a row of values: {WRITE[name]}.")
        if not self._values:
            raise ValueError(EMPTY)
        return function(self._address, len(self._values))

    return reduction


WRITE = {name: f"write view.{name}(), or np.{name}(np.asarray(view))" for name in views.REDUCTIONS}
"""What to write instead of numpy's functions."""

for _name, _function in views.REDUCTIONS.items():
    setattr(View, _name, _reduce(_name, _function))


class Reading:
    """One row of a series, and what was known before it. Subclassed per series by `candle_class`."""

    __slots__ = ("row",)
    word = "row"
    TIMES: tuple[str, ...] = ()
    columns: dict[str, memoryview]
    addresses: dict[str, int]
    times: memoryview
    timeframe: int
    higher: dict[str, tuple["type[Reading]", memoryview]]

    def __init__(self, row: int) -> None:
        self.row = row

    def back(self, k: int) -> Any:
        """The one of k ago."""
        word = self.word
        if not isinstance(k, WHOLE) or k < 0:
            raise IndexError(f"{word}.back({k!r}): write how many {word}s ago as a whole number, 0 or more.")
        if self.row < 0:
            _raise_unknown(self)
        if k > self.row:
            where = f"this is number {self.row}, counted from 0"
            raise IndexError(f"{word}.back({k}) leaves the {word}s there are: {where}.")
        return type(self)(self.row - k)

    def last(self, name: str, n: int) -> View:
        """The last n values of a column, ending at this one."""
        word = self.word
        if name not in self.columns:
            raise AttributeError(f"{word}.last has no column {name!r}.{did_you_mean(name, self.columns)}")
        if not isinstance(n, WHOLE) or n < 1:
            raise IndexError(f"{word}.last({name!r}, {n!r}): write how many values as a whole number, 1 or more.")
        if n > self.row + 1:
            raise IndexError(f"{word}.last({name!r}, {n}) leaves the {word}s there are: {self.row + 1} are known.")
        first = self.row + 1 - n
        return View(self.columns[name][first : self.row + 1], self.addresses[name] + 8 * first, name)

    def __getattr__(self, name: str):
        text = unknown(self.word, name, [*self.columns, *self.higher, *self.TIMES, "back", "last"])
        length = re.fullmatch(r"([mhdw])(\d+)", name)
        remedy = f" Declare it in the class: timeframes = ['{length[2]}{length[1]}']." if length else ""
        raise AttributeError(text + remedy)


class Candle(Reading):
    """One candle as a strategy sees it."""

    __slots__ = ()
    word = "candle"
    TIMES = ("time", "now", "hour", "weekday")
    zone: ZoneInfo | None

    @property
    def time(self) -> int:
        """Open, UTC ms."""
        return self.times[self.row]

    @property
    def now(self) -> int:
        """The decision time: the close, UTC ms."""
        return self.times[self.row] + self.timeframe

    @property
    def hour(self) -> int:
        """Hour of the decision time in the strategy's timezone."""
        return (self.now + self.offset) // 3_600_000 % 24

    @property
    def weekday(self) -> int:
        """Weekday of the decision time in the strategy's timezone, Monday is 0."""
        return ((self.now + self.offset) // 86_400_000 + 3) % 7

    @property
    def offset(self) -> int:
        """Ms from UTC to the strategy's timezone at the decision time."""
        return self.offsets[self.row] if self.offsets is not None else 0


class Row(Reading):
    """One row of what is no candle: a funding rate, a row of an author's frame."""

    __slots__ = ()
    TIMES = ("known_at",)

    @property
    def known_at(self) -> int:
        """When it was known, UTC ms."""
        return self.times[self.row]


def candle_class(
    series: "Series", higher: dict[str, tuple[type[Reading], np.ndarray]], offsets: np.ndarray | None
) -> type[Reading]:
    """A class over the columns of one series: one property per column, as fast as Python reads."""
    columns = {name: values.data.toreadonly() for name, values in series.columns.items()}
    rows = {name: (kind, as_of.data) for name, (kind, as_of) in higher.items()}
    body: dict[str, object] = {"__slots__": ()}
    for name, values in columns.items():
        body[name] = property(lambda self, values=values: values[self.row])
    for name, (kind, as_of) in rows.items():
        body[name] = property(_joined(kind, as_of, _unknown(kind)))
    base = Candle if series.is_candles else Row
    made = type(base.__name__, (base,), body)
    made.columns, made.higher = columns, rows
    made.addresses = {name: values.ctypes.data for name, values in series.columns.items()}
    made.times, made.timeframe = series.time.data, series.timeframe
    made.offsets = None if offsets is None else offsets.data
    return made


def _joined(kind: type[Reading], rows: memoryview, nothing: Reading) -> Callable[[Reading], Reading]:
    """Reads what is joined to a candle, at the row that was known then; `nothing` before the first."""

    def read(self: Reading) -> Reading:
        row = rows[self.row]
        return kind(row) if row >= 0 else nothing

    return read


def _unknown(kind: type[Reading]) -> Reading:
    """What is shown as long as nothing was known: nan in every column, an error for its times."""
    body: dict[str, object] = dict.fromkeys(kind.columns, property(lambda _: NAN))
    body |= dict.fromkeys(kind.TIMES, property(_raise_unknown))
    return type(kind.__name__, (kind,), {"__slots__": (), **body})(-1)


def _raise_unknown(_: Reading) -> int:
    raise IndexError(f"{NOTHING}: ask for it later, or let warmup cover it.")
