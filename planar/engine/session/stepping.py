"""`Stepping`: one decision of a session, made again interpreted, hook by hook: what each saw, changed and asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from planar.broker.journal import Entry
from planar.broker.terms import symbol_of
from planar.engine.session import archive
from planar.engine.session.edit import last_code
from planar.engine.session.recorder import read_asks
from planar.engine.session.status import order_document
from planar.engine.session.trader import Trader
from planar.errors import ConfigError
from planar.kernel import reads
from planar.model.ask import Ask
from planar.model.order import Reason, Status
from planar.store.candles import utc
from planar.strategy.base import PRICES, Strategy
from planar.strategy.candle import Candle
from planar.strategy.signature import HOOKS
from planar.strategy.texts import filled_in

ITEMS = {"on_fill": ("fill", reads.FILL_READS), "on_order_error": ("order", reads.ORDER_READS)}
BROKER = ("cash", "free_cash", "equity", "position", "entry_price", "unrealised_pnl")
Sight = dict[str, dict[str, Any]]
"""What a hook can read, by the word that an author reads it with: ``candle``, ``self``, ``broker``, …"""


@dataclass
class Call:
    """A hook that is about to run. symbol: of its instrument, empty for ``on_step``; saw: by instrument."""

    hook: str
    symbol: str
    saw: dict[str, Sight]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    memory: Callable[[], dict[str, Any]]

    def run(self) -> None:
        """Runs it."""
        self.function(*self.arguments)


class _Watched:
    """A bound strategy whose hooks are called by somebody else."""

    def __init__(self, bound: Strategy, k: int, call: Callable[..., None]) -> None:
        self._bound, self._k, self._call = bound, k, call

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._bound, name)
        return partial(self._call, name, self._k, found) if name in HOOKS else found


class Stepping:
    """The decision of a moment, UTC ms, or of the one that asked for an order; the first after it where none was then.

    time: of the decision. code: the hash of what made it; is_edited: whether the session ever ran another. asked: what
    the journal has of it, None where the strategy raised. Raises ConfigError where there is no such decision.
    """

    def __init__(self, entries: list[Entry], *, moment: int | None = None, order: int | None = None) -> None:
        self.entries = entries
        place = self._place(moment, order)
        if place is None:
            self.time, self.asked, before = self._unwritten(moment, order), None, entries
        else:
            body = entries[place].body
            self.time, self.asked, before = body["time"], read_asks(body["asks"]), entries[:place]
        self.trader: Trader = archive.replayed(before, compiled=False)
        self.origin, code = archive.origin_of(entries), last_code(before)
        self.code = code.hash if code else self.origin.code
        self.is_edited = any(entry.kind == "edited" for entry in entries)
        self._counts = {name: int(self.trader.record[f"{name}_n"]) for name in ("orders", "notes")}

    def _place(self, moment: int | None, order: int | None) -> int | None:
        for place, entry in enumerate(self.entries):
            if entry.kind == "step":
                asked = {ask[1] for ask in entry.body["asks"] if ask[0] == "place"}
                if order in asked or (moment is not None and entry.body["time"] >= moment):
                    return place
        return None

    def _unwritten(self, moment: int | None, order: int | None) -> int:
        """A decision that ended the session stands nowhere: the candles after the last one tell its moment."""
        ends = [(archive.happened(e, 0), e) for e in self.entries if e.kind == "step"]
        last = max((time for time, _ in ends), default=0)
        if moment is None:
            raise ConfigError(f"no decision of this session asked for order {order}: `planar journal` has its orders.")
        trader = archive.replayed(self.entries, compiled=False)
        end = max(tape.end for tape in trader.tapes)
        if end <= last or moment > end:
            raise ConfigError(f"there is no decision at {utc(moment)} or later: the last was at {utc(last)}.")
        return end

    def run(self, around: Callable[[Call], None]) -> list[Ask]:
        """Makes the decision; ``around`` runs each hook. Raises StrategyError where one raises."""
        interpreter = self.trader.interpreter

        def call(hook: str, k: int, function: Callable[..., Any], *arguments: Any) -> None:
            ks = range(len(self.trader.instruments)) if hook == "on_step" else (k,)
            symbols = {each: symbol_of(self.trader.instruments[each]) for each in ks}
            saw = {symbols[each]: self._seen(each, bound[each], hook, arguments[0]) for each in ks}
            memory = partial(_memory, bound[k])
            around(Call(hook, "" if hook == "on_step" else symbols[k], saw, function, arguments, memory))

        bound = list(interpreter.bound)
        interpreter.bound = [_Watched(each, k, call) for k, each in enumerate(bound)]
        try:
            return self.trader.step(self.time)
        finally:
            interpreter.bound = bound

    def _seen(self, k: int, bound: Strategy, hook: str, item: Any) -> Sight:
        """What a hook can read of an instrument. item: the first that it is given."""
        trader, seen = self.trader, Sight()
        row = int(trader.memory.instruments[k]["candle"]) - 1
        if hook in ITEMS:
            word, known = ITEMS[hook]
            seen[word] = {name: _plain(getattr(item, name)) for name in known}
        elif hook in ("on_candle", "on_step") and row >= 0:
            seen |= _columns("candle", trader.interpreter.candles[k](row))
        seen["self"] = _memory(bound)
        broker = trader.interpreter.brokers[k]
        seen["broker"] = {name: getattr(broker, name) for name in BROKER}
        for record in trader.open_records(k):
            id, _, *told = order_document(trader, k, record).items()
            seen[f"order {id[1]}"] = {name: value for name, value in told if value}
        return seen

    @property
    def parameters(self) -> dict[str, Any]:
        """What the user chose."""
        return dict(self.trader.strategies[0].parameters)

    def refused(self) -> list[tuple[int, str]]:
        """Orders that the decision asked for and that were refused at once: instrument and reason."""
        kept = self.trader.log("orders", self._counts["orders"])
        kept = kept[kept["status"] == Status.REJECTED]
        return [(int(one["instrument"]), Reason(int(one["reason"])).name) for one in kept]

    def noted(self) -> list[str]:
        """What the decision logged."""
        texts, found = self.trader.texts, []
        for note in self.trader.log("notes", self._counts["notes"]):
            if note["kind"] == 0:
                values = [float(note[name]) for name in "abcd"[: int(note["count"])]]
                found.append(filled_in(texts.text(int(note["text"])), values))
        return found


def _columns(word: str, candle: Candle) -> Sight:
    """A candle and those of higher timeframes, each column by name."""
    names = [name for name in candle.columns if name not in PRICES]
    found = {word: {"time": utc(candle.time), **{name: getattr(candle, name) for name in (*PRICES, *names)}}}
    for name in candle.higher:
        found |= _columns(f"{word}.{name}", getattr(candle, name))
    return found


def _memory(bound: Strategy) -> dict[str, Any]:
    """What a strategy keeps, as values that do not change with it."""
    layout = type(bound).layout
    numbers = {name: getattr(bound, name) for name in (*layout.memory, *layout.shared)}
    arrays = {name: list(getattr(bound, name)) for name in layout.arrays}
    return {**numbers, **arrays, **{name: repr(getattr(bound, name)) for name in layout.objects}}


def _plain(value: Any) -> Any:
    return getattr(value, "name", value)
