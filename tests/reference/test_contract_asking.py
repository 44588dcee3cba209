"""Section 12 of the law: what is asked of a contract, and its leverage, each promise small enough to check by hand."""

from dataclasses import replace

import pytest

from .contract_scenario import FUTURE, TWO_TIERS, WITH_FEES, contract, flat, free_into
from .scenario import COIN, all_of, fills, outcome, play
from .test_reference import FLAT, buy, sell

# Asking.


@pytest.mark.parametrize(
    ("ordered", "reason"),
    [
        (buy(99), 0),  # 99 * 101 = 9,999.00, at 10x 999.90
        (buy(100), "INSUFFICIENT_FUNDS"),
        (sell(100), 0),
        (sell(101), "INSUFFICIENT_FUNDS"),
        (buy(100, price=100), 0),
        (sell(100, price=101), "INSUFFICIENT_FUNDS"),
        (sell(fraction=1.0), 0),
        (buy(0.5), "BELOW_MIN_AMOUNT"),
    ],
)
def test_an_order_needs_its_margin(ordered, reason):
    """1,000.00 are there."""
    said = []
    play(FLAT, at={0: lambda engine: said.append(ordered(engine))}, instrument=FUTURE, cash=1000)
    assert said == [reason]


def test_an_order_that_can_only_reduce_needs_nothing():
    """The long of 99 took 990.00 of 1,000.00, 10.00 are free. Together with the sell of 60, 39 are covered, 40 are not:
    |9,900 - 600,000| ask far more than there is.
    """
    said = []
    acts = all_of(*[lambda e, n=n: said.append(e.sell(0, n, price=6000)) for n in (60, 40, 39, 1)])
    play(FLAT, FLAT, at={0: buy(99), 1: acts}, instrument=FUTURE, cash=1000)
    assert said == [1, "INSUFFICIENT_FUNDS", 3, "INSUFFICIENT_FUNDS"]


@pytest.mark.parametrize(
    ("ordered", "reason"),
    [(buy(6, price=100), 1), (buy(7, price=100), "MAX_POSITION"), (sell(4), 1), (sell(5), "MAX_POSITION")],
)
def test_position_and_orders_stay_within_what_the_leverage_allows(ordered, reason):
    """At 30x that is 500.00. A short of 1 is there at 100: buys of 6 lead to 500.00, of 7 to 600.00; sells of 4 too."""
    said = []
    play(FLAT, FLAT, at={0: sell(1), 1: lambda engine: said.append(ordered(engine))}, instrument=TWO_TIERS)
    assert said == [reason]


def test_leverage_that_no_tier_allows_allows_nothing():
    """51x with a tier of at most 50x."""
    engine = play(FLAT, at={0: buy(1)}, instrument=replace(FUTURE, leverage=51))
    assert outcome(engine) == ("REJECTED", "MAX_POSITION")


@pytest.mark.parametrize(
    ("ordered", "amount"),
    [
        (buy(cost=1000), 10),
        (sell(cost=1000, price=125), 8),
        (buy(fraction=0.5), 49),  # of 500.00 at 10x: 49 * 101 = 4,949
        (sell(fraction=0.5), 50),
        (buy(fraction=1.0, price=80), 125),
        (buy(risk=0.1, stop_loss=90), 10),  # 100 / (100 - 90)
        (sell(risk=0.1, stop_loss=110), 10),
        (sell(risk=0.1, stop_loss=110, price=106), 25),
    ],
)
def test_sizes(ordered, amount):
    """Of 1,000.00 at 10x and a close of 100."""
    engine = play(FLAT, at={0: ordered}, instrument=FUTURE, cash=1000)
    assert (engine.orders[0].amount, engine.orders[0].status) == (amount, "PENDING")


def test_fraction_of_free_leaves_the_fee():
    """At 100 and 10x one asks 10.00 and 0.20: of 1,000.00, 98."""
    engine = play(FLAT, at={0: sell(fraction=1.0)}, instrument=WITH_FEES, cash=1000)
    assert engine.orders[0].amount == 98


def test_risk_of_a_short_takes_its_fees():
    """In at 99.80, out at 110.22, 0.2 % each time: 10.42 are lost on one; a tenth of 10,420.00 are 100."""
    engine = play(FLAT, at={0: sell(risk=0.1, stop_loss=110)}, instrument=WITH_FEES, cash=10_420)
    assert engine.orders[0].amount == 100
    said = []
    play(FLAT, at={0: lambda e: said.append(e.sell(0, risk=0.1, stop_loss=99))}, instrument=WITH_FEES)
    assert said == ["INVALID_PRICE"]
    assert outcome(play(FLAT, at={0: sell(risk=0.1, stop_loss=110)})) == ("REJECTED", "INVALID_ORDER")


def test_fraction_against_the_position_is_a_part_of_it():
    """Half of a short of 10 is bought back, and so does close; on its own side a fraction is one of what is free."""
    acts = all_of(buy(fraction=0.5), lambda e: e.close(0, 0.3), sell(fraction=0.1))
    engine = play(FLAT, FLAT, at={0: sell(10), 1: acts}, instrument=FUTURE)
    assert [(o.side, o.amount) for o in engine.orders[1:]] == [("buy", 5), ("buy", 3), ("sell", 99)]


