"""What interpreted strategy code sees of its account: orders, fills and the broker, as Python objects over its records.

This form defines the API, as ``candle`` does for what is seen of the market.
"""

import math
import operator

import numpy as np

from planar.errors import StrategyError, did_you_mean
from planar.kernel import check, contracts, exits, ledger, reads, views
from planar.kernel import protect as protection
from planar.kernel.exits import REST
from planar.kernel.triggers import TRAIL
from planar.model.order import BY_MARK, NEVER, REDUCES, Reason, Side, Status, Tif
from planar.strategy.candle import unknown
from planar.strategy.texts import Texts, misfit

NUMBERS = (int, float, np.number, np.bool)
NAN = float("nan")
SIZES = ("amount", "cost", "fraction", "risk")
TRIGGERS = ("stop", "take", "trail", "trail_by")
TRIGGERS_CLASH = "an order takes one of stop, take, trail and trail_by; {} were given."
ACTIVATES_NOTHING = "activation is where a trailing stop begins to follow: give trail or trail_by with it."
BOUND_SIZES = (check.AMOUNT, check.FRACTION)
BOUND_SIZE = "an order that waits for another is sized by amount, or by fraction: of what the other gives."
TRIGGERED_BY = {"last": 0, "mark": BY_MARK}
TAKES = "protect takes a list of (price, share) for its takes, as in takes=[(price, 0.5)]."
MANY_TAKES = "protect has up to seven takes."
CLOSES_ALL = "close(stop=…) and close(take=…) close whatever is held by then: leave fraction out."
TIFS: dict[str, int] = {t.name: t.value for t in Tif}
REASONS: dict[int, str] = {r.value: r.name for r in Reason}
SIDES: dict[str, int] = {s.name.lower(): s.value for s in Side}


class _Record:
    """What orders and fills have in common."""

    __slots__ = ("_address", "_index", "_tags")

    def __init__(self, address: int, index: int, tags: Texts) -> None:
        self._address, self._index, self._tags = address, index, tags


class OrderView(_Record):
    """An order as it stands now."""

    __slots__ = ()

    def __getattr__(self, name: str):
        raise AttributeError(unknown("an order", name, reads.ORDER_READS))


class FillView(_Record):
    """One fill."""

    __slots__ = ()

    def __getattr__(self, name: str):
        raise AttributeError(unknown("a fill", name, reads.FILL_READS))


def _read(function, kind=None):
    if kind is None:
        return property(lambda self: function(self._address, self._index))
    return property(lambda self: kind(function(self._address, self._index)))


KINDS = {"status": Status, "reason": Reason, "side": Side}
for _name, _function in reads.ORDER_READS.items():
    setattr(OrderView, _name, _read(_function, KINDS.get(_name)))
for _name, _function in reads.FILL_READS.items():
    setattr(FillView, _name, _read(_function, KINDS.get(_name)))


