"""The strategy of a session as a backtest over its candles: as it is, and deciding only where the session could."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from planar.engine.backtest import HOOK_BITS, Session
from planar.engine.handover import hand_over
from planar.engine.interpret import CANDLE, CURRENT, DECIDED, PHASE, TOLD, WIDTH, Interpreter
from planar.engine.market import Market
from planar.engine.session.comparison import total_of
from planar.engine.session.market_candles import MarketCandles
from planar.engine.session.story import Execution, Story
from planar.kernel.state import CANDLES, ON_FILL, POSITIONS, STEP, TELL
from planar.model.instrument import Instrument, exact
from planar.model.order import Event
from planar.simulator.fill_model import FillModel
from planar.strategy.base import Strategy
from planar.strategy.candles import Candles
from planar.strategy.load import load


class Seen(Session):
    """A backtest that decides where its session could, by the code that it had then.

    passes: (instrument, time) of decisions that it could not make. later: the same strategy after each edit, with the
    last moment before that, UTC ms.
    """

    passes: frozenset[tuple[int, int]] = frozenset()
    later: Sequence[tuple[int, Session]] = ()

    def go_on(self, later: Sequence[tuple[int, Session]]) -> None:
        """From these moments on, those."""
        self.later, self._own_rows = later, self.first_rows
        each = [self.first_rows, *(session.first_rows for _, session in later)]
        self.first_rows = [min(rows) for rows in zip(*each, strict=True)]

    def hook_runner(self, interpreter: Interpreter) -> Callable[[], None]:
        """Runs hooks, but for those of a candle that had not come."""
        integers, everything = interpreter.integers, range(len(self.market.instruments))
        parts = [(0, _Part(interpreter, self._own_rows if self.later else self.first_rows))]
        for after, session in self.later:
            made = Interpreter(session.strategies, interpreter.account, session.series, interpreter.texts)
            interpreter.account.memory.state["hooks"] |= _hooks(made)
            parts.append((after, _Part(made, session.first_rows)))
        _, part = parts.pop(0)
        part.begin()

        def run() -> None:
            nonlocal part
            phase, time = integers[PHASE], integers[DECIDED]
            while parts and time > parts[0][0]:
                before, (_, part) = part, parts.pop(0)
                hand_over(before.interpreter, part.interpreter)
                part.begin()
            due = (integers[CURRENT],) if phase == CANDLES else everything if phase == STEP else ()
            if not due or any((k, time) not in self.passes for k in due):
                part.run_hook()

        return run


class _Part:
    """One code of a session. rows: the first that it decides on, by instrument."""

    def __init__(self, interpreter: Interpreter, rows: Sequence[int]) -> None:
        self.interpreter, self._rows = interpreter, rows
        self._cls = type(interpreter.strategy)

    def begin(self) -> None:
        """It decides from now on."""
        self.interpreter.records["first_candle"] = self._rows

    def run_hook(self) -> None:
        """Runs the hook that the kernel asks for, where this code has it and is ready."""
        if self._is_its():
            self.interpreter.run_hook()

    def _is_its(self) -> bool:
        integers = self.interpreter.integers
        phase, k = integers[PHASE], integers[CURRENT]
        if phase == CANDLES:
            row = self.interpreter.own[k * WIDTH + CANDLE] - 1
            return hasattr(self._cls, "on_candle") and row >= self._rows[k]
        if phase == POSITIONS:
            return hasattr(self._cls, "on_position")
        if phase == TELL:
            event = self.interpreter.account.memory.logs["events"][integers[TOLD] - 1]
            return event["kind"] == Event.FILL or hasattr(self._cls, "on_order_error")
        return True


def _hooks(interpreter: Interpreter) -> int:
    """What the kernel is to ask for."""
    found = sum(bit for name, bit in HOOK_BITS.items() if hasattr(interpreter.strategy, name))
    return found | (ON_FILL if interpreter.universe is not None else 0)


def reruns(
    story: Story, model: FillModel, market: MarketCandles, prices: Sequence[Fraction]
) -> tuple[Fraction, Fraction, Fraction]:
    """What the strategy earns where it could decide, over the candles as seen, and over those there are now."""
    passes = frozenset(story.unmade() | market.missing)
    now = _backtested(story, model, market.now, prices)
    seen = now if not market.changed else _backtested(story, model, market.seen, prices)
    able = seen if not passes else _backtested(story, model, market.seen, prices, passes)
    return able, seen, now


def _backtested(
    story: Story,
    model: FillModel,
    candles: Sequence[Candles],
    prices: Sequence[Fraction],
    passes: frozenset[tuple[int, int]] = frozenset(),
) -> Fraction:
    origin = story.origin
    instruments = list(origin.instruments)
    cash = float(origin.cash * exact(instruments[0].quote_unit))
    market = Market(instruments, list(candles), list(candles), "a session", "of the account", "of the exchange")

    def session(kind: type[Session], code: type[Strategy], compiled: bool | None) -> Session:
        return kind(code(**origin.parameters), market, story.begun, cash, model, compiled, story.limits)

    first, *edits = [(after, code.loaded(origin.strategy)) for after, code in story.codes] or [
        (0, load(origin.strategy))
    ]
    if not passes and not edits:
        return _earned(session(Session, first[1], None).run(False).logs.fills, instruments, prices)
    made = session(Seen, first[1], False)
    assert isinstance(made, Seen)
    made.passes = passes
    made.go_on([(after, session(Session, code, False)) for after, code in edits])
    return _earned(made.run(False).logs.fills, instruments, prices)


def _earned(fills: Iterable, instruments: Sequence[Instrument], prices: Sequence[Fraction]) -> Fraction:
    """What a backtest's fills have earned when all is valued at those prices."""
    names, earned = ("time", "ticks", "amount", "cost", "fee", "fee_in_base", "maker"), Fraction(0)
    for fill in fills:
        k = int(fill["instrument"])
        own = Execution(*(int(fill[name]) for name in names))
        earned += total_of([own], instruments[k], prices[k]).worth(int(fill["side"]), prices[k])
    return earned
