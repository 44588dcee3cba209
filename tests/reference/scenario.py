"""Small markets for tests: prices, amounts and money that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

from .engine import Engine
from .model import FillModel, Instrument

MINUTE = 60_000

# One tick is 1, one step is 1, money counts in cents: cost(n, k) is 100 * n * k cents, and there are no fees.
COIN = Instrument("COIN", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01)
FEES = replace(COIN, maker=0.001, taker=0.002)

# Every assumption is off; a test switches on the one it is about.
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "cross")


def columns(*rows: tuple, every: int = MINUTE, start: int = 0) -> dict[str, list]:
    """Candles of (open, high, low, close) or (open, high, low, close, volume); None is a gap."""
    kept = [(start + i * every, *row[:4], row[4] if len(row) > 4 else 1000.0) for i, row in enumerate(rows) if row]
    names = ("time", "open", "high", "low", "close", "volume")
    return {name: [float(row[n]) if n else row[0] for row in kept] for n, name in enumerate(names)}


def play(*rows: tuple, at: dict[int, Callable], instrument: Instrument = COIN, cash: float = 10_000.0, **changes):
    """Runs one instrument; `at[i]` is what the strategy does at the close of candle `i`. Gives the engine."""
    assumptions = {name: changes.pop(name) for name in list(changes) if hasattr(PLAIN, name)}
    model = replace(PLAIN, **assumptions)
    engine = Engine([instrument], [columns(*rows)], MINUTE, cash=cash, model=model, on_step=script(at), **changes)
    engine.run()
    return engine


def script(at: dict[int, Callable]) -> Callable:
    """A strategy that acts at the close of some candles."""

    def on_step(engine: Engine, now: int) -> None:
        act = at.get(now // MINUTE - 1)
        if act is not None:
            act(engine)

    return on_step


def all_of(*acts: Callable) -> Callable:
    """Several acts at one close."""

    def act(engine: Engine) -> None:
        for each in acts:
            each(engine)

    return act


def fills(engine: Engine) -> list[tuple]:
    """(candle number, order, ticks, units, liquidity) of every fill."""
    return [(f.time // MINUTE, f.order, f.ticks, f.amount, f.liquidity) for f in engine.fills]


def outcome(engine: Engine, id: int = 0) -> tuple[str, str]:
    """Status and reason of an order."""
    order = engine.orders[id]
    return order.status, order.reason
