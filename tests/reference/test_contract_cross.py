"""Section 12 of the law: one account under several cross contracts, each row worked by hand.

At 10x a long of 10 at 100 must keep 1 % of its worth, as long as it is alone out of all of the wallet.
"""

from dataclasses import replace

import pytest

from .contract_scenario import FINE, FUTURE, flat, liquidations
from .engine import Engine
from .scenario import MINUTE, PLAIN, all_of, columns, outcome, script
from .test_reference import FLAT

CROSS = replace(FUTURE, margin_mode="cross")


def play_two(first: list, second: list, at: dict, *, cash: float, instrument=CROSS, path: str = "ohlc"):
    """Two cross contracts of one account."""
    rows = [columns(*first), columns(*second)]
    model = replace(PLAIN, path=path)
    engine = Engine([instrument, instrument], rows, MINUTE, cash=cash, model=model, on_step=script(at))
    engine.run()
    return engine


def both(side: str, n: int):
    """The same of both contracts."""
    return all_of(*[lambda e, k=k: getattr(e, side)(k, n) for k in (0, 1)])


def test_cross_position_has_all_of_the_wallet():
    """Of 300.00, 10.00 are asked by the other long of 10 at 100: (1,000 - 290) / 9.9 = 71.71717.

    10 at 71.71 are 717.10: 282.90 lost, fee 3.5855: 13.51 are left, enough for the other's 10.00.
    """
    rows = [FLAT, FLAT, (100, 100, 60, 60)]
    fine = replace(FINE, margin_mode="cross")
    engine = play_two(rows, [FLAT] * 3, {0: both("buy", 10)}, cash=300, instrument=fine)
    assert [row[1:] for row in liquidations(engine)] == [(0, 7171, 10, 71_710, 359)]
    assert (engine.ledger.wallet, engine.base_units) == (1_351, [0, 10])


def test_the_others_follow_when_the_account_is_still_under():
    """At 71, as ticks are 1, 10.00 of 300.00 are left, no more than what the other must keep; it is sold at 100."""
    engine = play_two([FLAT, FLAT, (100, 100, 60, 60)], [FLAT] * 3, {0: both("buy", 10)}, cash=300)
    assert [row[1:] for row in liquidations(engine)] == [(0, 71, 10, 71_000, 0), (1, 100, 10, 100_000, 0)]
    assert {row[0] for row in liquidations(engine)} == {2 * MINUTE + 42_424}  # 28.2828 of 40
    assert (engine.ledger.wallet, engine.base_units) == (1_000, [0, 0])


def test_a_cross_liquidation_cancels_the_orders_of_all_cross_contracts():
    """Those of an isolated one stay."""
    kinds = [CROSS, FUTURE, CROSS]
    at = {0: lambda e: e.buy(0, 29), 1: all_of(*[lambda e, k=k: e.buy(k, 1, price=50) for k in (2, 1, 0)])}
    rows = [columns(FLAT, FLAT, FLAT, flat(80)), *[columns(*[FLAT] * 4) for _ in range(2)]]
    engine = Engine(kinds, rows, MINUTE, cash=350, model=PLAIN, on_step=script(at))
    engine.run()
    assert [outcome(engine, id) for id in (1, 2, 3)] == [
        ("CANCELLED", "LIQUIDATED"), ("OPEN", ""), ("CANCELLED", "LIQUIDATED")
    ]  # fmt: skip
    assert [id for _, kind, id in engine.events if kind == "CANCELLED"] == [3, 1]


def test_gains_of_one_position_hold_another():
    """The other has won 100.00 at 110, less the 11.00 it keeps: (1,000 - 389) / 9.9 = 61.717.

    10 at 61.71 are 617.10: 382.90 lost, fee 3.0855. 14.01 are left, more than 11.00, although not in the wallet.
    """
    fine = replace(FINE, margin_mode="cross")
    second = [FLAT, FLAT, flat(110), flat(110)]
    engine = play_two([*[FLAT] * 3, (100, 100, 62, 62)], second, {0: both("buy", 10)}, cash=300, instrument=fine)
    assert liquidations(engine) == []
    engine = play_two([*[FLAT] * 3, (100, 100, 61, 61)], second, {0: both("buy", 10)}, cash=300, instrument=fine)
    assert [row[1:] for row in liquidations(engine)] == [(0, 6171, 10, 61_710, 309)]
    assert (engine.ledger.wallet, engine.equity()) == (-8_599, pytest.approx(14.01))


@pytest.mark.parametrize(("path", "gone"), [("ohlc", []), ("optimistic", []), ("pessimistic", [0])])
def test_the_pessimist_sees_the_others_at_their_worse_extreme(path, gone):
    """The other's mark falls to 95 and comes back: -50.00, 9.50 kept: (1,000 - 240.50) / 9.9 = 76.7."""
    rows = [FLAT, FLAT, (100, 100, 75, 75)], [FLAT, FLAT, (100, 100, 95, 100)]
    engine = play_two(*rows, {0: both("buy", 10)}, cash=300, path=path)
    assert [row[1] for row in liquidations(engine)] == gone


@pytest.mark.parametrize(
    ("path", "low", "joint"),
    [
        ("pessimistic", 75, 1),  # with the other at 100, 10.00 kept, it would take (1,000 - 290) / 9.9 = 71.7
        ("pessimistic", 71, 0),  # which comes as well
        ("ohlc", 71, 0),
    ],
)
def test_liquidations_that_only_the_worst_of_all_marks_at_once_caused_are_counted(path, low, joint):
    """One that a gap to its own level brings is none of them."""
    rows = [FLAT, FLAT, (low, 100, low, low)], [FLAT, FLAT, (100, 100, 95, 100)]
    engine = play_two(*rows, {0: both("buy", 10)}, cash=300, path=path)
    assert len(liquidations(engine)) >= 1
    assert engine.joint == joint


def test_the_pessimist_sells_what_follows_at_its_worse_extreme():
    """Ticks are 5. At 94 the other has lost 60.00 and keeps 9.40: (1,000 - 230.60) / 9.9 = 77.7, so at 75, but no less
    than what leaves 1,000 - 240 = 760.00. Then at 90 (94), no less than 1,000 - 60 = 940.00: nothing is left.
    """
    rows = [FLAT, FLAT, (100, 100, 75, 75)], [FLAT, FLAT, (100, 100, 94, 100)]
    coarse = replace(CROSS, price_step=5.0)
    engine = play_two(*rows, {0: both("buy", 10)}, cash=300, path="pessimistic", instrument=coarse)
    assert [row[1:] for row in liquidations(engine)] == [(0, 15, 10, 76_000, 0), (1, 18, 10, 94_000, 0)]
    assert engine.ledger.wallet == 0


def test_what_follows_without_a_candle_is_sold_at_its_last_close_without_costs():
    """The spread of 10 % takes 5 from 100 twice: both cost 1,050.00, the other has lost 50.00. (1,050 - 240) / 9.9 =
    81.818, less 4.09 is 77.72: 250.00 of loss are there, so 800.00. The other goes at 100, and takes the last 50.00.
    """
    rows = [columns(FLAT, FLAT, (100, 100, 60, 60)), columns(FLAT, FLAT)]
    fine, model = replace(CROSS, price_step=0.01), replace(PLAIN, spread=0.1)
    engine = Engine([fine, fine], rows, MINUTE, cash=300, model=model, on_step=script({0: both("buy", 10)}))
    engine.run()
    assert [row[1:] for row in liquidations(engine)] == [(0, 7772, 10, 80_000, 0), (1, 10_000, 10, 100_000, 0)]
    assert engine.ledger.wallet == 0