@pytest.mark.parametrize(
    ("weight", "order"),
    [
        (2.0, ("buy", 20)),
        (-2.0, ("sell", 20)),
        (15.0, ("buy", 99)),  # 150, but 99 * 101 = 9,999 at 10x is what 1,000.00 are enough for
        (-15.0, ("sell", 100)),
    ],
)
def test_target_from_nothing(weight, order):
    """A share of 1,000.00 at 100, above 1 and below 0."""
    engine = play(FLAT, at={0: lambda e: e.target(0, weight)}, instrument=FUTURE, cash=1000)
    assert [(o.side, o.amount) for o in engine.orders] == [order]


@pytest.mark.parametrize(
    ("weight", "order"),
    [
        (-1.0, ("sell", 30)),
        (2.0, None),
        (0.0, ("sell", 20)),
        (0.5, ("sell", 15)),
        (3.0, ("buy", 10)),
        (-12.0, ("sell", 100)),  # 140, but 20 and 80, for which 800.00 are free
    ],
)
def test_target_from_a_long(weight, order):
    """2 of 1,000.00 in a long of 20."""
    engine = play(FLAT, FLAT, at={0: buy(20), 1: lambda e: e.target(0, weight)}, instrument=FUTURE, cash=1000)
    assert [(o.side, o.amount) for o in engine.orders[1:]] == ([order] if order else [])


def test_target_counts_orders_on_their_way_with_their_signs():
    """-1 is asked for twice, then 1: 20 are to be bought."""
    acts = all_of(*[lambda e, w=w: e.target(0, w) for w in (-1.0, -1.0, 1.0)])
    engine = play(FLAT, at={0: acts}, instrument=FUTURE, cash=1000)
    assert [(o.side, o.amount) for o in engine.orders] == [("sell", 10), ("buy", 20)]


# Amends.


def test_an_amend_takes_the_place_of_the_old_terms():
    """Of 1,000.00, 90 at 100 hold 900.00. 100 at 100 can be held, 101 cannot; what asks no more always can."""
    said = []
    acts = all_of(
        lambda e: said.append(e.amend(0, amount=101)),
        lambda e: said.append(e.amend(0, amount=100)),
    )
    engine = play(flat(101), flat(101), flat(101), at={0: buy(90, price=100), 1: acts}, instrument=FUTURE, cash=1000)
    assert said == ["INSUFFICIENT_FUNDS", 0]
    assert (engine.orders[0].amount, engine.orders[0].reserved) == (100, 1_000_000)


def short_of_margin(*acts):
    """A cross account of 1,000.00 with a long of 50 at 100 and a buy of 45 at 90, once its mark is at 97: 150.00 are
    lost, 4,850 + 4,050 ask 890.00: 40.00 are missing.
    """
    cross, free = replace(FUTURE, margin_mode="cross"), []
    steps = {0: buy(50), 1: buy(45, price=90), 2: all_of(free_into(free), *acts)}
    engine = play(FLAT, FLAT, (100, 100, 97, 97), flat(97), at=steps, instrument=cross, cash=1000)
    assert free == [-4_000]
    return engine


def test_an_amend_that_asks_for_no_more_needs_nothing():
    """44 instead of 45 ask 9.00 less, 46 more."""
    said = []
    amends = [lambda e, n=n: said.append(e.amend(1, amount=n)) for n in (46, 44)]
    engine = short_of_margin(*amends)
    assert (said, engine.orders[1].amount) == (["INSUFFICIENT_FUNDS", 1], 44)


def test_a_close_passes_where_margin_is_missing_and_nothing_else_does():
    """Both ways, when asked and when it arrives."""
    engine = short_of_margin(buy(1), lambda e: e.close(0, 0.5))
    assert [outcome(engine, id) for id in (2, 3)] == [("REJECTED", "INSUFFICIENT_FUNDS"), ("FILLED", "")]


# The venue.


def test_an_order_on_its_way_is_judged_again_when_it_arrives():
    """100.00 are enough for a long of 5, its close and a buy of 5 at 80, 90.00. It closes at 85, 75.00 down: of 25.00
    the buy cannot have 40.00.
    """
    acts = {0: buy(5), 1: all_of(lambda e: e.close(0), buy(5, price=80))}
    engine = play(FLAT, FLAT, flat(85), at=acts, instrument=replace(FUTURE, margin_mode="cross"), cash=100)
    assert [outcome(engine, id) for id in (1, 2)] == [("FILLED", ""), ("REJECTED", "INSUFFICIENT_FUNDS")]


@pytest.mark.parametrize(("open_", "outcomes"), [(111, ("FILLED", "")), (112, ("REJECTED", "INSUFFICIENT_FUNDS"))])
def test_a_taker_needs_the_margin_of_what_it_opens(open_, outcomes):
    """9 hold 909.00, at 10x 90.90, and 9.10 are free: 9 at 111 ask 99.90, at 112 100.80."""
    engine = play(FLAT, flat(open_), at={0: buy(9)}, instrument=FUTURE, cash=100)
    assert outcome(engine) == outcomes


