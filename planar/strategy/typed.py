"""The types that compiled strategy code sees: candle, self, broker, and the views that hang on them.

Each is a thin struct of addresses over the engine's records; attribute reads become loads at compile time. The layout
of a strategy (names and their places) is part of its types, so that a typo is a compile-time message.

A column table (`Table`) is an int64 array per instrument: addresses of the columns, then for each higher timeframe
the address of its as-of rows and of its own table.
"""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    lower_setattr_generic,
    overload,
    overload_attribute,
    overload_method,
    register_model,
)

from planar.errors import StrategyError, did_you_mean
from planar.kernel import calls, check, reads, views
from planar.kernel.exits import REST
from planar.kernel.machine import compiled, get_float, get_int, set_float
from planar.kernel.state import FIRST_COLUMN, SLOTS
from planar.kernel.triggers import TRAIL
from planar.model.order import NEVER, REDUCES, Side, Tif
from planar.strategy import tick as ticks
from planar.strategy.candle import EMPTY, NOTHING, Candle, Row, unknown
from planar.strategy.interpreted import (
    ACTIVATES_NOTHING,
    BOUND_SIZE,
    BOUND_SIZES,
    CLOSES_ALL,
    MANY_TAKES,
    TAKES,
    TIFS,
    TRIGGERED_BY,
    TRIGGERS,
    TRIGGERS_CLASH,
    Broker,
    direction,
    no_number,
    word,
)

# Places in a column table.
TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, ROWS, TIMEFRAME, OFFSET = range(FIRST_COLUMN)
PRICES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}
MINUTE, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class CandleType(types.Type):
    """columns: names of the indicator columns; higher: ((alias, CandleType), …).

    is_joined: it is joined to another candle, and its row is -1 as long as nothing was known. is_candle: else it is a
    row of something else, without prices.
    """

    def __init__(
        self, columns: tuple[str, ...], higher: tuple = (), *, is_joined: bool = False, is_candle: bool = True
    ) -> None:
        self.columns, self.higher, self.is_joined = columns, higher, is_joined
        self.shown = Candle if is_candle else Row
        super().__init__(name=f"{self.shown.__name__}({columns}, {higher}, {is_joined})")

    def known(self) -> list[str]:
        return [*self.prices, *self.shown.TIMES, "back", "last", *self.columns, *(n for n, _ in self.higher)]

    @property
    def prices(self) -> tuple[str, ...]:
        return tuple(PRICES) if self.shown is Candle else ()


class SelfType(types.Type):
    """slots: ((name, kind, where, place), …) with kind "int", "float", "bool" or an array length.

    key: of the strategy's source; methods: its compiled methods by name, filled in by the compiler.
    """

    def __init__(self, slots: tuple, key: str) -> None:
        self.slots, self.methods = {s[0]: s[1:] for s in slots}, {}
        super().__init__(name=f"Self({key}, {slots})")


class BrokerType(types.Type):
    """strings: text constants of the strategy; compiled code knows each by its place. hedged: whether it may be of a
    contract in hedge mode, or of one of its twins.
    """

    def __init__(self, strings: tuple[str, ...], *, hedged: bool = False) -> None:
        self.strings, self.hedged = strings, hedged
        super().__init__(name=f"Broker({strings}, {hedged})")


class ViewType(types.Type):
    """The last n values of a column."""

    def __init__(self) -> None:
        super().__init__(name="View")


class ArrayType(types.Type):
    """Fixed memory of an instrument."""

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(name=f"Array({length})")


class OrderType(types.Type):
    """An order as hooks see it."""

    def __init__(self) -> None:
        super().__init__(name="OrderView")


class FillType(types.Type):
    """A fill as hooks see it."""

    def __init__(self) -> None:
        super().__init__(name="FillView")


class TickType(types.Type):
    """A market trade as `on_tick` sees it."""

    def __init__(self) -> None:
        super().__init__(name="Tick")


VIEW, ORDER_VIEW, FILL_VIEW, TICK = ViewType(), OrderType(), FillType(), TickType()


def _struct(type_class: type, *names: str) -> None:
    @register_model(type_class)
    class Model(models.StructModel):
        def __init__(self, manager, fe_type) -> None:
            super().__init__(manager, fe_type, [(name, types.int64) for name in names])


