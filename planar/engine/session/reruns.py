"""The strategy of a session as a backtest over its candles: as it is, and deciding only where the session could."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from planar.engine.backtest import Session
from planar.engine.interpret import CURRENT, DECIDED, PHASE, Interpreter
from planar.engine.market import Market
from planar.engine.session.comparison import total_of
from planar.engine.session.market_candles import MarketCandles
from planar.engine.session.story import Execution, Story
from planar.kernel.state import CANDLES, STEP
from planar.model.instrument import Instrument, exact
from planar.simulator.fill_model import FillModel
from planar.strategy.candles import Candles
from planar.strategy.load import load


class Seen(Session):
    """A backtest that makes no decision where its session could not. passes: (instrument, time) of those."""

    passes: frozenset[tuple[int, int]] = frozenset()

    def hook_runner(self, interpreter: Interpreter) -> Callable[[], None]:
        """Runs hooks, but for those of a candle that had not come."""
        integers, everything = interpreter.integers, range(len(self.market.instruments))

        def run() -> None:
            phase, time = integers[PHASE], integers[DECIDED]
            due = (integers[CURRENT],) if phase == CANDLES else everything if phase == STEP else ()
            if not due or any((k, time) not in self.passes for k in due):
                interpreter.run_hook()

        return run


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
    strategy = load(origin.strategy)(**origin.parameters)
    kind, compiled = (Seen, False) if passes else (Session, None)
    session = kind(strategy, market, story.begun, cash, model, compiled, story.limits)
    if isinstance(session, Seen):
        session.passes = passes
    return _earned(session.run(False).logs.fills, instruments, prices)


def _earned(fills: Iterable, instruments: Sequence[Instrument], prices: Sequence[Fraction]) -> Fraction:
    """What a backtest's fills have earned when all is valued at those prices."""
    names, earned = ("time", "ticks", "amount", "cost", "fee", "fee_in_base", "maker"), Fraction(0)
    for fill in fills:
        k = int(fill["instrument"])
        own = Execution(*(int(fill[name]) for name in names))
        earned += total_of([own], instruments[k], prices[k]).worth(int(fill["side"]), prices[k])
    return earned
