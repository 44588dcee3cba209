"""`Trader`: a strategy that decides on candles as they come, over books that a venue outside tells.

Live, paper and a replay of either are this. Nothing is awaited and no clock is read: the same values in the same order
give the same decisions, to the last bit.
"""

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from planar.engine.handover import hand_over
from planar.engine.interpret import Interpreter
from planar.errors import StrategyError
from planar.kernel import ledger, reads, told
from planar.kernel.limits import DAY
from planar.kernel.state import NEEDS_PYTHON, ON_CANDLE, ON_FILL, ON_ORDER_ERROR, ON_POSITION, ON_STEP
from planar.model.ask import Amend, Ask, Cancel, Leverage, Margin, Place, Row
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER, Event, Kind, Limit, Status
from planar.simulator.books import Books
from planar.strategy.base import Strategy
from planar.strategy.candles import FIELDS, Candles
from planar.strategy.columns import Series, series_of
from planar.strategy.compiler import Hooks, compile_strategy, slots_of
from planar.strategy.source import CannotCompile
from planar.strategy.texts import Texts

HEADROOM = 4_096
OPERATOR = "operator"
"""The tag of orders that no strategy asked for."""

FIRST_ROOM = 1_024
OF_NO_ORDER = {"funded": 1, "forced": 1, "leveraged": 2, "margined": 2}
"""What contracts are told of no order, and how many of its numbers the kernel does not take: they begin with 0, where
others have their order, and the time.
"""

HOOK_BITS = {
    "on_candle": ON_CANDLE,
    "on_fill": ON_FILL,
    "on_order_error": ON_ORDER_ERROR,
    "on_position": ON_POSITION,
    "on_step": ON_STEP,
}


class Tape:
    """Candles of one instrument, which grow at their end. Some of those to come may be known before they do."""

    def __init__(self, candles: Candles) -> None:
        self.timeframe = candles.timeframe
        self._count = self._known = 0
        self._columns = {name: np.empty(0, np.int64 if name == "time" else np.float64) for name in Row._fields}
        self._reserve(len(candles) + FIRST_ROOM)
        self._count = self._known = len(candles)
        for name, column in self._columns.items():
            column[: self._count] = getattr(candles, name)

    def __len__(self) -> int:
        return self._count

    def _reserve(self, room: int) -> None:
        for name, column in self._columns.items():
            wider = np.empty(room, column.dtype)
            wider[: self._known] = column[: self._known]
            self._columns[name] = wider

    def know(self, row: Row) -> None:
        """A candle to come, later than all others."""
        if self._known == len(self._columns["time"]):
            self._reserve(2 * self._known)
        for name, value in zip(Row._fields, row, strict=True):
            self._columns[name][self._known] = value
        self._known += 1

    def append(self, row: Row) -> bool:
        """One candle more, later than all others; whether it was known before."""
        was_known = self._count < self._known
        if not was_known:
            self.know(row)
        self._count += 1
        return was_known

    @property
    def end(self) -> int:
        """When the last candle closed, UTC ms; 0 before any."""
        return int(self._columns["time"][self._count - 1]) + self.timeframe if self._count else 0

    @property
    def last(self) -> Row:
        """The last candle."""
        return Row(*(self._columns[name][self._count - 1].item() for name in Row._fields))

    def copied(self) -> Candles:
        """All candles, those to come that are known too, as a copy that an author's code may write to."""
        columns = [self._columns[name][: self._known].copy() for name in ("time", *FIELDS)]
        return Candles(*columns, timeframe=self.timeframe)


