"""Section 22 of the law: a long and a short of one contract side by side, each row worked by hand.

One tick is 1, one step is 1, money counts in cents. At 10x 10 at 100 keep 100.00; 1 % of its worth must be left.
"""

from dataclasses import replace

import pytest

from .contract_scenario import FINE, FUTURE, contract, flat, liquidations
from .engine import Engine
from .model import CONTRACT, Instrument
from .scenario import MINUTE, PLAIN, all_of, columns, outcome, script
from .test_reference import FLAT

WHOLE, LONG, SHORT = 0, 1, 2
"""The contract and its twins."""


def play_twins(*rows, at: dict, one: Instrument = FUTURE, cash: float = 10_000, funding=(), **model) -> Engine:
    """A contract in hedge mode."""
    twins = [
        replace(one, hedge=CONTRACT, twin=LONG),
        replace(one, hedge=1, twin=SHORT, owner=WHOLE, share=0.5),
        replace(one, hedge=-1, twin=LONG, owner=WHOLE, share=0.5),
    ]
    markets = [columns(*rows) for _ in twins]
    paid = [list(funding) for _ in twins]
    assumed = replace(PLAIN, **model)
    engine = Engine(twins, markets, MINUTE, cash=cash, model=assumed, on_step=script(at), funding=paid)
    engine.run()
    return engine


def both(long: int, short: int):
    """Opens both twins."""
    return all_of(lambda e: e.buy(LONG, long), lambda e: e.sell(SHORT, short))


def test_a_long_and_a_short_are_held_side_by_side():
    """10 long and 4 short from 100: at 105 the one has won 50.00, the other lost 20.00. Each has its own margin."""
    engine = play_twins(FLAT, FLAT, flat(105), at={0: both(10, 4)})
    assert engine.base_units == [0, 10, -4]
    assert [contract(engine, k).kept for k in (WHOLE, LONG, SHORT)] == [0, 10_000, 4_000]
    assert [contract(engine, k).gain(105.0) for k in (LONG, SHORT)] == [5_000, -2_000]
    assert engine.position(WHOLE) == 6.0
    assert engine.equity() == 10_030.0


def test_closing_one_twin_leaves_the_other():
    """50.00 are realised."""
    engine = play_twins(FLAT, FLAT, flat(105), flat(105), at={0: both(10, 4), 1: lambda e: e.close(LONG)})
    assert engine.base_units == [0, 0, -4]
    assert engine.ledger.wallet == 1_005_000


@pytest.mark.parametrize(
    "ask",
    [
        lambda e: e.buy(WHOLE, 1),
        lambda e: e.sell(WHOLE, 1, price=120),
        lambda e: e.target(WHOLE, 0.5),
        lambda e: e.close(WHOLE),
        lambda e: e.set_leverage(WHOLE, 5),
        lambda e: e.add_margin(WHOLE, 10.0),
    ],
)
def test_nothing_is_asked_of_the_contract_itself(ask):
    """It has no side."""
    answers = []
    engine = play_twins(FLAT, FLAT, FLAT, at={0: both(1, 1), 1: lambda e: answers.append(ask(e))})
    assert answers == ["POSITION_SIDE"]
    assert engine.base_units == [0, 1, -1]


def test_orders_of_the_twins_are_cancelled_by_the_contract():
    """All of them, the long twin's first."""
    at = {0: all_of(lambda e: e.sell(SHORT, 1, price=120), lambda e: e.buy(LONG, 1, price=80))}
    engine = play_twins(FLAT, FLAT, FLAT, at={**at, 1: lambda e: e.cancel_all(WHOLE)})
    assert [id for _, kind, id in engine.events if kind == "CANCELLED"] == [1, 0]


@pytest.mark.parametrize(("side", "twin"), [("sell", LONG), ("buy", SHORT)])
def test_an_order_against_its_side_never_turns_a_twin(side, twin):
    """15 of 10 are cut to 10; without any it is refused."""
    at = {0: both(10, 10), 1: lambda e: getattr(e, side)(twin, 15), 2: lambda e: getattr(e, side)(twin, 1)}
    engine = play_twins(FLAT, FLAT, FLAT, FLAT, at=at)
    assert (engine.fills[-1].amount, engine.base_units[twin]) == (10, 0)
    assert outcome(engine, 3) == ("REJECTED", "REDUCE_ONLY_WOULD_INCREASE")


def test_twins_share_the_volume():
    """Of 10 each has 5."""
    engine = play_twins((*FLAT, 10), (*FLAT, 10), at={0: both(8, 8)}, participation=1.0)
    assert [(fill.instrument, fill.amount) for fill in engine.fills] == [(LONG, 5), (SHORT, 5)]


