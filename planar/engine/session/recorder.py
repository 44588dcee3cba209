"""`Recorder`: a trader and its journal. Nothing reaches the one that does not stand in the other.

So a session is its journal: `replayed` gives a trader that has seen, asked for and been told the same, and says where
it decided otherwise than the one that wrote it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from planar.broker.journal import Entry, Journal
from planar.engine.session.origin import Origin
from planar.engine.session.trader import Trader
from planar.errors import DataError, StrategyError
from planar.model.ask import Amend, Ask, Cancel, Leverage, Margin, Place, Row
from planar.model.order import Limit
from planar.strategy.base import Strategy
from planar.strategy.kept import Code

ASKS: dict[str, Callable[..., Ask]] = {kind.__name__.lower(): kind for kind in (Place, Amend, Cancel, Leverage, Margin)}

DECIDING = ("limits", "begin", "candle", "step", "told", "ordered", "adopted", "edited")
"""Kinds of entries that change a trader; all others are for the reader."""


class Recorder:
    """Writes down what a trader sees, is told and asks for, and lets it happen.

    clock: UTC ms of this machine. listen: hears the kind and body of each entry.
    """

    def __init__(
        self, trader: Trader, journal: Journal, clock: Callable[[], int], listen: Callable[[str, Any], None]
    ) -> None:
        self.trader, self.journal, self._clock, self._listen = trader, journal, clock, listen
        self.before_commit: list[Callable[[], None]] = []

    def write(self, kind: str, body: Any) -> None:
        """Adds an entry that changes nothing of the trader."""
        self.journal.write(self._clock(), kind, body)
        self._listen(kind, body)

    def commit(self) -> None:
        """Returns when all that was written is on disk; who looks at the books before that may write more."""
        for look in self.before_commit:
            look()
        self.journal.commit()

    def limit(self, limits: Mapping[str, float]) -> None:
        """From now on these limits hold."""
        self.trader.limit(limits)
        self.write("limits", dict(limits))

    def begin(self, now: int = 0) -> list[Ask]:
        """Runs ``on_start``. now: by the session's clock, UTC ms."""
        asks = self.trader.begin()
        self.write("begin", {"at": now, "asks": told_asks(asks)})
        self._say_refused()
        return asks

    def take(self, k: int, row: Row) -> None:
        """A candle of an instrument has closed."""
        self.trader.take(k, row)  # where its indicators raise, it was not taken
        self.write("candle", [k, *row])

    def step(self, time: int, now: Callable[[], int] | None = None) -> list[Ask]:
        """The hooks of a moment run. now: the session's clock, which says when they were done; the moment without."""
        asks, seen = self.trader.step(time), self.trader.seen
        self.write("step", {"time": time, "at": now() if now else time, "asks": told_asks(asks), "seen": seen})
        self._say_refused()
        return asks

    def order(self, time: int, ks: Sequence[int], *, is_close: bool) -> list[Ask]:
        """What the operator asks for: as of `Trader.clear`."""
        asks = self.trader.clear(time, ks, is_close=is_close)
        self.write("ordered", {"time": time, "ks": list(ks), "is_close": is_close, "asks": told_asks(asks)})
        self._say_refused()
        return asks

    def _say_refused(self) -> None:
        """Writes down what limits refused, for the reader."""
        for each in self.trader.refused():
            name = Limit(int(each["limit"])).name.lower()
            about = {"k": int(each["instrument"]), "order": int(each["order"]) + 1, "is_amend": bool(each["is_amend"])}
            most = self.trader.limits[name]
            self.write("refused", {**about, "limit": name, "value": float(each["value"]), "most": most})

    def adopt(self, time: int, k: int, cash: int, base: int) -> None:
        """Something of the account becomes the session's own: as of `Trader.adopt`."""
        worth = self.trader.adopt(k, cash, base)
        self.write("adopted", {"time": time, "k": k, "cash": cash, "base": base, "worth": worth})

    def hold(self, time: int, k: int, base: int, cost: int) -> None:
        """A contract's position becomes the account's: as of `Trader.hold`."""
        worth = self.trader.hold(k, base, cost)
        self.write("adopted", {"time": time, "k": k, "base": base, "cost": cost, "worth": worth})

    def change(self, strategies: Sequence[Strategy], body: Mapping[str, Any]) -> None:
        """The code was edited. strategies: as of `Trader.change`; body: as `planar.engine.session.edit` has it."""
        self.trader.change(strategies)
        self.write("edited", body)

    def position(self, k: int) -> tuple[int, int]:
        """Of a contract: as of `planar.broker.books.Books`."""
        record = self.trader.memory.instruments[k]
        return int(record["base"]), int(record["kept"])

    @property
    def is_sound(self) -> bool:
        """Whether no balance is below zero."""
        return self.trader.is_sound

    def tell(self, name: str, k: int, *numbers: int, **info: Any) -> bool:
        """Something became of an order, by a function of `planar.kernel.told`; False where that is no news.

        info: what the reader of the journal may want to know beside it.
        """
        is_news = self.trader.tell(name, k, *numbers)
        if is_news:
            self.write("told", {"what": name, "k": k, "numbers": list(numbers), **info})
        return is_news