MEMBERS: dict[type, tuple[str, ...]] = {
    CandleType: ("_state", "_ins", "_table", "_row"),
    SelfType: ("_state", "_ins", "_memory", "_shared"),
    BrokerType: ("_state", "_index"),
    ViewType: ("_first", "_length"),
    ArrayType: ("_first", "_length"),
    OrderType: ("_state", "_index"),
    FillType: ("_state", "_index"),
    TickType: ("_ins", "_row"),
}
for _type, _names in MEMBERS.items():
    _struct(_type, *_names)


def maker(made: types.Type):
    """A compiled function that puts the members of a view together."""
    count = len(MEMBERS[type(made)])

    @intrinsic
    def build(typing, members):
        def generate(context, builder, signature, arguments):
            return _assemble(context, builder, made, [builder.extract_value(arguments[0], i) for i in range(count)])

        return made(types.UniTuple(types.int64, count)), generate

    return build


def _assemble(context, builder, kind: types.Type, members: list):
    """The struct value of a view."""
    value = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for i, member in enumerate(members):
        value = builder.insert_value(value, member, i)
    return value


def _member(builder, kind: types.Type, value, name: str):
    return builder.extract_value(value, MEMBERS[type(kind)].index(name))


def _run(context, builder, function, result: types.Type, argument_types: tuple, *arguments):
    return context.compile_internal(builder, function, result(*argument_types), arguments)


# candle


@compiled
def column(table, place, row):
    """A value of a column, by its place in the table."""
    return get_float(get_int(table, place), row)


@compiled
def _joined_column(table, place, row):
    """A value of what is joined to a candle; nan where nothing was known."""
    return get_float(get_int(table, place), row) if row >= 0 else float("nan")


@compiled
def _known_row(row):
    if row < 0:
        raise IndexError(NOTHING)
    return row


@compiled
def _now(table, row):
    return get_int(get_int(table, TIME), row) + get_int(table, TIMEFRAME)


@compiled
def local_time(table, row):
    """Decision time in the class's timezone, ms."""
    now = _now(table, row)
    offsets = get_int(table, OFFSET)
    return now if offsets == 0 else now + get_int(offsets, row)


@compiled
def hour(table, row):
    return local_time(table, row) // HOUR_MS % 24


