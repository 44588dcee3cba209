"""Random scenarios over market trades: the markets of `scenarios`, each candle as trades, and what is asked on some."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .orders import Fill
from .scenarios import ReferencePlayer, Scenario, _random_act, linked_scenario, random_scenario, triggered_scenario
from .ticks import TickEngine, Trade


@dataclass(frozen=True)
class TickScenario:
    """A scenario, its trades per instrument, and what is asked on them: (instrument, number of the trade, act)."""

    scenario: Scenario
    trades: tuple[tuple[Trade, ...], ...]
    acts: tuple[tuple, ...]

    def until(self, time: int) -> "TickScenario":
        """The same without the trades from a time on."""
        return TickScenario(
            self.scenario, tuple(tuple(t for t in each if t[0] < time) for each in self.trades), self.acts
        )


def random_tick_scenario(rng) -> TickScenario:
    """Any markets, any model, any script; some of it asked on trades, from which little time may pass to the next."""
    scenario = rng.choice([random_scenario, random_scenario, linked_scenario, triggered_scenario])(rng)
    own = Random(rng.randint(0, 2**32))
    is_dense = rng.random() < 0.5
    trades = tuple(_random_trades(own, scenario, k, is_dense) for k in range(len(scenario.instruments)))
    acts = []
    for _ in range(rng.choice([0, 10, 25, 40, 60])):
        k = rng.randint(0, len(trades) - 1)
        row = rng.randint(0, len(trades[k]) - 1)
        at = min(trades[k][row][0] // scenario.execution + 1, scenario.count)
        acts.append((k, row, _random_act(rng, scenario, k, at)))
    return TickScenario(scenario, trades, tuple(acts))


def _random_trades(rng: Random, scenario: Scenario, k: int, is_dense: bool) -> tuple[Trade, ...]:
    """Each candle as one to four trades; dense ones lie within milliseconds."""
    trades = []
    for i, row in enumerate(scenario.rows[k]):
        if row is None:
            continue
        prices = [*rng.sample(row[1:3], 2), row[3], row[0]][: rng.choice([1, 2, 4])][::-1]
        span = rng.choice([3, 500]) if is_dense else scenario.execution
        first = i * scenario.execution + rng.choice([0, rng.randint(0, scenario.execution - span)])
        times = sorted(first + rng.randrange(span) for _ in prices)
        volume = row[4] if row[4] > 0 else 1e-3 * scenario.cash / row[0]
        trades += [(time, price, volume / len(prices)) for time, price in zip(times, prices, strict=True)]
    return tuple(trades)


class Everything:
    """Whatever is looked for is in it."""

    def __contains__(self, _: object) -> bool:
        return True


class TickScript:
    """What a player does on trades, beside what it does at closes."""

    do: Callable

    def follow(self, made: TickScenario) -> None:
        """The script to follow from now on."""
        self.decisions, self.on_trades = Everything(), {}
        for k, row, act in made.acts:
            self.on_trades.setdefault((k, row), []).append(act)

    def on_trade(self, now: int, k: int, row: int) -> None:
        """`on_tick`."""
        for act in self.on_trades.get((k, row), ()):
            self.do(now, k, act)


class _TickEngine(TickEngine):
    """Tells its player of fills and errors."""

    player: "ReferenceTickPlayer"

    def _tell(self) -> None:
        untold, self.ledger.untold = self.ledger.untold, []
        for happened in untold:
            what, order = ("fill", happened.order) if isinstance(happened, Fill) else ("error", happened.id)
            self.player.on_told(what, self.now, order)


class ReferenceTickPlayer(TickScript, ReferencePlayer):
    """The plain-Python engine over trades."""

    def __init__(self, made: TickScenario) -> None:
        self.made = made
        super().__init__(made.scenario)

    def _engine(self, scenario: Scenario, shift: int) -> TickEngine:
        self.follow(self.made)
        return _TickEngine(
            self.named(),
            [list(each) for each in self.made.trades],
            scenario.timeframe,
            cash=scenario.cash,
            model=scenario.model,
            limits=scenario.limits,
            on_step=lambda engine, now: self.on_step(now),
            on_tick=lambda engine, k, row: self.on_trade(engine.now, k, row),
        )
