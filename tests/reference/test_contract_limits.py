"""Sections 11 and 12 of the law: limits of a run and contracts, which have entries on both sides."""

import pytest

from .contract_scenario import FUTURE
from .limits import Limits
from .scenario import all_of, play
from .test_reference import FLAT, buy, sell


def answers(*acts, limits: Limits, short: int = 10) -> list:
    """What is answered to acts at the second close, after a short at 100 was opened at the first."""
    said = []
    later = all_of(*[lambda e, act=act: said.append(act(e)) for act in acts])
    play(FLAT, FLAT, at={0: sell(short), 1: later}, instrument=FUTURE, limits=limits)
    return said


def test_what_can_only_reduce_is_an_exit():
    """With a stop of 6 on its way, 4 more only close a short of 10, 5 do not; a sell is always an entry."""
    limits = Limits(max_order_cost=1_010.0)
    acts = (buy(6, stop=1000), buy(5, stop=1000), buy(4, stop=1000), sell(1, price=1_011))
    assert answers(*acts, limits=limits) == [1, "RISK_LIMIT", 3, "RISK_LIMIT"]


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (sell(5, price=100), 1),
        (sell(6, price=100), "RISK_LIMIT"),
        (sell(5), 1),  # held and counted at the close
        (buy(25, price=100), 1),  # a long of 15
        (buy(26, price=100), "RISK_LIMIT"),
        (buy(24), 1),  # at 101: 2,424.00
        (buy(25), "RISK_LIMIT"),
    ],
)
@pytest.mark.parametrize("name", ["max_position_cost", "max_exposure"])
def test_position_counts_with_what_orders_of_a_side_may_make_of_it(act, answer, name):
    """A short of 10 at 100 and a limit of 1,500.00."""
    assert answers(act, limits=Limits(**{name: 1_500.0})) == [answer]


def test_claims_of_the_other_side_do_not_add():
    """Buys of 25 lead to a long of 15; beside them sells of 5 to a short of 15."""
    acts = (buy(25, price=100), sell(5, price=100), sell(1, price=100))
    assert answers(*acts, limits=Limits(max_position_cost=1_500.0)) == [1, 2, "RISK_LIMIT"]


@pytest.mark.parametrize(
    ("amend", "answer"),
    [
        ({"amount": 6}, "RISK_LIMIT"),
        ({"price": 120}, "RISK_LIMIT"),
        ({"amount": 3}, 1),
        ({"price": 105}, 1),
    ],
)
def test_amends_of_entries_that_ask_for_no_more_pass(amend, answer):
    """A sell of 5 at 110, 550.00, made more or dearer than that."""
    first = sell(5, price=110)
    said = answers(first, lambda e: e.amend(1, **amend), limits=Limits(max_order_cost=550.0), short=5)
    assert said == [1, answer]


def test_a_lost_day_cancels_what_lets_a_position_grow():
    """A short of 10 that lost 40.00 at 104: its sell is cancelled, all its buys stay."""
    acts = {0: sell(10), 1: all_of(sell(1, price=120), buy(10, stop=108), buy(1, price=50))}
    rows = FLAT, FLAT, FLAT, (100, 104, 100, 104), FLAT
    engine = play(*rows, at=acts, instrument=FUTURE, limits=Limits(daily_loss=30.0))
    assert [o.status for o in engine.orders] == ["FILLED", "CANCELLED", "OPEN", "OPEN"]


def test_a_lost_day_cancels_all_where_there_is_no_position():
    """One of 10 lost 50.00 and is gone."""
    acts = {0: buy(10), 1: all_of(lambda e: e.close(0), buy(1, price=50), sell(1, price=200))}
    engine = play(FLAT, FLAT, (95, 95, 95, 95), FLAT, at=acts, instrument=FUTURE, limits=Limits(daily_loss=30.0))
    assert [o.status for o in engine.orders] == ["FILLED", "FILLED", "CANCELLED", "CANCELLED"]