def test_what_closes_needs_no_margin():
    """All is lost but 10.00, and the rest of the loss goes off the wallet: 9 of 100 bought at 100 are sold at 99."""
    engine = play(FLAT, FLAT, flat(99), at={0: buy(9), 1: sell(9)}, instrument=FUTURE, cash=91)
    assert fills(engine) == [(1, 0, 100, 9, "taker"), (2, 1, 99, 9, "taker")]
    assert engine.ledger.wallet == 9_100 - 900


# Leverage.


def set_leverage_into(said: list, leverage: float):
    """Notes the answer."""
    return lambda engine: said.append(engine.set_leverage(0, leverage))


def test_leverage_changes_what_comes_after():
    """10 at 100 keep 100.00 at 10x, and no less at 20x; 10 more keep 50.00."""
    said = []
    acts = {0: buy(10), 1: all_of(set_leverage_into(said, 20), buy(10))}
    engine = play(FLAT, FLAT, FLAT, at=acts, instrument=FUTURE)
    assert (said, contract(engine).kept) == ([None], 15_000)


@pytest.mark.parametrize(
    ("before", "leverage", "answer"),
    [
        (buy(5), 5, "INSUFFICIENT_FUNDS"),  # an isolated position
        (buy(5), 10, None),
        (buy(5), 20, None),
        (buy(6), 21, "MAX_POSITION"),  # more than 500.00 only up to 20x
        (buy(5), 21, None),
        (buy(8, price=90), 7.2, None),  # 720.00 ask 100.00
        (buy(8, price=90), 7.19, "INSUFFICIENT_FUNDS"),
        (buy(8, price=90), 60, None),  # nothing is held
    ],
)
def test_leverage_that_is_refused(before, leverage, answer):
    """100.00 are there, and up to 500.00 at 50x, beyond that at 20x."""
    said = []
    two = replace(TWO_TIERS, leverage=10)
    acts = {0: before, 1: set_leverage_into(said, leverage)}
    engine = play(FLAT, FLAT, at=acts, instrument=two, cash=100)
    assert said == [answer]
    assert contract(engine).leverage == (1000 if answer else round(leverage * 100))


def test_leverage_may_go_where_more_is_free_than_before():
    """At 10.1x 881.19 are asked, 31.19 are still missing; 9.9x would miss more."""
    said = []
    short_of_margin(set_leverage_into(said, 9.9), set_leverage_into(said, 10.1))
    assert said == ["INSUFFICIENT_FUNDS", None]


def test_leverage_is_that_of_a_contract_and_one_or_more():
    """All else is an error of the strategy."""
    for instrument, leverage in ((COIN, 5), (FUTURE, 0.99), (FUTURE, float("inf"))):
        with pytest.raises(ValueError, match="leverage"):
            play(FLAT, at={0: set_leverage_into([], leverage)}, instrument=instrument)


def test_a_group_of_a_contract_counts_once():
    """Two buys of 10, at 90 and at 80 at 10x, ask margin for 900 and not for 1,700: of 1,000 there are 910 left."""
    free = []
    acts = all_of(buy(10, price=90), buy(10, price=80, oco=0), free_into(free))
    engine = play(FLAT, at={0: acts}, instrument=FUTURE, cash=1000)
    assert free == [91_000]
    assert [order.reserved for order in engine.orders] == [90_000, 80_000]


@pytest.mark.parametrize(
    ("money", "said", "kept"),
    [
        (50.0, None, 150.0),  # 1,000 wallet, 100 kept: 900 free
        (900.0, None, 1_000.0),
        (900.01, "INSUFFICIENT_FUNDS", 100.0),
        (-0.01, "INSUFFICIENT_FUNDS", 100.0),  # all of it is asked for 1,000 at 10x
    ],
)
def test_margin_is_added_from_what_is_free_and_taken_back_as_far_as_none_is_asked_for(money, said, kept):
    """A long of 10 at 100 and 10x, without fees, at a mark of 100: margin 1,000 / 10 = 100."""
    answers = []
    acts = {0: buy(10), 1: lambda engine: answers.append(engine.add_margin(0, money))}
    engine = play(FLAT, FLAT, at=acts, instrument=FUTURE, cash=1000)
    assert answers == [said]
    assert contract(engine).kept == round(kept * 100)


def test_margin_that_was_added_may_be_taken_back_but_for_what_the_position_has_lost():
    """150 kept, the mark 2 down: 20 lost, 98 asked for 980; 150 - n - 20 >= 98 lets n be 32."""
    answers = []
    acts = {0: buy(10), 1: lambda engine: engine.add_margin(0, 50.0)}
    acts[2] = lambda engine: answers.extend([engine.add_margin(0, -32.01), engine.add_margin(0, -32.0)])
    engine = play(FLAT, FLAT, flat(98), flat(98), at=acts, instrument=FUTURE, cash=1000)
    assert answers == ["INSUFFICIENT_FUNDS", None]
    assert contract(engine).kept == 118_00