class Broker:
    """What a strategy can do and read for one instrument."""

    __slots__ = ("_address", "_index", "_texts")

    def __init__(self, address: int, index: int, texts: Texts) -> None:
        self._address, self._index, self._texts = address, index, texts

    def buy(self, amount=None, *, cost=None, fraction=None, risk=None, price=None, stop=None, take=None, trail=None,
            trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None, post_only=False,
            tag="", oco=None, after=None, reduce_only=False,
             trigger="last") -> int:  # fmt: skip
        """Asks to buy, and for the exits of what is bought. Gives the order's id, or a negative `Reason`."""
        sizing, size = _size_of(amount, cost, fraction, risk, stop_loss)
        waits = _trigger_of(stop, take, trail, trail_by, activation)
        prices, manner = (price, waits, stop_loss, take_profit), _manner(reduce_only, trigger)
        return self._submit(1, sizing, size, prices, tif, expire, post_only, tag, oco, after, manner)

    def sell(self, amount=None, *, cost=None, fraction=None, risk=None, price=None, stop=None, take=None, trail=None,
             trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None, post_only=False,
             tag="", oco=None, after=None, reduce_only=False,
             trigger="last") -> int:  # fmt: skip
        """Asks to sell; of a contract also for the exits of the short. Gives the order's id, or a negative `Reason`."""
        sizing, size = _size_of(amount, cost, fraction, risk, stop_loss)
        waits = _trigger_of(stop, take, trail, trail_by, activation)
        prices, manner = (price, waits, stop_loss, take_profit), _manner(reduce_only, trigger)
        return self._submit(-1, sizing, size, prices, tif, expire, post_only, tag, oco, after, manner)

    def _submit(self, side, sizing, size, prices, tif, expire, post_only, tag, oco, after, manner) -> int:
        price, trigger, stop_loss, take_profit = prices
        terms = (_given(price), *trigger, _given(stop_loss), _given(take_profit), word("tif", tif, TIFS))
        end, number = NEVER if expire is None else int(expire), self._texts.number(tag) if tag else -1
        if after is not None and sizing not in BOUND_SIZES:
            raise StrategyError(BOUND_SIZE)
        options = end, int(post_only), number, _linked(oco), _linked(after), manner
        return check.submit(self._address, self._index, side, sizing, size, *terms, *options)

    @property
    def long(self) -> "Broker":
        """The long twin of a contract in hedge mode: what is asked and read of it alone."""
        return self._twin(1)

    @property
    def short(self) -> "Broker":
        """The short twin."""
        return self._twin(-1)

    def _twin(self, side: int) -> "Broker":
        return type(self)(self._address, reads.twin_of(self._address, self._index, side), self._texts)

    def cancel(self, id: int) -> int:
        """Asks to cancel one order."""
        return check.cancel(self._address, self._index, id)

    def cancel_all(self) -> int:
        """Asks to cancel all open orders of the instrument; gives how many."""
        return check.cancel_all(self._address, self._index)

    def set_leverage(self, leverage: float) -> int:
        """Sets the leverage of a contract at once; gives 0 or a negative reason."""
        return contracts.set_leverage(self._address, self._index, _finite(leverage))

    def add_margin(self, money: float) -> int:
        """Puts quote behind an isolated position at once, below 0 takes it back; gives 0 or a negative reason."""
        return contracts.add_margin(self._address, self._index, _finite(money))

    def amend(self, id: int, price=None, stop=None, amount=None) -> int:
        """Asks to change an order's limit, trigger or total amount."""
        return check.amend(self._address, self._index, id, _given(price), _given(stop), _given(amount))

    def close(self, fraction: float = 1.0, tag: str = "", *, stop=None, take=None, trigger: str = "last") -> int:
        """Trades a fraction of the position against it, at market; with a stop or a take all of it, once that is
        triggered.
        """
        if stop is not None or take is not None:
            return self._close_when(_finite(fraction), tag, stop, take, trigger)
        return check.close(self._address, self._index, _finite(fraction), self._texts.number(tag) if tag else -1)

    def _close_when(self, fraction, tag, stop, take, trigger) -> int:
        how, price, _ = _trigger_of(stop, take, None, None, None)
        if fraction != 1.0:
            raise StrategyError(CLOSES_ALL)
        number, by_mark = self._texts.number(tag) if tag else -1, word("trigger", trigger, TRIGGERED_BY)
        return check.close_when(self._address, self._index, how, price, by_mark, number)

    def target(self, weight: float, tag: str = "") -> int:
        """Trades at market towards a share of equity held in this instrument."""
        return check.target(self._address, self._index, _finite(weight), self._texts.number(tag) if tag else -1)

    def protect(self, stop=None, takes=(), trail=None, trigger: str = "last", tag: str = "") -> int:
        """Makes these the exits of the position: a stop, takes of shares of it as (price, share), a trailing stop.

        Gives 0, or the negative `Reason` of the first of them that is refused. With nothing, all are taken back.
        """
        if len(takes) > REST:
            raise StrategyError(MANY_TAKES)
        for i, take in enumerate(takes):
            if not isinstance(take, tuple | list) or len(take) != 2:
                raise StrategyError(TAKES)
            exits.wish(self._address, self._index, i, *(_finite(number) for number in take))
        number, by_mark = self._texts.number(tag) if tag else -1, word("trigger", trigger, TRIGGERED_BY)
        terms = len(takes), _given(stop), _given(trail), by_mark, number
        return protection.protect(self._address, self._index, *terms)

    def quote(self, slot: int, side: str | Side, price: float, amount=None, cost=None, post_only=False, tag="") -> int:
        """Keeps, amends or replaces the resting limit of a numbered slot (0 to 63)."""
        sizing, size = _size_of(amount, cost, None, None, None)
        number = self._texts.number(tag) if tag else -1
        terms = (direction(side), sizing, size, _given(price), int(post_only), number)
        return check.quote(self._address, self._index, slot, *terms)

    def order(self, id: int) -> OrderView:
        """The order of an id."""
        if id < 0 and -id in REASONS:
            refusal = f"that call was refused, Reason.{REASONS[-id]}, and made no order"
            raise IndexError(f"broker.order({id}): {refusal}.")
        return OrderView(self._address, check.known(self._address, id), self._texts)

    def log(self, text: str, *values: float) -> None:
        """Keeps a line: the text with up to four numbers, formatted when it is shown; a bool is shown as 1 or 0."""
        self._note(0, text, values)

    def mark(self, name: str, price: float = 0.0) -> None:
        """Marks this candle in the report."""
        self._note(1, name, (price,))

    def plot(self, name: str, value: float = 0.0) -> None:
        """One point of a line in the report."""
        self._note(2, name, (value,))

    def _note(self, kind: int, text: str, values: tuple) -> None:
        if not isinstance(text, str):
            raise StrategyError(f"broker.{views.NOTES[kind]} takes a text first, such as '{{}}', not {text!r}.")
        # A text alone may be one that the strategy made, braces and all.
        wrong = misfit(text, len(values)) if values and kind == 0 else ""
        if wrong:
            raise StrategyError(wrong)
        if len(values) > 4:
            raise StrategyError(f"broker.{views.NOTES[kind]} keeps up to four numbers; {len(values)} were given.")
        numbers = [_number(kind, v) for v in values] + [0.0] * (4 - len(values))
        ledger.note(self._address, self._index, kind, self._texts.number(text), len(values), *numbers)

    def __getattr__(self, name: str):
        raise AttributeError(unknown("broker", name, dir(type(self))))