@compiled
def weekday(table, row):
    """Monday is 0; the epoch was a Thursday."""
    return (local_time(table, row) // DAY_MS + 3) % 7


@compiled
def _time(table, row):
    return get_int(get_int(table, TIME), row)


TIMES = {"time": _time, "now": _now, "hour": hour, "weekday": weekday, "known_at": _time}


def _place_of(kind: CandleType, name: str) -> int | None:
    if name in kind.prices:
        return PRICES[name]
    return FIRST_COLUMN + kind.columns.index(name) if name in kind.columns else None


def _check_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raises TypingError in the words of the interpreted form; names that begin with _ are numba's own business."""
    if name not in known and not name.startswith("_"):
        raise TypingError(unknown(what, name, known))


@infer_getattr
class _CandleAttributes(AttributeTemplate):
    key = CandleType

    def generic_resolve(self, kind: CandleType, name: str):
        if _place_of(kind, name) is not None:
            return types.float64
        if name in kind.shown.TIMES or name in MEMBERS[CandleType]:
            return types.int64
        _check_known(kind.shown.word, name, kind.known())
        return dict(kind.higher).get(name)


@lower_getattr_generic(CandleType)
def _read_candle(context, builder, kind, value, name):
    if name in MEMBERS[CandleType]:
        return _member(builder, kind, value, name)
    table, row = _member(builder, kind, value, "_table"), _member(builder, kind, value, "_row")
    pair = (types.int64, types.int64)
    if name in kind.shown.TIMES:
        if kind.is_joined:
            row = _run(context, builder, _known_row.py_func, types.int64, (types.int64,), row)
        return _run(context, builder, TIMES[name].py_func, types.int64, pair, table, row)
    place = _place_of(kind, name)
    if place is not None:
        constant = context.get_constant(types.int64, place)
        read = _joined_column if kind.is_joined else column
        return _run(context, builder, read.py_func, types.float64, (types.int64,) * 3, table, constant, row)
    return _joined_candle(context, builder, kind, value, name, table, row)


def _joined_candle(context, builder, kind, value, name, table, row):
    """What is joined to a candle under a name, at the row that its as-of column names."""
    place = FIRST_COLUMN + len(kind.columns) + 2 * [n for n, _ in kind.higher].index(name)
    triple = (types.int64,) * 3
    constants = [context.get_constant(types.int64, p) for p in (place, place + 1)]
    state, ins = _member(builder, kind, value, "_state"), _member(builder, kind, value, "_ins")
    inner = _run(context, builder, get_int_at.py_func, types.int64, triple, table, constants[1], row)
    closed = _run(context, builder, _as_of.py_func, types.int64, triple, table, constants[0], row)
    return _assemble(context, builder, dict(kind.higher)[name], [state, ins, inner, closed])


@compiled
def _as_of(table, place, row):
    return get_int(get_int(table, place), row)


@compiled
def get_int_at(table, place, row):
    return get_int(table, place)


@overload_method(CandleType, "back")
def _back(candle, k):
    if not isinstance(k, types.Integer):
        raise TypingError("candle.back(k) takes a whole number")
    move = maker(candle)

    def implementation(candle, k):
        if k < 0 or k > candle._row:
            raise IndexError("candle.back(k) leaves the candles there are")
        return move((candle._state, candle._ins, candle._table, candle._row - k))

    return implementation


@overload_method(CandleType, "last", prefer_literal=True)
def _last(candle, name, n):
    if not isinstance(name, types.StringLiteral):
        raise TypingError("candle.last(name, n) takes a constant text as name")
    if not isinstance(n, types.Integer):
        raise TypingError("candle.last(name, n) takes a whole number as n")
    place = _place_of(candle, name.literal_value)
    if place is None:
        known = [*candle.prices, *candle.columns]
        near = did_you_mean(name.literal_value, known)
        raise TypingError(f"{candle.shown.word}.last has no column {name.literal_value!r}.{near}")
    view = maker(VIEW)

    def implementation(candle, name, n):
        if n < 1 or n > candle._row + 1:
            raise IndexError("candle.last(name, n) leaves the candles there are")
        return view((get_int(candle._table, place) + 8 * (candle._row + 1 - n), int(n)))

    return implementation


# views and arrays


def _members_of(type_class: Any, what: str, known: Iterable[str]) -> None:
    @infer_getattr
    class _Members(AttributeTemplate):
        key = type_class

        def generic_resolve(self, kind, name: str):
            if name in MEMBERS[type_class]:
                return types.int64
            return _check_known(what, name, known)

    @lower_getattr_generic(type_class)
    def _read(context, builder, kind, value, name):
        return _member(builder, kind, value, name)


_members_of(BrokerType, "broker", dir(Broker))
_members_of(OrderType, "an order", reads.ORDER_READS)
_members_of(FillType, "a fill", reads.FILL_READS)
_members_of(TickType, "a tick", ticks.READS)
for _type in (ViewType, ArrayType):
    _members_of(_type, "a row of values", views.REDUCTIONS)


def _sequence(type_class: Any) -> None:
    @overload(len)
    def _len(sequence):
        if isinstance(sequence, type_class):
            return lambda sequence: sequence._length
        return None

    @overload(operator.getitem)
    def _getitem(sequence, i):
        if isinstance(sequence, type_class) and isinstance(i, types.Integer):
            return lambda sequence, i: get_float(sequence._first, views.inside(i, sequence._length))
        if isinstance(sequence, type_class) and isinstance(i, types.SliceType) and not i.has_step:
            return _part
        return None

    for name, function in views.REDUCTIONS.items():
        overload_method(type_class, name)(_reduction(function))


def _reduction(function):
    def reduction(sequence):
        def implementation(sequence):
            if sequence._length == 0:
                raise ValueError(EMPTY)
            return function(sequence._first, sequence._length)

        return implementation

    return reduction


_view = maker(VIEW)


def _part(sequence, i):
    """The view that a slice means."""
    first, end, _ = i.indices(sequence._length)
    return _view((sequence._first + 8 * first, max(end - first, 0)))


_sequence(ViewType)
_sequence(ArrayType)


@overload(operator.setitem)
def _set_item(sequence, i, value):
    if isinstance(sequence, ArrayType) and isinstance(i, types.Integer):
        return lambda sequence, i, value: set_float(sequence._first, views.inside(i, sequence._length), float(value))
    return None


# self

NUMBER = {"int": types.int64, "float": types.float64, "bool": types.boolean}
POINTER = {"int": ir.IntType(64), "float": ir.DoubleType(), "bool": ir.IntType(64)}


@infer_getattr
class _SelfAttributes(AttributeTemplate):
    key = SelfType

    def generic_resolve(self, kind: SelfType, name: str):
        if name in MEMBERS[SelfType]:
            return types.int64
        if name in kind.slots:
            what = kind.slots[name][0]
            return NUMBER[what] if isinstance(what, str) else ArrayType(what)
        return None


def _slot(builder, kind: SelfType, value, name: str):
    """Kind of a declared number and the pointer to it."""
    what, where, place = kind.slots[name]
    base = _member(builder, kind, value, where)
    address = builder.add(base, ir.Constant(ir.IntType(64), 8 * place))
    return what, address


@lower_getattr_generic(SelfType)
def _read_self(context, builder, kind, value, name):
    if name in MEMBERS[SelfType]:
        return _member(builder, kind, value, name)
    what, address = _slot(builder, kind, value, name)
    if isinstance(what, int):
        return _assemble(context, builder, ArrayType(what), [address, ir.Constant(ir.IntType(64), what)])
    loaded = builder.load(builder.inttoptr(address, POINTER[what].as_pointer()))
    return builder.trunc(loaded, ir.IntType(1)) if what == "bool" else loaded


@lower_setattr_generic(SelfType)
def _write_self(context, builder, signature, arguments, name):
    kind = signature.args[0]
    what, address = _slot(builder, kind, arguments[0], name)
    stored = builder.zext(arguments[1], ir.IntType(64)) if what == "bool" else arguments[1]
    builder.store(stored, builder.inttoptr(address, POINTER[what].as_pointer()))


_bound: set[str] = set()


def bind_methods(kind: SelfType, functions: dict) -> None:
    """Makes compiled methods of a strategy callable on its ``self``."""
    kind.methods.update(functions)
    for name in set(functions) - _bound:
        _bound.add(name)
        overload_method(SelfType, name)(_method_of(name))


def _method_of(name: str):
    def method(self, *arguments):
        function = self.methods.get(name)
        return None if function is None else (lambda self, *arguments: function(self, *arguments))

    return method


# broker


def _reads(type_class: Any, table: dict) -> None:
    for name, function in table.items():
        overload_attribute(type_class, name)(_read_of(function))


def _read_of(function):
    return lambda view: lambda view: function(view._state, view._index)


def _tick_read(function):
    return lambda tick: lambda tick: function(tick._ins, tick._row)


for _name, _function in ticks.READS.items():
    overload_attribute(TickType, _name)(_tick_read(_function))


def _broker_read(name):
    def attribute(broker):
        function = (reads.HEDGED if broker.hedged else reads.BROKER)[name]
        return lambda broker: function(broker._state, broker._index)

    return attribute


for _name in reads.BROKER:
    overload_attribute(BrokerType, _name)(_broker_read(_name))


def _twin_view(side):
    def attribute(broker):
        if not broker.hedged:
            raise TypingError("broker.long and broker.short are of an instrument in position_mode='hedge'")
        build = maker(broker)
        return lambda broker: build((broker._state, reads.twin_of(broker._state, broker._index, side)))

    return attribute


for _name, _side in (("long", 1), ("short", -1)):
    overload_attribute(BrokerType, _name)(_twin_view(_side))
_reads(OrderType, reads.ORDER_READS)
_reads(FillType, reads.FILL_READS)


def _absent(kind: types.Type | None) -> bool:
    """Whether an argument is None, or left out: then numba shows the default itself instead of a type."""
    return kind is None or isinstance(kind, types.NoneType) or (isinstance(kind, types.Omitted) and kind.value is None)


def _is_false(kind: Any) -> bool:
    """Whether an argument is False, or left out with that default."""
    return kind is False or (isinstance(kind, types.Omitted) and kind.value is False)


def _constant(kind: Any, what: str) -> Any:
    """The value of an argument that must be known while compiling."""
    if not isinstance(kind, types.Type):
        return kind
    if isinstance(kind, types.Omitted):
        return kind.value
    if isinstance(kind, types.StringLiteral | types.BooleanLiteral):
        return kind.literal_value
    raise TypingError(f"{what} must be a constant text in compiled code")


def _check_number(kind: Any) -> None:
    if isinstance(kind, types.UnicodeType | types.StringLiteral):
        raise TypingError(f"an order's amount or price is a number, not {_shown(kind)}")


def given(value):
    """A price or amount as a float, nan for None; raises ValueError when it is not finite."""
    raise NotImplementedError


@overload(given)
def _given(value):
    if _absent(value):
        return lambda value: float("nan")
    _check_number(value)
    return lambda value: views.finite(float(value))


def moment(value):
    """A time as whole ms, NEVER for None."""
    raise NotImplementedError


@overload(moment)
def _moment(value):
    if _absent(value):
        return lambda value: NEVER
    _check_number(value)
    return lambda value: int(value)


def linked(id):
    """The id of an order that another is linked to; 0, as None, is none."""
    raise NotImplementedError


@overload(linked)
def _linked(id):
    if _absent(id):
        return lambda id: 0
    if not isinstance(id, types.Integer):
        raise TypingError(f"oco and after are ids of orders, not {_shown(id)}")
    return lambda id: int(id)


def sized(amount, cost, fraction, risk):
    """The one size that was given."""
    raise NotImplementedError


@overload(sized)
def _sized(amount, cost, fraction, risk):
    which = _sizing(amount, cost, fraction, risk)
    _check_number((amount, cost, fraction, risk)[which])
    return (
        lambda amount, cost, fraction, risk: views.finite(float(amount)),
        lambda amount, cost, fraction, risk: views.finite(float(cost)),
        lambda amount, cost, fraction, risk: views.finite(float(fraction)),
        lambda amount, cost, fraction, risk: views.finite(float(risk)),
    )[which]


def _sizing(*sizes) -> int:
    present = [i for i, size in enumerate(sizes) if not _absent(size)]
    if len(present) != 1:
        raise TypingError("an order takes exactly one of amount, cost, fraction and risk")
    return present[0]


def triggered(stop, take, trail, trail_by):
    """The one trigger that was given, nan for none."""
    raise NotImplementedError


@overload(triggered)
def _triggered(stop, take, trail, trail_by):
    return (
        lambda stop, take, trail, trail_by: float("nan"),
        lambda stop, take, trail, trail_by: given(stop),
        lambda stop, take, trail, trail_by: given(take),
        lambda stop, take, trail, trail_by: given(trail),
        lambda stop, take, trail, trail_by: given(trail_by),
    )[_trigger(stop, take, trail, trail_by, None)]


def _trigger(*triggers) -> int:
    """What the trigger is, from 1; 0 for none. The last of the arguments is the activation."""
    present = [i for i, trigger in enumerate(triggers[:-1]) if not _absent(trigger)]
    if len(present) > 1:
        raise TypingError(TRIGGERS_CLASH.format(", ".join(TRIGGERS[i] for i in present)))
    how = present[0] + 1 if present else 0
    if not _absent(triggers[-1]) and how < TRAIL:
        raise TypingError(ACTIVATES_NOTHING)
    return how


def _text(broker: BrokerType, kind: Any, what: str) -> int:
    text = _constant(kind, what)
    if text and text not in broker.strings:
        raise TypingError(f"{what} must be a constant text in compiled code")
    return broker.strings.index(text) if text in broker.strings else -1


def _said(meaning: Callable[..., int], *words: Any) -> int:
    """What a word means, refused as the interpreted form refuses it."""
    try:
        return meaning(*words)
    except StrategyError as error:
        raise TypingError(str(error)) from None


def _order_method(name: str, side: Side):
    @overload_method(BrokerType, name, prefer_literal=True)
    def method(broker, amount=None, cost=None, fraction=None, risk=None, price=None, stop=None, take=None, trail=None,
               trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None,
               post_only=False, tag="", oco=None, after=None, reduce_only=False, trigger="last"):  # fmt: skip
        sizing, how = _sizing(amount, cost, fraction, risk), _trigger(stop, take, trail, trail_by, activation)
        tif_number, tag_number = _said(word, "tif", _constant(tif, "tif"), TIFS), _text(broker, tag, "tag")
        if sizing == check.RISK and _absent(stop_loss):
            raise TypingError("risk needs stop_loss")
        if not _absent(after) and sizing not in BOUND_SIZES:
            raise TypingError(BOUND_SIZE)
        sign, by_mark = side.value, _said(word, "trigger", _constant(trigger, "trigger"), TRIGGERED_BY)

        def plain(broker, amount=None, cost=None, fraction=None, risk=None, price=None, stop=None, take=None,
                  trail=None, trail_by=None, activation=None, stop_loss=None, take_profit=None, tif="GTC", expire=None,
                  post_only=False, tag="", oco=None, after=None, reduce_only=False, trigger="last"):  # fmt: skip
            size = sized(amount, cost, fraction, risk)
            return calls.submit_plain(broker._state, broker._index, sign, size, given(price), tag_number)

        is_plain = tif_number == Tif.GTC and not how and _absent(expire) and _absent(oco) and _absent(after)
        is_plain = is_plain and _absent(stop_loss) and _absent(take_profit) and _is_false(reduce_only) and not by_mark
        if is_plain and sizing == check.AMOUNT and _is_false(post_only):
            return plain

        def implementation(broker, amount=None, cost=None, fraction=None, risk=None, price=None, stop=None, take=None,
                           trail=None, trail_by=None, activation=None, stop_loss=None, take_profit=None,
                           tif="GTC", expire=None, post_only=False, tag="", oco=None, after=None,
                           reduce_only=False, trigger="last"):  # fmt: skip
            manner = (REDUCES if reduce_only else 0) | by_mark
            return calls.submit(
                broker._state, broker._index, sign, sizing, sized(amount, cost, fraction, risk), given(price),
                how, triggered(stop, take, trail, trail_by), given(activation), given(stop_loss), given(take_profit),
                tif_number, moment(expire), int(post_only), tag_number, linked(oco), linked(after), manner,
            )  # fmt: skip

        return implementation


_order_method("buy", Side.BUY)
_order_method("sell", Side.SELL)


@overload_method(BrokerType, "cancel")
def _cancel(broker, id):
    return lambda broker, id: calls.cancel(broker._state, broker._index, id)


@overload_method(BrokerType, "cancel_all")
def _cancel_all(broker):
    return lambda broker: calls.cancel_all(broker._state, broker._index)


@overload_method(BrokerType, "set_leverage")
def _set_leverage(broker, leverage):
    return lambda broker, leverage: calls.set_leverage(broker._state, broker._index, given(leverage))


@overload_method(BrokerType, "add_margin")
def _add_margin(broker, money):
    return lambda broker, money: calls.add_margin(broker._state, broker._index, given(money))


@overload_method(BrokerType, "amend")
def _amend(broker, id, price=None, stop=None, amount=None):
    def implementation(broker, id, price=None, stop=None, amount=None):
        return calls.amend(broker._state, broker._index, id, given(price), given(stop), given(amount))

    return implementation


@overload_method(BrokerType, "close", prefer_literal=True)
def _close(broker, fraction=1.0, tag="", stop=None, take=None, trigger="last"):
    number, how = _text(broker, tag, "tag"), _trigger(stop, take, None, None, None)
    by_mark = _said(word, "trigger", _constant(trigger, "trigger"), TRIGGERED_BY)
    _check_number(fraction)

    def closing(broker, fraction=1.0, tag="", stop=None, take=None, trigger="last"):
        return calls.close_when(
            broker._state, broker._index, how, triggered(stop, take, None, None), by_mark, number,
        )  # fmt: skip

    if how:
        if not (fraction == 1.0 or (isinstance(fraction, types.Omitted) and fraction.value == 1.0)):
            raise TypingError(CLOSES_ALL)
        return closing

    def implementation(broker, fraction=1.0, tag="", stop=None, take=None, trigger="last"):
        return calls.close(broker._state, broker._index, views.finite(float(fraction)), number)

    return implementation


@overload_method(BrokerType, "target", prefer_literal=True)
def _target(broker, weight, tag=""):
    number = _text(broker, tag, "tag")
    _check_number(weight)

    def implementation(broker, weight, tag=""):
        return calls.target(broker._state, broker._index, views.finite(float(weight)), number)

    return implementation


def _is_pair(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple) and len(kind) == 2 and all(isinstance(each, types.Number) for each in kind)


def _takes_count(takes: Any) -> int:
    """How many takes a tuple has, -1 for a list."""
    if takes is None or takes == () or isinstance(takes, types.Omitted | types.NoneType):
        return 0
    if isinstance(takes, types.BaseTuple) and all(_is_pair(each) for each in takes):
        return len(takes)
    if isinstance(takes, types.List | types.ListType) and _is_pair(takes.dtype):
        return -1
    raise TypingError(TAKES)


@overload_method(BrokerType, "protect", prefer_literal=True)
def _protect(broker, stop=None, takes=(), trail=None, trigger="last", tag=""):
    number, count = _text(broker, tag, "tag"), _takes_count(takes)
    by_mark = _said(word, "trigger", _constant(trigger, "trigger"), TRIGGERED_BY)

    def without_takes(broker, stop=None, takes=(), trail=None, trigger="last", tag=""):
        return calls.protect(broker._state, broker._index, 0, given(stop), given(trail), by_mark, number)

    def implementation(broker, stop=None, takes=(), trail=None, trigger="last", tag=""):
        if len(takes) > REST:
            raise ValueError(MANY_TAKES)
        i = 0
        for take in takes:
            calls.wish(broker._state, broker._index, i, given(take[0]), given(take[1]))
            i += 1
        return calls.protect(broker._state, broker._index, i, given(stop), given(trail), by_mark, number)

    return implementation if count else without_takes


@overload_method(BrokerType, "quote", prefer_literal=True)
def _quote(broker, slot, side, price, amount=None, cost=None, post_only=False, tag=""):
    sizing, number = _sizing(amount, cost), _text(broker, tag, "tag")
    if isinstance(side, types.IntEnumMember) and side.instance_class is Side:
        sign_of = _value_of_side
    else:
        sign_of = _constant_sign(_said(direction, _constant(side, "side")))

    def implementation(broker, slot, side, price, amount=None, cost=None, post_only=False, tag=""):
        if slot < 0 or slot >= SLOTS:
            raise IndexError("a quote slot is outside 0 to 63")
        size = sized(amount, cost, None, None)
        return calls.quote(
            broker._state, broker._index, slot, sign_of(side), sizing, size, given(price), int(post_only), number,
        )  # fmt: skip

    return implementation


@numba.njit
def _value_of_side(side):
    return side.value


@functools.cache
def _constant_sign(sign: int):
    """A function of any side that gives this sign."""
    return numba.njit(lambda side: sign)


@overload_method(BrokerType, "order")
def _order(broker, id):
    view = maker(ORDER_VIEW)

    def implementation(broker, id):
        return view((broker._state, check.known(broker._state, id)))

    return implementation


def noted(value):
    """A number of a note as a float; a bool as 1.0 or 0.0."""
    raise NotImplementedError


@overload(noted)
def _noted(value):
    if isinstance(value, types.Boolean):
        return lambda value: 1.0 if value else 0.0
    return lambda value: float(value)


def _shown(kind: types.Type) -> str:
    """How a message shows a value of which only the type is known."""
    if isinstance(kind, types.NoneType):
        return "None"
    if isinstance(kind, types.Optional):
        return "what may be None"
    return repr(kind.literal_value) if isinstance(kind, types.Literal) else f"a {kind.name.partition('(')[0]}"


def _note_method(name: str, kind: int):
    @overload_method(BrokerType, name, prefer_literal=True)
    def method(broker, text, a=0.0, b=0.0, c=0.0, d=0.0):
        values = [v for v in (a, b, c, d) if isinstance(v, types.Type) and not isinstance(v, types.Omitted)]
        for value in values:
            if not isinstance(value, types.Number | types.Boolean):
                raise TypingError(no_number(kind, _shown(value)))
        number, count = _text(broker, text, f"the text of broker.{name}"), len(values)

        def implementation(broker, text, a=0.0, b=0.0, c=0.0, d=0.0):
            calls.note(
                broker._state, broker._index, kind, number, count, noted(a), noted(b), noted(c), noted(d),
            )  # fmt: skip

        return implementation


for _kind, _name in enumerate(views.NOTES):
    _note_method(_name, _kind)
