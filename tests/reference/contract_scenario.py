"""Contracts for tests, in numbers that can be checked by hand.

One tick is 1, one step is 1, money counts in cents: 10 at 100 cost 1,000.00, which are 100,000 units.
"""

from collections.abc import Callable
from dataclasses import replace

from .contracts import Contract
from .engine import Engine
from .scenario import COIN, FEES

FUTURE = replace(COIN, tiers=((0, 0.01, 50),), leverage=10)
WITH_FEES = replace(FEES, tiers=((0, 0.01, 50),), leverage=10)
TWO_TIERS = replace(FUTURE, tiers=((0, 0.01, 50), (500, 0.02, 20)), leverage=30)
FINE = replace(FUTURE, price_step=0.01, liquidation_fee=0.005)


def flat(price: float) -> tuple:
    """A candle in which nothing moves."""
    return (price,) * 4


def contract(engine: Engine, k: int = 0) -> Contract:
    """The books of a contract."""
    return engine.ledger.contracts[k]


def free_into(seen: list) -> Callable:
    """Notes what is free."""
    return lambda engine: seen.append(engine.ledger.free("buy", 0))


def liquidations(engine) -> list[tuple]:
    """(time, instrument, ticks, units, cost, fee) of every step of a liquidation."""
    gone = [f for f in engine.fills if f.tag == "liquidation" and f.order < 0]
    return [(f.time, f.instrument, f.ticks, f.amount, f.cost, f.fee) for f in gone]