def _broker_read(function):
    return property(lambda self: function(self._address, self._index))


for _name, _function in reads.BROKER.items():
    setattr(Broker, _name, _broker_read(_function))


class HedgedBroker(Broker):
    """The same where an instrument is in hedge mode: of a contract, what is read is of both its twins."""

    __slots__ = ()


for _name, _function in reads.HEDGED.items():
    setattr(HedgedBroker, _name, _broker_read(_function))


def word(name: str, value: object, known: dict[str, int]) -> int:
    """The number of a word. Raises StrategyError naming the words there are."""
    if isinstance(value, str) and value in known:
        return known[value]
    text = str(value)
    near = did_you_mean(text, known) or did_you_mean(text.upper(), known)
    raise StrategyError(f"{name}={value!r} is not one of {', '.join(map(repr, known))}.{near}")


def direction(side: object) -> int:
    """1 for ``"buy"`` and `Side.BUY`, -1 for ``"sell"`` and `Side.SELL`, in small letters or large."""
    if isinstance(side, Side):
        return side.value
    return word("side", side.lower() if isinstance(side, str) else side, SIDES)


def _number(kind: int, value: object) -> float:
    if not isinstance(value, NUMBERS):
        shown = repr(value) if value is None or isinstance(value, str) else f"a {type(value).__name__}"
        raise StrategyError(no_number(kind, shown))
    return float(value)


def no_number(kind: int, shown: str) -> str:
    """What is said of something else than a number in a note."""
    return f"broker.{views.NOTES[kind]} keeps numbers, and {shown} is none."


def _linked(id) -> int:
    """The id of an order that another is linked to; 0, as None, is none."""
    return 0 if id is None else operator.index(id)


def _manner(reduce_only, trigger: str) -> int:
    """How an order is meant, as the kernel has it."""
    return (REDUCES if reduce_only else 0) | word("trigger", trigger, TRIGGERED_BY)


def _given(value) -> float:
    return NAN if value is None else _finite(value)


def _finite(value) -> float:
    if not math.isfinite(value):
        raise ValueError(f"an order's amount or price is not finite: {value!r}")
    return float(value)


def _trigger_of(stop, take, trail, trail_by, activation) -> tuple[int, float, float]:
    """What the trigger is, its price or distance, and from where on a trailing stop follows."""
    triggers = (stop, take, trail, trail_by)
    present = [i for i, trigger in enumerate(triggers) if trigger is not None]
    if len(present) > 1:
        raise StrategyError(TRIGGERS_CLASH.format(", ".join(TRIGGERS[i] for i in present)))
    how = present[0] + 1 if present else 0
    if activation is not None and how < TRAIL:
        raise StrategyError(ACTIVATES_NOTHING)
    return how, _given(triggers[how - 1]) if how else NAN, _given(activation)


def _size_of(amount, cost, fraction, risk, stop_loss) -> tuple[int, float]:
    sizes = (amount, cost, fraction, risk)
    present = [i for i, size in enumerate(sizes) if size is not None]
    if len(present) != 1:
        names = ", ".join(SIZES[i] for i in present) or "none"
        raise StrategyError(f"an order takes exactly one of amount, cost, fraction and risk; {names} was given.")
    if present[0] == check.RISK and stop_loss is None:
        raise StrategyError("risk needs stop_loss: buy(risk=0.01, stop_loss=price).")
    return present[0], _finite(sizes[present[0]])