def test_the_long_pays_and_the_short_receives():
    """0.1 % of 1,000, and of 400."""
    engine = play_twins(FLAT, FLAT, FLAT, at={0: both(10, 4)}, funding=[(2 * MINUTE, 0.001)])
    assert engine.ledger.fundings == [(2 * MINUTE, LONG, 100), (2 * MINUTE, SHORT, -40)]


def test_an_isolated_twin_ends_alone():
    """The long at 90.909, as if there were no short, whose order stays."""
    at = {0: both(10, 10), 1: lambda e: e.sell(SHORT, 1, price=120)}
    engine = play_twins(FLAT, FLAT, FLAT, (100, 100, 89, 89), at=at, one=FINE)
    assert [row[1:4] for row in liquidations(engine)] == [(LONG, 9090, 10)]
    assert engine.base_units == [0, 0, -10]
    assert outcome(engine, 2) == ("OPEN", "")


def test_a_hedged_cross_account_has_no_price_below():
    """10 long and 10 short: what one loses the other wins. At 1 both keep 0.10 each of 100.00."""
    cross = replace(FINE, margin_mode="cross", leverage=50)
    engine = play_twins(FLAT, FLAT, (100, 100, 1, 1), at={0: both(10, 10)}, one=cross, cash=100, path="pessimistic")
    assert liquidations(engine) == []


def test_a_hedged_cross_account_ends_above_by_what_it_must_keep():
    """10 and 10 keep 0.2 of the price: 100.00 at 500. The short goes first, at 500: it has lost 4,000.00, the long won
    as much. Then 50.00 are kept of 100.00, and the long stays.
    """
    cross = replace(FUTURE, margin_mode="cross", leverage=50)
    engine = play_twins(FLAT, FLAT, (100, 600, 100, 600), at={0: both(10, 10)}, one=cross, cash=100, path="olhc")
    assert [row[1:4] for row in liquidations(engine)] == [(SHORT, 500, 10)]
    assert engine.base_units == [0, 10, 0]
    assert engine.ledger.wallet == 10_000 - 400_000


def test_what_is_more_decides_where_a_cross_account_ends():
    """20 long and 10 short from 100, 200.00: at p 10 * (p - 100) + 200 is 0.3 * p where p is 800 / 9.7 = 82.47.

    All of the long is in one tier: 20 at 82.47 lose 350.60. 24.70 are left with what the short has won, 175.30, and it
    keeps 8.25: it stays.
    """
    cross = replace(FINE, margin_mode="cross", leverage=50, liquidation_fee=0.0)
    engine = play_twins(FLAT, FLAT, (100, 100, 80, 80), at={0: both(20, 10)}, one=cross, cash=200)
    assert [row[1:4] for row in liquidations(engine)] == [(LONG, 8247, 20)]
    assert engine.ledger.wallet == 20_000 - 35_060
    assert engine.base_units == [0, 0, -10]


def test_the_other_twin_follows_from_the_same_price_when_that_is_not_enough():
    """Ticks are 5, and the mark is 82.474: 20 would go at 80, but at no less than 2,000 - 375.25, which are there with
    the 175.25 that the short has won. Nothing is left for it to keep 8.25, so it is bought back at 85, and wins 150.00:
    25.25 less than it had won at the mark, which the account then owes.
    """
    cross = replace(FUTURE, price_step=5.0, margin_mode="cross", leverage=50)
    engine = play_twins(FLAT, FLAT, (100, 100, 80, 80), at={0: both(20, 10)}, one=cross, cash=200)
    assert [row[1:5] for row in liquidations(engine)] == [(LONG, 16, 20, 162_475), (SHORT, 17, 10, 85_000)]
    assert engine.ledger.wallet == -2_525


@pytest.mark.parametrize(("long", "short"), [(2, 1), (1, 2)])
def test_both_twins_walk_the_path_on_which_they_end_with_less_together(long, short):
    """Up first, a long wins 6 at its take and a short loses 5 at its stop; down first it is the other way round. Each
    alone would lose 5 times its size; together the larger one loses, and the other one wins: -10 + 6.
    """
    exits = all_of(
        lambda e: e.sell(LONG, long, stop=95),
        lambda e: e.sell(LONG, long, price=106),
        lambda e: e.buy(SHORT, short, stop=105),
        lambda e: e.buy(SHORT, short, price=94),
    )
    rows = FLAT, FLAT, FLAT, (100, 107, 93, 100)
    engine = play_twins(*rows, at={0: both(long, short), 1: exits}, path="pessimistic")
    assert engine.base_units == [0, 0, 0]
    assert engine.ledger.wallet == 1_000_000 - 400