class Trader(Books):
    """A strategy, its candles and its account.

    strategies: one for each instrument, all of one class but for overrides. history: its candles up to the first
    decision. cash: quote units; base: base units by instrument. compiled: as of `planar.backtest`.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        instruments: Sequence[Instrument],
        history: Sequence[Candles],
        *,
        cash: int,
        base: Sequence[int],
        compiled: bool | None = None,
    ) -> None:
        super().__init__(instruments, exact(instruments[0].quote_unit), HEADROOM)
        self.tapes = [Tape(candles) for candles in history]
        self._wish = compiled
        self.first_rows = [0] * len(instruments)
        self._columns: list[list[np.ndarray]] = [[] for _ in instruments]
        self._seen = {"orders": 0, "amends": 0, "refusals": 0, "events": 0}
        self._cancelling: list[set[int]] = [set() for _ in instruments]
        self._terms: list[tuple[int, int]] = []
        self.seen = 0
        """CRC-32 of the indicators that the last decision looked at, bit by bit."""
        self.put_in = 0.0
        """Worth, in quote, of what was adopted since the beginning."""
        self._set_up(strategies)
        self.record["outside"] = True
        told.add_cash(self.address, cash)
        for k, units in enumerate(base):
            told.add_base(self.address, k, units)
            if len(self.tapes[k]):
                self._stand(k)

    # What is made once for each code.

    def _set_up(self, strategies: Sequence[Strategy]) -> None:
        self.strategies = list(strategies)
        self.series: list[Series] = [self._recomputed(k) for k in range(len(self.instruments))]
        self.hooks, self.why_interpreted = self._compiled(self._wish)
        self.texts = Texts(self.hooks.strings if self.hooks else ())
        self._lay_out()
        self.interpreter = Interpreter(self.strategies, self, self.series, self.texts)
        self._set_hooks()

    def change(self, strategies: Sequence[Strategy]) -> None:
        """The author has edited the strategy: from now on it decides by this code, over the same books.

        Columns are computed anew over all candles; memory goes over as of `hand_over`. What the new code raises, as in
        its indicators, leaves no trader to go on with.
        """
        before, texts = self.interpreter, self.texts
        if not self.record["hooks"] & (ON_FILL | ON_ORDER_ERROR):
            self._pass_over()
        if self.hooks is not None:
            before.restore(self._memories, self._shared)
        self._set_up(strategies)
        self._renumber(texts)
        hand_over(before, self.interpreter)
        self.interpreter.save(self._memories, self._shared)

    def _pass_over(self) -> None:
        """What came before the last decision, and was told to nobody, is no news to hooks that the new code has."""
        events = self.memory.logs["events"][: self._seen["events"]]
        self.record["told"], self.record["fills_told"] = len(events), int((events["kind"] == Event.FILL).sum())

    def _renumber(self, before: Texts) -> None:
        """Compiled code knows texts by numbers of its own: those that are kept become these."""
        numbers = np.array([self.texts.number(text) for text in before.known], np.int64)
        logs = self.memory.logs
        kept = [(logs["orders"], "tag"), (logs["notes"], "text"), *((live, "tag") for live in self.live)]
        for records, name in kept:
            is_known = (records[name] >= 0) & (records[name] < len(numbers))
            records[name][is_known] = numbers[records[name][is_known]]

    def _compiled(self, compiled: bool | None) -> tuple[Hooks | None, str]:
        if compiled is False:
            return None, "asked for"
        try:
            if len({type(each) for each in self.strategies}) > 1:
                raise CannotCompile("its overrides differ between the exchanges of this run")
            return compile_strategy(type(self.strategies[0]), self.series[0].candle_type()), ""
        except CannotCompile as error:
            line = f"line {error.line}: " if error.line else ""
            if compiled:
                name = type(self.strategies[0]).__name__
                raise StrategyError(f"{name} cannot be compiled: {line}{error.reason}") from None
            return None, f"{line}{error.reason}"

    def _lay_out(self) -> None:
        """Memory of the strategy at addresses that the kernel knows."""
        _, size, size_shared = slots_of(type(self.strategies[0]).layout)
        self._shared = self.memory.keep(np.zeros(max(size_shared, 1)))
        self.record["shared"] = self._shared.ctypes.data
        self._memories = [self.memory.keep(np.zeros(max(size, 1))) for _ in self.instruments]
        for record, memory in zip(self.memory.instruments, self._memories, strict=True):
            record["memory"] = memory.ctypes.data
        for k, series in enumerate(self.series):
            self._show(k, series)

    def _set_hooks(self) -> None:
        hooks = sum(bit for name, bit in HOOK_BITS.items() if hasattr(self.strategies[0], name))
        if self.interpreter.universe is not None:
            hooks |= ON_FILL
        self.record["hooks"], self.record["interpreted"] = hooks, self.hooks is None

    # Candles.

    def _recomputed(self, k: int) -> Series:
        """The columns over all candles from their origin: what a backtest would compute, to the last bit."""
        candles = self.tapes[k].copied()
        end = int(candles.time[-1]) + candles.timeframe if len(candles) else 0
        series, first = series_of(self.strategies[k], candles, end)
        self.first_rows[k] = first
        return series

    def _show(self, k: int, series: Series) -> None:
        """Puts columns before the strategy, in place of those of the candle before."""
        record, kept = self.memory.instruments[k], []
        record["columns"] = series.table(kept).ctypes.data
        record["columns_n"] = len(series.indicators)
        record["timeframe"], record["first_candle"] = series.timeframe, self.first_rows[k]
        self._columns[k] = kept

    def _stand(self, k: int) -> None:
        told.closed(self.address, k, *self.tapes[k].last)

    def take(self, k: int, row: Row) -> None:
        """A candle of an instrument has closed. Raises ValueError for one that is not later than all before."""
        if row.time + self.tapes[k].timeframe <= self.tapes[k].end:
            raise ValueError(f"{self.instruments[k].name}: the candle of {row.time} is not the next")
        if not self.tapes[k].append(row):
            self._compute(k)
        self._stand(k)

    def foresee(self, candles: Iterable[tuple[int, Row]]) -> None:
        """The candles that will be taken, each with its instrument: their columns are computed now, all at once.

        They are then what they would be if each was taken as it came, unless an indicator looks ahead: `seen` tells.
        """
        for k, row in candles:
            self.tapes[k].know(row)
        for k in range(len(self.tapes)):
            self._compute(k)

    def _compute(self, k: int) -> None:
        self.series[k] = self._recomputed(k)
        self._show(k, self.series[k])
        self.interpreter.see(k, self.series[k])

    # Decisions.

    def begin(self) -> list[Ask]:
        """Runs ``on_reset`` and ``on_start``, once."""
        self._terms = self._set_terms()
        self.interpreter.call("on_reset")
        self.record["now"] = max(tape.end for tape in self.tapes)
        self.interpreter.call("on_start")
        self.interpreter.save(self._memories, self._shared)
        return self._asked()

    def step(self, time: int) -> list[Ask]:
        """Runs the hooks of a moment, UTC ms: of what was told since the last, then of the candles that closed then.

        What is asked for comes in the order in which it is to be sent.
        """
        self._seen["events"] = int(self.record["events_n"])
        self._terms = self._set_terms()
        self.seen = 0
        told.step(self.address, time)
        for k, tape in enumerate(self.tapes):
            record, count = self.memory.instruments[k], len(tape)
            decides = tape.end == time and count > self.first_rows[k]
            if decides:
                self.seen = zlib.crc32(self.series[k].row(count - 1), self.seen)
            record["candle"], record["next_close"] = (count - 1, time) if decides else (count, NEVER)
        hooks = self.hooks
        on = (hooks.on_candle, hooks.on_fill, hooks.on_order_error, hooks.on_position) if hooks else (0, 0, 0, 0)
        while told.run_hooks(self.address, *on) == NEEDS_PYTHON:
            self.interpreter.run_hook()
        return self._asked()

    def end(self) -> None:
        """Runs ``on_stop``; what it asks for is not looked at."""
        if self.hooks is not None:
            self.interpreter.restore(self._memories, self._shared)
        self.interpreter.call("on_stop")

    def clear(self, time: int, ks: Sequence[int], *, is_close: bool) -> list[Ask]:
        """What an operator asks for: no open orders of these instruments any more; is_close: no positions either."""
        self._terms = self._set_terms()
        self.record["now"] = time
        for k in ks:
            self.interpreter.brokers[k].cancel_all()
            if is_close:
                self.interpreter.brokers[k].close(tag=OPERATOR)
        return self._asked()

    def _asked(self) -> list[Ask]:
        """What was asked for since the last time: cancels, leverage and margin, amends, then orders."""
        first = self._seen["orders"]
        cancels = [Cancel(id, k) for k in range(len(self.instruments)) for id in self._new_cancels(k)]
        amends = [self._amend(record) for record in self.log("amends", self._seen["amends"])]
        orders = [self._place(index) for index in range(first, int(self.record["orders_n"]))]
        self._seen |= {"orders": int(self.record["orders_n"]), "amends": int(self.record["amends_n"])}
        self.make_room()
        before = [each for each in cancels if each.id <= first]
        after = [each for each in cancels if each.id > first]
        return [*before, *self._new_terms(), *amends, *(each for each in orders if each is not None), *after]

    def _set_terms(self) -> list[tuple[int, int]]:
        """Leverage and margin of each contract, as the books have them."""
        return [(int(each["leverage"]), int(each["kept"])) for each in self.memory.instruments]

    def _new_terms(self) -> list[Ask]:
        """Leverage and margin that the hooks of a decision asked for: nothing is filled while they run."""
        asks: list[Ask] = []
        before, self._terms = self._terms, self._set_terms()
        for k, ((leverage, kept), now) in enumerate(zip(before, self._terms, strict=False)):
            asks += [Leverage(0, k, now[0])] if now[0] != leverage else []
            asks += [Margin(0, k, now[1] - kept)] if now[1] != kept else []
        return asks

    def refused(self) -> list[np.void]:
        """What limits refused since the last time: records REFUSAL."""
        new = self.log("refusals", self._seen["refusals"])
        self._seen["refusals"] += len(new)
        return list(new)

    def stopped(self) -> tuple[Limit, int]:
        """Which limit of equity lets no position grow now, and until when, UTC ms; 0 for none."""
        if self.memory.limits is None:
            return Limit.NONE, 0
        lost, until = int(self.memory.limits[0]["lost"]), int(self.memory.limits[0]["until"])
        return max((Limit.DAILY_LOSS, (lost + 1) * DAY), (Limit.MAX_DRAWDOWN, until), key=lambda each: each[1])

    def _new_cancels(self, k: int) -> list[int]:
        asked = [int(o["id"]) + 1 for o in self.open_records(k) if o["cancel_at"] != NEVER]
        fresh = [id for id in asked if id not in self._cancelling[k]]
        self._cancelling[k] = set(asked)
        return fresh

    def _amend(self, record: np.void) -> Amend:
        index = int(record["order"])
        k = int(self.memory.logs["orders"][index]["instrument"])
        return Amend(index + 1, k, int(record["price"]), int(record["stop"]), int(record["amount"]))

    def _place(self, index: int) -> Place | None:
        """A new order; None for one that was refused at once."""
        kept = self.memory.logs["orders"][index]
        if kept["status"] == Status.REJECTED:
            return None
        k = int(kept["instrument"])
        order = self.live[k][kept["slot"]]
        side, kind, tif, expire, post_only = (int(order[n]) for n in ("side", "kind", "tif", "expire", "post_only"))
        amounts = (int(order[name]) for name in ("amount", "budget", "price", "stop"))
        tag = self.texts.text(int(order["tag"]))
        follows = (int(order["trail"]), int(order["activation"])) if kind == Kind.TRAIL else (0, 0)
        return Place(
            index + 1, k, side, kind, tif, expire, bool(post_only), *amounts, tag, *follows, bool(order["reduces"])
        )

    # What is told.

    def tell(self, name: str, k: int, *numbers: int) -> bool:
        """Calls ``planar.kernel.told``'s function of that name; False where that is no news, or the order is over.

        ``adjusted`` is of no order: it takes quote units and base units that came in, or, negative, went out. Nor is
        what stands in `OF_NO_ORDER`.
        """
        if name == "adjusted":
            return self._adjust(k, *numbers)
        answer = getattr(told, name)(self.address, k, *numbers[OF_NO_ORDER.get(name, 0) :])
        if name == "not_cancelled":
            self._cancelling[k].discard(numbers[0])
        self.make_room()
        return answer != told.OLD

    def _adjust(self, k: int, cash: int, base: int) -> bool:
        """Changes balances by what no open order explains."""
        told.add_cash(self.address, cash)
        told.add_base(self.address, k, base)
        return True

    def adopt(self, k: int, cash: int, base: int) -> float:
        """Quote and base units of the account become the session's own, or, negative, are no more; gives their worth.

        Base is worth the last price.
        """
        before = self.equity()
        told.adopted(self.address, k, cash, base)
        return self._put_in(before)

    def hold(self, k: int, base: int, cost: int) -> float:
        """A contract's position is that now: base units, and quote units that they have cost; gives what it is worth
        more than the one before. The wallet stays as it is.
        """
        before = self.equity()
        told.held(self.address, k, base, cost)
        return self._put_in(before)

    def _put_in(self, before: float) -> float:
        """What equity has become more since is no gain, and no loss; gives it."""
        worth = self.equity() - before
        self.put_in += worth
        if self.memory.limits is not None:
            for name in ("day_equity", "marked", "peak"):
                self.memory.limits[0][name] += worth
        return worth

    @property
    def is_sound(self) -> bool:
        """Whether no balance is below zero."""
        owned = [self.base(k)[0] for k, each in enumerate(self.instruments) if not each.is_contract]
        return self.wallet_units() >= 0 and min(owned, default=0) >= 0

    def equity(self) -> float:
        """Cash, and what is held at its last price, in quote."""
        return float(reads.equity(self.address, 0))

    def is_open(self, id: int) -> bool:
        """Whether an order is neither filled nor ended."""
        return bool(self.memory.logs["orders"][id - 1]["status"] <= Status.PARTIAL)

    def order(self, id: int) -> np.void:
        """The ORDER record of an order, up to date."""
        ledger.write_open_orders(self.address)
        return self.memory.logs["orders"][id - 1]