def told_asks(asks: Iterable[Ask]) -> list[list[Any]]:
    """What is asked for, as JSON keeps it."""
    return [[type(ask).__name__.lower(), *ask] for ask in asks]


def read_asks(told: Iterable[list[Any]]) -> list[Ask]:
    """What was asked for, as it was."""
    return [ASKS[name](*values) for name, *values in told]


def rerun(make: Callable[[], Trader], candles: Iterable[Entry], entries: Iterable[Entry], origin: Origin) -> Trader:
    """A new trader to which all happens that stands in a journal, as of `replay`.

    candles: those of the entries, and gone through twice as they are. Columns are computed once over all candles. Where
    that is not what was decided on, since an indicator looks ahead, they are computed as they were: anew at each.
    """
    trader = make()
    try:
        trader.foresee((int(k), Row(*row)) for k, *row in (entry.body for entry in candles))
        replay(trader, entries, origin)
    except (DataError, StrategyError):
        trader = make()
        replay(trader, entries, origin)
    return trader


def replay(trader: Trader, entries: Iterable[Entry], origin: Origin) -> None:
    """Lets a new trader see and be told what stands in a journal. origin: what it was made of.

    Raises DataError where it asks for something else than is written: the strategy, its environment or the journal
    has changed.
    """
    for entry in entries:
        if entry.kind == "edited":
            trader.change(origin.strategies(Code.read(entry.body)))
            continue
        asks = _happen(trader, entry)
        if asks is not None and asks != read_asks(entry.body["asks"]):
            raise DataError(
                f"entry {entry.number} of the journal: the strategy asked for {_words(read_asks(entry.body['asks']))} "
                f"then, and for {_words(asks)} now that it is run again. The strategy's file, a library or the journal "
                "has changed since."
            )
        if entry.kind == "step" and entry.body.get("seen", trader.seen) != trader.seen:
            raise DataError(
                f"entry {entry.number} of the journal: the indicators were others then than they are now that the "
                "strategy is run again. Its file, a library or the journal has changed since."
            )


def _happen(trader: Trader, entry: Entry) -> list[Ask] | None:
    body = entry.body
    if entry.kind == "limits":
        trader.limit(body)
    if entry.kind == "begin":
        return trader.begin()
    if entry.kind == "step":
        return trader.step(body["time"])
    if entry.kind == "ordered":
        return trader.clear(body["time"], body["ks"], is_close=body["is_close"])
    if entry.kind == "candle":
        k, *row = body
        trader.take(k, Row(*row))
    elif entry.kind == "told":
        trader.tell(body["what"], body["k"], *body["numbers"])
    elif entry.kind == "adopted":
        if "cost" in body:
            trader.hold(body["k"], body["base"], body["cost"])
        else:
            trader.adopt(body["k"], body["cash"], body["base"])
    return None


def _words(asks: list[Ask]) -> str:
    return ", ".join(map(str, asks)) or "nothing"
